"""Attaching to a live session and catching up with it: here, over ssh, and beside a plain socket in the same run."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from swarmtui.host.address import Address
from swarmtui.host.client import WireFeed
from swarmtui.host.ssh_dial import predial
from swarmtui.host.whereabouts import socket_of
from swarmtui.session.folder import SessionFolder
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_line
from tests.ssh.daemons import NoSshd, private_sshd
from tests.ssh.machines import Machine, until

TASK = """
goal: Make many events, and stay
models: {{worker: simulated/instant}}
limits: {{concurrency: 64}}
nodes:
  many:
    map: {{items: [{items}], as: n}}
    prompt: "Say {{{{ n }}}}"
  stay:
    needs: many
    run: [sleep, "900"]
"""
TRIES = 5

Opened = Callable[[bool], Awaitable[WireFeed]]


def attach(items: int = 5_000) -> list[dict[str, object]]:
    """Seconds until a viewer holds the state, and events a second while it catches up from the first.

    The plain socket carries the same lines to a client that decodes them with ``json.loads`` and does nothing more.
    """
    try:
        with (
            private_sshd() as ssh,
            tempfile.TemporaryDirectory() as folder,
            Machine(Path(folder), ssh.home, {"SWARMTUI_SSH": ssh.program}) as machine,
        ):
            session = machine.session(TASK.format(items=", ".join(map(str, range(items)))))
            until(lambda: _stays(session), patience_s=300)
            return asyncio.run(_measured(session, machine, Path(folder)))
    except NoSshd as reason:
        return [{"what": "attach", "skipped": str(reason)}]


def _stays(session: SessionFolder) -> bool:
    if not session.db.exists():
        return False
    with Reader(session.db) as reader:
        return any(
            row.type == "attempt_started" and row.node == "stay" for row in reader.rows(max(1, reader.last_seq() - 20))
        )


async def _measured(session: SessionFolder, machine: Machine, folder: Path) -> list[dict[str, object]]:
    with Reader(session.db) as reader:
        lines = [f"{row_to_line(row)}\n".encode() for row in reader.rows()]

    async def here(whole: bool) -> WireFeed:
        return await WireFeed.connect(socket_of(session), name="perf", whole=whole)

    async def over_ssh(whole: bool) -> WireFeed:
        dial = await asyncio.to_thread(predial, Address("box", session.id), environ=machine.env, batch=True)
        return await WireFeed.over(dial, name="perf", whole=whole)

    connect_s, rate = await _plain(folder / "plain.sock", lines)
    each = sum(map(len, lines)) // len(lines)
    found: list[dict[str, object]] = [
        {
            "what": f"a plain socket and json.loads: {len(lines):,} events of {each} bytes",
            "connect_ms": round(connect_s * 1000, 2),
            "events_per_s": round(rate),
        }
    ]
    for name, opened in (("here", here), ("over ssh", over_ssh)):
        latency_s, ours = await _viewer(opened, len(lines))
        found.append(
            {
                "what": f"a viewer {name}: until it holds the state, and while it catches up from the first event",
                "attach_ms": round(latency_s * 1000, 1),
                "events_per_s": round(ours),
                "ratio": round(rate / ours, 2),
            }
        )
    return found


async def _viewer(opened: Opened, count: int) -> tuple[float, float]:
    """Median seconds until a viewer with a snapshot is live, and the best rate of one that wants every event."""
    latencies, rates = [], []
    for _ in range(TRIES):
        began = time.perf_counter()
        feed = await opened(False)
        latencies.append(time.perf_counter() - began)
        await feed.close()
    for _ in range(3):
        feed = await opened(True)
        began, before = time.perf_counter(), feed.state.seq
        while feed.state.seq < count:
            await feed.wait()
            feed.drain()
        rates.append((count - before) / (time.perf_counter() - began))
        await feed.close()
    return median(latencies), max(rates)


async def _plain(path: Path, lines: list[bytes]) -> tuple[float, float]:
    """The same for a server that writes the lines as fast as they are taken."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        for start in range(0, len(lines), 64):
            writer.write(b"".join(lines[start : start + 64]))
            await writer.drain()
        writer.close()

    connects, rates = [], []
    async with await asyncio.start_unix_server(serve, str(path)):
        for _ in range(TRIES):
            began = time.perf_counter()
            reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 20)
            writer.write(b"go\n")
            json.loads(await reader.readline())
            connects.append(time.perf_counter() - began)
            begun, taken = time.perf_counter(), 1
            while line := await reader.readline():
                json.loads(line)
                taken += 1
            rates.append(taken / (time.perf_counter() - begun))
            writer.close()
            await writer.wait_closed()
    return median(connects), max(rates)
