"""Changes of the running plan that a planner proposes: what may be proposed, and what becomes of it. Pure.

A plan node proposes nodes of its own, which may rest on what it rests on, on what it made before, and on each other.
Its proposal has an id of its own, and so has each edit of one: to accept is to accept exactly what one has seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from swarmtui.engine.ports import Draft
from swarmtui.engine.subagents import MOST_GENERATIONS, NotAllowed, adopted, depth_of, new_id
from swarmtui.plan import graph
from swarmtui.plan.model import AgentSpec, ModelRef, Node, PlanSpec
from swarmtui.plan.problems import listed
from swarmtui.plan.renaming import renamed
from swarmtui.session.events import Body, ChangeDecided, ChangeProposed
from swarmtui.session.pools import model_name, team_of
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import NO_USAGE


def proposal(state: SessionState, node_id: str, draft: Draft) -> ChangeProposed:
    """The proposal of a plan node, as it is recorded. Raises NotAllowed."""
    node = state.plan_nodes[node_id]
    made = _renamed(state, node, draft.plan.nodes)
    check(state, node, made)
    return ChangeProposed(
        f"change-{state.changes + 1}",
        state.plan_rev,
        made,
        node=node_id,
        note=draft.note,
        why=dict(draft.why),
        usage=draft.usage,
        models=models_of(state, made),
    )


def _renamed(state: SessionState, parent: Node, nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes as `parent`'s, under ids that no node of the session ever had."""
    proposed = list(nodes)
    taken = {*state.nodes, *state.dropped}
    free = {node.id for node in proposed} - taken
    names: dict[str, str] = {}
    for node in proposed:
        if node.id in taken:
            names[node.id] = new_id(f"{parent.id}-{node.id}", {*taken, *free, *names.values()})
    made = renamed(proposed, names)
    return tuple(_within(parent, replace(node, parent=parent.id)) for node in made)


def _within(parent: Node, node: Node) -> Node:
    """A plan that a planner makes within its own gets no right that it lacks itself."""
    if isinstance(node.spec, PlanSpec) and isinstance(parent.spec, PlanSpec):
        return replace(node, spec=bounded(node.spec, parent.spec))
    return node


def bounded(made: PlanSpec, maker: PlanSpec) -> PlanSpec:
    """`made` with no more than its `maker` may do: decided on as strictly, of its agents, no larger, no oftener."""
    agents = made.agents
    if maker.agents:
        agents = tuple(agent for agent in agents if agent in maker.agents) or maker.agents
    nodes = min(made.nodes, maker.nodes)
    must_have = tuple(agent for agent in made.must_have if not agents or agent in agents)
    return replace(
        made,
        approve=made.approve if maker.approve == "auto" else maker.approve,
        nodes=nodes,
        agents=agents,
        must_have=must_have[:nodes],
        iterations=min(made.iterations, maker.iterations),
    )


def check(state: SessionState, parent: Node, nodes: tuple[Node, ...]) -> None:
    """Whether `parent` may make these nodes. Raises NotAllowed."""
    spec = parent.spec
    if not isinstance(spec, PlanSpec):
        raise NotAllowed(f"{parent.id} is no plan node")
    if not nodes:
        raise NotAllowed("the proposal has no nodes")
    if len(nodes) > spec.nodes:
        raise NotAllowed(f"the proposal has {len(nodes)} nodes, and may have {spec.nodes}")
    if state.nodes[parent.id].proposals >= spec.iterations:
        raise NotAllowed(f"there were {spec.iterations} proposals, and may be no more")
    if depth_of(state, parent.id) + 1 >= MOST_GENERATIONS:
        raise NotAllowed(f"plans within plans go {MOST_GENERATIONS} deep and no deeper")
    new = {node.id for node in nodes}
    agents = frozenset(spec.agents or team_of(state).agents)
    known = {*new, *parent.needs}
    for node in nodes:
        if node.id in state.nodes:
            raise NotAllowed(f"there is a node {node.id} already")
        if isinstance(node.spec, AgentSpec) and (node.spec.own is not None or node.spec.agent not in agents):
            raise NotAllowed(
                f"{node.id} is for the agent {node.spec.agent!r}, and may be for {listed(agents) or 'none'}"
            )
        if _within(parent, node) != node:
            raise NotAllowed(f"{node.id} may do more than {parent.id}, which makes it: {_bounds(spec)}")
        for need in node.needs:
            if need not in known:
                raise NotAllowed(f"{node.id} needs {need}, which is not {parent.id}'s to rest on")
    try:
        graph.topological_order(graph.needs_of(nodes))
    except graph.CycleError as error:
        raise NotAllowed(f"the proposal goes in a circle: {error}") from None


def _bounds(spec: PlanSpec) -> str:
    agents = f", agents {listed(spec.agents)}" if spec.agents else ""
    return f"approve {spec.approve}, at most {spec.nodes} nodes and {spec.iterations} proposals{agents}"


def models_of(state: SessionState, nodes: Iterable[Node]) -> dict[str, ModelRef]:
    """Models that the nodes name and the session has only heard of. Raises NotAllowed for others."""
    found: dict[str, ModelRef] = {}
    for node in nodes:
        for name in (model_name(node, 0, team_of(state)), *node.retry.models):
            if name is None or name in state.models or node.kind == "merge":
                continue
            if name not in state.declared:
                raise NotAllowed(f"{node.id} asks for the model {name!r}, which this session does not have")
            found[name] = state.declared[name]
    return found


def accepted(state: SessionState, change: ChangeProposed) -> list[Body]:
    """What is recorded, in one commit, when a change is accepted. Raises NotAllowed if it no longer fits."""
    parent = state.plan_nodes.get(change.node or "")
    if parent is None:
        raise NotAllowed("the node that wants the change is gone")
    check(state, parent, change.put)
    patch = adopted(state, parent, change.put, change.models, change.note or f"{parent.id} plans its part")
    names = tuple(node.id for node in change.put)
    return [patch, ChangeDecided(change.id, accepted=True, node=change.node, nodes=names)]


def edited(state: SessionState, change: ChangeProposed, nodes: Mapping[str, Node]) -> ChangeProposed:
    """The proposal with other nodes, in place of `change`. Raises NotAllowed."""
    parent = state.plan_nodes.get(change.node or "")
    if parent is None:
        raise NotAllowed("the node that wants the change is gone")
    made = tuple(replace(node, parent=parent.id) for node in nodes.values())
    check(state, parent, made)
    return following(state, change, made)


def following(state: SessionState, change: ChangeProposed, put: tuple[Node, ...]) -> ChangeProposed:
    """What comes of an edit of `change`, under an id of its own. Raises NotAllowed."""
    names = {node.id for node in put}
    return replace(
        change,
        id=f"change-{state.changes + 1}",
        base_rev=state.plan_rev,
        put=put,
        why={name: why for name, why in change.why.items() if name in names},
        usage=NO_USAGE,
        models=models_of(state, put),
        replaces=change.id,
    )
