"""Going to any moment of a long session: how long until its state is there."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from random import Random
from statistics import median

from swarmtui.host.file_past import FilePast
from swarmtui.plan.model import MapSpec, Node, Plan, PromptSpec, plan_hash
from swarmtui.session.build import FileBuilder
from swarmtui.session.events import (
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    Body,
    HostStarted,
    MapExpanded,
    PlanApproved,
    PlanProposed,
    SessionCreated,
)
from swarmtui.session.folder import SessionFolder
from swarmtui.session.vocabulary import Chunk, ErrorInfo, ErrorKind, Output, Usage

EVENTS = 100_000
NODES = 2_000
SEEKS = 40
ROUNDS = 3
BUDGET_MS = 100.0
_TEXT = "what the model said of it " * 8
_FAILED = ErrorInfo(ErrorKind.EXIT, "exit code 1", 1)


def seek(events: int = EVENTS) -> list[dict[str, object]]:
    """The state at random moments of sessions of so many events, against what a seek may take.

    Cold opens the file for each seek; warm goes to and fro in one past; near goes back a little, as a hand does. The
    ratio is of the worst of all seeks, cold ones included, in CPU time, which is what it takes where nothing else is at
    work; what it took by the clock is told beside it.
    """
    return [
        _measured("2,000 nodes with many tries", _many_tries(events)),
        _measured("a map of many items", _many_items(events)),
    ]


def _measured(what: str, bodies: Iterator[Body]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = SessionFolder(Path(name) / "abcdefgh")
        folder.path.mkdir()
        head = _recorded(folder, bodies)
        took = asyncio.run(_sought(folder, head))
    result: dict[str, object] = {"session": what, "events": head}
    for how, seeks in took.items():
        wall, cpu = (sorted(column) for column in zip(*seeks, strict=True))
        result[how] = {
            "wall_ms": round(median(wall), 1),
            "wall_worst_ms": round(wall[-1], 1),
            "cpu_ms": round(median(cpu), 1),
            "cpu_worst_ms": round(cpu[-1], 1),
        }
    wall_worst, cpu_worst = (max(column) for column in zip(*chain(*took.values()), strict=True))
    worst = {"worst_wall_ms": round(wall_worst, 1), "worst_cpu_ms": round(cpu_worst, 1)}
    ratios = {"wall_ratio": round(wall_worst / BUDGET_MS, 2), "ratio": round(cpu_worst / BUDGET_MS, 2)}
    return {**result, **worst, **ratios, "budget": 1.0}


def _recorded(folder: SessionFolder, bodies: Iterator[Body]) -> int:
    with FileBuilder(folder.db, "perf") as builder:
        for number, body in enumerate(bodies):
            builder.event(body, 1_700_000_000.0 + number / 20, number / 20)
        return builder.done().seq


async def _sought(folder: SessionFolder, head: int) -> dict[str, list[tuple[float, float]]]:
    """Each seek is made ROUNDS times, among others, and the best counts: what else the machine does is not ours."""
    random = Random(1)
    places = [random.randint(1, head) for _ in range(SEEKS)]
    rounds: list[dict[str, list[tuple[float, float]]]] = []
    for _ in range(ROUNDS):
        took: dict[str, list[tuple[float, float]]] = {"cold": [], "warm": [], "near": []}
        for place in places:
            past = FilePast(folder)
            took["cold"].append(await _timed(past, place))
            await past.close()
        past = FilePast(folder)
        for place in places:
            took["warm"].append(await _timed(past, place))
        for place in places[:8]:
            await past.state_at(place)
            took["near"] += [await _timed(past, max(1, place - back)) for back in (1, 20, 150, 400)]
        await past.close()
        rounds.append(took)
    return {how: [min(same) for same in zip(*(took[how] for took in rounds), strict=True)] for how in rounds[0]}


async def _timed(past: FilePast, seq: int) -> tuple[float, float]:
    """Milliseconds of wall and CPU time."""
    began, cpu = time.perf_counter(), time.process_time()
    state = await past.state_at(seq)
    spent = (time.perf_counter() - began) * 1_000, (time.process_time() - cpu) * 1_000
    assert state.seq == seq
    return spent


def _beginning(plan: Plan) -> list[Body]:
    return [
        SessionCreated("abcdefgh", plan.goal, "title", "/", "perf"),
        HostStarted(1, "boot", "perf"),
        PlanProposed(1, plan),
        PlanApproved(1, plan_hash(plan)),
    ]


def _many_tries(events: int) -> Iterator[Body]:
    nodes = tuple(Node(f"n{number}", PromptSpec("Say what you think of it")) for number in range(NODES))
    yield from _beginning(Plan("tries", nodes))
    tries = (events - 4) // (2 * NODES)
    for attempt in range(1, tries + 1):
        for node in nodes:
            yield AttemptStarted(node.id, attempt, pool="p", model="m")
            if attempt < tries:
                yield AttemptFailed(node.id, attempt, _FAILED, took_s=1.0, retry_in_s=1.0)
            else:
                output = Output(_TEXT, len(_TEXT))
                yield AttemptSucceeded(node.id, attempt, output, took_s=1.0, usage=Usage(10, 20, cost_usd=0.001))


def _many_items(events: int) -> Iterator[Body]:
    total = (events - 5) // 2
    spec = MapSpec(name="doc", path="docs.jsonl")
    yield from _beginning(Plan("items", (Node("m", PromptSpec("Say {{ doc.text }}"), map=spec),)))
    yield MapExpanded("m", total, (Chunk("0" * 32, total),))
    for item in range(total):
        yield AttemptStarted("m", 1, item, pool="p", model="m")
        output = Output(_TEXT, len(_TEXT))
        yield AttemptSucceeded("m", 1, output, item, took_s=1.0, usage=Usage(10, 20, cost_usd=0.001))
