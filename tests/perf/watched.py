"""The workbench in a terminal of its own, over a feed that rains events; it tells when it drew what.

    python -m tests.perf.watched ROWS EVENTS_PER_SECOND TOLD

TOLD is a file that gets a JSON line for each drawing after which another node is selected (``[seconds, node, waited]``
on the monotonic clock that all processes share; `waited` are the seconds that the process was ready to run and had no
core), and when it ends one with the CPU seconds of the process, of those the ones that went into making and folding
events, and the seconds by the clock.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
from pathlib import Path
from typing import Any

from swarmtui.host.protocol import BATCH_EVENTS
from swarmtui.session import events as ev
from swarmtui.tui.app import Workbench
from swarmtui.tui.leaving import Ending
from tests.tui.scripted_feed import WORKER, ScriptedFeed, large

TICK_S = 0.01


def waited_s(process: int | str = "self") -> float:
    """Seconds that a process was ready to run while others had the cores; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


class Watched(Workbench):
    """Notes when a selection is on the screen."""

    CSS_PATH = [Path(inspect.getfile(Workbench)).with_name("screens") / "frame.tcss"]  # noqa: RUF012 - as Textual declares it
    told: Any = None
    shown = ""

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        if self.selected != self.shown and self.told is not None:
            self.shown = self.selected
            self.told.write(json.dumps([time.monotonic(), self.shown, waited_s()]) + "\n")
            self.told.flush()


class Rain:
    """Attempts that start and are throttled, over and over, on all nodes in turn."""

    def __init__(self, feed: ScriptedFeed, per_second: int) -> None:
        self.feed, self.per_second, self.cpu_s, self.events = feed, per_second, 0.0, 0
        self._nodes = [name for name, node in feed.state.nodes.items() if not node.ended and not node.running]
        self._at = 0

    async def fall(self) -> None:
        """Until cancelled; what falls late falls in batches as large as those of the wire."""
        began = time.monotonic()
        while True:
            due = int((time.monotonic() - began) * self.per_second) - self.events
            for _ in range(min(due, self.per_second // 5) // BATCH_EVENTS):
                before = time.thread_time()
                for _ in range(BATCH_EVENTS // 2):
                    self._drop()
                self.cpu_s += time.thread_time() - before
                self._let_go()
                await asyncio.sleep(0)
            await asyncio.sleep(TICK_S)

    def _let_go(self) -> None:
        """A viewer has the state, not all that ever happened: the feed's own list is no part of what is measured."""
        played = self.feed.events
        played[-BATCH_EVENTS * 20 : -BATCH_EVENTS * 19] = [played[0]] * BATCH_EVENTS

    def _drop(self) -> None:
        node = self._nodes[self._at % len(self._nodes)]
        attempt = 1 + self._at // len(self._nodes)
        self._at += 1
        self.events += 2
        self.feed.play(ev.AttemptStarted(node, attempt, pool=WORKER, model=WORKER), after=1e-5)
        self.feed.play(ev.AttemptThrottled(node, attempt, 5.0), after=1e-5)


async def watch(rows: int, per_second: int, path: str) -> None:
    """Show it until told to leave."""
    feed = large(rows)

    async def connect() -> ScriptedFeed:
        return feed

    rain = Rain(feed, per_second)
    with Ending() as ending, open(path, "w", encoding="utf-8") as told:
        app = Watched(connect, ending=ending)
        app.told = told
        falling = asyncio.create_task(rain.fall())
        wall, cpu = time.monotonic(), time.process_time()
        await app.run_async()
        falling.cancel()
        if app.crash is not None:
            raise app.crash
        spent = [time.process_time() - cpu, rain.cpu_s, time.monotonic() - wall]
        told.write(
            json.dumps({"spent": spent, "waited": waited_s(), "events": rain.events, "frames": app.frames_drawn}) + "\n"
        )


if __name__ == "__main__":
    asyncio.run(watch(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
