"""From the thread in which a program's output is read to the event loop: what it tells, and when it told it last."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from swarmtui.workers.cli_agents.streams import Event, Lines, Reader, Said, Trouble

WAITING_CHARS = 256 * 1024
"""Streamed text that waits for the event loop; of more, the newest wins."""


class Tap:
    """Reads the bytes of one program; called in the thread that has them. `hear` gets the events, in the event loop."""

    def __init__(self, reader: Reader, hear: Callable[[Event], None]) -> None:
        self.reader = reader
        self.lines = Lines()
        self.heard_at = time.monotonic()
        """When the program last gave a sign that it gets on."""
        self.ended_at: float | None = None
        """Since when it has told its end, and nothing else."""
        self.turned = asyncio.Event()
        """Set when `ended_at` changed."""
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque()
        self._chars = 0
        self._called = False

    def __call__(self, data: bytes) -> None:
        """Takes what was read."""
        for line in self.lines.feed(data):
            self._take(line)

    def close(self) -> None:
        """The program has ended: takes what is left and tells it at once. In the event loop."""
        if self.lines.waits:
            for line in self.lines.flush():
                self._take(line)
        self._deliver()

    def _take(self, line: str) -> None:
        events = self.reader.feed(line)
        now = time.monotonic()
        if not events or not all(isinstance(event, Trouble) for event in events):
            self.heard_at = now
        ended_at = (self.ended_at or now) if self.reader.ended else None
        turned = ended_at != self.ended_at
        self.ended_at = ended_at
        if events or turned:
            self._pass_on(events)

    def _pass_on(self, events: list[Event]) -> None:
        newest = [
            Said(event.text[-WAITING_CHARS:], event.channel) if isinstance(event, Said) else event for event in events
        ]
        with self._lock:
            self._waiting.extend(newest)
            self._chars += sum(len(event.text) for event in newest if isinstance(event, Said))
            while self._chars > WAITING_CHARS and len(self._waiting) > 1:
                oldest = self._waiting.popleft()
                if isinstance(oldest, Said):
                    self._chars -= len(oldest.text)
                else:
                    self._waiting.append(oldest)
            if self._called:
                return
            self._called = True
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody is there to be told
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            events, self._waiting = self._waiting, deque()
            self._chars = 0
            self._called = False
        self.turned.set()
        for event in events:
            self._hear(event)
