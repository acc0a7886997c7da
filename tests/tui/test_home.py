"""The list of sessions at work: marks, what is done with several at once, other machines, what outlives the program."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from swarmtui.tui.actions.action import Mode, Scope
from swarmtui.tui.actions.table import Keys
from swarmtui.tui.browser import Browser, Choice, Ways
from swarmtui.tui.memory import Memory
from swarmtui.tui.screens import reading
from swarmtui.tui.screens.acting import ActionScreen
from swarmtui.tui.screens.bulk import BulkScreen
from swarmtui.tui.screens.compare import CompareScreen
from swarmtui.tui.screens.hosts import HostsScreen
from swarmtui.tui.screens.sessions import SessionsScreen
from swarmtui.tui.settings import Read, Settings
from swarmtui.tui.view.bulk import Verb
from swarmtui.tui.view.glyphs import UNICODE
from swarmtui.tui.view.sessions import Row, key_of
from swarmtui.tui.widgets.table import RowTable
from tests.tui.browsing import as_tree, found, held, press, rested, session
from tests.tui.opening import lines, notices, text
from tests.tui.scripted_feed import START

GOING_ON = ("running", "awaiting_approval", "paused")


def rows() -> list[Row]:
    """Newest first, and of each whether a host lives."""
    return [{**row, "hosted": row["status"] in GOING_ON} for row in found()]


class Acts:
    """Carries out what is asked; `failing` sessions refuse, once each if `once`."""

    def __init__(self, *failing: str, once: bool = False) -> None:
        self.done: list[tuple[str, str]] = []
        self._failing, self._once = set(failing), once
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, verb: Verb, row: Row) -> str:
        await self.gate.wait()
        key = key_of(row)
        if key in self._failing:
            self._failing -= {key} if self._once else set()
            raise ConnectionError(f"the host of {key} does not answer")
        self.done.append((verb.value, key))
        return ""


@asynccontextmanager
async def home(
    acts: Acts | None = None,
    *,
    listed: Sequence[Row] | None = None,
    size: tuple[int, int] = (120, 40),
    memory: Memory | None = None,
    settings: Settings | None = None,
    wait: bool = True,
    **ways: Any,
) -> AsyncIterator[Pilot[Choice]]:
    """The list, running."""

    async def read() -> Sequence[Row]:
        return rows() if listed is None else listed

    app = Browser(
        read,
        as_tree=as_tree,
        compare=held,
        clock=lambda: START,
        reload_s=60.0,
        glyphs=UNICODE,
        theme="swarm-dark",
        memory=memory,
        read=Read(settings or Settings()),
        ways=Ways(act=acts or Acts(), **ways),
    )
    async with app.run_test(size=size) as pilot:
        await (rested(pilot) if wait else pilot.pause())
        yield pilot


def shown(pilot: Pilot[Choice]) -> str:
    return text(pilot)  # type: ignore[arg-type]


def told(pilot: Pilot[Choice]) -> str:
    return notices(pilot)[-1]  # type: ignore[arg-type]


def looking(pilot: Pilot[Choice]) -> Any:
    return pilot.app.looking  # type: ignore[attr-defined]


async def test_the_list_calls_keys_as_the_user_has_them() -> None:
    keys = {"plan_now": ("f20",), "cancel_session": ("f19",), "remove": ("f18",), "back": ("f17",)}
    async with home(settings=Settings(keys=keys)) as pilot:
        await press(pilot, "f18")
        assert "its host lives: F19 cancels it first" in told(pilot)
        await press(pilot, "slash")
        assert "enter keeps, F17 clears" in shown(pilot)


async def test_the_footer_says_that_a_session_that_is_paused_goes_on() -> None:
    listed = [session("a", "running", 1, hosted=True), session("b", "paused", 2, hosted=True)]
    async with home(listed=listed) as pilot:
        assert " P pause all" in lines(pilot)[-1]  # type: ignore[arg-type]
        await press(pilot, "j")
        assert " P go on" in lines(pilot)[-1]  # type: ignore[arg-type]
        await press(pilot, "k")
        assert " P pause all" in lines(pilot)[-1]  # type: ignore[arg-type]


# -- every key --------------------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_pressing_any_key_of_the_list_performs_its_action_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    performed: list[str] = []
    monkeypatch.setattr(ActionScreen, "perform", lambda self, asked: performed.append(asked.id))
    keys, done = Keys(), dict[str, list[str]]()
    wanted = {key: [one.id] for one in keys.in_scope(Scope.HOME) for key in keys.keys_in(one, Mode.LIVE)}
    async with home() as pilot:
        for key in wanted:
            performed.clear()
            await pilot.press(key)
            done[key] = list(performed)
    assert done == wanted


@pytest.mark.chaos
@pytest.mark.parametrize("listed", [None, ()], ids=["some", "none"])
async def test_every_action_of_the_list_can_be_asked_for_with_sessions_and_without(
    listed: Sequence[Row] | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where a picture of the screen is written
    monkeypatch.setattr(Browser, "exit", lambda self, result=None: None)
    async with home(listed=listed) as pilot:
        for action in Keys().in_scope(Scope.HOME):
            screen = pilot.app.screen
            assert isinstance(screen, SessionsScreen)
            screen.perform(action)
            await pilot.pause()
            while pilot.app.screen is not screen:
                pilot.app.pop_screen()
                await pilot.pause()


@pytest.mark.parametrize(("keys", "opens"), [(("enter",), True), (("enter", "t"), False)])
async def test_enter_pressed_before_the_sessions_are_read_opens_the_first_once_they_are(
    keys: tuple[str, ...], opens: bool
) -> None:
    gate = asyncio.Event()

    async def read() -> Sequence[Row]:
        await gate.wait()
        return rows()

    app = Browser(read, clock=lambda: START, reload_s=60.0, glyphs=UNICODE, theme="swarm-dark", ways=Ways(act=Acts()))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(*keys)
        assert app.said == []
        gate.set()
        await rested(pilot)
    assert app.return_value == (Choice("open", key_of(rows()[0])) if opens else None)


# -- marks ------------------------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_marks_are_set_one_by_one_or_on_all_that_are_shown_and_escape_takes_them_away() -> None:
    async with home() as pilot:
        await press(pilot, "space", "j", "space")
        assert looking(pilot).marked == {"q7m2xk", "p2xq9c"}
        assert "2 marked" in shown(pilot)
        await press(pilot, "space")
        assert looking(pilot).marked == {"q7m2xk"}
        await press(pilot, "slash", *"payments", "enter", "asterisk")
        assert looking(pilot).marked == {"q7m2xk", "7f3ak2"}
        await press(pilot, "asterisk")
        assert looking(pilot).marked == {"q7m2xk"}
        await press(pilot, "escape")
        assert looking(pilot).marked == set()
        assert looking(pilot).words == "payments"
        await press(pilot, "escape")
        assert looking(pilot).words == ""


async def test_what_is_gone_is_marked_no_more() -> None:
    listed = rows()
    async with home(listed=listed) as pilot:
        await press(pilot, "space")
        del listed[0]
        pilot.app.screen.reload()  # type: ignore[attr-defined]
        await rested(pilot)
        assert looking(pilot).marked == set()


@pytest.mark.chaos
async def test_two_that_are_marked_are_compared_wherever_the_cursor_is() -> None:
    async with home() as pilot:
        await press(pilot, "space", "j", "space", "G", "C")
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        assert (screen._found.a.id, screen._found.b.id) == ("p2xq9c", "q7m2xk")
        await press(pilot, "q", "g", "j", "j", "space", "C")
        assert "mark one" in told(pilot)


# -- several at once --------------------------------------------------------------------------------------------------


async def test_what_is_done_with_several_is_shown_first_and_nothing_happens_until_it_is_agreed_to() -> None:
    acts = Acts()
    async with home(acts) as pilot:
        await press(pilot, "asterisk", "X")
        dialog = shown(pilot)
        assert "Cancel 2 sessions?" in dialog
        assert "2 sessions of 6; 4 sessions left alone" in dialog
        for told_of in ("is cancelled", "has succeeded", "has failed", "its host has crashed: U resumes it"):
            assert told_of in dialog
        await press(pilot, "enter", "space", "n")
        assert acts.done == []
        assert len(looking(pilot).marked) == 6


async def test_a_page_of_those_it_is_done_with_is_as_many_as_are_shown() -> None:
    listed = [session(f"s{at:02}", "running", at, hosted=True) for at in range(60)]
    async with home(listed=listed, size=(100, 24)) as pilot:
        await press(pilot, "asterisk", "X", "pagedown")
        assert isinstance(pilot.app.screen, BulkScreen)
        table = pilot.app.screen.query_one(RowTable)
        assert table.cursor == table.page() > 1
        await press(pilot, "pagedown", "pageup", "pageup")
        assert table.cursor == 0


@pytest.mark.chaos
async def test_what_comes_of_each_is_shown_and_what_failed_is_tried_once_more() -> None:
    acts = Acts("q7m2xk", once=True)
    async with home(acts) as pilot:
        await press(pilot, "asterisk", "X", "y")
        assert acts.done == [("cancel", "p2xq9c")]
        assert "the host of q7m2xk does not answer" in shown(pilot)
        assert "1 of 2 done, 1 failed" in shown(pilot)
        await press(pilot, "y", "r")
        assert acts.done == [("cancel", "p2xq9c"), ("cancel", "q7m2xk")]
        assert "2 of 2 done" in shown(pilot)
        await press(pilot, "r", "escape")
        assert looking(pilot).marked == {"f31kqz", "c9r8ta", "7f3ak2", "sim4xy"}
    assert len(acts.done) == 2


async def test_what_is_closed_while_it_goes_on_carries_out_what_has_begun_and_begins_nothing_more() -> None:
    listed = [session(f"s{at}", "running", at, hosted=True) for at in range(9)]
    acts = Acts()
    acts.gate.clear()
    async with home(acts, listed=listed) as pilot:
        for key in ("asterisk", "P", "y"):
            await pilot.press(key)
            await pilot.pause()
        assert "under way" in shown(pilot)
        await pilot.press("escape")
        await pilot.pause()
        acts.gate.set()
        await rested(pilot)
        assert "4 of 4 done; 5 sessions left alone" in told(pilot)
    assert len(acts.done) == 4


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("at", "key", "verb"),
    [(0, "P", "pause"), (5, "E", "export"), (3, "R", "retry failed"), (2, "U", "resume"), (5, "W", "remove")],
)
async def test_without_a_mark_it_is_done_with_the_selected_one(at: int, key: str, verb: str) -> None:
    acts = Acts()
    async with home(acts) as pilot:
        await press(pilot, *"j" * at, key)
        assert isinstance(pilot.app.screen, BulkScreen)
        await press(pilot, "y", "escape")
    assert [done for done, _ in acts.done] == [verb]


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("at", "key", "why"),
    [
        (5, "P", "has succeeded"),
        (0, "W", "its host lives: X cancels it first"),
        (0, "U", "its host lives"),
        (3, "U", "R runs what failed again"),
        (0, "R", "nothing of it has failed"),
        (2, "R", "its host has crashed: U resumes it"),
    ],
)
async def test_what_cannot_be_done_says_why_at_once(at: int, key: str, why: str) -> None:
    async with home() as pilot:
        await press(pilot, *"j" * at, key)
        assert not isinstance(pilot.app.screen, BulkScreen)
        assert why in told(pilot)


@pytest.mark.parametrize("needs_you", [0, 2])
async def test_the_key_that_answers_opens_the_selected_session_if_it_needs_somebody(needs_you: int) -> None:
    async with home(listed=[session("a", "running", 1, needs_you=needs_you)]) as pilot:
        await pilot.press("a")
        await pilot.pause()
        if not needs_you:
            assert told(pilot) == "needs you: nothing of a waits for you"
    assert pilot.app.return_value == (Choice("open", "a") if needs_you else None)


async def test_where_none_of_those_marked_can_be_acted_on_that_is_told() -> None:
    listed = [session("a", "succeeded", 1), session("b", "failed", 2)]
    async with home(listed=listed) as pilot:
        await press(pilot, "asterisk", "X")
        assert told(pilot) == "cancel all: none of the 2 sessions: it has succeeded (1); it has failed (1)"


@pytest.mark.parametrize("pasted", [("y", "n"), ("x", "y")])
async def test_what_is_pasted_removes_no_session(pasted: tuple[str, str]) -> None:
    acts = Acts()
    async with home(acts) as pilot:
        await press(pilot, *"jjjjj", "W")
        assert isinstance(pilot.app.screen, BulkScreen)
        for key in pasted:  # a terminal that does not mark what is pasted
            pilot.app.post_message(events.Key(key, key))
        await rested(pilot)
        assert any("came together with others" in one for one in notices(pilot))  # type: ignore[arg-type]
    assert acts.done == []


# -- other machines ---------------------------------------------------------------------------------------------------


async def test_rows_of_all_machines_are_one_list_and_a_silent_one_says_why() -> None:
    async def far(name: str) -> Sequence[Row]:
        if name == "down":
            raise OSError("connection refused")
        return [session("far1", "running", 0.05, host=name)]

    async with home(far=far, settings=Settings(hosts=("box", "down"))) as pilot:
        listed = shown(pilot)
        assert "box/far1" in listed
        assert "connection refused" in listed
        assert "7 sessions" in listed
        assert "1 machine silent" in listed
        await press(pilot, "g")
        await pilot.press("enter")
        await pilot.pause()
    assert pilot.app.return_value == Choice("open", "box/far1")


async def test_a_machine_that_has_answered_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FAR_S", 0.01)
    asked, twice = list[str](), asyncio.Event()

    async def far(name: str) -> Sequence[Row]:
        asked.append(name)
        if len(asked) == 2:
            twice.set()
        return []

    async with home(far=far, settings=Settings(hosts=("box",))), asyncio.timeout(10):
        await twice.wait()
    assert asked[:2] == ["box", "box"]


async def test_a_machine_that_does_not_answer_keeps_nobody_waiting() -> None:
    answer = asyncio.Event()

    async def far(name: str) -> Sequence[Row]:
        await answer.wait()
        return [session("far1", "running", 0.05, host=name)]

    async with home(far=far, settings=Settings(hosts=("slow",)), wait=False) as pilot:
        for _ in range(3):
            await pilot.pause()
        assert "q7m2xk" in shown(pilot)
        assert "no answer yet" in shown(pilot)
        answer.set()
        await rested(pilot)
        assert "slow/far1" in shown(pilot)


@pytest.mark.chaos
async def test_the_list_of_machines_says_that_there_is_none_yet() -> None:
    async with home() as pilot:
        await press(pilot, "O")
        assert "no other machine is listed yet" in shown(pilot)
        assert "nothing matches" not in shown(pilot)


async def test_machines_are_added_switched_off_and_forgotten_and_that_is_remembered(tmp_path: Path) -> None:
    asked: list[str] = []

    async def far(name: str) -> Sequence[Row]:
        asked.append(name)
        return [session("far1", "running", 0.05, host=name)]

    memory, settings = Memory(tmp_path / "memory.json"), Settings(hosts=("box",))
    async with home(far=far, settings=settings, memory=memory, names_of=lambda: ["gpu1"]) as pilot:
        await press(pilot, "O", "a", *"gp", "right", "enter")
        assert isinstance(pilot.app.screen, HostsScreen)
        assert asked == ["box", "gpu1"]
        await press(pilot, "a", *"no such name", "enter")
        assert "no name of a machine" in told(pilot)
        await press(pilot, "escape", "g", "k", "k", "space", "escape")
        assert "box/far1" not in shown(pilot)
        assert "gpu1/far1" in shown(pilot)
        pilot.app.remember()  # type: ignore[attr-defined]
    async with home(far=far, settings=settings, memory=Memory(tmp_path / "memory.json")) as pilot:
        assert asked[2:] == ["gpu1"]
        await press(pilot, "O", "j", "W", "escape")
        assert "far1" not in shown(pilot)


# -- what outlives the program, and how it looks ----------------------------------------------------------------------


@pytest.mark.chaos
async def test_how_the_sessions_are_looked_at_outlives_the_program(tmp_path: Path) -> None:
    async with home(memory=Memory(tmp_path / "memory.json")) as pilot:
        await press(pilot, "v", "slash", *"review", "enter", "T", "j")
        selected = looking(pilot).selected
        pilot.app.remember()  # type: ignore[attr-defined]
    async with home(memory=Memory(tmp_path / "memory.json")) as pilot:
        kept = looking(pilot)
        assert (kept.words, kept.shown, kept.tree, kept.selected) == ("review", "not finished ok", False, selected)
        assert pilot.app.screen.query_one(RowTable).selected == selected


@pytest.mark.chaos
async def test_the_columns_are_those_of_the_config_file_and_the_usual_ones_where_one_is_unknown() -> None:
    async with home(settings=Settings(columns={"sessions": ("title", "cost", "id")})) as pilot:
        assert lines(pilot)[2].strip("│ ").split() == ["title", "cost", "session"]  # type: ignore[arg-type]
    async with home(settings=Settings(columns={"sessions": ("title", "prize")})) as pilot:
        assert "status" in lines(pilot)[2]  # type: ignore[arg-type]


async def test_forks_stand_under_their_origin_or_in_the_order_of_time() -> None:
    async with home() as pilot:
        assert "└─ f31kqz" in shown(pilot)
        await press(pilot, "T")
        assert "└─ f31kqz" not in shown(pilot)
        assert "by time" in shown(pilot)
        await press(pilot, "S", "T")
        assert "└─ f31kqz" in shown(pilot)


@pytest.mark.chaos
async def test_a_click_selects_a_click_on_a_head_sorts_and_two_open() -> None:
    async with home() as pilot:
        await pilot.click(RowTable, offset=(20, 4))
        await rested(pilot)
        assert looking(pilot).selected == "c9r8ta"
        at = lines(pilot)[2].index("title")  # type: ignore[arg-type]
        for descending in (False, True):
            await pilot.click(RowTable, offset=(at, 1))
            await rested(pilot)
            assert looking(pilot).sort == ("title", descending)
        await pilot.click(RowTable, offset=(20, 2), times=2)
        await pilot.pause()
    assert pilot.app.return_value is not None
    assert pilot.app.return_value.verb == "open"


@pytest.mark.chaos
async def test_what_is_known_of_the_selected_session_is_beside_the_list_where_there_is_room() -> None:
    listed = rows()
    listed[4] = {**listed[4], "last_failure": {"node": "lint", "error": "exit code 2"}}
    async with home(listed=listed) as pilot:
        await press(pilot, "j", "j", "j")
        known = shown(pilot)
        for told_of in ("lint: exit code 2", "✗ 2 failed", "forks", "✓ 46 ok"):
            assert told_of in known
    async with home(listed=listed, size=(80, 24)) as pilot:
        await press(pilot, "j", "j", "j")
        assert "exit code 2" not in shown(pilot)


@pytest.mark.chaos
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_where_there_is_no_session_the_list_says_what_to_do(size: tuple[int, int]) -> None:
    async with home(listed=[], size=size, samples=lambda: [("wide_search", "Find facts")]) as pilot:
        assert "No sessions yet" in shown(pilot)
        assert "wide_search" in shown(pilot)


@pytest.mark.chaos
async def test_what_was_read_before_is_there_at_once_when_the_list_is_come_back_to() -> None:
    never = asyncio.Event()

    async def read() -> Sequence[Row]:
        await never.wait()
        return []

    async with home() as pilot:
        before = pilot.app
        assert isinstance(before, Browser)
    app = Browser(read, before.looking, machines=before.machines, clock=lambda: START, glyphs=UNICODE)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "q7m2xk" in shown(pilot)
        assert isinstance(app.screen, SessionsScreen)
        never.set()
