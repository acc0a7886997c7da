"""What could be better about a plan that is valid: chains for nothing, parts that nobody joins, what costs or risks.

Advice is for people and never stops anything. Pure; time O(nodes + edges + text).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Literal

from swarmtui.frozen import frozen
from swarmtui.plan import graph
from swarmtui.plan.lookup import Lookup, TemplateError, parse, texts
from swarmtui.plan.model import AgentSpec, Author, MergeSpec, Node, Plan, PlanSpec, PromptSpec
from swarmtui.plan.team import BUILT_IN_TOOLS, AgentDef
from swarmtui.safety.permissions import pattern

Kind = Literal["chain", "join", "size", "cost", "effects", "duration"]

MOST_NODES = 60
"""More than a person reads before approving; a map is one."""
LONG_CHAIN = 4
SHARED_BY = 4
"""Calls that get the same output put in, from which on that is worth a word."""
SHORT_S, LONG_S = 60.0, 300.0
"""What an agent's task should take: less is not worth the start, more is better cut up."""

_DEAR = ("planner", "large")
_LOOKING = frozenset({"web_search", "crawl", "list_files", "read_file", "search_files", "now", "ask_user"})
"""Tools by which an agent leaves nothing behind that another one could find."""
_OF_PROGRAMS = "acp/"
"""What the tools of programs begin with in rules, as if a server of that name had them."""
_READERS = ("prompt", "agent", "plan")
"""Kinds that know of a need only what their texts look up."""
_WORDS = re.compile(r"\w+")


Known = Mapping[str, Node]


@frozen
class Advice:
    """One thing that could be better. `node` is empty where it is about the plan as a whole."""

    node: str
    kind: Kind
    text: str
    fix: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.node, self.text, self.fix) if part)


def advise(plan: Plan, durations: Mapping[str, float] | None = None) -> tuple[Advice, ...]:
    """What could be better about `plan`, in the order of its nodes. `durations` (seconds) are what nodes are known to
    take; where one is missing its own ``estimate`` counts. Raises ``graph.CycleError`` for what is no plan."""
    needs = graph.needs_of(plan)
    known = {node.id: node for node in plan.nodes}
    found = [
        *_size(plan, needs),
        *_joins(plan, needs),
        *(one for node in plan.nodes for one in _of_node(plan, known, node, durations or {})),
        *_shared(plan, known),
        *_idle_rules(plan),
    ]
    place = {name: number for number, name in enumerate(known)}
    return tuple(sorted(found, key=lambda one: place.get(one.node, -1)))


def _of_node(plan: Plan, known: Known, node: Node, durations: Mapping[str, float]) -> Iterator[Advice]:
    yield from _chains(plan, known, node)
    yield from _costs(plan, node)
    yield from _effects(plan, node)
    yield from _takes(node, durations.get(node.id, node.estimate_s))


# -- the graph --------------------------------------------------------------------------------------------------


def _chains(plan: Plan, known: Known, node: Node) -> Iterator[Advice]:
    """Needs that the node waits for and does not read."""
    if node.kind not in _READERS:
        return
    read = lookups(node)
    for need in node.needs:
        before = known.get(need)
        if before is None or need in read or _leaves_something(plan, before):
            continue
        fix = f"drop the need, or read it with {{{{ {need}.output }}}}"
        yield Advice(node.id, "chain", f"it waits for {need} and reads nothing of it", fix)


def lookups(node: Node) -> frozenset[str]:
    """Names that the node's texts, items and conditions look up."""
    found = {one.lookup.partition(".")[0] for one in node.only_if}
    if node.map is not None and node.map.node is not None:
        found.add(node.map.node)
    for _, text in texts(node.spec):
        if "{{" in text:
            try:
                found |= {part.name for part in parse(text) if isinstance(part, Lookup)}
            except TemplateError:
                continue
    return frozenset(found)


def _leaves_something(plan: Plan, node: Node) -> bool:
    """Whether to wait for the node makes sense without reading its output: it may write files, or asks a person."""
    if node.kind in ("run", "python", "ask") or node.changes_world:
        return True
    agent = agent_of(plan, node)
    return agent is not None and (is_program(agent) or any(tool not in _LOOKING for tool in agent.tools))


def _joins(plan: Plan, needs: graph.Needs) -> Iterator[Advice]:
    """Several ends, where one of them is meant to be the end of it all."""
    users = graph.dependents(needs)
    ends = [node for node in plan.nodes if not (users[node.id] or node.changes_world or node.only_if)]
    final = [node for node in ends if isinstance(node.spec, MergeSpec)]
    loose = [node for node in ends if node not in final]
    if final:
        for node in loose:
            fix = f"add it to the needs of {final[0].id}"
            yield Advice(node.id, "join", f"its output does not reach {final[0].id}, where the plan ends", fix)
    elif len(loose) > 1:
        names = ", ".join(node.id for node in loose[:5])
        fix = f"add a last node that needs {names}{' and the rest' if len(loose) > 5 else ''}, such as merge: {{}}"
        yield Advice("", "join", f"it ends in {len(loose)} nodes that nobody joins", fix)


def _size(plan: Plan, needs: graph.Needs) -> Iterator[Advice]:
    if len(plan.nodes) > MOST_NODES:
        text = f"{len(plan.nodes)} nodes are more than a person reads"
        yield Advice("", "size", text, "use map for those that are alike")
    layers = graph.layers(needs)
    if len(layers) >= LONG_CHAIN and all(len(layer) == 1 for layer in layers):
        fix = "let what does not need each other run side by side"
        yield Advice("", "size", f"all {len(layers)} nodes run one after the other", fix)
    for alike in _alike(plan):
        names = ", ".join(alike[:5])
        yield Advice(alike[0], "size", f"{len(alike)} nodes ask nearly the same ({names})", "make them one with map")


