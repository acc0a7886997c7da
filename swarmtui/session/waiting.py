"""Who waits for which event to be in the file."""

from __future__ import annotations

import asyncio


class Waiting:
    """Futures that are resolved once everything up to their seq is committed.

    Most wait for an event of the batch that gathers, and go on together with it: each is looked at about twice.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def until(self, seq: int) -> asyncio.Future[None]:
        """Resolved by the first :meth:`release` that reaches `seq`; a future of the caller's own, who may give up."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((seq, future))
        return future

    def release(self, seq: int | None) -> None:
        """Let go on whoever waits for `seq` or an earlier event; with None, everybody."""
        remaining: list[tuple[int, asyncio.Future[None]]] = []
        for entry in self._waiting:
            if seq is not None and entry[0] > seq:
                remaining.append(entry)
            elif not entry[1].done():
                entry[1].set_result(None)
        self._waiting = remaining
