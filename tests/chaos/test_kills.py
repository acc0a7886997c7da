"""kill -9 at random moments and at every named point: what is recorded is neither lost nor run again.

The witness is the provider's own log of requests. A failure names its seed; ``SWARMTUI_CHAOS_SEED=N`` plays one again,
as far as the machine's timing lets it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from swarmtui.session.faults import POINTS
from tests.chaos.nursery import Nursery
from tests.chaos.sessions import Trial, chain, fan_out, one_map, to_the_end
from tests.fakes.llm import Answer, FakeLLM

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

SHAPES = {
    "chain": (chain(60), {f"n{at}" for at in range(60)}, 0.04),
    "fan-out": (fan_out(200), {"root", *(f"leaf{at}" for at in range(200))}, 0.1),
    "map": (one_map(2_000), {f"i{at}" for at in range(2_000)}, 0.02),
}
"""Name -> nodes, what they ask the provider for, and how long it takes to answer in seconds."""
KILLS = 35
RUNS = [(shape, run) for shape in SHAPES for run in range(2)]
SEED = int(os.environ.get("SWARMTUI_CHAOS_SEED", "1"))
ITEMS = 150
MORE_ITEMS = 700  # as many as it takes until a snapshot is due

ROUTES = {
    "create.made": (1,),
    "create.named": (1,),
    "log.opened": (1, 1),
    "host.begun": (1, 1, 1),
    "intent.recorded": (1, 3, 9, 30),
    "intent.committed": (1, 4, 12, 25),
    "attempt.launched": (1, 5, 13, 24),
    "result.received": (1, 2, 8, 21),
    "result.recorded": (1, 2, 7, 20),
    "commit.before": (1, 2, 5, 9),
    "commit.written": (1, 2, 5, 9),
    "commit.after": (1, 2, 5, 9),
    "sync.before": (1, 1),
    "snapshot.taken": (1,),
    "results.written": (1, 1),
    "head.before": (1, 1),
    "head.after": (1, 1),
}
"""Point -> the times that it is reached before the host is killed there, one host each."""


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    with Nursery(tmp_path) as hosts:
        yield hosts


@pytest.mark.parametrize(("shape", "run"), RUNS)
async def test_hosts_killed_at_random_lose_nothing_and_repeat_only_what_was_in_flight(
    shape: str, run: int, tmp_path: Path, nursery: Nursery
) -> None:
    seed = f"SWARMTUI_CHAOS_SEED={SEED} {shape}-{run}"
    aim = Aim(Random(seed))
    kills = useful = repeated = sessions = 0
    while kills < KILLS:
        trial, again = await killed(shape, KILLS - kills, f"{seed}-{sessions}", tmp_path, nursery, aim)
        counts = [0, *(shot.results for shot in trial.shots)]
        useful += sum(later > earlier for earlier, later in pairwise(counts))
        kills, repeated, sessions = kills + len(trial.shots), repeated + again, sessions + 1
    print(f"{seed}: {kills} kills over {sessions} sessions, {useful} with new results, {repeated} requests repeated")
    assert useful >= KILLS // 5, f"{seed}: only {useful} of {kills} hosts got anything done before they were killed"


@dataclass
class Aim:
    """When to kill: a quarter of the time before a host has come to work, else while it works.

    How long it takes to that differs with the machine and its load: it is learnt from what came of each shot.
    """

    random: Random
    ready_s: float = 0.0
    """What a host takes to its first request."""
    early: bool = False
    """Whether the last shot was meant to come before that: it says nothing about it."""

    def delay_s(self) -> float:
        self.early = self.random.random() < 0.25
        if self.early:
            return self.random.uniform(0.0, self.ready_s)
        return self.ready_s * 0.8 + self.random.uniform(0.0, 0.5)

    def learn(self, *, useful: bool) -> None:
        """A host had, or had not, results to show when it was killed."""
        if not self.early:
            self.ready_s *= 0.9 if useful else 1.25


async def killed(shape: str, kills: int, name: str, root: Path, nursery: Nursery, aim: Aim) -> tuple[Trial, int]:
    """A session that was killed up to `kills` times and came to its end; and how many requests were repeated."""
    nodes, prompts, latency_s = SHAPES[shape]
    async with FakeLLM(Answer("done", latency_s=latency_s)) as llm:
        trial = Trial.begun(root, name.replace(" ", "-").replace("=", "-"), llm, nodes, name)
        code = None
        while code is None and not trial.over and len(trial.shots) < kills:
            pid = await asyncio.to_thread(nursery.start, trial.folder)
            began = time.monotonic()
            if not aim.ready_s:
                await llm.until_asked(1, 60)
                aim.ready_s = time.monotonic() - began
            code = await asyncio.to_thread(nursery.ended, pid, aim.delay_s())
            if code is None:
                await asyncio.to_thread(nursery.kill, pid)
                had = trial.shots[-1].results if trial.shots else 0
                trial.shot()
                aim.learn(useful=trial.shots[-1].results > had)
        await to_the_end(trial, nursery, 200)
        return trial, trial.judge(prompts)


def test_every_point_of_a_host_is_on_a_route() -> None:
    assert set(ROUTES) == {point for point in POINTS if not point.startswith(("migrate.", "step.", "call."))}, (
        "tests/session and tests/engine have those"
    )


@pytest.mark.parametrize("point", ROUTES)
async def test_a_host_killed_at_a_named_point_loses_nothing(point: str, tmp_path: Path, nursery: Nursery) -> None:
    count = MORE_ITEMS if point == "snapshot.taken" else ITEMS
    async with FakeLLM(Answer("done", latency_s=0.01)) as llm:
        trial = Trial.begun(tmp_path, "points", llm, one_map(count), point)
        for nth in ROUTES[point]:
            pid = await asyncio.to_thread(nursery.start, trial.folder, f"{point}:kill:{nth}")
            code = await asyncio.to_thread(nursery.ended, pid, 90)
            assert code == -9, f"{point}:{nth} was not reached: {trial.folder.host_log.read_text()[-2000:]}"
            trial.shot()
        await to_the_end(trial, nursery)
        trial.judge({f"i{at}" for at in range(count)})
