"""Every key of the action table does what the table says, or says why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swarmtui.host.feed import Link
from swarmtui.plan.model import RunSpec
from swarmtui.session import events as ev
from swarmtui.tui.actions.action import Action, Context, Mode, Scope, mode_of
from swarmtui.tui.actions.names import key_name
from swarmtui.tui.actions.table import ACTIONS, Keys, footer
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.acting import ActionScreen
from swarmtui.tui.screens.compare import CompareScreen
from swarmtui.tui.screens.dialogs import ConfirmScreen, EditScreen, LineScreen, QuestionScreen
from swarmtui.tui.screens.keys import HelpScreen
from swarmtui.tui.screens.node import NodeScreen
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.screens.sessions import SessionsScreen
from swarmtui.tui.widgets.graph import GraphView
from tests.tui.opening import Source, lines, notices, opened, press, settled, text
from tests.tui.scripted_feed import awaiting_approval, finished, mid_run
from tests.tui.scripted_past import replayed

KEYS = Keys()
in_scope, keys_in, bindings = KEYS.in_scope, KEYS.keys_in, KEYS.bindings
SCREENS: dict[Scope, type[ActionScreen]] = {
    Scope.RUN: RunScreen,
    Scope.PLAN: PlanScreen,
    Scope.NODE: NodeScreen,
    Scope.HOME: SessionsScreen,
    Scope.COMPARE: CompareScreen,
}
LEAVING = {"detach", "quit", "leave", "back"}
"""Ways out, each called by where it leads."""
LOOKING = {"find", "search"}
"""To look for words: among rows they filter, in a text they are gone to."""
OTHERWISE = (
    {"new_goal", "find_next"},
    {"hosts", "add_node"},
    {"remove", "remove_node"},
    {"zoom", "redo"},
    {"against", "pin"},
    {"budget", "save"},
)
"""What has one key on screens that have nothing else in common."""
OVER_A_SESSION = (Scope.RUN, Scope.PLAN, Scope.NODE)
EACH = [
    (scope, action)
    for scope in Scope
    for action in dict.fromkeys(action for mode in Mode for action in in_scope(scope, mode))
]
NAMES = [f"{scope}-{action.id}" for scope, action in EACH]
OFFERED = [(scope, mode) for scope in Scope for mode in Mode]


def feed_for(scope: Scope, mode: Mode) -> Source:
    source = awaiting_approval() if scope is Scope.PLAN else mid_run()
    if mode is Mode.REPLAY:
        return replayed(source, at=len(source.events))
    if mode is Mode.CRASHED:
        source.set_link(Link.CRASHED)
    if mode is Mode.BROKEN:
        source.set_link(Link.RECONNECTING, "the link is lost")
    return source


@pytest.mark.parametrize(("scope", "mode"), OFFERED)
def test_no_key_means_two_things_on_one_screen(scope: Scope, mode: Mode) -> None:
    keys = [key for action in in_scope(scope, mode) for key in keys_in(action, mode)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("mode", Mode)
def test_a_key_does_the_same_thing_on_every_screen(mode: Mode) -> None:
    for key in {key for action in ACTIONS for key in keys_in(action, mode)}:
        meant = {action.id for action in ACTIONS if key in keys_in(action, mode)}
        assert len(meant) <= 1 or meant <= LEAVING or meant <= LOOKING or meant in OTHERWISE


def test_what_loses_its_key_to_a_replay_has_another_one_or_could_not_be_done_there() -> None:
    for action in ACTIONS:
        loses = bool(action.keys) and not keys_in(action, Mode.REPLAY)
        if action.mode is None and action.scopes & set(OVER_A_SESSION) and loses:
            assert action.commands


@pytest.mark.parametrize(("scope", "action"), EACH, ids=NAMES)
def test_every_action_has_a_method_where_it_is_offered(scope: Scope, action: Action) -> None:
    assert callable(getattr(SCREENS[scope], f"do_{action.id}"))
    assert action.label
    assert action.description[0].isupper()


@pytest.mark.parametrize("scope", Scope)
def test_bindings_come_from_the_table(scope: Scope) -> None:
    bound = {binding.key for binding in bindings(scope)}
    offered = [(action, mode) for mode in Mode for action in in_scope(scope, mode)]
    assert bound == {key for action, mode in offered for key in (*action.keys, *keys_in(action, mode))}


@pytest.mark.parametrize(
    ("scope", "mode"),
    [
        pytest.param(*one, marks=() if one[1] is Mode.LIVE else pytest.mark.chaos)
        for one in OFFERED
        if one[0] in OVER_A_SESSION and (one[1] is not Mode.BROKEN or one[0] is Scope.RUN)
    ],
)
async def test_pressing_any_key_of_the_table_performs_its_action_and_no_other(
    scope: Scope, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    performed: list[str] = []
    monkeypatch.setattr(ActionScreen, "perform", lambda self, asked: performed.append(asked.id))
    # ctrl+q leaves on every screen, before any screen sees it
    offered = in_scope(scope, mode)
    wanted = {key: [action.id] for action in offered for key in keys_in(action, mode) if key != "ctrl+q"}
    done: dict[str, list[str]] = {}
    async with opened(feed_for(scope, mode)) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        if scope is Scope.NODE:
            app.open_node("quality")
            await pilot.pause()
        assert isinstance(app.screen, SCREENS[scope])
        for key in wanted:
            performed.clear()
            await pilot.press(key)
            done[key] = list(performed)
    assert done == wanted


COMMANDS = {
    "p": ("node.pause", {"node": "quality"}),
    "P": ("session.pause", {}),
    "R": ("nodes.retry_failed", {}),
    "x": ("node.cancel", {"node": "quality"}),
    "plus": ("limits.set", {"concurrency": "+1"}),
    "F": ("forecast", {}),
    "minus": ("limits.set", {"concurrency": "-1"}),
    "greater_than_sign": ("node.priority", {"node": "quality", "priority": "+1"}),
    "less_than_sign": ("node.priority", {"node": "quality", "priority": "-1"}),
}


@pytest.mark.parametrize("key", COMMANDS)
@pytest.mark.chaos
async def test_keys_ask_the_session(key: str) -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, key)
    assert feed.commands == [COMMANDS[key]]


@pytest.mark.parametrize(
    ("node", "key", "method"),
    [
        ("lint", "r", "node.retry"),
        ("report", "s", "node.skip"),
        ("speed", "p", "node.pause"),
        ("scan", "r", "node.retry"),
    ],
)
@pytest.mark.chaos
async def test_keys_act_on_the_selected_node(node: str, key: str, method: str) -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        pilot.app.screen.select(node)  # type: ignore[attr-defined]
        await press(pilot, key)
    assert feed.commands == [(method, {"node": node})]


@pytest.mark.chaos
async def test_cancelling_a_map_of_which_much_would_be_lost_asks_first() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "2")
        pilot.app.show_node("translate")  # type: ignore[attr-defined]
        await settled(pilot)
        await press(pilot, "x")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        assert "items have not ended" in text(pilot)
        await press(pilot, "escape")
        assert feed.commands == []
        await press(pilot, "x")

        await press(pilot, "y")
        assert feed.commands == [("node.cancel", {"node": "translate"})]
    assert any("retrying it runs it again" in one for one in notices(pilot))


async def test_what_was_cut_short_can_be_marked_as_done_and_nothing_else() -> None:
    feed = mid_run().play(ev.AttemptInterrupted("quality", 1))
    async with opened(feed) as pilot:
        pilot.app.screen.select("quality")  # type: ignore[attr-defined]
        await press(pilot, "m")
        pilot.app.screen.select("scan")  # type: ignore[attr-defined]
        await press(pilot, "m")
        assert "scan has succeeded: only what was cut short" in notices(pilot)[-1]
    assert feed.commands == [("node.mark_done", {"node": "quality"})]


async def test_undo_asks_for_the_last_change_to_be_taken_back() -> None:
    feed = mid_run().play(ev.NodeHeld("report"), ev.NodePrioritised("report", 3))
    async with opened(feed) as pilot:
        await press(pilot, "u")
    assert feed.commands == [("undo", {"seq": feed.state.undoable[-1].seq})]


@pytest.mark.chaos
async def test_a_retry_can_take_along_what_rests_on_the_node_and_what_is_stale() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        pilot.app.screen.select("lint")  # type: ignore[attr-defined]
        await press(pilot, "b", "z")
        assert "no node is stale" in notices(pilot)[-1]
    assert feed.commands == [("node.retry", {"node": "lint", "descendants": True})]
    changed = finished()
    changed.play(ev.PlanPatched(2, (replace(changed.state.plan_nodes["scan"], spec=RunSpec(("other",))),)))
    async with opened(changed) as pilot:
        changed.set_link(Link.LIVE, "")
        await press(pilot, "z")
    assert changed.commands == [("nodes.rerun_stale", {})]


async def test_the_pause_keys_let_go_on_what_is_paused() -> None:
    feed = mid_run().play(ev.NodeHeld("quality"), ev.SessionPaused())
    async with opened(feed) as pilot:
        await press(pilot, "p", "P")
    assert [method for method, _ in feed.commands] == ["node.resume", "session.resume"]


async def test_04_cancelling_the_session_asks_first() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "X")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        await press(pilot, "enter")
        assert feed.commands == []
        await press(pilot, "X", "y")
    assert feed.commands == [("session.cancel", {})]


@pytest.mark.parametrize(
    ("node", "key", "why"),
    [
        ("quality", "r", "is running: cancel it first"),
        ("quality", "s", "is running: cancel it instead"),
        ("scan", "p", "nothing is left to pause"),
        ("scan", "x", "has succeeded already"),
        ("report", "r", "has not run yet"),
    ],
)
@pytest.mark.chaos
async def test_what_does_not_apply_says_why(node: str, key: str, why: str) -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        pilot.app.screen.select(node)  # type: ignore[attr-defined]
        await press(pilot, key)
        assert why in notices(pilot)[-1]
    assert feed.commands == []


async def test_a_refusal_is_shown_as_the_session_put_it() -> None:
    feed = mid_run()
    feed.refusal = "quality is held already: resume it"
    async with opened(feed) as pilot:
        await press(pilot, "p")
        assert notices(pilot)[-1] == feed.refusal


async def test_a_broken_link_says_that_the_outcome_is_not_known() -> None:
    feed = mid_run()
    feed.broken = True
    async with opened(feed) as pilot:
        await press(pilot, "P")
        assert "not known" in notices(pilot)[-1]


@pytest.mark.parametrize("link", [Link.RECONNECTING, Link.ENDED, Link.CRASHED, Link.ARCHIVE])
@pytest.mark.chaos
async def test_nothing_is_asked_over_a_link_that_is_not_live(link: Link) -> None:
    feed = mid_run()
    feed.set_link(link, "the ssh connection ended; again in 2 s")
    async with opened(feed) as pilot:
        await press(pilot, "P", "p", "plus", "X")
        assert isinstance(pilot.app.screen, RunScreen)
        assert len(notices(pilot)) >= 4
    assert feed.commands == []


async def test_an_observer_is_told_so() -> None:
    feed = mid_run()
    feed.status.role = "observe"
    async with opened(feed) as pilot:
        await press(pilot, "P")
        assert "only watch" in notices(pilot)[-1]


def offers(context: Context) -> list[Action]:
    return footer(KEYS, Scope.RUN, mode_of(context.status), lambda action: action.refusal(context))


def test_the_footer_offers_what_applies_now() -> None:
    feed = mid_run()
    offered = {action.id for action in offers(Context(feed.state, feed.status, feed.state.nodes["lint"]))}
    assert {"retry_node", "pause_session", "help", "detach"} <= offered
    assert not {"pause_node", "cancel_node"} & offered
    ended = finished()
    offered = {action.id for action in offers(Context(ended.state, ended.status))}
    assert not {"pause_session", "retry_failed", "more"} & offered


@pytest.mark.parametrize("width", [80, 120])
async def test_the_footer_begins_with_what_needs_the_user_and_the_palette_is_always_in_it(width: int) -> None:
    feed = mid_run()
    async with opened(feed, size=(width, 24)) as pilot:
        foot = lines(pilot)[-1]
    assert foot.startswith(" a needs you  R retry failed  ")
    assert " : commands  ? help  d detach" in foot


async def test_the_footer_says_that_what_is_paused_goes_on() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        assert " P pause all" in lines(pilot)[-1]
        feed.play(ev.SessionPaused())
        await settled(pilot)
        assert " P go on" in lines(pilot)[-1]
        assert "pause all" not in text(pilot)
        feed.play(ev.SessionResumed())
        await settled(pilot)
        assert " P pause all" in lines(pilot)[-1]


async def test_a_key_that_lets_go_on_has_one_name_in_footer_and_palette() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        app = pilot.app
        held = next(one.id for one in app.state.nodes.values() if not one.ended and not one.running)  # type: ignore[attr-defined]
        feed.play(ev.NodeHeld(held), ev.SessionPaused())
        app.screen.select(held)  # type: ignore[attr-defined]
        await settled(pilot)
        assert " p let it go on" in lines(pilot)[-1]
        await press(pilot, "colon")
        assert {"go on", "let it go on"} <= {one.name for one in app.screen._offers.all}  # type: ignore[attr-defined]
        assert not {"pause all", "pause"} & {one.name for one in app.screen._offers.all}  # type: ignore[attr-defined]


def test_keys_are_named_as_they_are_printed() -> None:
    assert [key_name(key) for key in ("plus", "question_mark", "ctrl+p", "A")] == ["+", "?", "^p", "A"]
    assert key_name("up", ascii_only=True) == "up"


@pytest.mark.parametrize("key", ["d", "q", "ctrl+q"])
@pytest.mark.chaos
async def test_04_leaving_never_stops_the_session(key: str) -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await pilot.press(key)
        await pilot.pause()
    assert feed.commands == []
    assert feed.closed
    assert pilot.app.return_value == 0


async def test_ctrl_c_leaves_on_the_second_one() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "ctrl+c")
        assert "again" in notices(pilot)[-1]
        assert pilot.app.is_running
        await pilot.press("ctrl+c")
        await pilot.pause()
    assert pilot.app.return_value == 0
    assert feed.commands == []


async def test_a_goes_to_what_waits() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, QuestionScreen)
        await press(pilot, "escape", "question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
    async with opened(awaiting_approval()) as pilot:
        await press(pilot, "2", "a")
        assert isinstance(pilot.app.screen, PlanScreen)


@pytest.mark.chaos
async def test_views_and_forms_change() -> None:
    async with opened(mid_run()) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        for key, view in (("3", "workers"), ("4", "table"), ("5", "log"), ("2", "run"), ("w", "graph"), ("w", "run")):
            await press(pilot, key)
            assert screen.view == view
        graph = screen.query_one(GraphView).graph
        assert graph.form == "columns"
        await press(pilot, "v")
        assert graph.form == "list"
        await press(pilot, "f")
        assert graph.focused
        await press(pilot, "L")
        assert not screen.query_one("#log").display
        await press(pilot, "1")
        assert isinstance(pilot.app.screen, PlanScreen)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)


async def test_the_plan_can_be_edited_or_sent_back_from_its_screen() -> None:
    async with opened(awaiting_approval()) as pilot:
        await press(pilot, "c")
        assert isinstance(pilot.app.screen, LineScreen)
        await press(pilot, "escape", "e")
        assert isinstance(pilot.app.screen, EditScreen)
