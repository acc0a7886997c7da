"""Keys that come all at once, faster than what they open: each goes where it would have gone, had it been awaited."""

from __future__ import annotations

import asyncio

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from swarmtui.host.feed import Feed
from swarmtui.session import events as ev
from swarmtui.tui.app import Workbench
from swarmtui.tui.keyboard import LONGEST_S
from swarmtui.tui.pasting import Pasting
from swarmtui.tui.screens.dialogs import EditScreen, LineScreen
from swarmtui.tui.screens.node_form import NodeForm
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.screens.run import RunScreen
from tests.tui.acting_feed import acting
from tests.tui.opening import opened, settled
from tests.tui.scripted_feed import awaiting_approval, mid_run


async def typed(pilot: Pilot[int], *keys: str) -> None:
    """Hand all keys over in one go, as a terminal does with what was typed while the program was busy."""
    driver = pilot.app._driver
    assert driver is not None
    for key in keys:
        name = key if len(key) > 1 or key.isalnum() else _character_to_key(key)
        driver.send_message(events.Key(name, key if len(key) == 1 else None))
    for _ in range(4):
        await settled(pilot)


def selecting(pilot: Pilot[int], node: str) -> None:
    assert isinstance(pilot.app, Workbench)
    pilot.app.selected = node


async def test_a_new_node_s_name_typed_behind_the_key_that_opens_its_form_is_its_name() -> None:
    async with opened(acting(awaiting_approval())) as pilot:
        await typed(pilot, "O", *"costs")
        form = pilot.app.screen
        assert isinstance(form, NodeForm)
        assert form.query_one("#field-name", Input).value == "costs"
        assert form.query_one("#field-body", TextArea).text == ""


async def test_what_is_typed_behind_the_key_that_opens_a_node_s_form_goes_into_its_text() -> None:
    async with opened(acting(awaiting_approval())) as pilot:
        selecting(pilot, "lint")
        await typed(pilot, "enter", *"uvx ")
        form = pilot.app.screen
        assert isinstance(form, NodeForm)
        assert form.query_one("#field-body", TextArea).text.startswith("uvx ruff")
        assert form.query_one("#field-name", Input).value == "lint"


async def test_a_whole_edit_typed_at_once_is_one_revision() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        selecting(pilot, "lint")
        await typed(pilot, "O", *"costs", "f2")
        assert isinstance(pilot.app.screen, NodeForm)  # it has no prompt yet
        await typed(pilot, "escape", "J", *"tests", "enter", "j")
        assert isinstance(pilot.app.screen, PlanScreen)
    assert feed.state.plan_nodes["lint"].needs == ("scan", "tests")


async def test_words_for_the_planner_typed_at_once_are_sent_whole() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        await typed(pilot, "c", *"a Anew W", "enter")
        assert isinstance(pilot.app.screen, PlanScreen)
    assert feed.commands == [("plan.reject", {"plan_rev": 2, "feedback": "a Anew W"})]


async def test_a_search_typed_at_once_presses_no_other_key() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await typed(pilot, "slash", *"pxs")
        assert isinstance(pilot.app.screen, RunScreen)
        assert pilot.app.screen.query_one("#find", Input).value == "pxs"
    assert feed.commands == []


async def test_an_answer_typed_behind_the_key_that_asks_for_it_is_whole() -> None:
    feed = mid_run()
    question = ev.QuestionAsked("publish", "Where to?", ())
    feed.state.pending.clear()
    feed.play(question)
    async with opened(feed) as pilot:
        await typed(pilot, "a", *"the Attic", "enter")
        assert isinstance(pilot.app.screen, RunScreen)
    assert [params["text"] for _, params in feed.commands] == ["the Attic"]


async def test_what_is_typed_while_the_editor_inside_the_workbench_opens_goes_into_it() -> None:
    async with opened(acting(awaiting_approval())) as pilot:
        await typed(pilot, "e", *"A# ")
        screen = pilot.app.screen
        assert isinstance(screen, EditScreen)
        assert screen.text.startswith("A# ")


async def test_pasted_text_goes_into_what_opens() -> None:
    async with opened(awaiting_approval()) as pilot:
        driver = pilot.app._driver
        assert driver is not None
        driver.send_message(events.Key("c", "c"))
        driver.send_message(events.Paste("fewer nodes"))
        driver.send_message(events.Key("exclamation_mark", "!"))
        for _ in range(3):
            await settled(pilot)
        assert isinstance(pilot.app.screen, LineScreen)
        assert pilot.app.screen.query_one(Input).value == "fewer nodes!"


@pytest.mark.parametrize("closing", ["escape", "ctrl+c"])
async def test_keys_behind_the_one_that_closes_a_dialog_are_of_the_screen_beneath_it(closing: str) -> None:
    async with opened(awaiting_approval()) as pilot:
        await typed(pilot, "c", "x", closing, "j", "v")
        screen = pilot.app.screen
        assert isinstance(screen, PlanScreen)
        assert screen.form == "table"


