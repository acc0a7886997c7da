"""What programs that are agents print while they work: one pure reader per format, from lines to events and an end.

Their formats are theirs and change: a line that is not understood is passed over, and no line, however hostile, makes a
reader raise. What a run came to is decided in one place (:meth:`Reader.finish`): it succeeded if it ended with exit
code 0, had told its good end, and told of no error after which there was no more such end. None of the three alone
is enough: programs are known to end with 0 after an error, and with ``"subtype": "success"`` and an error flag.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from swarmtui.safety.text import one_line

LINE_BYTES = 32 << 20
"""A longer line is passed over."""
TEXT_CHARS = 8 << 20
"""What is kept of what a program said; the rest is left out."""

_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Said:
    """Text of the agent, as it streams."""

    text: str
    channel: str = "output"
    """``output`` or ``reasoning``; what it does is told in the latter, a line per step."""


@dataclass(frozen=True, slots=True)
class SessionBegan:
    """The session's id, by which it can be resumed."""

    id: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """The program says that something went wrong and may yet get over it: no sign that it gets on."""

    text: str


Event = Said | SessionBegan | Trouble


@dataclass(frozen=True, slots=True)
class Totals:
    """Tokens; None is unknown."""

    tokens_in: int | None = None
    """Cached ones included."""
    tokens_out: int | None = None
    tokens_cached: int | None = None

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            _sum(self.tokens_in, other.tokens_in),
            _sum(self.tokens_out, other.tokens_out),
            _sum(self.tokens_cached, other.tokens_cached),
        )

    def since(self, before: Totals) -> Totals:
        """What came after `before`; all of it where `before` was no part of it."""
        pairs = (
            (self.tokens_in, before.tokens_in),
            (self.tokens_out, before.tokens_out),
            (self.tokens_cached, before.tokens_cached),
        )
        if any(now is not None and then is not None and now < then for now, then in pairs):
            return self
        return Totals(*(None if now is None else now - (then or 0) for now, then in pairs))


NO_TOTALS = Totals()
"""Nothing is known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    ok: bool
    text: str
    """The agent's last message."""
    problem: str = ""
    """Why it is no success, in one line."""
    status: int | None = None
    """HTTP status of the provider, where the program told it."""
    ended: bool = False
    """Whether it told its end."""
    acted: bool = False
    """Whether it used a tool, so that it may have changed something."""
    cut: bool = False
    """Whether `text` lacks a part."""
    tokens: Totals = NO_TOTALS
    """Of this run alone."""
    totals: Totals = NO_TOTALS
    """As the program counts: of the whole session, where it counts so."""
    cost_usd: float | None = None
    model: str | None = None
    calls: int | None = None


@dataclass(slots=True)
class _Words:
    """What an agent said, message by message: the last one that holds anything is its answer."""

    cut: bool = False
    _parts: list[str] = field(default_factory=list)
    _size: int = 0
    _before: str = ""

    def add(self, text: str) -> None:
        room = TEXT_CHARS - self._size
        self.cut = self.cut or len(text) > room
        if room > 0 and text:
            self._parts.append(text[:room])
            self._size += len(text[:room])

    def turn(self) -> None:
        """What follows is another message."""
        self._before = self.last
        self._parts.clear()
        self._size, self.cut = 0, False

    @property
    def begins(self) -> bool:
        """Whether nothing of the message is there yet."""
        return not self._parts

    @property
    def last(self) -> str:
        said = "".join(self._parts)
        return said if said.strip() else self._before


