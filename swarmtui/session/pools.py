"""Which pool an attempt belongs to and how much may run at once: one answer for scheduler and views.

A pool is everything that shares one limit: an account's model (two names that mean the same model at the same address
with the same key are one pool), a named pool, or the commands, merges and questions of the session.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

from swarmtui.plan.model import AgentSpec, MergeSpec, ModelRef, Node, PlanSpec, PromptSpec
from swarmtui.plan.team import PROGRAMS, AgentDef, Team

if TYPE_CHECKING:
    from swarmtui.session.state import SessionState

COMMANDS = "commands"
MERGES = "merges"
QUESTIONS = "questions"

MODEL_LIMIT = 8
SIMULATED_LIMIT = 16
PROGRAM_LIMIT = 4
"""Of a program that is an agent, and has its own ideas of how fast it may go."""
UNLIMITED = 1_000_000
NOBODY = Team()


def name_pools(models: Mapping[str, ModelRef]) -> dict[str, str]:
    """Name of a model in the session -> its pool, ``provider/model`` as a rule.

    Names of one account's model share a pool; two accounts whose models are called alike do not: the later one's pool
    has a number behind it, ``custom/llama#2``.
    """
    pools: dict[tuple[str, str | None, str], str] = {}
    taken: set[str] = set()
    named: dict[str, str] = {}
    for name, ref in models.items():
        account = ((ref.base_url or ref.provider).rstrip("/"), ref.api_key_env, ref.model)
        if account not in pools:
            pool, number = ref.name, 1
            while pool in taken:
                number += 1
                pool = f"{ref.name}#{number}"
            taken.add(pool)
            pools[account] = pool
        named[name] = pools[account]
    return named


def agent_of(team: Team, node: Node) -> AgentDef | None:
    """Who carries an agent node out; None for a program that is known by name alone, and for other nodes."""
    spec = node.spec
    if not isinstance(spec, AgentSpec):
        return None
    return spec.own if spec.own is not None else team.agents.get(spec.agent)


def program_named(team: Team, node: Node) -> str | None:
    """The program that is the agent of a node; None where a model is."""
    if not isinstance(node.spec, AgentSpec):
        return None
    agent = agent_of(team, node)
    if agent is None:
        named = node.spec.agent
        return named if named.removesuffix("-acp") in PROGRAMS else None
    return agent.program or (PurePath(agent.command[0]).name or None if agent.command else None)


def team_of(state: SessionState) -> Team:
    """Who may work in the session's plan."""
    return NOBODY if state.plan is None else state.plan.team


def program_of(state: SessionState, node: Node) -> str | None:
    """As :func:`program_named`, by the session's own team."""
    return program_named(team_of(state), node) if isinstance(node.spec, AgentSpec) else None


def changes_world(state: SessionState, node: Node) -> bool:
    """Whether an attempt caught by a crash must be held for the user: also if a program is its agent. An agent that is
    a model does nothing that is not recorded, and goes on where it was."""
    if node.side_effects is None and program_of(state, node) is not None:
        return not node.retry_safe
    return node.changes_world


def model_name(node: Node, tries: int = 0, team: Team = NOBODY) -> str | None:
    """The tier or model that answers for `node` after `tries` that counted and failed; None if it needs none.

    With :attr:`Retry.models` the first of them takes over from the first retry on, and so forth; the last one stays.
    """
    name = _first_model(node, team)
    if name is None or tries < 1 or not node.retry.models:
        return name
    return node.retry.models[min(tries, len(node.retry.models)) - 1]


def _first_model(node: Node, team: Team) -> str | None:
    match node.spec:
        case PromptSpec(model=name) | PlanSpec(model=name):
            return name
        case MergeSpec(summary=summary):
            return summary
        case AgentSpec(model=name):
            agent = agent_of(team, node)
            if program_named(team, node) is not None:
                return None
            return name or (None if agent is None else agent.model)
        case _:
            return None


def model_of(state: SessionState, node: Node, tries: int = 0) -> ModelRef | None:
    """The model that answers for `node` after `tries` failures; None if it needs none or the session knows none by
    that name (which is an error for whoever needs one, never a reason to take another)."""
    name = model_name(node, tries, team_of(state))
    return None if name is None else state.models.get(name)


def pool_of(state: SessionState, node: Node, tries: int = 0) -> str:
    """The pool whose limit an attempt at `node` counts against, after `tries` that counted and failed."""
    kind = node.spec.kind
    if kind == "ask":
        return QUESTIONS
    if node.pool is not None:
        return node.pool
    if kind == "merge":
        return MERGES
    name = model_name(node, tries, team_of(state))
    if name is None:
        return program_of(state, node) or COMMANDS
    return state.model_pools.get(name, name)


def provider_of(state: SessionState, node: Node, tries: int = 0) -> str | None:
    """The model pool on whose provider an attempt at `node` depends, whatever named pool it is in besides.

    A report waits for it too if a model writes its summary, but for the stand-in, which writes none.
    """
    name = model_name(node, tries, team_of(state))
    if name is None:
        return None
    ref = state.models.get(name)
    if isinstance(node.spec, MergeSpec) and (ref is None or ref.simulated):
        return None
    return state.model_pools.get(name, name)


def pools_of(state: SessionState, node: Node) -> set[str]:
    """Every pool that attempts at `node` may come to use, those of its replacements included."""
    return {pool_of(state, node, tries) for tries in range(len(node.retry.models) + 1)}


def is_simulated(state: SessionState, pool: str) -> bool:
    """Whether what answers in a model pool is the built-in stand-in."""
    return any(state.model_pools.get(name) == pool and ref.simulated for name, ref in state.models.items())


def pool_limit(state: SessionState, pool: str, *, paced: bool = False) -> int:
    """How many attempts of `pool` may run at once: the user's figure for it, for all, else a cautious default.

    A `paced` pool has no default of ours: its pacer knows better. Views are told what that last allowed.
    """
    if pool == QUESTIONS:
        return UNLIMITED  # a question occupies nobody but the user
    limits = state.limits
    if pool in limits.pools:
        return limits.pools[pool]
    if limits.pools:  # the user may know the pool by another of its names
        known = [limits.pools[ref.name] for ref in _refs(state, pool) if ref.name in limits.pools]
        if known:
            return min(known)
    return _default(state, pool, paced) if limits.concurrency is None else limits.concurrency


def _default(state: SessionState, pool: str, paced: bool) -> int:
    if pool in (COMMANDS, MERGES):
        return max(2, state.cpus)
    if pool in state.programs:
        return PROGRAM_LIMIT
    if is_simulated(state, pool):
        return SIMULATED_LIMIT
    if paced:
        return UNLIMITED
    told = state.paced.get(pool)
    return MODEL_LIMIT if told is None else max(1, int(told.window))


def _refs(state: SessionState, pool: str) -> list[ModelRef]:
    """The models of a pool, but for those whose name is that of another pool."""
    pools = set(state.model_pools.values())
    named = [ref for name, ref in state.models.items() if state.model_pools.get(name) == pool]
    return [ref for ref in named if ref.name not in pools]


def total_limit(state: SessionState) -> int:
    """How many attempts may run at once over all pools that the plan uses, questions left out."""
    if state.limits.concurrency is not None:
        return state.limits.concurrency
    return sum(pool_limit(state, pool) for pool in state.pools_used if pool != QUESTIONS)


def in_flight(state: SessionState) -> int:
    """Attempts running now, questions left out."""
    return state.in_flight
