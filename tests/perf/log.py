"""Recording and reading beside bare sqlite3."""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median

from swarmtui.engine.ports import Done, Failed
from swarmtui.plan.model import Limits, Node, Plan, PromptSpec, Retry
from swarmtui.session.events import Noted
from swarmtui.session.log import Log
from swarmtui.session.reader import Reader
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from tests.perf.engine import NoOpExecutor, record_session

TEXT = "x" * 250


def record(count: int = 50_000) -> list[dict[str, object]]:
    """Events of 300 bytes, each producer waiting for its commit, against bare inserts at 1,000 per transaction."""

    async def ours(folder: Path) -> tuple[float, float]:
        log = await Log.create(folder / "session.db", "perf")
        began, cpu = time.perf_counter(), time.process_time()

        async def producer(times: int) -> None:
            for _ in range(times):
                await log.committed(log.append(Noted("info", TEXT)).seq)

        await asyncio.gather(*(producer(count // 1_000) for _ in range(1_000)))
        spent = time.perf_counter() - began, time.process_time() - cpu
        await log.close()
        return spent

    def bare(folder: Path) -> tuple[float, float]:
        with closing(sqlite3.connect(folder / "bare.db")) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("CREATE TABLE events(seq INTEGER PRIMARY KEY, data TEXT)")
            began, cpu = time.perf_counter(), time.process_time()
            for start in range(0, count, 1_000):
                db.executemany("INSERT INTO events VALUES(?, ?)", [(start + k, TEXT) for k in range(1_000)])
                db.commit()
            return time.perf_counter() - began, time.process_time() - cpu

    runs: list[tuple[float, float, float, float]] = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            runs.append((*asyncio.run(ours(Path(folder))), *bare(Path(folder))))
    return [
        {
            "events_per_s": round(count / median(run[0] for run in runs)),
            "sqlite3_per_s": round(count / median(run[2] for run in runs)),
            "ratio": round(median(run[2] / run[0] for run in runs), 3),
            "cpu_ratio": round(median(run[3] / run[1] for run in runs), 3),
            "least": 0.12,
        }
    ]


class FailsOnce(NoOpExecutor):
    """Fails the first try of every second node."""

    def _done(self, attempt: str) -> Done | Failed:
        node, _, number = attempt.split("/")
        if number == "1" and int(node[1:]) % 2:
            return Failed(attempt, ErrorInfo(ErrorKind.EXIT, "exit code 1", 1))
        return super()._done(attempt)


def retried_plan(count: int) -> Plan:
    """`count` nodes without needs that may be tried twice."""
    retry = Retry(limit=1, base_s=0.001)
    return Plan("wide", tuple(Node(f"n{index}", PromptSpec("x"), retry=retry) for index in range(count)))


def resume(nodes: int = 30_000, rounds: int = 3) -> list[dict[str, object]]:
    """Verify a session with three events per node and make its state, as a host that goes on with it does.

    Against reading its rows with sqlite3 and parsing their JSON.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.db"
        asyncio.run(record_session(path, retried_plan(nodes), Limits(concurrency=100), executor=FailsOnce()))
        gc.collect()
        runs = [tuple(_timed(partial(what, path)) for what in (_read, _resume, _fold)) for _ in range(rounds)]
        with Reader(path) as reader:
            head, state = reader.resume()
            kept = reader.query("SELECT coalesce(max(seq), 0) FROM snapshots")[0][0]
    read_s, resume_s, fold_s = (median(spent[0] for spent in column) for column in zip(*runs, strict=True))
    return [
        {
            "events": head.seq,
            "nodes": len(state.nodes),
            "after_snapshot": head.seq - kept,
            "resume_s": round(resume_s, 2),
            "fold_all_s": round(fold_s, 2),
            "read_s": round(read_s, 2),
            "ratio": round(median(ours[0] / bare[0] for bare, ours, _ in runs), 2),
            "cpu_ratio": round(median(ours[1] / bare[1] for bare, ours, _ in runs), 2),
            "budget": 2.5,
            "resume_s_budget": 5,
        }
    ]


def _timed(what: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of `what`."""
    began, cpu = time.perf_counter(), time.process_time()
    what()
    return time.perf_counter() - began, time.process_time() - cpu


def _read(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        for row in db.execute("SELECT * FROM events ORDER BY seq"):
            json.loads(row[8])


def _resume(path: Path) -> None:
    with Reader(path) as reader:
        reader.check_pages()
        reader.resume()


def _fold(path: Path) -> None:
    with Reader(path) as reader:
        reader.state(use_snapshots=False)
