"""Tells when the event loop stood still: which code held it up, and for how long.

A thread looks at a mark that the loop renews ten times a second. When the mark is old, the stack of the loop's thread
is logged as it is at that moment, which is in the middle of whatever blocks. A thread that itself got no time (the
machine was loaded, the process was stopped) proves nothing, and says nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator

STALL_S = 0.2
"""A callback that holds the loop for longer is logged."""
_LOOK_S = 0.1
_FRAMES = 12

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def watched_loop(stall_s: float = STALL_S) -> AsyncIterator[None]:
    """Watch the running loop within the block."""
    watch = _Watch(asyncio.get_running_loop(), stall_s)
    watch.start()
    try:
        yield
    finally:
        await asyncio.to_thread(watch.stop)


class _Watch:
    def __init__(self, loop: asyncio.AbstractEventLoop, stall_s: float) -> None:
        self._loop = loop
        self._stall_s = stall_s
        self._loop_thread = threading.get_ident()
        self._mark = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_forever, name="loop watch", daemon=True)

    def start(self) -> None:
        self._renew()
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        if self._timer is not None:
            self._loop.call_soon_threadsafe(self._timer.cancel)

    def _renew(self) -> None:
        self._mark = time.monotonic()
        if not self._over.is_set():
            self._timer = self._loop.call_later(_LOOK_S, self._renew)

    def _look_forever(self) -> None:
        told = 0.0
        while True:
            before = time.monotonic()
            if self._over.wait(_LOOK_S):
                return
            now, mark = time.monotonic(), self._mark
            late = now - mark - _LOOK_S
            overslept = now - before - _LOOK_S
            if mark != told and late >= self._stall_s and overslept < self._stall_s / 2:
                told = mark
                self._tell(mark)

    def _tell(self, mark: float) -> None:
        """Log what the loop is at, then wait until it goes on and log how long that took."""
        frame = sys._current_frames().get(self._loop_thread)
        stack = "".join(traceback.format_stack(frame)[-_FRAMES:]) if frame is not None else ""
        while self._mark == mark and not self._over.wait(_LOOK_S / 4):
            pass
        took_s = self._mark - mark - _LOOK_S
        logger.warning("the event loop stood still for %.2f s in\n%s", took_s, stack)
