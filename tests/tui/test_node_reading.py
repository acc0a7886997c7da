"""What a node's screen asks for comes, whatever becomes of the link meanwhile, and is asked for as rarely as can be."""

from __future__ import annotations

import asyncio

import pytest
from textual.pilot import Pilot

from swarmtui.host.feed import Link, NotFetched
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens import node as node_screen
from swarmtui.tui.screens.node import NodeScreen
from tests.tui.opening import opened, press, settled, text
from tests.tui.scripted_feed import REVIEW, ScriptedFeed, approved, mid_run
from tests.tui.test_node_screen import at

TOLD = "the ssh connection ended"


def scanned(*, ended: bool = True) -> ScriptedFeed:
    """A session whose first node has run, or still does."""
    feed = approved(REVIEW)
    feed.play(ev.AttemptStarted("scan", 1, pool="commands"))
    whole = vocab.Output("its beginning", 5_000, sha="5a" * 32)
    feed.outputs["scan"] = "all that it gave"
    return feed.play(ev.AttemptSucceeded("scan", 1, whole, took_s=1)) if ended else feed


def drawn(pilot: Pilot[int]) -> None:
    """Take what the feed has gathered, and draw, without waiting for anything that is under way."""
    assert isinstance(pilot.app, Workbench)
    pilot.app._frame(force=True)


class Events:
    """Stands in for a feed's `events_before`: breaks off while the link is broken, and tells when it was asked."""

    def __init__(self, feed: ScriptedFeed, monkeypatch: pytest.MonkeyPatch) -> None:
        self.feed, self.give, self.asked = feed, feed.events_before, list[Link]()
        self.far = asyncio.Event()
        """Nothing comes before it is set."""
        self.far.set()
        self.breaks = True
        monkeypatch.setattr(feed, "events_before", self)

    async def __call__(self, seq: int, limit: int, node: str | None = None) -> list[ev.Event]:
        link = self.feed.status.link
        if node is None:
            return await self.give(seq, limit)
        self.asked.append(link)
        await self.far.wait()
        if link is Link.RECONNECTING and self.breaks:
            raise ConnectionError("broken")
        return await self.give(seq, limit, node)


def log_breaks_off(feed: ScriptedFeed, monkeypatch: pytest.MonkeyPatch) -> list[Link]:
    """No log comes while the link is broken; how the link was whenever one was asked for."""
    give, asked = feed.log_tail, list[Link]()

    async def tail(node: str, limit: int = 65_536) -> str:
        asked.append(feed.status.link)
        if feed.status.link is not Link.LIVE:
            raise ConnectionError("broken")
        return await give(node, limit)

    monkeypatch.setattr(feed, "log_tail", tail)
    return asked


