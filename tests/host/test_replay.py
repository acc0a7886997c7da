"""A past as a feed: what is played, and when."""

from __future__ import annotations

from swarmtui.host.replay import ReplayFeed
from swarmtui.session import fold
from swarmtui.session.state_json import state_hash
from tests.host.pasts import Clock, MemoryPast, beginning, ended, recorded, worked


async def test_played_events_come_when_they_came_and_the_last_one_ends_the_play() -> None:
    past = MemoryPast(recorded(*beginning("a"), *worked("a", "0123456789", 1.0, 1.0), *ended()))
    clock = Clock()
    feed = ReplayFeed(past, head=7, clock=clock)
    await feed.settled()
    assert feed.drain().reset
    feed.play()
    seen = []
    for _ in range(9):
        clock.now += 0.25
        seen.append([event.seq for event in feed.drain().events])
    assert seen == [[2, 3, 4], [], [], [5], [], [], [], [6, 7], []]
    assert feed.status.play is not None
    assert not feed.status.play.playing
    assert state_hash(feed.state) == state_hash(fold.fold(past.recorded))
    await feed.close()
