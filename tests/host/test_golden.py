"""The wire as it was: viewers and hosts of a transcript get on with those of today."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import swarmtui
from swarmtui.cli.failures import explain
from swarmtui.engine import foresight
from swarmtui.host.client import Unreachable, WireFeed, dial_unix
from swarmtui.host.exits import Exit
from swarmtui.host.feed import CommandRefused, Link
from swarmtui.host.jsonrpc import Code
from swarmtui.host.protocol import CAPS
from swarmtui.host.wire_past import WirePast
from swarmtui.session.events import Forecasted
from swarmtui.session.vocabulary import State
from tests.fixtures.wire.make import events_of, happen, normalised, staged
from tests.host.sessions import LiveSession, until

WIRE = Path(__file__).parent.parent / "fixtures" / "wire"
Line = dict[str, Any]
FREE = ("client_cmd_id", "len", "limit")
"""Parameters that each viewer chooses as it likes."""


def transcript(name: str) -> list[Line]:
    return [json.loads(line) for line in (WIRE / name).read_text().splitlines()]


class OldHost:
    """A host that knows nothing but what the host of a transcript said over its main connection."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = [line for line in lines if line["from"] != "session" and line["link"] == 1]
        self.asked: list[Line] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while raw := await reader.readline():
            request = json.loads(raw)
            self.asked.append(request)
            for said in self._answer(request):
                writer.write(json.dumps(said).encode() + b"\n")
        writer.close()

    def _answer(self, request: Line) -> Iterator[Line]:
        """What the transcript has from this question to the next other one; else this host's ignorance."""
        at = self._place(request)
        if at is None:
            message = f"this version has no command {request['method']!r}"
            yield {"jsonrpc": "2.0", "id": request["id"], "error": {"code": Code.METHOD, "message": message}}
            return
        question = self._lines[at]["line"]
        for said in self._lines[at + 1 :]:
            line = said["line"]
            if said["from"] == "viewer":
                if line["params"] != question["params"]:
                    break
            elif "method" in line:
                yield line
            elif line["id"] == question["id"]:
                yield {**line, "id": request["id"]}

    def _place(self, request: Line) -> int | None:
        """Where the transcript has this question, or if it has not just this one, the last of its kind."""
        found = None
        for at, said in enumerate(self._lines):
            if said["from"] == "viewer" and said["line"]["method"] == request["method"]:
                found = at
                asked = said["line"]["params"].items()
                if all(request["params"].get(name) == value for name, value in asked if name not in FREE):
                    break
        return found


def within(some: Any, whole: Any) -> bool:
    """Whether all that `some` has is in `whole`, which may have more fields."""
    if isinstance(some, dict) and isinstance(whole, dict):
        return all(name in whole and within(value, whole[name]) for name, value in some.items())
    if isinstance(some, list) and isinstance(whole, list):
        return len(some) == len(whole) and all(map(within, some, whole))
    return bool(some == whole)


@contextlib.asynccontextmanager
async def old_host(root: Path, change: Callable[[list[Line]], None] = lambda lines: None) -> AsyncIterator[Path]:
    lines = transcript("v1.jsonl")
    change(lines)
    host = OldHost(lines)
    server = await asyncio.start_unix_server(host.serve, str(root / "s.sock"))
    try:
        yield root / "s.sock"
    finally:
        server.close()


async def test_18_a_host_of_version_1_is_followed_to_its_goodbye(tmp_path: Path) -> None:
    async with old_host(tmp_path) as socket:
        feed = await WireFeed.connect(socket, whole=True)
        texts: list[str] = []
        async with asyncio.timeout(10):
            while not texts:
                await feed.wait()
                texts += [piece.text for piece in feed.drain().streams]
        assert texts == ["hello, "]
        assert (feed.status.host_version, feed.status.caps) == ("1.0", frozenset())
        assert [viewer.name for viewer in feed.status.viewers] == ["golden"]
        assert await feed.command("node.pause", {"node": "b"}) == 8
        await until(feed, lambda feed: feed.state.seq == 12)
        assert feed.state.nodes["a"].state is State.SUCCEEDED
        assert await feed.output("a") == "what it gave"
        assert await feed.output("b") == ""
        assert await feed.log_tail("a", 8) == "printed\n"
        assert [event.seq for event in await feed.events_before(4, 2)] == [2, 3]
        with pytest.raises(CommandRefused, match="no node 'nobody'"):
            await feed.command("node.pause", {"node": "nobody"})
        await feed.close()


