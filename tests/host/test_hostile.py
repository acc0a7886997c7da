"""Viewers and hosts that say what they should not, by mistake or on purpose: only they come to harm."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.commands import Refused
from swarmtui.host import connection
from swarmtui.host import jsonrpc as rpc
from swarmtui.host import protocol as wire
from swarmtui.host.client import Unreachable, WireFeed
from swarmtui.host.feed import Link
from swarmtui.host.jsonrpc import Code
from swarmtui.host.viewer import COMMANDS_AT_ONCE
from swarmtui.session import fold
from swarmtui.session.state_json import state_to_json
from tests.host.sessions import chain, live_session, until
from tests.host.test_server import HELLO, raw

HALF = "\ud800"
"""What JSON writes as an escape, and no encoding of Unicode can hold."""


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("events.page", {"before": 5, "limit": 5, "node": HALF}),
        ("output.read", {"node": HALF}),
        ("blob.read", {"sha": HALF}),
        ("marker.add", {"label": HALF}),
        ("plan.edit", {"base_rev": 1, "text": HALF}),
        (HALF, {}),
        ("marker.add", {"label": "x", "client_cmd_id": "i" * (wire.ID_CHARS + 1)}),
        ("marker.add", {"label": "x", "client_cmd_id": ""}),
        ("marker.add", {"label": "x", "client_cmd_id": HALF}),
    ],
)
async def test_25_what_no_file_can_hold_is_refused_and_nothing_of_it_recorded(
    tmp_path: Path, method: str, params: dict[str, Any]
) -> None:
    async with live_session(tmp_path, chain("a")) as session, raw(session) as viewer:
        await session.until_running()
        await viewer.call("initialize", HELLO)
        before = session.conductor.state.seq
        assert (await viewer.call(method, params, id=2))["error"]["code"] == Code.PARAMS
        assert "result" in await viewer.call("ping", {}, id=3)
        assert session.conductor.state.seq == before


@pytest.mark.parametrize("first", [-(2**70), 2**70])
async def test_25_marks_from_beyond_all_events_are_none_and_no_damage(tmp_path: Path, first: int) -> None:
    async with live_session(tmp_path, chain("a")) as session, raw(session) as viewer:
        await viewer.call("initialize", HELLO)
        told = (await viewer.call("marks", {"from_seq": first}, id=2))["result"]
        assert told["head_seq"] >= 1
        assert first < 0 or told["marks"] == []


async def test_25_of_one_who_sends_commands_and_reads_nothing_so_many_are_taken_and_no_more(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session, raw(session) as viewer:
        await viewer.call("initialize", HELLO)
        asked, go_on = 0, asyncio.Event()

        async def command(*words: Any, **how: Any) -> int:
            nonlocal asked
            asked += 1
            await go_on.wait()
            raise Refused("not in this test")

        session.conductor.command = command  # type: ignore[method-assign,assignment]
        for number in range(3 * COMMANDS_AT_ONCE):
            viewer.writer.write(rpc.encode(rpc.Request(number + 2, "session.pause", {})))
        await viewer.writer.drain()
        other = await session.attach()
        assert "head_seq" in await other.ask("marks", {}), "others are served"
        assert asked == COMMANDS_AT_ONCE
        go_on.set()
        left = set(range(2, 3 * COMMANDS_AT_ONCE + 2))
        while left:  # the rest has its turn
            left.discard((await viewer.line()).get("id", 0))
        await other.close()


async def test_25_of_many_who_knock_at_once_and_say_nothing_none_keeps_a_viewer_out(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a")) as session:
        with contextlib.ExitStack() as knocking:
            for _ in range(200):  # more than a socket holds unless it is told to
                knock = knocking.enter_context(socket.socket(socket.AF_UNIX))
                knock.setblocking(False)
                knock.connect(str(session.socket))
            feed = await session.attach()
            assert len(session.server.viewers) == 1
            await feed.close()


# -- hosts ----------------------------------------------------------------------------------------------------

WELCOME = wire.to_json(
    wire.Welcome(2, wire.ServerInfo("9", 1, "x", 0.0, "box"), "abcdefgh", 1, "control", 0, "log", ("viewers",))
)
SNAPSHOT: dict[str, Any] = {"seq": 0, "log_id": "log", "state": state_to_json(fold.empty()), "viewers": []}
GOOD = {"initialize": WELCOME, "snapshot": SNAPSHOT, "subscribe": {}}


@contextlib.asynccontextmanager
async def host_that_says(root: Path, replies: dict[str, Any], notice: bytes = b"") -> AsyncIterator[Path]:
    """A host with these replies, which are JSON or its text, and once somebody has subscribed `notice` to say."""

    serving: set[asyncio.Task[Any] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with contextlib.closing(writer):
            while line := await reader.readline():
                asked = json.loads(line)
                said = replies.get(asked["method"])
                writer.write(rpc.encode_reply(asked["id"], said if isinstance(said, str) else rpc.dump(said)))
                if asked["method"] == "subscribe":
                    writer.write(notice)

    server = await asyncio.start_unix_server(serve, str(root / "s.sock"), limit=rpc.MAX_LINE)
    try:
        yield root / "s.sock"
    finally:
        server.close()
        await asyncio.gather(*filter(None, serving))  # they end with their viewers


DEEP = '{"state":' + "[" * 900 + "]" * 900 + "}"


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("initialize", None),
        ("initialize", {}),
        ("initialize", {**WELCOME, "session": None}),
        ("initialize", {**WELCOME, "session": "x; touch y"}),
        ("initialize", {"$blob": {"sha": 7}}),
        ("initialize", {"$blob": {"sha": "x", "size": -1}}),
        ("snapshot", None),
        ("snapshot", []),
        ("snapshot", {**SNAPSHOT, "state": []}),
        ("snapshot", {**SNAPSHOT, "state": {"nodes": 7}}),
        ("snapshot", {**SNAPSHOT, "viewers": [{}]}),
        ("snapshot", DEEP),
        ("snapshot", '{"seq": 1e999, "log_id": 1, "state": {"seq": 1e999}}'),
    ],
)
async def test_a_host_that_makes_no_sense_is_unreachable_rather_than_waited_for(
    tmp_path: Path, method: str, said: Any
) -> None:
    async with host_that_says(tmp_path, {**GOOD, method: said}) as path, asyncio.timeout(10):
        with pytest.raises(Unreachable, match="cannot be reached"):
            await WireFeed.connect(path)


UNFOLDABLE: dict[str, Any] = {
    "seq": 1,
    "ts": 1.0,
    "mono": 0.0,
    "type": "node_skipped",
    "node": "a",
    "data": {"cause": "x"},
}
"""An event that can be read, and not be folded: it is of a node that no plan has."""


@pytest.mark.parametrize(
    ("topic", "params"),
    [
        ("event", {}),
        ("event", {"seq": 1, "ts": "x", "type": "noted", "data": []}),
        ("event", {"$blob": []}),
        ("events", {"batch": 7}),
        ("events", {}),
        ("viewers", {"viewers": [1]}),
        ("stream", {"pieces": {}}),
        ("bye", {}),
        ("lagging", {"behind": "x"}),
        ("trouble", []),
        ("event", UNFOLDABLE),
        ("events", {"batch": [UNFOLDABLE]}),
    ],
)
async def test_a_host_that_begins_to_make_no_sense_is_left_with_a_word_and_tried_again(
    tmp_path: Path, topic: str, params: Any
) -> None:
    notice = json.dumps({"jsonrpc": "2.0", "method": topic, "params": params}).encode() + b"\n"
    async with host_that_says(tmp_path, GOOD, notice) as path:
        feed = await WireFeed.connect(path, backoff_s=60.0)
        await until(feed, lambda feed: feed.status.link is Link.RECONNECTING)
        assert "the host " in feed.status.note
        await feed.close()


async def test_a_reply_that_makes_no_sense_is_no_success(tmp_path: Path) -> None:
    async with host_that_says(tmp_path, GOOD | {"session.pause": {"no": "seq"}}) as path:
        feed = await WireFeed.connect(path)
        with pytest.raises(ConnectionError, match="makes no sense"):
            await feed.command("session.pause", {})
        await feed.close()


@pytest.mark.parametrize(("whole", "asks"), [(False, "snapshot"), (True, "subscribe")])
async def test_an_event_that_cannot_be_folded_is_not_passed_over_in_silence(
    tmp_path: Path, whole: bool, asks: str
) -> None:
    """Half of it may be in the state: the next connection begins with a snapshot, and for who wants all of them the
    event is asked for again."""
    notice = json.dumps({"jsonrpc": "2.0", "method": "event", "params": UNFOLDABLE}).encode() + b"\n"
    replies = Asked({**GOOD, "initialize": {**WELCOME, "head_seq": 1}})
    async with host_that_says(tmp_path, replies, notice) as path, asyncio.timeout(10):
        feed = await WireFeed.connect(path, backoff_s=0.01, whole=whole)
        await until(feed, lambda feed: feed.status.link is Link.RECONNECTING)
        before = replies.of(asks)
        await until(feed, lambda feed: replies.of(asks) > before)
        assert feed.state.seq == 0
        await feed.close()


async def test_a_host_that_floods_and_does_not_answer_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "UNANSWERED", 300_000)
    flood = b'{"jsonrpc":"2.0","method":"heartbeat","params":{"pad":"' + b"x" * 1_000 + b'"}}\n'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while True:
                writer.write(flood)
                await writer.drain()

    server = await asyncio.start_unix_server(serve, str(tmp_path / "s.sock"))
    async with asyncio.timeout(10):
        with pytest.raises(Unreachable, match="does not answer"):
            await WireFeed.connect(tmp_path / "s.sock")
    server.close()


class Asked(dict[str, Any]):
    """Replies that count how often each was asked for."""

    def __init__(self, replies: dict[str, Any]) -> None:
        super().__init__(replies)
        self._times: Counter[str] = Counter()

    def get(self, method: str, default: Any = None) -> Any:
        self._times[method] += 1
        return super().get(method, default)

    def of(self, method: str) -> int:
        return self._times[method]


@pytest.mark.parametrize("early", [True, False])
async def test_a_feed_that_breaks_says_so_to_whoever_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """What is no fault of the host is a defect: nobody waits for ever because of it."""

    def broken(*_: Any) -> None:
        raise MemoryError("a defect")

    at = "_connected" if early else "_lose"
    async with host_that_says(tmp_path, GOOD, b"nothing\n") as path, asyncio.timeout(10):
        if early:
            monkeypatch.setattr(WireFeed, at, broken)
            with pytest.raises(Unreachable, match="a defect"):
                await WireFeed.connect(path)
            return
        feed = await WireFeed.connect(path)
        monkeypatch.setattr(feed._backoff, "lost", lambda why: broken() if "defect" not in why else None)
        await until(feed, lambda feed: feed.status.link is Link.ENDED)
        assert "a defect" in feed.status.note
        with pytest.raises(ConnectionError, match="a defect"):
            await feed.command("session.pause", {})
        await feed.close()
