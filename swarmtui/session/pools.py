"""Which pool an attempt belongs to and how much may run at once: one answer for scheduler and views."""

from __future__ import annotations

from swarmtui.plan.model import MergeSpec, ModelRef, Node, PromptSpec
from swarmtui.session.state import SessionState

COMMANDS = "commands"
MERGES = "merges"
QUESTIONS = "questions"

MODEL_LIMIT = 8
SIMULATED_LIMIT = 16


def model_of(state: SessionState, node: Node) -> ModelRef | None:
    """The model that answers for `node`; None if it needs none or the session knows none by that name."""
    spec = node.spec
    name = spec.model if isinstance(spec, PromptSpec) else spec.summary if isinstance(spec, MergeSpec) else None
    return None if name is None else state.models.get(name)


def pool_of(state: SessionState, node: Node) -> str:
    """The pool whose limit an attempt at `node` counts against."""
    if node.pool is not None:
        return node.pool
    if node.kind == "ask":
        return QUESTIONS
    if node.kind == "merge":
        return MERGES
    ref = model_of(state, node)
    return COMMANDS if ref is None else ref.name


def pool_limit(state: SessionState, pool: str) -> int:
    """How many attempts of `pool` may run at once: the user's figure for it, for all, else a cautious default."""
    if pool == QUESTIONS:
        return 1_000_000  # a question occupies nobody but the user
    if pool in state.limits.pools:
        return state.limits.pools[pool]
    if state.limits.concurrency is not None:
        return state.limits.concurrency
    if pool in (COMMANDS, MERGES):
        return max(2, state.cpus)
    if any(ref.name == pool and ref.simulated for ref in state.models.values()):
        return SIMULATED_LIMIT
    return MODEL_LIMIT


def total_limit(state: SessionState) -> int:
    """How many attempts may run at once over all pools that the plan uses, questions left out."""
    if state.limits.concurrency is not None:
        return state.limits.concurrency
    return sum(pool_limit(state, pool) for pool in state.pools_used if pool != QUESTIONS)


def in_flight(state: SessionState) -> int:
    """Attempts running now, questions left out."""
    return sum(node.running for node in state.nodes.values() if node.running and node.pool != QUESTIONS)
