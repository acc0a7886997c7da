"""Ways on from where one stands: what the palette finds for what was typed, what a crashed session offers and shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual import events

from swarmtui.host.feed import FILES_GONE, Link
from swarmtui.session import events as ev
from swarmtui.session.items import CODE
from swarmtui.session.vocabulary import State, Status
from swarmtui.tui import commands
from swarmtui.tui.actions.action import Context
from swarmtui.tui.actions.table import BY_ID, Keys
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens import dialogs
from swarmtui.tui.screens.dialogs import CommandScreen, ForkScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.view import format as say
from swarmtui.tui.view.cut import LastSeen, as_cut
from swarmtui.tui.view.figures import Origin
from swarmtui.tui.view.forked import fork_words
from swarmtui.tui.view.matching import closeness, places
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.nodes import taken_words, took_s
from tests.tui.opening import lines, notices, opened, press, settled, text, workbench
from tests.tui.scripted_feed import ScriptedFeed, finished, mid_run
from tests.tui.scripted_past import replayed


def crashed() -> ScriptedFeed:
    """Mid-run, when its host was killed."""
    feed = mid_run()
    feed.set_link(Link.ARCHIVE)
    feed.status.seen = Status.CRASHED
    return feed


# -- files that are gone ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", [Link.LIVE, Link.ENDED, Link.CRASHED])
@pytest.mark.parametrize("scene", [finished, mid_run])
async def test_of_a_session_whose_files_are_gone_that_is_said_and_nothing_is_offered_that_needs_them(
    link: Link, scene: Callable[[], ScriptedFeed]
) -> None:
    feed = scene()
    feed.set_link(link)
    feed.set_trouble("the session's files are gone, and so is its host", gone=True)
    async with opened(feed, (120, 40)) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        shown = lines(pilot)
        assert "! the session's files are gone, and so is its host" in shown[1]
        assert not [word for word in ("retry", "resume", "history", "pause", "edit") if word in shown[-1]]
        for key in ("R", "r", "U", "P", "H", "Y", "a"):
            await press(pilot, key)
            assert FILES_GONE in notices(pilot)[-1], key
            assert isinstance(app.screen, RunScreen)
        assert await app.sending.refusal_of(commands.retry_failed()) == f"not sent: {FILES_GONE}"
    assert feed.commands == []


# -- the palette ------------------------------------------------------------------------------------------------------


def test_what_was_typed_is_found_before_what_merely_holds_it() -> None:
    told = [
        ("fork", "Fork it"),
        ("forks", ""),
        ("a fork", ""),
        ("unforked", ""),
        ("new", "Of a fork"),
        ("x", "unforked"),
    ]
    ranks = [closeness("fork", *one) for one in told]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == len(ranks)
    assert ranks[-1] > 0


@pytest.mark.parametrize("typed", ["fork", "fewr", "", "  "])
def test_scattered_letters_and_nothing_find_nothing(typed: str) -> None:
    assert closeness(typed, "fewer", "One worker fewer at once; what runs goes on") == 0


def test_what_was_typed_is_marked_where_a_word_begins_with_it() -> None:
    assert places("own +", "down own (+)") == [(5, 8), (10, 11)]
    assert places("absent", "down") == []


@pytest.mark.parametrize("id", ["export", "compare"])
async def test_what_nobody_hands_in_is_shown_as_a_command(id: str) -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, BY_ID[id].keys[0])
        assert isinstance(pilot.app.screen, CommandScreen)
        assert f"swarmtui {id} " in text(pilot)
        assert "type it in a shell; y copies it" in text(pilot)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, CommandScreen)


@pytest.mark.chaos
async def test_the_palette_carries_out_what_was_typed_and_nothing_else() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        for word in ("fork", "export", "compare"):
            await press(pilot, "colon", *word)
            await press(pilot, "enter")
            screen = pilot.app.screen
            assert isinstance(screen, CommandScreen), word
            assert screen._command.startswith(f"swarmtui {word} ")
            await press(pilot, "escape")
        await press(pilot, "colon", *"resume")
        await press(pilot, "enter")
        assert "its host lives" in notices(pilot)[-1]
        assert feed.commands == []


@pytest.mark.chaos
async def test_enter_never_acts_on_what_was_found_for_what_was_typed_before() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "colon")
        await pilot.press("z", "q", "z", "enter")
        await settled(pilot)
        assert feed.commands == []
        assert notices(pilot) == []


# -- a crashed session ------------------------------------------------------------------------------------------------


def test_20_what_was_under_way_when_the_host_died_is_interrupted_and_the_state_itself_untouched() -> None:
    state = mid_run().state
    before = {name: (node.state, node.running) for name, node in state.nodes.items()}
    cut = as_cut(state)
    assert cut.status is Status.CRASHED
    assert not any(node.running for node in cut.nodes.values() if node.pool != "questions")
    assert not cut.in_flight
    assert sum(cut.counts.values()) == len(cut.nodes)
    for kind in State:
        assert cut.counts.get(kind, 0) == sum(node.state is kind for node in cut.nodes.values())
    for node in cut.nodes.values():
        if node.items is not None:
            assert not node.items.count(State.RUNNING)
            assert sum(node.items.counts.values()) == node.items.total
    assert {name: (node.state, node.running) for name, node in state.nodes.items()} == before


def test_nothing_that_was_due_when_the_host_died_is_due_any_more() -> None:
    cut = as_cut(mid_run().state)
    assert [cut.nodes[name].state for name in ("speed", "tests")] == [State.RETRYING, State.THROTTLED]
    assert [cut.nodes[name].retry_at for name in ("speed", "tests")] == [None, None]


def test_the_items_of_the_state_itself_go_on_as_they_did() -> None:
    state = mid_run().state
    items = state.nodes["translate"].items
    assert items is not None
    codes = items.codes[:]
    as_cut(state)
    assert (items.codes, items.count(State.RUNNING)) == (codes, codes.count(CODE[State.RUNNING]))


def test_what_was_cut_short_is_worked_out_anew_when_the_play_head_has_moved() -> None:
    feed, seen = mid_run(), LastSeen()
    feed.set_link(Link.CRASHED)
    first = seen.of(feed.state, feed.status)
    assert seen.of(feed.state, feed.status) is first
    feed.play(ev.NodeHeld("report"))
    assert seen.of(feed.state, feed.status) is not first


def test_a_fork_asks_again_what_was_asked_and_begins_again_what_ran() -> None:
    told = dict(line.split(": ", 1) for line in fork_words(mid_run().state).split("\n") if ": " in line)
    assert told["asks you again"] == "scope"
    assert "scope" not in " ".join(words for what, words in told.items() if what.startswith("under way"))


def test_what_was_cut_short_took_at_least_as_long_as_is_known() -> None:
    feed = mid_run()
    cut = as_cut(feed.state)
    moment = Moment(feed.now + 500, feed.state.mono)
    assert taken_words(cut.nodes["quality"], moment) == f"{say.took(took_s(cut.nodes['quality'], moment) or 0.0)}+"
    assert taken_words(cut.nodes["scan"], moment) == "1.8s"


@pytest.mark.chaos
async def test_20_a_crashed_session_shows_nothing_at_work_nothing_left_and_a_way_out() -> None:
    chosen: list[list[str]] = []
    app = workbench(crashed())
    app.origin = Origin("gpu-box")
    app.onward._carry_out = chosen.append
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        shown = text(pilot)
        assert "swarmtui resume gpu-box/7f3ak2" in shown
        assert "● " not in shown
        assert " left" not in shown.replace("1 left", "")
        assert "interrupted" in shown
        assert "[a]" not in shown
        await press(pilot, "a")
        assert "r resumes the session" in notices(pilot)[-1]
        await press(pilot, "r")
        assert isinstance(app.screen, CommandScreen)
        await press(pilot, "enter")
    assert chosen == [["resume", "gpu-box/7f3ak2"]]


@pytest.mark.chaos
async def test_20_the_end_of_a_replay_of_a_crashed_session_is_shown_alike_and_what_was_before_as_it_was() -> None:
    source = mid_run()
    async with opened(replayed(source, at=len(source.events))) as pilot:
        assert isinstance(pilot.app, Workbench)
        assert pilot.app.state.status is Status.CRASHED
        await press(pilot, "U")
        assert isinstance(pilot.app.screen, CommandScreen)
        await press(pilot, "escape", "comma", "U")
        assert pilot.app.state.status is Status.RUNNING
        assert "this is the past" in notices(pilot)[-1]


@pytest.mark.chaos
async def test_fork_names_the_event_that_is_shown_and_the_command_can_be_copied() -> None:
    async with opened(replayed(finished(), at=9)) as pilot:
        await press(pilot, "Y")
        screen = pilot.app.screen
        assert isinstance(screen, CommandScreen)
        assert screen._command == "swarmtui fork 7f3ak2 --at 9"
        await press(pilot, "enter")
        assert pilot.app.screen is screen, "nothing carries it out here"
        await press(pilot, "y")
        assert "clipboard" in notices(pilot)[-1]


@pytest.mark.parametrize(
    ("link", "status", "why"),
    [
        (Link.LIVE, Status.RUNNING, "its host lives"),
        (Link.LIVE, Status.PAUSED, "P lets the session go on"),
        (Link.RECONNECTING, Status.RUNNING, "no link"),
        (Link.ENDED, Status.SUCCEEDED, "nothing to go on with"),
        (Link.ARCHIVE, Status.FAILED, None),
        (Link.ARCHIVE, Status.PAUSED, None),
    ],
)
def test_resume_says_why_it_does_not_apply(link: Link, status: Status, why: str | None) -> None:
    feed = mid_run()
    feed.set_link(link)
    feed.state.status = status
    told = BY_ID["resume"].refusal(Context(feed.state, feed.status, with_keys=Keys().in_words))
    assert told is None if why is None else why in (told or "")
    assert "recording" in (BY_ID["resume"].refusal(Context(feed.state, feed.status, imported=True)) or "")


# -- a link that is lost ----------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_12_an_answer_given_while_the_link_is_lost_is_told_to_be_sent_later() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "a")
        feed.set_link(Link.RECONNECTING, "the link is lost")
        await press(pilot, "enter")
        assert "this will be sent once it is back" in notices(pilot)[0]
        assert [method for method, _ in feed.commands] == ["answer"]


@pytest.mark.chaos
async def test_how_long_a_question_has_waited_goes_on_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogs, "AGE_EVERY_S", 0.2)
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "a")
        box = pilot.app.screen.query_one(".dialog")
        before = str(box.border_subtitle)
        feed.now += 7_200
        while str(box.border_subtitle) == before:
            await asyncio.sleep(0.01)
        assert "2h ago" in str(box.border_subtitle)


# -- a fork -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "more"), [("enter", []), ("e", ["--edit"]), ("p", ["--paused"])])
async def test_a_fork_says_what_is_kept_and_runs_waits_or_is_edited_first(key: str, more: list[str]) -> None:
    chosen: list[list[str]] = []
    source = mid_run()
    app = workbench(replayed(source, at=60))
    app.onward._carry_out = chosen.append
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "Y")
        assert isinstance(app.screen, ForkScreen)
        shown = text(pilot)
        for words in ("kept, and not paid again: scan", "begins again", "asks you again: scope", "still to run: "):
            assert words in shown
        await press(pilot, key)
    assert chosen == [["fork", "7f3ak2", "--at", "60", *more]]


@pytest.mark.parametrize(("before", "told"), [(("enter",), "held down"), ((), "together with others")])
async def test_an_enter_that_came_with_what_opened_a_command_carries_nothing_out(
    before: tuple[str, ...], told: str
) -> None:
    chosen: list[list[str]] = []
    app = workbench(mid_run())
    app.onward._carry_out = chosen.append
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, *before)
        app.onward.fork()
        for key in before or ("x", "enter"):
            app.post_message(events.Key(key, None))
        await settled(pilot)
        assert isinstance(app.screen, ForkScreen)
        assert told in notices(pilot)[-1]
    assert chosen == []
