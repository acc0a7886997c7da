"""The thread of an agent: what its earlier attempts recorded, read back from the log for the attempt that goes on.

A node's thread begins after :attr:`NodeState.thread_seq`, which the fold moves when the node begins anew. That of an
item begins after the item's last end: only the user has it carried out again then. Where attempts start whose node had
given tasks away, their results are put in; where the user answered, the answer is. An end that a check refused is told
as what the user says, so that the agent can mend its answer instead of beginning anew.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import field

from swarmtui.frozen import mutable
from swarmtui.plan.model import JSON
from swarmtui.safety.permissions import Effect
from swarmtui.session.events import (
    AgentStepped,
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptSucceeded,
    Body,
    ChangeDecided,
    NodeRetried,
    QuestionAnswered,
    TaskAssigned,
    ToolCalled,
)
from swarmtui.session.log import Log
from swarmtui.session.rows import row_to_event
from swarmtui.session.vocabulary import ErrorKind

_TYPES = tuple(
    kind.TYPE
    for kind in (
        AgentStepped,
        AttemptCancelled,
        AttemptFailed,
        AttemptInterrupted,
        AttemptStarted,
        AttemptSucceeded,
        ChangeDecided,
        NodeRetried,
        QuestionAnswered,
        TaskAssigned,
        ToolCalled,
    )
)
REPEAT = "repeat"
PROGRAMS_OWN = "session"
"""Role of an entry that names the session which a program that is an agent keeps for itself."""
_MENDABLE = frozenset({ErrorKind.SCHEMA, ErrorKind.CHECK, ErrorKind.MALFORMED})

ResultsOf = Callable[[tuple[str, ...]], Awaitable[list[JSON]]]
"""How nodes ended, as the entry ``results`` holds it."""


class ThreadLost(Exception):
    """The session file lacks a part of a thread; the text says which."""


@mutable
class _Thread:
    entries: list[JSON] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    """Nodes made for tasks whose results the thread does not have yet."""
    open: dict[str, str] = field(default_factory=dict)
    """Call -> tool of what may have changed the world and has no result."""

    def clear(self) -> None:
        self.entries.clear()
        self.given.clear()
        self.open.clear()


async def thread_of(
    log: Log, node: str, item: int | None, after: int, results_of: ResultsOf, *, forked: int = 0
) -> tuple[JSON, ...]:
    """The thread with which the attempt that has just started goes on. Raises ThreadLost, LogError.

    `forked` is the last event that the session has of its parent, if it is a fork.
    """
    thread = _Thread()
    for row in await log.of_node(node, after, _TYPES):
        body = row_to_event(row).body
        if getattr(body, "item", None) != item:
            continue
        if isinstance(body, AgentStepped) and body.role == PROGRAMS_OWN and row.seq <= forked:
            continue  # the parent goes on with that one, and two at once would spoil it
        if isinstance(body, AgentStepped):
            thread.entries.append(await _entry(log, body))
            thread.open.pop(body.call, None)
        elif isinstance(body, AttemptStarted):
            if thread.given:
                thread.entries.append({"role": "results", "nodes": await results_of(tuple(thread.given))})
                thread.given.clear()
        elif _is_end(body) or (isinstance(body, NodeRetried) and not body.goes_on):
            if item is not None:
                thread.clear()
        else:
            thread.entries.extend(_told(body, thread))
    return tuple(thread.entries)


def _told(body: Body, thread: _Thread) -> Iterator[JSON]:
    """What the engine has to say on the way."""
    match body:
        case ToolCalled(call=call, tool=tool, effect=effect):
            if effect is Effect.WRITE:
                thread.open[call] = tool
            yield {"role": "called", "call": call, "name": tool}
        case TaskAssigned(call=call, children=children):
            thread.given.extend(children)
            yield {"role": "assigned", "call": call, "nodes": list(children)}
        case QuestionAnswered(call=call, answer=answer) if call:
            yield {"role": "answer", "call": call, "content": answer}
        case NodeRetried(result=result):
            yield from _decided(thread, result)
        case ChangeDecided(accepted=accepted, feedback=feedback, nodes=nodes):
            thread.given.extend(nodes)
            yield {"role": "accepted" if accepted else "feedback", "content": feedback}
        case AttemptFailed(error=error) if error.kind in _MENDABLE and thread.entries:
            said = f"That answer is not accepted: {error.message}. Give a whole answer that is."
            yield {"role": "user", "content": said}


def _decided(thread: _Thread, result: str | None) -> Iterator[JSON]:
    """What the user says of the calls that were cut short: to be repeated, or what came of them."""
    for call, tool in thread.open.items():
        if result is None:
            yield {"role": "answer", "call": call, "content": REPEAT}
        else:
            said = result or "(the user says that this was done)"
            yield {"role": "tool", "call": call, "name": tool, "content": said, "ok": True, "tainted": False}
    thread.open.clear()


def said_so_far(thread: Iterable[JSON]) -> str:
    """What the agent itself has said in a thread."""
    said = (str(entry.get("content") or "") for entry in thread if entry.get("role") == "assistant")
    return "\n\n".join(text for text in said if text.strip())


def _is_end(body: Body) -> bool:
    """Whether the user alone has it carried out again after this."""
    match body:
        case AttemptSucceeded():
            return True
        case AttemptFailed(retry_in_s=wait):
            return wait is None
        case AttemptCancelled(hold=hold):
            return not hold
        case AttemptInterrupted(cancelled=cancelled):  # of what else was cut short, the user's word tells
            return cancelled
        case _:
            return False


async def _entry(log: Log, body: AgentStepped) -> JSON:
    data = await log.blob(body.sha)
    if data is None:
        raise ThreadLost(f"the session file lacks a step of {body.node}: retry it to have it begin anew")
    return json.loads(data)
