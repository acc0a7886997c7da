"""Forks of a session that a host runs, asked for over its wire: the host goes on as if nobody had asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from swarmtui.host.client import WireFeed
from swarmtui.host.feed import CommandRefused
from swarmtui.host.jsonrpc import Code
from swarmtui.session.folder import SessionFolder, session_folders
from swarmtui.session.reader import Reader
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import State, Status
from tests.host.sessions import LiveSession, chain, live_session, until


async def forked(feed: WireFeed, **params: Any) -> dict[str, Any]:
    reply: dict[str, Any] = await feed.ask("fork", {"start": False, **params}, cap="fork")
    return reply


async def half_way(session: LiveSession) -> WireFeed:
    """A viewer of a session of which `a` has ended and `b` runs."""
    feed = await session.attach(name="tui", whole=True)
    session.executor.finish((await session.until_running())[0], "of a")
    await until(feed, lambda feed: feed.state.nodes["b"].state is State.RUNNING)
    return feed


async def test_31_a_running_session_is_forked_over_its_wire_and_goes_on(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await half_way(session)
        edit = {"ops": [{"op": "set", "node": "b", "field": "prompt", "value": "say it otherwise"}]}
        at = session.conductor.log.committed_seq
        reply = await forked(feed, at_seq=at, edits=[edit], name="child")
        assert (reply["id"], reply["parent"], reply["kept"]) == ("child", {"id": "abcdefgh", "seq": at}, ["a"])
        assert reply["repeated"] == ["b"]
        assert list(session.executor.running) == ["b//1"], "what runs of the parent runs on"
        assert session.conductor.state.seq == at, "and nothing is recorded there"
        session.executor.finish("b//1")
        await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        with Reader(tmp_path / "child" / "session.db") as reader:
            child = reader.state()
            reader.verify()
            actors = {row.actor for row in reader.rows(at + 1)}
        assert (child.status, child.plan_rev, feed.state.plan_rev) == (Status.PAUSED, 2, 1)
        assert len(actors) == 1
        assert next(iter(actors)).endswith(" tui")
        await feed.close()


async def test_31_a_fork_that_is_asked_for_twice_over_a_broken_link_is_made_once(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await half_way(session)
        replies = await asyncio.gather(*(forked(feed, at_seq=5, client_cmd_id="one") for _ in range(3)))
        assert len({reply["id"] for reply in replies}) == 1
        assert len([folder for folder in session_folders(tmp_path) if folder.id != "abcdefgh"]) == 1
        other = await forked(feed, at_seq=5, client_cmd_id="another")
        assert other["id"] != replies[0]["id"]
        await feed.close()


async def test_31_forks_at_every_event_of_a_live_session_hold_the_state_of_then(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await half_way(session)
        for at in range(2, session.conductor.log.committed_seq + 1):
            reply = await forked(feed, at_seq=at)
            with Reader(session.folder.db) as old, Reader(SessionFolder(tmp_path / reply["id"]).db) as new:
                assert state_hash(new.state(at)) == state_hash(old.state(at))
                assert list(new.rows(1, at)) == list(old.rows(1, at))
                assert new.state().id == reply["id"]
        await feed.close()


async def test_31_who_only_observes_forks_nothing_and_what_is_no_fork_is_refused(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await half_way(session)
        observer = await session.attach(name="eye", role="observe")
        with pytest.raises(CommandRefused) as refused:
            await forked(observer, at_seq=5)
        assert refused.value.code == Code.FORBIDDEN
        with pytest.raises(CommandRefused, match="there is no event 900: this session has events 1 to"):
            await forked(feed, at_seq=900)
        assert [folder.id for folder in session_folders(tmp_path)] == ["abcdefgh"]
        await observer.close()
        await feed.close()
