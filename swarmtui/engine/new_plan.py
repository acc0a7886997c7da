"""The plan that a planner makes of one of which something failed, as a change of that one. Pure.

What succeeded, and what somebody or a condition left out, stays as it is, whatever the planner says of it. What is put
is a model's work and never trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from swarmtui.engine.changes import following, models_of
from swarmtui.engine.ports import Draft
from swarmtui.engine.subagents import NotAllowed, new_id
from swarmtui.plan import graph
from swarmtui.plan.model import AgentSpec, Author, Node, Plan
from swarmtui.plan.problems import listed
from swarmtui.plan.renaming import renamed
from swarmtui.session.events import Body, ChangeDecided, ChangeProposed, NodeRetried, PlanPatched
from swarmtui.session.moves import left_out
from swarmtui.session.pools import team_of
from swarmtui.session.replans import is_root, may_have_changed
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import BY_CONDITION, BY_PLANNER, State

GOOD = (State.SUCCEEDED, State.STALE)
BAD = (State.FAILED, State.CANCELLED)


def replanned(state: SessionState, draft: Draft) -> ChangeProposed:
    """The change that makes the plan what the planner says, but for what has ended well. Raises NotAllowed."""
    open_nodes = {node.id for node in state.nodes.values() if is_root(state, node.id) and _is_open(node)}
    settled = {name for name in state.nodes if name not in open_nodes and is_root(state, name)}
    wanted = _with_ids(state, draft.plan, open_nodes | settled)
    put: list[Node] = []
    again: list[str] = []
    for node in wanted:
        if node.id in settled:
            continue
        old = state.plan_nodes.get(node.id)
        if old is None or not _says_the_same(state, old, node):
            put.append(replace(node, parent=BY_PLANNER))
        if old is not None and state.nodes[node.id].state in BAD:
            again.append(node.id)
    drop = _dropped(state, open_nodes - {node.id for node in wanted}, settled)
    if not (put or again):
        raise NotAllowed("the planner proposes nothing else")
    check(state, tuple(put), drop)
    return ChangeProposed(
        f"change-{state.changes + 1}",
        state.plan_rev,
        tuple(put),
        drop,
        note=draft.note,
        why=dict(draft.why),
        usage=draft.usage,
        models=models_of(state, put),
        again=tuple(again),
    )


def by_itself(state: SessionState, change: ChangeProposed) -> ChangeProposed:
    """What of the change may be carried out with no person's yes: nothing that runs a node again, as it is or under the
    same id, that may have changed the world. Raises NotAllowed if nothing is left."""
    held = [name for name in change.again if may_have_changed(state, name)]
    put = tuple(node for node in change.put if node.id not in held)
    again = tuple(name for name in change.again if name not in held)
    if not (put or again):
        raise NotAllowed(
            f"{listed(held)} may have changed something, and is not run again unasked: retry it, or say `retry_safe`"
        )
    return replace(change, put=put, again=again)


def _is_open(node: NodeState) -> bool:
    """Whether the planner may put something else in its place: not what somebody, or a condition, left out."""
    return node.state not in GOOD and not left_out(node) and node.cause != BY_CONDITION


def _with_ids(state: SessionState, plan: Plan, known: set[str]) -> tuple[Node, ...]:
    """The draft's nodes; ids that belong to nodes of which the planner knows nothing are given other names."""
    taken = {*state.nodes, *state.dropped} - known
    names: dict[str, str] = {}
    for node in plan.nodes:
        if node.id in taken:
            names[node.id] = new_id(node.id, {*taken, *known, *names.values(), *(one.id for one in plan.nodes)})
    return renamed(plan.nodes, names)


def _says_the_same(state: SessionState, old: Node, new: Node) -> bool:
    """Whether the planner left a node as it is: what the language of plans cannot say is no difference."""
    own = set(state.children.get(old.id, ()))
    needs = tuple(need for need in old.needs if need not in own)
    return (old.spec, needs, old.map, old.only_if) == (new.spec, new.needs, new.map, new.only_if)


def _dropped(state: SessionState, left: set[str], settled: set[str]) -> tuple[str, ...]:
    """What goes: what the planner leaves out, unless what stays needs it, and all that these made."""
    needed = {need for name in settled for need in state.plan_nodes[name].needs}
    gone = [name for name in state.nodes if name in left and name not in needed]
    for name in gone:  # grows while it is walked
        gone.extend(state.children.get(name, ()))
    return tuple(gone)


def check(state: SessionState, put: tuple[Node, ...], drop: tuple[str, ...]) -> None:
    """Whether the plan would be one. Raises NotAllowed."""
    agents = (team_of(state) or state.team).agents
    after = {name: node for name, node in state.plan_nodes.items() if name not in drop}
    after |= {node.id: node for node in put}
    for name in (*drop, *(node.id for node in put)):
        known = state.nodes.get(name)
        if known is not None and not known.ended:
            raise NotAllowed(f"{name} is under way")
        if known is not None and is_root(state, name) and not _is_open(known):
            raise NotAllowed(f"{name} has ended well, or was left out, and stays as it is")
    for node in put:
        if isinstance(node.spec, AgentSpec) and (node.spec.own is not None or node.spec.agent not in agents):
            raise NotAllowed(
                f"{node.id} is for the agent {node.spec.agent!r}, and may be for {listed(agents) or 'none'}"
            )
        for need in node.needs:
            if need not in after or not _may_rest_on(state, need):
                raise NotAllowed(f"{node.id} needs {need}, which there would not be")
    for name, node in after.items():
        missing = next((need for need in node.needs if need not in after), None)
        if missing is not None:
            raise NotAllowed(f"{name} needs {missing}, which would be gone")
    try:
        graph.topological_order(graph.needs_of(after.values()))
    except graph.CycleError as error:
        raise NotAllowed(f"the plan would go in a circle: {error}") from None


def _may_rest_on(state: SessionState, need: str) -> bool:
    return need not in state.plan_nodes or is_root(state, need)


def accepted(state: SessionState, change: ChangeProposed) -> list[Body]:
    """What is recorded, in one commit, when such a change is accepted. Raises NotAllowed if it no longer fits."""
    if state.plan_rev != change.base_rev:
        raise NotAllowed(f"revision {state.plan_rev} was made since")
    check(state, change.put, change.drop)
    bodies: list[Body] = []
    if change.put or change.drop:
        patch = PlanPatched(
            state.plan_rev + 1,
            change.put,
            change.drop,
            change.note or "planned anew",
            author=Author.PLANNER,
            models=change.models,
            by=BY_PLANNER,
        )
        bodies.append(patch)
    kept = {name: node for name, node in state.plan_nodes.items() if name not in change.drop}
    kept |= {node.id: node for node in change.put}
    order = graph.topological_order(graph.needs_of(kept.values()))
    failed = {name for name in change.again if name in state.nodes and state.nodes[name].state in BAD}
    bodies += [NodeRetried(name, fresh=True) for name in order if name in failed]
    names = tuple(node.id for node in change.put)
    return [*bodies, ChangeDecided(change.id, accepted=True, nodes=names)]


def edited(state: SessionState, change: ChangeProposed, nodes: Mapping[str, Node]) -> ChangeProposed:
    """The change with other nodes to be put, in place of `change`. Raises NotAllowed."""
    put = tuple(replace(node, parent=BY_PLANNER) for node in nodes.values())
    check(state, put, change.drop)
    again = tuple(name for name in nodes if name in state.nodes and state.nodes[name].state in BAD)
    return replace(following(state, change, put), again=tuple(dict.fromkeys((*change.again, *again))))
