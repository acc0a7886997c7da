"""Agents, folded: the steps of their threads, what they ask and give away, and changes that planners propose.

Of a thread the state keeps counts alone; the entries are in the log (see :mod:`swarmtui.engine.threads`).
"""

from __future__ import annotations

from swarmtui.plan.team import subagents_for
from swarmtui.safety.permissions import Effect
from swarmtui.session.events import (
    AgentStepped,
    AttemptSuspended,
    ChangeDecided,
    ChangeProposed,
    Event,
    TaskAssigned,
    ToolCalled,
)
from swarmtui.session.fold_attempts import landed, pay, uncount
from swarmtui.session.moves import Handlers, end, item_waits, replaced, settle
from swarmtui.session.state import NodeState, Pending, SessionState
from swarmtui.session.vocabulary import State


def open_call(item: int | None, call: str) -> str:
    """How :attr:`NodeState.open_calls` names a call."""
    return call if item is None else f"{item}/{call}"


def _agent_stepped(state: SessionState, body: AgentStepped, event: Event) -> None:
    node = state.nodes[body.node]
    pay(state, node, body.item, body.usage)
    state.measures.stepped((body.node, body.item), body.usage)
    if body.role == "assistant":
        node.steps += 1
        node.repeats = 0  # it comes further than where a crash caught it
        if body.item is not None and node.items is not None:
            node.items.repeats.pop(body.item, None)
    elif body.role == "tool":
        _close(node, body.item, body.call)
    node.agent = body.agent or node.agent
    node.tainted = node.tainted or body.tainted
    state.touched.add(node.id)


def _tool_called(state: SessionState, body: ToolCalled, event: Event) -> None:
    node = state.nodes[body.node]
    node.tool_calls += 1
    if body.effect is Effect.WRITE:
        node.writes += 1
        node.open_calls = (*node.open_calls, open_call(body.item, body.call))
    state.touched.add(node.id)


def _close(node: NodeState, item: int | None, call: str) -> None:
    if node.open_calls:
        closed = open_call(item, call)
        node.open_calls = tuple(one for one in node.open_calls if one != closed)


def _task_assigned(state: SessionState, body: TaskAssigned, event: Event) -> None:
    node = state.nodes[body.node]
    for name in body.children:
        given = state.plan_nodes[name].map if name in state.plan_nodes else None
        node.spawned += subagents_for(None if given is None else given.values)
    state.touched.add(node.id)


def _attempt_suspended(state: SessionState, body: AttemptSuspended, event: Event) -> None:
    node = state.nodes[body.node]
    landed(state, node, asks=True)
    uncount(node, body.item)
    node.starts -= 1
    state.starts -= 1
    node.repeats = 0
    node.busy_s += body.took_s
    pay(state, node, body.item, body.usage)
    state.measures.suspended((body.node, body.item), event.mono, body.usage)
    if replaced(state, node, body.item):
        return
    if body.item is not None:
        item_waits(state, node, body.item, State.READY, None)
    elif node.cancelled:
        end(state, node, State.CANCELLED)
    else:
        node.ready_mono = None
        settle(state, node)


def _change_proposed(state: SessionState, body: ChangeProposed, event: Event) -> None:
    state.changes += 1
    state.spent.add(body.usage)
    if body.node is None and body.replaces is None:
        state.replans += 1
    if body.node is not None:
        node = state.nodes[body.node]
        node.spent.add(body.usage)
        node.asks += body.replaces is None
        state.touched.add(node.id)
    if body.replaces is not None:
        state.pending.pop(body.replaces, None)
        state.proposed.pop(body.replaces, None)
    state.pending[body.id] = Pending(body.id, "change", event.ts, body.node, question=body.note, plan_rev=body.base_rev)
    state.proposed[body.id] = body


def _change_decided(state: SessionState, body: ChangeDecided, event: Event) -> None:
    state.pending.pop(body.id, None)
    state.proposed.pop(body.id, None)
    if body.node is None:
        state.replan_feedback = body.feedback
        if not (body.accepted or body.feedback):  # nobody wants another
            state.replans = max(state.replans, state.limits.replan)
    node = state.nodes.get(body.node or "")
    if node is not None:
        node.proposals += body.accepted
        answered(state, node)


def answered(state: SessionState, node: NodeState) -> None:
    """One thing fewer that an agent waits for a person with; with the last one it goes on."""
    state.touched.add(node.id)
    if node.asks:
        node.asks -= 1
        if not (node.asks or node.running or node.ended):
            settle(state, node)


HANDLERS: Handlers = {
    AgentStepped: _agent_stepped,
    ToolCalled: _tool_called,
    TaskAssigned: _task_assigned,
    AttemptSuspended: _attempt_suspended,
    ChangeProposed: _change_proposed,
    ChangeDecided: _change_decided,
}
