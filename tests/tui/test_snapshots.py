"""Each screen in its main states, at the sizes and in the colours that people have: a change to them is a decision.

`pytest tests/tui/test_snapshots.py -m 'chaos or not chaos' --snapshot-update` after looking at what changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from swarmtui.tui import theme_cache
from swarmtui.tui.browser import Browser, Ways
from swarmtui.tui.desk import Prompting
from swarmtui.tui.settings import Read, Settings
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs
from swarmtui.tui.view.sessions import Looking, Row
from tests.tui.browsing import as_tree, found, held, press, rested
from tests.tui.opening import lines, settled, workbench
from tests.tui.scripted_feed import START
from tests.tui.scripted_scenes import SCENES, act
from tests.tui.test_prompting import ScriptedDesk

pytestmark = pytest.mark.usefixtures("greenwich")

Size = tuple[int, int]
SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
DARK, LIGHT = "swarm-dark", "swarm-light"

ALWAYS = {
    ("plan", SMALL, DARK),
    ("plan", MIDDLE, DARK),
    ("plan-form", MIDDLE, DARK),
    ("plan-changes", MIDDLE, LIGHT),
    ("planning", SMALL, DARK),
    ("run", SMALL, DARK),
    ("run", MIDDLE, DARK),
    ("run", LARGE, DARK),
    ("run", MIDDLE, LIGHT),
    ("run-finished", MIDDLE, DARK),
    ("run-agents", MIDDLE, DARK),
    ("workers", LARGE, LIGHT),
    ("timeline", MIDDLE, DARK),
    ("pools", SMALL, DARK),
    ("node-attempts", MIDDLE, DARK),
    ("question", MIDDLE, DARK),
    ("queue", SMALL, LIGHT),
    ("proposal", MIDDLE, DARK),
    ("replay", SMALL, DARK),
    ("help", MIDDLE, LIGHT),
}
"""What people see first: the pictures of every test run. All others are compared with the slower tests."""
RUNS = ("run", "run-throttled", "run-agents", "run-finished", "run-5000", "workers")
"""What is looked at on large terminals."""


def pictures() -> Iterator[Any]:
    """Every screen at both usual sizes, dark and light; the run at the largest, too."""
    wanted = [(name, size, theme) for name in SCENES for size in (SMALL, MIDDLE) for theme in (DARK, LIGHT)]
    wanted += [(name, LARGE, theme) for name in RUNS for theme in (DARK, LIGHT)]
    wanted += [
        ("run", size, theme) for theme in ("monochrome", "high-contrast-dark", "ansi-16") for size in (SMALL, MIDDLE)
    ]
    assert set(wanted) >= ALWAYS
    for name, size, theme in wanted:
        marks = () if (name, size, theme) in ALWAYS else (pytest.mark.chaos,)
        yield pytest.param(name, size, theme, id=f"{name}-{told(size)}-{theme.removeprefix('swarm-')}", marks=marks)


def told(size: Size) -> str:
    """As terminals are spoken of."""
    return f"{size[0]}x{size[1]}"


@pytest.fixture
def greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One time zone, no motion, and nothing of whoever runs the tests."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setenv("SWARMTUI_HOME", "/home/ada/swarmtui")  # shown where own themes go; nothing is written
    monkeypatch.setattr(theme_cache, "keep", lambda stamp, found: None)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def unblinking(pilot: Pilot[Any]) -> None:
    """No cursor comes and goes."""
    from textual.widgets import Input, TextArea

    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False
        field._cursor_visible = True
    for area in pilot.app.screen.query(TextArea):
        area.cursor_blink = False
        area._cursor_visible = True


@pytest.mark.parametrize(("name", "size", "theme"), pictures())
def test_screen(name: str, size: Size, theme: str, snap_compare: Any) -> None:
    scene = SCENES[name]

    async def before(pilot: Pilot[int]) -> None:
        await act(pilot, scene)
        unblinking(pilot)
        await settled(pilot)
        assert len(lines(pilot)) == size[1], "a picture of nothing"

    assert snap_compare(workbench(scene.feed(), theme=theme), terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.chaos)], ids=told)
def test_ascii(size: Size, snap_compare: Any) -> None:
    app = workbench(SCENES["run"].feed(), glyphs=ASCII)
    assert snap_compare(app, terminal_size=size, run_before=settled)


HOMES: dict[str, tuple[tuple[str, ...], bool]] = {
    "sessions": ((), True),
    "compared": (("space", "j", "C"), True),
    "marked": (("space", "j", "space"), True),
    "removal": (("j", "j", "space", "j", "j", "space", "W"), True),
    "goal": (("n", *"compare three queues"), True),
    "machines": (("O",), True),
    "talk": (("f11",), True),
    "empty": ((), False),
}
"""Keys, and whether there are sessions."""
USUAL = {("sessions", SMALL, DARK), ("sessions", MIDDLE, DARK), ("compared", MIDDLE, DARK), ("empty", SMALL, DARK)}


def homes() -> Iterator[Any]:
    """The list of sessions, dark and light at both sizes."""
    for name in HOMES:
        for size, theme in itertools.product((SMALL, MIDDLE), (DARK, LIGHT)):
            marks = () if (name, size, theme) in USUAL else (pytest.mark.chaos,)
            yield pytest.param(name, size, theme, id=f"{name}-{told(size)}-{theme.removeprefix('swarm-')}", marks=marks)


@pytest.mark.parametrize(("name", "size", "theme"), homes())
def test_home(name: str, size: Size, theme: str, snap_compare: Any) -> None:
    keys, some = HOMES[name]

    async def before(pilot: Pilot[Any]) -> None:
        await rested(pilot)
        await press(pilot, *keys)
        unblinking(pilot)
        await rested(pilot)

    assert snap_compare(home(found() if some else (), theme), terminal_size=size, run_before=before)


def home(rows: Sequence[Row], theme: str, glyphs: Glyphs = UNICODE) -> Browser:
    """The list of sessions with a prompt above it, at the moment at which all scripted sessions begin."""

    async def read() -> Sequence[Row]:
        return [{**row, "hosted": row["status"] in ("running", "awaiting_approval", "paused")} for row in rows]

    samples = (("code_review", "Review the code below a folder"), ("translate", "Translate every document of a list"))
    return Browser(
        read,
        Looking(),
        as_tree=as_tree,
        compare=held,
        clock=lambda: START,
        reload_s=60.0,
        glyphs=glyphs,
        theme=theme,
        read=Read(Settings()),
        prompting=Prompting(ScriptedDesk()),
        ways=Ways(act=done, samples=lambda: samples),
    )


async def done(*_: object) -> str:
    """Whatever is asked of a session is carried out."""
    return ""
