"""The engine beside plain asyncio on the same graph, recording on."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from statistics import mean, median

from swarmtui.engine.conductor import Conductor
from swarmtui.engine.ports import Attempt, Done, Executor, Failed, WorkerEvent
from swarmtui.engine.setup import Setup
from swarmtui.plan.model import Limits, Node, Plan, PromptSpec
from swarmtui.session import fold
from swarmtui.session.events import HostStarted, Noted, PlanProposed
from swarmtui.session.log import Log
from swarmtui.session.vocabulary import FINAL
from tests.engine.world import ScriptedPlanner, created, no_edit


class NoOpExecutor:
    """Ends every attempt at once, or after `seconds`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._ends: list[WorkerEvent] = []
        self._wake = asyncio.Event()
        self._closed = False

    async def start(self) -> None:
        """Nothing to get ready."""

    async def submit(self, attempt: Attempt) -> None:
        seconds = self._takes_s(attempt)
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._end, attempt.id)
        else:
            self._end(attempt.id)

    def _takes_s(self, attempt: Attempt) -> float:
        return self._seconds

    def _end(self, attempt: str) -> None:
        self._ends.append(self._done(attempt))
        self._wake.set()

    def _done(self, attempt: str) -> Done | Failed:
        return Done(attempt, "")

    async def events(self) -> AsyncIterator[Sequence[WorkerEvent]]:
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            ends, self._ends = self._ends, []
            yield ends

    async def cancel(self, attempt: str, grace_s: float) -> None:
        """Nothing here can be cancelled."""

    async def close(self) -> None:
        self._closed = True
        self._wake.set()


async def record_session(
    path: Path, plan: Plan, limits: Limits, seconds: float = 0.0, executor: Executor | None = None
) -> tuple[float, float]:
    """Run a session into the file at `path`; CPU and wall seconds from approval to the end."""
    log = await Log.create(path, "perf")
    state = fold.empty()
    for body in (created(limits), PlanProposed(1, plan)):
        fold.apply(state, log.append(body))
    await log.flushed()
    setup = Setup(path.parent, path.parent / "artefacts", path.parent, parse_plan=no_edit)
    conductor = Conductor(log, state, executor or NoOpExecutor(seconds), ScriptedPlanner(), setup)
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    task = asyncio.create_task(conductor.run(HostStarted(1, "boot", "perf")))
    while state.status not in FINAL:
        await log.after(log.committed_seq)
    spent = time.process_time() - cpu, time.perf_counter() - wall
    conductor.stop("finished", drain_s=0)
    await task
    return spent


