"""What becomes of the calls that an agent's model asks for: answered here, made, waited for, or refused. Pure.

Permission is decided from the rules of the plan and from what a person said; the text of a result has no part in it.
A call that may have changed the world and was cut off is not repeated by itself: the model is told, and may look; only
a person's word for that call lets it be made again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from swarmtui.agents import control_tools
from swarmtui.agents.actions import Action, CallTools, Finish, Ready, Record, Suspend, Work
from swarmtui.agents.answers import PERMISSION_CHOICES, refusal
from swarmtui.agents.control_tools import Powers, Refusals, Wrong
from swarmtui.agents.guard import circling
from swarmtui.agents.thread import ANSWER, ASK_USER, ASSIGN, Call, Thread, Turn
from swarmtui.engine.ports import Inquiry
from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.plan.repair import loads_lenient
from swarmtui.safety.permissions import Effect, decide
from swarmtui.safety.text import visible

MOST_CALLS = 64
"""Calls of one turn that are looked at; the rest is refused."""
MOST_ARGUMENTS = 1_000_000

_CUT_OFF = (
    "It is not known whether this call took effect: it was cut off while it ran. Look how things are before you "
    "repeat it."
)
_MASKED = (
    "the arguments held a secret, which is not kept, so that the call cannot be made as it was asked for. Ask for it "
    "anew, and name a file or variable that has the secret instead of it."
)
_ANSWER_ALONE = f"not taken: call {ANSWER} alone, once you have the results of the other calls"


def for_open_calls(thread: Thread, work: Work, turn: Turn) -> Action:
    """What becomes of the open calls: first what is answered here, then what can be called, then what is waited for."""
    guarded = circling([one.calls for one in thread.turns], work.limits.tool_calls)
    if guarded.stop is not None:
        why = f"not called, since {to_you(guarded.stop)}: answer with what you have"
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


@frozen
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
            if call.masked:
                raise Wrong(_MASKED)
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
    if call.masked:
        return own_entry(call, f"error: {_MASKED}", ok=False)
    rules = work.powers.team.rules
    verdict = decide(rules, name, ready.arguments, tool.effect, tainted=turn.tainted, agent=turn.agent)
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
    return Inquiry(call.id, question, PERMISSION_CHOICES, "permission", call_text(name, ready.arguments), name)


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
    powers, lacks = work.powers, lacking(thread, work)
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
        return Record((own_entry(call, to_call(lacks), ok=False),))
    return Finish(text, lacks=lacks)


def own_entry(call: Call, content: str, *, ok: bool, **more: JSON) -> JSON:
    """The entry for a call that swarmtui answers itself."""
    entry = {"role": "tool", "call": call.id, "name": call.name, "content": content, "ok": ok, "tainted": False}
    return {**entry, "own": True, **more}


def lacking(thread: Thread, work: Work) -> tuple[str, ...]:
    """The tools of which one has to be called, if none was."""
    called = any(call.name in work.must_call for turn in thread.turns for call in turn.calls)
    return () if called else tuple(sorted(work.must_call))


def to_call(tools: tuple[str, ...]) -> str:
    return f"You have not called {' or '.join(tools)}, which your task needs. Do so before you answer."


def to_you(closing: str) -> str:
    return closing.replace("it ", "you ", 1).replace(" its ", " your ")
