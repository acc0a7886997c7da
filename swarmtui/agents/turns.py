"""What an agent does next: decided from its thread, its tools and the rules of the plan, and nothing else. Pure.

:func:`next_action` may be asked at any time, also by an attempt that took over after a crash: what is recorded is not
done again.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from swarmtui.agents import compaction, control_tools
from swarmtui.agents.actions import Action, CallModel, Fail, Finish, Record, Work
from swarmtui.agents.calls import for_open_calls, lacking, to_call, to_you
from swarmtui.agents.guard import circling
from swarmtui.agents.thread import (
    NUDGE,
    UNCALLED,
    WANTS_JSON,
    WARNING,
    Thread,
    Turn,
    shown_turns,
)
from swarmtui.models.chat import FinishReason, Message, Reply, Tool
from swarmtui.models.window import estimate_text, estimate_tokens
from swarmtui.plan.lookup import LookupFailed, TemplateError, render
from swarmtui.plan.model import JSON
from swarmtui.safety.redact import MASK
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind

MOST_DENIALS = 3

_EMPTY = "Your reply was empty. Go on with the task: call a tool, or answer."


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
        return for_open_calls(thread, work, turn)
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
        "calls": [_recorded(id, call.name, call.arguments) for id, call in zip(ids, calls, strict=True)],
        **({"reasoning": reply.reasoning} if reply.reasoning else {}),
        **({"extra": reply.extra} if reply.extra is not None else {}),
        **({"final": True} if asked.final else {}),
        **({"closing": asked.closing} if asked.closing else {}),
        **({"cut": True} if reply.finish_reason is FinishReason.LENGTH else {}),
    }


def _recorded(id: str, name: str, arguments: str) -> JSON:
    """A call as its entry has it. Where the model itself wrote what stands for a secret in records, the length tells
    later that nothing was masked: what is masked becomes shorter."""
    return {"id": id, "name": name, "arguments": arguments, **({"chars": len(arguments)} if MASK in arguments else {})}


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
    lacks = lacking(thread, work)
    if lacks and not turn.final and not _was_told(thread, UNCALLED):
        return Record(({"role": "user", "content": to_call(lacks), "why": UNCALLED},))
    schema = work.powers.schema
    if turn.final or schema is None or control_tools.mismatch(schema, turn.content) is None:
        return Finish(turn.content, turn.closing, turn.cut, lacks)
    text = "Give your final answer now, as JSON of this schema and nothing else:\n" + json.dumps(schema)
    return Record(({"role": "user", "content": text, "why": WANTS_JSON},))


def _was_told(thread: Thread, why: str) -> bool:
    return any(why == one for turn in thread.turns for one, _ in turn.remarks)


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
        told = f"You get no more tools, since {to_you(closing)}."
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
