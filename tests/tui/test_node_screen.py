"""Everything about one node can be read on its screen: what went in, each attempt, tools, cost, files, items."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from swarmtui.host.feed import Link, NotFetched
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.session.vocabulary import Chunk
from swarmtui.tui import node_reading
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.dialogs import LineScreen
from swarmtui.tui.screens.node import NodeScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.widgets.tabs import TabBar
from tests.tui.opening import SIZE, Source, lines, notices, opened, press, settled, text
from tests.tui.scripted_agents import agents
from tests.tui.scripted_feed import (
    REVIEW,
    WORKER,
    ScriptedFeed,
    approved,
    awaiting_approval,
    finished,
    mid_run,
    output,
    usage,
)
from tests.tui.scripted_past import replayed


async def at(pilot: Pilot[int], node: str, tab: str = "output") -> NodeScreen:
    """Open a node at a tab, by keys."""
    app = pilot.app
    assert isinstance(app, Workbench)
    app.open_node(node)
    await settled(pilot)
    screen = app.screen
    assert isinstance(screen, NodeScreen)
    wanted = next(name for name, _ in screen.tabs if name == tab)
    if wanted != screen.tab:
        screen.choose(wanted)
        await settled(pilot)
    return screen


def tried() -> ScriptedFeed:
    """A node that gave something, was found wanting, and gave something better."""
    feed = approved(REVIEW)
    feed.play(ev.AttemptStarted("scan", 1, pool="commands"), ev.AttemptSucceeded("scan", 1, output("a.py"), took_s=1))
    wrong = vocab.ErrorInfo(vocab.ErrorKind.CHECK, "the check misses a conclusion")
    feed.play(ev.AttemptStarted("quality", 1, pool=WORKER, model=WORKER, queue_s=2.0, throttle_s=1.0), after=2)
    first = output("The code is good.\nNothing else.")
    feed.play(ev.AttemptFailed("quality", 1, wrong, took_s=9, retry_in_s=0, usage=usage(), output=first), after=9)
    feed.play(ev.AttemptStarted("quality", 2, pool=WORKER, model=WORKER), after=1)
    told = replace(usage(), first_token_s=1.5)
    better = output("The code is fair.\nNothing else.")
    return feed.play(ev.AttemptSucceeded("quality", 2, better, took_s=6, usage=told), after=6)


# -- attempts ------------------------------------------------------------------------------------------------------


async def test_each_attempt_can_be_read_with_its_error_and_what_it_gave() -> None:
    async with opened(tried()) as pilot:
        await at(pilot, "quality", "attempts")
        assert "try 2, ok after 6.0s" in text(pilot)
        assert "The code is fair." in text(pilot)
        await press(pilot, "j")
        assert "try 1, failed after 9.0s" in text(pilot)
        assert "check: the check misses a conclusion" in text(pilot)
        assert "The code is good." in text(pilot)


@pytest.mark.chaos
async def test_two_attempts_stand_side_by_side_and_then_what_differs() -> None:
    async with opened(tried()) as pilot:
        await at(pilot, "quality", "attempts")
        await press(pilot, "v")
        assert [line for line in lines(pilot) if "try 1, failed" in line and "try 2, ok" in line]
        await press(pilot, "v")
        shown = text(pilot)
        assert "- The code is good." in shown
        assert "+ The code is fair." in shown
        await press(pilot, "v")
        assert "- The code is good." not in text(pilot)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.chaos
async def test_attempts_side_by_side_have_legends_and_their_markdown_drawn(columns: int) -> None:
    feed = tried()
    feed.play(ev.AttemptStarted("quality", 3, model=WORKER, queue_s=2.5, throttle_s=1.5), after=1)
    third = output("# Judgement\n\nThe code is **bad**.\n\n- one\n- two\n\n1. three\n2. four")
    feed.play(ev.AttemptSucceeded("quality", 3, third, took_s=5), after=5)
    async with opened(feed, size=(columns, 24)) as pilot:
        await at(pilot, "quality", "attempts")
        await press(pilot, "v")
        assert "try 2, ok" in text(pilot), "it is read from its beginning"
        assert "queue 2.5s  ▒ throttle 1.5s" in text(pilot)
        assert "# Judgement" not in text(pilot)
        assert [line for line in lines(pilot) if "The code is fair." in line and "Judgement" in line]
        assert "The code is bad." in text(pilot)


@pytest.mark.chaos
async def test_which_attempt_the_others_are_held_against_is_chosen() -> None:
    feed = tried()
    feed.play(ev.AttemptStarted("quality", 3, model=WORKER), after=1)
    feed.play(ev.AttemptSucceeded("quality", 3, output("The code is bad.\nNothing else."), took_s=5), after=5)
    async with opened(feed) as pilot:
        await at(pilot, "quality", "attempts")
        await press(pilot, "v", "v")
        assert "- The code is fair." in text(pilot)
        await press(pilot, "j", "j", "K", "k", "k")
        assert "- The code is good." in text(pilot)
        assert "+ The code is bad." in text(pilot)


@pytest.mark.chaos
async def test_enter_gives_what_is_told_of_an_attempt_all_the_room_and_esc_the_table_back() -> None:
    async with opened(tried()) as pilot:
        await at(pilot, "quality", "attempts")
        await press(pilot, "enter")
        assert "how it ended" not in text(pilot)
        await press(pilot, "escape")
        assert "how it ended" in text(pilot)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.chaos
async def test_an_earlier_attempt_stays_readable_while_the_node_runs_again() -> None:
    feed = tried()
    async with opened(feed) as pilot:
        await at(pilot, "quality", "attempts")
        feed.play(ev.NodeRetried("quality"), ev.AttemptStarted("quality", 3, model=WORKER), after=1)
        feed.say("quality", "On it once more", attempt=3)
        await settled(pilot)
        await press(pilot, "g")
        assert "try 3, running for" in text(pilot)
        assert "On it once more" in text(pilot)
        await press(pilot, "j", "j")
        assert "The code is good." in text(pilot)


@pytest.mark.chaos
async def test_the_whole_of_an_earlier_output_is_fetched_by_its_key() -> None:
    feed = tried()
    long = vocab.Output("The beginning", 5_000, sha="abc")
    feed.play(ev.AttemptStarted("quality", 3, model=WORKER), ev.AttemptSucceeded("quality", 3, long, took_s=1))
    feed.shelf.blobs["abc"] = b"The beginning and the end"
    async with opened(feed) as pilot:
        await at(pilot, "quality", "attempts")
        assert "The beginning and the end" in text(pilot)


# -- prompt, cost, tools, files, items -----------------------------------------------------------------------------


async def test_the_prompt_is_shown_as_it_is_sent_and_as_it_is_written() -> None:
    async with opened(tried()) as pilot:
        await at(pilot, "quality", "prompt")
        shown = text(pilot)
        assert "Look at ⟦a.py⟧ and write" in shown
        assert "what its needs gave" in shown
        await press(pilot, "v")
        assert "⟦" not in text(pilot)
        assert "{{ scan.output }}" in text(pilot)


async def test_what_is_said_above_a_map_and_its_prompt_is_wrapped_on_a_narrow_screen() -> None:
    async with opened(mid_run(), (60, 15)) as pilot:
        await at(pilot, "translate")
        told = " ".join(text(pilot).split())
        assert "once all items have ended; S-tab leads to the items" in told
        assert "31/s, 25 s left, 6 running" in told
        await at(pilot, "translate", "prompt")
        assert "as it is sent, what is put in ⟦marked⟧; v: as it is written" in " ".join(text(pilot).split())


async def test_cost_tells_where_time_and_money_went() -> None:
    async with opened(tried()) as pilot:
        await at(pilot, "quality", "cost")
        shown = text(pilot)
        for words in ("queue", "throttle", "first token", "generation", "together", "6,200", "$0.0038", "each attempt"):
            assert words in shown
        assert "18.0s" in shown or "0:18" in shown


async def test_a_tool_call_is_opened_and_read_whole() -> None:
    feed = agents()
    call = ev.CallHead("c9", "web_search", '{"query": "hot')
    feed.play(
        ev.AgentStepped("hotels-north", 1, "assistant", "a1", agent="self", calls=(call,)),
        ev.ToolCalled("hotels-north", 1, "self", "c9", "web_search", why="a rule of the plan"),
        ev.AgentStepped("hotels-north", 1, "tool", "a2", call="c9", said="Three ho", ok=False),
    )
    asked = {"role": "assistant", "calls": [{"id": "c9", "name": "web_search", "arguments": '{"query": "hotels"}'}]}
    feed.shelf.blobs["a1"] = json.dumps(asked).encode()
    feed.shelf.blobs["a2"] = json.dumps({"role": "tool", "content": "Three hotels by the river"}).encode()
    async with opened(feed) as pilot:
        await at(pilot, "hotels-north", "tools")
        assert "● run" in text(pilot)
        await press(pilot, "j")
        shown = text(pilot)
        for words in ("✗ ERR", '{"query": "hotels"}', "Three hotels by the river", "a rule of the plan"):
            assert words in shown


async def test_a_recorded_call_that_nobody_can_read_ends_nothing() -> None:
    feed = agents()
    feed.play(
        ev.AgentStepped("hotels-north", 1, "assistant", "a1", agent="self", calls=(ev.CallHead("c9", "find", "{"),)),
        ev.AgentStepped("hotels-north", 1, "tool", "a2", call="c9", said="Three ho"),
    )
    feed.shelf.blobs["a1"] = feed.shelf.blobs["a2"] = b"[" * 100_000
    async with opened(feed) as pilot:
        await at(pilot, "hotels-north", "tools")
        await press(pilot, "j")
        assert "Three ho" in text(pilot)


async def test_files_are_listed_with_sizes_and_read() -> None:
    feed = tried()
    feed.shelf.by_node["quality"] = {"notes.md": b"# Notes\nall of them", "output.txt": b"x" * 2_000}
    async with opened(feed) as pilot:
        await at(pilot, "quality", "files")
        shown = text(pilot)
        for words in ("notes.md", "output.txt", "2.0 kB", "all of them"):
            assert words in shown
        await press(pilot, "j")
        assert "xxxx" in text(pilot)


async def test_an_item_opens_into_its_own_attempts_and_what_it_is() -> None:
    feed = approved(REVIEW)
    feed.play(ev.AttemptStarted("scan", 1), ev.AttemptSucceeded("scan", 1, output("a")))
    feed.play(ev.MapExpanded("translate", 3, (Chunk("items", 3),)))
    feed.shelf.blobs["items"] = b'{"doc": "one"}\n{"doc": "two"}\n{"doc": "three"}'
    wrong = vocab.ErrorInfo(vocab.ErrorKind.MALFORMED, "the reply is not JSON")
    for item in range(3):
        feed.play(ev.AttemptStarted("translate", 1, item, model=WORKER))
    feed.play(ev.AttemptFailed("translate", 1, wrong, 1, 2.0), ev.AttemptSucceeded("translate", 1, output("eins"), 0))
    async with opened(feed) as pilot:
        await at(pilot, "translate", "items")
        await press(pilot, "enter")
        screen = pilot.app.screen
        assert isinstance(screen, NodeScreen)
        assert screen.item == 1
        assert "translate ▸ item 1  failed · the reply is not JSON" in text(pilot)
        await press(pilot, "tab", "tab")
        assert "item 1, try 1, failed after 2.0s" in text(pilot)
        assert screen.body.reading.inserted().item == {"doc": "two"}
        await press(pilot, "escape")
        assert pilot.app.screen is not screen


async def test_of_an_item_is_gone_back_to_where_its_attempts_began(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_reading, "EVENTS", 200)
    feed = mid_run()
    first = next(one.body for one in feed.events if getattr(one.body, "node", None) == "translate"
                 and isinstance(one.body, ev.AttemptStarted))  # fmt: skip
    async with opened(feed) as pilot:
        screen = NodeScreen("translate", first.item)
        await pilot.app.push_screen(screen)
        await settled(pilot)
        assert first in [one.body for one in screen.body.reading.events]


async def test_what_a_node_was_asked_for_comes_though_an_item_of_it_is_opened_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed, far = mid_run(), asyncio.Event()
    before = feed.events_before

    async def slow(seq: int, limit: int, node: str | None = None) -> list[ev.Event]:
        await far.wait()
        return await before(seq, limit, node)

    async with opened(feed) as pilot:
        monkeypatch.setattr(feed, "events_before", slow)
        app = pilot.app
        assert isinstance(app, Workbench)
        app.open_node("translate")
        await pilot.pause()
        outer = app.screen
        assert isinstance(outer, NodeScreen)
        await app.push_screen(NodeScreen("translate", 0))
        await pilot.pause()
        far.set()
        await settled(pilot)
        assert outer.body.reading.events


@pytest.mark.chaos
async def test_tabs_are_chosen_with_the_mouse() -> None:
    async with opened(tried()) as pilot:
        screen = await at(pilot, "quality")
        line = next(line for line in lines(pilot) if "Attempts" in line)
        await pilot.click(TabBar, offset=(line.index("Attempts") + 2, 0))
        await settled(pilot)
        assert screen.tab == "attempts"
        await pilot.click("#items", offset=(6, 2))
        await settled(pilot)
        assert "try 1, failed" in text(pilot)


@pytest.mark.chaos
async def test_every_pane_follows_while_the_node_runs() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await at(pilot, "quality", "events")
        feed.play(ev.AttemptFailed("quality", 1, vocab.ErrorInfo(vocab.ErrorKind.TIMEOUT, "too slow"), took_s=3))
        await settled(pilot)
        assert "timeout: too slow" in text(pilot)
        await press(pilot, "shift+tab", "shift+tab")
        assert "try 1, failed" in text(pilot)


# -- nothing to show says why --------------------------------------------------------------------------------------


EMPTY = {
    "output": "it has given nothing yet",
    "attempts": "it has not been tried yet",
    "cost": "nothing was spent",
    "events": "nothing has happened to it yet",
    "log": "only commands and code write one",
    "files": "it has not run yet: it has no files",
}


@pytest.mark.chaos
async def test_an_empty_tab_says_why() -> None:
    async with opened(mid_run()) as pilot:
        screen = await at(pilot, "report")
        for tab, _ in screen.tabs:
            screen.choose(tab)
            await settled(pilot)
            assert EMPTY.get(tab, "") in text(pilot)


async def test_what_cannot_be_fetched_is_said_where_it_would_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = tried()

    async def fails(*asked: object) -> str:
        raise NotFetched("the host is of an older version")

    monkeypatch.setattr(feed, "log_tail", fails)
    monkeypatch.setattr(feed.shelf, "files", fails)
    async with opened(feed) as pilot:
        await at(pilot, "scan", "log")
        assert "the log could not be fetched: the host is of an older version" in text(pilot)
        await press(pilot, "tab")
        assert "its files could not be fetched: the host is of an older version" in text(pilot)


@pytest.mark.chaos
async def test_a_replay_shows_the_attempts_there_were_by_then() -> None:
    feed = tried()
    moment = next(event.seq for event in feed.events if isinstance(event.body, ev.AttemptFailed))
    source: Source = replayed(feed, at=moment)
    async with opened(source) as pilot:
        await at(pilot, "quality", "attempts")
        assert "try 1, retrying after 9.0s" in text(pilot)
        assert "try 2" not in "".join(lines(pilot)[3:])
        await press(pilot, "G")
        assert "try 2, ok" in text(pilot)
        feed.shelf.by_node["quality"] = {"a.txt": b"x"}
        await press(pilot, "tab", "tab", "tab", "tab")
        assert "what they were at this moment is not kept" in text(pilot)


@pytest.mark.chaos
async def test_an_archive_is_read_as_a_live_session_is() -> None:
    feed = finished()
    feed.set_link(Link.ARCHIVE)
    async with opened(feed) as pilot:
        await at(pilot, "security", "attempts")
        assert "refused: 401 from api.deepseek.com" in text(pilot)


# -- out of the screen ---------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_what_is_shown_is_what_is_copied() -> None:
    async with opened(tried()) as pilot:
        await at(pilot, "quality", "attempts")
        await press(pilot, "j", "y")
        assert "The code is good." in pilot.app.clipboard
        assert "try 1 of quality was sent to the terminal's clipboard" in notices(pilot)[-1]


@pytest.mark.chaos
async def test_what_is_shown_is_written_to_a_file_and_nothing_is_written_over_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path
    monkeypatch.chdir(folder)
    async with opened(tried()) as pilot:
        await at(pilot, "quality")
        await press(pilot, "dollar_sign")
        assert isinstance(pilot.app.screen, LineScreen)
        await press(pilot, "enter")
        name = "output-of-quality.txt"
        assert (folder / name).read_text() == "The code is fair.\nNothing else."
        (folder / name).write_text("mine")
        await press(pilot, "dollar_sign", "enter")
        assert "is there already" in text(pilot)
        await press(pilot, "n")
        assert (folder / name).read_text() == "mine"
        await press(pilot, "dollar_sign", "enter", "y")
        assert (folder / name).read_text() == "The code is fair.\nNothing else."


async def test_a_file_in_the_home_of_nobody_is_told_and_can_be_named_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(tried()) as pilot:
        await at(pilot, "quality")
        await press(pilot, "dollar_sign")
        pilot.app.screen.query_one(Input).value = "~nobody-of-that-name/out.txt"
        await press(pilot, "enter")
        assert "~nobody-of-that-name/out.txt was not written: No such file" in notices(pilot)[-1]


@pytest.mark.chaos
async def test_without_a_terminal_the_editor_says_so() -> None:
    async with opened(tried()) as pilot:
        await at(pilot, "quality")
        await press(pilot, "ampersand")
        assert "no editor can run here" in notices(pilot)[-1]


@pytest.mark.chaos
@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 12)])
async def test_all_tabs_can_be_drawn_at_every_size(size: tuple[int, int]) -> None:
    for feed, node in ((tried(), "quality"), (mid_run(), "translate"), (agents(), "hotels-north")):
        async with opened(feed, size) as pilot:
            screen = await at(pilot, node)
            for _ in screen.tabs:
                await press(pilot, "tab", "v")
                assert pilot.app.is_running
    assert SIZE


async def test_what_an_attempt_takes_is_told_while_it_runs() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await at(pilot, "quality", "cost")
        shown = text(pilot)
        assert "no model was called" not in shown
        assert "0:39  by now" in shown
        assert "tokens out, estimated from what it has said" in shown


async def test_a_title_that_does_not_fit_says_so() -> None:
    feed = mid_run()
    broke = vocab.ErrorInfo(vocab.ErrorKind.OUTAGE, "the provider closed the connection " * 5)
    feed.play(ev.AttemptFailed("security", 1, broke, took_s=9), after=1)
    async with opened(feed, (80, 24)) as pilot:
        await at(pilot, "security")
        head = next(line for line in lines(pilot) if "security" in line and "fail" in line)
        assert head.rstrip().endswith("…")


async def test_a_node_that_vanishes_beneath_a_dialog_takes_its_screen_along_and_not_the_dialog() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        screen = await at(pilot, "publish")
        above = LineScreen("Mark this moment", "")
        pilot.app.push_screen(above)
        await settled(pilot)
        assert feed.state.plan is not None
        shorter = replace(feed.state.plan, nodes=feed.state.plan.nodes[:-1])
        feed.play(ev.PlanProposed(3, shorter, "edited"), actor="ada@laptop")
        await settled(pilot)
        assert pilot.app.screen is above
        await press(pilot, "escape")
        assert screen not in pilot.app.screen_stack


@pytest.mark.parametrize(
    ("log", "told"), [("halfway there", "halfway there"), ("", "it was cancelled before it gave anything")]
)
async def test_of_a_node_that_was_cancelled_it_is_shown_what_it_had_written(log: str, told: str) -> None:
    feed = mid_run()
    feed.logs["lint"] = log
    feed.play(ev.NodeCancelled("lint"), ev.AttemptCancelled("lint", 1), after=1)
    async with opened(feed) as pilot:
        pilot.app.open_node("lint")  # type: ignore[attr-defined]
        await settled(pilot)
        assert told in text(pilot)
        assert "it gave nothing" not in text(pilot)


async def test_what_a_broken_link_kept_back_comes_once_there_is_one_again(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = approved(REVIEW)
    feed.play(ev.AttemptStarted("scan", 1, pool="commands"))
    feed.play(ev.AttemptSucceeded("scan", 1, vocab.Output("its beginning", 5_000, sha="5a" * 32), took_s=1))
    asked, answer = list[Link](), feed.output

    async def give(node: str, item: int | None = None) -> str:
        asked.append(feed.status.link)
        if feed.status.link is not Link.LIVE:
            raise ConnectionError("broken")
        return await answer(node, item)

    feed.outputs["scan"] = "all that it gave"
    monkeypatch.setattr(feed, "output", give)
    feed.set_link(Link.RECONNECTING, "the ssh connection ended")
    async with opened(feed) as pilot:
        await at(pilot, "scan")
        assert "the link is lost" in text(pilot)
        pilot.app._frame(force=True)  # type: ignore[attr-defined]
        await settled(pilot)
        assert asked == [Link.RECONNECTING]
        feed.set_link(Link.LIVE)
        await settled(pilot)
        assert asked == [Link.RECONNECTING, Link.LIVE]
        assert "all that it gave" in text(pilot)
        assert "the link is lost" not in text(pilot)
        pilot.app._frame(force=True)  # type: ignore[attr-defined]
        await settled(pilot)
        assert len(asked) == 2
