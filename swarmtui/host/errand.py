"""A task that works whenever it is asked to: once, however often it was asked meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable


class Errand:
    """Does `work` in a task of its own, which ends with :meth:`close`. Needs a running event loop.

    What `work` raises is given to `failed` at once, and raised once more by whoever looks next.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], failed: Callable[[Exception], None], name: str) -> None:
        self._work, self._failed = work, failed
        self._asked, self._settled = asyncio.Event(), asyncio.Event()
        self._failure: Exception | None = None
        self._task = asyncio.create_task(self._run(), name=name)

    def ask(self) -> None:
        """Have it done, or done again."""
        self._settled.clear()
        self._asked.set()

    async def settled(self) -> None:
        """Until all that was asked for is done. Raises as :meth:`check` does."""
        await self._settled.wait()
        self.check()

    def check(self) -> None:
        """Raise what it failed with since the last call, if it did."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    async def _run(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self._work()
            except Exception as error:  # noqa: BLE001 - whatever it raises is told, and raised by who waits
                self._failure = error
                self._failed(error)
            if not self._asked.is_set():
                self._settled.set()

    async def close(self) -> None:
        """End the task, whatever it is doing."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