class Reader:
    """Reads what one run of a program prints. Never raises."""

    def __init__(self, before: Totals = NO_TOTALS) -> None:
        """`before`: what the session had used up when this run began."""
        self.ended = False
        """Whether the program has told its end, and nothing since."""
        self._before = before
        self._words = _Words()
        self._good = False
        self._error = ""
        self._trouble = ""
        self._status: int | None = None
        self._acted = False
        self._spoke = False
        self._totals = Totals()
        self._cost: float | None = None
        self._model: str | None = None
        self._calls: int | None = None
        self._session = ""

    def feed(self, line: str) -> list[Event]:
        """What `line` tells, without its line end; nothing if it is not understood."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return []
        return self._take(value) if isinstance(value, dict) else []

    def finish(self, exit_code: int | None) -> Outcome:
        """What the run came to. `exit_code` is None if the program was ended from outside after it had told its end."""
        ok = self._good and self.ended and not self._error and exit_code in (0, None)
        return Outcome(
            ok=ok,
            text=self._words.last,
            problem="" if ok else self._problem(exit_code),
            status=self._status,
            ended=self.ended,
            acted=self._acted,
            cut=self._words.cut,
            tokens=self._totals,
            totals=self._totals,
            cost_usd=self._cost,
            model=self._model,
            calls=self._calls,
        )

    def _problem(self, exit_code: int | None) -> str:
        told = one_line(self._error or self._trouble, 300)
        if told:
            return told
        if exit_code:
            return f"ended by signal {exit_code - 128}" if exit_code > 128 else f"exit code {exit_code}"
        return "it ended without saying that it was done" if not self._good else "it said more after its end"

    def _take(self, event: dict[str, Any]) -> list[Event]:
        return []

    # -- what the formats share -------------------------------------------------------------------------------

    def _begin(self, session: object) -> list[Event]:
        """The id of the session, told once."""
        name = _text(session)
        if not is_session_id(name) or name == self._session:
            return []
        self._session = name
        return [SessionBegan(name)]

    def _say(self, text: object, channel: str = "output") -> list[Event]:
        said = _text(text)
        if channel != "output" or not said:
            return [Said(said, channel)] if said else []
        apart = "\n\n" if self._words.begins and self._spoke else ""
        self._spoke = True
        self._words.add(said)
        return [Said(f"{apart}{said}", channel)]

    def _act(self, what: object, with_: object = None) -> list[Event]:
        """It uses a tool: what it says next is another message."""
        self._acted = True
        self._words.turn()
        return [_step(_text(what) or "tool", with_)]

    def _end(self, *, good: bool, error: str = "") -> list[Event]:
        self.ended, self._good = True, good
        self._error = error if not good else ""
        return []


class TextReader(Reader):
    """Plain text: all of it is the answer, and exit code 0 is success."""

    def feed(self, line: str) -> list[Event]:
        """The line is text."""
        return self._say(f"{line}\n")

    def finish(self, exit_code: int | None) -> Outcome:
        """Decided by the exit code alone."""
        self._end(good=True)
        return super().finish(1 if exit_code is None else exit_code)


class ClaudeReader(Reader):
    """``claude -p --output-format stream-json --include-partial-messages``."""

    _streamed = False

    def _take(self, event: dict[str, Any]) -> list[Event]:
        match event.get("type"):
            case "system":
                self._model = _text(event.get("model")) or self._model
                if event.get("subtype") == "api_retry":
                    self._trouble = _text(event.get("error")) or "the provider does not answer"
                    return [Trouble(self._trouble)]
                return self._begin(event.get("session_id"))
            case "stream_event":
                return self._part(event)
            case "assistant":
                return self._message(event)
            case "user":
                return [
                    _step("failed", _flat(block.get("content")))
                    for block in _blocks(event)
                    if block.get("type") == "tool_result" and block.get("is_error") is True
                ]
            case "result":
                return self._result(event)
        return []

    def _part(self, event: dict[str, Any]) -> list[Event]:
        if event.get("parent_tool_use_id"):
            return []
        if _at(event, "event", "type") == "message_start":
            self._words.turn()
            self._streamed = False
        delta = _at(event, "event", "delta")
        if _at(delta, "type") == "thinking_delta":
            return self._say(_at(delta, "thinking"), "reasoning")
        self._streamed = self._streamed or _at(delta, "type") == "text_delta"
        return self._say(_at(delta, "text"))

    def _message(self, event: dict[str, Any]) -> list[Event]:
        told: list[Event] = []
        below = bool(event.get("parent_tool_use_id"))
        for block in _blocks(event):
            if block.get("type") == "tool_use":
                told += self._act(block.get("name"), block.get("input"))
            elif block.get("type") == "text" and not below and not self._streamed:
                told += self._say(block.get("text"))
        return told

    def _result(self, event: dict[str, Any]) -> list[Event]:
        usage = event.get("usage")
        cached, written = _count(_at(usage, "cache_read_input_tokens")), _at(usage, "cache_creation_input_tokens")
        fresh = _count(_at(usage, "input_tokens"))
        self._totals = Totals(
            None if fresh is None else fresh + (cached or 0) + (_count(written) or 0),
            _count(_at(usage, "output_tokens")),
            cached,
        )
        self._cost, self._calls = _money(event.get("total_cost_usd")), _count(event.get("num_turns"))
        self._status = _count(event.get("api_error_status"))
        subtype, errors = _text(event.get("subtype")), event.get("errors")
        good = subtype == "success" and event.get("is_error") is False
        answer = _text(event.get("result"))
        if good and answer:
            self._words = _Words()
            self._words.add(answer)
        listed = "; ".join(map(_text, errors)) if isinstance(errors, list) else ""
        return [*self._begin(event.get("session_id")), *self._end(good=good, error=listed or answer or subtype)]


class CodexReader(Reader):
    """``codex exec --json``: whole items only, and usage as the running total of the thread."""

    def finish(self, exit_code: int | None) -> Outcome:
        """Tokens are those since the session's earlier runs."""
        outcome = super().finish(exit_code)
        fields = {name: getattr(outcome, name) for name in Outcome.__slots__}
        return Outcome(**{**fields, "tokens": self._totals.since(self._before)})

    def _take(self, event: dict[str, Any]) -> list[Event]:
        match event.get("type"):
            case "thread.started":
                return self._begin(event.get("thread_id"))
            case "turn.started":
                self.ended = False
            case "item.started" | "item.completed":
                return self._item(event, done=event["type"] == "item.completed")
            case "turn.completed":
                usage = event.get("usage")
                self._totals = Totals(
                    _count(_at(usage, "input_tokens")),
                    _count(_at(usage, "output_tokens")),
                    _count(_at(usage, "cached_input_tokens")),
                )
                return self._end(good=True)
            case "turn.failed":
                return self._end(good=False, error=_text(_at(event, "error", "message")) or "the turn failed")
            case "error":
                self._trouble = _text(event.get("message"))
                return [Trouble(self._trouble)]
        return []

    def _item(self, event: dict[str, Any], *, done: bool) -> list[Event]:
        item = event.get("item")
        kind = _at(item, "type")
        if kind == "agent_message" and done:
            self._words.turn()
            return self._say(_at(item, "text"))
        if kind == "reasoning" and done:
            return self._say(_text(_at(item, "text")) + "\n", "reasoning")
        if kind == "error" and done:
            self._trouble = _text(_at(item, "message"))
            return [Trouble(self._trouble)]
        if kind in ("command_execution", "mcp_tool_call", "web_search", "file_change"):
            what = _at(item, "command") or _at(item, "tool") or _at(item, "query") or _at(item, "changes")
            failed = done and _at(item, "status") == "failed"
            if failed:
                return [_step("failed", what)]
            return self._act(kind, what) if not done or kind == "file_change" else []
        return []


