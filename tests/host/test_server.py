"""Viewers of a live session, over a real socket, with a real log and conductor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from swarmtui.host import jsonrpc as rpc
from swarmtui.host.client import Unreachable, WireFeed
from swarmtui.host.feed import CommandRefused, Link
from swarmtui.host.jsonrpc import Code
from swarmtui.host.server import bind
from swarmtui.plan.model import Node, Plan, PromptSpec
from swarmtui.safety.paths import PathRefused
from swarmtui.session.events import Noted
from swarmtui.session.rows import blob_sha
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import State, Status
from tests.host.sessions import LiveSession, chain, live_session, until

HELLO = {"protocol": {"min": 1, "max": 1}, "client": {"name": "raw"}, "role": "control"}


class Raw:
    """A viewer that speaks in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def line(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            line = await self.reader.readline()
        assert line.endswith(b"\n"), "the host closed the connection"
        message: dict[str, Any] = json.loads(line)
        return message

    async def call(self, method: str, params: dict[str, Any], id: int = 1) -> dict[str, Any]:
        self.writer.write(rpc.encode(rpc.Request(id, method, params)))
        while True:
            message = await self.line()
            if message.get("id") == id:
                return message

    async def closed(self) -> bool:
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                while await self.reader.read(65_536):
                    pass
        return True


@contextlib.asynccontextmanager
async def raw(session: LiveSession) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_unix_connection(str(session.socket), limit=2 * rpc.MAX_LINE)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_05_a_viewer_that_attaches_midway_holds_the_same_state_as_one_from_the_beginning(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b", "c")) as session:
        early = await session.attach(name="early", whole=True)
        session.executor.finish((await session.until_running())[0])
        await until(early, lambda feed: feed.state.nodes["b"].state is State.RUNNING)
        late = await session.attach(name="late")
        watcher = await session.attach(name="watcher", role="observe")
        for node in ("b", "c"):
            await until(early, lambda feed, node=node: feed.state.nodes[node].state is State.RUNNING)
            session.executor.finish(f"{node}//1")
        for feed in (early, late, watcher):
            await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        hashes = {state_hash(feed.state) for feed in (early, late, watcher)}
        assert hashes == {state_hash(session.conductor.state)}
        for feed in (early, late, watcher):
            await feed.close()


async def test_events_come_once_each_and_in_order(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        feed = await session.attach(whole=True)
        for number in range(500):
            session.conductor.record(Noted("info", str(number)))
        seqs: list[int] = []
        async with asyncio.timeout(10):
            while not seqs or seqs[-1] < session.conductor.state.seq:
                await feed.wait()
                seqs += [event.seq for event in feed.drain().events]
        assert seqs == list(range(1, len(seqs) + 1))
        await feed.close()


async def test_07_a_command_is_answered_with_the_seq_at_which_everybody_sees_it(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        await session.until_running()
        actor, other = await session.attach(name="actor"), await session.attach(name="other")
        seq = await actor.command("node.pause", {"node": "b"})
        assert session.conductor.log.committed_seq >= seq
        seen: list[Any] = []
        async with asyncio.timeout(10):
            while not other.state.nodes["b"].held:
                await other.wait()
                seen += other.drain().events
        event = next(event for event in seen if event.seq == seq)
        assert event.actor is not None
        assert event.actor.endswith(" actor")
        await actor.close()
        await other.close()


async def test_07_who_observes_cannot_command(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        feed = await session.attach(role="observe")
        before = session.conductor.state.seq
        with pytest.raises(CommandRefused) as refused:
            await feed.command("session.cancel", {})
        assert refused.value.code == Code.FORBIDDEN
        assert not session.conductor.state.cancelling
        assert session.conductor.state.seq - before <= 2
        await feed.close()


async def test_12_a_command_repeated_with_its_id_has_one_effect(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session, raw(session) as viewer:
        await viewer.call("initialize", HELLO)
        params = {"node": "b", "client_cmd_id": "one"}
        first = await viewer.call("node.pause", params, 2)
        again = await viewer.call("node.pause", params, 3)
        assert again["result"] == {"seq": session.conductor.state.commands["one"]}
        assert first["result"]["seq"] >= again["result"]["seq"]
        held = [line for line in await session.conductor.log.lines(1, 1000) if '"node_held"' in line]
        assert len(held) == 1


async def test_a_refused_command_says_why_with_the_codes_of_the_engine(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), review=True) as session, raw(session) as viewer:
        await viewer.call("initialize", HELLO)
        stale = await viewer.call("plan.approve", {"plan_rev": 7}, 2)
        assert stale["error"]["code"] == Code.STALE_PLAN
        assert stale["error"]["data"]["current_rev"] == 1
        unknown = await viewer.call("plan.admire", {}, 3)
        assert unknown["error"]["code"] == Code.METHOD
        assert (await viewer.call("ping", {"t": 1}, 4))["result"] == {"t": 1}


async def test_17_two_who_decide_on_one_plan_at_once_have_one_winner(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), review=True) as session:
        feeds = [await session.attach(name=str(number)) for number in range(2)]
        results = await asyncio.gather(
            *(feed.command("plan.approve", {"plan_rev": 1}) for feed in feeds), return_exceptions=True
        )
        assert sorted(type(result).__name__ for result in results) == ["CommandRefused", "int"]
        for feed in feeds:
            await feed.close()


async def test_16_the_snapshot_tells_what_waits_for_a_person(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), review=True) as session:
        feed = await session.attach()
        assert feed.state.status is Status.AWAITING_APPROVAL
        assert feed.state.pending["plan"].plan_rev == 1
        await feed.close()


async def test_06_viewers_know_of_each_other_and_ids_are_never_used_again(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        first, second = await session.attach(name="first"), await session.attach(name="second", role="observe")
        await until(first, lambda feed: len(feed.status.viewers) == 2)
        assert {(viewer.name, viewer.role) for viewer in first.status.viewers} == {
            ("first", "control"),
            ("second", "observe"),
        }
        used = {viewer.id for viewer in first.status.viewers}
        await second.close()
        await until(first, lambda feed: len(feed.status.viewers) == 1)
        third = await session.attach(name="third")
        await until(first, lambda feed: len(feed.status.viewers) == 2)
        assert len(used | {viewer.id for viewer in first.status.viewers}) == 3
        await first.close()
        await third.close()


async def test_streamed_text_reaches_the_viewer_with_its_offset(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        attempt = (await session.until_running())[0]
        feed = await session.attach()
        text = ""
        async with asyncio.timeout(10):
            for word in ("one ", "two ", "three " * 20_000):
                session.executor.say(attempt, word)
            while len(text) < 65_536:
                await feed.wait()
                for piece in feed.drain().streams:
                    text = (text + piece.text)[-65_536:]
                    end = piece.offset + len(piece.text)
        assert end == 8 + 120_000
        assert text.endswith("three ")
        await feed.close()


async def test_a_huge_event_and_a_huge_snapshot_arrive_whole(tmp_path: Path) -> None:
    plan = Plan("g", tuple(Node(f"n{number}", PromptSpec("p" * 300)) for number in range(5_000)))
    async with live_session(tmp_path, plan, review=True) as session:
        by_events = await session.attach(whole=True)
        await until(by_events, lambda feed: feed.state.seq == session.conductor.state.seq)
        by_snapshot = await session.attach()
        assert by_events.state.plan == by_snapshot.state.plan == plan
        await until(by_snapshot, lambda feed: feed.state.forecast is not None)  # it comes when it has been worked out
        await until(by_events, lambda feed: feed.state.seq == by_snapshot.state.seq)
        assert state_hash(by_events.state) == state_hash(by_snapshot.state)
        await by_events.close()
        await by_snapshot.close()


async def test_26_a_recorded_output_of_five_megabytes_arrives_whole(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        output = "".join(random.Random(1).choices("abc \né", k=5_000_000))
        session.executor.finish((await session.until_running())[0], output)
        feed = await session.attach()
        await until(feed, lambda feed: feed.state.nodes["a"].state is State.SUCCEEDED)
        assert blob_sha((await feed.output("a")).encode()) == blob_sha(output.encode())
        assert await feed.output("nobody") == ""
        await feed.close()


async def test_pages_of_the_past_are_of_one_node_if_asked(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b"), at_once=True) as session:
        feed = await session.attach()
        await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        of_b = await feed.events_before(feed.state.seq + 1, 10, "b")
        assert [event.body.TYPE for event in of_b] == ["attempt_started", "attempt_succeeded"]
        last_two = await feed.events_before(feed.state.seq, 2)
        assert [event.seq for event in last_two] == [feed.state.seq - 2, feed.state.seq - 1]
        await feed.close()


@pytest.mark.parametrize(
    "noise",
    [
        b"x" * (rpc.MAX_LINE + 1),
        b"\xff\xfe\n",
        b"not json\n",
        random.Random(3).randbytes(10_000) + b"\n",
    ],
    ids=["over-long", "not utf-8", "not json", "garbage"],
)
async def test_25_noise_closes_its_own_connection_and_no_other(tmp_path: Path, noise: bytes) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await session.attach()
        async with raw(session) as viewer:
            await viewer.call("initialize", HELLO)
            viewer.writer.write(noise)
            message = await viewer.line()
            while "error" not in message:
                message = await viewer.line()
            assert message["error"]["code"] in (Code.PARSE, Code.INVALID)
            assert await viewer.closed()
        await feed.command("node.pause", {"node": "b"})
        assert feed.status.link is Link.LIVE
        await feed.close()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("events.page", {"before": 2**70, "limit": 5}),
        ("blob.read", {"sha": "none", "offset": 2**70}),
        ("limits.set", {"concurrency": "+²"}),
        ("limits.set", {"usd": float("nan")}),
        ("limits.set", {"tokens": float("inf")}),
    ],
)
async def test_figures_beyond_reason_are_refused_and_the_connection_lives(
    tmp_path: Path, method: str, params: dict[str, Any]
) -> None:
    async with live_session(tmp_path, chain("a")) as session, raw(session) as viewer:
        await viewer.call("initialize", HELLO)
        assert (await viewer.call(method, params, id=2))["error"]["code"] == Code.PARAMS
        assert "result" in await viewer.call("ping", {}, id=3)


async def test_25_an_unknown_method_is_named_and_the_connection_lives(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session, raw(session) as viewer:
        await viewer.call("initialize", HELLO)
        error = (await viewer.call("plan.admire", {}, 2))["error"]
        assert (error["code"], "plan.admire" in error["message"]) == (Code.METHOD, True)
        assert "result" in await viewer.call("ping", {}, 3)


async def test_25_who_does_not_introduce_itself_is_closed(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), handshake_s=0.1) as session, raw(session) as viewer:
        assert (await viewer.line())["error"]["code"] == Code.HANDSHAKE
        assert await viewer.closed()


async def test_25_nothing_is_answered_before_initialize(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session, raw(session) as viewer:
        assert (await viewer.call("snapshot", {}))["error"]["code"] == Code.HANDSHAKE
        assert await viewer.closed()


async def test_18_another_protocol_is_refused_with_both_versions(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session, raw(session) as viewer:
        error = (await viewer.call("initialize", {**HELLO, "protocol": {"min": 3, "max": 4}}))["error"]
        assert error["code"] == Code.VERSION
        assert error["data"]["supported"] == {"min": 1, "max": 2}
        assert error["data"]["argv0"]


async def test_24_another_user_is_refused_after_being_heard(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), uid_of=lambda peer: os.geteuid() + 1) as session:
        with pytest.raises(Unreachable, match="another user") as caught:
            await session.attach()
        assert caught.value.code == Code.FORBIDDEN


async def test_events_of_another_log_are_not_continued(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session, raw(session) as viewer:
        welcome = (await viewer.call("initialize", HELLO))["result"]
        other = await viewer.call("subscribe", {"from_seq": 1, "log_id": "other"}, 2)
        assert other["error"]["code"] == Code.LOG_CHANGED
        ahead = await viewer.call("subscribe", {"from_seq": 9_999, "log_id": welcome["log_id"]}, 3)
        assert ahead["error"]["code"] == Code.AHEAD


async def test_08_a_viewer_that_reads_nothing_costs_little_and_slows_nobody(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), stalled_s=60.0) as session, raw(session) as stuck:
        welcome = (await stuck.call("initialize", HELLO))["result"]
        await stuck.call("subscribe", {"from_seq": 1, "log_id": welcome["log_id"]}, 2)
        stuck.reader._transport.pause_reading()  # type: ignore[attr-defined]
        quick = await session.attach(whole=True)
        for number in range(5_000):
            session.conductor.record(Noted("info", f"{number} {'x' * 1000}"))
        await until(quick, lambda feed: feed.state.seq >= session.conductor.state.seq)
        links = session.server._links.values()
        assert all(link._writer.transport.get_write_buffer_size() < rpc.MAX_LINE for link in links)
        await quick.close()


async def test_who_leaves_before_it_is_waited_for_is_not_missed(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        feed = await session.attach()
        news = session.server.viewers_changed()
        await feed.close()
        while session.server.viewers:
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await news
        assert session.server.viewers == ()


async def test_09_a_viewer_that_accepts_nothing_is_dropped_with_a_word_and_evicts_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with live_session(tmp_path, chain("a"), stalled_s=0.2) as session, raw(session) as stuck:
        welcome = (await stuck.call("initialize", HELLO))["result"]
        await stuck.call("subscribe", {"from_seq": 1, "log_id": welcome["log_id"]}, 2)
        stuck.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(3_000):
            session.conductor.record(Noted("info", "x" * 1000))
        async with asyncio.timeout(10):
            while session.server.viewers:
                await session.server.viewers_changed()
            while session.server._links:
                await asyncio.sleep(0.01)  # it counts no more before all that is left of it is gone
        assert "viewer 1 (raw) accepts nothing and was dropped" in caplog.text
        feed = await session.attach()  # what is left of the old connection evicts nobody
        stuck.reader._transport.resume_reading()  # type: ignore[attr-defined]
        await stuck.closed()
        assert await feed.command("marker.add", {"label": "still here"}) <= session.conductor.state.seq
        assert [viewer.id for viewer in session.server.viewers] == [2]
        await feed.close()


async def test_a_viewer_far_behind_is_offered_a_snapshot(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), resync_events=100) as session:
        feed = await session.attach()
        feed.drain()
        for number in range(500):
            session.conductor.record(Noted("info", str(number)))
        resets = 0
        async with asyncio.timeout(10):
            while feed.state.seq < session.conductor.state.seq:
                await feed.wait()
                resets += feed.drain().reset
        assert resets >= 1
        assert state_hash(feed.state) == state_hash(session.conductor.state)
        await feed.close()


async def test_an_idle_host_is_heard_of(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), heartbeat_s=0.1) as session, raw(session) as viewer:
        await viewer.call("initialize", HELLO)
        methods = {(await viewer.line())["method"] for _ in range(3)}
        assert "heartbeat" in methods


async def test_a_host_that_leaves_says_so_after_the_last_event(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        feed = await session.attach()
    await until(feed, lambda feed: feed.status.link is Link.ENDED)
    assert feed.exit_code == 143
    assert state_hash(feed.state) == state_hash(session.conductor.state)
    await feed.close()


async def test_a_viewer_that_hears_nothing_takes_the_link_for_dead_and_comes_back(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), heartbeat_s=60.0) as session:
        feed = await session.attach(silence_s=1.0, backoff_s=0.05)
        await until(feed, lambda feed: feed.status.link is Link.RECONNECTING)
        assert "nothing was heard" in feed.status.note
        await until(feed, lambda feed: feed.status.link is Link.LIVE)
        await feed.close()


async def test_a_broken_link_is_mended_without_gap_or_repetition(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        feed = await session.attach(whole=True, backoff_s=0.02)
        seqs: list[int] = []
        for round in range(5):
            for number in range(200):
                session.conductor.record(Noted("info", f"{round} {number}"))
            for link in list(session.server._links.values()):
                link._writer.transport.abort()
            seqs += [event.seq for event in feed.drain().events]
        async with asyncio.timeout(10):
            while not seqs or seqs[-1] < session.conductor.state.seq:
                await feed.wait()
                seqs += [event.seq for event in feed.drain().events]
        assert seqs == list(range(1, len(seqs) + 1))
        await feed.close()


async def test_12_a_command_sent_while_the_link_breaks_takes_effect_once(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await session.attach(backoff_s=0.02)
        command = asyncio.create_task(feed.command("node.pause", {"node": "b"}))
        while not session.conductor.state.nodes["b"].held:
            await asyncio.sleep(0)
        for link in list(session.server._links.values()):
            link._writer.transport.abort()
        assert await command <= session.conductor.state.seq
        held = [line for line in await session.conductor.log.lines(1, 1000) if '"node_held"' in line]
        assert len(held) == 1
        await feed.close()


def test_24_the_socket_is_the_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        listener = bind(tmp_path / "s.sock")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "s.sock").stat().st_mode) == 0o600
    listener.close()


def test_23_a_stale_socket_is_replaced_and_anything_else_is_not(tmp_path: Path) -> None:
    bind(tmp_path / "s.sock").close()
    bind(tmp_path / "s.sock").close()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PathRefused):
        bind(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


async def test_a_host_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        await WireFeed.connect(tmp_path / "none.sock")
