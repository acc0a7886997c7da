"""A dialog that was left, or stands beneath another screen, when what was asked for in it is answered."""

from __future__ import annotations

import asyncio

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from swarmtui.plan.model import JSON
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.asking import ChangeEditScreen
from swarmtui.tui.screens.connecting import ConnectScreen
from swarmtui.tui.screens.dialogs import EditScreen, LineScreen
from swarmtui.tui.screens.node_form import NodeForm
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs
from tests.tui.acting_feed import acting
from tests.tui.opening import notices, opened, press, settled
from tests.tui.scripted_feed import ScriptedFeed, awaiting_approval


class Slow:
    """A feed whose host answers once it is `answered`."""

    def __init__(self, refusal: str | None = None) -> None:
        self.feed: ScriptedFeed = acting(awaiting_approval())
        self.feed.refusal = refusal
        self._does, self.asked, self.answered = self.feed.command, asyncio.Event(), asyncio.Event()
        self.feed.command = self._command  # type: ignore[method-assign]

    async def _command(self, method: str, params: dict[str, JSON]) -> int:
        self.asked.set()
        await self.answered.wait()
        return await self._does(method, params)


async def proposed(pilot: Pilot[int], slow: Slow) -> NodeForm:
    """A form whose proposal is under way."""
    app = pilot.app
    assert isinstance(app, Workbench)
    app.selected = "speed"
    await press(pilot, "enter")
    form = app.screen
    assert isinstance(form, NodeForm)
    form.query_one("#field-retries", Input).value = "5"
    await pilot.press("f2")
    await slow.asked.wait()
    return form


async def plan_opened(pilot: Pilot[int]) -> tuple[Workbench, EditScreen]:
    """The workbench with the plan in its editor."""
    app = pilot.app
    assert isinstance(app, Workbench)
    await press(pilot, "e")
    assert isinstance(app.screen, EditScreen)
    return app, app.screen


@pytest.mark.parametrize("refusal", [None, "no"])
@pytest.mark.chaos
async def test_an_answer_that_comes_after_a_form_was_left_closes_nothing_else(refusal: str | None) -> None:
    slow = Slow(refusal)
    async with opened(slow.feed) as pilot:
        await proposed(pilot, slow)
        await pilot.press("escape")
        slow.answered.set()
        await settled(pilot)
        assert isinstance(pilot.app.screen, PlanScreen)
        told = "speed edited" if refusal is None else "not proposed, what you wrote is kept: no"
        assert any(told in notice for notice in notices(pilot))


@pytest.mark.chaos
async def test_an_answer_that_comes_while_the_help_covers_a_form_closes_the_form_once_the_help_is_left() -> None:
    slow = Slow()
    async with opened(slow.feed) as pilot:
        await proposed(pilot, slow)
        await pilot.press("f1")
        above = pilot.app.screen
        slow.answered.set()
        await settled(pilot)
        assert pilot.app.screen is above
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, PlanScreen)