class GeminiReader(Reader):
    """``gemini -o stream-json``."""

    def _take(self, event: dict[str, Any]) -> list[Event]:
        match event.get("type"):
            case "init":
                self._model = _text(event.get("model")) or None
                return self._begin(event.get("session_id"))
            case "message" if event.get("role") == "assistant":
                self.ended = False
                return self._say(event.get("content"))
            case "tool_use":
                return self._act(event.get("tool_name"), event.get("parameters"))
            case "tool_result" if event.get("status") == "error":
                return [_step("failed", _at(event, "error", "message") or event.get("output"))]
            case "error":
                self._trouble = _text(event.get("message"))
                return [Trouble(self._trouble)]
            case "result":
                return self._result(event)
        return []

    def _result(self, event: dict[str, Any]) -> list[Event]:
        stats = event.get("stats")
        self._totals = Totals(
            _count(_at(stats, "input_tokens")), _count(_at(stats, "output_tokens")), _count(_at(stats, "cached"))
        )
        error = _text(_at(event, "error", "message")) or _text(event.get("status"))
        return self._end(good=event.get("status") == "success" and not event.get("error"), error=error)


class OpencodeReader(Reader):
    """``opencode run --format json``: a text part comes whole, at its end."""

    def _take(self, event: dict[str, Any]) -> list[Event]:
        part = event.get("part")
        told = self._begin(event.get("sessionID"))
        match event.get("type"):
            case "step_start":
                self.ended = False
                self._words.turn()
            case "text":
                told += self._say(_at(part, "text"))
            case "reasoning":
                told += self._say(_text(_at(part, "text")) + "\n", "reasoning")
            case "tool_use":
                state = _at(part, "state")
                failed = _at(state, "status") == "error"
                told += self._act(_at(part, "tool"), _at(state, "error") if failed else _at(state, "input"))
            case "step_finish":
                self._step_finished(part)
            case "error":
                self.ended, self._good = True, False
                message = _at(event, "error", "data", "message") or _at(event, "error", "message")
                self._status = _count(_at(event, "error", "data", "statusCode"))
                self._error = _text(message) or _text(_at(event, "error", "name")) or "it told of an error"
        return told

    def _step_finished(self, part: object) -> None:
        tokens = _at(part, "tokens")
        cached, written = _count(_at(tokens, "cache", "read")), _count(_at(tokens, "cache", "write"))
        fresh, out = _count(_at(tokens, "input")), _count(_at(tokens, "output"))
        self._totals += Totals(
            None if fresh is None else fresh + (cached or 0) + (written or 0),
            None if out is None else out + (_count(_at(tokens, "reasoning")) or 0),
            cached,
        )
        self._calls = (self._calls or 0) + 1
        cost = _money(_at(part, "cost"))
        if cost is not None:
            self._cost = (self._cost or 0.0) + cost
        reason = _text(_at(part, "reason"))
        if reason != "tool-calls" and not self._error:
            self._end(good=reason == "stop", error=f"the model stopped early: {reason or 'no reason given'}")


