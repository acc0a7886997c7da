"""What is done with a session while it stands on the screen: its page is written, it is held against another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from swarmtui.session.compare import Comparison
from swarmtui.tui.app import Workbench
from swarmtui.tui.beside import Beside
from swarmtui.tui.onward import Onward
from swarmtui.tui.screens.against import AgainstScreen
from swarmtui.tui.screens.compare import CompareScreen
from swarmtui.tui.screens.dialogs import CommandScreen, ConfirmScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.view.others import others
from swarmtui.tui.view.sessions import Row
from tests.tui.browsing import found, held, session
from tests.tui.opening import Source, notices, press, settled, text, workbench
from tests.tui.scripted_feed import START, mid_run
from tests.tui.scripted_past import replayed

OWN = "7f3ak2"
"""What the scripted session is called."""


class Compared:
    """Holds sessions against each other, and knows which."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.closed = 0

    async def __call__(self, first: str, second: str) -> tuple[Comparison, Any]:
        self.pairs.append((first, second))
        found, diff_of = await held(first, second)
        return found, Open(self, diff_of)


class Open:
    """Reads differences until it is closed."""

    def __init__(self, of: Compared, diff_of: Any) -> None:
        self._of, self._diff_of = of, diff_of

    async def __call__(self, node: str) -> list[str]:
        return list(await self._diff_of(node))

    async def close(self) -> None:
        self._of.closed += 1


@asynccontextmanager
async def opened(beside: Beside, source: Source | None = None) -> AsyncIterator[Pilot[int]]:
    app = workbench(mid_run() if source is None else source)
    app.onward = Onward(app, None, beside)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        yield pilot


def comparing(rows: Sequence[Row] | Exception) -> tuple[Beside, Compared]:
    async def sessions() -> Sequence[Row]:
        if isinstance(rows, Exception):
            raise rows
        return rows

    compared = Compared()
    return Beside(compare=compared, sessions=sessions), compared


# -- which sessions there are to be held against ----------------------------------------------------------------------


def test_kin_comes_first_and_the_rest_as_it_came() -> None:
    rows = [
        session("new", "running", 0.1),
        session("sibling", "failed", 0.5, parent={"id": "origin", "seq": 3}),
        session("fork", "succeeded", 1, parent={"id": "own", "seq": 9}),
        session("own", "succeeded", 2, parent={"id": "origin", "seq": 3}),
        session("old", "crashed", 3, simulated=True, imported="jsonl"),
        session("origin", "succeeded", 4, title=""),
        {"host": "box", "error": "cannot be reached"},
    ]
    listed = others(rows, "own", "origin", START)
    assert [(one.key, one.told) for one in listed] == [
        ("origin", "its origin, succeeded, 4h ago"),
        ("fork", "its fork, succeeded, Review fork, 1h ago"),
        ("sibling", "forked from the same, failed, Review sibling, 30m ago"),
        ("new", "running, Review new, 6m ago"),
        ("old", "crashed, Review old [simulated] [imported], 3h ago"),
    ]
    assert {one.key for one in listed if one.older} == {"origin", "old"}


def test_sessions_of_another_machine_are_called_as_they_are_reached() -> None:
    far = {"far": True, "host": "box"}
    rows = [
        session("fork", "succeeded", 1, parent={"id": "own", "seq": 9}, **far),
        session("own", "succeeded", 2, parent={"id": "origin", "seq": 3}, **far),
        session("origin", "succeeded", 4, **far),
        session("origin", "succeeded", 9),  # another one, here, of the same name
    ]
    listed = others(rows, "box/own", "box/origin", START)
    assert [one.key for one in listed] == ["box/origin", "box/fork", "origin"]
    assert listed[2].told.startswith("succeeded, ")


def test_an_origin_is_the_older_one_and_a_fork_the_newer_one_whatever_the_clocks_say() -> None:
    rows = [
        session("fork", "succeeded", 9, parent={"id": "own", "seq": 9}),
        session("own", "succeeded", 5, parent={"id": "origin", "seq": 3}),
        session("origin", "succeeded", 1),
    ]
    assert {one.key: one.older for one in others(rows, "own", "origin", START)} == {"origin": True, "fork": False}


def test_hostile_rows_are_listed_harmlessly() -> None:
    rows: list[Row] = [
        {"id": "odd", "status": "of a later version", "title": "\x1b[31mred\nline", "started": None, "parent": "x"},
        {"id": "bare"},
    ]
    listed = others(rows, "own", "", START)
    assert [one.key for one in listed] == ["odd", "bare"]
    assert "\x1b" not in listed[0].told
    assert "\n" not in listed[0].told


# -- on the screen ----------------------------------------------------------------------------------------------------


async def test_a_session_is_held_against_one_that_is_picked_and_that_is_let_go_of_again() -> None:
    beside, compared = comparing(found())
    async with opened(beside) as pilot:
        app = pilot.app
        await press(pilot, "C")
        assert isinstance(app.screen, AgainstScreen)
        assert "its fork, succeeded, Review f31kqz" in text(pilot)
        assert OWN not in [one.key for one in app.screen._others.values()]
        await press(pilot, "enter")
        assert isinstance(app.screen, CompareScreen)
        assert compared.pairs == [(OWN, "f31kqz")]
        await press(pilot, "j", "v", "tab", "G")
        assert isinstance(app.screen, CompareScreen)
        await press(pilot, "q")
        assert isinstance(app.screen, RunScreen)
        await settled(pilot)
        assert compared.closed == 1


