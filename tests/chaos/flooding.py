"""A host that records so many events as fast as it is told to, and viewers of it, each a process of its own.

``python -m tests.chaos.flooding host FOLDER EVENTS PER_SECOND`` says ``ready``, begins when it is told ``go``, says as
JSON what it cost, and leaves at the end of its input. ``python -m tests.chaos.flooding viewer SOCKET EVENTS whole|now``
says ``ready`` once it is attached, and as JSON what it saw once it has seen so many notes, or what stands for them.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

from swarmtui.host.client import WireFeed
from swarmtui.session.events import Noted
from tests.host.sessions import LiveSession, chain, live_session

WEIGHT = 1_000
AT_ONCE = 250


def say(told: object) -> None:
    """One line to whoever started this process."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def memory_kib(name: str) -> int:
    """A figure of this process's memory, as the kernel keeps it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


async def host(folder: Path, events: int, per_second: float) -> None:
    """Record the events once told to."""
    async with live_session(folder, chain("a")) as session:
        await session.until_running()
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        session.conductor.record(Noted("info", "warm"))
        before, cpu, began = memory_kib("VmRSS"), cpu_s(), time.monotonic()
        buffer = await flood(session, events, per_second)
        took = time.monotonic() - began
        say(
            {
                "wall_s": round(took, 2),
                "cpu_s": round(cpu_s() - cpu, 2),
                "rss_before_kib": before,
                "rss_kib": memory_kib("VmRSS"),
                "peak_kib": memory_kib("VmHWM"),
                "largest_buffer": buffer,
                "viewers": len(session.server.viewers),
            }
        )
        await asyncio.to_thread(sys.stdin.readline)


async def flood(session: LiveSession, events: int, per_second: float) -> int:
    """Record `events` notes; the most bytes that waited to be sent to one viewer."""
    began, largest = time.monotonic(), 0
    for number in range(0, events, AT_ONCE):
        for at in range(number, min(events, number + AT_ONCE)):
            session.conductor.record(Noted("info", f"{at:08} {'x' * WEIGHT}"))
        await session.conductor.log.flushed()
        for link in session.server._links.values():
            largest = max(largest, link._writer.transport.get_write_buffer_size())
        await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
    return largest


def cpu_s() -> float:
    """Seconds of processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def viewer(socket: Path, events: int, how: str) -> None:
    """Watch until so many notes have been recorded."""
    feed = await WireFeed.connect(socket, name=how, whole=how == "whole")
    say("ready")
    lag, seqs, gaps, last = 0.0, 0, 0, 0
    while feed.state.seq < events:
        await feed.wait()
        now, changes = time.time(), feed.drain()
        for event in changes.events:
            lag = max(lag, now - event.ts) if isinstance(event.body, Noted) else lag
            gaps += last != 0 and event.seq != last + 1
            seqs, last = seqs + 1, event.seq
    say({"events": seqs, "gaps": gaps, "lag_s": round(lag, 2), "skipped": feed.status.skipped, "seq": feed.state.seq})
    await feed.close()


if __name__ == "__main__":
    words = sys.argv[2:]
    if sys.argv[1] == "host":
        asyncio.run(host(Path(words[0]), int(words[1]), float(words[2])))
    else:
        asyncio.run(viewer(Path(words[0]), int(words[1]), words[2]))
