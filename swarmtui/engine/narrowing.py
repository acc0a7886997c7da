"""A machine with too few open files for what runs at once: from then on less does, and the user is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from swarmtui.session.events import Body, Event, LimitsSet, Noted
from swarmtui.session.state import SessionState

NARROW_EVERY_S = 2.0
"""What fails together counts once: so long after one change of the width there is no other."""


class Narrowing:
    """Lowers the concurrency of one session. `record` is told who did something as its second argument."""

    def __init__(
        self, state: SessionState, record: Callable[[Body, str | None], Event], clock: Callable[[], float]
    ) -> None:
        self._state = state
        self._record = record
        self._clock = clock
        self._from = 0.0

    def narrow(self, running: int) -> None:
        """There were not enough open files for `running` attempts: from now on fewer run at once."""
        now = self._clock()
        if now < self._from:
            return
        self._from = now + NARROW_EVERY_S
        known = self._state.limits.concurrency
        width = max(1, min(running if known is None else min(running, known), running * 3 // 4))
        if known is None or width < known:
            self._record(LimitsSet(replace(self._state.limits, concurrency=width)), "host")
            told = f"too many open files: at most {width} at once from now on; `ulimit -n` allows more"
            self._record(Noted("warning", told), None)
