"""What programs that are agents print while they work: one pure reader per format, from lines to events and an end.

Their formats are theirs and change: a line that is not understood is passed over, and no line, however hostile, makes a
reader raise. What a run came to is decided in one place (:meth:`Reader.finish`): it succeeded if it ended with exit
code 0, had told its good end, and told of no error after which there was no more such end. None of the three alone
is enough: programs are known to end with 0 after an error, and with ``"subtype": "success"`` and an error flag.
"""

from __future__ import annotations

import json
from dataclasses import field
from typing import Any

from swarmtui.frozen import frozen, mutable
from swarmtui.safety.text import one_line
from swarmtui.workers.cli_agents.values import shallow, text_of

LINE_BYTES = 32 << 20
"""A longer line is passed over."""
TEXT_CHARS = 8 << 20
"""What is kept of what a program said; the rest is left out."""

_SHOWN = 160


@frozen
class Said:
    """Text of the agent, as it streams."""

    text: str
    channel: str = "output"
    """``output`` or ``reasoning``; what it does is told in the latter, a line per step."""


@frozen
class SessionBegan:
    """The session's id, by which it can be resumed."""

    id: str


@frozen
class Trouble:
    """The program says that something went wrong and may yet get over it: no sign that it gets on."""

    text: str


Event = Said | SessionBegan | Trouble


@frozen
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


@frozen
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


@mutable
class Words:
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
        self._words = Words()
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
        name = text_of(session)
        if not is_session_id(name) or name == self._session:
            return []
        self._session = name
        return [SessionBegan(name)]

    def _say(self, text: object, channel: str = "output") -> list[Event]:
        said = text_of(text)
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
        return [step(text_of(what) or "tool", with_)]

    def _end(self, *, good: bool, error: str = "") -> list[Event]:
        self.ended, self._good = True, good
        self._error = error if not good else ""
        return []


def step(what: str, with_: object = None) -> Said:
    """A line that tells what the agent does."""
    shown = shallow(with_)[: 4 * _SHOWN]
    line = one_line(f"{what}: {shown}" if shown else what, _SHOWN)
    return Said(f"· {line}\n", "reasoning")


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


def _sum(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else first + second