async def test_what_is_typed_before_the_session_is_there_is_asked_of_it_once_it_is() -> None:
    feed, there = mid_run(), asyncio.Event()

    async def connect() -> Feed:
        await there.wait()
        return feed

    app = Workbench(connect)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app._driver is not None
        app._driver.send_message(events.Key("P", "P"))
        for _ in range(5):
            await pilot.pause()
        assert app.said == []
        there.set()
        async with asyncio.timeout(LONGEST_S):
            while not feed.commands:
                await pilot.pause()
    assert feed.commands == [("session.pause", {})]


async def test_ctrl_q_does_not_wait_for_a_session_that_does_not_open() -> None:
    never = asyncio.Event()

    async def connect() -> Feed:
        await never.wait()
        return mid_run()

    app = Workbench(connect)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app._driver is not None
        app._driver.send_message(events.Key("x", "x"))  # it waits for the session
        app._driver.send_message(events.Key("ctrl+q", None))
        async with asyncio.timeout(LONGEST_S / 2):
            while not app._exit:
                await pilot.pause()


async def test_text_that_waits_for_a_field_is_put_into_it_in_one_go_and_the_keys_behind_it_follow() -> None:
    text = "all of it, " * 50
    async with opened(acting(awaiting_approval())) as pilot:
        await typed(pilot, "e")
        screen, changes = pilot.app.screen, 0
        assert isinstance(screen, EditScreen)
        area = screen.query_one(TextArea)

        def count() -> None:
            nonlocal changes
            changes += 1

        pilot.app.watch(area, "selection", count, init=False)
        await typed(pilot, *text, "left", *"Xy", "backspace")
        assert screen.text.startswith(text[:-1] + "X" + text[-1])
        assert changes < 20  # a field draws itself with each: the first key goes alone, the others come meanwhile


async def test_text_that_waits_for_a_line_replaces_what_is_marked_and_stops_at_what_is_no_text() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        await typed(pilot, "c")
        line = pilot.app.screen.query_one(Input)
        await typed(pilot, *"one two", "shift+home", *"three", "home", *"in ", "ctrl+k", *"y or n", "enter")
    assert feed.commands == [("plan.reject", {"plan_rev": 2, "feedback": "in y or n"})], line.value


@pytest.mark.parametrize(("restrict", "longest", "value"), [(r"\d*", 0, "123"), (None, 4, "1a2b")])
async def test_a_line_that_refuses_some_text_is_given_letter_by_letter(
    restrict: str | None, longest: int, value: str
) -> None:
    async with opened(awaiting_approval()) as pilot:
        await typed(pilot, "c")
        line = pilot.app.screen.query_one(Input)
        line.restrict, line.max_length = restrict, longest
        await typed(pilot, *"1a2b3")
        assert line.value == value


async def sent(pilot: Pilot[int], patched: pytest.MonkeyPatch, data: bytes) -> None:
    """Hand over what the terminal sends in one piece, and then nothing for a while."""
    driver, now = pilot.app._driver, [0.0]
    assert driver is not None
    with patched.context() as patch:
        patch.setattr("textual._parser.get_time", lambda: now[0])
        pasting = Pasting()
        messages = list(pasting.feed(data.decode()))
        now[0] = 1.0
        messages += pasting.tick()
    for message in messages:
        driver.send_message(message)
    for _ in range(4):
        await settled(pilot)


@pytest.mark.parametrize(("piece", "form"), [(b"\x1bv", "table"), (b"\x1bvj", "table"), (b"\x1b", "graph")])
async def test_escape_and_a_key_in_one_piece_are_both(monkeypatch: pytest.MonkeyPatch, piece: bytes, form: str) -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        await typed(pilot, "c", "x")
        await sent(pilot, monkeypatch, piece)
        screen = pilot.app.screen
        assert isinstance(screen, PlanScreen)
        assert screen.form == form
    assert feed.commands == []


async def test_escape_and_a_sign_in_one_piece_are_both(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(mid_run()) as pilot:
        await typed(pilot, "slash", *"quality")
        await sent(pilot, monkeypatch, b"\x1b/")
        find = pilot.app.screen.query_one("#find", Input)
        assert (find.value, find.has_focus) == ("", True)


@pytest.mark.parametrize("of_user", [False, True])
async def test_alt_with_a_key_that_is_bound_stays_one_key(monkeypatch: pytest.MonkeyPatch, of_user: bool) -> None:
    async with opened(awaiting_approval()) as pilot:
        await typed(pilot, "c", "x")
        if of_user:
            assert isinstance(pilot.app, Workbench)
            pilot.app.keys.own = {**pilot.app.keys.own, "pause": ("alt+v",)}
        else:
            pilot.app.bind("alt+v", "bell")
        await sent(pilot, monkeypatch, b"\x1bv")
        assert isinstance(pilot.app.screen, LineScreen)


@pytest.mark.parametrize("piece", [b"\x1bO", b"\x1b["])
async def test_what_may_be_the_beginning_of_a_sequence_is_no_escape(
    monkeypatch: pytest.MonkeyPatch, piece: bytes
) -> None:
    async with opened(awaiting_approval()) as pilot:
        await typed(pilot, "c", "x")
        await sent(pilot, monkeypatch, piece)
        assert isinstance(pilot.app.screen, LineScreen)
