"""A layered graph with heavy-tailed durations: how close its makespan comes to what no scheduler can beat."""

from __future__ import annotations

import asyncio
import time
from random import Random

from swarmtui.engine.ports import Attempt
from swarmtui.plan.model import Limits, Node, Plan, PromptSpec
from tests.perf.engine import NoOpExecutor, session_cost

LAYERS, WIDTH, EDGES, SLOTS = 50, 200, 20_000, 32
SHORTEST_S, LONGEST_S = 0.02, 2.0


class Timed(NoOpExecutor):
    """Ends every attempt after the time that its node takes."""

    def __init__(self, takes: dict[str, float]) -> None:
        super().__init__()
        self._takes = takes

    def _takes_s(self, attempt: Attempt) -> float:
        return self._takes[attempt.node]


def layered_graph() -> tuple[dict[str, tuple[str, ...]], dict[str, float]]:
    """10,000 nodes in 50 layers, 20,000 needs, and the seconds each takes: lognormal (sigma 1.2), 20 ms at least."""
    random = Random(17)
    needs: dict[str, tuple[str, ...]] = {}
    spare = EDGES - 2 * WIDTH * (LAYERS - 1)
    for layer in range(LAYERS):
        for at in range(WIDTH):
            wanted = 2 + (layer > 1 and spare > 0) if layer else 0
            spare -= wanted > 2
            found = random.sample(range(WIDTH), wanted)
            needs[f"n{layer}_{at}"] = tuple(f"n{layer - 1}_{number}" for number in sorted(found))
    takes = {node: min(LONGEST_S, max(SHORTEST_S, random.lognormvariate(-3.7, 1.2))) for node in needs}
    return needs, takes


def bound(needs: dict[str, tuple[str, ...]], takes: dict[str, float], slots: int) -> tuple[float, float]:
    """The critical path and work / slots, in seconds."""
    ends: dict[str, float] = {}
    for node, wanted in needs.items():
        ends[node] = takes[node] + max((ends[need] for need in wanted), default=0.0)
    return max(ends.values()), sum(takes.values()) / slots


def layered() -> list[dict[str, object]]:
    """The makespan over the greater of critical path and work / slots, with durations known beforehand and not."""
    needs, takes = layered_graph()
    path, work = bound(needs, takes, SLOTS)
    plain = asyncio.run(_plain(needs, takes))
    results: list[dict[str, object]] = []
    for known in (True, False):
        plan = Plan(
            "layered",
            tuple(
                Node(node, PromptSpec("x"), needs=wanted, estimate_s=takes[node] if known else None)
                for node, wanted in needs.items()
            ),
        )
        cpu, wall, _ = session_cost(plan, Limits(concurrency=SLOTS), executor=Timed(takes))
        results.append(
            {
                "nodes": len(needs),
                "edges": sum(map(len, needs.values())),
                "durations": "estimated" if known else "not known",
                "critical_path_s": round(path, 2),
                "work_per_slot_s": round(work, 2),
                "makespan_s": round(wall, 2),
                "cpu_us_per_node": round(cpu / len(needs) * 1e6, 1),
                "plain_ratio": round(plain / max(path, work), 3),
                "ratio": round(wall / max(path, work), 3),
                "budget": 1.05,
            }
        )
    return results


async def _plain(needs: dict[str, tuple[str, ...]], takes: dict[str, float]) -> float:
    """Seconds of the same with a task per node, an event per node and a semaphore."""
    ended = {node: asyncio.Event() for node in needs}
    slots = asyncio.Semaphore(SLOTS)

    async def one(node: str) -> None:
        for need in needs[node]:
            await ended[need].wait()
        async with slots:
            await asyncio.sleep(takes[node])
        ended[node].set()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for node in needs:
            tasks.create_task(one(node))
    return time.perf_counter() - began
