"""Nodes are edited where they stand: in a form, by connecting, adding, removing; undone, made again, never lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from swarmtui.plan.model import AgentSpec, Author, Node, Plan, PromptSpec, RunSpec
from swarmtui.session import events as ev
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.connecting import ConnectScreen
from swarmtui.tui.screens.dialogs import ConfirmScreen
from swarmtui.tui.screens.node_form import NodeForm
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.widgets.picking import ChoiceLine, Entry, PickList
from tests.tui.acting_feed import acting
from tests.tui.opening import notices, opened, press, settled, text
from tests.tui.scripted_feed import ScriptedFeed, awaiting_approval, begun, prompt


def plan_of(feed: ScriptedFeed) -> Plan:
    assert feed.state.plan is not None
    return feed.state.plan


def select(pilot: Pilot[int], node: str) -> None:
    assert isinstance(pilot.app, Workbench)
    pilot.app.selected = node


async def opened_form(pilot: Pilot[int], node: str) -> NodeForm:
    select(pilot, node)
    await press(pilot, "enter")
    assert isinstance(pilot.app.screen, NodeForm)
    return pilot.app.screen


@pytest.mark.chaos
async def test_a_prompt_is_edited_in_place_as_one_revision() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        form = await opened_form(pilot, "speed")
        form.query_one("#field-body", TextArea).load_text("Only what is slow in {{ scan.output }}")
        form.query_one("#field-model", Input).value = "planner"
        await press(pilot, "f2")
        assert isinstance(pilot.app.screen, PlanScreen)
        assert "differs from the planner's in 1 place" in text(pilot)
    assert plan_of(feed).node("speed").spec == PromptSpec("Only what is slow in {{ scan.output }}", model="planner")
    method, params = feed.commands[-1]
    assert (method, params["base_rev"], len(params["ops"])) == ("plan.patch", 2, 2)
    assert plan_of(feed).author is Author.PLANNER


@pytest.mark.chaos
async def test_a_rename_takes_along_all_that_name_the_node() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        form = await opened_form(pilot, "scan")
        form.query_one("#field-name", Input).value = "files"
        await press(pilot, "f2")
        assert pilot.app.selected == "files"  # type: ignore[attr-defined]
    node = plan_of(feed).node("quality")
    assert node.needs == ("files",)
    assert isinstance(node.spec, PromptSpec)
    assert "{{ files.output }}" in node.spec.prompt


@pytest.mark.chaos
async def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost_or_asked() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        form = await opened_form(pilot, "speed")
        form.query_one("#field-body", TextArea).load_text("Look at {{ scam.output }}")
        form.query_one("#field-model", Input).value = "wroker"
        await press(pilot, "f2")
        shown = text(pilot)
        assert "did you mean scan?" in shown
        assert "there is no model `wroker`: did you mean worker?" in shown
        assert pilot.app.focused is form.query_one("#field-model")
        assert feed.commands == []
        await press(pilot, "escape")
        again = await opened_form(pilot, "speed")
        assert again.query_one("#field-body", TextArea).text == "Look at {{ scam.output }}"


@pytest.mark.chaos
async def test_a_number_that_is_none_is_told_before_anything_is_checked() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        form = await opened_form(pilot, "speed")
        form.query_one("#field-retries", Input).value = "some"
        await press(pilot, "f2")
        assert "write a number such as 3" in text(pilot)
    assert feed.commands == []


@pytest.mark.chaos
async def test_a_refusal_of_the_host_stays_in_the_form() -> None:
    feed = acting(awaiting_approval())
    feed.refusal = "no model far/away is known here"
    async with opened(feed) as pilot:
        form = await opened_form(pilot, "speed")
        form.query_one("#field-model", Input).value = "far/away"
        await press(pilot, "f2")
        assert isinstance(pilot.app.screen, NodeForm)
        assert feed.refusal in text(pilot)
        assert form.query_one("#field-model", Input).value == "far/away"


async def test_who_was_faster_is_told_and_f2_once_more_puts_the_edit_on_top() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        form = await opened_form(pilot, "speed")
        form.query_one("#field-retries", Input).value = "5"
        feed.play(ev.PlanProposed(3, replace(plan_of(feed), title="Another"), "edited"), actor="ada@laptop")
        await settled(pilot)
        await press(pilot, "f2")
        assert "ada@laptop made revision 3 while you wrote" in text(pilot)
        assert feed.commands == []
        await press(pilot, "f2")
    assert plan_of(feed).node("speed").retry.limit == 5
    assert plan_of(feed).title == "Another"


@pytest.mark.chaos
async def test_what_was_written_and_kept_takes_nothing_back_that_came_since() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        form = await opened_form(pilot, "speed")
        form.query_one("#field-retries", Input).value = "5"
        await press(pilot, "escape")
        speed = replace(plan_of(feed).node("speed"), spec=PromptSpec("What costs time in {{ scan.output }}?"))
        nodes = tuple(speed if node.id == "speed" else node for node in plan_of(feed).nodes)
        feed.play(ev.PlanProposed(3, replace(plan_of(feed), nodes=nodes), "edited"), actor="ada@laptop")
        await settled(pilot)
        await opened_form(pilot, "speed")
        await press(pilot, "f2")
    speed = plan_of(feed).node("speed")
    assert speed.retry.limit == 5
    assert speed.spec == PromptSpec("What costs time in {{ scan.output }}?")


async def test_a_node_becomes_one_of_another_kind() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        form = await opened_form(pilot, "speed")
        form.query_one("#field-kind", ChoiceLine).choose("agent")
        await settled(pilot)
        assert form.query_one("#row-tools").display
        form.query_one("#field-tools", Input).value = "crawl, read_file"
        await press(pilot, "f2")
    spec = plan_of(feed).node("speed").spec
    assert isinstance(spec, AgentSpec)
    assert spec.own is not None
    assert spec.own.tools == ("crawl", "read_file")


@pytest.mark.chaos
async def test_a_command_is_edited_as_it_would_be_typed() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        form = await opened_form(pilot, "lint")
        form.query_one("#field-body", TextArea).load_text("ruff check 'a b' .")
        await press(pilot, "f2")
    assert plan_of(feed).node("lint").spec == RunSpec(("ruff", "check", "a b", "."))


@pytest.mark.chaos
async def test_needs_are_marked_in_a_list_that_typing_filters() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        form = await opened_form(pilot, "speed")
        form.query_one("#field-needs", PickList).focus()
        await press(pilot, "l", "i", "n", "space", "f2")
    assert plan_of(feed).node("speed").needs == ("scan", "lint")


def test_what_begins_with_what_was_typed_comes_first_whatever_its_case() -> None:
    needs = PickList([Entry("a-Lint"), Entry("Lint")])
    needs.filter = "LI"
    needs._choose_shown()
    assert [one.key for one in needs._shown] == ["Lint", "a-Lint"]
    chosen = PickList([Entry("a"), Entry("b")], ["b"])
    assert [one.key for one in chosen._shown] == ["b", "a"], "what is marked comes before all else"


@pytest.mark.chaos
async def test_a_need_that_a_text_implies_cannot_be_unmarked() -> None:
    async with opened(acting(awaiting_approval())) as pilot:
        form = await opened_form(pilot, "speed")
        needs = form.query_one("#field-needs", PickList)
        needs.focus()
        await press(pilot, "space")
        assert tuple(needs.chosen) == ("scan",)
        assert "its text is looked up" in text(pilot)


@pytest.mark.chaos
async def test_a_node_is_added_behind_the_selected_one() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        select(pilot, "lint")
        await press(pilot, "O")
        form = pilot.app.screen
        assert isinstance(form, NodeForm)
        form.query_one("#field-name", Input).value = "explain"
        form.query_one("#field-body", TextArea).load_text("Explain {{ lint.output }}")
        await press(pilot, "f2")
    assert plan_of(feed).node("explain").needs == ("lint",)


async def test_what_is_typed_takes_the_place_of_the_name_that_was_made_up() -> None:
    async with opened(acting(awaiting_approval())) as pilot:
        await press(pilot, "O", *"costs")
        assert pilot.app.screen.query_one("#field-name", Input).value == "costs"
        await press(pilot, "escape", "O", "x")
        assert pilot.app.screen.query_one("#field-name", Input).value == "costsx"  # what was written oneself stays


async def test_a_node_that_nobody_needs_is_removed_at_once_and_u_and_Z_lead_back_and_forth() -> None:
    feed = acting(awaiting_approval())
    planned = plan_of(feed)
    async with opened(feed) as pilot:
        select(pilot, "publish")
        await press(pilot, "W")
        assert "publish" not in feed.state.plan_nodes
        await press(pilot, "u")
        assert plan_of(feed) == planned
        await press(pilot, "Z")
        assert "publish" not in feed.state.plan_nodes


@pytest.mark.chaos
async def test_a_node_that_others_merely_wait_for_is_removed_after_a_question() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        select(pilot, "tests")
        await press(pilot, "W")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        assert "report waits for it" in text(pilot)
        await press(pilot, "y")
    assert "tests" not in plan_of(feed).node("report").needs


async def test_a_node_that_others_look_up_is_not_removed_from_under_them() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        select(pilot, "scan")
        await press(pilot, "W")
        assert "look scan up: change that first" in notices(pilot)[-1]
    assert feed.commands == []


async def test_nodes_are_connected_by_typing_and_disconnected_again() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        select(pilot, "publish")
        await press(pilot, "J", "l", "i", "n", "enter")
        assert plan_of(feed).node("publish").needs == ("report", "lint")
        await press(pilot, "J", "l", "i", "n", "enter")
        assert plan_of(feed).node("publish").needs == ("report",)
        await press(pilot, "J", "tab", "l", "i", "n", "enter")
        assert plan_of(feed).node("lint").needs == ("scan", "publish")


async def test_whatever_is_picked_from_a_long_list_is_seen_below_what_is_typed() -> None:
    nodes = tuple(prompt(f"step{at:02}") for at in range(60))
    async with opened(begun(Plan("Many things", nodes))) as pilot:
        select(pilot, "step00")
        await press(pilot, "J")
        pilot.app.screen.query_one(PickList).go(0, 58)
        await settled(pilot)
        assert "step59" in text(pilot)
        assert "type to filter 59" in text(pilot)


@pytest.mark.chaos
async def test_a_cycle_is_refused_with_the_cycle() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        select(pilot, "scan")
        await press(pilot, "J", "p", "u", "b", "enter")
        assert isinstance(pilot.app.screen, ConnectScreen)
        shown = " ".join(text(pilot).replace("│", " ").split())
        assert "these nodes wait for each other" in shown
        assert "scan -> publish -> report ->" in shown
        assert shown.index("these nodes wait") < shown.index("/ pub"), "it is told where one looks"
        await press(pilot, "tab")
        assert "these nodes wait" not in text(pilot), "it was about the other direction"
    assert feed.commands == []


@pytest.mark.chaos
async def test_a_form_is_left_without_a_word_if_nothing_was_written() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        await opened_form(pilot, "speed")
        await press(pilot, "escape")
        assert not notices(pilot)
        await opened_form(pilot, "speed")
        await press(pilot, "f2")
        assert "nothing was changed" in notices(pilot)[-1]
    assert feed.commands == []


@pytest.mark.chaos
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_the_form_is_complete_by_mouse_at_any_size(size: tuple[int, int]) -> None:
    feed = acting(awaiting_approval())
    async with opened(feed, size) as pilot:
        form = await opened_form(pilot, "speed")
        form.query_one("#field-retries", Input).value = "4"
        await pilot.click("#propose")
        await settled(pilot)
    assert plan_of(feed).node("speed").retry.limit == 4


async def test_undoing_and_redoing_say_what_and_leave_the_selection_where_it_was() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        assert isinstance(pilot.app, Workbench)
        await press(pilot, "Z")
        assert "nothing to redo" in notices(pilot)[-1]
        select(pilot, "publish")
        await press(pilot, "W")
        select(pilot, "tests")
        await press(pilot, "u")
        assert notices(pilot)[-1] == "undid: publish removed"
        assert pilot.app.selected == "tests"
        await press(pilot, "Z")
        assert notices(pilot)[-1] == "redid: publish removed"
        assert pilot.app.selected == "tests"


async def test_undoing_a_node_that_was_added_leads_back_to_the_one_it_was_added_behind() -> None:
    feed = acting(awaiting_approval())
    plan = plan_of(feed)
    async with opened(feed) as pilot:
        assert isinstance(pilot.app, Workbench)
        node = Node("costs", PromptSpec("What does it cost?"), ("tests",))
        feed.play(ev.PlanProposed(3, replace(plan, nodes=(*plan.nodes, node)), "costs added"), actor="me@here")
        await settled(pilot)
        select(pilot, "costs")
        await press(pilot, "u")
        assert notices(pilot)[-1] == "undid: costs added"
        assert pilot.app.selected == "tests"
        await press(pilot, "Z")
        assert pilot.app.selected == "costs"
