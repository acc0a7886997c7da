"""What a plan would let out or reach, and what cannot work: secrets in its texts, hosts, prompts longer than a model
reads. Pure; time O(nodes + text). Like :mod:`swarmtui.plan.advice`, it is for people and stops nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from swarmtui.frozen import frozen
from swarmtui.plan.advice import agent_of, is_program
from swarmtui.plan.lookup import texts
from swarmtui.plan.model import AgentSpec, Author, ModelRef, Node, Plan, PromptSpec
from swarmtui.safety.permissions import pattern
from swarmtui.safety.redact import Redactor

CHARS_PER_TOKEN = 4
NETWORK_TOOLS = ("web_search", "crawl")
ANYWHERE = "any public address"


@frozen
class Reach:
    """That a node reaches the network, by which tool, and which addresses."""

    node: str
    tool: str
    where: str


def reaches(plan: Plan) -> Iterator[Reach]:
    """Tools by which nodes reach beyond this machine, models left out."""
    for node in plan.nodes:
        agent = agent_of(plan, node)
        if agent is None:
            continue
        for tool in agent.tools:
            if tool in NETWORK_TOOLS:
                yield Reach(node.id, tool, _addresses(plan, tool))
            elif (server := plan.team.servers.get(tool.partition("/")[0])) is not None and server.url:
                yield Reach(node.id, tool, server.url)
        if agent.network:
            yield Reach(node.id, agent.command[0] if agent.command else "its program", ANYWHERE)


def _addresses(plan: Plan, tool: str) -> str:
    """What the rules leave of the net: the addresses allowed where all else is denied."""
    allowed: list[str] = []
    for rule in plan.team.rules:
        if not pattern(rule.tool).fullmatch(tool):
            continue
        if rule.action == "deny" and not rule.where:
            return ", ".join(allowed) or "none: a rule denies it"
        if rule.action != "deny":
            allowed += rule.where.values()
    return ANYWHERE


def sandboxed(plan: Plan, node: Node) -> bool | None:
    """Whether what a node starts is kept in the sandbox; None where it starts nothing."""
    agent = agent_of(plan, node)
    starts = node.kind in ("run", "python") or (agent is not None and is_program(agent))
    starts = starts or (node.check is not None and node.check.command is not None)
    return None if not starts else plan.author is Author.PLANNER or node.parent is not None


def unsandboxed(plan: Plan) -> list[str]:
    """Nodes that start something outside the sandbox, as the user."""
    return [node.id for node in plan.nodes if sandboxed(plan, node) is False]


def secrets(plan: Plan) -> Iterator[str]:
    """Nodes in whose texts something has the shape of a key: it would be recorded, and sent to a model."""
    redactor = Redactor()
    for node in plan.nodes:
        said = [text for _, text in texts(node.spec)]
        agent = node.spec.own if isinstance(node.spec, AgentSpec) else None
        if agent is not None:
            said.append(agent.instructions)
        if any(redactor.redact(text) != text for text in said):
            yield node.id


@frozen
class Overlong:
    """A prompt that is longer than its model reads, in tokens, roughly."""

    node: str
    tokens: int
    window: int


def overlong(plan: Plan, model_of: Callable[[Node], ModelRef | None]) -> Iterator[Overlong]:
    """Prompts that cannot fit, whatever is put in for their lookups."""
    for node in plan.nodes:
        if not isinstance(node.spec, PromptSpec):
            continue
        ref = model_of(node)
        tokens = (len(node.spec.prompt) + len(node.spec.system or "")) // CHARS_PER_TOKEN
        if ref is not None and ref.context is not None and tokens > ref.context:
            yield Overlong(node.id, tokens, ref.context)
