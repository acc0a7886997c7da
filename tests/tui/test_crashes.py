"""What breaks in the workbench ends it with one line; what breaks because one leaves is no crash."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.worker import WorkerFailed

from swarmtui.tui.app import Workbench
from swarmtui.tui.browser import run_browser
from swarmtui.tui.leaving import CRASHED
from swarmtui.tui.screens.keys import HelpScreen
from swarmtui.tui.screens.sessions import SessionsScreen
from tests.tui.opening import opened
from tests.tui.scripted_feed import mid_run


def test_a_crash_of_the_list_of_sessions_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def rows() -> list[dict[str, Any]]:
        return []

    def broken(self: SessionsScreen, *args: object) -> None:
        raise RuntimeError("x" * 10_000)

    monkeypatch.setattr(SessionsScreen, "on_mount", broken)
    assert run_browser(rows, lambda choice: "") == CRASHED
    told = capfd.readouterr().err.rpartition("\x1b")[2].partition("swarmtui: ")[2]
    assert told.startswith("the workbench crashed (RuntimeError: xxx")
    assert told.count("\n") == 1
    assert len(told) < 300


async def test_what_broke_first_is_what_is_told() -> None:
    app = Workbench(lambda: asyncio.sleep(0, mid_run()), theme="swarm-dark")
    first = OSError("first")
    app._handle_exception(WorkerFailed(first))
    app._handle_exception(RuntimeError("because of that"))
    assert app.crash is first


async def test_a_screen_that_is_opened_while_one_leaves_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaving(self: HelpScreen) -> ComposeResult:
        self.app.exit()  # from here on nothing is mounted any more
        yield from composed(self)
        left.set()

    left, composed = asyncio.Event(), HelpScreen.compose
    monkeypatch.setattr(HelpScreen, "compose", leaving)
    async with opened(mid_run()) as pilot:
        pilot.app.simulate_key("question_mark")
        await left.wait()
    assert isinstance(pilot.app, Workbench)
    assert pilot.app.crash is None
