"""The clocks by which events are dated."""

from __future__ import annotations

import time


class SessionClock:
    """Wall time for display, and the session's own clock, which goes on where the last host left it."""

    def __init__(self, mono: float = 0.0) -> None:
        self._offset = mono - time.monotonic()

    def now(self) -> float:
        """Session seconds."""
        return time.monotonic() + self._offset

    def wall(self) -> float:
        """Epoch seconds."""
        return time.time()
