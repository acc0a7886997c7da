"""Recording and reading beside bare sqlite3."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from swarmtui.plan.model import Limits
from swarmtui.session.events import Noted
from swarmtui.session.log import Log
from swarmtui.session.reader import Reader
from tests.perf.engine import record_session, wide_plan

TEXT = "x" * 250


def record(count: int = 50_000) -> list[dict[str, object]]:
    """Events of 300 bytes, each producer waiting for its commit, against bare inserts at 1,000 per transaction."""

    async def ours(folder: Path) -> float:
        log = await Log.create(folder / "session.db", "perf")
        began = time.perf_counter()

        async def producer(times: int) -> None:
            for _ in range(times):
                await log.committed(log.append(Noted("info", TEXT)).seq)

        await asyncio.gather(*(producer(count // 1_000) for _ in range(1_000)))
        spent = time.perf_counter() - began
        await log.close()
        return count / spent

    def bare(folder: Path) -> float:
        with closing(sqlite3.connect(folder / "bare.db")) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("CREATE TABLE events(seq INTEGER PRIMARY KEY, data TEXT)")
            began = time.perf_counter()
            for start in range(0, count, 1_000):
                db.executemany("INSERT INTO events VALUES(?, ?)", [(start + k, TEXT) for k in range(1_000)])
                db.commit()
            return count / (time.perf_counter() - began)

    with tempfile.TemporaryDirectory() as folder:
        rate, reference = asyncio.run(ours(Path(folder))), bare(Path(folder))
    return [
        {
            "events_per_s": round(rate),
            "sqlite3_per_s": round(reference),
            "ratio": round(rate / reference, 3),
            "budget": 0.12,
        }
    ]


def resume(nodes: int = 20_000) -> list[dict[str, object]]:
    """Verify and fold a finished session, against reading its rows and parsing their JSON."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.db"
        asyncio.run(record_session(path, wide_plan(nodes), Limits(concurrency=100)))
        began = time.perf_counter()
        with closing(sqlite3.connect(path)) as db:
            for row in db.execute("SELECT * FROM events ORDER BY seq"):
                json.loads(row[8])
        reference = time.perf_counter() - began
        began = time.perf_counter()
        with Reader(path) as reader:
            head = reader.verify()
            state = reader.state()
        ours = time.perf_counter() - began
        began = time.perf_counter()
        with Reader(path) as reader:
            reader.state(use_snapshots=False)
        whole = time.perf_counter() - began
    return [
        {
            "events": head.seq,
            "nodes": len(state.nodes),
            "resume_s": round(ours, 2),
            "fold_all_s": round(whole, 2),
            "read_s": round(reference, 2),
            "ratio": round(ours / reference, 2),
            "budget": 2.5,
        }
    ]
