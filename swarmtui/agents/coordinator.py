"""The coordinator: talks with the user before anything runs, and proposes what could. It starts nothing.

Without I/O but for :func:`converse`: :func:`chat_request` makes the call of a conversation, :class:`Heard` reads the
reply as it comes, and its end is a :class:`Decision`. The prompt is in ``prompts/coordinator.md``. What the model
writes is text from outside: a proposal is data that is shown, checked and confirmed, never a command.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Literal

from swarmtui.frozen import frozen
from swarmtui.models.chat import (
    ChatModel,
    ChatRequest,
    FinishReason,
    Message,
    Purpose,
    TextDelta,
    complete,
    model_error,
    priced,
)
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.plan.repair import loads_lenient
from swarmtui.safety.text import clean, one_line
from swarmtui.session.vocabulary import ErrorKind, Usage

MOST_TURNS = 40
MOST_TALK_CHARS = 24_000
"""Of the conversation so much is given to the model, the latest of it."""
MOST_SESSIONS = 40
MOST_TASKS = 40
MOST_GOAL_CHARS = 20_000
MOST_TOKENS = 4_096
"""Of one reply, with what the model thinks before it."""
ASKED = "You have asked already. Do not ask again: propose, with what you know by now."
_HEAD = re.compile(r"[\s*_`#]*(REPLY|ASK|START)\b[*_`]*[:.]?[*_`]*[ \t]*\n?")
_MAY_BECOME_HEAD = re.compile(r"[\s*_`#]*[A-Z]{0,5}")
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}")


class Kind(StrEnum):
    """What the coordinator does."""

    REPLY = "reply"
    ASK = "ask"
    START = "start"


@frozen
class Said:
    """A turn of the conversation."""

    who: Literal["you", "coordinator"]
    text: str
    kind: Kind = Kind.REPLY
    """Of the coordinator's turns."""


@frozen
class TaskOffered:
    """A task file that may be proposed."""

    name: str
    title: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Input -> what it is for."""


@frozen
class Start:
    """What is proposed: a goal, or a task with values of its inputs."""

    goal: str = ""
    task: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)


@frozen
class Decision:
    """How a reply ends. `text` is clean; `start` is there where something is proposed."""

    kind: Kind
    text: str
    start: Start | None = None
    problem: str = ""
    """Why what was proposed cannot be used, if so."""


@frozen
class Answered:
    """A decision, and what it took."""

    decision: Decision
    usage: Usage


# -- what the model is told -------------------------------------------------------------------------------------------


@cache
def system_prompt() -> str:
    """What every call begins with."""
    return files("swarmtui.agents").joinpath("prompts", "coordinator.md").read_text("utf-8")


def digest(rows: Sequence[Mapping[str, JSON]]) -> str:
    """Sessions, as ``ls --json`` prints them, a line each, the newest first and :data:`MOST_SESSIONS` at most."""
    known = [row for row in rows if row.get("id")]
    lines = [_session(row) for row in known[:MOST_SESSIONS]]
    if len(known) > MOST_SESSIONS:
        lines.append(f"(and {len(known) - MOST_SESSIONS:,} older ones)")
    return "\n".join(lines) or "(none)"


def _session(row: Mapping[str, JSON]) -> str:
    counts = row.get("counts")
    told = ", ".join(f"{n} {state}" for state, n in counts.items()) if isinstance(counts, Mapping) else ""
    cost = row.get("cost_usd")
    parts = [
        one_line(str(row["id"]), 64),
        one_line(str(row.get("status") or "?"), 24),
        one_line(str(row.get("title") or ""), 100),
        f"nodes: {one_line(told, 100)}" if told else "",
        f"${cost:.4f}" if isinstance(cost, int | float) else "",
        "needs you" if row.get("needs_you") else "",
        "simulated" if row.get("simulated") else "",
        f"on {one_line(str(row['host']), 40)}" if row.get("far") and row.get("host") else "",
    ]
    return " | ".join(part for part in parts if part)


def chat_request(
    model: ModelRef, talk: Sequence[Said], sessions: str, tasks: Sequence[TaskOffered] = ()
) -> ChatRequest:
    """The call that answers the last turn of `talk`, which is the user's."""
    kept = _kept(talk)
    about = [_tagged("sessions", sessions), _tagged("tasks", "\n".join(map(_task, tasks[:MOST_TASKS])) or "(none)")]
    if len(kept) > 1 and kept[-2].who == "coordinator" and kept[-2].kind is Kind.ASK:
        about.append(ASKED)
    system = Message("system", "\n\n".join([system_prompt(), *about]))
    turns = (Message("user" if one.who == "you" else "assistant", _as_written(one)) for one in kept)
    return ChatRequest(model, (system, *turns), max_tokens=MOST_TOKENS, purpose=Purpose.TALK)


def _kept(talk: Sequence[Said]) -> list[Said]:
    """The latest turns, beginning with one of the user's; of two in a row of one side a single one."""
    kept: list[Said] = []
    room = MOST_TALK_CHARS
    for one in reversed(talk[-MOST_TURNS:]):
        room -= len(one.text)
        if kept and room < 0:
            break
        if kept and kept[0].who == one.who:
            kept[0] = Said(one.who, f"{one.text}\n{kept[0].text}", kept[0].kind)
        else:
            kept.insert(0, one)
    return kept[1:] if kept and kept[0].who != "you" else kept