def session_cost(
    plan: Plan, limits: Limits, seconds: float = 0.0, executor: Executor | None = None
) -> tuple[float, float, int]:
    """CPU and wall seconds of a session from approval to its end, and bytes of its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.db"
        cpu, wall = asyncio.run(record_session(path, plan, limits, seconds, executor))
        return cpu, wall, path.stat().st_size


def plain_cost(count: int, slots: int, seconds: float = 0.0) -> tuple[float, float]:
    """CPU and wall seconds of the same with TaskGroup and Semaphore."""

    async def run() -> None:
        semaphore = asyncio.Semaphore(slots)

        async def one() -> None:
            async with semaphore:
                if seconds:
                    await asyncio.sleep(seconds)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(count):
                tasks.create_task(one())

    cpu, wall = time.process_time(), time.perf_counter()
    asyncio.run(run())
    return time.process_time() - cpu, time.perf_counter() - wall


def wide_plan(count: int) -> Plan:
    """`count` nodes without needs."""
    return Plan("wide", tuple(Node(f"n{index}", PromptSpec("x")) for index in range(count)))


def wide(count: int = 10_000, slots: int = 100, rounds: int = 3) -> list[dict[str, object]]:
    """10,000 no-op nodes, recorded.

    Each of ours stands between plain runs that take as long together: on a shared machine a second is worth more at
    one time than at another, and both must have their share of either.
    """
    session_cost(wide_plan(500), Limits(concurrency=slots))  # imports and first uses are not counted
    ratios: list[float] = []
    for _ in range(rounds):
        plain = [plain_cost(count, slots)[0] for _ in range(6)]
        cpu, wall, size = session_cost(wide_plan(count), Limits(concurrency=slots))
        plain += [plain_cost(count, slots)[0] for _ in range(6)]
        ratios.append(cpu / median(plain))
    return [
        {
            "nodes": count,
            "cpu_us_per_node": round(cpu / count * 1e6, 1),
            "plain_us_per_node": round(median(plain) / count * 1e6, 1),
            "ratio": round(median(ratios), 1),
            "budget": 20,
            "aim": 12,
            "ratios": [round(ratio, 1) for ratio in sorted(ratios)],
            "nodes_per_s": round(count / wall),
            "bytes_per_node": round(size / count),
        }
    ]


def growth(most: int = 20_000, rounds: int = 3) -> list[dict[str, object]]:
    """CPU per node, and bytes, from 1,000 nodes to `most`; sizes take turns, small ones as often as large ones last."""
    session_cost(wide_plan(500), Limits(concurrency=100))
    sizes = (1_000, most // 4, most)
    costs: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds if most < 50_000 else 1):
        for size in sizes:
            for _ in range(max(1, min(5, most // 2 // size))):
                cpu, _, file = session_cost(wide_plan(size), Limits(concurrency=100))
                costs[size].append(cpu / size)
            if size == 1_000:
                small = file
    per_node = {size: median(found) for size, found in costs.items()}
    figures = {f"us_at_{size}": round(value * 1e6, 1) for size, value in per_node.items()}
    return [
        {**figures, "ratio": round(per_node[most] / per_node[1_000], 2), "budget": 1.15},
        {
            "bytes_at_1000": round(small / 1_000),
            f"bytes_at_{most}": round(file / most),
            "ratio": round(file / most / 1_500, 2),
            "budget": 1.0,
        },
    ]


def chain(length: int = 1_000, rounds: int = 3) -> list[dict[str, object]]:
    """A chain, recorded: each link rests on commits of its own, which are measured before and after it."""
    nodes = tuple(
        Node(f"n{index}", PromptSpec("x"), needs=(f"n{index - 1}",) if index else ()) for index in range(length)
    )
    session_cost(wide_plan(100), Limits(concurrency=4))
    commits = [asyncio.run(_commit_cost(200))]
    walls: list[float] = []
    cpus: list[float] = []
    for _ in range(rounds):
        cpu, wall, _ = session_cost(Plan("chain", nodes), Limits(concurrency=4))
        commits.append(asyncio.run(_commit_cost(200)))
        walls.append(wall / length / mean(spent[0] for spent in commits[-2:]))
        cpus.append(cpu / length / mean(spent[1] for spent in commits[-2:]))
    return [
        {
            "links": length,
            "link_ms": round(wall / length * 1e3, 3),
            "commit_ms": round(commits[-1][0] * 1e3, 3),
            "ratio": round(median(walls), 2),
            "cpu_ratio": round(median(cpus), 2),
            "budget": 2.0,
        }
    ]


async def _commit_cost(times: int) -> tuple[float, float]:
    """Wall and CPU seconds of a commit that somebody waits for."""
    with tempfile.TemporaryDirectory() as folder:
        log = await Log.create(Path(folder) / "session.db", "perf")
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(times):
            await log.committed(log.append(Noted("info", "x" * 60)).seq)
        spent = (time.perf_counter() - began) / times, (time.process_time() - cpu) / times
        await log.close()
    return spent


def short_nodes(count: int = 1_000, slots: int = 100, seconds: float = 0.05) -> list[dict[str, object]]:
    """1,000 nodes of 50 ms in 100 places; the least of some runs, since any stall of the machine only adds."""
    session_cost(wide_plan(200), Limits(concurrency=slots), seconds)
    wall = min(session_cost(wide_plan(count), Limits(concurrency=slots), seconds)[1] for _ in range(4))
    plain = min(plain_cost(count, slots, seconds)[1] for _ in range(4))
    best = count / slots * seconds
    return [
        {
            "wall_s": round(wall, 3),
            "ratio": round(wall / best, 3),
            "plain_ratio": round(plain / best, 3),
            "budget": 1.10,
        }
    ]
