"""The browser of sessions, and two of them held against each other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from swarmtui.session.compare import Comparison
from swarmtui.tui.browser import Browser, Choice
from swarmtui.tui.comparing import Comparing
from swarmtui.tui.screens.compare import CompareScreen
from swarmtui.tui.screens.dialogs import LineScreen
from swarmtui.tui.screens.sessions import SessionsScreen
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.sessions import SHOWN, SORTS, Looking, Row, SessionRows, parent_of
from tests.tui.browsing import as_tree, browsed, browser, found, held, press, rested, session
from tests.tui.opening import lines, notices, text
from tests.tui.scripted_feed import HOSTILE, START


def taken(looking: Looking, rows: Sequence[Row] | None = None) -> list[str]:
    """The sessions shown."""
    shown = SessionRows(looking, as_tree)
    shown.take(found() if rows is None else rows)
    return [shown.key(at) for at in range(len(shown))]


# -- rows -------------------------------------------------------------------------------------------------------------


def test_31_a_fork_stands_under_the_session_that_it_was_forked_from() -> None:
    order = taken(Looking())
    assert order.index("f31kqz") == order.index("7f3ak2") + 1


@pytest.mark.parametrize(
    ("looking", "wanted"),
    [
        (Looking(shown="needs you"), {"p2xq9c"}),
        (Looking(shown="failed"), {"c9r8ta", "7f3ak2"}),
        (Looking(shown="not finished ok"), {"q7m2xk", "p2xq9c", "c9r8ta", "7f3ak2"}),
        (Looking(shown="running"), {"q7m2xk", "p2xq9c"}),
        (Looking(words="payments"), {"7f3ak2"}),
        (Looking(words="review !succeeded !failed"), {"q7m2xk", "p2xq9c", "c9r8ta"}),
    ],
)
def test_32_only_the_sessions_asked_for_are_shown(looking: Looking, wanted: set[str]) -> None:
    assert set(taken(looking)) == wanted


@pytest.mark.parametrize("key", SORTS)
def test_every_sort_keeps_every_session(key: str) -> None:
    assert set(taken(Looking(sort=(key, True)))) == set(taken(Looking()))


def test_by_time_the_longest_is_first() -> None:
    rows = [session("a", "succeeded", 1), session("b", "succeeded", 2, ended=START), session("c", "failed", 3)]
    assert taken(Looking(sort=("took", True)), rows)[0] == "b"


def test_32_a_machine_that_does_not_answer_has_a_row_whatever_is_filtered() -> None:
    rows = [*found(), {"host": "far", "error": "ssh: connect to host far port 22: refused"}]
    shown = SessionRows(Looking(words="nothing like it"))
    shown.take(rows)
    assert len(shown) == 1
    assert "refused" in shown.cells(0, Moment(START, 0.0), UNICODE)["title"][0]


def test_rows_with_missing_or_odd_fields_are_drawn_all_the_same() -> None:
    odd: list[Row] = [{"id": "x"}, {"id": "y", "status": "unheard of", "counts": None, "parent": {"id": None}}]
    shown = SessionRows()
    for choice in SHOWN:
        shown.looking.shown = choice
        shown.take([*odd, session("z", "running", 0, title=" ".join(HOSTILE))])
        for at in range(len(shown)):
            for glyphs in (UNICODE, ASCII):
                assert all("\x1b" not in cell for cell, _ in shown.cells(at, Moment(START, 0.0), glyphs).values())


def test_a_map_under_way_tells_how_many_of_its_items_have_ended() -> None:
    shown = SessionRows()
    far = {"done": 315, "total": 2_000}
    odd = [session("o", "running", 1, items=items) for items in (None, 3, {}, {"done": "x"})]
    shown.take([session("m", "running", 1, items=far), session("over", "succeeded", 1, items=far), *odd])
    assert "items" in [column.key for column in shown.columns]
    cells = [shown.cells(at, Moment(START, 0.0), UNICODE)["items"][0] for at in range(len(shown))]
    assert cells == ["315/2,000", "", "", "", "", ""]
    shown.take(odd)
    assert "items" not in [column.key for column in shown.columns]


def test_nodes_that_were_cancelled_were_not_done() -> None:
    shown = SessionRows()
    shown.take([session("c", "cancelled", 1, counts={"cancelled": 5, "failed": 1, "skipped": 2})])
    assert shown.cells(0, Moment(START, 0.0), UNICODE)["nodes"][0] == "3/8"


def test_columns_are_there_for_what_there_is_to_show() -> None:
    rows = SessionRows()
    rows.take([session("a", "succeeded", 1, cost_usd=None, counts={})])
    plain = {column.key for column in rows.columns}
    assert plain.isdisjoint({"viewers", "needs", "failed", "cost", "host"})
    rows.take([session("b", "running", 0, viewers=2, needs_you=1, host="far"), session("a", "failed", 1)])
    assert {"viewers", "needs", "cost", "host"} <= {column.key for column in rows.columns}
    cells = rows.cells(0, Moment(START, 0.0), UNICODE)
    assert cells["viewers"][0] == "2"
    assert rows.cells(1, Moment(START, 0.0), UNICODE)["viewers"][0] == ""


# -- the screen -------------------------------------------------------------------------------------------------------


@pytest.mark.chaos
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_browser_tells_what_needs_the_user(size: tuple[int, int]) -> None:
    async with browsed(size=size) as pilot:
        shown = text(pilot)  # type: ignore[arg-type]
        assert "1 needs you" in shown
        assert "awaits approval" in shown
        assert "└─ f31kqz" in shown
        assert "quit" in lines(pilot)[-1]  # type: ignore[arg-type]


async def test_a_session_is_opened_lived_through_again_and_forked() -> None:
    for keys, wanted in (
        (("j", "enter"), Choice("open", "p2xq9c")),
        (("G", "H"), Choice("replay", "sim4xy")),
        (("Y", "4", "2", "enter"), Choice("fork", "q7m2xk", "42")),
        (("q",), None),
    ):
        async with browsed() as pilot:
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
        assert pilot.app.return_value == wanted


@pytest.mark.chaos
async def test_help_names_every_key_of_the_list_and_filters() -> None:
    async with browsed() as pilot:
        await press(pilot, "question_mark")
        shown = text(pilot)  # type: ignore[arg-type]
        assert "replay what has happened" in shown
        assert "space" in shown
        await press(pilot, *"theme")
        shown = text(pilot)  # type: ignore[arg-type]
        assert "Choose a theme" in shown
        assert "Live through" not in shown
        await press(pilot, "escape", "C")
        assert "mark one" in notices(pilot)[-1]  # type: ignore[arg-type]


@pytest.mark.chaos
async def test_a_fork_asks_where_first() -> None:
    async with browsed() as pilot:
        await press(pilot, "Y")
        assert isinstance(pilot.app.screen, LineScreen)
        await press(pilot, "escape")
        assert pilot.app.is_running


@pytest.mark.chaos
async def test_32_how_the_sessions_are_looked_at_is_kept_from_screen_to_screen() -> None:
    looking = Looking()
    async with browsed(looking=looking) as pilot:
        await press(pilot, "v", "slash", *"review", "enter", "S", "j", "q")
    assert (looking.shown, looking.words, looking.sort[0]) == ("not finished ok", "review", SORTS[1])
    selected = looking.selected
    async with browsed(looking=looking) as pilot:
        assert "not finished ok, review" in text(pilot)  # type: ignore[arg-type]
        await press(pilot, "enter")
    assert pilot.app.return_value == Choice("open", selected)


@pytest.mark.chaos
async def test_where_there_are_no_sessions_the_browser_says_how_to_get_one() -> None:
    async with browsed([]) as pilot:
        assert "swarmtui run TASK.yaml" in text(pilot)  # type: ignore[arg-type]
        await press(pilot, "enter", "H", "Y", "C", "space")
        assert pilot.app.is_running


@pytest.mark.chaos
async def test_sessions_that_cannot_be_read_are_said() -> None:
    async def broken() -> Sequence[Row]:
        raise OSError("the disk is gone")

    async with browser(broken).run_test(size=(80, 24)) as pilot:
        await rested(pilot)
        assert "sessions: the disk is gone" in notices(pilot)  # type: ignore[arg-type]


async def test_sessions_are_read_again_only_once_they_have_been_read_however_long_that_takes() -> None:
    began, end = 0, asyncio.Event()

    async def slow() -> Sequence[Row]:
        nonlocal began
        began += 1
        await end.wait()
        return found()

    app = browser(slow, reload_s=0.001)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = app.screen
        assert isinstance(screen, SessionsScreen)
        for _ in range(5):
            screen.reload()
            await pilot.pause()
        assert began == 1
        end.set()
        while began < 3:
            await asyncio.sleep(0.001)
        assert "q7m2xk" in text(pilot)  # type: ignore[arg-type]


async def test_what_cannot_be_read_is_told_once_and_again_after_it_could_be_read() -> None:
    async def read() -> Sequence[Row]:
        if broken:
            raise OSError("the disk is gone")
        return found()

    broken = True
    app = browser(read)
    async with app.run_test(size=(80, 24)) as pilot:
        told: list[int] = []
        for answer in (True, True, False, True):
            broken = answer
            app.screen.reload()  # type: ignore[attr-defined]
            await rested(pilot)
            told.append(notices(pilot).count("sessions: the disk is gone"))  # type: ignore[arg-type]
            app.said.clear()
        assert told == [1, 0, 0, 1]


def test_the_session_that_a_fork_was_made_of_is_known_only_where_it_is_told() -> None:
    assert parent_of({"parent": {"id": "7f3ak2", "seq": 3}}) == "7f3ak2"
    for nothing in ({}, {"parent": None}, {"parent": {}}, {"parent": {"id": ""}}, {"parent": "7f3ak2"}):
        assert parent_of(nothing) is None


@pytest.mark.chaos
async def test_31_two_sessions_are_held_against_each_other_node_by_node() -> None:
    async with browsed() as pilot:
        await press(pilot, "C")
        assert "mark one" in notices(pilot)[-1]  # type: ignore[arg-type]
        await press(pilot, "space", "j", "C")
        assert isinstance(pilot.app.screen, CompareScreen)
        shown = text(pilot)  # type: ignore[arg-type]
        assert "q7m2xk" in shown
        assert "p2xq9c" in shown
        assert "-a.py" in shown
        assert "+payments/module_0.py" in shown
        await press(pilot, "j", "v", "tab", "G", "q")
        assert not isinstance(pilot.app.screen, CompareScreen)


async def test_what_a_comparison_reads_from_is_let_go_of_once_it_is_left() -> None:
    closed = asyncio.Event()

    class Open:
        async def __call__(self, node: str) -> list[str]:
            return []

        async def close(self) -> None:
            closed.set()

    async def compare(first: str, second: str) -> tuple[Comparison, Open]:
        return (await held(first, second))[0], Open()

    async with browsed() as pilot:
        app = pilot.app
        assert isinstance(app, Browser)
        app.comparing = Comparing(app, compare)
        await press(pilot, "space", "j", "C")
        assert isinstance(app.screen, CompareScreen)
        assert not closed.is_set()
        await press(pilot, "q")
        await rested(pilot)
        assert closed.is_set()


@pytest.mark.chaos
async def test_31_a_fork_is_held_against_its_parent_without_a_mark() -> None:
    async with browsed() as pilot:
        await press(pilot, "slash", *"f31kqz", "enter", "C")
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        assert (screen._found.a.id, screen._found.b.id) == ("7f3ak2", "f31kqz")
