"""Point 28 of attaching: a map of many items, paused, resumed and retried, as three viewers see it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.ports import Failed
from swarmtui.host.client import WireFeed
from swarmtui.host.feed import CommandRefused
from swarmtui.plan.model import MapSpec, Node, Plan, PromptSpec, Retry
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, State, Status
from tests.host.sessions import LiveSession, live_session, until

BAD = (3, 17, 31)
"""Items that fail the first time."""


def carry_out(session: LiveSession, *, failing: bool) -> None:
    """End whatever runs: as it should, or with an error for those of BAD."""
    for id, attempt in list(session.executor.running.items()):
        if failing and attempt.item in BAD:
            del session.executor.running[id]
            session.executor.tell(Failed(id, ErrorInfo(ErrorKind.EXIT, "no good")))
        else:
            session.executor.finish(id, f"done {attempt.item}")


async def until_counts(session: LiveSession, feeds: list[WireFeed], *, failing: bool = False, **wanted: int) -> None:
    """Carry out what runs until every viewer counts the map's items so."""

    def counted(feed: WireFeed) -> bool:
        items = feed.state.nodes["m"].items
        return items is not None and all(items.counts.get(State(name), 0) == count for name, count in wanted.items())

    async with asyncio.timeout(60):
        while not all(map(counted, feeds)):
            carry_out(session, failing=failing)
            await asyncio.sleep(0.005)
            for feed in feeds:
                feed.drain()


async def timed(asked: Any) -> tuple[Any, float]:
    """An answer, and the seconds it took."""
    began = time.monotonic()
    return await asked, time.monotonic() - began


async def test_28_items_come_in_pages_and_by_state(tmp_path: Path) -> None:
    plan = Plan("g", (Node("m", PromptSpec("say {{ item }}"), map=MapSpec(values=tuple(range(5)))),))
    async with live_session(tmp_path, plan, at_once=True) as session:
        feed = await session.attach()
        await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        page = await feed.ask("items.page", {"node": "m", "limit": 2, "after": 1})
        assert [(item["item"], item["state"], item["attempts"]) for item in page["items"]] == [
            (2, "succeeded", 1),
            (3, "succeeded", 1),
        ]
        assert (page["counts"], page["total"]) == ({"succeeded": 5}, 5)
        assert (await feed.ask("items.page", {"node": "m", "where": "failed"}))["items"] == []
        rest = await feed.ask("items.page", {"node": "m", "where": "succeeded", "after": 2})
        assert [item["item"] for item in rest["items"]] == [3, 4]
        for params in ({"node": "m", "where": "sad"}, {"node": "nobody"}):
            with pytest.raises(CommandRefused):
                await feed.ask("items.page", params)
        await feed.close()


@pytest.mark.chaos
async def test_28_a_map_is_paused_resumed_and_retried_before_three_viewers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    total = 5_000
    items = MapSpec(values=tuple(range(total)), tolerate=1.0)
    plan = Plan("g", (Node("m", PromptSpec("say {{ item }}"), map=items, retry=Retry(0)),))
    async with live_session(tmp_path, plan, review=True) as session:
        feeds = [await session.attach(name=name, role=role) for name, role in VIEWERS]
        user = feeds[0]
        await user.command("limits.set", {"concurrency": 10, "ramp": 0})
        await user.command("plan.approve", {"plan_rev": 1})
        await session.until_running(10)

        await user.command("session.pause", {})
        await until_counts(session, feeds, failing=True, running=0, failed=1, succeeded=9)
        assert len(session.executor.running) == 0  # drained: what ran has ended, and nothing began

        await user.command("session.resume", {})
        await session.until_running(10)
        await user.command("session.pause", {"mode": "now"})
        await until(user, lambda feed: not feed.state.in_flight)
        await until_counts(session, feeds, running=0, succeeded=9, failed=1)

        await user.command("session.resume", {})
        await until_counts(session, feeds, failing=True, succeeded=total - 3, failed=3)
        page, took = await timed(user.ask("items.page", {"node": "m", "where": "failed", "limit": 2}))
        assert [(item["item"], item["error"]["message"]) for item in page["items"]] == [(3, "no good"), (17, "no good")]
        assert (page["counts"], page["total"]) == ({"succeeded": total - 3, "failed": 3}, total)
        rest = await user.ask("items.page", {"node": "m", "where": "failed", "limit": 2, "after": 17})
        assert [item["item"] for item in rest["items"]] == [31]
        whole, longer = await timed(user.ask("items.page", {"node": "m", "after": total - 3, "limit": 1_000}))
        assert [item["item"] for item in whole["items"]] == [total - 2, total - 1]

        await user.command("node.retry", {"node": "m", "item": 17})
        await until_counts(session, feeds, succeeded=total - 2, failed=2)
        await user.command("node.retry", {"node": "m", "failed": True})
        await until_counts(session, feeds, succeeded=total, failed=0)
        for feed in feeds:
            await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        assert len({state_hash(feed.state) for feed in feeds}) == 1
        with capsys.disabled():
            print(f"\npages of {total} items: {took * 1e3:.1f} ms, {longer * 1e3:.1f} ms")
        for feed in feeds:
            await feed.close()


VIEWERS = (("one", "control"), ("two", "control"), ("three", "observe"))
