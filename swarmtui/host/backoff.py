"""When a broken link is tried again, and for how long that goes on."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

from swarmtui.host.dialling import Unreachable
from swarmtui.host.exits import Exit

CAP_S = 30.0
"""The longest time between two tries."""


class Backoff:
    """Tries that lie ever further apart, with jitter, until the link is mended or it was long enough."""

    def __init__(self, first_s: float, max_wait_s: float | None) -> None:
        self._first_s = first_s
        self._max_wait_s = max_wait_s
        self._failures = 0
        self._broken_at: float | None = None
        self._hurry = asyncio.Event()
        self.why = ""
        """Why the link was lost, or could not be made again."""

    def lost(self, why: str) -> None:
        """The link broke, or a try failed."""
        self.why = why
        if self._broken_at is None:
            self._broken_at = time.monotonic()

    def mended(self) -> None:
        """There is a link."""
        self._failures, self._broken_at = 0, None

    def begin_anew(self) -> None:
        """What was tried so far says nothing of the next try."""
        self._failures = 0

    def hurry(self) -> None:
        """End the pause that goes on, and have the ones after it short again."""
        self._failures = 0
        self._hurry.set()

    def delay(self) -> float:
        """Seconds until the next try. Raises Unreachable if there is to be none."""
        delay = min(CAP_S, self._first_s * 2.0**self._failures) * random.uniform(0.75, 1.25)  # noqa: S311
        self._failures = min(self._failures + 1, 16)
        return min(delay, self.left())

    def left(self) -> float:
        """Seconds for which it may go on without a link. Raises Unreachable if there are none."""
        if self._max_wait_s is None or self._broken_at is None:
            return float("inf")
        left = self._broken_at + self._max_wait_s - time.monotonic()
        if left <= 0:
            text = f"{self.why}: given up after {self._max_wait_s:g} s without a connection"
            raise Unreachable(text, Exit.LOST)
        return left

    async def pause(self, seconds: float | None) -> None:
        """So long, or until somebody is in a hurry; None: until then."""
        self._hurry.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