async def test_18_a_snapshot_of_version_1_is_what_a_viewer_begins_with(tmp_path: Path) -> None:
    async with old_host(tmp_path) as socket:
        feed = await WireFeed.connect(socket)
        assert feed.state.seq == 6
        assert feed.state.nodes["a"].state is State.RUNNING
        await feed.close()


async def test_18_what_an_older_host_lacks_is_named(tmp_path: Path) -> None:
    async with old_host(tmp_path) as socket:
        feed = await WireFeed.connect(socket)
        past = WirePast(feed)
        for asking in (past.head(), past.state_at(3), past.events(1, 3)):
            with pytest.raises(CommandRefused, match=f"runs swarmtui 1.0, which cannot {CAPS['past']}") as caught:
                await asking
            assert caught.value.code == Code.METHOD
        with pytest.raises(CommandRefused, match=CAPS["marks"]):
            await past.marks()
        with pytest.raises(CommandRefused, match=r"runs swarmtui 1\.0, which lacks 'marker.add'"):
            await feed.command("marker.add", {"label": "here"})
        assert feed.status.link is Link.LIVE
        await feed.close()


async def test_33_events_from_a_number_on_come_from_an_older_host_too(tmp_path: Path) -> None:
    async with old_host(tmp_path) as socket:
        feed = await WireFeed.connect(socket, whole=True, from_seq=5)
        await until_seq(feed, 6, seqs := [])
        assert seqs == [5, 6]
        await feed.close()


async def until_seq(feed: WireFeed, seq: int, seqs: list[int]) -> None:
    """Take events until the last is `seq`."""
    async with asyncio.timeout(10):
        while not seqs or seqs[-1] < seq:
            await feed.wait()
            seqs += [event.seq for event in feed.drain().events]


@pytest.mark.parametrize("destination", ["", "ann@there"])
async def test_18_a_host_two_versions_ahead_is_left_at_once_with_all_that_is_needed(
    tmp_path: Path, destination: str
) -> None:
    def newer(lines: list[Line]) -> None:
        refused = next(line["line"]["error"] for line in lines if "error" in line["line"])
        refused["message"] = "the viewer speaks protocol 1 to 2, this host 3 to 4"
        refused["data"] |= {"supported": {"min": 3, "max": 4}, "server_version": "4.0", "program": "/opt/swarmtui"}
        answer = next(line for line in lines if line["from"] == "host" and line["link"] == 1)
        answer["line"] = {"jsonrpc": "2.0", "id": answer["line"]["id"], "error": refused}

    async with old_host(tmp_path, newer) as socket:
        with pytest.raises(Unreachable) as caught:
            await WireFeed.over(dial_unix(socket), destination=destination)
    assert caught.value.code == Code.VERSION
    assert caught.value.final
    told = explain(caught.value)
    assert told is not None
    assert told.code == Exit.VERSION
    for part in ("protocol 1 to 2", "3 to 4", "swarmtui 4.0", "/bin/swarmtui", f"this is {swarmtui.__version__}"):
        assert part in told.message
    own = "/opt/swarmtui attach ID`"
    assert (f"`ssh -t {destination} {own}" if destination else f"`{own}") in told.message


# -- yesterday's viewers --------------------------------------------------------------------------------------


class Replayed:
    """Viewers that say what those of a transcript said, and what they are told."""

    def __init__(self, session: LiveSession, heard: list[Line]) -> None:
        self._session = session
        self._heard = heard
        self._links: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        self.log_ids: dict[str, str] = {}
        """Names of logs in the transcript, and here."""

    async def say(self, link: int, line: Line) -> Line:
        """Say one line; the answer."""
        if link not in self._links:
            self._links[link] = await asyncio.open_unix_connection(str(self._session.socket))
        params = dict(line["params"])
        if "log_id" in params:
            params["log_id"] = self.log_ids.get(params["log_id"], params["log_id"])
        self._links[link][1].write(json.dumps({**line, "params": params}).encode() + b"\n")
        return await self.hear(link, lambda heard: heard.get("id") == line["id"])

    async def hear(self, link: int, enough: Callable[[Line], bool]) -> Line:
        """Whatever comes over `link` until `enough`."""
        async with asyncio.timeout(10):
            while True:
                line: Line = json.loads(await self._links[link][0].readline())
                self._heard.append({"from": "host", "link": link, "line": line})
                if enough(line):
                    return line

    def close(self) -> None:
        for _, writer in self._links.values():
            writer.close()


