"""The tools that are the agent's own: ask the user, hand over, make subagents and give them tasks, give the answer.

They are no calls of anything outside: what they mean is decided from the thread alone. Schemas of `create_subagent` and
`assign_task` are those of Kimi K2.5's agent swarm, the batch form with ``{{ item }}`` is Kimi Code's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from swarmtui.agents.thread import ANSWER, ASK_USER, ASSIGN, CREATE, Thread
from swarmtui.engine.ports import Assignment, Inquiry
from swarmtui.frozen import frozen
from swarmtui.models.chat import Tool
from swarmtui.models.schemas import is_object
from swarmtui.models.structured import Shape
from swarmtui.plan.lookup import literal
from swarmtui.plan.model import JSON
from swarmtui.plan.repair import loads_lenient
from swarmtui.plan.team import AgentDef, AgentLimits, Team, subagents_for

OWN_TOOLS = frozenset({ASK_USER, CREATE, ASSIGN})
"""Entries of an agent's ``tools`` that no source provides."""

PROFILES: Mapping[str, AgentLimits] = {
    "small": AgentLimits(steps=10, tool_calls=30),
    "medium": AgentLimits(steps=25, tool_calls=100),
    "large": AgentLimits(steps=50, tool_calls=200),
}
"""What a subagent of each profile may use; frozen, so that what it costs is known before it is made."""