class CopilotReader(Reader):
    """``copilot --output-format json``."""

    _streamed = False

    def _take(self, event: dict[str, Any]) -> list[Event]:
        data = event.get("data")
        match event.get("type"):
            case "session.start":
                return self._begin(_at(data, "sessionId"))
            case "assistant.message_start":
                self._words.turn()
                self._streamed = False
            case "assistant.message_delta":
                self._streamed = True
                return self._say(_at(data, "deltaContent"))
            case "assistant.reasoning_delta":
                return self._say(_at(data, "deltaContent"), "reasoning")
            case "assistant.message":
                self._model = _text(_at(data, "model")) or self._model
                self._calls = (self._calls or 0) + 1
                return [] if self._streamed else self._say(_at(data, "content"))
            case "assistant.usage":
                cached = _count(_at(data, "cacheReadTokens"))
                self._totals += Totals(_count(_at(data, "inputTokens")), _count(_at(data, "outputTokens")), cached)
            case "tool.execution_start":
                return self._act(_at(data, "toolName"), _at(data, "arguments"))
            case "tool.execution_complete" if _at(data, "success") is False:
                return [_step("failed", _at(data, "error", "message"))]
            case "session.error":
                self._trouble = _text(_at(data, "message"))
                self._status = _count(_at(data, "statusCode"))
                return [Trouble(self._trouble)]
            case "result":
                code = event.get("exitCode")
                good = isinstance(code, int) and not isinstance(code, bool) and code == 0
                told = self._begin(event.get("sessionId"))
                return [*told, *self._end(good=good, error=self._trouble or f"it ended with {one_line(str(code), 40)}")]
        return []


