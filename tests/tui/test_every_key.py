"""Every key of every screen and dialog, from the tables that they are bound by: none can be missing.

Each action, carried out in every condition that a session can be in, acts or says why not; none raises.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.screen import ModalScreen
from textual.widgets import Input, TextArea

import swarmtui.tui.screens
from swarmtui.host.feed import Feed, Link
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.tui.actions.action import Action, Mode, Scope
from swarmtui.tui.actions.dialogs import ANYWHERE, BY_NAME, DIALOGS, DialogKey
from swarmtui.tui.actions.keymap import fit_keys
from swarmtui.tui.actions.table import BY_ID, Keys
from swarmtui.tui.app import Workbench
from swarmtui.tui.dressed import TWICE_S
from swarmtui.tui.screens.acting import ActionScreen
from swarmtui.tui.screens.asking import ChangeScreen, PermissionScreen
from swarmtui.tui.screens.compare import CompareScreen
from swarmtui.tui.screens.dialogs import CommandScreen, ConfirmScreen, Dialog, EditScreen, LineScreen, QuestionScreen
from swarmtui.tui.screens.jump import JumpScreen
from swarmtui.tui.screens.keys import DialogHelp, HelpScreen
from swarmtui.tui.screens.node import NodeScreen
from swarmtui.tui.screens.palette import Palette
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.screens.sessions import SessionsScreen
from swarmtui.tui.screens.theme_choice import ThemeChoice
from swarmtui.tui.screens.tour import TourScreen
from swarmtui.tui.settings import Read, Settings
from swarmtui.tui.tour import STEPS
from swarmtui.tui.view.offers import Offers
from swarmtui.tui.widgets.bars import HeaderBar
from tests.tui.browsing import browsed, found, held, rested
from tests.tui.opening import Source, notices, opened, press, settled, text
from tests.tui.scripted_agents import agents
from tests.tui.scripted_feed import ScriptedFeed, awaiting_approval, finished, mid_run, planning
from tests.tui.scripted_past import replayed
from tests.tui.scripted_pools import busy
from tests.tui.scripted_scenes import crashed, lost

KEYS = Keys()
AGE = "0:07".__str__
DIALOGS_HERE: dict[str, Callable[[], Dialog[Any]]] = {
    "confirm": lambda: ConfirmScreen("Sure?", "It goes.", "do it"),
    "line": lambda: LineScreen("What?", "say it"),
    "command": lambda: CommandScreen("Run?", "This.", "swarmtui ls", can_run=True),
    "question": lambda: QuestionScreen("Which?", "Choose", ("a", "b"), AGE),
    "permission": lambda: PermissionScreen("May it?", "call", "detail", AGE, "this run"),
    "change": lambda: ChangeScreen("A change", lambda width: [], AGE),
    "edit": lambda: EditScreen("goal: x", lambda text: None),
    "help": lambda: HelpScreen(Scope.RUN),
    "palette": lambda: Palette(Offers([])),
    "theme": ThemeChoice,
    "jump": lambda: JumpScreen([], {}),
    "tour": lambda: TourScreen([(step, (0, 0, 5, 5)) for step in STEPS[Scope.RUN]]),
}
"""Those that can be opened over any session; the others are opened by tests of their own."""


def classes() -> dict[str, list[type[Dialog[Any]]]]:
    """Every dialog there is, by the name of its keys."""
    for module in pkgutil.iter_modules(swarmtui.tui.screens.__path__):
        importlib.import_module(f"swarmtui.tui.screens.{module.name}")
    found: dict[str, list[type[Dialog[Any]]]] = {}
    for kind in below(Dialog):
        if name := getattr(kind, "DIALOG", ""):
            found.setdefault(name, []).append(kind)
    return found


def below(kind: type[Any]) -> Iterator[type[Any]]:
    """All subclasses, except those that tests make."""
    for one in kind.__subclasses__():
        if one.__module__.startswith("swarmtui."):
            yield one
        yield from below(one)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_dialog_of_the_table_has_a_screen_that_does_what_its_keys_say(name: str) -> None:
    kinds = classes().get(name, [])
    assert kinds, f"nothing declares DIALOG = {name!r}"
    for kind in kinds:
        for key in BY_NAME[name].keys:
            if key.ours:
                method = getattr(kind, f"action_{key.does.partition('(')[0]}", None)
                assert callable(method), f"{kind.__name__} has no action {key.does}"


def test_every_dialog_takes_its_keys_from_the_table() -> None:
    own = [
        kind.__name__
        for kind in below(ModalScreen)
        if not issubclass(kind, Dialog) and not inspect.isabstract(kind) and kind.__module__.startswith("swarmtui.")
    ]
    assert not own, f"these bind keys that neither help nor docs/keys.md tell of: {own}"
    assert set(classes()) == set(BY_NAME)


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=() if one in ("confirm", "help") else pytest.mark.chaos) for one in DIALOGS_HERE],
)
async def test_pressing_any_key_of_a_dialog_does_what_the_table_says(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    async with opened(mid_run()) as pilot:
        app = pilot.app
        screen = DIALOGS_HERE[name]()
        app.push_screen(screen)
        await pilot.pause()
        real = app.run_action

        async def record(action: Any, default_namespace: Any = None, namespaces: Any = None) -> bool:
            if default_namespace is screen:
                done.append(action)
                return True
            return await real(action, default_namespace, namespaces)

        monkeypatch.setattr(app, "run_action", record)
        wanted = [(key, one.does) for one in BY_NAME[name].keys if one.ours for key in one.keys]
        for key, does in wanted:
            done.clear()
            await pilot.press(key)
            assert done == [does], f"{key}: {done} rather than {does}"


@pytest.mark.parametrize("name", ["confirm", *(pytest.param(one, marks=pytest.mark.chaos) for one in DIALOGS_HERE)])
async def test_ctrl_c_closes_a_dialog_and_ctrl_q_leaves_from_within_it(name: str) -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        app = pilot.app
        answers: list[Any] = []
        app.push_screen(DIALOGS_HERE[name](), answers.append)
        await settled(pilot)
        await press(pilot, "ctrl+c")
        assert isinstance(app.screen, RunScreen)
        assert answers in ([None], [False])
        assert app.is_running
        app.push_screen(DIALOGS_HERE[name]())
        await settled(pilot)
        await pilot.press("ctrl+q")
        await pilot.pause()
    assert app.return_value == 0
    assert feed.commands == []


async def test_leaving_that_is_asked_for_again_does_not_begin_to_wait_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, answered = list[int](), asyncio.Event()

    async def last_words() -> None:
        waits.append(1)
        await answered.wait()

    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        monkeypatch.setattr(app.sending, "last_words", last_words)
        for _ in range(3):
            app.detach()
            await pilot.pause()
        assert waits == [1]
        answered.set()
        while not app._exit:
            await pilot.pause()


@pytest.mark.parametrize(("seconds", "leaves"), [(TWICE_S, True), (TWICE_S + 1, False)])
async def test_ctrl_c_leaves_when_it_is_pressed_again_soon_whatever_the_wall_clock_says(
    seconds: float, leaves: bool
) -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "ctrl+c")
        feed.now += seconds
        feed.set_by -= 3_600
        await pilot.press("ctrl+c")
        await pilot.pause()
        if not leaves:
            assert [told for told in notices(pilot) if "again leaves" in told] == [
                "ctrl+c again leaves; what runs goes on"
            ]
        assert pilot.app._exit is leaves


@pytest.mark.chaos
async def test_what_is_selected_in_a_field_is_copied_by_ctrl_c_instead() -> None:
    async with opened(mid_run()) as pilot:
        pilot.app.push_screen(LineScreen("What?", "", "draft"))
        await pilot.pause()
        pilot.app.screen.query_one(Input).select_all()
        await press(pilot, "ctrl+c")
        assert isinstance(pilot.app.screen, LineScreen)
        assert pilot.app.clipboard == "draft"
        await press(pilot, "home", "ctrl+c")
        assert isinstance(pilot.app.screen, RunScreen)


async def test_ctrl_c_in_the_editor_keeps_the_text() -> None:
    async with opened(awaiting_approval()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.push_screen(EditScreen("goal: a", lambda text: None))
        await pilot.pause()
        app.screen.query_one(TextArea).load_text("goal: b")
        await press(pilot, "ctrl+c")
        assert app.editing.draft == "goal: b"


async def test_a_text_that_was_mended_elsewhere_is_not_told_to_be_wrong_any_more() -> None:
    async with opened(awaiting_approval()) as pilot:
        editor = EditScreen("nodes: {a: {prompty: x}}", lambda text: None)
        pilot.app.push_screen(editor)
        await pilot.pause()
        editor.show_errors("plan:1:13: unknown key `prompty`")
        await settled(pilot)
        assert "unknown key" in text(pilot)
        editor.replace("nodes: {a: {prompt: x}}")
        await settled(pilot)
        assert "unknown key" not in text(pilot)


@pytest.mark.parametrize("keys", [("ctrl+c", "ctrl+c"), ("ctrl+q",)])
async def test_the_list_of_sessions_is_left_by_the_same_keys(keys: tuple[str, ...]) -> None:
    async with browsed() as pilot:
        for key in keys[:-1]:
            await pilot.press(key)
            await rested(pilot)
            assert pilot.app.is_running
            assert "again leaves" in pilot.app._notifications.__iter__().__next__().message
        await pilot.press(keys[-1])
        await pilot.pause()
    assert pilot.app.return_value is None
    assert not pilot.app.is_running


@pytest.mark.chaos
async def test_f1_tells_the_keys_of_a_dialog() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "X", "f1")
        assert isinstance(pilot.app.screen, DialogHelp)
        shown = text(pilot)
        assert "Leave it" in shown
        assert "On every screen and in every dialog" in shown
        await press(pilot, "escape", "n")
        assert isinstance(pilot.app.screen, RunScreen)


# -- the user's own ---------------------------------------------------------------------------------------------------


def configured(feed: ScriptedFeed, read: Read) -> Workbench:
    """The workbench with what a config file says."""

    async def connect() -> Feed:
        return feed

    return Workbench(connect, theme="swarm-dark", read=read)


async def test_the_users_keys_work_on_screens_in_dialogs_and_everywhere() -> None:
    own = fit_keys({"cancel_session": ("f20",), "confirm.yes": ("j",), "anywhere.leave": ("ctrl+x",), "theme": ()}).own
    feed = mid_run()
    app = configured(feed, Read(Settings(keys=own)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "X", "t")
        assert isinstance(app.screen, RunScreen)
        await press(pilot, "f20", "y")
        assert isinstance(app.screen, ConfirmScreen)
        assert "j: cancel it" in text(pilot)
        await press(pilot, "j")
        assert feed.commands == [("session.cancel", {})]
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert app.is_running
        await pilot.press("ctrl+x")
        await pilot.pause()
    assert app.return_value == 0


async def test_sentences_call_keys_as_the_user_has_them() -> None:
    given = {"cancel_node": ("f20",), "view_run": ("f19",), "line.leave": ("f18",), "find": ("ctrl+k",), "said": ()}
    given |= {"log_level": ("f17",)}
    app = configured(mid_run(), Read(Settings(keys=fit_keys(given).own)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        app.show_node("quality")
        await press(pilot, "r")
        assert notices(pilot)[-1] == "retry: quality is running: cancel it first (F20), or wait"
        await press(pilot, "n")
        assert "^k starts a search" in notices(pilot)[-1]
        await press(pilot, "5", "v")
        assert "F19 shows it" in notices(pilot)[-1]
        await press(pilot, "ctrl+k", *"node:nobody", "enter")
        assert "F17 shows more" in text(pilot)
        await press(pilot, "M")
        assert "F18 leaves it" in text(pilot)
        assert (app.key_of("said"), app.with_keys("{said} {none_such}")) == ("", ":said {none_such}")


async def test_log_workers_and_items_call_keys_as_the_user_has_them() -> None:
    given = {"last": ("f20",), "page_up": ("f19",), "page_down": ("f18",), "back": ("f17",), "open": ("f16",)}
    app = configured(mid_run(), Read(Settings(keys=fit_keys(given | {"widen": ("f15",)}).own)))
    async with app.run_test(size=(80, 16)) as pilot:
        await settled(pilot)
        await press(pilot, "5", "k", "k")
        assert "held, F20 follows" in text(pilot)
        await press(pilot, "3")
        assert ": F19 F18" in text(pilot)
        await press(pilot, "f15")
        assert "F15 or F17: all workers; F16: the node" in text(pilot)
        app.selected = "translate"
        await press(pilot, "4", "f16")
        assert "F17: the nodes" in text(pilot)


async def test_a_lost_link_and_what_applies_to_none_of_many_call_keys_as_the_user_has_them() -> None:
    feed = mid_run()
    app = configured(feed, Read(Settings(keys=fit_keys({"detach": ("f20",), "cancel_node": ("f19",)}).own)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, RunScreen)
        screen.table.turn(["quality", "security"])
        assert "cancel it first (F19), or wait" in (screen.refusal(BY_ID["retry_node"]) or "")
        feed.set_link(Link.RECONNECTING, "nobody answers", retry_at=math.inf)
        await settled(pilot)
        assert "nobody answers; F20 leaves" in text(pilot)


async def test_q_where_the_user_leaves_by_another_key_says_by_which() -> None:
    async with configured(mid_run(), Read(Settings(keys=fit_keys({"detach": ("ctrl+e",)}).own))).run_test() as pilot:
        await settled(pilot)
        await press(pilot, "q")
        assert notices(pilot) == ["quit: here ^e leaves"]


async def test_who_waits_for_a_session_is_told_which_of_the_users_keys_leaves() -> None:
    async def never() -> Feed:
        await asyncio.Event().wait()
        raise AssertionError

    app = Workbench(never, theme="swarm-dark", read=Read(Settings(keys={"anywhere.leave": ("ctrl+x",)})))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        header = app.screen.query_one(HeaderBar)
        header._since -= 60
        assert "^x leaves, what runs goes on" in "".join(part for part, _ in header.shown(100))


async def test_who_is_shown_around_is_told_the_users_keys() -> None:
    app = configured(mid_run(), Read(Settings(keys=fit_keys({"attend": ("f20",)}).own)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, RunScreen)
        app.screen.do_tour()
        await settled(pilot)
        assert isinstance(app.screen, TourScreen)
        assert "something waits for you: then F20" in text(pilot)


async def test_where_one_searches_keys_are_called_as_the_user_has_them() -> None:
    given = {"find_next": ("f20",), "find_previous": ("f19",), "back": ("f18",), "open": ("f17",), "find": ("ctrl+k",)}
    app = configured(busy(), Read(Settings(keys=fit_keys(given).own)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+k")
        assert "enter keeps, F18 clears" in text(pilot)
        await press(pilot, "f18", "5", "ctrl+k")
        assert "F20 F19 go from one to the next" in text(pilot)
        assert "enter keeps, F18 clears" in text(pilot)
        await pilot.press(*"node:x")
        await press(pilot, "enter")
        assert "F18 shows all nodes" in text(pilot)
        app.open_node(next(iter(app.state.nodes)))
        await settled(pilot)
        await press(pilot, "slash")
        assert "F20 F19 go from one to the next; enter keeps, F18 clears" in text(pilot)


async def test_where_there_is_no_text_to_search_the_users_keys_lead_to_what_filters() -> None:
    app = configured(mid_run(), Read(Settings(keys={"back": ("f18",), "open": ("f17",), "find": ("ctrl+k",)})))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        app.open_node("translate")
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, NodeScreen)
        screen.choose("items")
        await settled(pilot)
        await press(pilot, "slash")
        assert notices(pilot)[-1] == "there is no text here; items are filtered on the run: F18, F17, ^k"


async def test_the_timeline_says_with_which_of_the_users_keys_it_goes_on() -> None:
    app = configured(busy(), Read(Settings(keys=fit_keys({"right": ("f19",)}).own)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "6", *["right_curly_bracket"] * 3, "h")
        assert "F19 goes on" in text(pilot)


async def test_pools_and_a_planner_that_gave_up_call_keys_as_the_user_has_them() -> None:
    given = {"pause_session": ("f20",), "cancel_session": ("f18",), "detach": ("f17",)}
    read = Read(Settings(keys=fit_keys(given).own))
    feed = busy()
    app = configured(feed, read)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        feed.play(ev.SessionPaused())
        await press(pilot, "7")
        assert "the session is paused: F20 lets it go on" in text(pilot)
    lost = planning().play(ev.PlanningFailed(1, vocab.ErrorInfo(vocab.ErrorKind.OUTAGE, "gone")))
    app = configured(lost, read)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert "F18 cancels the session; F17 leaves it as it is" in text(pilot)


async def test_a_permission_says_which_of_the_users_keys_allow_and_deny() -> None:
    given = {"permission.once": ("f20",), "permission.deny": ("f19",), "permission.leave": ("f18",)}
    feed = agents()
    del feed.state.pending["change-1"]
    app = configured(feed, Read(Settings(keys=fit_keys(given).own)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "a")
        assert isinstance(app.screen, PermissionScreen)
        told = "F20 allows this call, A this tool for the rest of the session, F19 denies; F18 puts it off"
        assert app.screen.hint == told
        assert "F20 allows this call" in text(pilot)


async def test_what_is_wrong_with_the_users_keys_is_told_at_the_start() -> None:
    app = configured(mid_run(), Read(Settings(), ("config.yaml:2:3: x is no key",)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert "config.yaml:2:3: x is no key" in notices(pilot)


# -- help -------------------------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_help_has_what_applies_first_and_says_why_not_of_the_rest() -> None:
    async with opened(mid_run(), (120, 60)) as pilot:
        await press(pilot, "question_mark", *"mark done")
        assert "only what was cut short can be" in " ".join(text(pilot).split())
        await press(pilot, "escape", "question_mark")
        shown = text(pilot)
        assert shown.index("Hold the node") < shown.index("Run the node again")


# -- the other screens ------------------------------------------------------------------------------------------------


@pytest.mark.chaos
@pytest.mark.parametrize("scope", [Scope.HOME, Scope.COMPARE])
async def test_pressing_any_key_of_the_lists_performs_its_action_and_no_other(
    scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    performed: list[str] = []
    monkeypatch.setattr(ActionScreen, "perform", lambda self, asked: performed.append(asked.id))
    offered = KEYS.in_scope(scope)
    wanted = {key: [action.id] for action in offered for key in KEYS.keys_in(action, Mode.LIVE)}
    done: dict[str, list[str]] = {}
    async with browsed() as pilot:
        if scope is Scope.COMPARE:
            pilot.app.push_screen(CompareScreen(*await held("a", "b")))
            await rested(pilot)
        assert isinstance(pilot.app.screen, CompareScreen if scope is Scope.COMPARE else SessionsScreen)
        for key in wanted:
            performed.clear()
            await pilot.press(key)
            done[key] = list(performed)
    assert done == wanted


# -- every action in every condition ----------------------------------------------------------------------------------


def read_only() -> ScriptedFeed:
    feed = mid_run()
    feed.status.role = "observe"
    return feed


def empty() -> ScriptedFeed:
    return ScriptedFeed()


def past() -> Source:
    return replayed(mid_run(), at=9)


CONDITIONS: dict[str, Callable[[], Source]] = {
    make.__name__: make
    for make in (mid_run, finished, awaiting_approval, planning, crashed, read_only, lost, empty, past)
}
OVER_A_SESSION = (Scope.RUN, Scope.PLAN, Scope.NODE)
LEAVING = {"detach", "quit", "leave"}


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        pytest.param(name, scope, marks=() if (name, scope) == ("empty", Scope.RUN) else pytest.mark.chaos)
        for name in CONDITIONS
        for scope in OVER_A_SESSION
    ],
)
async def test_every_action_acts_or_says_why_in_every_condition(
    name: str, scope: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where screenshots go
    made = CONDITIONS[name]()
    async with opened(made) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        for action in KEYS.all:
            if scope not in action.scopes or action.id in LEAVING:
                continue
            if not (screen := await brought_to(pilot, scope)):
                return  # there is no such screen in this condition
            why, before = screen.refusal(action), len(notices(pilot))
            screen.perform(action)
            await pilot.pause()
            assert app.crash is None, action.id
            assert app.is_running, action.id
            if why is not None:
                assert len(notices(pilot)) > before or any(why[:40] in one for one in notices(pilot)), action.id
        await settled(pilot)


async def brought_to(pilot: Any, scope: Scope) -> ActionScreen | None:
    """The screen of a scope, whatever is open now; None where there is none."""
    app = pilot.app
    while isinstance(app.screen, ModalScreen):
        app.pop_screen()
    if app.screen.SCOPE is not scope:
        match scope:
            case Scope.RUN:
                app.show_run("run")
            case Scope.PLAN:
                app.show_plan()
            case _:
                app.show_run("run")
                app.open_node(next(iter(app.state.nodes), ""))
        await pilot.pause()
    return app.screen if getattr(app.screen, "SCOPE", None) is scope else None


@pytest.mark.chaos
@pytest.mark.parametrize("rows", [[], found()], ids=["none", "some"])
async def test_every_action_on_the_list_of_sessions_acts_or_says_why(
    rows: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with browsed(rows) as pilot:
        app = pilot.app
        monkeypatch.setattr(app, "exit", lambda *_, **__: None)
        for action in KEYS.in_scope(Scope.HOME):
            while not isinstance(app.screen, SessionsScreen):
                app.pop_screen()
            app.screen.perform(action)
            await pilot.pause()
            assert app._exception is None, action.id
        monkeypatch.undo()


def test_the_keys_that_are_the_same_everywhere_are_no_keys_of_screens_or_dialogs() -> None:
    same = {key for one in ANYWHERE.keys for key in one.keys} | {"ctrl+c"}
    told: list[DialogKey] = [one for group in DIALOGS for one in group.keys]
    assert not [one.id for one in told if same & set(one.keys)]
    assert not [action.id for action in KEYS.all if same & set(action.keys)]


# -- every key has an effect ------------------------------------------------------------------------------------------

AT_THE_START = {"up", "page_up", "first", "back"}
"""What leads on from where one begins leads nowhere else."""
HERE = {Scope.RUN: "view_run", Scope.PLAN: "view_plan"}
"""What leads to where one is."""


def effects(pilot: Any) -> object:
    """All that an action may change: what is shown, what was said, what the session was asked."""
    strips = pilot.app.screen._compositor.render_strips()
    shown = [[(segment.text, str(segment.style)) for segment in strip] for strip in strips]
    return len(pilot.app.screen_stack), shown, notices(pilot), list(pilot.app.feed.commands)


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("scope", "action"),
    [
        pytest.param(scope, action, id=f"{scope.name.lower()}-{action.id}")
        for scope in OVER_A_SESSION
        for action in KEYS.all
        if scope in action.scopes and action.id not in LEAVING | AT_THE_START | {HERE.get(scope)}
    ],
)
async def test_every_action_that_can_be_done_does_something_that_is_seen(
    scope: Scope, action: Action, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where screenshots go
    async with opened(mid_run()) as pilot:
        screen = await brought_to(pilot, scope)
        assert screen is not None
        await settled(pilot)
        before = effects(pilot)
        screen.perform(action)
        await settled(pilot)
        assert effects(pilot) != before


async def test_what_a_key_changes_of_the_log_is_told_where_the_log_is_not_seen() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "6", "I", "L")
        assert "the log, once it is seen, shows warnings and failures" in notices(pilot)
        assert "the log is left out where all parts are seen" in notices(pilot)


async def test_on_the_plan_that_waits_one_is_told_that_it_is_this_that_waits() -> None:
    async with opened(awaiting_approval(), review=True) as pilot:
        await press(pilot, "a")
        assert "it is this plan that waits for you" in notices(pilot)