def without_names(answer: Line) -> Line:
    """An answer without what every host and log names itself by, and what only people read."""
    answer = json.loads(json.dumps(answer))
    result, error = answer.get("result"), answer.get("error")
    if isinstance(result, dict):
        result.pop("log_id", None)
        if "server" in result:
            result.pop("client_id")
    if isinstance(error, dict):
        error.pop("message")
        error.get("data", {}).pop("supported", None)
    return answer


@pytest.mark.parametrize("name", ["v1.jsonl", "v2.jsonl"])
async def test_18_viewers_of_every_version_are_answered_as_they_were(tmp_path: Path, name: str) -> None:
    recorded, heard, differing = transcript(name), list[Line](), list[tuple[Line, Line]]()
    async with staged(tmp_path) as session:
        viewers = Replayed(session, heard)
        for said in recorded:
            line, link = said["line"], said["link"]
            if said["from"] == "viewer":
                answer = await viewers.say(link, line)
                old = next(
                    one["line"]
                    for one in recorded
                    if (one["from"], one["link"], one["line"].get("id")) == ("host", link, line["id"])
                )
                if line["method"] == "initialize" and "result" in answer:
                    viewers.log_ids[old["result"]["log_id"]] = answer["result"]["log_id"]
                (normal,) = normalised([{"from": "host", "link": link, "line": answer}])
                if not within(without_names(old), without_names(normal["line"])):
                    differing.append((old, answer))
            elif said["from"] == "session":
                happen(session, line)
            elif line.get("method") in ("stream", "viewers", "heartbeat"):
                await hear_like(viewers, link, line, heard)
            for seq in [event.get("seq", 12) for event in events_of(line)]:
                await hear_event(viewers, link, seq, heard)
    assert differing == []
    known = {line["line"]["method"] for line in recorded if "method" in line["line"]}
    assert {
        line["line"]["method"] for line in heard if "method" in line["line"]
    } <= known  # nothing is said that is new
    mine, theirs = events_by_seq(heard), events_by_seq(recorded)
    assert {seq: theirs[seq] for seq in range(1, 12)} == {seq: mine[seq] for seq in range(1, 12)}
    viewers.close()


async def test_the_stage_is_set_once_the_forecast_is_recorded_however_late_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()
    foresee = foresight.foresee

    async def late(*asked: Any, **how: Any) -> Forecasted:
        await begun.wait()
        return await foresee(*asked, **how)

    monkeypatch.setattr(foresight, "foresee", late)
    monkeypatch.setattr(LiveSession, "until_running", after(LiveSession.until_running, begun.set))
    async with staged(tmp_path) as session:
        state = session.conductor.state
        assert (state.forecast is not None, state.seq, session.conductor.log.committed_seq) == (True, 6, 6)


def after(wait: Callable[..., Awaitable[Any]], then: Callable[[], None]) -> Callable[..., Awaitable[Any]]:
    """The same, and `then` something happens."""

    async def waited(*given: Any) -> Any:
        found = await wait(*given)
        then()
        return found

    return waited


def events_by_seq(lines: list[Line]) -> dict[int, Line]:
    return {event["seq"]: event for line in lines for event in events_of(line["line"]) if "seq" in event}


async def hear_like(viewers: Replayed, link: int, line: Line, heard: list[Line]) -> None:
    """Until a notice of the same kind was heard over `link`."""
    if not any(one["link"] == link and one["line"].get("method") == line["method"] for one in heard):
        await viewers.hear(link, lambda one: one.get("method") == line["method"])


async def hear_event(viewers: Replayed, link: int, seq: int, heard: list[Line]) -> None:
    """Until event `seq`, or a reference in the place of one, was heard."""

    def is_it(line: Line) -> bool:
        return any(event.get("seq", 12) == seq for event in events_of(line))

    if seq <= 12 and not any(is_it(one["line"]) for one in heard):
        await viewers.hear(link, is_it)