# -- a link that breaks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", ["output", "attempts", "prompt", "events", "files"])
@pytest.mark.parametrize("ended", [False, True])
async def test_events_that_a_broken_link_kept_back_come_whichever_tab_is_open(
    tab: str, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = scanned(ended=ended)
    events = Events(feed, monkeypatch)
    feed.set_link(Link.RECONNECTING, TOLD)
    async with opened(feed) as pilot:
        screen = await at(pilot, "scan", tab)
        await settled(pilot)
        assert not screen.body.reading.events
        feed.set_link(Link.LIVE)
        await settled(pilot)
        assert screen.body.reading.events
        assert screen.body.reading.attempts
        await settled(pilot)
        assert events.asked == [Link.RECONNECTING, Link.LIVE]


@pytest.mark.parametrize("ended", [True, False])
async def test_a_log_that_a_broken_link_kept_back_comes_once_there_is_one_again(
    ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = scanned(ended=ended)
    feed.logs["scan"] = "what it wrote"
    asked = log_breaks_off(feed, monkeypatch)
    feed.set_link(Link.RECONNECTING, TOLD)
    async with opened(feed) as pilot:
        await at(pilot, "scan", "log")
        assert "the log could not be fetched: the link is lost" in text(pilot)
        feed.set_link(Link.LIVE)
        await settled(pilot)
        assert "what it wrote" in text(pilot)
        await settled(pilot)
        assert asked == [Link.RECONNECTING, Link.LIVE]


async def test_what_has_come_after_all_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    feed, asked = scanned(), list[Link]()

    async def tail(node: str, limit: int = 65_536) -> str:
        asked.append(feed.status.link)
        if len(asked) == 1:
            raise ConnectionError("broken")
        return "what it wrote"

    monkeypatch.setattr(feed, "log_tail", tail)
    feed.set_link(Link.RECONNECTING, TOLD)
    async with opened(feed) as pilot:
        screen = await at(pilot, "scan", "log")
        screen.choose("log")
        await settled(pilot)
        assert "what it wrote" in text(pilot)
        feed.set_link(Link.LIVE)
        await settled(pilot)
        assert asked == [Link.RECONNECTING, Link.RECONNECTING]


@pytest.mark.parametrize("seen", [True, False])
async def test_what_broke_off_is_asked_for_again_though_it_is_told_once_there_is_another_link(
    seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, asked, far = scanned(), list[str](), asyncio.Event()
    give = feed.output

    async def late(node: str, item: int | None = None) -> str:
        asked.append(node)
        if len(asked) == 1:
            await far.wait()
            raise ConnectionError("broken")
        return await give(node, item)

    monkeypatch.setattr(feed, "output", late)
    async with opened(feed) as pilot:
        assert isinstance(pilot.app, Workbench)
        pilot.app.open_node("scan")
        while not asked:
            await pilot.pause()
        feed.set_link(Link.RECONNECTING, TOLD)
        if seen:
            drawn(pilot)
        feed.set_link(Link.LIVE)
        drawn(pilot)
        far.set()
        await settled(pilot)
        assert "all that it gave" in text(pilot)
        assert "the link is lost" not in text(pilot)
        assert len(asked) == 2


async def test_what_broke_off_before_a_snapshot_is_asked_for_with_that_and_not_once_more_with_the_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = scanned()
    events = Events(feed, monkeypatch)
    feed.set_link(Link.RECONNECTING, TOLD)
    async with opened(feed) as pilot:
        screen = await at(pilot, "scan", "attempts")
        events.breaks = False
        events.far.clear()
        feed.reset()
        drawn(pilot)
        while len(events.asked) < 2:
            await pilot.pause()
        feed.set_link(Link.LIVE)
        drawn(pilot)
        events.far.set()
        await settled(pilot)
        assert screen.body.reading.attempts
        assert len(events.asked) == 2


# -- what happens while something is fetched -----------------------------------------------------------------------


async def test_the_first_attempt_is_there_though_it_was_fetched_after_the_second_had_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = scanned()
    events = Events(feed, monkeypatch)
    events.far.clear()
    async with opened(feed) as pilot:
        assert isinstance(pilot.app, Workbench)
        pilot.app.open_node("scan")
        while not events.asked:
            await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, NodeScreen)
        feed.play(ev.AttemptStarted("scan", 2, pool="commands"))
        drawn(pilot)
        assert [one.number for one in screen.body.reading.attempts] == [2]
        events.far.set()
        await settled(pilot)
        assert [one.number for one in screen.body.reading.attempts] == [1, 2]


@pytest.mark.parametrize("reset", [False, True])
async def test_a_log_that_is_open_is_fetched_again_at_its_nodes_end_and_after_a_snapshot(reset: bool) -> None:
    feed = scanned(ended=False)
    feed.logs["scan"] = "half of it"
    async with opened(feed) as pilot:
        await at(pilot, "scan", "log")
        assert "half of it" in text(pilot)
        feed.logs["scan"] = "all of it"
        if reset:
            feed.reset()
        else:
            feed.play(ev.AttemptSucceeded("scan", 1, vocab.Output("a", 1), took_s=1))
        await settled(pilot)
        assert "all of it" in text(pilot)


async def test_the_log_of_a_node_at_work_grows_while_it_is_read_and_its_end_stays_in_view(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node_screen, "LOG_S", 0.3)
    feed = scanned(ended=False)
    written = [f"line {number}" for number in range(200)]
    feed.logs["scan"] = "\n".join(written)
    async with opened(feed) as pilot:
        await at(pilot, "scan", "log")
        assert "line 199" in text(pilot)
        feed.logs["scan"] = "\n".join([*written, "the last one"])
        async with asyncio.timeout(20):
            while "the last one" not in text(pilot):
                await pilot.pause()
        await press(pilot, "g")
        feed.logs["scan"] += "\nand another"
        async with asyncio.timeout(20):
            while "and another" not in (pilot.app.screen.body.reading.log or ""):  # type: ignore[attr-defined]
                await pilot.pause()
        await pilot.pause()
        assert "line 0" in text(pilot), "who reads further up goes on there"


async def test_a_log_that_takes_long_to_come_is_waited_for_by_whoever_leaves_its_tab_and_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node_screen, "LOG_S", 0.05)  # much less than it takes to come
    feed, asked, come = scanned(ended=False), list[str](), asyncio.Event()

    async def tail(node: str, limit: int = 65_536) -> str:
        asked.append(node)
        await come.wait()
        return "it has come"

    async with opened(feed) as pilot:
        screen = await at(pilot, "scan", "output")
        monkeypatch.setattr(feed, "log_tail", tail)
        for tab in ("log", "output", "log"):
            screen.choose(tab)
            await pilot.pause()
        before = len(asked)
        for _ in range(3):
            screen._follow_log()
            await pilot.pause()
        assert len(asked) == before
        come.set()
        async with asyncio.timeout(20):
            while "it has come" not in text(pilot):
                await pilot.pause()


@pytest.mark.parametrize("how", ["tried again", "sent back", "held"])
async def test_the_end_of_the_log_of_an_attempt_that_is_over_is_fetched_though_its_node_goes_on(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_screen, "LOG_S", 3_600.0)
    feed = scanned(ended=False)
    feed.logs["scan"] = "it begins"
    async with opened(feed) as pilot:
        await at(pilot, "scan", "log")
        assert "it begins" in text(pilot)
        feed.logs["scan"] = "it begins\nand how it ended"
        if how == "tried again":
            error = vocab.ErrorInfo(vocab.ErrorKind.OUTAGE, "closed")
            feed.play(ev.AttemptFailed("scan", 1, error, took_s=31, retry_in_s=300))
        elif how == "sent back":
            feed.play(ev.AttemptThrottled("scan", 1, 300.0))
        else:
            feed.play(ev.AttemptCancelled("scan", 1, hold=True))
        await settled(pilot)
        assert "and how it ended" in text(pilot)


@pytest.mark.parametrize("where", ["read", "another tab", "ended", "link"])
async def test_the_log_is_followed_only_while_it_is_read_and_its_node_is_at_work_within_reach(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_screen, "LOG_S", 3600.0)
    feed, asked = scanned(ended=where == "ended"), list[str]()
    give = feed.log_tail

    async def tail(node: str, limit: int = 65_536) -> str:
        asked.append(node)
        return await give(node, limit)

    async with opened(feed) as pilot:
        screen = await at(pilot, "scan", "events" if where == "another tab" else "log")
        if where == "link":
            feed.set_link(Link.RECONNECTING, TOLD)
        await settled(pilot)
        monkeypatch.setattr(feed, "log_tail", tail)
        screen._follow_log()
        await settled(pilot)
    assert len(asked) == (where == "read")


async def test_a_log_that_takes_long_is_not_asked_for_again_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_screen, "LOG_S", 3600.0)
    feed, asked, far = scanned(ended=False), list[str](), asyncio.Event()

    async def tail(node: str, limit: int = 65_536) -> str:
        asked.append(node)
        await far.wait()
        return "what it wrote"

    async with opened(feed) as pilot:
        screen = await at(pilot, "scan", "events")
        monkeypatch.setattr(feed, "log_tail", tail)
        screen.choose("log")
        await pilot.pause()
        screen._follow_log()
        screen._follow_log()
        await pilot.pause()
        far.set()
        await settled(pilot)
        assert "what it wrote" in text(pilot)
    assert len(asked) == 1


