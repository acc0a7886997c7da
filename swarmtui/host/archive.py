"""A session without a host as a feed: everything comes from its file, and nobody can act."""

from __future__ import annotations

import asyncio

from swarmtui.host.feed import Changes, CommandRefused, FeedStatus, Link
from swarmtui.host.fetching import OfFile, ShelfOfFile
from swarmtui.host.gathering import EVENTS_KEPT, Gathering
from swarmtui.host.history import History
from swarmtui.host.locate import seen_status
from swarmtui.host.shelf import Shelf
from swarmtui.plan.model import JSON
from swarmtui.session.events import Event
from swarmtui.session.folder import SessionFolder
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Status

NOTE = "no host lives: read from the file"


class FileFeed:
    """A feed over a session file. Made by :meth:`open`."""

    def __init__(self, folder: SessionFolder, gathered: Gathering, *, done: bool) -> None:
        self._folder = folder
        self._history = History(folder)
        self._past = OfFile(folder)
        self._gathered = gathered
        self._done = done
        gathered.status.role = "observe"

    @classmethod
    async def open(cls, folder: SessionFolder, *, whole: bool = False, from_seq: int = 1) -> FileFeed:
        """A feed of the session's end, or with `whole` one that hands out every event from `from_seq` on.

        Raises LogError.
        """
        history = History(folder)
        if whole:
            before = None if from_seq <= 1 else await asyncio.to_thread(history.state, from_seq - 1)
            feed = cls(folder, Gathering(whole=True, state=before, from_seq=from_seq), done=False)
            await feed._read_on()
            return feed
        feed = cls(folder, Gathering(state=await asyncio.to_thread(history.state)), done=True)
        await feed._stand()
        return feed

    @property
    def state(self) -> SessionState:
        """The state folded so far; to be read, never changed."""
        self._gathered.state.id = self._folder.id  # of a session that was recovered, events name the one it was
        return self._gathered.state

    @property
    def status(self) -> FeedStatus:
        """Always an archive."""
        return self._gathered.status

    @property
    def shelf(self) -> Shelf:
        """Recorded texts and files, in its folder."""
        return ShelfOfFile(self._folder)

    @property
    def at_end(self) -> bool:
        """Whether every event of the file has been folded."""
        return self._done

    def clock(self) -> float:
        """When the last event happened: nothing goes on since."""
        return self.state.ts

    def drain(self) -> Changes:
        """What arrived since the last call."""
        return self._gathered.drain()

    async def wait(self) -> None:
        """Until there is something to drain; for ever once everything has been handed out."""
        if not self._done:
            await self._read_on()
        await self._gathered.wait()

    async def command(self, method: str, params: dict[str, JSON]) -> int:
        """Raises CommandRefused: nobody is there to do it."""
        raise CommandRefused(f"no host lives: `swarmtui resume {self._folder.id}` starts one")

    async def events_before(self, seq: int, limit: int, node: str | None = None) -> list[Event]:
        """Up to `limit` events before `seq`, oldest first; of one node if given. Raises NotFetched."""
        return await self._past.events_before(seq, limit, node)

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole recorded output of a node or item, not cleaned; empty if there is none. Raises NotFetched."""
        return await self._past.output(node, item)

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """The last `limit` bytes of the node's log file, not cleaned; empty if there is none. Raises NotFetched."""
        return await self._past.log_tail(node, limit)

    async def close(self) -> None:
        """Nothing is held open."""

    async def _read_on(self) -> None:
        events = await asyncio.to_thread(self._history.events, self.state.seq + 1, EVENTS_KEPT // 2)
        for event in events:
            self._gathered.apply(event)
        self._done = not events
        await self._stand()

    async def _stand(self) -> None:
        """Say how the session stands: one that has not ended and whose host went without a word has crashed."""
        status = self.state.status
        seen = await asyncio.to_thread(seen_status, self._folder, status) if self._done else status
        self._gathered.set_link(Link.ARCHIVE, NOTE, seen=Status.CRASHED if seen is Status.CRASHED else None)
