"""When a host whose session has ended leaves, whatever tells it, or does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from swarmtui.host import process
from swarmtui.session.state import SessionState
from swarmtui.session.trouble import Trouble, TroubleKind
from swarmtui.session.vocabulary import Status

GONE = Trouble(TroubleKind.GONE, 0.0, "the session's files are gone")


class Stands:
    """A conductor and a server in one, which say how they stand, and tell of no change."""

    def __init__(self) -> None:
        self.state = SessionState(status=Status.SUCCEEDED)
        self.log: Any = self
        self.trouble = self.stopped = None
        self.at_rest, self.viewers, self.ever_seen, self.closing = True, (), True, False

    async def after(self, seq: int) -> None:
        await asyncio.Event().wait()

    async def viewers_changed(self) -> None:
        await asyncio.Event().wait()

    def watch_trouble(self, told: object) -> None:
        pass

    def stop(self, reason: str, drain_s: float) -> None:
        self.stopped = reason


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LINGER_AFTER_VIEWER_S", 0.01)
    monkeypatch.setattr(process, "AT_REST_S", 0.01)


async def leaving(stands: Stands) -> asyncio.Task[None]:
    host = process._Host(stands, stands, viewer_expected=False)  # type: ignore[arg-type]
    return asyncio.create_task(host._leave_when_idle())


async def test_it_leaves_though_no_event_tells_that_the_last_attempt_is_gone() -> None:
    stands = Stands()
    stands.at_rest = False
    task = await leaving(stands)
    await asyncio.sleep(0.03)
    assert stands.stopped is None
    stands.at_rest = True
    async with asyncio.timeout(5):
        await task
    assert stands.stopped == "finished"


@pytest.mark.parametrize(
    "why",
    [
        {"viewers": ("somebody",)},
        {"trouble": Trouble(TroubleKind.DISK_FULL, 0.0, "full")},
        {"state": SessionState(status=Status.PAUSED)},
        {"trouble": GONE, "viewers": ("somebody",)},
        {"trouble": GONE, "at_rest": False},
    ],
)
async def test_it_stays_while_it_is_needed(why: dict[str, Any]) -> None:
    stands = Stands()
    for name, value in why.items():
        setattr(stands, name, value)
    task = await leaving(stands)
    await asyncio.sleep(0.05)
    assert (task.done(), stands.stopped) == (False, None)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_where_the_session_is_gone_whoever_watches_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "GONE_S", 0.01)
    stands = Stands()
    stands.state, stands.trouble, stands.viewers = SessionState(status=Status.PAUSED), GONE, ("somebody",)  # type: ignore[assignment]
    async with asyncio.timeout(5):
        await (await leaving(stands))
    assert stands.stopped == "finished"


async def test_where_the_session_is_gone_it_does_not_wait_for_an_end_that_could_not_be_recorded() -> None:
    stands = Stands()
    stands.state, stands.trouble = SessionState(status=Status.PAUSED), GONE  # type: ignore[assignment]
    async with asyncio.timeout(5):
        await (await leaving(stands))
    assert stands.stopped == "finished"
