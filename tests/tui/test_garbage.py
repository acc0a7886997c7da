"""What an app has left does not stay when another begins in the same process, as it does between home and session."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from swarmtui.tui import garbage
from swarmtui.tui.app import Workbench
from swarmtui.tui.leaving import Ending
from tests.tui.opening import settled
from tests.tui.scripted_feed import ScriptedFeed, mid_run


class Left:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    usual = gc.get_threshold()
    yield
    gc.set_threshold(*usual)
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def test_what_is_kept_is_let_go_of_when_the_next_app_begins() -> None:
    garbage.look_rarely()
    left = Left()
    gone = weakref.ref(left)
    garbage.keep()
    del left
    gc.collect()
    assert gone() is not None, "it is not looked through again while the app runs"
    garbage.look_rarely()
    assert gone() is None


def test_garbage_is_looked_for_rarely_from_the_first_frame_on() -> None:
    gc.unfreeze()
    garbage.look_rarely()
    assert gc.get_threshold() == garbage.COLLECTIONS
    assert gc.get_freeze_count() > 10_000


async def _shown(feed: ScriptedFeed) -> weakref.ref[Workbench]:
    async def connect() -> ScriptedFeed:
        return feed

    app = Workbench(connect, ending=Ending(), theme="swarm-dark")
    async with app.run_test() as pilot:
        await settled(pilot)
    return weakref.ref(app)


async def test_a_session_that_was_left_is_gone_once_another_is_looked_at() -> None:
    first = await _shown(mid_run())
    await _shown(mid_run())
    assert first() is None
