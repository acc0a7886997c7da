"""The past of a scripted session, and a replay of it whose time passes when a test says so."""

from __future__ import annotations

from collections.abc import Callable

from swarmtui.host.feed import Gap
from swarmtui.host.past import GAP_S
from swarmtui.host.replay import ReplayFeed
from swarmtui.host.shelf import Shelf
from swarmtui.session.events import Event
from swarmtui.session.fold import empty, fold
from swarmtui.session.marks import Mark, mark_of
from swarmtui.session.state import SessionState
from tests.tui.scripted_feed import ScriptedFeed, finished


class ScriptedPast:
    """A :class:`~swarmtui.host.past.Past` over what a scripted feed has played."""

    def __init__(self, feed: ScriptedFeed) -> None:
        self._feed = feed
        self.closed = False

    @property
    def _all(self) -> list[Event]:
        return self._feed.events

    @property
    def shelf(self) -> Shelf:
        """The feed's."""
        return self._feed.shelf

    async def head(self) -> int:
        """The last event."""
        return len(self._all)

    async def state_at(self, seq: int) -> SessionState:
        """Folded anew each time."""
        return fold(self._all[:seq]) if seq else empty()

    async def events(self, from_seq: int, limit: int) -> list[Event]:
        """A part of them."""
        return self._all[max(0, from_seq - 1) : from_seq - 1 + limit]

    async def marks(self, from_seq: int = 1) -> list[Mark]:
        """Of all events."""
        found = (mark_of(event) for event in self._all[from_seq - 1 :])
        return [mark for mark in found if mark is not None]

    async def gaps(self, from_seq: int = 1) -> list[Gap]:
        """By looking."""
        pairs = zip(self._all, self._all[1:], strict=False)
        found = [Gap(event.seq, event.mono - before.mono) for before, event in pairs]
        return [gap for gap in found if gap.seconds >= GAP_S and gap.seq >= from_seq]

    async def seq_at(self, mono: float) -> int:
        """By looking."""
        return max([1, *(event.seq for event in self._all if event.mono <= mono)])

    async def output(self, node: str, item: int | None = None) -> str:
        """What the feed says."""
        return await self._feed.output(node, item)

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """What the feed says."""
        return await self._feed.log_tail(node, limit)

    async def close(self) -> None:
        """Remember it."""
        self.closed = True


async def to_past(feed: object) -> ScriptedPast:
    """As the workbench asks for the past of the feed it has."""
    assert isinstance(feed, ScriptedFeed)
    return ScriptedPast(feed)


class Stopwatch:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def replayed(
    feed: ScriptedFeed | None = None, *, at: int | None = None, clock: Callable[[], float] | None = None
) -> Callable[[], ReplayFeed]:
    """Makes a replay, once there is an event loop."""
    source = finished() if feed is None else feed
    return lambda: ReplayFeed(ScriptedPast(source), head=len(source.events), at=at, clock=clock or Stopwatch())