MOST_ITEMS = 128
MOST_PROMPT_CHARS = 100_000
_NAME = re.compile(r"[A-Za-z][\w-]{0,63}")
_ITEM = re.compile(r"\{\{\s*item\s*\}\}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


class Wrong(Exception):
    """A call of an own tool is no good; the message tells the model what to do instead."""


@frozen
class Powers:
    """What an agent can do by itself: what it is offered, and what is held against its calls."""

    name: str
    agent: AgentDef
    team: Team
    may_wait: bool
    schema: JSON = None
    """What its answer has to be, if anything."""

    @property
    def handoffs(self) -> dict[str, str]:
        """Tool -> the agent that it hands over to. A program cannot go on with a conversation: it is given tasks."""
        found: dict[str, str] = {}
        for target in self.agent.handoffs:
            known = self.team.agents.get(target)
            if known is not None and not is_program(known):
                found.setdefault(_NOT_IN_NAMES.sub("_", f"transfer_to_{target}")[:64], target)
        return found

    @property
    def offers(self) -> tuple[Tool, ...]:
        """The own tools that the model is told of."""
        tools = [self._transfer(tool, target) for tool, target in self.handoffs.items()]
        may_make = self.may_wait and self.agent.limits.depth > 0 and self.agent.limits.subagents > 0
        if ASK_USER in self.agent.tools and self.may_wait:
            tools.append(_ASK)
        if CREATE in self.agent.tools and may_make:
            tools.append(_create(shared_tools(self.agent)))
        if ASSIGN in self.agent.tools and may_make:
            tools.append(_assign(sorted(self.agent.handoffs)))
        if self.schema is not None and (tools or self.agent.tools):
            tools.append(Tool(ANSWER, "Give your final answer and end. Call it alone, once, last.", self._answer()))
        return tuple(tools)

    def _transfer(self, tool: str, target: str) -> Tool:
        about = self.team.agents[target].description
        text = f"Hand the conversation over to {target}, who goes on with it instead of you. {about}".strip()
        return Tool(tool, text, {"type": "object", "properties": {}})

    def _answer(self) -> JSON:
        if not self.answer_is_wrapped:
            return self.schema
        return {"type": "object", "properties": {"answer": self.schema}, "required": ["answer"]}

    @property
    def answer_is_wrapped(self) -> bool:
        """Whether the answer stands under ``answer``: arguments of a tool are an object."""
        return not is_object(self.schema)


def is_program(agent: AgentDef) -> bool:
    """Whether a program is the agent, not a model."""
    return bool(agent.program or agent.command)


def shared_tools(agent: AgentDef) -> tuple[str, ...]:
    """Those of its tools that an agent may give to a subagent."""
    return tuple(name for name in agent.tools if name not in OWN_TOOLS)


def made_subagent(powers: Powers, thread: Thread, arguments: Mapping[str, JSON]) -> JSON:
    """The subagent that a call of `create_subagent` makes, for the ``made`` of its entry. Raises Wrong."""
    name, prompt = _text(arguments, "name", 64), _text(arguments, "system_prompt", MOST_PROMPT_CHARS)
    limits = powers.agent.limits
    if not _NAME.fullmatch(name):
        raise Wrong("name: letters, digits, _ and -, a letter first, at most 64")
    if name in powers.team.agents:
        raise Wrong(f"{name} is an agent of the team: choose another name")
    if name not in thread.subagents and len(thread.subagents) >= limits.subagents:
        raise Wrong(f"you have made {limits.subagents} subagents, which is your limit: give those their tasks")
    profile = arguments.get("model") or "medium"
    if profile not in PROFILES:
        raise Wrong(f"model: one of {', '.join(PROFILES)}")
    tools = _tools(arguments.get("tools"), shared_tools(powers.agent))
    share = replace(PROFILES[profile], subagents=limits.subagents, depth=limits.depth - 1)
    return {
        "name": name,
        "instructions": literal(prompt),  # what a model writes is no template
        "model": profile,
        "tools": tools,
        "limits": {
            "steps": share.steps,
            "tool_calls": share.tool_calls,
            "subagents": share.subagents,
            "depth": share.depth,
        },
    }


def assignments(powers: Powers, thread: Thread, calls: Mapping[str, Mapping[str, JSON] | Wrong]) -> list[Assignment]:
    """The tasks that the calls of one turn give away (call -> arguments, or what is wrong with them).

    Raises Refusals if any of them is no good: then none is given away.
    """
    found: list[Assignment] = []
    wrong: dict[str, str] = {}
    for call, arguments in calls.items():
        try:
            found.append(_assignment(powers, thread, call, arguments))
        except Wrong as error:
            wrong[call] = str(error)
    made = sum(_made_for(thread, call) for call in thread.assigned if call not in calls)
    room, wanted = powers.agent.limits.subagents - made, sum(subagents_for(one.items) for one in found)
    if not wrong and wanted > room:
        text = f"you may make {max(room, 0)} more subagents, and this makes {wanted} (each item of a batch is one)"
        wrong = dict.fromkeys(calls, f"{text}: give fewer tasks or items, or do it yourself")
    if wrong:
        other = "nothing was started, since another task of the same turn is no good: give them all again"
        raise Refusals({call: wrong.get(call, other) for call in calls})
    return found


def _made_for(thread: Thread, call: str) -> int:
    """Subagents that were made for a call."""
    try:
        items = loads_lenient(thread.call(call).arguments).get("items")
    except (KeyError, ValueError, RecursionError, AttributeError):
        return len(thread.assigned[call])
    return subagents_for(items if isinstance(items, list) else None)


class Refusals(Exception):
    """Why nothing is started: `reasons` has one for each call."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("; ".join(reasons.values()))
        self.reasons = reasons


def _assignment(powers: Powers, thread: Thread, call: str, arguments: Mapping[str, JSON] | Wrong) -> Assignment:
    if isinstance(arguments, Wrong):
        raise arguments
    name, prompt = _text(arguments, "agent", 200), _text(arguments, "prompt", MOST_PROMPT_CHARS)
    items = _items(arguments.get("items"), prompt)
    depth = powers.agent.limits.depth - 1
    if name in thread.subagents:
        agent = thread.subagents[name]
    elif name in powers.agent.handoffs and name in powers.team.agents:
        agent = powers.team.agents[name]
        agent = replace(agent, limits=replace(agent.limits, depth=min(agent.limits.depth, depth)))
    else:
        known = [*thread.subagents, *powers.agent.handoffs]
        raise Wrong(f"there is no agent {name[:60]!r}: {f'there are {known}' if known else 'make it first'}")
    return Assignment(call, agent, name, prompt, items)


def _items(given: JSON, prompt: str) -> tuple[str, ...]:
    if given is None or given == []:
        return ()
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise Wrong("items: a list of texts")
    if not _ITEM.search(prompt):
        raise Wrong("prompt: with items it has to hold {{ item }}")
    if len(given) < 2:
        raise Wrong("items: at least two; for one task leave items out")
    if len(given) > MOST_ITEMS:
        raise Wrong(f"items: at most {MOST_ITEMS}, and these are {len(given)}")
    expanded = [_ITEM.sub(lambda _, item=item: item, prompt) for item in given]  # type: ignore[misc]
    twice = sorted({text for text in expanded if expanded.count(text) > 1})
    if twice:
        raise Wrong(f"items: the same task is there twice: {twice[0][:80]!r}")
    return tuple(given)


def mismatch(schema: JSON, text: str) -> str | None:
    """How `text` has not the shape that `schema` says, or None. The node's check judges what else a schema knows."""
    _, errors = Shape(schema).read(text)
    return "; ".join(errors) or None


def inquiry(call: str, arguments: Mapping[str, JSON]) -> Inquiry:
    """The question of a call of `ask_user`. Raises Wrong."""
    choices = arguments.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, str) and choice.strip() for choice in choices):
        raise Wrong("choices: a list of texts")
    return Inquiry(call, _text(arguments, "question", 4000), tuple(dict.fromkeys(choices[:12])))


