"""What an agent does next: decided from its thread, its tools and the rules of the plan, and nothing else. Pure.

:func:`next_action` may be asked at any time, also by an attempt that took over after a crash: what is recorded is not
done again. A call that may have changed the world and was cut off is not repeated by itself: the model is told, and
may look; only a person's word for that call lets it be made again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from swarmtui.agents import compaction, control_tools
from swarmtui.agents.answers import PERMISSION_CHOICES, refusal
from swarmtui.agents.control_tools import Powers, Refusals, Wrong
from swarmtui.agents.guard import circling
from swarmtui.agents.thread import (
    ANSWER,
    ASK_USER,
    ASSIGN,
    NUDGE,
    UNCALLED,
    WANTS_JSON,
    WARNING,
    Call,
    Thread,
    Turn,
    shown_turns,
)
from swarmtui.agents.tools import AgentTool
from swarmtui.engine.ports import Assignment, Inquiry
from swarmtui.models.chat import FinishReason, Message, Reply, Tool
from swarmtui.models.window import estimate_text, estimate_tokens
from swarmtui.plan.lookup import LookupFailed, TemplateError, render
from swarmtui.plan.model import JSON
from swarmtui.plan.repair import loads_lenient
from swarmtui.plan.team import AgentLimits
from swarmtui.safety.permissions import Effect, decide
from swarmtui.safety.text import visible
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind

MOST_DENIALS = 3
MOST_CALLS = 64
"""Calls of one turn that are looked at; the rest is refused."""
MOST_ARGUMENTS = 1_000_000

_CUT_OFF = (
    "It is not known whether this call took effect: it was cut off while it ran. Look how things are before you "
    "repeat it."
)
_EMPTY = "Your reply was empty. Go on with the task: call a tool, or answer."
_ANSWER_ALONE = f"not taken: call {ANSWER} alone, once you have the results of the other calls"


@dataclass(frozen=True, slots=True)
class Ready:
    """A tool call that may be made."""

    call: Call
    agent: str
    tool: AgentTool
    arguments: Mapping[str, JSON]
    why: str
    """By whose leave."""


@dataclass(frozen=True, slots=True)
class Record:
    """Entries to record; nothing else is to be done for them."""

    entries: tuple[JSON, ...]


@dataclass(frozen=True, slots=True)
class CallTools:
    """Calls to be made, at the same time."""

    calls: tuple[Ready, ...]


@dataclass(frozen=True, slots=True)
class CallModel:
    """A call of the active agent's model."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    schema: JSON = None
    final: bool = False
    """No calls are wanted in the answer: it ends the work, or sums it up."""
    closing: str | None = None
    """What keeps the agent from going on by itself."""
    summary_before: int | None = None
    """It sums up what came before this entry, instead of going on."""


@dataclass(frozen=True, slots=True)
class Suspend:
    """There is something to wait for."""

    assignments: tuple[Assignment, ...] = ()
    inquiries: tuple[Inquiry, ...] = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """The agent has answered. `stopped` says what kept it from going on by itself, `cut` that its text is not whole,
    `lacks` which tools it should have called."""

    text: str
    stopped: str | None = None
    cut: bool = False
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fail:
    """It cannot go on."""

    error: ErrorInfo


Action = Record | CallTools | CallModel | Suspend | Finish | Fail


@dataclass(frozen=True, slots=True)
class Work:
    """What an agent is given beside its thread: the task, what it can do, and the window of its model in tokens."""

    prompt: str
    powers: Powers
    tools: Mapping[str, AgentTool] = field(default_factory=dict)
    """By the name that the model calls them by; those of :attr:`Thread.caller`."""
    window: int | None = None
    limits: AgentLimits = AgentLimits()
    """Those of the agent that the node began with."""
    must_call: frozenset[str] = frozenset()
    """Tools of which the agent has to call one before it answers."""

    @property
    def own_tools(self) -> frozenset[str]:
        """Names of the agent's own tools."""
        return frozenset(tool.name for tool in self.powers.offers)

    @property
    def offered(self) -> tuple[Tool, ...]:
        """All tools that the model is told of. Where names clash, the agent's own come first."""
        if self.limits.tool_calls == 0:
            return ()
        own = self.own_tools
        return (*(tool.spec for name, tool in self.tools.items() if name not in own), *self.powers.offers)

    @property
    def offers_tools(self) -> bool:
        """Whether there is anything to call."""
        return bool(self.offered)


