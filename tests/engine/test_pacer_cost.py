"""The pacer must disappear next to the calls it paces."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from swarmtui.engine.pacer import Pacer


def drive(pacer: Pacer, calls: int, now: float) -> float:
    """`calls` calls, 20 at a time, 1 s each; the time after."""
    for start in range(0, calls, 10):
        names = [f"{start + number}" for number in range(10)]
        for name in names:
            pacer.admit(now, 100)
            pacer.sent(name, now, 100)
        for name in names:
            pacer.first_token(name, now + 0.2)
        for name in names:
            pacer.done(name, now + 1.0, status=200, tokens_in=50, tokens_out=40)
        now += 1.0
    return now


def test_memory_does_not_grow_with_the_number_of_calls():
    pacer = Pacer(now=0.0)
    now = drive(pacer, 10_000, 0.0)
    tracemalloc.start()
    try:
        drive(pacer, 5_000, now)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 300_000


@pytest.mark.perf
def test_a_call_costs_little_and_no_more_after_many():
    pacer = Pacer(now=0.0)
    now, costs = 0.0, []
    for calls in (10_000, 90_000):
        start = time.process_time()
        now = drive(pacer, calls, now)
        costs.append((time.process_time() - start) * 1e6 / calls)
    print(f"\npacer: {costs[1]:.1f} us of CPU per call (aim: 25)")
    assert costs[1] < 3 * costs[0]
    assert costs[1] < 250