# -- what a cancelled node had written -----------------------------------------------------------------------------

NOTHING = "it was cancelled before it gave anything"


def cancelled(log: str) -> ScriptedFeed:
    """A session with a command that was stopped."""
    feed = mid_run()
    feed.logs["lint"] = log
    return feed.play(ev.NodeCancelled("lint"), ev.AttemptCancelled("lint", 1), after=1)


async def test_that_a_cancelled_node_gave_nothing_is_not_said_where_its_log_cannot_be_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = cancelled("much of it")
    log_breaks_off(feed, monkeypatch)
    feed.set_link(Link.RECONNECTING, TOLD)
    async with opened(feed) as pilot:
        await at(pilot, "lint")
        assert NOTHING not in text(pilot)
        assert "the log could not be fetched: the link is lost" in text(pilot)
        feed.set_link(Link.LIVE)
        await settled(pilot)
        assert "much of it" in text(pilot)


async def test_that_a_cancelled_node_gave_nothing_is_not_said_before_its_log_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed, far = cancelled(""), asyncio.Event()
    give = feed.log_tail

    async def slow(node: str, limit: int = 65_536) -> str:
        await far.wait()
        return await give(node)

    monkeypatch.setattr(feed, "log_tail", slow)
    async with opened(feed) as pilot:
        assert isinstance(pilot.app, Workbench)
        pilot.app.open_node("lint")
        while "fetching the log" not in text(pilot):
            assert NOTHING not in text(pilot)
            await pilot.pause()
        far.set()
        await settled(pilot)
        assert NOTHING in text(pilot)


