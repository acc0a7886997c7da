"""Waits for async things from code that is not: an event loop in a thread of its own, started when first needed.

So an async function or client works wherever ``run`` is called, also inside a running event loop and from several
threads at once, and its connections keep the one loop that they were made in.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Portal:
    """One such loop. It ends with :meth:`close`; until then its thread costs nothing but memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What `awaitable` comes to, or raises, in the caller's contextvars. Interrupting the wait cancels it."""
        if self._thread is threading.current_thread():  # an async function which calls `run`: the loop is taken
            inner = Portal()
            try:
                return inner.wait(awaitable)
            finally:
                inner.close()
        future = asyncio.run_coroutine_threadsafe(_await(awaitable), self._running())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name="swarm-portal", daemon=True)
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """End the loop and, unless called in it, its thread. It may be used again after."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None or loop.is_closed():
            return
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join()


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