def _text(arguments: Mapping[str, JSON], name: str, most: int) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Wrong(f"{name}: give a text")
    if len(value) > most:
        raise Wrong(f"{name}: at most {most} characters")
    return value


def _tools(given: JSON, shared: tuple[str, ...]) -> list[str]:
    if given is None:
        return list(shared)
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise Wrong("tools: a list of names")
    for name in given:
        if name not in shared:
            raise Wrong(f"tools: you have no tool {name[:60]!r} to give; you have {list(shared)}")
    return list(dict.fromkeys(given))


_ASK = Tool(
    ASK_USER,
    "Ask the user, and wait for the answer. Only what you cannot find out or decide yourself.",
    {
        "type": "object",
        "properties": {
            "question": {"type": "string"},
            "choices": {"type": "array", "items": {"type": "string"}, "description": "answers to choose from"},
        },
        "required": ["question"],
    },
)


def _create(tools: Iterable[str]) -> Tool:
    shared = list(tools)
    listed: JSON = {"type": "string", "enum": shared} if shared else {"type": "string"}
    return Tool(
        CREATE,
        "Make an agent that you can give tasks to with assign_task, as often as you like. It sees nothing of this "
        "conversation: its system prompt and each task say all that it must know.",
        {
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "letters, digits, _ and -"},
                "system_prompt": {"type": "string", "description": "who it is, how it works, what it gives back"},
                "tools": {"type": "array", "items": listed, "description": "a share of your tools; all if left out"},
                "model": {"enum": list(PROFILES), "description": "how capable and costly; medium if left out"},
            },
            "required": ["name", "system_prompt"],
        },
    )


def _assign(team: Iterable[str]) -> Tool:
    others = ", ".join(team)
    return Tool(
        ASSIGN,
        "Give an agent a task. Call it several times in one turn: the tasks then run at the same time, and you get all "
        "results together. Tasks that need each other's results go into different turns. Each agent at work costs "
        "money: split only what is independent." + (f" Agents that are there already: {others}." if others else ""),
        {
            "type": "object",
            "properties": {
                "agent": {"type": "string", "description": "name of the agent"},
                "prompt": {"type": "string", "description": "the task, with all that the agent must know"},
                "items": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "to carry the task out once for each of 2 to 128 items: {{ item }} in the prompt "
                    "stands for the item",
                },
            },
            "required": ["agent", "prompt"],
        },
    )