@pytest.mark.parametrize("refusal", [None, "no"])
@pytest.mark.chaos
async def test_an_answer_that_comes_after_a_list_of_nodes_was_left_closes_nothing_else(refusal: str | None) -> None:
    slow = Slow(refusal)
    async with opened(slow.feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.selected = "publish"
        await press(pilot, "J")
        assert isinstance(app.screen, ConnectScreen)
        await pilot.press("l", "i", "n", "enter")
        await slow.asked.wait()
        await pilot.press("escape", "c")
        assert isinstance(app.screen, LineScreen)
        slow.answered.set()
        await settled(pilot)
        assert isinstance(app.screen, LineScreen)
        assert any(("publish needs lint" if refusal is None else "no") in notice for notice in notices(pilot))


async def test_what_is_proposed_twice_before_the_answer_is_there_is_asked_for_once() -> None:
    slow = Slow()
    does, told = slow._does, asyncio.Event()

    async def taken_at_once(method: str, params: dict[str, JSON]) -> int:
        seq = await does(method, params)
        slow.asked.set()
        await told.wait()
        return seq

    slow.feed.command = taken_at_once  # type: ignore[method-assign]
    async with opened(slow.feed) as pilot:
        await proposed(pilot, slow)
        await pilot.press("f2")
        await pilot.pause()
        assert "on its way" in notices(pilot)[-1]
        told.set()
        await settled(pilot)
        assert len(slow.feed.commands) == 1
        assert isinstance(pilot.app.screen, PlanScreen)
        assert any("speed edited" in notice for notice in notices(pilot))


async def test_another_need_that_is_drawn_before_the_answer_to_the_first_one_is_not_asked_for() -> None:
    slow = Slow()
    async with opened(slow.feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.selected = "publish"
        await press(pilot, "J")
        await pilot.press("l", "i", "n", "enter")
        await slow.asked.wait()
        await pilot.press("enter")
        await pilot.pause()
        assert "on its way" in notices(pilot)[-1]
        slow.answered.set()
        await settled(pilot)
        assert len(slow.feed.commands) == 1
        assert any("publish needs lint" in notice for notice in notices(pilot))


@pytest.mark.parametrize("more", ["", "# an hour of work\n"])
async def test_what_is_written_in_an_editor_elsewhere_is_kept_where_the_plan_was_taken_meanwhile(
    more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def edited(text: str, suffix: str = ".yaml") -> str:
        begun.set()
        await done.wait()
        return text + more

    slow = Slow()
    slow._does = awaiting_approval().command
    async with opened(slow.feed) as pilot:
        app, screen = await plan_opened(pilot)
        screen.query_one(TextArea).insert("# mine\n", (0, 0))
        monkeypatch.setattr(app.editing, "_in_editor", edited)
        await pilot.press("f2")
        await slow.asked.wait()
        await pilot.press("f4")
        await begun.wait()
        slow.answered.set()
        while screen.is_attached:
            await pilot.pause()
        done.set()
        await settled(pilot)
        assert isinstance(app.screen, PlanScreen)
        assert (app.editing.draft is not None and app.editing.draft.endswith(more)) is bool(more)
        assert ("kept for your next edit" in notices(pilot)[-1]) is bool(more)


@pytest.mark.parametrize(("before", "after"), [("Look", "Look again"), ("goal: a\n", "Look again\n")])
async def test_a_text_ends_with_a_new_line_after_the_users_editor_only_where_it_did_before(
    before: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def edited(text: str, suffix: str) -> str:
        return "Look again\n"  # as editors write it, whatever they were given

    got: list[str] = []
    async with opened(awaiting_approval()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        monkeypatch.setattr(app.editing, "_in_editor", edited)
        app.editing.edit_text(before, got.append)
        await settled(pilot)
        assert got == [after]


async def test_what_comes_from_an_editor_elsewhere_while_a_change_is_on_its_way_is_kept_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def edited(text: str, suffix: str = ".yaml") -> str:
        return text + "# an hour of work\n"

    slow = Slow()
    async with opened(slow.feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        await proposed(pilot, slow)
        await pilot.press("escape")
        monkeypatch.setattr(app.editing, "_in_editor", edited)
        await pilot.press("e")
        async with asyncio.timeout(10):
            while not any("on its way" in one for one in notices(pilot)):
                await pilot.pause()
        slow.answered.set()
        await settled(pilot)
        assert isinstance(app.screen, EditScreen)
        assert "# an hour of work" in app.screen.query_one(TextArea).text
        assert len(slow.feed.commands) == 1


async def test_an_answer_about_the_plan_leaves_an_editor_of_something_else_alone() -> None:
    slow = Slow("no")
    async with opened(slow.feed) as pilot:
        app, screen = await plan_opened(pilot)
        screen.action_submit()
        await slow.asked.wait()
        screen.action_leave()
        other = ChangeEditScreen("nodes: {}", lambda text: None, lambda text: None)
        await app.push_screen(other)
        slow.answered.set()
        await settled(pilot)
        assert not other.query_one("#errors").display
        assert type(app.screen) is EditScreen, "where the plan can be mended"


async def test_an_editor_that_was_only_looked_into_leaves_no_draft() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        await press(pilot, "e", "escape")
        assert app.editing.draft is None
        await press(pilot, "e", "x", "escape", "e")
        assert app.editing.draft == f"x{app.editing._original}"
        assert isinstance(app.screen, EditScreen)
        await press(pilot, "delete", "escape")  # the cursor stands before the first letter
        assert app.editing.draft is None
    assert feed.commands == []


async def test_a_text_kept_from_before_is_not_proposed_by_an_editor_that_was_only_looked_into(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)

        async def closed(text: str, suffix: str = ".yaml") -> str:
            return text

        monkeypatch.setattr(app.editing, "_in_editor", closed)
        app.editing.draft = "goal: mine"
        await press(pilot, "e")
        assert feed.commands == []
        assert isinstance(app.screen, EditScreen)
        assert app.screen.text == "goal: mine"
        await press(pilot, "f2")
        assert [method for method, _ in feed.commands] == ["plan.edit"]


@pytest.mark.parametrize("leaves", [False, True])
async def test_what_is_written_in_the_editor_after_a_proposal_is_kept_once_that_is_taken(leaves: bool) -> None:
    slow = Slow()
    slow._does = awaiting_approval().command
    async with opened(slow.feed) as pilot:
        app, screen = await plan_opened(pilot)
        screen.action_submit()
        await slow.asked.wait()
        screen.query_one(TextArea).insert("# more\n", (0, 0))
        if leaves:
            screen.action_leave()
        slow.answered.set()
        await settled(pilot)
        assert isinstance(app.screen, PlanScreen)
        assert (app.editing.draft or "").startswith("# more\n")
        assert "kept for your next edit" in notices(pilot)[-1]


@pytest.mark.chaos
@pytest.mark.parametrize("leaves", [False, True])
async def test_what_is_written_in_a_form_after_a_proposal_is_there_when_the_node_is_opened_again(leaves: bool) -> None:
    slow = Slow()
    async with opened(slow.feed) as pilot:
        form = await proposed(pilot, slow)
        form.query_one("#field-retries", Input).value = "7"
        if leaves:
            form.action_leave()
        slow.answered.set()
        await settled(pilot)
        assert isinstance(pilot.app.screen, PlanScreen)
        await press(pilot, "enter")
        assert pilot.app.screen.query_one("#field-retries", Input).value == "7"


async def test_what_is_written_in_an_editor_elsewhere_is_in_the_form_of_the_node_that_was_taken_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def edited(text: str, suffix: str = ".yaml") -> str:
        begun.set()
        await done.wait()
        return "Look once more."

    slow = Slow()
    async with opened(slow.feed) as pilot:
        form, app = await proposed(pilot, slow), pilot.app
        assert isinstance(app, Workbench)
        monkeypatch.setattr(app.editing, "_in_editor", edited)
        await pilot.press("f4")
        await begun.wait()
        slow.answered.set()
        while form.is_attached:
            await pilot.pause()
        done.set()
        await settled(pilot)
        assert "kept for when you open speed again" in notices(pilot)[-1]
        await press(pilot, "enter")
        assert app.screen.query_one("#field-body", TextArea).text == "Look once more."
        assert app.screen.query_one("#field-retries", Input).value == "5"


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
async def test_a_line_in_a_dialog_has_the_border_that_all_else_has(glyphs: Glyphs) -> None:
    async with opened(awaiting_approval(), glyphs=glyphs) as pilot:
        await pilot.press("c")
        await settled(pilot)
        line, box = pilot.app.screen.query_one(Input), pilot.app.screen.query_one(".dialog")
        assert line.styles.border.top[0] == box.styles.border.top[0] == ("ascii" if glyphs.ascii else "round")
        await pilot.press("escape", "colon")
        await settled(pilot)
        assert pilot.app.screen.query_one(Input).styles.border.top[0] == ""
