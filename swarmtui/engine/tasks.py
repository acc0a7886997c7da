"""The tasks of one session: those that are seen to their end, and those that a host which leaves gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Spawn = Callable[[Coroutine[Any, Any, None], str], object]
"""``spawn(work, name)``: have it done, as :meth:`Tasks.spawn` does."""


class Tasks:
    """What goes on in the task group of one session. States: none <-> open; while none is open nothing is begun."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._passing: set[asyncio.Task[None]] = set()

    def open(self, group: asyncio.TaskGroup) -> None:
        """From now on work is done in `group`."""
        self._group = group

    def close(self) -> None:
        """The group is over."""
        self._group = None

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None] | None:
        """Have `work` done; None if nothing is begun any more."""
        if self._group is None:
            work.close()
            return None
        return self._group.create_task(work, name=name)

    def spawn_passing(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Have work done that a host which leaves gives up: the next one does it from the start."""
        task = self.spawn(work, name)
        if task is not None:
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)

    def give_up(self) -> None:
        """The host leaves: what the next one does from the start is stopped."""
        for task in self._passing:
            task.cancel()
