"""Figures about a session, from its state alone: for listings, ``show`` and reports."""

from __future__ import annotations

from swarmtui.plan.model import JSON
from swarmtui.safety.text import one_line
from swarmtui.session.caught import caught
from swarmtui.session.events import PoolPaced
from swarmtui.session.metrics import cost_usd, metrics
from swarmtui.session.progress import progress_json, tries_told
from swarmtui.session.state import NodeState, Pending, SessionState
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import State, Status


def counts(state: SessionState) -> dict[str, int]:
    """Nodes per state, states without nodes left out."""
    return {kind.value: state.counts[kind] for kind in State if state.counts.get(kind)}


def needs_you(state: SessionState) -> int:
    """How many things only a person can decide: approvals, questions, nodes that a crash caught, or items of them."""
    return len(state.pending) + sum(1 for _ in caught(state))


def _items(state: SessionState) -> dict[str, JSON] | None:
    """How many items of all maps are done, of how many; None where there is no map yet."""
    maps = [node.items for node in state.nodes.values() if node.items is not None]
    return {"done": sum(items.done for items in maps), "total": sum(items.total for items in maps)} if maps else None


def summary(state: SessionState) -> dict[str, JSON]:
    """What ``ls`` shows; kept in the file's meta table, so that listing folds nothing."""
    return {
        "id": state.id,
        "title": state.title or state.goal,
        "status": state.status.value,
        "reason": state.reason,
        "started": state.created_ts,
        "ended": state.ended_ts,
        "counts": counts(state),
        "items": _items(state),
        "cost_usd": cost_usd(state.spent),
        "simulated": state.simulated,
        "needs_you": needs_you(state),
        "host": None,
        "parent": _parent(state),
        "last_failure": _last_failure(state),
        "head_seq": state.seq,
    }


def _last_failure(state: SessionState) -> dict[str, JSON] | None:
    """Of the nodes that have failed, the one that did so last, and with what error."""
    if not state.counts.get(State.FAILED):
        return None
    failed = [node for node in state.nodes.values() if node.state is State.FAILED]
    last = max(failed, key=lambda node: node.ended_ts or 0.0)
    return {"node": last.id, "error": one_line(last.error.message, 300) if last.error else ""}


def show(state: SessionState, status: Status | None = None) -> dict[str, JSON]:
    """What ``show --json`` prints; `status` overrides the recorded one (a crash is seen, never recorded)."""
    return {
        "id": state.id,
        "status": (status or state.status).value,
        "reason": state.reason,
        "goal": state.goal,
        "title": state.title,
        "plan_rev": state.plan_rev,
        "head_seq": state.seq,
        "state_hash": state_hash(state),
        "counts": counts(state),
        "metrics": metrics(state),
        "report_path": state.report_path,
        "parent": _parent(state),
        "simulated": state.simulated,
        "models": {tier: ref.name for tier, ref in state.models.items()},
        "pools": [_pool(paced) for paced in state.paced.values()],
        "waits": [_waiting(pending) for pending in sorted(state.pending.values(), key=lambda one: one.since_ts)],
        "nodes": [_node(state, node) for node in state.nodes.values()],
    }


def _parent(state: SessionState) -> dict[str, JSON] | None:
    return None if state.parent is None else {"id": state.parent.id, "seq": state.parent.seq}


def _waiting(pending: Pending) -> dict[str, JSON]:
    """What waits for a person."""
    return {
        "id": pending.id,
        "kind": pending.kind,
        "since": pending.since_ts,
        "node": pending.node,
        "item": pending.item,
        "question": pending.question,
        "choices": list(pending.choices),
        "agent": pending.agent or None,
        "tool": pending.tool or None,
        "detail": pending.detail or None,
    }


def _pool(paced: PoolPaced) -> dict[str, JSON]:
    """What the pacer of a provider's pool was last told to allow, and what holds it there."""
    return {
        "pool": paced.pool,
        "window": paced.window,
        "rate_per_min": paced.rate_per_min,
        "binding": paced.binding,
        "refused": paced.refused,
        "why": paced.why,
        "shared_with": paced.others,
    }


def _node(state: SessionState, node: NodeState) -> dict[str, JSON]:
    plan_node = state.plan_nodes[node.id]
    items = node.items
    return {
        "id": node.id,
        "kind": plan_node.kind,
        "state": node.state.value,
        "attempts": node.attempts,
        "tries": tries_told(state, node),
        "needs": list(plan_node.needs),
        "started": node.started_ts,
        "ended": node.ended_ts,
        "output": node.output.text if node.output else None,
        "output_path": node.output.path if node.output else None,
        "error": node.error.message if node.error else None,
        "cause": node.cause,
        "progress": progress_json(node, state.mono),
        "items": None if items is None else {kind.value: items.counts[kind] for kind in State if kind in items.counts},
        "usage": {
            "tokens_in": node.spent.tokens_in,
            "tokens_out": node.spent.tokens_out,
            "tokens_reasoning": node.spent.tokens_reasoning,
            "cost_usd": cost_usd(node.spent),
            "simulated": bool(node.spent.simulated),
        },
    }
