"""What agents and planners ask is put to the user whole, and answered on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input, TextArea

from swarmtui.host.feed import CommandRefused, Link
from swarmtui.plan.model import JSON
from swarmtui.session import events as ev
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens import dialogs
from swarmtui.tui.screens.asking import ChangeScreen, PermissionScreen
from swarmtui.tui.screens.dialogs import EditScreen, LineScreen, QuestionScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.text_out import Ways
from swarmtui.tui.widgets.choices import Choices
from tests.tui.opening import notices, opened, press, settled, text
from tests.tui.scripted_agents import DETAIL, agents, proposed
from tests.tui.scripted_feed import HOSTILE, ScriptedFeed, awaiting_approval, mid_run
from tests.tui.scripted_past import to_past

SIZE = (120, 40)


def later(feed: ScriptedFeed) -> None:
    """Past the moment in which nobody can have read anything."""
    feed.now += 1


def one_waits() -> ScriptedFeed:
    """A permission alone waits."""
    feed = agents()
    del feed.state.pending["change-1"]
    return feed


@pytest.mark.chaos
async def test_agents_subagents_and_parts_stand_in_the_graph_as_they_wait() -> None:
    async with opened(agents(), SIZE) as pilot:
        shown = text(pilot)
    assert "2 need you [a]" in shown
    for words in ("booking", "hotels-north", "hotels-old-town", "sights", "asks you", "waits for hotels-north"):
        assert words in shown


@pytest.mark.parametrize(("key", "answer"), [("Y", "allow once"), ("A", "allow always"), ("n", "deny"), ("d", "deny")])
@pytest.mark.chaos
async def test_a_permission_is_answered_with_one_key(key: str, answer: str) -> None:
    feed = one_waits()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, PermissionScreen)
        shown = text(pilot)
        assert "booker (booking) wants to call tools.py:book" in shown
        assert "no rule of the plan" in shown
        assert all(line.strip() in shown for line in DETAIL.split("\n"))
        later(feed)
        await press(pilot, key)
        assert isinstance(pilot.app.screen, RunScreen)
    assert feed.commands == [("answer", {"pending": "booking:c1", "text": answer})]


@pytest.mark.chaos
async def test_how_long_a_yes_for_good_lasts_is_said() -> None:
    async with opened(one_waits(), SIZE) as pilot:
        await press(pilot, "a")
        assert "A this tool for the rest of the session" in text(pilot)
    feed = one_waits()
    key, asked = next(iter(feed.state.pending.items()))
    feed.state.pending[key] = replace(asked, agent="")
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a")
        assert "A this tool for this attempt" in text(pilot)


@pytest.mark.chaos
async def test_a_yes_in_the_first_moment_is_none_and_a_no_is_one() -> None:
    feed = one_waits()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a", "Y", "A", "enter", "space")
        assert isinstance(pilot.app.screen, PermissionScreen)
        assert "only just appeared" in notices(pilot)[-1]
        await press(pilot, "n")
    assert feed.commands == [("answer", {"pending": "booking:c1", "text": "deny"})]


@pytest.mark.chaos
async def test_small_letters_and_esc_allow_nothing() -> None:
    feed = one_waits()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a")
        later(feed)
        await press(pilot, "y", "a", "enter", "escape")
        assert isinstance(pilot.app.screen, RunScreen)
    assert feed.commands == []


@pytest.mark.chaos
async def test_a_change_is_shown_whole_and_accepted_as_shown() -> None:
    feed = proposed()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, ChangeScreen)
        shown = text(pilot)
        assert "sights proposes 3 more nodes" in shown
        for words in ("+ museums", "+ walks", "+ weigh", "two looks at once", "prices decide"):
            assert words in shown
        await press(pilot, "A")
        assert feed.commands == []
        later(feed)
        await press(pilot, "A")
    assert feed.commands == [("change.accept", {"id": "change-1", "base_rev": 2})]


@pytest.mark.chaos
async def test_a_change_is_sent_back_with_words() -> None:
    feed = proposed()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a", "c")
        assert isinstance(pilot.app.screen, LineScreen)
        await press(pilot, *"no museums", "enter")
    assert feed.commands == [("change.reject", {"id": "change-1", "feedback": "no museums"})]


@pytest.mark.chaos
async def test_a_change_is_edited_as_yaml_and_the_text_stays_until_it_is_taken() -> None:
    feed = proposed()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a", "e")
        screen = pilot.app.screen
        assert isinstance(screen, EditScreen)
        assert screen.text.startswith("nodes:\n  museums:\n")
        feed.refusal = "nodes.museums: there is no agent `researchr`"
        await press(pilot, "f2")
        assert pilot.app.screen is screen
        assert "there is no agent" in text(pilot)
        feed.refusal = None
        await press(pilot, "f2")
        assert isinstance(pilot.app.screen, RunScreen)
    method, params = feed.commands[-1]
    assert (method, params["id"]) == ("change.edit", "change-1")
    assert "Which museums, with prices and hours?" in str(params["text"])


async def test_the_text_of_a_change_is_kept_for_that_change_and_is_no_draft_of_the_plan() -> None:
    feed = proposed()
    async with opened(feed, SIZE) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        await press(pilot, "a", "e")
        assert isinstance(app.screen, EditScreen)
        app.screen.query_one(TextArea).load_text("nodes: {}  # mine")
        await press(pilot, "escape")
        assert app.editing.draft is None
        await press(pilot, "a", "e")
        assert isinstance(app.screen, EditScreen)
        assert app.screen.text == "nodes: {}  # mine"


@pytest.mark.parametrize("when", ["before it is left", "after it was left"])
async def test_the_text_of_a_change_that_is_decided_elsewhere_is_in_a_file(when: str, tmp_path: Path) -> None:
    feed = proposed()
    written = "nodes: {}\n# an hour's work\n"
    async with opened(feed, SIZE) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.text_out.ways = Ways(tmp_path / "state", lambda: None)
        await press(pilot, "a", "e")
        assert isinstance(app.screen, EditScreen)
        app.screen.query_one(TextArea).load_text(written)
        if when == "after it was left":
            await press(pilot, "escape")
        feed.play(ev.ChangeDecided("change-1", False, "no"), actor="ada@laptop")
        await settled(pilot)
        if when == "before it is left":
            assert app.screen.query_one(TextArea).text == written
            await press(pilot, "escape")
        async with asyncio.timeout(10):
            while not any("change-1 waits no longer" in told for told in notices(pilot)):
                await pilot.pause()
        (path,) = (tmp_path / "state").iterdir()
        assert notices(pilot)[-1].endswith(f"what you had written is in {path}")
    assert path.suffix == ".yaml"
    assert path.read_text() == written


async def test_the_text_of_a_change_that_was_only_looked_at_is_no_loss(tmp_path: Path) -> None:
    feed = proposed()
    async with opened(feed, SIZE) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.text_out.ways = Ways(tmp_path / "state", lambda: None)
        await press(pilot, "a", "e", "escape")
        feed.play(ev.ChangeDecided("change-1", False, "no"), actor="ada@laptop")
        await settled(pilot)
        assert not any("you had written" in told for told in notices(pilot))
    assert not (tmp_path / "state").exists()


async def test_an_edited_change_that_is_proposed_twice_before_the_answer_is_there_is_asked_for_once() -> None:
    feed = proposed()
    asked, answered, does = asyncio.Event(), asyncio.Event(), feed.command

    async def command(method: str, params: dict[str, JSON]) -> int:
        asked.set()
        await answered.wait()
        return await does(method, params)

    feed.command = command  # type: ignore[method-assign]
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a", "e")
        await pilot.press("f2")
        await asked.wait()
        await pilot.press("f2")
        await pilot.pause()
        assert "on its way" in notices(pilot)[-1]
        answered.set()
        await settled(pilot)
        assert isinstance(pilot.app.screen, RunScreen)
    assert [method for method, _ in feed.commands] == ["change.edit"]


async def test_an_edited_change_that_is_refused_after_its_text_was_left_is_told() -> None:
    feed = proposed()
    asked, answered, does = asyncio.Event(), asyncio.Event(), feed.command

    async def command(method: str, params: dict[str, JSON]) -> int:
        asked.set()
        await answered.wait()
        return await does(method, params)

    feed.command, feed.refusal = command, "no"  # type: ignore[method-assign]
    written = "nodes: {}\n# mine\n"
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a", "e")
        pilot.app.screen.query_one(TextArea).load_text(written)
        await pilot.press("f2")
        await asked.wait()
        await pilot.press("escape")
        answered.set()
        await settled(pilot)
        assert isinstance(pilot.app.screen, RunScreen)
        assert notices(pilot)[-1] == "no"
        await press(pilot, "a", "e")
        assert isinstance(pilot.app.screen, EditScreen)
        assert pilot.app.screen.text == written


async def test_the_text_of_a_change_that_is_taken_is_no_loss_though_that_is_told_before_the_answer(
    tmp_path: Path,
) -> None:
    feed = proposed()
    asked, answered, does = asyncio.Event(), asyncio.Event(), feed.command

    async def command(method: str, params: dict[str, JSON]) -> int:
        asked.set()
        await answered.wait()
        return await does(method, params)

    feed.command = command  # type: ignore[method-assign]
    async with opened(feed, SIZE) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.text_out.ways = Ways(tmp_path / "state", lambda: None)
        await press(pilot, "a", "e")
        assert isinstance(app.screen, EditScreen)
        app.screen.query_one(TextArea).load_text("nodes: {}\n# mine\n")
        await press(pilot, "escape", "a", "e")  # so that it is kept from before
        await pilot.press("f2")
        await asked.wait()
        await pilot.press("escape")
        feed.play(ev.ChangeDecided("change-1", True))
        await pilot.pause()
        answered.set()
        await settled(pilot)
        assert not any("you had written" in told for told in notices(pilot))
    assert not (tmp_path / "state").exists()


@pytest.mark.chaos
async def test_of_what_a_node_asks_the_oldest_is_put_first() -> None:
    feed = agents()
    for call, tool in (("c8", "mail"), ("c9", "pay")):
        feed.play(ev.QuestionAsked("hotels-north", "May I?", kind="permission", call=call, tool=tool), after=1)
    async with opened(feed, SIZE) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        assert not app.asking.about("report")
        assert app.asking.about("hotels-north")
        await settled(pilot)
        assert "hotels-north wants to call mail" in text(pilot)


@pytest.mark.chaos
async def test_what_comes_from_outside_cannot_draw_the_dialog() -> None:
    joined = " ".join(HOSTILE)
    feed = agents().play(
        ev.QuestionAsked(
            "hotels-north", joined, HOSTILE, kind="permission", call="c9", detail=joined, agent=joined, tool=joined
        )
    )
    async with opened(feed, SIZE) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.asking.about("hotels-north")
        await settled(pilot)
        assert isinstance(app.screen, PermissionScreen)
        assert all(line.isprintable() for line in text(pilot).replace("\u200d", "").split("\n"))


async def test_the_enter_that_puts_a_question_answers_it_only_once_it_has_been_let_go() -> None:
    feed = mid_run()
    async with opened(feed, SIZE) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.show_node("scope")
        await settled(pilot)
        await press(pilot, "enter")
        assert isinstance(app.screen, QuestionScreen)
        for pause in (0.66, 0.03, 0.03):
            feed.now += pause
            await pilot.press("enter")
        assert feed.commands == []
        feed.now += 1
        await press(pilot, "enter")
    assert [params["text"] for _, params in feed.commands] == ["main"]


async def test_one_click_marks_a_choice_and_answers_nothing_a_second_one_or_enter_does() -> None:
    feed = mid_run()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a")
        choices = pilot.app.screen.query_one(Choices)
        for at in (1, 0, 1):
            await pilot.click(Choices, offset=(3, at))
            feed.now += 5
            await settled(pilot)
            assert (choices.highlighted, feed.commands) == (at, [])
        await pilot.click(Choices, offset=(3, 0), times=2)
        await settled(pilot)
        assert not isinstance(pilot.app.screen, QuestionScreen)
    assert [params["text"] for _, params in feed.commands] == ["main"]


async def test_a_question_that_somebody_else_answers_says_so_and_keeps_what_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dialogs, "AGE_EVERY_S", 0.2)
    feed = mid_run()
    (key,) = feed.state.pending
    async with opened(feed) as pilot:
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, QuestionScreen)
        assert "asked" in text(pilot)
        feed.play(ev.QuestionAnswered(key, "main"), actor="ada@laptop")
        async with asyncio.timeout(10):
            while "ada@laptop answered: main" not in text(pilot):
                await pilot.pause()
        assert isinstance(pilot.app.screen, QuestionScreen)


@pytest.mark.parametrize("size", [SIZE, (80, 24)])
async def test_what_was_written_too_late_stays_and_can_be_copied_and_who_answered_what_is_said(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    monkeypatch.setattr(Workbench, "copy_text", lambda self, text, what: copied.append(text))
    monkeypatch.setattr(dialogs, "AGE_EVERY_S", 3_600)  # enter is the first to find out
    feed = mid_run()
    (key,) = feed.state.pending
    feed.state.pending[key] = replace(feed.state.pending[key], choices=())
    async with opened(feed, size) as pilot:
        await press(pilot, "a")
        later(feed)
        await press(pilot, *"green")
        feed.play(ev.QuestionAnswered(key, "main"), actor="ada@laptop")
        await settled(pilot)
        await press(pilot, "enter")
        shown = text(pilot)
        assert "ada@laptop answered: main" in shown
        assert "enter copies what you wrote; esc leaves" in shown
        assert notices(pilot)[-1] == "not sent: ada@laptop answered: main"
        assert pilot.app.screen.query_one(Input).value == "green"
        assert copied == []
        await press(pilot, "enter")
        assert copied == ["green"]
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)
    assert feed.commands == []


@pytest.mark.parametrize("size", [SIZE, (80, 24)])
async def test_that_a_question_is_not_asked_any_more_fits_into_the_border(size: tuple[int, int]) -> None:
    feed = mid_run()
    async with opened(feed, size) as pilot:
        await press(pilot, "a")
        later(feed)
        feed.play(ev.AttemptCancelled("scope", 1))
        await settled(pilot)
        await press(pilot, "enter")
        assert "it waits no longer: answered elsewhere, or not asked any more" in text(pilot)
        assert "esc leaves" in text(pilot)
    assert feed.commands == []


async def test_of_two_who_answer_at_once_the_second_is_told_what_they_had_written() -> None:
    feed = mid_run()
    (key,) = feed.state.pending
    feed.state.pending[key] = replace(feed.state.pending[key], choices=())
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a")
        later(feed)
        await press(pilot, *"green")
        feed.refusal = "nobody waits for that answer"
        await press(pilot, "enter")
        assert notices(pilot)[-1] == feed.refusal
        feed.play(ev.QuestionAnswered(key, "main"), actor="ada@laptop")
        await settled(pilot)
        told = "scope waits no longer; you had written: green"
        assert told in notices(pilot)
        feed.play(ev.Noted("info", "something else"))
        await settled(pilot)
        assert notices(pilot).count(told) == 1


async def test_an_answer_that_cannot_be_sent_since_the_host_is_gone_says_so_and_is_there_the_next_time() -> None:
    feed = mid_run()
    feed.state.pending["scope"] = replace(feed.state.pending["scope"], choices=())
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, QuestionScreen)
        later(feed)
        await press(pilot, *"green")
        feed.set_link(Link.CRASHED)
        later(feed)
        await press(pilot, "enter")
        assert notices(pilot)[-1] == "not sent: the host has crashed: r resumes the session first"
        assert feed.commands == []
        feed.set_link(Link.LIVE)
        await settled(pilot)
        await press(pilot, "a")
        assert pilot.app.screen.query_one(Input).value == "green"
        later(feed)
        await press(pilot, "enter")
        assert [params["text"] for _, params in feed.commands] == ["green"]


def free_text() -> tuple[ScriptedFeed, str]:
    """A question that is answered in words, and its key."""
    feed = mid_run()
    (key,) = feed.state.pending
    feed.state.pending[key] = replace(feed.state.pending[key], choices=())
    return feed, key


async def test_what_was_written_is_there_after_a_look_into_the_past_in_which_nothing_was_asked_yet() -> None:
    feed, _ = free_text()
    async with opened(feed, SIZE, past=to_past) as pilot:
        await press(pilot, "a")
        later(feed)
        feed.refusal = "not now"
        await press(pilot, *"green", "enter", "H", "g", "G", "G")
        assert not any("waits no longer" in told for told in notices(pilot))
        await press(pilot, "a")
        assert pilot.app.screen.query_one(Input).value == "green"


async def test_an_answer_to_what_was_asked_before_is_none_to_what_is_asked_now() -> None:
    feed = mid_run()
    (key,) = feed.state.pending
    async with opened(feed, SIZE) as pilot:
        feed.play(ev.QuestionAnswered(key, "main"), actor="ada@laptop")
        await settled(pilot)
        feed.play(ev.QuestionAsked(key, "Which one now?", ("main", "next")))
        await settled(pilot)
        await press(pilot, "a")
        later(feed)
        feed.play(ev.AttemptCancelled("scope", 1))
        await settled(pilot)
        await press(pilot, "enter")
        shown = text(pilot)
        assert "it waits no longer" in shown
        assert "ada@laptop answered" not in shown


async def test_what_is_written_of_a_change_after_it_was_sent_is_in_a_file_once_that_is_taken(tmp_path: Path) -> None:
    feed = proposed()
    asked, answered, does = asyncio.Event(), asyncio.Event(), feed.command

    async def command(method: str, params: dict[str, JSON]) -> int:
        asked.set()
        await answered.wait()
        feed.play(ev.ChangeDecided("change-1", True))
        return await does(method, params)

    feed.command = command  # type: ignore[method-assign]
    async with opened(feed, SIZE) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.text_out.ways = Ways(tmp_path / "state", lambda: None)
        await press(pilot, "a", "e")
        await pilot.press("f2")
        await asked.wait()
        app.screen.query_one(TextArea).load_text("nodes: {}\n# an hour more\n")
        await pilot.pause()
        answered.set()
        await settled(pilot)
        assert isinstance(app.screen, RunScreen)
        (path,) = (tmp_path / "state").iterdir()
        assert path.read_text() == "nodes: {}\n# an hour more\n"


async def test_the_text_that_comes_from_the_editor_once_its_change_is_decided_is_in_a_file_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, comes = proposed(), list[Callable[[str], None]]()
    async with opened(feed, SIZE) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.text_out.ways = Ways(tmp_path / "state", lambda: None)
        monkeypatch.setattr(app.editing, "edit_text", lambda text, then, suffix: comes.append(then))
        await press(pilot, "a", "e", "f4", "escape")
        feed.play(ev.ChangeDecided("change-1", False), actor="ada@laptop")
        await settled(pilot)
        comes[0]("nodes: {}\n# from the editor\n")
        await settled(pilot)
        (path,) = (tmp_path / "state").iterdir()
        assert path.read_text() == "nodes: {}\n# from the editor\n"
        assert not any("kept for your next edit" in told for told in notices(pilot))


async def test_an_answer_that_was_taken_though_the_link_broke_before_that_was_told_is_no_loss() -> None:
    feed, key = free_text()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a")
        later(feed)
        feed.broken = True
        await press(pilot, *"green", "enter")
        feed.play(ev.QuestionAnswered(key, "green"), actor="me@here")
        await settled(pilot)
        assert not any("you had written" in told for told in notices(pilot))


async def test_an_open_dialog_answers_no_other_question_that_is_asked_under_the_same_key() -> None:
    feed, key = free_text()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a")
        later(feed)
        await press(pilot, *"green")
        feed.play(ev.QuestionAnswered(key, "main"), actor="ada@laptop")
        feed.play(ev.QuestionAsked(key, "Delete everything?"), after=1)
        await settled(pilot)
        later(feed)
        await press(pilot, "enter")
        assert feed.commands == []
        assert pilot.app.screen.query_one(Input).value == "green"
        await press(pilot, "escape", "a")
        assert "Delete everything?" in text(pilot)
        assert pilot.app.screen.query_one(Input).value == ""


async def test_what_comes_back_while_the_past_is_shown_is_there_once_that_is_left() -> None:
    feed, _ = free_text()
    answered = asyncio.Event()

    async def command(method: str, params: dict[str, JSON]) -> int:
        await answered.wait()
        raise CommandRefused("not now")

    feed.command = command  # type: ignore[method-assign]
    async with opened(feed, SIZE, past=to_past) as pilot:
        await press(pilot, "a")
        later(feed)
        for key in (*"green", "enter", "H"):
            await pilot.press(key)
        async with asyncio.timeout(20):
            while pilot.app.status.link is not Link.REPLAY:  # type: ignore[attr-defined]
                await pilot.pause()
        await pilot.press("g")
        await pilot.pause()
        answered.set()
        await settled(pilot)
        await press(pilot, "G", "G", "a")
        assert pilot.app.screen.query_one(Input).value == "green"


@pytest.mark.parametrize("key", ["A", "c"])
async def test_an_edit_that_was_left_outlives_a_decision_that_is_refused(key: str) -> None:
    feed = proposed()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a", "e")
        pilot.app.screen.query_one(TextArea).load_text("nodes: {}\n# an hour's work\n")
        await press(pilot, "escape", "a")
        later(feed)
        feed.refusal = "the plan has moved on: look at it again"
        await press(pilot, key)
        if key == "c":
            await press(pilot, *"no", "enter")
        assert feed.commands
        await press(pilot, "a", "e")
        assert "an hour's work" in pilot.app.screen.query_one(TextArea).text


@pytest.mark.parametrize("what", ["change", "plan"])
async def test_a_wish_that_is_refused_is_there_the_next_time(what: str) -> None:
    feed = proposed() if what == "change" else awaiting_approval()
    keys = ("a", "c") if what == "change" else ("c",)
    async with opened(feed, SIZE) as pilot:
        feed.refusal = "not now"
        await press(pilot, *keys, *"cheaper", "enter", *keys)
        assert pilot.app.screen.query_one(Input).value == "cheaper"
        feed.refusal = None
        await press(pilot, "enter")
        assert feed.commands[-1][1]["feedback"] == "cheaper"


@pytest.mark.parametrize(
    ("pasted", "taken", "lines"),
    [
        ("Write a plan for\r\n  three\n\nthings\n", "Write a plan for three things", 3),
        ("only one \n", "only one ", 0),
        ("a\x1b[31mb\x07c", "abc", 0),
        ("\n\n", "", 0),
    ],
)
async def test_lines_that_are_pasted_into_an_answer_are_all_in_it(pasted: str, taken: str, lines: int) -> None:
    feed, _ = free_text()
    async with opened(feed, SIZE) as pilot:
        await press(pilot, "a", "x")
        pilot.app.screen.query_one(Input).post_message(events.Paste(pasted))
        await settled(pilot)
        assert pilot.app.screen.query_one(Input).value == f"x{taken}"
        assert any(f"the {lines} lines" in told for told in notices(pilot)) is bool(lines)
