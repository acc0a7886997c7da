"""DeerFlow's recorded chats, which are server-sent events as its server streamed them, as sessions.

The recording says who speaks (``agent``) and in which message (``id``), and when a message is over (``finish_reason``).
It has no times: as in its own replay each chunk takes 50 ms, and a tool's result half a second before it and 0.8 after.
Agents work one after the other there. Each spell of work of one agent becomes a node: coordinator, planner, the steps
of the plan in their order, reporter; a plan that waits for the user's word becomes a question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from pathlib import Path

from swarmtui.frozen import frozen, mutable
from swarmtui.plan.model import JSON
from swarmtui.session.imports.foreign import Recording, check_size
from swarmtui.session.imports.lines import LINE_BYTES, BadInput, Passed, Problems, loads, numbered, text_of

CHUNK_S = 0.05
BEFORE_RESULT_S, AFTER_RESULT_S = 0.5, 0.8
KINDS = frozenset(
    {"message_chunk", "tool_calls", "tool_call_chunks", "tool_call_result", "interrupt", "citations", "error"}
)
FIELDS = frozenset(
    {"id", "thread_id", "agent", "role", "content", "reasoning_content", "finish_reason", "tool_calls"}
    | {"tool_call_chunks", "tool_call_id", "options", "citations", "error", "message", "reason"}
)
"""Of an event's data, what is taken over."""
STEP_AGENTS = frozenset({"researcher", "coder", "analyst"})
MOST_SPELLS = 2_000
"""A recording with more changes of agents than this is taken for one without an end to them."""


@frozen
class Block:
    """One server-sent event; `line` is its first line."""

    line: int
    kind: str
    data: dict[str, JSON]


@mutable
class ToolCall:
    """A call of a tool; its arguments come in pieces."""

    id: str
    tool: str
    arguments: str
    pieces: list[str] = field(default_factory=list)

    @property
    def told(self) -> str:
        """Its arguments as text."""
        return "".join(self.pieces) or self.arguments


@mutable
class Message:
    """What an agent said in one go."""

    id: str
    began: float
    ended: float
    content: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    result_of: str | None = None
    """Of a tool's result: the call."""

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.content)


@mutable
class Spell:
    """A spell of work of one agent, until it stops or another one goes on."""

    agent: str
    began: float
    ended: float
    messages: dict[str, Message] = field(default_factory=dict)
    closed: bool = False
    """Its last message said that it is the last."""
    asks: dict[str, JSON] | None = None
    """Of a spell that waits for the user: what it asks."""
    error: str | None = None
    cancelled: bool = False
    citations: int = 0
    last: str = ""
    """ID of its last message."""

    @property
    def text(self) -> str:
        """What it came to: the last thing that was said; where nothing was, the last result of a tool."""
        said = [one.text for one in self.messages.values() if one.text.strip() and one.result_of is None]
        found = [one.text for one in self.messages.values() if one.text.strip()]
        return (said or found or [""])[-1]


def is_deerflow_sse(head: bytes) -> bool:
    """Whether a file that begins with `head` is such a recording."""
    lines = [line.strip() for line in head.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()]
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("event:")]
    return any(name in KINDS for name in named)


def read_deerflow(path: Path, *, source: str | None = None) -> Recording:
    """The session that the file at `path` records. Raises BadInput if there is nothing in it, OSError. Blocks."""
    from swarmtui.session.imports.deerflow_session import Telling

    check_size(path)
    problems = Problems(source or str(path))
    spells = Spells(problems)
    with path.open("rb") as file:
        for block in blocks(numbered(file, LINE_BYTES), problems):
            spells.take(block)
    if not spells.all:
        raise BadInput("\n".join([*problems.lines(), f"{problems.file}: no agent says anything in it"]))
    recording = Recording("DeerFlow (recorded chat)", path.stat().st_mtime, problems, run_id=spells.thread_id)
    recording.remarks.append("the recording has no times: each chunk is taken for 50 ms, a tool's result for 1.3 s")
    if spells.passed:
        recording.remarks.append(f"fields of no known meaning, passed over: {spells.passed}")
    Telling(recording, spells).tell()
    recording.began -= spells.now
    return recording


def blocks(lines: Iterator[tuple[int, bytes | None]], problems: Problems) -> Iterator[Block]:
    """The events of a stream; what is wrong is noted, and the rest goes on."""
    kind, data, began = "", list[str](), 0
    for number, line in lines:
        try:
            text = text_of(line)
        except ValueError as error:
            problems.add(number, str(error))
            continue
        if not text.strip():
            yield from _block(kind, data, began, problems)
            kind, data, began = "", [], 0
            continue
        began = began or number
        name, colon, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            if data:  # the blank line between two is missing
                yield from _block(kind, data, began, problems)
                data, began = [], number
            kind = value.strip()
        elif name == "data":
            data.append(value)
        elif name and not (colon and name in ("id", "retry")):
            problems.add(number, f"is no line of a stream of events: {text[:60]!r}")
    yield from _block(kind, data, began, problems)