def _alike(plan: Plan) -> list[list[str]]:
    """Prompts that differ in few words: groups of :data:`SHARED_BY` and more."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for node in plan.nodes:
        if isinstance(node.spec, PromptSpec) and node.map is None:
            words = _WORDS.findall(node.spec.prompt.lower())
            if len(words) >= 2 * SHARED_BY:
                groups.setdefault((*words[:SHARED_BY], str(len(words) // 3), *words[-2:]), []).append(node.id)
    return [names for names in groups.values() if len(names) >= SHARED_BY]


# -- money, effects, time ---------------------------------------------------------------------------------------


def _costs(plan: Plan, node: Node) -> Iterator[Advice]:
    agent = agent_of(plan, node)
    if node.map is not None and agent is not None and not is_program(agent):
        text = f"each item is an agent of up to {agent.limits.steps} calls"
        yield Advice(
            node.id, "cost", text, "lower its limits.steps, set a budget, or use a prompt where no tool is needed"
        )
    model = node.spec.model if isinstance(node.spec, PromptSpec | AgentSpec) else None
    if node.map is not None and model in _DEAR:
        text = f"each item is a call of {model}, the dear one"
        yield Advice(node.id, "cost", text, "use worker or small, and let one node judge what comes of it")
    if isinstance(node.spec, PlanSpec) and node.spec.approve == "auto" and node.budget is None:
        text = "what it plans runs unasked, and it has no budget of its own"
        yield Advice(node.id, "cost", text, "set its budget, or approve: ask")


def _shared(plan: Plan, known: Known) -> Iterator[Advice]:
    """Outputs that many calls get as a whole: each pays for it."""
    counts: Counter[str] = Counter()
    for node in plan.nodes:
        if node.kind in ("prompt", "agent"):
            counts.update(name for name in lookups(node) if name in known)
    for name, count in counts.items():
        if count >= SHARED_BY:
            text = f"{count} calls get its whole output, and each pays for it"
            yield Advice(name, "cost", text, "let it answer briefly, or put a summary between")


def _effects(plan: Plan, node: Node) -> Iterator[Advice]:
    agent = agent_of(plan, node)
    user = plan.author is Author.USER and node.parent is None
    if node.changes_world and node.retry.limit and not node.retry_safe:
        text = "a retry does again what it may have done already"
        yield Advice(node.id, "effects", text, "make it safe to repeat and say retry_safe: true, or take retries away")
    if agent is not None and is_program(agent) and user:
        name = agent.program or agent.command[0]
        fix = (
            "keep worktree: true, so that it works in a copy"
            if not agent.worktree
            else "read its diff before you use it"
        )
        yield Advice(node.id, "effects", f"{name} runs with your permissions, outside the sandbox", fix)
    if agent is not None:
        for number, rule in enumerate(plan.team.rules, 1):
            if rule.action == "allow" and rule.untrusted and "*" in rule.tool:
                text = f"rule {number} lets it call {rule.tool} whatever text from outside tells it"
                yield Advice(node.id, "effects", text, "name the tool, and its arguments with where")


def _idle_rules(plan: Plan) -> Iterator[Advice]:
    """Permissions that are about no tool of any agent: most likely misspelt, and a `deny` then stops nothing."""
    own = [node.spec.own for node in plan.nodes if isinstance(node.spec, AgentSpec) and node.spec.own is not None]
    agents = [*plan.team.agents.values(), *own]
    tools = {f"{tool}/" if tool in plan.team.servers else tool for agent in agents for tool in agent.tools}
    if any(map(is_program, agents)) or any(_runs_program(plan, node) for node in plan.nodes):
        tools.add(_OF_PROGRAMS)
    for number, rule in enumerate(plan.team.rules, 1):
        if not any(_is_about(rule.tool, tool) for tool in tools):
            fix = "write the tool as the agent's `tools` do"
            if rule.tool in plan.team.servers:
                fix = f"write {rule.tool}/* for all tools of that server"
            elif close := get_close_matches(rule.tool, sorted({*tools, *BUILT_IN_TOOLS} - {_OF_PROGRAMS}), n=1):
                fix = f"did you mean {close[0].removesuffix('/')}?"
            yield Advice("", "effects", f"rule {number} is about {rule.tool}, which no agent has", fix)


def _is_about(named: str, tool: str) -> bool:
    """Whether a rule for `named` can match a call of `tool`; one that ends in a slash is all tools of a server."""
    if not tool.endswith("/"):
        return bool(pattern(named).fullmatch(tool))
    return named.startswith(tool) or ("*" in named and tool.startswith(named.partition("*")[0]))


def _runs_program(plan: Plan, node: Node) -> bool:
    agent = agent_of(plan, node)
    return agent is not None and is_program(agent)


def _takes(node: Node, seconds: float | None) -> Iterator[Advice]:
    if seconds is None or node.map is not None:
        return
    if node.kind == "agent" and seconds < SHORT_S:
        yield Advice(
            node.id, "duration", f"it takes about {seconds:.0f} s, less than it costs to start", "join it with another"
        )
    elif seconds > LONG_S:
        text = f"it takes about {seconds / 60:.0f} min, and all that needs it waits"
        yield Advice(node.id, "duration", text, "cut it into parts that run side by side")


def agent_of(plan: Plan, node: Node) -> AgentDef | None:
    """The agent that carries the node out, if one does."""
    if not isinstance(node.spec, AgentSpec):
        return None
    return node.spec.own or plan.team.agents.get(node.spec.agent) or AgentDef(program=node.spec.agent)


def is_program(agent: AgentDef) -> bool:
    """Whether a program is the agent, rather than a model."""
    return bool(agent.program or agent.command)