def next_action(thread: Thread, work: Work) -> Action:
    """What the agent does next."""
    if thread.denials >= MOST_DENIALS:
        return Fail(
            ErrorInfo(
                ErrorKind.BLOCKED,
                f"{thread.agent} was refused {thread.denials} calls: allow what it needs under `permissions`, "
                "or change its instructions",
            )
        )
    turn = thread.turn
    if thread.open_calls and turn is not None:
        return _for_calls(thread, work, turn)
    if turn is not None and not turn.calls and not thread.remarks:
        return _for_answer(thread, work, turn)
    guarded = circling([one.calls for one in thread.turns], work.limits.tool_calls)
    if guarded.warn and turn is not None and turn.calls and not any(why == WARNING for why, _ in thread.remarks):
        return Record(({"role": "user", "content": guarded.warn, "why": WARNING},))
    return _call_model(thread, work, _closing(thread, work, guarded.stop))


def entry_of(thread: Thread, asked: CallModel, reply: Reply) -> JSON | ErrorInfo:
    """The entry for what the model replied, or what is wrong with the reply so that it is none."""
    if reply.finish_reason is FinishReason.FILTERED:
        return ErrorInfo(ErrorKind.REFUSED, "the provider withheld the model's reply for its content")
    calls = () if asked.final else reply.tool_calls
    if not reply.text.strip() and not calls:
        wrong = _emptiness(thread, asked, reply)
        if wrong is not None:
            return wrong
    if asked.summary_before is not None:
        return {"role": "summary", "before": asked.summary_before, "content": reply.text}
    ids = thread.new_ids(call.id for call in calls)
    return {
        "role": "assistant",
        "agent": thread.agent,
        "content": reply.text,
        "calls": [
            {"id": id, "name": call.name, "arguments": call.arguments} for id, call in zip(ids, calls, strict=True)
        ],
        **({"reasoning": reply.reasoning} if reply.reasoning else {}),
        **({"extra": reply.extra} if reply.extra is not None else {}),
        **({"final": True} if asked.final else {}),
        **({"closing": asked.closing} if asked.closing else {}),
        **({"cut": True} if reply.finish_reason is FinishReason.LENGTH else {}),
    }


def own_entry(call: Call, content: str, *, ok: bool, **more: JSON) -> JSON:
    """The entry for a call that swarmtui answers itself."""
    entry = {"role": "tool", "call": call.id, "name": call.name, "content": content, "ok": ok, "tainted": False}
    return {**entry, "own": True, **more}


def _emptiness(thread: Thread, asked: CallModel, reply: Reply) -> ErrorInfo | None:
    """What is wrong with an empty reply; None where the model is to be told so first."""
    if reply.finish_reason is FinishReason.LENGTH:
        text = "the model used its whole output limit before it answered: raise max_tokens"
        return ErrorInfo(ErrorKind.TOO_LONG, text)
    if asked.summary_before is not None:
        return ErrorInfo(ErrorKind.MALFORMED, "the model gave an empty summary of what is too long for it")
    if asked.final or any(why == NUDGE for why, _ in thread.remarks):
        return ErrorInfo(ErrorKind.MALFORMED, "the model gave an empty reply, and another when it was told to go on")
    return None


# -- the model answered -----------------------------------------------------------------------------------------


