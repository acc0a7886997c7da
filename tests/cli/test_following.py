"""Whoever watches lines sees a session to its end, not to a rest that it had on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from swarmtui.cli.headless import follow
from swarmtui.host.connection import Connection
from swarmtui.host.feed import Changes
from swarmtui.host.intake import Intake
from swarmtui.host.jsonrpc import Notice
from swarmtui.session.events import Event, PlanApproved
from swarmtui.session.reader import Reader
from swarmtui.session.vocabulary import Status
from tests.host.sessions import chain, live_session, until


async def test_what_comes_after_a_rest_of_long_ago_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Event] = []
    looked, take = asyncio.Event(), Intake.take

    async def take_late(self: Intake, connection: Connection, notice: Notice) -> object:
        await looked.wait()
        return await take(self, connection, notice)

    async with live_session(tmp_path, chain("a"), review=True, at_once=True) as session:
        first = await session.attach()
        await until(first, lambda feed: feed.state.status is Status.AWAITING_APPROVAL)
        await first.command("plan.approve", {"plan_rev": 1})
        await until(first, lambda feed: feed.state.status is Status.SUCCEEDED)
        with Reader(session.folder.db) as reader:
            approved = next(row.seq for row in reader.rows() if row.type == PlanApproved.TYPE)
        monkeypatch.setattr(Intake, "take", take_late)
        late = await session.attach(whole=True, from_seq=approved)
        drain = late.drain

        def drained() -> Changes:
            looked.set()
            return drain()

        monkeypatch.setattr(late, "drain", drained)
        await follow(late, seen.append)
        assert late.state.status is Status.SUCCEEDED
        assert [event.seq for event in seen] == list(range(approved, first.state.seq + 1))
        await late.close()
        await first.close()