class AcpReader(Reader):
    """What a program tells by the Agent Client Protocol, call by call instead of line by line."""

    def said(self, text: object, *, aloud: bool) -> list[Event]:
        """A piece of its message, or of what it thinks."""
        return self._say(text, "output" if aloud else "reasoning")

    def acted(self, title: object, detail: object = None) -> list[Event]:
        """It uses a tool."""
        return self._act(title, detail)

    def failed(self, what: object) -> list[Event]:
        """A tool did not work."""
        return [_step("failed", what)]

    def cost(self, amount: object) -> None:
        """What the session cost by now, in US dollars."""
        self._cost = _money(amount)

    def stopped(self, reason: str, usage: object, quota: object) -> None:
        """It has answered: `usage` of the protocol, or `quota` as gemini tells it, as plain values."""
        count = _at(quota, "token_count")
        self._totals = Totals(
            _count(_at(usage, "input_tokens") if usage else _at(count, "input_tokens")),
            _count(_at(usage, "output_tokens") if usage else _at(count, "output_tokens")),
            _count(_at(usage, "cached_read_tokens")),
        )
        self._end(good=reason == "end_turn", error=f"it stopped early: {reason.replace('_', ' ')}")

    def broke(self, why: str) -> None:
        """It told of an error instead of an answer."""
        self._end(good=False, error=why)

    def finish(self, exit_code: int | None) -> Outcome:
        """Once it has answered, how the process ends says nothing: it would wait for the next task."""
        return super().finish(None if self.ended else exit_code)


READERS: Mapping[str, Callable[[Totals], Reader]] = MappingProxyType(
    {
        "claude": ClaudeReader,
        "codex": CodexReader,
        "gemini": GeminiReader,
        "opencode": OpencodeReader,
        "copilot": CopilotReader,
        "text": TextReader,
    }
)
"""Format -> how it is read."""


def is_session_id(text: object) -> bool:
    """Whether `text` can be the id of a session: it becomes an argument of a command, and must be no option."""
    if not isinstance(text, str) or not 0 < len(text) <= 200 or not text.isascii():
        return False
    return text[0].isalnum() and all(char.isalnum() or char in "-_.:" for char in text)


class Lines:
    """Cuts a stream of bytes into lines of text; those longer than :data:`LINE_BYTES` are left out."""

    def __init__(self, limit: int = LINE_BYTES) -> None:
        self.dropped = 0
        """Lines that were left out."""
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[str]:
        """The lines that end in `data`."""
        first, *rest = data.split(b"\n")
        self._keep(first)
        lines: list[str] = []
        for part in rest:
            lines += self.flush()
            self._keep(part)
        return lines

    def flush(self) -> list[str]:
        """The line that is there by now, ended or not; none if it is empty or too long."""
        line, size = b"".join(self._parts), self._size
        self._parts.clear()
        self._size = 0
        if size > self._limit:
            self.dropped += 1
            return []
        return [line.decode("utf-8", "replace").removesuffix("\r")]

    @property
    def waits(self) -> bool:
        """Whether a line has begun that has not ended."""
        return self._size > 0

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._limit:
            self._parts.append(part)
        else:
            self._parts.clear()


# -- values from outside --------------------------------------------------------------------------------------


def _at(value: object, *path: str) -> Any:
    """What `path` leads to in nested objects; None if it leads nowhere."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _text(value: object) -> str:
    """A text that can be written anywhere: a half of a surrogate pair cannot."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 50 else None


def _money(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        cost = float(value)
    except OverflowError:
        return None
    return cost if math.isfinite(cost) and 0 <= cost < 1e9 else None


def _blocks(event: dict[str, Any]) -> list[dict[str, Any]]:
    content = _at(event, "message", "content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _flat(value: object) -> object:
    """The texts of a list of content blocks."""
    if isinstance(value, list):
        return " ".join(_text(_at(block, "text")) for block in value)
    return value


def _step(what: str, with_: object = None) -> Said:
    """A line that tells what the agent does."""
    shown = _shallow(with_)[: 4 * _SHOWN]
    line = one_line(f"{what}: {shown}" if shown else what, _SHOWN)
    return Said(f"· {line}\n", "reasoning")


def _shallow(value: object) -> str:
    """The texts and numbers right within `value`, for a line."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return ", ".join(_text(_at(part, "path")) or _text(part) for part in value[:20])
    if isinstance(value, dict):
        few = [(name, part) for name, part in list(value.items())[:20] if isinstance(part, str | int | float)]
        told = [
            _text(part) or str(part) if len(few) == 1 else f"{_text(name)}={_text(part) or part}" for name, part in few
        ]
        return ", ".join(told)
    return ""


def _sum(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else first + second
