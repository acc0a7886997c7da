"""The workbench over half an hour of a recorded session at sixteen times its speed, again and again: does it grow?"""

from __future__ import annotations

import asyncio
import gc
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from swarmtui.host.file_past import FilePast
from swarmtui.host.replay import ReplayFeed
from swarmtui.plan.model import MapSpec, Node, Plan, PromptSpec, plan_hash
from swarmtui.session import events as ev
from swarmtui.session.build import FileBuilder
from swarmtui.session.folder import SessionFolder
from swarmtui.session.vocabulary import Chunk, ErrorInfo, ErrorKind, Output, Usage
from swarmtui.tui.app import Workbench

MINUTES = 30
PER_S = 50
"""Events of the recording each second."""
SPEED = 16.0
EVERY_S = 5.0
WARM_SHARE = 0.25
BUDGET = 1.05
_TEXT = "what the model said of it, in a few words that differ: "


def _events() -> Iterator[ev.Body]:
    """A map of many items beside a chain of nodes that fail, are throttled and succeed."""
    items = MINUTES * 60 * PER_S // 2
    many = Node("many", PromptSpec("say {{ n }}"), map=MapSpec(name="n", values=tuple(range(items))))
    chain = [
        Node(f"step-{at:03}", PromptSpec("go on"), needs=(f"step-{at - 1:03}",) if at else ()) for at in range(200)
    ]
    plan = Plan("soak", (many, *chain))
    yield from (
        ev.SessionCreated("soaksoak", "soak", "A long one", "/", "test"),
        ev.HostStarted(1, "boot", "test"),
        ev.PlanProposed(1, plan),
        ev.PlanApproved(1, plan_hash(plan)),
        ev.MapExpanded("many", items, (Chunk("0" * 64, items),)),
    )
    every = items // len(chain)
    for item in range(items):
        yield ev.AttemptStarted("many", 1, item)
        if item % 17 == 0:
            yield ev.AttemptFailed("many", 1, ErrorInfo(ErrorKind.EXIT, "exit code 1", 1), item)
        else:
            text = _TEXT + str(item) * (item % 20)
            yield ev.AttemptSucceeded("many", 1, Output(text, len(text)), item, 0.5, Usage(10, 20))
        at, within = divmod(item, every)
        if at < len(chain) and within in (0, every - 1):
            step = chain[at].id
            done = ev.AttemptSucceeded(step, 1, Output(_TEXT, len(_TEXT)), None, 9.0, Usage(100, 20))
            yield ev.AttemptStarted(step, 1) if within == 0 else done


async def _watched(folder: SessionFolder, seconds: float) -> tuple[list[float], int, float]:
    """MiB of memory every few seconds while the replay goes round and somebody goes through the views."""
    rounds, sizes = 0, []

    async def connect() -> ReplayFeed:
        feed = await ReplayFeed.open(FilePast(folder), at=1, speed=SPEED)
        feed.play()
        return feed

    app = Workbench(connect)
    cpu, began = time.process_time(), time.monotonic()
    async with app.run_test(size=(120, 40)) as pilot:
        keys = 0  # digits would go to a share of the recording
        while time.monotonic() - began < seconds:
            await asyncio.sleep(EVERY_S)
            await pilot.press(f"f{2 + keys % 5}", "j", "k")
            keys += 1
            feed = app.feed
            if isinstance(feed, ReplayFeed) and feed.status.play is not None:
                play = feed.status.play
                if play.seq >= play.head_seq:
                    rounds += 1
                    await pilot.press("G")
                    app.replaying.to_share(0.0)
                    app.replaying.toggle()
            gc.collect()
            sizes.append(_resident_mib())
    return sizes, rounds, (time.process_time() - cpu) / (time.monotonic() - began)


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def soak(seconds: float) -> list[dict[str, object]]:
    """The largest size after the first quarter of the time against the size at its end."""
    with tempfile.TemporaryDirectory() as name:
        folder = SessionFolder(Path(name) / "soaksoak")
        folder.path.mkdir()
        with FileBuilder(folder.db, "perf") as builder:
            for number, body in enumerate(_events()):
                builder.event(body, 1_700_000_000.0 + number / PER_S, number / PER_S)
            events = builder.done().seq
        sizes, rounds, share = asyncio.run(_watched(folder, seconds))
    warm = sizes[int(len(sizes) * WARM_SHARE)]
    later = sizes[int(len(sizes) * WARM_SHARE) :]
    return [
        {
            "what": "memory of the workbench over a replay at 16 times its speed",
            "events": events,
            "seconds": round(seconds),
            "rounds": rounds,
            "warm_mib": round(warm, 1),
            "most_mib": round(max(later), 1),
            "last_mib": round(later[-1], 1),
            "core": round(share, 2),
            "ratio": round(max(later) / warm, 3),
            "budget": BUDGET,
        }
    ]