async def test_that_a_cancelled_node_gave_nothing_is_not_said_where_its_log_had_been_empty_and_is_not_known_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = cancelled("")
    async with opened(feed) as pilot:
        await at(pilot, "lint")
        assert NOTHING in text(pilot)

        async def fails(node: str, limit: int = 65_536) -> str:
            raise NotFetched("it cannot be read")

        monkeypatch.setattr(feed, "log_tail", fails)
        feed.play(ev.AttemptCancelled("lint", 1), after=1)
        await settled(pilot)
        assert NOTHING not in text(pilot)
        assert "the log could not be fetched: it cannot be read" in text(pilot)


async def test_what_a_cancelled_node_had_written_is_fetched_again_once_more_happens_to_it() -> None:
    feed = cancelled("half of it")
    async with opened(feed) as pilot:
        await at(pilot, "lint")
        assert "half of it" in text(pilot)
        feed.logs["lint"] = "all of it"
        feed.play(ev.AttemptCancelled("lint", 1), after=1)
        await settled(pilot)
        assert "all of it" in text(pilot)


async def test_of_an_item_of_a_map_that_was_cancelled_the_log_of_the_whole_map_is_not_shown() -> None:
    feed = mid_run()
    feed.logs["translate"] = "what all of them wrote"
    feed.play(ev.SessionFinished("cancelled", "by ada"), after=1)
    async with opened(feed) as pilot:
        await at(pilot, "translate")
        assert "what all of them wrote" in text(pilot)
        await pilot.app.push_screen(NodeScreen("translate", 1_900))
        await settled(pilot)
        assert "it gave nothing" in text(pilot)
        assert "what all of them wrote" not in text(pilot)
