"""Of a session whose files are gone what runs can be stopped, and nothing else be done."""

from __future__ import annotations

from swarmtui.host.feed import FILES_GONE, Link
from tests.tui.opening import notices, opened, press, text
from tests.tui.scripted_feed import mid_run


async def test_a_session_whose_files_are_gone_is_cancelled_and_its_nodes_are() -> None:
    feed = mid_run()
    feed.set_trouble("the session's files are gone", gone=True)
    async with opened(feed) as pilot:
        pilot.app.selected = "quality"  # type: ignore[attr-defined]
        await press(pilot, "x")
        assert feed.commands == [("node.cancel", {"node": "quality"})]
        await press(pilot, "X", "y")
        assert feed.commands[1:] == [("session.cancel", {})]
        await press(pilot, "P", "R")
        assert FILES_GONE in notices(pilot)[-1]
        assert len(feed.commands) == 2


async def test_where_the_host_is_gone_as_well_nothing_can_be_cancelled() -> None:
    feed = mid_run()
    feed.set_link(Link.CRASHED)
    feed.set_trouble("the session's files are gone, and so is its host", gone=True)
    async with opened(feed) as pilot:
        await press(pilot, "X")
        assert FILES_GONE in notices(pilot)[-1]
        assert "and so is its host" in text(pilot)
        assert feed.commands == []
