"""Watches the event loop: what each step of it costs, and what it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

LIMIT_S = 0.05
REFERENCE_S = 0.011
"""What :func:`slowness` times takes on the machine that the limit was set on, at rest."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the loop."""

    cpu_s: float
    what: str


@dataclass(slots=True)
class Watchdog:
    """The steps that took long."""

    over_s: float
    steps: list[Step] = field(default_factory=list)

    @property
    def longest(self) -> Step:
        """The one that took longest; nothing where none was over the mark."""
        return max(self.steps, key=lambda step: step.cpu_s, default=Step(0.0, "nothing"))


@contextmanager
def watching(over_s: float = LIMIT_S / 5) -> Iterator[Watchdog]:
    """Note every step of any event loop in this thread that takes more than `over_s` of its CPU time.

    CPU time, since the machine is shared: it tells of what the program does, not of who else is at work.
    """
    dog = Watchdog(over_s)
    run = asyncio.Handle._run

    def watched(handle: asyncio.Handle) -> None:
        before = time.thread_time()
        run(handle)
        spent = time.thread_time() - before
        if spent > over_s:
            dog.steps.append(Step(spent, _named(handle)))

    asyncio.Handle._run = watched  # type: ignore[method-assign,assignment]
    try:
        yield dog
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]


def _named(handle: asyncio.Handle) -> str:
    callback: Any = getattr(handle, "_callback", None)
    owner = getattr(callback, "__self__", None)
    return f"{owner.get_name()}: {owner.get_coro()}" if isinstance(owner, asyncio.Task) else repr(callback)


def slowness() -> float:
    """How much slower than the machine of the limit this one is now; never less than one."""
    best = float("inf")
    for _ in range(5):
        before = time.thread_time()
        sum(len(str(number)) for number in range(60_000))
        best = min(best, time.thread_time() - before)
    return max(1.0, best / REFERENCE_S)
