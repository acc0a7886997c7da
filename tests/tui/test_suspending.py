"""The terminal is lent to editors and pagers, and comes back however they end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from textual import events

from swarmtui.tui import terminal
from swarmtui.tui.app import Workbench
from tests.tui.opening import opened, press, settled, text
from tests.tui.scripted_feed import awaiting_approval


class Lent:
    """A driver that notes whose the terminal is."""

    can_suspend = True

    def __init__(self, real: Any) -> None:
        self._real = real
        self.ours = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def suspend_application_mode(self) -> None:
        self.ours = False

    def resume_application_mode(self) -> None:
        self.ours = True

    @contextmanager
    def no_automatic_restart(self) -> Iterator[None]:
        yield


@pytest.mark.parametrize("failure", [terminal.NoProgram("nosuch cannot be started"), asyncio.CancelledError()])
async def test_the_terminal_comes_back_when_the_program_that_had_it_fails(failure: BaseException) -> None:
    async with opened(awaiting_approval()) as pilot:
        app: Any = pilot.app
        driver = app._driver = Lent(app._driver)

        def lend() -> None:
            with app.suspend():
                assert not driver.ours
                raise failure

        with pytest.raises(type(failure)):
            lend()
        assert driver.ours


async def test_what_waits_when_another_program_takes_the_terminal_was_typed_for_that() -> None:
    async with opened(awaiting_approval()) as pilot:
        app: Any = pilot.app
        app._driver = Lent(app._driver)
        app.keyboard._waiting.append(events.Key("x", "x"))
        with app.suspend():
            assert not app.keyboard.is_behind


async def test_an_editor_that_cannot_run_leaves_the_plan_in_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "/nonexistent/editor")
    async with opened(awaiting_approval()) as pilot:
        app: Any = pilot.app
        driver = app._driver = Lent(app._driver)
        monkeypatch.setattr(Workbench, "is_headless", False)
        await app.editing._edit()
        await settled(pilot)
        assert driver.ours
        assert "nodes:" in text(pilot)


async def test_ctrl_z_gives_the_terminal_to_the_shell_that_is_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr(Workbench, "action_suspend_process", lambda app: stopped.append(True))
    monkeypatch.setattr(terminal, "has_job_control", lambda: True)
    async with opened(awaiting_approval()) as pilot:
        app: Any = pilot.app
        app._driver = Lent(app._driver)
        await press(pilot, "ctrl+z")
        await press(pilot, "question_mark", "ctrl+z")
        assert stopped == [True, True], "in a dialog it does nothing"


async def test_ctrl_z_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(awaiting_approval()) as pilot:
        app: Any = pilot.app
        await press(pilot, "ctrl+z")
        assert "cannot be given back" in text(pilot)
        app._driver = Lent(app._driver)
        monkeypatch.setattr(terminal, "has_job_control", lambda: False)
        await press(pilot, "ctrl+z")
        assert "no shell is behind this screen" in text(pilot)
