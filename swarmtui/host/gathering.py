"""What arrives at a feed, folded at once and gathered until the viewer's own timer takes it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

from swarmtui.host.feed import Changes, FeedStatus, Link, StreamText, Viewer
from swarmtui.session import fold
from swarmtui.session.events import Event
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Status

EVENTS_KEPT = 20_000
STREAM_KEPT = 65_536


class Gathering:
    """The state of one feed and what changed in it since the last drain.

    A viewer that drains rarely costs bounded memory: the oldest events are dropped from what it is handed (the state
    has them all) and of streamed text the newest is kept. With `whole` nothing is dropped, and :meth:`room` waits.
    Events before `from_seq` are folded and not handed out.
    """

    def __init__(self, *, whole: bool = False, state: SessionState | None = None, from_seq: int = 1) -> None:
        self.state = state if state is not None else fold.empty()
        self.status = FeedStatus()
        self._whole = whole
        self._from_seq = from_seq
        self._events: deque[Event] = deque(maxlen=None if whole else EVENTS_KEPT)
        self._streams: dict[tuple[str, int | None, int, str], StreamText] = {}
        self._reset = state is not None
        self._link = False
        self._news = asyncio.Event()
        self._drained = asyncio.Event()
        if self._reset:
            self._news.set()

    def apply(self, event: Event) -> None:
        """Fold one event in; one that was seen already is ignored. Raises ValueError if one before it is missing."""
        if event.seq <= self.state.seq:
            return
        try:
            fold.apply(self.state, event)
        except BaseException:
            self.state.seq = event.seq - 1  # it was not taken in: it must not be missing from what comes after
            raise
        if event.seq >= self._from_seq:
            self._events.append(event)
        self._news.set()

    def reset(self, state: SessionState) -> None:
        """Replace the state by a snapshot."""
        self.state = state
        self._events.clear()
        self._streams.clear()
        self._reset = True
        self._news.set()

    def stream(self, piece: StreamText) -> None:
        """Take streamed text in: joined to what is there where it fits on, else in its place."""
        key = (piece.node, piece.item, piece.attempt, piece.channel)
        held = self._streams.get(key)
        if held is not None and held.offset + len(held.text) == piece.offset:
            piece = replace(piece, offset=held.offset, text=held.text + piece.text)
        surplus = len(piece.text) - STREAM_KEPT
        if surplus > 0:
            piece = replace(piece, offset=piece.offset + surplus, text=piece.text[surplus:])
        self._streams[key] = piece
        self._news.set()

    def set_link(
        self, link: Link, note: str = "", *, seen: Status | None = None, retry_at: float | None = None
    ) -> None:
        """Say how the feed stands with its source."""
        status = self.status
        if (status.link, status.note, status.seen, status.retry_at) != (link, note, seen, retry_at):
            if status.link is not Link.LIVE or link is not Link.LIVE:  # who is reached now tells it
                status.trouble, status.gone = "", False
            status.link, status.note, status.seen, status.retry_at = link, note, seen, retry_at
            self._link = True
            self._news.set()

    def add_skipped(self, events: int) -> None:
        """Say that a snapshot has stood in for so many events."""
        self.status.skipped += events
        self._link = True
        self._news.set()

    def set_trouble(self, message: str, *, gone: bool = False) -> None:
        """Say what the host cannot do for now; nothing: it can. `gone`: since the session's files were removed."""
        if (self.status.trouble, self.status.gone) != (message, gone):
            self.status.trouble, self.status.gone = message, gone
            self._link = True
            self._news.set()

    def set_viewers(self, viewers: tuple[Viewer, ...]) -> None:
        """Say who watches."""
        self.status.viewers = viewers
        self._link = True
        self._news.set()

    def drain(self) -> Changes:
        """What arrived since the last call."""
        changes = Changes(
            frozenset(self.state.touched), tuple(self._events), tuple(self._streams.values()), self._reset, self._link
        )
        self.state.touched.clear()
        self._events.clear()
        self._streams.clear()
        self._reset = self._link = False
        self._news.clear()
        self._drained.set()
        return changes

    async def wait(self) -> None:
        """Until there is something to drain."""
        await self._news.wait()

    async def room(self) -> None:
        """Until the viewer has taken enough of what is held for it; at once where the oldest may be dropped."""
        while self._whole and len(self._events) >= EVENTS_KEPT:
            self._drained.clear()
            await self._drained.wait()
