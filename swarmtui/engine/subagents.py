"""From tasks that an agent gives away to nodes of the plan. Pure.

A subagent has a share of what its maker has: no tool that the maker lacks, one generation less below it, an equal
share of the money and tokens that the maker has left, and the maker's pool, tags, priority, retries and timeout. An
agent of the user's team keeps what the user gave it. Whatever the maker wrote is text: no lookup in it is resolved, but
for ``{{ item }}`` of a batch.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from swarmtui.engine.ports import Assignment
from swarmtui.frozen import frozen
from swarmtui.plan.lookup import literal
from swarmtui.plan.model import OWN_AGENT, AgentSpec, Author, Budget, MapSpec, ModelRef, Node
from swarmtui.plan.team import AgentDef, Team, subagents_for
from swarmtui.safety.text import one_line
from swarmtui.session import budgets
from swarmtui.session.events import PlanPatched, TaskAssigned
from swarmtui.session.pools import agent_of, model_name, team_of
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import State

MOST_GENERATIONS = 4
"""However deep the plan's own limits would let agents go."""
ID_CHARS = 64
_LEFT = (State.CANCELLED, State.SKIPPED)
TITLE_CHARS = 80
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]+")
_ITEM = re.compile(r"\{\{\s*item\s*\}\}")


class NotAllowed(Exception):
    """The agent may not give these tasks away; the text says why."""


@frozen
class Given:
    """What is to be recorded, in this order and in one commit."""

    patch: PlanPatched
    tasks: tuple[TaskAssigned, ...]


def depth_of(state: SessionState, node_id: str) -> int:
    """Generations of parents above a node; a parent that is gone counts too."""
    depth, at = 0, state.plan_nodes.get(node_id)
    while at is not None and at.parent is not None:
        depth, at = depth + 1, state.plan_nodes.get(at.parent)
    return depth


def acts_for(state: SessionState, node_id: str) -> str:
    """The agent of the team whose leave to use servers the node's agent has; empty where that is its own.

    An agent of the team that was given a task has its own leave; one that was made has that of its maker.
    """
    node = state.plan_nodes[node_id]
    maker = None if node.parent is None else state.plan_nodes.get(node.parent)
    if not isinstance(node.spec, AgentSpec) or node.spec.own is None or maker is None:
        return ""
    team, own = team_of(state), node.spec.own
    makers = agent_of(team, maker)
    if makers is None or not isinstance(maker.spec, AgentSpec):
        return ""
    for name in makers.handoffs:
        known = team.agents.get(name)
        if known is not None and replace(known, limits=own.limits) == own:
            return name
    return maker.spec.agent if maker.spec.own is None else acts_for(state, maker.id)


def given_tasks(state: SessionState, attempt: tuple[str, int], assignments: Iterable[Assignment]) -> Given:
    """The nodes that carry out what the attempt (node, number) gives away. Raises NotAllowed."""
    parent = state.plan_nodes[attempt[0]]
    maker = agent_of(team_of(state), parent)
    if maker is None or parent.map is not None:
        raise NotAllowed("it is no agent that can make subagents")
    chosen = list(assignments)
    wanted = sum(subagents_for(one.items) for one in chosen)
    together = state.nodes[parent.id].spawned + wanted
    if together > maker.limits.subagents:  # an agent is told so before it comes to that
        raise NotAllowed(f"it may make {maker.limits.subagents} subagents, and wants {together}")
    if maker.limits.depth < 1 or depth_of(state, parent.id) + 1 >= MOST_GENERATIONS:
        raise NotAllowed("its subagents may make none of their own")
    taken = {*state.nodes, *state.dropped}
    share = _share_of_budget(state, parent, wanted)
    models: dict[str, ModelRef] = {}
    children, tasks = [], []
    for assignment in chosen:
        budget = None if share is None else _times(share, subagents_for(assignment.items))
        child = replace(_child(state, parent, maker, assignment, taken), budget=budget)
        taken.add(child.id)
        models |= _declared(state, child)
        children.append(child)
        tasks.append(TaskAssigned(parent.id, attempt[1], assignment.call, (child.id,)))
    return Given(
        adopted(state, parent, children, models, f"{parent.id} gives {_tasks(len(children))} away"), tuple(tasks)
    )


