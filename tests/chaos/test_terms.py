"""SIGTERM at any moment of a host's life: it ends in time, nothing runs in the log, and the next one goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from random import Random

import pytest

from swarmtui.session.events import HostStopped
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_event
from tests.chaos.nursery import Nursery
from tests.chaos.sessions import CONCURRENCY, Trial, one_map, to_the_end
from tests.fakes.llm import Answer, FakeLLM

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

TERMS = 30
ITEMS = 400


async def test_hosts_that_are_terminated_at_random_leave_nothing_running(tmp_path: Path) -> None:
    random = Random("terms")
    codes: list[int] = []
    with Nursery(tmp_path) as nursery:
        async with FakeLLM(Answer("done", latency_s=0.2)) as llm:
            trial = Trial.begun(tmp_path, "terms", llm, one_map(ITEMS), "terms")
            while len(codes) < TERMS:
                asked = len(llm.ledger)
                pid = await asyncio.to_thread(nursery.start, trial.folder)
                if len(codes) % 2:  # every other one is let come to work
                    with contextlib.suppress(TimeoutError):
                        await llm.until_asked(asked + 1, 30)
                if await asyncio.to_thread(nursery.ended, pid, random.uniform(0.0, 0.6)) is not None:
                    break
                os.kill(pid, signal.SIGTERM)
                began = time.monotonic()
                code = await asyncio.to_thread(nursery.ended, pid, 30)
                assert code in (143, -signal.SIGTERM), f"{code}: {trial.folder.host_log.read_text()[-2000:]}"
                assert time.monotonic() - began < 12
                codes.append(code)
                trial.shot()
                if code == 143:
                    check_left_in_order(trial)
            await to_the_end(trial, nursery, 200)
            repeated = trial.judge({f"i{at}" for at in range(ITEMS)})
    assert codes.count(143) >= TERMS // 4, f"hardly any host had begun when it was told to stop: {codes}"
    assert repeated <= codes.count(-signal.SIGTERM) * CONCURRENCY, "what was let end is not asked for again"


def check_left_in_order(trial: Trial) -> None:
    state = trial.state()
    assert not any(node.running for node in state.nodes.values())
    assert state.host_pid is None
    with Reader(trial.folder.db) as reader:
        last = list(reader.rows(reader.last_seq()))[-1]
    assert isinstance(row_to_event(last).body, HostStopped)
