"""The past of a session behind the wire: what a replay asks, asked of its host."""

from __future__ import annotations

from swarmtui.host.client import WireFeed
from swarmtui.host.feed import CommandRefused, Gap
from swarmtui.host.jsonrpc import Code
from swarmtui.host.protocol import Method
from swarmtui.host.shelf import Shelf
from swarmtui.plan.model import JSON
from swarmtui.session.codec import event_from_json
from swarmtui.session.events import Event
from swarmtui.session.marks import Mark, MarkKind
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import state_from_json

PAGE_MARKS = 2_000
BEYOND = 1e300
"""A moment after every event."""


class WirePast:
    """A :class:`~swarmtui.host.past.Past` over a feed, whose link it shares: a broken one is waited for.

    All raise ConnectionError where the link stays broken, CommandRefused where the host is too old to tell.
    """

    def __init__(self, feed: WireFeed) -> None:
        self._feed = feed
        self._names = {kind.value for kind in MarkKind}

    @property
    def shelf(self) -> Shelf:
        """The host's."""
        return self._feed.shelf

    async def head(self) -> int:
        """Seq of the last event that is recorded by now."""
        return await self.seq_at(BEYOND)

    async def state_at(self, seq: int) -> SessionState:
        """The state after event `seq`; the caller's own, to fold more into. Raises IndexError beyond the head."""
        if seq < 1:
            raise IndexError(f"there is no event {seq}")
        try:
            snapshot = await self._feed.ask(Method.SNAPSHOT, {"seq": seq}, "past")
        except CommandRefused as error:
            if error.code == Code.AHEAD:
                raise IndexError(str(error)) from error
            raise
        return state_from_json(snapshot["state"])

    async def events(self, from_seq: int, limit: int) -> list[Event]:
        """Up to `limit` events from `from_seq` on, in order; fewer only at the head."""
        events: list[Event] = []
        first = max(1, from_seq)
        while len(events) < limit:
            asked: dict[str, JSON] = {"from_seq": first + len(events), "limit": limit - len(events)}
            page = await self._feed.ask(Method.EVENTS_PAGE, asked, "past")
            if not page["events"]:
                break
            events += map(event_from_json, page["events"])
        return events

    async def marks(self, from_seq: int = 1) -> list[Mark]:
        """All marks from `from_seq` on, in order; but for those of a kind that this version does not know."""
        said: list[JSON] = []
        first: int | None = from_seq
        while first is not None:
            page = await self._feed.ask(Method.MARKS, {"from_seq": first, "limit": PAGE_MARKS}, "marks")
            said += page["marks"]
            more = page.get("next_seq")  # a host that knows no pages has said all there is
            first = more if isinstance(more, int) and more > first else None
        known = (mark for mark in said if mark["kind"] in self._names)
        return [
            Mark(
                int(mark["seq"]),
                float(mark["ts"]),
                float(mark["mono"]),
                MarkKind(mark["kind"]),
                str(mark["label"]),
                mark.get("node"),
            )
            for mark in known
        ]

    async def gaps(self, from_seq: int = 1) -> list[Gap]:
        """None: the wire tells of no gaps, and all events are not fetched for their sake."""
        return []

    async def seq_at(self, mono: float) -> int:
        """Seq of the last event at or before `mono` on the session's own clock; 1 before the first."""
        return int((await self._feed.ask(Method.SEQ_AT, {"mono": mono}, "past"))["seq"])

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole recorded output of a node or item as it is at the head, not cleaned."""
        return await self._feed.output(node, item)

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """The last `limit` bytes of the node's log file, not cleaned; empty if there is none."""
        return await self._feed.log_tail(node, limit)

    async def close(self) -> None:
        """Nothing of its own is held: the feed goes on."""
