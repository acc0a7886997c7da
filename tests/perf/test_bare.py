"""The screens that first frames are held against have the widgets that ours have."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual.app import App
from textual.widget import Widget

from swarmtui.cli.talking import prompting
from swarmtui.tui.app import Workbench
from swarmtui.tui.browser import Browser
from tests.perf.bare import HOME, RUN, Bare, Kind


def kinds(parent: Widget) -> tuple[Kind, ...]:
    """What is in `parent`, each by the nearest class of Textual's that it is built on."""
    return tuple(
        Kind(
            next(base for base in type(child).__mro__ if base.__module__.startswith("textual.")),
            bool(child.display),
            kinds(child),
        )
        for child in parent.children
        if isinstance(child, Widget)
    )


async def never() -> Any:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Browser(never, prompting=prompting({})), HOME),
        (lambda: Workbench(never), RUN),
        (lambda: Bare(HOME), HOME),
        (lambda: Bare(RUN), RUN),
    ],
    ids=["home", "run", "bare home", "bare run"],
)
async def test_a_bare_screen_has_the_widgets_of_ours(make: Any, expected: tuple[Kind, ...]) -> None:
    app: App[Any] = make()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert kinds(app.screen) == expected
