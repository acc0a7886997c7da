"""Real hosts that die whenever a certain item is asked for: that one is given up, every neighbour gets its result."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from swarmtui.engine.recovery import REPEATS
from swarmtui.engine.suspects import FEW
from swarmtui.session.events import AttemptFailed, SessionTakenOver
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_event
from swarmtui.session.vocabulary import ErrorKind, State, Status
from tests.chaos.nursery import Nursery
from tests.chaos.sessions import Trial, one_map
from tests.fakes.llm import Answer, FakeLLM, Silence

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

ITEMS = 120
POISON = 17


async def test_an_item_that_ends_its_host_is_given_up_alone(tmp_path: Path) -> None:
    with Nursery(tmp_path) as nursery:
        async with FakeLLM(Answer("done", latency_s=0.3)) as llm:
            llm.when(f"<i{POISON}>", Silence())
            trial = Trial.begun(tmp_path, "poison", llm, one_map(ITEMS), "poison")
            deaths, code = 0, None
            while code is None:
                asked = sum(f"<i{POISON}>" in request.prompt for request in llm.ledger)
                pid = await asyncio.to_thread(nursery.start, trial.folder)
                while code is None and sum(f"<i{POISON}>" in request.prompt for request in llm.ledger) == asked:
                    code = await asyncio.to_thread(nursery.ended, pid, 0.02)
                if code is None:
                    await asyncio.to_thread(nursery.kill, pid)
                    deaths += 1
                    trial.shot()
            trial.check()
            asked_for = Counter(request.prompt.partition("<")[2].partition(">")[0] for request in llm.ledger)
    assert deaths == REPEATS + 1
    assert code == 1
    with Reader(trial.folder.db) as reader:
        bodies = [row_to_event(row).body for row in reader.rows()]
        state = reader.state()
    assert state.status is Status.FAILED
    items = state.nodes["m"].items
    assert items is not None
    assert list(items.where(State.FAILED)) == [POISON]
    assert items.count(State.SUCCEEDED) == ITEMS - 1
    (failed,) = [body for body in bodies if isinstance(body, AttemptFailed)]
    assert failed.error.kind is ErrorKind.LOST
    assert asked_for[f"i{POISON}"] == REPEATS + 1
    often = [prompt for prompt, times in asked_for.items() if times > REPEATS and prompt != f"i{POISON}"]
    assert len(often) < FEW, "but for those few that ran beside it the third time, nothing was asked for as often"
    told = [body for body in bodies if isinstance(body, SessionTakenOver)]
    assert [body.given_up for body in told] == [0, 0, 0, 1]
    assert told[1].suspects > 1, "its neighbours were suspected too"