def _for_answer(thread: Thread, work: Work, turn: Turn) -> Action:
    if not turn.content.strip():
        return Record(({"role": "user", "content": _EMPTY, "why": NUDGE},))
    lacks = _lacks(thread, work)
    if lacks and not turn.final and not _was_told(thread, UNCALLED):
        return Record(({"role": "user", "content": _to_call(lacks), "why": UNCALLED},))
    schema = work.powers.schema
    if turn.final or schema is None or control_tools.mismatch(schema, turn.content) is None:
        return Finish(turn.content, turn.closing, turn.cut, lacks)
    text = "Give your final answer now, as JSON of this schema and nothing else:\n" + json.dumps(schema)
    return Record(({"role": "user", "content": text, "why": WANTS_JSON},))


def _lacks(thread: Thread, work: Work) -> tuple[str, ...]:
    """The tools of which one has to be called, if none was."""
    called = any(call.name in work.must_call for turn in thread.turns for call in turn.calls)
    return () if called else tuple(sorted(work.must_call))


def _was_told(thread: Thread, why: str) -> bool:
    return any(why == one for turn in thread.turns for one, _ in turn.remarks)


def _to_call(tools: tuple[str, ...]) -> str:
    return f"You have not called {' or '.join(tools)}, which your task needs. Do so before you answer."


# -- the model is called ----------------------------------------------------------------------------------------


def _closing(thread: Thread, work: Work, circles: str | None) -> str | None:
    """Why the next answer has to be the last one."""
    if circles is not None:
        return circles
    if thread.steps >= work.limits.steps - 1 and work.offers_tools:
        return f"it reached its limit of {work.limits.steps} steps"
    if thread.tool_calls >= work.limits.tool_calls and work.offers_tools:
        return f"it reached its limit of {work.limits.tool_calls} tool calls"
    return None


