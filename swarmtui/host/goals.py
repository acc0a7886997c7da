"""Where in a past somebody wants to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from swarmtui.frozen import frozen
from swarmtui.session.marks import Mark


@frozen
class Goal:
    """Where to go: to just after event `seq`, or to what lies `offset` events from session second `mono`."""

    seq: int = 0
    mono: float | None = None
    offset: int = 0

    def by(self, events: int) -> Goal:
        """So many events from there."""
        return replace(self, seq=self.seq + events, offset=self.offset + events)

    def mark_beside(self, marks: Sequence[Mark], direction: int) -> Mark | None:
        """The nearest of `marks`, which are in order, after it (direction 1) or before it (-1); None without one."""
        if self.mono is None:
            later = [mark for mark in marks if mark.seq > self.seq]
            before = [mark for mark in marks if mark.seq < self.seq]
        else:
            later = [mark for mark in marks if mark.mono > self.mono]
            before = [mark for mark in marks if mark.mono < self.mono]
        return next(iter(later), None) if direction > 0 else next(reversed(before), None)