@pytest.mark.parametrize(("typed", "pair"), [("q7m", (OWN, "q7m2xk")), ("sim4", ("sim4xy", OWN))])
async def test_typing_finds_a_session_by_id_or_title_and_the_older_one_is_a(typed: str, pair: tuple[str, str]) -> None:
    beside, compared = comparing(found())
    async with opened(beside) as pilot:
        await press(pilot, "C", *typed, "enter")
        assert compared.pairs == [pair]
    async with opened(beside) as pilot:
        await press(pilot, "C", *"review", *typed)  # there is no blank in what is typed
        assert "nothing matches" in text(pilot)
        await press(pilot, *["backspace"] * 20, *"payments")
        assert "nothing matches" in text(pilot)  # that is the title of the session itself


async def test_who_leaves_the_workbench_from_a_comparison_lets_go_of_it_too() -> None:
    beside, compared = comparing(found())
    async with opened(beside) as pilot:
        await press(pilot, "C", "enter")
        assert isinstance(pilot.app.screen, CompareScreen)
        assert compared.closed == 0
    assert compared.closed == 1


async def test_a_replay_is_held_against_another_one_and_no_key_of_the_replay_is_one_of_the_comparison() -> None:
    beside, compared = comparing(found())
    source = replayed(mid_run(), at=60)
    async with opened(beside, source) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        before = app.status.play
        await press(pilot, "C", "enter", "period", "G", "space", "plus")
        assert isinstance(app.screen, CompareScreen)
        assert app.status.play == before
        await press(pilot, "escape", "C", "escape")
        assert isinstance(app.screen, RunScreen)
        assert len(compared.pairs) == 1


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "there is no other session"),
        ([{"host": "box", "error": "it cannot be reached"}], "there is no other session"),
        (OSError("the folder cannot be read"), "the sessions cannot be read: the folder cannot be read"),
    ],
)
async def test_where_nothing_is_to_be_picked_it_is_said_why(rows: Any, told: str) -> None:
    beside, compared = comparing(rows)
    async with opened(beside) as pilot:
        await press(pilot, "C", "enter")
        assert told in text(pilot)
        if isinstance(rows, list) and rows:
            assert "box: it cannot be reached" in notices(pilot)[-1]
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)
    assert compared.pairs == []


async def test_a_comparison_that_fails_is_told_in_one_line() -> None:
    async def compare(first: str, second: str) -> tuple[Comparison, Any]:
        raise OSError("its file is damaged")

    beside, _ = comparing(found())
    async with opened(Beside(compare=compare, sessions=beside.sessions)) as pilot:
        await press(pilot, "C", "enter")
        await settled(pilot)
        assert "compare: its file is damaged" in notices(pilot)[-1]
        assert isinstance(pilot.app.screen, RunScreen)


async def test_a_page_is_written_where_the_question_said_and_only_once_it_is_agreed_to(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    began, goes_on = asyncio.Event(), asyncio.Event()

    async def export() -> str:
        began.set()
        await goes_on.wait()
        page.write_text("it")
        return f"{page.name}: 2 bytes"

    async with opened(Beside(export=export, exports_to="It is written to page.html.")) as pilot:
        await press(pilot, "E")
        assert isinstance(pilot.app.screen, CommandScreen)
        assert "It is written to page.html." in text(pilot)
        assert f"swarmtui export {OWN} --format html" in text(pilot)
        await press(pilot, "escape")
        assert not began.is_set()
        await press(pilot, "E")
        await pilot.press("enter")
        await began.wait()
        assert isinstance(pilot.app.screen, RunScreen)  # one goes on meanwhile
        goes_on.set()
        await settled(pilot)
        assert "exported to page.html: 2 bytes" in notices(pilot)[-1]
        assert page.read_text() == "it"


async def test_an_export_that_fails_is_told_in_one_line() -> None:
    async def export() -> str:
        raise OSError("no space left on the disk")

    async with opened(Beside(export=export)) as pilot:
        await press(pilot, "E", "enter")
        await settled(pilot)
        assert "export: no space left on the disk" in notices(pilot)[-1]


@pytest.mark.parametrize("key", ["C", "Y", "U"])
async def test_of_a_file_by_itself_it_is_said_what_makes_a_session_of_it(key: str) -> None:
    source = replayed(mid_run())
    async with opened(Beside(loose="/tmp/a b/session.db"), source) as pilot:
        await press(pilot, "G", key)
        assert isinstance(pilot.app.screen, RunScreen)
        assert "`swarmtui recover '/tmp/a b/session.db'` makes a session of it" in notices(pilot)[-1]


async def test_of_a_file_by_itself_a_page_is_written_and_no_command_is_shown_that_would_find_another() -> None:
    done = asyncio.Event()

    async def export() -> str:
        done.set()
        return "there"

    source = replayed(mid_run())
    async with opened(Beside(export, "It is written there.", loose="session.db"), source) as pilot:
        await press(pilot, "E")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        assert "swarmtui export" not in text(pilot)
        await press(pilot, "n")
        assert not done.is_set()
        await press(pilot, "E", "y")
        await settled(pilot)
        assert done.is_set()