def _call_model(thread: Thread, work: Work, closing: str | None) -> Action:
    powers = work.powers
    try:
        system = system_prompt(thread, work)
    except (LookupFailed, TemplateError) as error:
        fix = "set it under `context` of the node"
        return Fail(ErrorInfo(ErrorKind.INPUT, f"instructions of {powers.name}: {error}: {fix}"))
    wants_json = any(why == WANTS_JSON for why, _ in thread.remarks)
    final = closing is not None or wants_json
    tools = () if final else work.offered
    sent = compaction.messages(thread, system, work.prompt, flat=not tools)
    if closing is not None:
        told = f"You get no more tools, since {_to_you(closing)}."
        told += " Answer the task now with what you have, and say what is missing."
        sent = compaction.joined((*sent, Message("user", told)))
    if work.window is not None:
        room = int(work.window * compaction.SHARE) - min(powers.agent.max_tokens or 0, work.window // 3)
        if estimate_tokens(sent, tools) > room:
            return _make_room(thread, work, system, tools, room)
    return CallModel(sent, tools, None if tools else powers.schema, final=final, closing=closing)


def system_prompt(thread: Thread, work: Work) -> str:
    """What the active agent's model is told first. Raises LookupFailed, TemplateError."""
    own = render(work.powers.agent.instructions, thread.context)
    return "\n\n".join(filter(None, (own, house_rules() if work.offers_tools or thread.turns else "")))


@cache
def house_rules() -> str:
    """What every agent with tools is told of how it works here."""
    return files("swarmtui.agents").joinpath("prompts", "agent.md").read_text("utf-8").strip()


def _make_room(thread: Thread, work: Work, system: str, tools: tuple[Tool, ...], room: int) -> Action:
    fixed = estimate_tokens((Message("system", system), Message("user", work.prompt)), tools)
    sizes = [compaction.turn_size(thread, turn) for turn in shown_turns(thread)]
    squeeze = compaction.squeeze(thread, sizes, fixed, room)
    if squeeze is None:
        needed = fixed + sum(sizes) + estimate_text(thread.summary)
        text = f"the task and what {thread.agent} gathered need some {needed:,} tokens, its model takes {work.window:,}"
        return Fail(ErrorInfo(ErrorKind.TOO_LONG, f"{text}: give it a model with a larger window, or less at once"))
    if not squeeze.summarise:
        return Record(({"role": "cut", "before": squeeze.before},))
    sent = compaction.summary_request(thread, work.prompt, squeeze.before, room)
    return CallModel(sent, final=True, summary_before=squeeze.before)


def _to_you(closing: str) -> str:
    return closing.replace("it ", "you ", 1).replace(" its ", " your ")


# -- calls are open ---------------------------------------------------------------------------------------------


def _for_calls(thread: Thread, work: Work, turn: Turn) -> Action:
    """What becomes of the open calls: first what is answered here, then what can be called, then what is waited for."""
    guarded = circling([one.calls for one in thread.turns], work.limits.tool_calls)
    if guarded.stop is not None:
        why = f"not called, since {_to_you(guarded.stop)}: answer with what you have"
        return Record(tuple(own_entry(call, why, ok=False) for call in thread.open_calls))
    if len(turn.calls) == 1 and turn.calls[0].name == ANSWER and work.powers.schema is not None:
        return _final_answer(thread, work, turn.calls[0])
    entries: list[JSON] = []
    ready: list[Ready] = []
    inquiries: list[Inquiry] = []
    given: dict[str, Mapping[str, JSON] | Wrong] = {}
    for call in thread.open_calls:
        match _for_call(thread, work, turn, call):
            case Ready() as one:
                ready.append(one)
            case Inquiry() as question:
                inquiries.append(question)
            case Given(arguments):
                given[call.id] = arguments
            case entry:
                entries.append(entry)
    if entries:
        return Record(tuple(entries))
    if ready:
        return CallTools(tuple(ready))
    try:
        return Suspend(tuple(control_tools.assignments(work.powers, thread, given)), tuple(inquiries))
    except Refusals as refused:
        by_id = {call.id: call for call in turn.calls}
        return Record(tuple(own_entry(by_id[id], f"error: {why}", ok=False) for id, why in refused.reasons.items()))


@dataclass(frozen=True, slots=True)
class Given:
    """A call that gives a task away, with its arguments or what is wrong with them."""

    arguments: Mapping[str, JSON] | Wrong


def _for_call(thread: Thread, work: Work, turn: Turn, call: Call) -> Ready | Inquiry | Given | JSON:
    """What becomes of one open call; a mapping is the entry that answers it."""
    place = turn.calls.index(call)
    if call.name == ANSWER and work.powers.schema is not None:
        return own_entry(call, _ANSWER_ALONE, ok=False)
    before = thread.tool_calls - len(turn.calls)
    if place >= MOST_CALLS or before + place >= work.limits.tool_calls:
        most = min(MOST_CALLS, work.limits.tool_calls)
        return own_entry(call, refusal(f"more calls than you may make ({most})"), ok=False)
    try:
        tool = None if call.name in work.own_tools else work.tools.get(call.name)
        writes = tool is not None and tool.effect is Effect.WRITE
        arguments = _arguments(call, strict=turn.cut or writes)
        if call.name in work.own_tools:
            return _own_call(thread, work.powers, call, arguments)
        if tool is None:
            raise Wrong(f"there is no tool {call.name[:60]!r}; there are {sorted((*work.tools, *work.own_tools))}")
        missing = [name for name in tool.spec.parameters.get("required", ()) if name not in arguments]
        if missing:
            raise Wrong(f"arguments are missing: {', '.join(missing)}")
    except Wrong as error:
        if call.name == ASSIGN and call.name in work.own_tools:
            return Given(error)
        return own_entry(call, f"error: {error}", ok=False)
    return _permitted(thread, work, turn, Ready(call, turn.agent, tool, arguments, ""))


def _own_call(thread: Thread, powers: Powers, call: Call, arguments: Mapping[str, JSON]) -> Inquiry | Given | JSON:
    """A call of one of the agent's own tools. Raises Wrong."""
    target = powers.handoffs.get(call.name)
    if target is not None:
        return own_entry(call, json.dumps({"assistant": target}), ok=True, agent=target)
    if call.name == ASK_USER:
        return control_tools.inquiry(call.id, arguments)
    if call.name == ASSIGN:
        return Given(arguments)
    made = control_tools.made_subagent(powers, thread, arguments)
    text = f"{made['name']} is there: give it tasks with {ASSIGN}"
    return own_entry(call, text, ok=True, made=made)


def _permitted(thread: Thread, work: Work, turn: Turn, ready: Ready) -> Ready | Inquiry | JSON:
    """Whether the call may be made. The agent counts as tainted by what it had read when it asked for the call."""
    call, tool = ready.call, ready.tool
    name = tool.rule_name or tool.spec.name
    if call.id in thread.called and call.id not in thread.allowed and tool.effect is Effect.WRITE:
        return own_entry(call, _CUT_OFF, ok=False)
    verdict = decide(work.powers.team.rules, name, ready.arguments, tool.effect, tainted=turn.tainted)
    if verdict.action == "deny":
        return own_entry(call, refusal(verdict.why), ok=False, denied=True)
    if verdict.action == "allow":
        return Ready(call, ready.agent, tool, ready.arguments, verdict.why)
    if call.id in thread.allowed:
        return Ready(call, ready.agent, tool, ready.arguments, "the user allowed it")
    if thread.granted(turn.agent, call.name, tainted=turn.tainted):
        return Ready(call, ready.agent, tool, ready.arguments, "the user allowed this tool for good")
    if not work.powers.may_wait:
        why = f"{verdict.why}, and nobody can be asked for an item of a map: it needs an allow rule"
        return own_entry(call, refusal(why), ok=False, denied=True)
    question = f"May {turn.agent} call {name}? {verdict.why[:1].upper()}{verdict.why[1:]}."
    return Inquiry(call.id, question, PERMISSION_CHOICES, "permission", call_text(name, ready.arguments))


def call_text(name: str, arguments: Mapping[str, JSON]) -> str:
    """The whole call as text in which nothing hides: what is not plainly visible is escaped as in JSON."""
    written = json.dumps(arguments, ensure_ascii=False, indent=2, default=str)
    lines = ("\\".join(visible(part) for part in line.split("\\")) for line in written.split("\n"))
    return f"{visible(name)} " + "\n".join(lines)


def _arguments(call: Call, *, strict: bool) -> Mapping[str, JSON]:
    """The arguments of a call. `strict`: nothing is mended, since the end may be missing. Raises Wrong."""
    text = call.arguments.strip() or "{}"
    if len(text) > MOST_ARGUMENTS:
        raise Wrong(f"arguments are too long: {len(text):,} characters, at most {MOST_ARGUMENTS:,}")
    try:
        value = json.loads(text) if strict else loads_lenient(text)
    except (ValueError, RecursionError):
        raise Wrong("arguments are no JSON that can be read" + (", perhaps cut off" if strict else "")) from None
    if not isinstance(value, dict):
        raise Wrong("arguments have to be a JSON object")
    return value


def _final_answer(thread: Thread, work: Work, call: Call) -> Action:
    powers, lacks = work.powers, _lacks(thread, work)
    try:
        arguments = _arguments(call, strict=False)
    except Wrong as error:
        return Record((own_entry(call, f"error: {error}", ok=False),))
    value = arguments.get("answer") if powers.answer_is_wrapped else arguments
    text = json.dumps(value, ensure_ascii=False)
    wrong = control_tools.mismatch(powers.schema, text)
    if wrong is not None:
        return Record((own_entry(call, f"error: {wrong}", ok=False),))
    if lacks and not any(one.name == ANSWER for turn in thread.turns[:-1] for one in turn.calls):
        return Record((own_entry(call, _to_call(lacks), ok=False),))
    return Finish(text, lacks=lacks)
