"""What is known of a whole past, wherever in it the play head stands: its marks and gaps, where it begins and ends."""

from __future__ import annotations

import math

from swarmtui.host.feed import Gap
from swarmtui.host.past import Past
from swarmtui.session.events import HostStarted, HostStopped, MarkerSet, Noted, SessionFinished, SessionTakenOver
from swarmtui.session.marks import Mark

MARKS_EVERY_S = 1.0
AFTERMATH = 20
"""Events at the end among which that of the session is looked for."""


class Landmarks:
    """Read from a past, which may grow meanwhile; times are seconds on the session's own clock."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self.marks: tuple[Mark, ...] = ()
        self.gaps: tuple[Gap, ...] = ()
        self.ends: tuple[float, float] | None = None
        """When the first and the last event happened; None until that is read."""
        self.over: float | None = None
        """When the session ended, if it did; a host may have written more after that."""
        self._marked_to, self._marked_at = 0, -math.inf

    def wants_marks(self, head: int, now: float) -> bool:
        """Whether there are events up to `head` whose marks are not read, and it is time to."""
        return self._marked_to < head and now - self._marked_at >= MARKS_EVERY_S

    async def read_marks(self, head: int, now: float) -> None:
        """Marks and gaps up to event `head`. Raises what the past raises."""
        self._marked_at = now
        self.marks += tuple(mark for mark in await self._past.marks(self._marked_to + 1) if mark.seq <= head)
        self.gaps += tuple(gap for gap in await self._past.gaps(self._marked_to + 1) if gap.seq <= head)
        self._marked_to = head

    async def read_ends(self, head: int) -> None:
        """Where the past begins and ends, and where the session did. Raises what the past raises."""
        self.over = await self._when_over(head)
        self.ends = await self._mono(1), await self._mono(head)

    def went_on(self, mono: float) -> None:
        """The session has gone on to `mono`."""
        self.over = None
        if self.ends is not None:
            self.ends = (self.ends[0], mono)

    async def _when_over(self, head: int) -> float | None:
        """A host stays for a while after the end, and longer while somebody watches: that is no part of the session."""
        for event in reversed(await self._past.events(max(1, head - AFTERMATH + 1), AFTERMATH)):
            if isinstance(event.body, SessionFinished):
                return event.mono
            if not isinstance(event.body, (HostStarted, HostStopped, MarkerSet, Noted, SessionTakenOver)):
                return None
        return None

    async def _mono(self, seq: int) -> float:
        events = await self._past.events(seq, 1)
        return events[0].mono if events else 0.0
