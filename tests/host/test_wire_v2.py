"""What version 2 of the wire adds: the past, marks, pages of items, lag, sessions without a host; and the link."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.ports import Asked, Inquiry
from swarmtui.host import answers, wire_past
from swarmtui.host.archive import FileFeed
from swarmtui.host.client import Dial, Dialled, Unreachable, WireFeed
from swarmtui.host.exits import Exit
from swarmtui.host.feed import CommandRefused, Link
from swarmtui.host.file_past import FilePast
from swarmtui.host.history import History
from swarmtui.host.jsonrpc import Code
from swarmtui.host.lock import locked
from swarmtui.host.protocol import LAG_EVENTS, Lagging
from swarmtui.host.pumps import Lag
from swarmtui.host.recorded import serve_recorded
from swarmtui.host.wire_past import WirePast
from swarmtui.plan.model import AskSpec, Node, Plan, PromptSpec
from swarmtui.session.events import Event, LimitsSet, MarkerSet, Noted
from swarmtui.session.folder import SessionFolder
from swarmtui.session.marks import MarkKind
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import State, Status
from tests.host.sessions import LiveSession, as_killed, chain, live_session, resumed_session, until
from tests.host.test_server import HELLO, raw


def dial_recorded(folder: SessionFolder) -> tuple[Dial, list[asyncio.Task[None]]]:
    """Connections to the file of a session, and the tasks that serve them."""
    serving: list[asyncio.Task[None]] = []

    async def dial() -> Dialled:
        ours, theirs = socket.socketpair()
        there = await asyncio.open_unix_connection(sock=theirs)
        serving.append(asyncio.create_task(serve_recorded(*there, folder)))
        return Dialled(*await asyncio.open_unix_connection(sock=ours))

    return dial, serving


@contextlib.asynccontextmanager
async def recorded(folder: SessionFolder, **options: Any) -> AsyncIterator[WireFeed]:
    """A feed over a file without a host."""
    dial, serving = dial_recorded(folder)
    feed = await WireFeed.over(dial, **options)
    try:
        yield feed
    finally:
        await feed.close()
        await asyncio.gather(*serving)


async def ended(tmp_path: Path, *nodes: str) -> SessionFolder:
    """A session that has run to its end, and whose host has left."""
    async with live_session(tmp_path, chain(*nodes), at_once=True) as session:
        feed = await session.attach()
        await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        await feed.close()
        return session.folder


async def test_15_an_ended_session_is_served_from_its_file_and_takes_no_commands(tmp_path: Path) -> None:
    folder = await ended(tmp_path, "a", "b")
    async with recorded(folder) as feed:
        assert feed.status.link is Link.ARCHIVE
        assert feed.status.seen is None
        assert feed.status.role == "observe"
        assert feed.state.status is Status.SUCCEEDED
        assert await feed.output("b") == "done"
        with pytest.raises(CommandRefused, match=f"swarmtui resume {folder.id}"):
            await feed.command("session.pause", {})
        assert feed.clock() == feed.state.ts


async def test_15_of_a_crashed_session_it_is_said_that_it_crashed_and_its_clock_stands(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        await session.until_running()
        (tmp_path / "copies").mkdir()
        folder = await as_killed(session, tmp_path / "copies")
    async with recorded(folder) as feed:
        assert feed.state.status is Status.RUNNING
        assert (feed.status.link, feed.status.seen) == (Link.ARCHIVE, Status.CRASHED)
        assert feed.clock() == feed.state.ts
    archive = await FileFeed.open(folder)
    assert (archive.status.seen, archive.clock()) == (Status.CRASHED, archive.state.ts)


async def test_a_file_is_followed_whole_to_its_end(tmp_path: Path) -> None:
    folder = await ended(tmp_path, "a", "b")
    async with recorded(folder, whole=True, from_seq=4) as feed:
        seqs: list[int] = []
        async with asyncio.timeout(10):
            while not (feed.at_end and seqs):
                await feed.wait()
                seqs += [event.seq for event in feed.drain().events]
        assert seqs == list(range(4, feed.state.seq + 1))
        assert state_hash(feed.state) == state_hash(History(folder).state())


async def test_05_every_viewer_holds_what_the_file_holds_at_the_same_event(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        early = await session.attach(whole=True)
        session.executor.finish((await session.until_running())[0])
        await until(early, lambda feed: feed.state.nodes["b"].state is State.RUNNING)
        late = await session.attach()
        for feed in (early, late):
            assert state_hash(feed.state) == state_hash(History(session.folder).state(feed.state.seq))
            await feed.close()


async def test_06_ids_of_viewers_are_never_used_again_by_a_later_host(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        feed = await session.attach()
        used = {viewer.id for viewer in feed.status.viewers}
        await feed.close()
    async with resumed_session(session.folder) as session:
        feed = await session.attach()
        assert used
        assert used.isdisjoint(viewer.id for viewer in feed.status.viewers)
        await feed.close()


async def test_06_the_snapshot_tells_who_watches(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        first = await session.attach(name="first")
        second = await session.attach(name="second", role="observe")
        assert {viewer.name for viewer in second.status.viewers} == {"first", "second"}
        await first.close()
        await second.close()


async def test_07_what_one_viewer_does_the_others_see_with_its_name_and_one_only_observes(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        await session.until_running()
        actor, other, watcher = [
            await session.attach(name=name, role=role)
            for name, role in (("actor", "control"), ("other", "control"), ("watcher", "observe"))
        ]
        seq = await actor.command("node.pause", {"node": "b"})
        for feed in (other, watcher):
            seen: list[Event] = []
            async with asyncio.timeout(10):
                while not seen or seen[-1].seq < seq:
                    await feed.wait()
                    seen += feed.drain().events
            assert [event.actor.split()[-1] for event in seen if event.seq == seq and event.actor] == ["actor"]
        with pytest.raises(CommandRefused) as refused:
            await watcher.command("node.resume", {"node": "b"})
        assert refused.value.code == Code.FORBIDDEN
        assert session.conductor.state.nodes["b"].held
        await until(actor, lambda feed: feed.state.seq >= seq)
        assert len({state_hash(feed.state) for feed in (actor, other, watcher)}) == 1
        for feed in (actor, other, watcher):
            await feed.close()


@pytest.mark.parametrize("kind", ["plan", "question", "permission"])
async def test_16_what_waits_for_a_person_is_shown_to_who_comes_later_and_after_a_crash(
    tmp_path: Path, kind: str
) -> None:
    plan = Plan("g", (Node("a", AskSpec("which?", ("x", "y"))),)) if kind == "question" else chain("a")
    (tmp_path / "copies").mkdir()
    async with live_session(tmp_path, plan, review=kind == "plan") as session:
        if kind == "permission":
            attempt = (await session.until_running())[0]
            session.executor.tell(
                Asked(attempt, Inquiry("call", "may it?", ("allow", "deny"), "permission", "rm -r x"))
            )
        for _ in range(2):  # the second one is who has left and comes again
            feed = await session.attach()
            await until(feed, lambda feed: feed.state.pending)
            (waiting,) = feed.state.pending.values()
            assert (waiting.kind, waiting.since_ts > 0) == (kind, True)
            await feed.close()
        left = await as_killed(session, tmp_path / "copies")
    async with resumed_session(left) as session:
        feed = await session.attach()
        if kind == "permission":  # the program that asked is gone with its host: what it had begun waits instead
            await until(feed, lambda feed: feed.state.nodes["a"].state in (State.INTERRUPTED, State.RUNNING))
        else:
            await until(feed, lambda feed: feed.state.pending)
            (again,) = feed.state.pending.values()
            assert (again.kind, again.question, again.choices) == (kind, waiting.question, waiting.choices)
        await feed.close()


async def test_17_who_decides_too_late_is_told_who_decided_and_what(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), review=True) as session:
        quick, slow = await session.attach(name="quick"), await session.attach(name="slow")
        await quick.command("plan.approve", {"plan_rev": 1})
        with pytest.raises(CommandRefused) as refused:
            await slow.command("plan.reject", {"plan_rev": 1, "feedback": "no"})
        assert refused.value.code == Code.STALE_PLAN
        data = refused.value.data
        assert (data["current_rev"], data["choice"]) == (1, "approved")
        assert data["decided_by"].endswith(" quick")
        for feed in (quick, slow):
            await feed.close()


async def test_27_a_limit_set_meanwhile_holds_for_what_starts_and_over_a_resume(tmp_path: Path) -> None:
    plan = Plan("g", tuple(Node(f"n{number}", PromptSpec("say")) for number in range(30)))
    (tmp_path / "copies").mkdir()
    async with live_session(tmp_path, plan) as session:
        feed = await session.attach()
        await feed.command("limits.set", {"concurrency": 20})
        await session.until_running(20)
        lowered = await feed.command("limits.set", {"concurrency": 2})
        assert len(session.executor.running) == 20  # what runs is left alone
        for attempt in list(session.executor.running)[:18]:
            session.executor.finish(attempt)
        await until(feed, lambda feed: feed.state.counts.get(State.SUCCEEDED) == 18)
        assert len(session.executor.running) == feed.state.in_flight == 2
        left = await as_killed(session, tmp_path / "copies")
        await feed.command("limits.set", {"concurrency": 20})
        await session.until_running(12)
        assert [event.body for event in await feed.events_before(lowered + 1, 2) if isinstance(event.body, LimitsSet)]
        await feed.close()
    async with resumed_session(left) as session:
        assert session.conductor.state.limits.concurrency == 2


async def test_a_viewer_that_stays_behind_is_given_a_snapshot_and_told_how_much_it_missed(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), lag_s=0.0) as session:
        feed = await session.attach()
        first = feed.state.seq
        for number in range(LAG_EVENTS + 500):
            session.conductor.record(Noted("info", str(number)))
        last = session.conductor.state.seq
        await until(feed, lambda feed: feed.state.seq >= last)
        assert 0 < feed.status.skipped <= last - first
        assert state_hash(feed.state) == state_hash(session.conductor.state)
        await feed.close()


async def test_a_viewer_that_wants_every_event_gets_them_however_far_behind_it_is(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), resync_events=100, lag_s=0.0) as session:
        feed = await session.attach(whole=True)
        for number in range(LAG_EVENTS + 500):
            session.conductor.record(Noted("info", str(number)))
        last, seqs = session.conductor.state.seq, [event.seq for event in feed.drain().events]
        async with asyncio.timeout(10):
            while feed.state.seq < last:
                await feed.wait()
                seqs += [event.seq for event in feed.drain().events]
        assert (seqs, feed.status.skipped) == (list(range(1, len(seqs) + 1)), 0)
        await feed.close()


@pytest.mark.parametrize("version", [1, 2])
async def test_18_how_far_behind_it_is_a_viewer_is_told_only_if_it_speaks_version_2(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarmtui.host.protocol.LAG_EVENTS", 10)
    monkeypatch.setattr("swarmtui.host.pumps.LAG_EVERY_S", 0.0)
    async with live_session(tmp_path, chain("a")) as session, raw(session) as viewer:
        hello = {**HELLO, "protocol": {"min": 1, "max": version}}
        welcome = (await viewer.call("initialize", hello))["result"]
        for number in range(100):
            session.conductor.record(Noted("info", str(number)))
        await session.conductor.log.flushed()
        await viewer.call("subscribe", {"from_seq": 1, "log_id": welcome["log_id"]}, 2)
        seen, methods = 0, set()
        while seen < session.conductor.state.seq:
            line = await viewer.line()
            methods.add(line["method"])
            if line["method"] in ("event", "events"):
                seen = line["params"].get("batch", [line["params"]])[-1]["seq"]
        assert ("lagging" in methods) is (version == 2)


def test_a_viewer_is_told_once_a_second_how_far_behind_it_is_and_when_it_no_longer_is() -> None:
    now = 100.0
    lag = Lag(lambda: now)
    lag.note(LAG_EVENTS - 1)
    now = 105.0
    assert lag.due() is None  # so few are nothing
    lag.note(LAG_EVENTS - 1)
    lag.note(LAG_EVENTS)
    now = 105.9
    assert lag.due() is None
    now = 106.5
    assert lag.due() == Lagging(LAG_EVENTS, 1.5)
    now = 107.0
    assert lag.due() is None
    lag.note(2 * LAG_EVENTS)
    now = 107.5
    assert lag.due() == Lagging(2 * LAG_EVENTS, 2.5)
    lag.note(10)
    assert (lag.due(), lag.due()) == (Lagging(0), None)


async def test_33_a_file_gives_events_from_a_number_on_over_the_state_before_it(tmp_path: Path) -> None:
    folder = await ended(tmp_path, "a", "b")
    head = History(folder).state().seq
    for first in (5, head + 7):
        feed = await FileFeed.open(folder, whole=True, from_seq=first)
        seqs: list[int] = []
        while not feed.at_end:
            await feed.wait()
            seqs += [event.seq for event in feed.drain().events]
        assert seqs == list(range(first, head + 1))
        assert state_hash(feed.state) == state_hash(History(folder).state())


async def test_marks_come_in_pages_and_to_a_viewer_that_knows_none_so_many_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        feed = await session.attach()
        await session.until_running()
        for number in range(7):
            await feed.command("marker.add", {"label": f"mark {number}"})
        far, near = WirePast(feed), FilePast(session.folder)
        for label in ("before the end, which is no mark", "after it"):
            await feed.command("marker.add", {"label": label})
            known = await near.marks()
            for limit in (1, 2, 3, 100):
                monkeypatch.setattr(wire_past, "PAGE_MARKS", limit)
                assert await far.marks() == known
            if session.executor.running:
                session.executor.finish(*session.executor.running)
                await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        assert [mark.label for mark in known[-9:-1]] == [
            *(f"mark {n}" for n in range(7)),
            "before the end, which is no mark",
        ]
        monkeypatch.setattr(answers, "MARKS_AT_MOST", 3)
        told = await feed.ask("marks", {"from_seq": known[0].seq})
        assert [mark["seq"] for mark in told["marks"]] == [mark.seq for mark in known[:3]]
        assert known[2].seq < told["next_seq"] <= known[3].seq
        await near.close()
        await feed.close()


async def test_the_past_over_the_wire_is_that_of_the_file(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b"), at_once=True) as session:
        feed = await session.attach()
        await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        await feed.command("marker.add", {"label": "  look\nhere "})
        far, near = WirePast(feed), FilePast(session.folder)
        assert await far.head() == await near.head()
        head = await far.head()
        for seq in range(1, head + 1):
            assert state_hash(await far.state_at(seq)) == state_hash(await near.state_at(seq))
        assert await far.events(2, 3) == await near.events(2, 3)
        assert await far.events(1, 10_000) == await near.events(1, 10_000)
        assert await far.marks() == await near.marks()
        assert [(mark.kind, mark.label) for mark in await far.marks(head - 1)] == [(MarkKind.USER, "look here")]
        for event in await near.events(1, 10_000):
            assert await far.seq_at(event.mono) == await near.seq_at(event.mono)
        assert await far.seq_at(-1.0) == 1
        for beyond in (0, head + 1):
            with pytest.raises(IndexError):
                await far.state_at(beyond)
        assert await far.output("b") == "done"
        await near.close()
        await far.close()
        assert feed.status.link is Link.LIVE
        await feed.close()


async def test_a_page_of_events_holds_what_is_not_too_heavy_and_one_at_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarmtui.host.answers.PAGE_WEIGHT", 1_000)
    async with live_session(tmp_path, chain("a")) as session:
        feed = await session.attach()
        for number in range(6):
            session.conductor.record(Noted("info", f"{number}{'x' * 450}"))
        session.conductor.record(Noted("info", "y" * 5_000))
        last = session.conductor.state.seq
        await until(feed, lambda feed: feed.state.seq == last)
        page = await feed.ask("events.page", {"from_seq": last - 6, "limit": 100})
        assert [line["seq"] for line in page["events"]] == [last - 6, last - 5]
        page = await feed.ask("events.page", {"from_seq": last, "limit": 100})
        assert [line["seq"] for line in page["events"]] == [last]
        page = await feed.ask("events.page", {"before": last, "limit": 100})
        assert [line["seq"] for line in page["events"]] == [last - 2, last - 1]
        assert [event.seq for event in await WirePast(feed).events(last - 6, 7)] == list(range(last - 6, last + 1))
        await feed.close()


async def test_a_mark_is_an_event_of_who_set_it_and_needs_a_label(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        feed = await session.attach(name="ann")
        seq = await feed.command("marker.add", {"label": "here it went wrong"})
        await until(feed, lambda feed: feed.state.seq >= seq)
        (event,) = [one for one in await feed.events_before(seq + 1, 3) if isinstance(one.body, MarkerSet)]
        assert (event.body, event.actor and event.actor.endswith(" ann")) == (MarkerSet("here it went wrong"), True)
        for label in ("", "  \n", "x" * 201, 7):
            with pytest.raises(CommandRefused, match="label"):
                await feed.command("marker.add", {"label": label})
        await feed.close()


# -- the link -------------------------------------------------------------------------------------------------


class Line:
    """A way to a host that a test cuts, and what is told about it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dialled = 0
        self.ended = 0
        self.told: Unreachable | None = None
        self.down = False

    async def dial(self) -> Dialled:
        self.dialled += 1
        if self.down:
            raise ConnectionRefusedError("the line is down")
        return Dialled(*await asyncio.open_unix_connection(str(self.path)), self._end, lambda: self.told)

    async def _end(self) -> None:
        self.ended += 1