def _as_written(one: Said) -> str:
    return one.text if one.who == "you" else f"{one.kind.name}\n{one.text}"


def _task(task: TaskOffered) -> str:
    inputs = "; ".join(f"{one_line(name, 40)}: {one_line(told, 80)}" for name, told in list(task.inputs.items())[:12])
    parts = (one_line(task.name, 120), one_line(task.title, 100), f"inputs: {inputs}" if inputs else "")
    return " | ".join(part for part in parts if part)


def _tagged(tag: str, text: str) -> str:
    return f"<{tag}>\n{text.replace(f'</{tag}', f'< /{tag}')}\n</{tag}>"


# -- what the model says ----------------------------------------------------------------------------------------------


class Heard:
    """Reads a reply as it comes. A reply that does not say what it is, is an answer."""

    def __init__(self, tasks: Sequence[TaskOffered] = ()) -> None:
        self._tasks = {task.name: task for task in tasks}
        self._held = ""
        self._kind: Kind | None = None
        self._text = ""

    def feed(self, piece: str) -> str:
        """What may be shown of the reply by now; of a proposal nothing, it is shown once it is whole."""
        if self._kind is None:
            self._held += piece
            head = _HEAD.match(self._held)
            if head is not None and head.end() < len(self._held):
                self._kind, piece = Kind[head[1]], self._held[head.end() :]
            elif head is not None or _MAY_BECOME_HEAD.fullmatch(self._held):
                return ""
            else:
                self._kind, piece = Kind.REPLY, self._held
        self._text += piece
        return "" if self._kind is Kind.START or self._text.lstrip().startswith(("{", "```")) else piece

    def finish(self) -> Decision:
        """What the whole reply comes to."""
        head = _HEAD.match(self._held) if self._kind is None else None
        kind = Kind[head[1]] if head is not None else self._kind or Kind.REPLY
        text = self._text or (self._held[head.end() :] if head is not None else self._held)
        found = self._proposal(text) if kind is Kind.START or text.lstrip().startswith(("{", "```")) else None
        if found is not None:
            return found
        said = clean(text).strip()
        if kind is Kind.START:
            return Decision(Kind.REPLY, said, problem="what it proposed cannot be read: say it again, or plan it")
        return Decision(kind if said else Kind.REPLY, said)

    def _proposal(self, text: str) -> Decision | None:
        try:
            data = loads_lenient(text)
        except ValueError:
            return None
        if not isinstance(data, dict) or not (data.get("goal") or data.get("task")):
            return None
        say = data.get("say")
        told = one_line(say, 400) if isinstance(say, str) else ""
        start, problem = self._start(data)
        if start is None:
            return Decision(Kind.REPLY, told, problem=problem)
        return Decision(Kind.START, told, start)

    def _start(self, data: Mapping[str, JSON]) -> tuple[Start | None, str]:
        """What is to be started; None with the reason where that is nothing that could be."""
        task, goal = data.get("task"), data.get("goal")
        if isinstance(task, str) and task.strip():
            known = self._tasks.get(task.strip())
            if known is None:
                return None, f"it proposed a task file that there is not: {one_line(task, 80)}"
            return self._with_inputs(known, data.get("inputs"))
        said = clean(goal).strip() if isinstance(goal, str) else ""
        if not said:
            return None, "it proposed a goal without words"
        if len(said) > MOST_GOAL_CHARS:
            return None, f"it proposed a goal of {len(said):,} characters; {MOST_GOAL_CHARS:,} is the most"
        return Start(goal=said), ""

    def _with_inputs(self, task: TaskOffered, inputs: JSON) -> tuple[Start | None, str]:
        given: dict[str, str] = {}
        for name, value in inputs.items() if isinstance(inputs, Mapping) else ():
            if not _NAME.fullmatch(str(name)) or name not in task.inputs:
                return None, f"it proposed an input that {one_line(task.name, 80)} has not: {one_line(str(name), 60)}"
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            given[str(name)] = clean(text)[:MOST_GOAL_CHARS]
        return Start(task=task.name, inputs=given), ""


async def converse(
    model: ChatModel, request: ChatRequest, tasks: Sequence[TaskOffered], on_text: Callable[[str], None]
) -> Answered:
    """One reply, its text given to `on_text` as it comes. Raises ModelError; cancelling ends the call."""
    heard = Heard(tasks)

    def on_delta(delta: object) -> None:
        shown = heard.feed(delta.text) if isinstance(delta, TextDelta) else ""
        if shown:
            on_text(shown)

    reply = await complete(model, request, on_delta)
    if reply.finish_reason is FinishReason.FILTERED:
        told = f"the provider of {request.model.name} withheld the reply for its content"
        raise model_error(ErrorKind.REFUSED, told)
    decision = heard.finish()
    if not decision.text and decision.start is None and not decision.problem:
        raise model_error(ErrorKind.MALFORMED, f"{request.model.name} gave an empty reply")
    return Answered(decision, priced(reply.usage, request.model))