def orphans(state: SessionState) -> list[str]:
    """Nodes that were made by one that no longer waits for them: it was stopped, skipped or removed, or begins anew.

    Those that the user had run again afterwards are left alone. O(nodes that other nodes made).
    """
    found = []
    for parent_id, children in state.children.items():
        parent = state.nodes.get(parent_id)
        for name in children:
            child = state.nodes[name]
            if child.ended or child.cancelled:
                continue
            if parent is None or parent.cancelled or parent.state in _LEFT or child.reset_seq < parent.thread_seq:
                found.append(name)
    return found


def adopted(
    state: SessionState, parent: Node, children: Iterable[Node], models: dict[str, ModelRef], note: str
) -> PlanPatched:
    """The revision in which `parent` waits for nodes that it made."""
    made = tuple(children)
    waits = replace(parent, needs=(*parent.needs, *(child.id for child in made)))
    return PlanPatched(
        state.plan_rev + 1, (*made, waits), note=note, author=Author.PLANNER, models=models, by=parent.id
    )


def new_id(wanted: str, taken: Collection[str]) -> str:
    """`wanted` as the id of a node that there never was, counted up where that is taken."""
    base = _NOT_IN_IDS.sub("-", wanted).strip("-") or "node"
    if not base[0].isalpha():
        base = f"n{base}"
    chosen, number = base[:ID_CHARS], 1
    folded = {name.casefold() for name in taken}  # files are named after nodes
    while chosen.casefold() in folded:
        number += 1
        tail = f"-{number}"
        chosen = f"{base[: ID_CHARS - len(tail)]}{tail}"
    return chosen


def _tasks(count: int) -> str:
    return "a task" if count == 1 else f"{count} tasks"


def _share_of_budget(state: SessionState, parent: Node, count: int) -> Budget | None:
    """What one of so many subagents may use of what their maker has left; None where nothing limits it."""
    budget = parent.budget
    if budget is None or (budget.usd is None and budget.tokens is None):
        return None
    used = budgets.used_by_node(state.nodes[parent.id], state.mono)
    usd = None if budget.usd is None else max(0.0, budget.usd - used.usd) / count
    tokens = None if budget.tokens is None else max(0, budget.tokens - int(used.tokens)) // count
    return Budget(usd, tokens, warn=budget.warn)


def _times(share: Budget, count: int) -> Budget:
    usd = None if share.usd is None else share.usd * count
    return replace(share, usd=usd, tokens=None if share.tokens is None else share.tokens * count)


def _child(state: SessionState, parent: Node, maker: AgentDef, task: Assignment, taken: Collection[str]) -> Node:
    agent = _share(team_of(state), maker, task)
    if not (agent.program or agent.command) and agent.model not in state.models and agent.model not in state.declared:
        agent = replace(agent, model=model_name(parent, 0, team_of(state)) or agent.model)
    return Node(
        new_id(f"{parent.id}-{task.name}", taken),
        AgentSpec(OWN_AGENT, template_of(task.prompt, batch=bool(task.items)), agent),
        title=one_line(task.prompt, TITLE_CHARS),
        map=MapSpec(values=task.items, tolerate=1.0) if task.items else None,
        retry=parent.retry,
        timeout_s=parent.timeout_s,
        pool=parent.pool,
        tags=parent.tags,
        priority=parent.priority,
        parent=parent.id,
    )


def _share(team: Team, maker: AgentDef, task: Assignment) -> AgentDef:
    """The subagent as it may be, whatever was asked for."""
    agent = task.agent
    limits = replace(agent.limits, depth=max(0, min(agent.limits.depth, maker.limits.depth - 1)))
    known = team.agents.get(task.name)
    if known is not None and replace(agent, limits=known.limits) == known and task.name in maker.handoffs:
        return replace(known, limits=replace(known.limits, depth=min(known.limits.depth, limits.depth)))
    own = frozenset(maker.tools)
    tools = tuple(tool for tool in agent.tools if tool in own or tool.partition("/")[0] in own)
    return AgentDef(
        instructions=agent.instructions,
        model=agent.model,
        tools=tools,
        description=agent.description,
        limits=limits,
        max_tokens=agent.max_tokens,
        temperature=agent.temperature,
    )


def template_of(text: str, *, batch: bool = False) -> str:
    """A model's text as a template: it renders to itself, of a `batch` with the item where it says so."""
    parts = _ITEM.split(text) if batch else [text]
    return "{{ item }}".join(map(literal, parts))


def _declared(state: SessionState, node: Node) -> dict[str, ModelRef]:
    name = model_name(node, 0, team_of(state))
    return {name: state.declared[name]} if name in state.declared and name not in state.models else {}
