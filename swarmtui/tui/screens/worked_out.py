"""What is costly to work out, worked out once; where it would hold up the loop, on a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from textual.widget import Widget

T = TypeVar("T")


class WorkedOut(Generic[T]):
    """One thing that a screen shows, as it was last worked out."""

    def __init__(self, screen: Widget, called: str, done: Callable[[], None], meanwhile: T) -> None:
        """`called`: of what, unlike all else of the `screen`; `done` is called whenever a thread has worked it out, and
        `meanwhile` shown until then."""
        self._screen, self._called, self._done, self._meanwhile = screen, called, done, meanwhile
        self._key: object = None
        self._found = meanwhile

    def of(self, key: object, make: Callable[[], T], *, costly: bool) -> T:
        """What `make` gives, which is called once for a `key`: at once, or if it is `costly` on a thread."""
        if key != self._key:
            self._key, self._found = key, self._meanwhile if costly else make()
            if costly:
                self._screen.run_worker(self._make(key, make), group=self._called, exclusive=True)
        return self._found

    async def _make(self, key: object, make: Callable[[], T]) -> None:
        found = await asyncio.to_thread(make)
        if key == self._key:
            self._found = found
            self._done()
