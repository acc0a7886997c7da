"""Work of others' libraries that blocks, in a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], limit_s: float) -> T:
    """What `work` returns or raises. Raises TimeoutError after `limit_s`: its thread is then left behind, and neither
    keeps the program from ending nor takes the place of others, as one of a pool would."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def tell(act: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody is there to be told
            loop.call_soon_threadsafe(lambda: None if ended.done() else act())

    def carry_out() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            tell(partial(ended.set_exception, error))
        else:
            tell(partial(ended.set_result, result))

    threading.Thread(target=carry_out, name="tool", daemon=True).start()
    async with asyncio.timeout(limit_s):
        return await ended
