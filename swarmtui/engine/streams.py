"""Live text of running attempts: kept in memory, never recorded, newest wins when a viewer is slow.

The board numbers every delta. A viewer asks for what is new since its cursor; one that fell behind what is kept gets
the tail of every running attempt instead. Offsets are characters per channel, so a gap is visible.
"""

from __future__ import annotations

import asyncio
from collections import deque

from swarmtui.frozen import frozen, mutable
from swarmtui.safety.redact import RedactedStream, Redactor

KEPT_CHARS = 1_000_000
TAIL_CHARS = 8_192


@frozen
class StreamItem:
    """Text of one channel of one attempt, `offset` characters into it."""

    node: str
    item: int | None
    attempt: int
    channel: str
    offset: int
    text: str


@mutable
class _Channel:
    redacted: RedactedStream
    total: int = 0
    tail: str = ""


Key = tuple[str, int | None, int, str]


class StreamBoard:
    """What running attempts have said lately, without secrets: of a word nothing is shown until it is whole."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._channels: dict[Key, _Channel] = {}
        self._recent: deque[tuple[int, StreamItem]] = deque()
        self._recent_chars = 0
        self._cursor = 0
        self._news = asyncio.Event()

    @property
    def cursor(self) -> int:
        """The number of the last delta."""
        return self._cursor

    def add(self, node: str, item: int | None, attempt: int, channel: str, text: str) -> None:
        """Put new text on the board."""
        known = self._channels.get((node, item, attempt, channel))
        if known is None:
            known = self._channels[node, item, attempt, channel] = _Channel(self._redactor.stream(live=True))
        text = known.redacted.feed(text)
        if not text:
            return
        self._cursor += 1
        self._recent.append((self._cursor, StreamItem(node, item, attempt, channel, known.total, text)))
        self._recent_chars += len(text)
        known.total += len(text)
        known.tail = (known.tail + text)[-TAIL_CHARS:]
        while self._recent_chars > KEPT_CHARS and len(self._recent) > 1:
            self._recent_chars -= len(self._recent.popleft()[1].text)
        self._news.set()

    def end(self, node: str, item: int | None, attempt: int) -> None:
        """Forget an attempt: its output is recorded from here on."""
        for channel in ("output", "reasoning", "stderr") if self._channels else ():
            self._channels.pop((node, item, attempt, channel), None)

    def since(self, cursor: int) -> tuple[int, list[StreamItem]]:
        """The new cursor, and what was said after `cursor`, neighbouring deltas of a channel joined."""
        oldest = self._recent[0][0] if self._recent else self._cursor + 1
        if cursor + 1 < oldest and cursor < self._cursor:
            return self._cursor, self.tails()
        fresh: list[StreamItem] = []
        for number, piece in reversed(self._recent):
            if number <= cursor:
                break
            fresh.append(piece)
        joined: dict[Key, list[StreamItem]] = {}
        for piece in reversed(fresh):
            joined.setdefault((piece.node, piece.item, piece.attempt, piece.channel), []).append(piece)
        items = [
            StreamItem(*key, pieces[0].offset, "".join(piece.text for piece in pieces))
            for key, pieces in joined.items()
        ]
        return self._cursor, items

    def tails(self) -> list[StreamItem]:
        """The last few kilobytes of every channel of every running attempt."""
        return [
            StreamItem(*key, channel.total - len(channel.tail), channel.tail) for key, channel in self._channels.items()
        ]

    async def wait(self, cursor: int) -> None:
        """Until something was said after `cursor`."""
        while self._cursor <= cursor:
            self._news.clear()
            await self._news.wait()
