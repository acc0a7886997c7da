"""Few pictures of what people see first, so that a change to them is a decision.

`pytest tests/tui/test_snapshots.py --snapshot-update` after looking at what changed.
"""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from swarmtui.tui.view.glyphs import ASCII, UNICODE
from tests.tui.opening import settled, workbench
from tests.tui.scripted_agents import agents, proposed
from tests.tui.scripted_feed import SESSIONS, mid_run
from tests.tui.scripted_past import replayed
from tests.tui.test_browser import browser, found, press, rested

pytestmark = pytest.mark.usefixtures("greenwich")

ALL = {**SESSIONS, "agents": agents, "proposed": proposed}

PICTURES: list[tuple[str, tuple[int, int], tuple[str, ...], str]] = [
    ("mid_run", (80, 24), (), "swarm-dark"),
    ("mid_run", (120, 40), (), "swarm-dark"),
    ("mid_run", (200, 60), (), "swarm-dark"),
    ("mid_run", (120, 40), (), "swarm-light"),
    ("mid_run", (200, 60), ("3",), "swarm-light"),
    ("awaiting_approval", (80, 24), (), "swarm-dark"),
    ("awaiting_approval", (120, 40), (), "swarm-dark"),
    ("awaiting_approval", (120, 40), ("v",), "swarm-light"),
    ("planning", (80, 24), (), "swarm-dark"),
    ("finished", (120, 40), (), "swarm-dark"),
    ("mid_run", (120, 40), ("a",), "swarm-dark"),
    ("mid_run", (120, 40), ("question_mark",), "swarm-light"),
    ("agents", (120, 40), (), "swarm-dark"),
    ("agents", (80, 24), ("a",), "swarm-light"),
    ("proposed", (120, 40), ("a",), "swarm-dark"),
]


@pytest.fixture
def greenwich(monkeypatch: pytest.MonkeyPatch) -> Any:
    """One time zone, and no motion."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def still(pilot: Pilot[int]) -> None:
    """No blinking cursor, nothing under way."""
    from textual.widgets import Input

    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False
        field._cursor_visible = True
    await settled(pilot)


@pytest.mark.parametrize(
    ("name", "size", "keys", "theme"),
    PICTURES,
    ids=[f"{n}-{s[0]}x{s[1]}-{'-'.join(k)}-{t.removeprefix('swarm-')}".replace("--", "-") for n, s, k, t in PICTURES],
)
def test_screen(name: str, size: tuple[int, int], keys: tuple[str, ...], theme: str, snap_compare: Any) -> None:
    async def before(pilot: Pilot[int]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        await still(pilot)

    app = workbench(ALL[name](), theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=before)


BOTH = [(80, 24), (120, 40)]
SIZES = ["80x24", "120x40"]


@pytest.mark.parametrize("size", BOTH, ids=SIZES)
def test_replay(size: tuple[int, int], snap_compare: Any) -> None:
    source = mid_run()
    app = workbench(replayed(source, at=len(source.events) - 3))
    assert snap_compare(app, terminal_size=size, run_before=still)


@pytest.mark.parametrize("keys", [(), ("space", "j", "c")], ids=["sessions", "compared"])
@pytest.mark.parametrize("size", BOTH, ids=SIZES)
def test_browser(size: tuple[int, int], keys: tuple[str, ...], snap_compare: Any) -> None:
    async def read() -> Any:
        return found()

    async def before(pilot: Pilot[Any]) -> None:
        await rested(pilot)
        await press(pilot, *keys)

    assert snap_compare(browser(read), terminal_size=size, run_before=before)


def test_ascii(snap_compare: Any) -> None:
    assert UNICODE is not ASCII
    app = workbench(SESSIONS["mid_run"](), glyphs=ASCII)
    assert snap_compare(app, terminal_size=(80, 24), run_before=still)
