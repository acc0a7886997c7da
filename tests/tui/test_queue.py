"""What waits for the user is one list, in order of age, answered one after the other without losing the place."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot

from swarmtui.engine.commands import plan_events
from swarmtui.host.feed import Link
from swarmtui.plan.model import MapSpec, Plan
from swarmtui.session import events as ev
from swarmtui.session.state import Pending, SessionState
from swarmtui.session.summary import needs_you
from swarmtui.session.vocabulary import State, Status
from swarmtui.tui.app import Workbench
from swarmtui.tui.commands import Request, retry_caught, retry_node, skip_caught
from swarmtui.tui.screens import asking
from swarmtui.tui.screens.asking import CaughtScreen, ChangeScreen, PermissionScreen, SeveralScreen
from swarmtui.tui.screens.dialogs import QuestionScreen
from swarmtui.tui.screens.node import NodeScreen
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.screens.queue import QueueScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.view import format as say
from swarmtui.tui.view.figures import figures
from swarmtui.tui.view.glyphs import UNICODE
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.logs import taken_over
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.queue import QueueRows, after, asked_lines, matching, same_tool, waiting
from swarmtui.tui.widgets.lines import TextView
from tests.tui.acting_feed import parsed
from tests.tui.opening import notices, opened, press, settled, text
from tests.tui.scripted_agents import TRIP, agents
from tests.tui.scripted_feed import HOSTILE, ScriptedFeed, approved, mid_run, output, prompt


def shown(lines: list[Line]) -> str:
    return "\n".join("".join(part for part, _ in line) for line in lines)


def many(tool: str = "tools.py:book", number: int = 3) -> ScriptedFeed:
    """A session that asks for several permissions, most of them for one tool, besides a change of the plan."""
    feed = agents()
    for at in range(number - 1):
        feed.play(
            ev.QuestionAsked(
                "hotels-north", "May I?", kind="permission", call=f"d{at}", tool=tool, agent="self",
                detail=f'{tool} {{"room": {at}}}',
            ),
            after=1,
        )  # fmt: skip
    return feed


# -- the list --------------------------------------------------------------------------------------------------

pendings = st.builds(
    Pending,
    id=st.text("abc", min_size=1, max_size=3),
    kind=st.sampled_from(["plan", "question", "permission", "change"]),
    since_ts=st.sampled_from([1.0, 2.0, 3.0]),
    tool=st.sampled_from(["", "x", "y"]),
)


def holding(found: list[Pending]) -> SessionState:
    state = SessionState()
    state.pending = {one.id: one for one in found}
    return state


@settings(max_examples=100, deadline=None)
@given(st.lists(pendings, max_size=8, unique_by=lambda one: one.id), st.randoms())
def test_the_order_is_by_age_and_does_not_depend_on_how_things_arrived(found: list[Pending], random: object) -> None:
    once = [one.key for one in waiting(holding(found))]
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [one.key for one in waiting(holding(shuffled))] == once
    ages = [one.since_ts for one in waiting(holding(found))]
    assert ages == sorted(ages)


@settings(max_examples=100, deadline=None)
@given(st.lists(pendings, min_size=1, max_size=8, unique_by=lambda one: one.id), st.data())
def test_answering_one_after_the_other_puts_each_once(found: list[Pending], data: st.DataObject) -> None:
    left = waiting(holding(found))
    one = data.draw(st.sampled_from(left))
    put = [one.key]
    while (following := after(left, one)) is not None:
        left = [other for other in left if other.key != one.key]
        one = following
        put.append(one.key)
    assert sorted(put) == sorted(pending.id for pending in found)


@settings(max_examples=50, deadline=None)
@given(st.lists(pendings, min_size=1, max_size=8, unique_by=lambda one: one.id))
def test_who_begins_with_the_oldest_goes_through_the_list_in_its_order(found: list[Pending]) -> None:
    left = order = waiting(holding(found))
    put = [left[0]]
    while (following := after(left, put[-1])) is not None:
        left = [one for one in left if one is not put[-1]]
        put.append(following)
    assert put == order


def test_after_one_in_the_middle_comes_the_next_younger_and_after_the_youngest_the_oldest() -> None:
    found = waiting(holding([Pending(name, "question", ts) for name, ts in (("a", 1.0), ("b", 2.0), ("c", 3.0))]))
    assert [one.key for one in (after(found, one) for one in found) if one is not None] == ["b", "c", "a"]


def test_what_a_crash_caught_waits_too() -> None:
    feed = approved(TRIP).play(ev.AttemptStarted("hotels", 1), ev.AttemptInterrupted("hotels", 1))
    assert [(one.kind, one.node) for one in waiting(feed.state)] == [("cut short", "hotels")]


def test_what_was_cut_short_is_as_old_as_its_end_not_as_its_beginning() -> None:
    feed = approved(TRIP).play(ev.AttemptStarted("hotels", 1))
    feed.play(ev.AttemptInterrupted("hotels", 1), after=3_600)
    feed.now += 60
    assert [round(feed.clock() - one.since_ts) for one in waiting(feed.state)] == [60]
    feed.state.nodes["hotels"].cut_ts = None  # an older host does not tell
    assert [one.since_ts for one in waiting(feed.state)] == [feed.state.nodes["hotels"].started_ts]


def caught_items(*items: int) -> ScriptedFeed:
    """A map of 20 that goes on while some of its items wait for the user, and a node beside it."""
    feed = approved(Plan("goal", (prompt("each", map=MapSpec("doc", path="docs.jsonl")), prompt("side"))))
    feed.play(ev.MapExpanded("each", 20), ev.AttemptStarted("side", 1), ev.AttemptInterrupted("side", 1))
    for item in (*items, 19):
        feed.play(ev.AttemptStarted("each", 1, item))
    return feed.play(*(ev.AttemptInterrupted("each", 1, item) for item in items))


def test_while_no_host_lives_nobody_is_asked_what_becomes_of_what_was_cut_short() -> None:
    feed = mid_run().play(ev.AttemptInterrupted("quality", 1))
    assert [one.node for one in waiting(feed.state)] == ["scope", "quality"]
    feed.state.status = Status.CRASHED
    assert [one.node for one in waiting(feed.state)] == ["scope"]


def test_a_map_whose_items_were_cut_short_waits_while_it_goes_on_and_is_counted_the_same_everywhere() -> None:
    feed = caught_items(3, 4, 5)
    found = waiting(feed.state)
    assert {one.node for one in found} == {"each", "side"}
    (each,) = (one for one in found if one.node == "each")
    assert each.words == "3 of 20 items (3, 4, 5) cut short, each of them may have taken effect or not"
    assert figures(feed.state, feed.status, feed.now).needs_you == needs_you(feed.state) == 2
    names = ("each/3", "each/4", "each/5", "side")
    told = taken_over(ev.SessionTakenOver(crashed=True, held=4, waiting=names))
    assert "2 wait for you: each (items 3, 4, 5), side" in told
    more = taken_over(ev.SessionTakenOver(crashed=True, held=9, waiting=names))
    assert "each (items 3, 4, 5), side and 5 more wait for you" in more


@pytest.mark.chaos
async def test_the_dialog_of_a_map_says_how_many_of_its_items_were_cut_short_and_which() -> None:
    feed = caught_items(3, 4)
    feed.play(ev.AttemptStarted("side", 2), ev.AttemptSucceeded("side", 2, output("done")))
    async with opened(feed) as pilot:
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, CaughtScreen)
        shown = text(pilot)
        assert "2 of the items of each were cut short" in shown
        assert "2 of 20 items (3, 4)" in shown
        assert "R runs them again" in shown
        pilot.app.screen.say = pilot.app.screen.dismiss  # type: ignore[method-assign,assignment]
        await press(pilot, "S")
    assert feed.commands == [("node.skip", {"node": "each", "item": item}) for item in (3, 4)]


def test_of_many_items_that_were_cut_short_the_first_few_are_named() -> None:
    (each,) = (one for one in waiting(caught_items(*range(9)).state) if one.node == "each")
    assert "9 of 20 items (0, 1, 2, 3, 4 and 4 more)" in each.words


def test_what_is_decided_about_items_that_were_cut_short_is_about_these_alone() -> None:
    feed = caught_items(3, 4)
    node = feed.state.nodes["each"]

    def asked(requests: list[Request]) -> list[ev.Body]:
        return [body for one in requests for body in plan_events(feed.state, one.method, one.params, parsed)]

    assert [body.items for body in asked(retry_caught(node)) if isinstance(body, ev.NodeRetried)] == [(3, 4)]
    assert [body.item for body in asked(skip_caught(node)) if isinstance(body, ev.NodeSkipped)] == [3, 4]


def test_items_that_a_crash_caught_are_run_again_and_no_others() -> None:
    feed = mid_run().play(ev.AttemptStarted("translate", 1, 1_500), ev.AttemptInterrupted("translate", 1, 1_500))
    node = feed.state.nodes["translate"]
    assert node.items is not None
    bad = sorted(at for of in (State.FAILED, State.CANCELLED, State.INTERRUPTED) for at in node.items.where(of))
    request = retry_node(node)
    (body,) = plan_events(feed.state, request.method, request.params, parsed)
    assert isinstance(body, ev.NodeRetried)
    assert 1_500 in body.items
    assert list(body.items) == bad


def test_a_filter_takes_words_that_must_and_words_that_must_not_occur() -> None:
    found = waiting(many().state)
    assert {one.kind for one in matching(found, "book")} == {"permission"}
    assert [one.kind for one in matching(found, "!book")] == ["change"]
    assert matching(found, "") == found


def test_the_same_tool_is_told_from_others() -> None:
    found = waiting(many().state)
    permission, change = (next(one for one in found if one.kind == kind) for kind in ("permission", "change"))
    assert len(same_tool(found, permission)) == 3
    other = many("tools.py:cancel").state
    assert len(same_tool(waiting(other), next(one for one in waiting(other) if one.tool == "tools.py:cancel"))) == 2
    assert same_tool(found, change) == []


def test_one_needs_and_two_need() -> None:
    assert (say.need_you(1), say.need_you(2)) == ("1 needs you", "2 need you")


def test_a_question_is_shown_whole_and_clean() -> None:
    joined = " ".join(HOSTILE)
    feed = agents().play(ev.QuestionAsked("hotels-north", joined, HOSTILE, agent=joined, tool=joined))
    for one in waiting(feed.state):
        words = shown(asked_lines(feed.state, one, 70))
        assert all(line.replace("\u200d", "").isprintable() for line in words.split("\n"))
    rows = QueueRows(waiting(feed.state))
    for at in range(len(rows)):
        for words, _ in rows.cells(at, Moment(feed.now, 0), UNICODE).values():
            assert words.replace("\u200d", "").isprintable()


# -- on the screen ---------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_a_opens_the_list_when_more_than_one_waits_and_the_one_thing_directly() -> None:
    async with opened(many()) as pilot:
        assert "4 need you [a]" in text(pilot)
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, QueueScreen)
        for words in ("4 need you", "booker (booking)", "permission", "change", "May booker call"):
            assert words in text(pilot)
    async with opened(mid_run()) as pilot:
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, QuestionScreen)


async def test_answering_goes_on_to_the_next_and_ends_where_the_user_was() -> None:
    feed = many(number=2)
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.open_node("sights")
        await settled(pilot)
        below = app.screen
        await press(pilot, "a", "enter")
        assert isinstance(app.screen, PermissionScreen)
        await press(pilot, "n")
        assert isinstance(app.screen, ChangeScreen)
        feed.now += 1
        await press(pilot, "A")
        assert isinstance(app.screen, PermissionScreen)
        await press(pilot, "n")
        assert app.screen is below
        assert isinstance(below, NodeScreen)
        assert app.selected
    methods = [(method, params.get("pending", params.get("id"))) for method, params in feed.commands]
    assert methods == [("answer", "booking:c1"), ("change.accept", "change-1"), ("answer", "hotels-north:d0")]


@pytest.mark.parametrize("keys", [("enter", "enter"), ("enter", "j", "enter")])
@pytest.mark.chaos
async def test_keys_pressed_in_a_row_do_not_answer_two_questions(keys: tuple[str, ...]) -> None:
    feed = mid_run().play(ev.QuestionAsked("publish", "Publish it?", ("publish", "keep it here")), after=1)
    async with opened(feed) as pilot:
        await press(pilot, "a", "enter")
        assert isinstance(pilot.app.screen, QuestionScreen)
        feed.now += 1
        await press(pilot, *keys)
        assert "only just appeared" in notices(pilot)[-1]
        assert [params["pending"] for _, params in feed.commands] == ["scope"]
        feed.now += 1
        await press(pilot, "enter")
        assert [params["pending"] for _, params in feed.commands] == ["scope", "publish"]
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.chaos
async def test_esc_puts_one_off_and_leaves_the_list_as_it_was() -> None:
    feed = many()
    async with opened(feed) as pilot:
        await press(pilot, "a", "j", "enter", "escape")
        screen = pilot.app.screen
        assert isinstance(screen, QueueScreen)
        assert screen.chosen is not None
        assert screen.chosen.kind == "change"
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)
    assert feed.commands == []


async def test_a_page_in_the_list_is_one_of_what_is_asked_and_the_marked_one_stays() -> None:
    feed = mid_run().play(ev.QuestionAsked("publish", "\n".join(f"line {at}" for at in range(200))), after=1)
    async with opened(feed) as pilot:
        await press(pilot, "a", "j", "pagedown")
        screen = pilot.app.screen
        assert isinstance(screen, QueueScreen)
        view, marked = screen.query_one("#asked", TextView), screen.chosen
        assert view.scroll_y == view.page() > 4
        await press(pilot, "pagedown", "pageup", "pageup")
        assert view.scroll_y == 0
        assert marked is not None
        assert marked.node == "publish"
        assert screen.chosen == marked


@pytest.mark.chaos
async def test_all_permissions_for_one_tool_are_answered_at_once_as_shown() -> None:
    feed = many()
    async with opened(feed) as pilot:
        await press(pilot, "a", "T")
        assert isinstance(pilot.app.screen, SeveralScreen)
        shown_text = text(pilot)
        for words in ("3 calls of tools.py:book", '"flight"', '{"room": 0}', '{"room": 1}', "these 3 calls"):
            assert words in shown_text
        await press(pilot, "Y")
        assert feed.commands == []
        feed.now += 1
        await press(pilot, "y", "enter", "space")
        assert feed.commands == []
        await press(pilot, "Y")
        assert "3 answered: allow once" in notices(pilot)
    answers = [(params["pending"], params["text"]) for _, params in feed.commands]
    assert answers == [(f"{who}", "allow once") for who in ("booking:c1", "hotels-north:d0", "hotels-north:d1")]


@pytest.mark.chaos
async def test_what_comes_while_they_are_read_is_not_answered_with_them() -> None:
    feed = many()
    async with opened(feed) as pilot:
        await press(pilot, "a", "T")
        late = ev.QuestionAsked(
            "hotels-north", "And this?", kind="permission", call="late", tool="tools.py:book", agent="self"
        )
        feed.play(late, after=1)
        await settled(pilot)
        await press(pilot, "Y")
    assert "hotels-north:late" not in [params["pending"] for _, params in feed.commands]
    assert len(feed.commands) == 3


async def test_what_others_answer_while_several_are_read_is_told_and_a_yes_is_to_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "AGE_EVERY_S", 0.2)
    feed = many()

    async def answered_elsewhere(pilot: Pilot[int], key: str, told: str) -> str:
        node, _, call = key.partition(":")
        feed.play(ev.QuestionAnswered(node, "allow once", call=call), actor="ada@laptop")
        async with asyncio.timeout(10):
            while told not in text(pilot):
                await pilot.pause()
        return text(pilot)

    async with opened(feed) as pilot:
        await press(pilot, "a", "T")
        assert "still wait" not in text(pilot)
        seen = await answered_elsewhere(pilot, "booking:c1", "2 of 3 still wait, asked")
        assert "Y allows each of these 2 calls once" in seen
        assert seen.count("waits no longer") == 1
        assert next(line for line in seen.split("\n") if "waits no longer" in line).strip(" │").startswith("1. booker")
        seen = await answered_elsewhere(pilot, "hotels-north:d1", "1 of 3 still waits, asked")
        assert "Y allows the one call that still waits" in seen
        feed.now += 1
        await press(pilot, "Y")
    assert [params["pending"] for _, params in feed.commands] == ["hotels-north:d0"]


@pytest.mark.chaos
async def test_several_wait_no_longer_once_none_of_them_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "AGE_EVERY_S", 0.2)
    feed = many()
    async with opened(feed) as pilot:
        await press(pilot, "a", "T")
        feed.state.pending.clear()
        async with asyncio.timeout(10):
            while "none waits any longer: answered elsewhere, or not asked any more" not in text(pilot):
                await pilot.pause()
        assert "nothing is left to be answered; esc leaves" in text(pilot)


@pytest.mark.chaos
async def test_the_list_is_filtered_as_one_types() -> None:
    async with opened(many()) as pilot:
        await press(pilot, "a", "slash", *"room", "enter")
        screen = pilot.app.screen
        assert isinstance(screen, QueueScreen)
        assert "0 match" in text(pilot) or not screen.rows
        await press(pilot, "escape")
        await press(pilot, "slash", *"hotels", "enter")
        assert {one.node for one in screen.rows} == {"hotels-north"}
        await press(pilot, "escape")
        assert len(screen.rows) == 4


@pytest.mark.chaos
async def test_what_the_session_refuses_waits_on() -> None:
    feed = many()
    feed.refusal = "somebody else has answered that"
    async with opened(feed) as pilot:
        await press(pilot, "a", "enter", "n", "escape")
        screen = pilot.app.screen
        assert isinstance(screen, QueueScreen)
        assert feed.refusal in notices(pilot)
        screen.look()
        assert len(screen.rows) == 4


@pytest.mark.chaos
async def test_a_plan_is_decided_on_its_own_screen() -> None:
    feed = many()
    feed.state.pending["plan"] = Pending("plan", "plan", 0.0, plan_rev=2)
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.show_run("run")
        await press(pilot, "a", "enter")
        assert isinstance(app.screen, PlanScreen)


@pytest.mark.parametrize(
    ("key", "method"),
    [
        ("R", "node.retry"),
        pytest.param("M", "node.mark_done", marks=pytest.mark.chaos),
        pytest.param("S", "node.skip", marks=pytest.mark.chaos),
    ],
)
async def test_what_was_cut_short_is_decided_on_purpose(key: str, method: str) -> None:
    feed = approved(TRIP).play(ev.AttemptStarted("hotels", 1), ev.AttemptInterrupted("hotels", 1))
    async with opened(feed) as pilot:
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, CaughtScreen)
        assert "hotels was cut short" in text(pilot)
        await press(pilot, key)
        assert feed.commands == []
        feed.now += 1
        await press(pilot, key.lower(), "enter")
        assert feed.commands == []
        await press(pilot, key)
        assert isinstance(pilot.app.screen, RunScreen)
    assert [asked for asked, _ in feed.commands] == [method]


@pytest.mark.chaos
async def test_the_list_closes_when_others_have_answered_all() -> None:
    feed = many()
    async with opened(feed) as pilot:
        await press(pilot, "a")
        screen = pilot.app.screen
        assert isinstance(screen, QueueScreen)
        feed.state.pending.clear()
        screen.look()
        await settled(pilot)
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.chaos
async def test_nobody_is_asked_anything_in_a_recording() -> None:
    feed = many()
    feed.set_link(Link.ARCHIVE)
    async with opened(feed) as pilot:
        await press(pilot, "a", "enter")
        feed.now += 1
        await press(pilot, "Y")
    assert replace(feed.status).link is Link.ARCHIVE