def cut(session: LiveSession) -> None:
    for link in list(session.server._links.values()):
        link._writer.transport.abort()


async def test_a_lost_link_is_ended_and_asked_why_and_a_final_reason_ends_the_feed(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        line = Line(session.socket)
        feed = await WireFeed.over(line.dial, backoff_s=0.01)
        line.told = Unreachable("the machine goes to sleep", Exit.LOST)
        cut(session)
        await until(feed, lambda feed: line.dialled == 2 and feed.status.link is Link.LIVE)
        assert line.ended == 1
        line.told = Unreachable("there is no swarmtui any more", 127)
        cut(session)
        await until(feed, lambda feed: feed.status.link is Link.ENDED)
        assert (line.dialled, line.ended) == (2, 2)
        assert "no swarmtui" in feed.status.note
        assert feed.given_up is line.told
        with pytest.raises(ConnectionError, match="no swarmtui"):
            await feed.command("session.pause", {})
        await feed.close()


async def test_where_somebody_attends_a_link_that_is_refused_is_tried_when_they_say_so_and_never_before(
    tmp_path: Path,
) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        line = Line(session.socket)
        feed = await WireFeed.over(line.dial, backoff_s=0.0, attended=True)
        line.told = Unreachable("box lets you in only if it may ask", Exit.PERMISSION)
        cut(session)
        await until(feed, lambda feed: feed.status.retry_at == math.inf)
        assert (feed.status.link, line.dialled) == (Link.RECONNECTING, 1)
        assert feed.status.note == "box lets you in only if it may ask"
        feed.retry_now()
        await until(feed, lambda feed: feed.status.link is Link.LIVE)
        assert (feed.given_up, line.dialled) == (None, 2)
        assert await feed.command("session.pause", {}) == feed.state.seq
        await feed.close()


async def test_while_the_link_is_broken_it_is_told_when_it_is_tried_and_trying_can_be_hurried(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        line = Line(session.socket)
        feed = await WireFeed.over(line.dial, backoff_s=600.0)
        line.down = True
        cut(session)
        await until(feed, lambda feed: feed.status.retry_at is not None)
        assert feed.status.link is Link.RECONNECTING
        assert feed.status.retry_at is not None
        assert feed.status.retry_at > time.monotonic()
        feed.retry_now()
        await until(feed, lambda feed: "the line is down" in feed.status.note and feed.status.retry_at is not None)
        line.down = False
        feed.retry_now()
        await until(feed, lambda feed: feed.status.link is Link.LIVE)
        assert feed.status.retry_at is None
        await feed.close()


async def test_who_does_not_wait_for_ever_is_told_when_it_was_long_enough(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        line = Line(session.socket)
        feed = await WireFeed.over(line.dial, backoff_s=0.01, max_wait_s=0.1)
        line.down = True
        cut(session)
        await until(feed, lambda feed: feed.status.link is Link.ENDED)
        assert feed.given_up is not None
        assert feed.given_up.code == Exit.LOST
        assert feed.status.note == "the line is down: given up after 0.1 s without a connection"
        await feed.close()


async def test_events_from_a_number_on_are_handed_out_without_those_before(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        for number in range(50):
            session.conductor.record(Noted("info", str(number)))
        await session.conductor.log.flushed()
        head = session.conductor.state.seq
        feed = await session.attach(whole=True, from_seq=head - 2)
        assert feed.state.seq >= head - 3  # a snapshot stands for what lies before
        later = await session.attach(whole=True, from_seq=head + 3)
        for number in range(4):
            session.conductor.record(Noted("info", str(number)))
        last = session.conductor.state.seq
        for one, first in ((feed, head - 2), (later, head + 3)):
            seqs: list[int] = []
            async with asyncio.timeout(10):
                while not seqs or seqs[-1] < last:
                    await one.wait()
                    seqs += [event.seq for event in one.drain().events]
            assert seqs == list(range(first, last + 1))
            assert state_hash(one.state) == state_hash(session.conductor.state)
            await one.close()


async def test_a_host_of_another_session_is_not_taken_for_this_one(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        with pytest.raises(Unreachable, match="runs session abcdefgh, not another"):
            await WireFeed.over(Line(session.socket).dial, folder=SessionFolder(tmp_path / "another"))


async def test_21_a_viewer_comes_back_after_a_host_that_took_its_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarmtui.host.client.CRASH_POLL_S", 0.02)
    with contextlib.ExitStack() as first:
        async with live_session(tmp_path, chain("a", "b")) as session:
            first.enter_context(locked(session.folder))
            feed = await session.attach(folder=session.folder, whole=True, backoff_s=0.02)
            await session.until_running()
        await until(feed, lambda feed: feed.status.link is Link.ENDED)
    assert feed.exit_code == 143
    assert feed.status.note == "the host has left: signal"
    assert feed.clock() == feed.state.ts
    with pytest.raises(ConnectionError, match="the host has left"):
        await feed.command("session.pause", {})
    with locked(session.folder):
        async with resumed_session(session.folder) as session:
            await until(feed, lambda feed: feed.status.link is Link.LIVE)
            assert feed.exit_code is None
            seq = await feed.command("marker.add", {"label": "here again"})
            await until(feed, lambda feed: feed.state.seq >= seq)
            assert feed.state.hosts == 2
    await feed.close()


async def test_21_a_host_that_is_killed_is_seen_as_a_crash_until_another_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarmtui.host.client.CRASH_POLL_S", 0.02)
    async with live_session(tmp_path, chain("a")) as session:
        with locked(session.folder):
            feed = await session.attach(folder=session.folder)
        cut(session)
        await until(feed, lambda feed: feed.status.link is Link.CRASHED)
        assert feed.status.seen is Status.CRASHED
        with locked(session.folder):
            await until(feed, lambda feed: feed.status.link is Link.LIVE)
            assert feed.status.seen is None
        await feed.close()


async def test_21_a_viewer_that_saw_more_than_was_kept_takes_the_next_host_at_its_word(tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    async with live_session(tmp_path, chain("a")) as session:
        line = Line(session.socket)
        feed = await WireFeed.over(line.dial, backoff_s=0.01)
        await session.until_running()
        left = await as_killed(session, tmp_path / "copies")
        for number in range(50):
            session.conductor.record(Noted("info", str(number)))
        last = session.conductor.state.seq
        await until(feed, lambda feed: feed.state.seq >= last)
        line.down = True
    async with resumed_session(left) as session:
        line.path, line.down = session.socket, False
        feed.retry_now()
        await until(feed, lambda feed: feed.status.link is Link.LIVE and feed.state.hosts == 2)
        assert feed.state.seq < last
        assert state_hash(feed.state) == state_hash(History(left).state(feed.state.seq))
        await feed.close()


async def test_21_a_viewer_that_finds_another_log_behind_the_same_id_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    async with live_session(tmp_path, chain("a")) as session:
        line = Line(session.socket)
        feed = await WireFeed.over(line.dial, backoff_s=0.01)
        await session.until_running()
        left = await as_killed(session, tmp_path / "copies")
        line.down = True
    async with resumed_session(left) as session:
        session.server._log_id = "another"
        for number in range(50):  # so that it is not for being ahead that the viewer begins anew
            session.conductor.record(Noted("info", str(number)))
        await session.conductor.log.flushed()
        line.path, line.down = session.socket, False
        feed.drain()
        feed.retry_now()
        anew = False
        async with asyncio.timeout(10):
            while feed.status.link is not Link.LIVE or not anew:
                await feed.wait()
                anew |= feed.drain().reset
        assert feed._intake.log_id == "another"
        await feed.close()
