"""A past as a feed: what is played, and when; marks, streamed text, outputs, and the way back to the live session."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

import swarmtui
from swarmtui.host.feed import CommandRefused, FeedStatus, Link
from swarmtui.host.file_past import FilePast
from swarmtui.host.past import Past
from swarmtui.host.replay import ReplayFeed
from swarmtui.host.spreading import Spreading
from swarmtui.host.wire_past import WirePast
from swarmtui.plan.model import Node, Plan, PromptSpec
from swarmtui.session import fold
from swarmtui.session.build import FileBuilder
from swarmtui.session.errors import LogError
from swarmtui.session.events import (
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    Body,
    Event,
    HostStarted,
    MarkerSet,
    NodeRetried,
    Noted,
    SessionPaused,
)
from swarmtui.session.folder import SessionFolder
from swarmtui.session.marks import MarkKind
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output, Status
from tests.fakes.llm import Answer, FakeLLM
from tests.host.pasts import BEGAN, Clock, MemoryPast, beginning, ended, recorded, worked
from tests.host.sessions import LiveSession, chain, live_session, until

FAILED = ErrorInfo(ErrorKind.EXIT, "exit code 1", 1)


@asynccontextmanager
async def replaying(*bodies: tuple[float, Body], **options: object) -> AsyncIterator[tuple[ReplayFeed, Clock]]:
    """A feed over these events that stands at its beginning, and the clock by which it plays."""
    events, clock = recorded(*bodies), Clock()
    feed = ReplayFeed(MemoryPast(events), head=len(events), clock=clock, **options)  # type: ignore[arg-type]
    await feed.settled()
    assert feed.drain().reset
    yield feed, clock
    await feed.close()


async def reached(feed: ReplayFeed) -> int:
    """The seq at which it stands once what was asked for is read."""
    await feed.settled()
    feed.drain()
    return feed.state.seq


def playing(feed: ReplayFeed) -> bool:
    assert feed.status.play is not None
    return feed.status.play.playing


# -- playing --------------------------------------------------------------------------------------------------


async def test_29_played_events_come_when_they_came_and_the_last_one_ends_the_play() -> None:
    bodies = [*beginning("a"), *worked("a", "0123456789", 1.0, 1.0), *ended()]
    async with replaying(*bodies) as (feed, clock):
        feed.play()
        seen = []
        for _ in range(9):
            clock.now += 0.25
            seen.append([event.seq for event in feed.drain().events])
        assert seen == [[2, 3, 4], [], [], [5], [], [], [], [6, 7], []]
        assert not playing(feed)
        assert state_hash(feed.state) == state_hash(fold.fold(recorded(*bodies)))


async def test_29_played_at_its_end_it_begins_anew() -> None:
    async with replaying(*beginning("a"), (1.0, Noted("info", "x")), at=5) as (feed, _):
        feed.play()
        assert await reached(feed) == 4  # the first four are of the same moment
        assert playing(feed)


async def test_29_play_stops_where_it_was_told_to_and_goes_on_from_there() -> None:
    async with replaying(*beginning("a"), *[(1.0, Noted("info", "x"))] * 4, until=6) as (feed, clock):
        feed.play()
        clock.now += 100.0
        assert [event.seq for event in feed.drain().events] == [2, 3, 4, 5, 6]
        assert not playing(feed)
        feed.play()
        clock.now += 100.0
        assert [event.seq for event in feed.drain().events] == [7, 8]


async def test_29_speed_limit_and_idle_limit_change_in_the_midst_of_a_gap() -> None:
    async with replaying(*beginning("a"), (8.0, Noted("info", "x")), at=4, idle_limit=None) as (feed, clock):
        feed.play()
        clock.now += 2.0
        feed.drain()
        assert feed.clock() == BEGAN + 2.0
        feed.set_speed(4.0)
        clock.now += 0.5
        feed.drain()
        assert feed.clock() == BEGAN + 4.0
        feed.set_idle_limit(2.0)  # half of the gap is over: one of two seconds is left, a quarter of one at this speed
        clock.now += 0.125
        feed.drain()
        assert (feed.state.seq, feed.clock()) == (4, BEGAN + 6.0)
        clock.now += 0.125
        feed.drain()
        assert feed.state.seq == 5


async def test_29_who_waits_is_woken_by_the_next_event_and_not_before() -> None:
    events = recorded(*beginning("a"), *[(0.02, Noted("info", "x"))] * 3)
    feed = await ReplayFeed.open(MemoryPast(events), at=4)
    feed.drain()
    feed.play()
    feed.drain()
    while feed.state.seq < 7:
        await asyncio.wait_for(feed.wait(), 10)
        assert feed.drain()
    await feed.close()


async def test_29_a_long_past_is_read_page_by_page_and_played_whole() -> None:
    bodies = [*beginning("a"), *[(0.001, Noted("info", "x"))] * 5_000]
    async with replaying(*bodies, speed=64.0) as (feed, clock):
        feed.play()
        seen: list[int] = [1]
        for _ in range(200):
            clock.now += 0.1
            seen += [event.seq for event in feed.drain().events]
            await feed.settled()
        assert seen == list(range(1, 5_005))


# -- going to places ------------------------------------------------------------------------------------------


async def test_29_a_time_is_the_last_event_by_then() -> None:
    async with replaying(*beginning("a"), (1.0, Noted("info", "x")), (1.0, Noted("info", "y"))) as (feed, _):
        for mono, seq in ((1.5, 5), (1.0, 5), (0.999, 4), (-3.0, 1), (99.0, 6), (2.0, 6)):
            feed.seek_time(mono)
            assert await reached(feed) == seq
        feed.seek_time(1.5)
        feed.step(1)  # before it is known where that is
        assert await reached(feed) == 6


async def test_29_marks_are_gone_to_forwards_and_backwards() -> None:
    bodies: list[tuple[float, Body]] = [
        *beginning("a"),
        (1.0, AttemptStarted("a", 1)),
        (1.0, AttemptFailed("a", 1, FAILED, retry_in_s=0.5)),
        (1.0, Noted("info", "x")),
        (1.0, MarkerSet("look here")),
        (1.0, Noted("info", "y")),
    ]
    async with replaying(*bodies) as (feed, _):
        assert feed.status.play is not None
        marks = [(mark.seq, mark.kind) for mark in feed.status.play.marks]
        kinds = MarkKind.APPROVAL, MarkKind.APPROVAL, MarkKind.RETRY, MarkKind.USER
        assert marks == list(zip((3, 4, 6, 8), kinds, strict=True))
        for seq in (3, 4, 6, 8):
            mark = feed.seek_mark(1)
            assert mark is not None
            assert (mark.seq, await reached(feed)) == (seq, seq)
        assert feed.seek_mark(1) is None
        assert await reached(feed) == 8
        feed.step(1)
        for seq in (8, 6, 4, 3):
            assert feed.seek_mark(-1) is not None
            assert await reached(feed) == seq
        assert feed.seek_mark(-1) is None


async def test_29_play_pauses_on_marks_where_that_is_wanted() -> None:
    bodies = [(1.0, Noted("info", "x")), (1.0, MarkerSet("here")), (1.0, Noted("info", "y"))]
    async with replaying(*beginning("a"), *bodies, at=4, pause_on_marks=True) as (feed, clock):
        feed.play()
        clock.now += 100.0
        feed.drain()
        assert (feed.state.seq, playing(feed)) == (6, False)
        feed.play()
        clock.now += 100.0
        feed.drain()
        assert feed.state.seq == 7


async def test_29_steps_ahead_hand_out_their_events_and_a_way_back_is_a_new_state() -> None:
    async with replaying(*beginning("a"), *[(1.0, Noted("info", "x"))] * 4) as (feed, _):
        feed.step(3)
        await feed.settled()
        changes = feed.drain()
        assert ([event.seq for event in changes.events], changes.reset) == ([2, 3, 4], False)
        feed.step(-2)
        await feed.settled()
        changes = feed.drain()
        assert (changes.events, changes.reset, feed.state.seq) == ((), True, 2)


class BrokenPast(MemoryPast):
    """Its later half cannot be read."""

    async def state_at(self, seq: int) -> object:  # type: ignore[override]
        if seq > len(self.recorded) // 2:
            raise LogError("event 6 was changed")
        return await super().state_at(seq)


async def test_29_what_cannot_be_read_is_told_and_the_rest_can_be_gone_to() -> None:
    events = recorded(*beginning("a"), *[(1.0, Noted("info", "x"))] * 6_000)
    feed = ReplayFeed(BrokenPast(events), head=len(events), clock=Clock())
    await feed.settled()
    feed.seek(6_000)
    with pytest.raises(LogError, match="event 6 was changed"):
        await feed.settled()
    assert (feed.state.seq, feed.status.note) == (1, "event 6 was changed")
    feed.seek(2)
    assert await reached(feed) == 2
    assert feed.status.note == ""
    await feed.close()


# -- what there was to see ------------------------------------------------------------------------------------


async def test_29_while_an_attempt_ran_its_output_appears_bit_by_bit_and_never_before() -> None:
    async with replaying(*beginning("a"), *worked("a", "0123456789", 10.0), at=4, idle_limit=None) as (feed, clock):
        assert feed.drain().streams == ()
        feed.play()
        said = ""
        for seconds, so_far in ((0.5, ""), (1.0, "0"), (2.5, "0123"), (5.5, "012345678"), (1.0, "0123456789")):
            clock.now += seconds
            for piece in feed.drain().streams:
                assert (piece.node, piece.item, piece.attempt, piece.offset) == ("a", None, 1, len(said))
                said += piece.text
            assert said == so_far[:9] if feed.state.seq < 6 else so_far


async def test_29_gone_to_the_midst_of_an_attempt_what_it_had_said_is_there_and_after_a_way_back_again() -> None:
    bodies = [*beginning("a"), (0.0, AttemptStarted("a", 1)), (5.0, Noted("info", "halfway"))]
    end = AttemptSucceeded("a", 1, Output("0123456789", 10), took_s=10.0)
    async with replaying(*bodies, (5.0, end)) as (feed, _):
        for _ in range(2):
            feed.seek(6)
            await feed.settled()
            (piece,) = feed.drain().streams
            assert (piece.offset, piece.text) == (0, "01234")
            assert feed.drain().streams == ()
            feed.seek(1)
            await feed.settled()
            assert feed.drain().streams == ()


def test_29_an_attempt_says_nothing_before_it_is_recorded_as_started() -> None:
    """However long it says that it took."""
    end = AttemptSucceeded("a", 1, Output("0123456789", 10), took_s=10.0)
    events = recorded(*beginning("a"), (6.0, AttemptStarted("a", 1)), (4.0, end))
    spreading = Spreading()
    spreading.foresee(events[-1], 10.0)
    assert spreading.until(5.0, fold.fold(events[:4])) == []
    (piece,) = spreading.until(7.0, fold.fold(events[:5]))
    assert piece.text == "0123456"


def test_29_what_was_taken_over_from_before_was_never_said() -> None:
    spreading = Spreading()
    (started, succeeded) = recorded(*worked("a", "text", 0.0))
    spreading.foresee(succeeded, 5.0)
    assert spreading.at_end(succeeded) is None
    assert spreading.at_end(started) is None


async def test_29_outputs_and_logs_are_those_of_the_play_head() -> None:
    again = [(1.0, NodeRetried("a")), (0.0, AttemptStarted("a", 2))]
    second = AttemptSucceeded("a", 2, Output("second", 6), took_s=1.0)
    async with replaying(*beginning("a"), *worked("a", "first", 1.0), *again, (1.0, second)) as (feed, _):
        assert await feed.output("a") == ""
        assert await feed.log_tail("a") == ""
        feed.seek(6)
        await feed.settled()
        assert await feed.output("a") == "first"
        assert await feed.log_tail("a") == "log of a"
        feed.seek(9)
        await feed.settled()
        assert await feed.output("a") == "second"
        assert await feed.output("nobody") == ""


async def test_29_no_event_is_told_of_that_had_not_happened_yet() -> None:
    async with replaying(*beginning("a"), *worked("a", "x", 1.0), (1.0, Noted("info", "y")), at=5) as (feed, _):
        assert [event.seq for event in await feed.events_before(100, 3)] == [3, 4, 5]
        assert [event.seq for event in await feed.events_before(100, 9, "a")] == [5]
        assert [event.seq for event in await feed.events_before(4, 9)] == [1, 2, 3]


async def test_29_the_past_takes_no_commands() -> None:
    async with replaying(*beginning("a")) as (feed, _):
        with pytest.raises(CommandRefused, match="swarmtui fork abcdefgh --at 1"):
            await feed.command("session.pause", {})
        assert feed.status.link is Link.REPLAY
        assert feed.status.role == "observe"


# -- files ----------------------------------------------------------------------------------------------------


async def _live_hashes(session: LiveSession) -> dict[int, str]:
    """Run a chain to its end, node by node; seq -> hash of the state that a live viewer then held."""
    held: dict[int, str] = {}
    viewer = await session.attach()

    def note(feed: object) -> bool:
        held[viewer.state.seq] = state_hash(viewer.state)
        return viewer.state.status is Status.SUCCEEDED

    watching = asyncio.create_task(until(viewer, note))
    while not watching.done():
        await asyncio.wait(
            {watching, asyncio.ensure_future(session.executor.submitted.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        session.executor.submitted.clear()
        for attempt in list(session.executor.running):
            session.executor.finish(attempt, f"output of {attempt}")
    await watching
    await viewer.close()
    return held


async def test_29_the_state_at_any_event_is_the_one_that_was_held_live_then(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain(*(f"n{number}" for number in range(25)))) as session:
        held = await _live_hashes(session)
        wire = await session.attach()
        places = Random(29).sample(sorted(held), 20)
        then = [(seq, held[seq]) for seq in places]
        assert await _sought(FilePast(session.folder), places) == then
        assert await _sought(WirePast(wire), places) == then
        await wire.close()


async def _sought(past: Past, places: list[int]) -> list[tuple[int, str]]:
    """Where a replay is once it went to each of `places`, and the hash of its state there."""
    feed, found = await ReplayFeed.open(past), []
    for seq in places:
        feed.seek(seq)
        found.append((await reached(feed), state_hash(feed.state)))
    await past.close()
    await feed.close()
    return found


async def test_29_the_long_waits_of_a_file_are_those_between_its_events_and_across_hosts_by_the_wall(
    tmp_path: Path,
) -> None:
    bodies = [*beginning("a"), *worked("a", "x", 90.0, gap=59.0), (1.0, HostStarted(1, "boot", "test")), *ended()]
    events = recorded(*bodies)
    events = [replace(event, ts=event.ts + (7_200.0 if event.seq >= 7 else 0.0)) for event in events]
    with FileBuilder(SessionFolder(tmp_path).db, "test") as builder:
        for event in events:
            builder.event(event.body, event.ts, event.mono)
        builder.done()
    past = FilePast(SessionFolder(tmp_path))
    found = await past.gaps()
    assert [(gap.seq, gap.seconds) for gap in found] == [(6, 90.0), (7, 7_201.0)]
    assert found == await MemoryPast(events).gaps()
    assert await past.gaps(7) == found[1:]
    assert await past.gaps(9) == []
    await past.close()


async def test_a_state_beyond_the_end_of_the_file_is_none(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), at_once=True) as session:
        viewer = await session.attach()
        await until(viewer, lambda feed: feed.state.status is Status.SUCCEEDED)
        await viewer.close()
    past = FilePast(session.folder)
    head = await past.head()
    with pytest.raises(IndexError):
        await past.state_at(head + 1)
    with pytest.raises(IndexError):
        await past.state_at(0)
    assert [event.seq for event in await past.events(head - 1, 10)] == [head - 1, head]
    assert await past.seq_at(1e9) == head
    assert await past.seq_at(-1.0) == 1
    assert await past.output("a") == "done"
    assert await past.output("nobody") == ""
    await past.close()


# -- while the session goes on --------------------------------------------------------------------------------


@asynccontextmanager
async def scrubbing(session: LiveSession) -> AsyncIterator[ReplayFeed]:
    live = await session.attach()
    feed = await ReplayFeed.open(FilePast(session.folder), live=live)
    try:
        yield feed
    finally:
        await feed.close()


async def test_30_a_running_session_is_scrubbed_back_while_it_goes_on_and_g_returns_to_it(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        (running,) = await session.until_running()
        async with scrubbing(session) as feed:
            there_was = feed.state.seq
            assert feed.status.play is not None
            assert feed.status.play.live
            with pytest.raises(CommandRefused, match="go back to the live session"):
                await feed.command("session.pause", {})
            session.executor.finish(running)
            await session.until_running()
            await until(feed, lambda feed: feed.status.play.head_seq == session.conductor.state.seq)
            assert feed.state.seq == there_was == 1

            feed.go_live()
            changes = feed.drain()
            assert (changes.reset, changes.link, feed.status.link) == (True, True, Link.LIVE)
            await until(feed, lambda feed: feed.state.seq == session.conductor.state.seq)
            assert state_hash(feed.state) == state_hash(session.conductor.state)
            seq = await feed.command("session.pause", {})
            await until(feed, lambda feed: feed.state.seq >= seq)
            assert feed.state.status is Status.PAUSED

            feed.step(-1)
            await feed.settled()
            assert feed.drain().reset
            assert (feed.status.link, feed.state.seq) == (Link.REPLAY, session.conductor.state.seq - 1)


class HeldPast(MemoryPast):
    """Answers which event was when once it is let."""

    def __init__(self, events: Sequence[Event]) -> None:
        super().__init__(events)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def seq_at(self, mono: float) -> int:
        self.asked.set()
        await self.let.wait()
        return await super().seq_at(mono)


async def test_30_who_goes_back_to_the_live_session_while_a_time_is_looked_for_stays_there(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        await session.until_running()
        past = HeldPast(await FilePast(session.folder).events(1, 100))
        feed = await ReplayFeed.open(past, live=await session.attach())
        feed.seek_time(0.0)
        await past.asked.wait()
        feed.go_live()
        past.let.set()
        await feed.settled()
        assert feed.status.link is Link.LIVE
        assert feed.state.seq == session.conductor.state.seq
        await feed.close()


async def test_a_past_that_is_let_go_while_it_is_being_opened_is_closed_and_says_so(tmp_path: Path) -> None:
    events = recorded(*beginning("a"))
    with FileBuilder(tmp_path / "session.db", "test") as builder:
        for event in events:
            builder.event(event.body, event.ts, event.mono)
        builder.done()
    past = FilePast(SessionFolder(tmp_path))
    first = asyncio.create_task(past.head())
    await asyncio.sleep(0)
    await past.close()
    assert await first == len(events)
    assert past._reader is None
    with pytest.raises(LogError, match="is not read any more"):
        await past.head()
    await past.close()


async def test_30_who_has_caught_up_with_the_session_stays_in_the_past_until_it_is_gone_back_to(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        await session.until_running()
        clock = Clock()
        live, past = await session.attach(), FilePast(session.folder)
        feed = ReplayFeed(past, head=await past.head(), clock=clock, live=live)
        await feed.settled()
        feed.play()
        clock.now += 1_000.0
        feed.drain()
        assert feed.status.play is not None
        assert (feed.status.play.seq, feed.status.play.playing) == (session.conductor.state.seq, False)
        feed.play()
        feed.drain()
        assert feed.status.link is Link.REPLAY, "what is pressed next would be asked of the session"
        feed.go_live()
        feed.drain()
        assert feed.status.link is Link.LIVE
        feed.pause()
        await until(feed, lambda feed: feed.status.link is Link.REPLAY)
        assert state_hash(feed.state) == state_hash(session.conductor.state)
        await feed.close()


@pytest.mark.parametrize(
    ("link", "goes_on"),
    [(Link.LIVE, True), (Link.RECONNECTING, True), (Link.ENDED, False), (Link.ARCHIVE, False), (Link.CRASHED, False)],
)
async def test_30_only_a_session_that_goes_on_can_be_returned_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: Link, goes_on: bool
) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        await session.until_running()
        live = await session.attach()
        feed = await ReplayFeed.open(FilePast(session.folder), live=live)
        with monkeypatch.context() as patch:
            patch.setattr(type(live), "status", property(lambda _: FeedStatus(link)))
            assert feed.status.play is not None
            assert feed.status.play.live is goes_on
        await feed.close()


async def test_30_marks_made_meanwhile_can_be_gone_to(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        await session.until_running()
        live, clock = await session.attach(), Clock()
        past = FilePast(session.folder)
        feed = ReplayFeed(past, head=await past.head(), clock=clock, live=live)
        await feed.settled()
        seq = await live.command("session.pause", {})
        clock.now += 5.0
        await until(feed, lambda feed: any(mark.seq > 4 for mark in feed.status.play.marks))
        assert feed.status.play is not None
        mark = next(mark for mark in feed.status.play.marks if mark.kind is MarkKind.PAUSE)
        assert isinstance((await past.events(mark.seq, 1))[0].body, SessionPaused)
        assert mark.seq <= seq
        await feed.close()


async def test_30_of_a_session_that_has_ended_the_end_is_gone_to(tmp_path: Path) -> None:
    async with live_session(tmp_path, Plan("g", (Node("a", PromptSpec("say")),)), at_once=True) as session:
        live = await session.attach()
        await until(live, lambda feed: feed.state.status is Status.SUCCEEDED)
        past = FilePast(session.folder)
    await until(live, lambda feed: feed.status.link is Link.ENDED)
    feed = await ReplayFeed.open(past, live=live)
    feed.go_live()
    assert await reached(feed) == await past.head()
    assert feed.status.link is Link.REPLAY
    await feed.close()


# -- the program ----------------------------------------------------------------------------------------------

TASK = """\
goal: replayed
models: {{worker: {{dialect: openai-chat, base_url: "{base_url}", model: m}}}}
nodes:
  a: {{prompt: say something}}
  b: {{needs: a, prompt: "say more than {{{{ a.output }}}}"}}
  c: {{run: [sh, -c, "echo x >> ran"]}}
"""


@pytest.mark.chaos
async def test_29_a_replay_without_a_terminal_prints_the_events_and_calls_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    async with FakeLLM(Answer("something")) as llm:
        (tmp_path / "task.yaml").write_text(TASK.format(base_url=llm.base_url))
        session = await swarmtui.run("task.yaml")
        assert session.status is Status.SUCCEEDED
        asked = len(llm.ledger)
        assert asked >= 2
        events = await _printed("events", session.folder.id)
        for words in (["--speed", "max"], ["--speed", "64", "--idle-limit", "0.5"]):
            assert await _printed("replay", session.folder.id, "--no-tty", *words) == events
        part = await _printed("replay", str(session.folder.db), "--json", "--speed", "max", "--at", "3", "--until", "5")
        assert part == events[2:5]
        assert len(llm.ledger) == asked
        assert (tmp_path / "ran").read_text() == "x\n"


async def _printed(*words: str) -> list[str]:
    """Lines on standard output of the program, which succeeds."""
    argv = [sys.executable, "-m", "swarmtui", *words]
    env = {**os.environ, "PYTHONWARNINGS": "error"}
    done = await asyncio.to_thread(
        subprocess.run, argv, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=60, check=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()
