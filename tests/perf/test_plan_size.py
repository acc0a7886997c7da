"""Reading large task files: 100,000 needs cost about as much as parsing their YAML does, and grow no faster."""

from __future__ import annotations

import gc
import json
import random
import time
from collections.abc import Callable

import pytest
import yaml

from swarmtui.plan.taskfile import parse_task

pytestmark = pytest.mark.perf


def task_text(nodes: int, needs: int) -> str:
    rng = random.Random(7)
    lines = ["goal: g", "nodes:"]
    for i in range(nodes):
        before = rng.sample(range(max(0, i - 500), i), min(i, needs))
        lines.append(f"  n{i}:\n    needs: [{', '.join(f'n{k}' for k in before)}]\n    run: [echo, hi]")
    return "\n".join(lines) + "\n"


def cpu(what: Callable[[], object], repeat: int = 5) -> float:
    """Seconds of CPU that `what` takes, the least of some runs."""
    times = []
    for _ in range(repeat):
        gc.collect()
        before = time.process_time()
        what()
        times.append(time.process_time() - before)
    return min(times)


def reported(name: str, ours: float, base: float) -> float:
    print(
        json.dumps({"bench": name, "ours_s": round(ours, 3), "base_s": round(base, 3), "ratio": round(ours / base, 3)})
    )
    return ours / base


@pytest.mark.parametrize(("nodes", "needs"), [(2_000, 50), (10_000, 10)])
def test_100_000_needs_are_read_and_checked_faster_than_pyyaml_loads_them(nodes, needs):
    text = task_text(nodes, needs)
    ours = cpu(lambda: parse_task(text))
    base = cpu(lambda: yaml.load(text, Loader=yaml.CSafeLoader))
    assert reported(f"plan_{nodes}x{needs}", ours, base) < 1.2


def test_cost_per_node_stays_flat():
    small, large = task_text(1_000, 10), task_text(10_000, 10)
    ratio = reported("plan_growth", cpu(lambda: parse_task(large)) / 10, cpu(lambda: parse_task(small)))
    assert ratio < 1.6


def test_a_ring_of_10_000_nodes_is_told_as_fast_as_a_chain_is_read():
    nodes = [f"  n{i}: {{needs: n{(i + 1) % 10_000}, run: [x]}}\n" for i in range(10_000)]
    ring = "goal: g\nnodes:\n" + "".join(nodes)
    chain = ring.replace("needs: n0,", "needs: [],")

    def refused() -> None:
        with pytest.raises(Exception, match="wait for each other"):
            parse_task(ring)

    assert reported("plan_ring", cpu(refused), cpu(lambda: parse_task(chain))) < 1.6
