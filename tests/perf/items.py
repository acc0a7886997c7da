"""A map of up to a hundred thousand items with 1 KB outputs: CPU and memory of the host, each size in a process."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from swarmtui.engine.ports import Done
from swarmtui.plan.model import Limits, MapSpec, Node, Plan, PromptSpec
from tests.perf.engine import NoOpExecutor, record_session

SIZES = (1_000, 10_000, 100_000)
OUTPUT_CHARS = 1_000
MIB = 1024 * 1024


class Answers(NoOpExecutor):
    """Answers every attempt at once with a kilobyte that differs from the others."""

    def _done(self, attempt: str) -> Done:
        return Done(attempt, f"{attempt} ".ljust(OUTPUT_CHARS, "x"))


def items() -> list[dict[str, object]]:
    """CPU per item and peak memory above an idle host, from 1,000 to 100,000 items in one map."""
    best: dict[int, dict[str, float]] = {}
    for count in SIZES:
        runs = [_in_process(count) for _ in range(3 if count < 100_000 else 1)]
        best[count] = min(runs, key=lambda run: run["cpu_s"])
    idle = _in_process(0)["peak_mb"]
    results: list[dict[str, object]] = [
        {
            "items": count,
            "cpu_us_per_item": round(run["cpu_s"] / count * 1e6, 1),
            "wall_s": round(run["wall_s"], 2),
            "rss_above_idle_mb": round(run["peak_mb"] - idle, 1),
            "bytes_per_item": round(run["file_bytes"] / count),
        }
        for count, run in best.items()
    ]
    per_item = {count: run["cpu_s"] / count for count, run in best.items()}
    above = best[100_000]["peak_mb"] - idle
    return [
        *results,
        {"growth": "cpu per item", "ratio": round(per_item[100_000] / per_item[1_000], 2), "budget": 1.15},
        {
            "memory": "peak above an idle host",
            "rss_above_idle_mb": round(above, 1),
            "rss_budget_mb": 300,
            "ratio": round(above / 300, 2),
            "budget": 1.0,
        },
    ]


def _in_process(count: int) -> dict[str, float]:
    ran = subprocess.run([sys.executable, "-m", "tests.perf.items", str(count)], capture_output=True, check=True)
    told: dict[str, float] = json.loads(ran.stdout)
    return told


def _one(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "docs.jsonl").open("w") as file:
            for number in range(max(1, count)):
                file.write(json.dumps({"id": number, "text": f"document {number} " + "y" * 200}) + "\n")
        spec = MapSpec(name="doc", path="docs.jsonl")
        plan = Plan("items", (Node("m", PromptSpec("Say {{ doc.text }}"), map=spec),))
        executor = Answers()
        cpu, wall = asyncio.run(record_session(folder / "session.db", plan, Limits(concurrency=100), executor=executor))
        if count:
            lines = sum(1 for _ in (folder / "artefacts" / "m" / "results.jsonl").open())
            assert lines == count, f"{lines} results of {count} items"
        peak = _peak_kib() * 1024
        return {
            "cpu_s": cpu,
            "wall_s": wall,
            "peak_mb": peak / MIB,
            "file_bytes": float((folder / "session.db").stat().st_size),
        }


def _peak_kib() -> int:
    """Of this process alone: ``ru_maxrss`` begins with what the process that started it had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(json.dumps(_one(int(sys.argv[1]))))