def _block(kind: str, data: list[str], line: int, problems: Problems) -> Iterator[Block]:
    if not data:
        if kind:
            problems.add(line, f"event {kind[:40]!r} has no data")
        return
    try:
        value = loads("\n".join(data))
        if not isinstance(value, dict):
            raise ValueError("is no JSON object")
    except ValueError as error:
        problems.add(line, f"its data {error}")
        return
    if kind not in KINDS:
        problems.add(line, f"event {kind[:40]!r} is of no known kind")
        return
    yield Block(line, kind, value)


class Spells:
    """The recording, folded: who worked when, and what came of it."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.all: list[Spell] = []
        self.now = 0.0
        self.thread_id = ""
        self.question = ""
        """What the user said first."""
        self.passed = Passed()
        """Fields that nothing is known of."""
        self._call: ToolCall | None = None

    def take(self, block: Block) -> None:
        """One event of the stream."""
        data, kind = block.data, block.kind
        for name in data.keys() - FIELDS:
            self.passed.add(name)
        self.now += BEFORE_RESULT_S if kind == "tool_call_result" else CHUNK_S
        self.thread_id = self.thread_id or _text(data, "thread_id")
        if data.get("role") == "user" and kind == "message_chunk":
            if not self.all:
                self.question += _text(data, "content")
            return
        match kind:
            case "error":
                self._fail(data)
            case "interrupt":
                self._ask(data)
            case "citations":
                found = data.get("citations")
                if self.all and isinstance(found, list):
                    self.all[-1].citations += len(found)
            case _:
                self._take_message(block)
        if kind == "tool_call_result":
            self.now += AFTER_RESULT_S
        if self.all and self.all[-1].ended < self.now and kind not in ("interrupt", "citations"):
            self.all[-1].ended = self.now

    def _take_message(self, block: Block) -> None:
        data, id_ = block.data, _text(block.data, "id") or f"line-{block.line}"
        agent = (_text(data, "agent") or (self.all[-1].agent if self.all else "agent"))[:80]
        spell = self._spell(agent, id_)
        message = spell.messages.setdefault(id_, Message(id_, self.now, self.now))
        message.ended, spell.last = self.now, id_
        if block.kind == "tool_call_result":
            message.result_of = _text(data, "tool_call_id")
        message.content.append(_text(data, "content"))
        message.reasoning.append(_text(data, "reasoning_content"))
        for call in _dicts(data.get("tool_calls")):
            if name := _text(call, "name"):
                arguments = call.get("args")
                told = arguments if isinstance(arguments, str) else _json(arguments)
                message.calls.append(ToolCall(_text(call, "id") or f"call-{block.line}", name, told))
                self._call = message.calls[-1]
        for chunk in _dicts(data.get("tool_call_chunks")):
            self._take_chunk(message, chunk)
        if data.get("finish_reason") == "stop":
            spell.closed = True

    def _take_chunk(self, message: Message, chunk: dict[str, JSON]) -> None:
        """More of a call's arguments: of the one that it names, or the one before."""
        id_, name = _text(chunk, "id"), _text(chunk, "name")
        known = next((call for call in message.calls if call.id == id_), None) if id_ else self._call
        if known is None and name:
            known = ToolCall(id_ or f"{message.id}-{len(message.calls)}", name, "")
            message.calls.append(known)
        if known is not None:
            known.pieces.append(_text(chunk, "args"))
            self._call = known

    def _spell(self, agent: str, message: str) -> Spell:
        """The spell that a message belongs to."""
        if self.all:
            last = self.all[-1]
            goes_on = not last.closed or message == last.last
            if last.agent == agent and last.asks is None and goes_on:
                return last
            if len(self.all) >= MOST_SPELLS:
                same = next((spell for spell in reversed(self.all) if spell.agent == agent), last)
                return same if same.asks is None else last
        self.all.append(Spell(agent, self.now - CHUNK_S, self.now))
        return self.all[-1]

    def _ask(self, data: dict[str, JSON]) -> None:
        if len(self.all) < MOST_SPELLS:
            self.all.append(Spell("review", self.now - CHUNK_S, self.now, asks=data))

    def _fail(self, data: dict[str, JSON]) -> None:
        words = [_text(data, name) for name in ("error", "message", "content", "reason")]
        told = next((word for word in words if word), "it failed; the recording does not say why")
        if not self.all:
            self.all.append(Spell("coordinator", self.now - CHUNK_S, self.now))
        self.all[-1].error = told
        self.all[-1].cancelled = _text(data, "reason") == "cancelled"


def _text(data: dict[str, JSON], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _dicts(value: JSON) -> list[dict[str, JSON]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _json(value: JSON) -> str:
    from swarmtui.session.imports.foreign import text_of_value

    return text_of_value(value)
