"""Laws of moving about in the past: whatever is asked, in whatever order, what is shown is what the events tell."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.host.feed import FASTEST, SLOWEST, Play
from swarmtui.host.replay import ReplayFeed
from swarmtui.host.tempo import gap_between
from swarmtui.plan.model import ModelRef, Node, Plan, PromptSpec
from swarmtui.session import fold
from swarmtui.session.codec import event_to_json
from swarmtui.session.events import (
    Body,
    Event,
    HostStarted,
    MarkerSet,
    Noted,
    PlanPatched,
    PlanProposed,
    SessionCreated,
)
from swarmtui.session.state_json import state_hash
from tests.host.pasts import BEGAN, Clock, MemoryPast, beginning, recorded, worked

GAPS = st.sampled_from([0.0, 0.25, 0.5, 1.0, 4.0, 3600.0])
FILLING = st.sampled_from(["note", "marker", "a", "b", "c", "d", "host"])


@st.composite
def pasts(draw: st.DrawFn) -> list[Event]:
    """A session of some nodes, notes and markers, at times that are fractions without a remainder."""
    bodies: list[tuple[float, Body]] = beginning("a", "b", "c", "d")
    done: set[str] = set()
    for what in draw(st.lists(FILLING, min_size=1, max_size=8)):
        gap = draw(GAPS)
        if what == "marker":
            bodies.append((gap, MarkerSet("here")))
        elif what == "host":
            bodies.append((gap, HostStarted(2, "boot", "test")))
        elif what == "note" or what in done:
            bodies.append((gap, Noted("info", "something")))
        else:
            done.add(what)
            bodies += worked(what, f"what {what} says", draw(st.sampled_from([0.25, 2.0, 60.0])), gap)
    return recorded(*bodies)


SEQS = st.integers(-3, 30)
COMMANDS = st.one_of(
    st.tuples(st.sampled_from(["play", "pause", "go_live"])),
    st.tuples(st.just("step"), st.integers(-6, 6)),
    st.tuples(st.just("seek"), SEQS),
    st.tuples(st.just("seek_time"), st.floats(-5, 8000)),
    st.tuples(st.just("seek_mark"), st.sampled_from([-1, 1])),
    st.tuples(st.just("set_speed"), st.sampled_from([0.0, 0.25, 1.0, 2.0, 16.0, 64.0, math.inf])),
    st.tuples(st.just("set_idle_limit"), st.sampled_from([None, 0.0, 0.5, 2.0])),
    st.tuples(st.just("wait"), st.sampled_from([0.125, 0.5, 1.0, 7.0, 1000.0])),
)


@dataclass
class Watched:
    """A player whose time passes when the test says so."""

    events: list[Event]
    options: dict[str, object] = field(default_factory=dict)

    async def __aenter__(self) -> Watched:
        self.clock = Clock()
        self.past = MemoryPast(self.events)
        self.feed = ReplayFeed(self.past, head=len(self.events), clock=self.clock, **self.options)  # type: ignore[arg-type]
        await self.feed.settled()
        self.feed.drain()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.feed.close()

    async def do(self, name: str, *words: object) -> None:
        """One command, and what it changes."""
        if name == "wait":
            self.clock.now += words[0]  # type: ignore[operator]
        else:
            getattr(self.feed, name)(*words)
            await self.feed.settled()
        self.feed.drain()
        await self.feed.settled()

    @property
    def seq(self) -> int:
        return self.feed.state.seq

    @property
    def play(self) -> Play:
        assert self.feed.status.play is not None
        return self.feed.status.play

    def holds_what_the_events_tell(self) -> bool:
        return state_hash(self.feed.state) == state_hash(fold.fold(self.events[: self.seq]))


@given(pasts(), st.lists(COMMANDS, max_size=12))
@settings(max_examples=60)
def test_29_whatever_is_asked_the_state_is_that_of_the_events_up_to_the_play_head(
    events: list[Event], commands: list[tuple[object, ...]]
) -> None:
    async def law() -> None:
        async with Watched(events) as watched:
            for command in commands:
                await watched.do(*command)  # type: ignore[arg-type]
                assert 1 <= watched.seq <= len(events)
                assert watched.holds_what_the_events_tell()
                play = watched.play
                assert (play.seq, play.head_seq) == (watched.seq, len(events))
                assert SLOWEST <= play.speed <= FASTEST
                assert events[play.seq - 1].ts <= play.ts <= events[min(play.seq, len(events) - 1)].ts
                assert play.ts == watched.feed.clock()
                assert play.first_mono <= play.mono <= play.last_mono

    asyncio.run(law())


@given(pasts(), st.lists(st.sampled_from([0.0, 0.125, 0.5, 3.0]), max_size=20), st.sampled_from([0.25, 1.0, 16.0]))
@settings(max_examples=40)
def test_29_play_goes_forwards_alone_event_by_event(events: list[Event], waits: list[float], speed: float) -> None:
    async def law() -> None:
        async with Watched(events, {"speed": speed}) as watched:
            watched.feed.play()
            shown, before = [1], watched.feed.clock()
            for seconds in waits:
                watched.clock.now += seconds
                shown += [event.seq for event in watched.feed.drain().events]
                assert watched.feed.clock() >= before
                before = watched.feed.clock()
            assert shown == list(range(1, watched.seq + 1))

    asyncio.run(law())


@given(pasts(), st.integers(1, 20), st.lists(st.sampled_from([0.5, 100.0, 10_000.0]), max_size=4))
@settings(max_examples=30)
def test_29_what_is_paused_stands_still(events: list[Event], at: int, waits: list[float]) -> None:
    async def law() -> None:
        async with Watched(events, {"at": at}) as watched:
            await watched.do("play")
            await watched.do("wait", 0.125)
            await watched.do("pause")
            stood = watched.play
            for seconds in waits:
                await watched.do("wait", seconds)
                assert watched.play == stood

    asyncio.run(law())


@given(pasts(), st.integers(1, 20), st.integers(0, 20))
@settings(max_examples=40)
def test_29_so_many_steps_forwards_and_back_lead_home(events: list[Event], at: int, steps: int) -> None:
    async def law() -> None:
        async with Watched(events, {"at": at}) as watched:
            home = watched.seq
            steps_there_are = min(steps, len(events) - home)
            watched.feed.step(steps_there_are)
            watched.feed.step(-steps_there_are)  # before anything was read
            await watched.feed.settled()
            assert watched.seq == home
            await watched.do("step", steps_there_are)
            assert watched.seq == home + steps_there_are
            await watched.do("step", -steps_there_are)
            assert watched.seq == home
            assert watched.holds_what_the_events_tell()

    asyncio.run(law())


def takes_s(events: list[Event], idle_limit: float | None) -> float:
    """How long it takes at speed 1, by the definition."""
    gaps = [gap_between(before, event) for before, event in pairwise(events)]
    return sum(gap if idle_limit is None else min(gap, idle_limit) for gap in gaps)


@given(pasts(), st.sampled_from([0.0, 0.5, 2.0, None]), st.sampled_from([0.25, 1.0, 4.0, 64.0]), st.integers(1, 16))
@settings(max_examples=40)
def test_29_a_play_takes_what_the_gaps_take_each_capped_divided_by_the_speed(
    events: list[Event], idle_limit: float | None, speed: float, looks: int
) -> None:
    async def law() -> None:
        whole_s = takes_s(events, idle_limit) / speed
        async with Watched(events, {"idle_limit": idle_limit, "speed": speed}) as watched:
            watched.feed.play()
            for _ in range(looks):  # as often as a viewer looks, it comes to the same
                watched.clock.now += (whole_s - 1 / 1024) / looks
                watched.feed.drain()
            if whole_s:
                assert watched.play.playing
            watched.clock.now += 2 / 1024
            watched.feed.drain()
            assert not watched.play.playing
            assert watched.seq == len(events)

    asyncio.run(law())


def test_29_an_hour_without_events_takes_two_seconds_and_is_told() -> None:
    events = recorded(*beginning("a"), (0.0, Noted("info", "before")), (3600.0, Noted("info", "after")))

    async def law() -> None:
        async with Watched(events, {"at": 5}) as watched:
            await watched.do("play")
            await watched.do("wait", 1.0)
            assert watched.play.gap_s == 3600.0
            assert watched.feed.clock() == BEGAN + 1800.0
            await watched.do("wait", 1.0)
            assert watched.seq == 6
            assert watched.play.gap_s is None

    asyncio.run(law())


def test_29_across_a_restart_time_is_that_of_the_wall_and_the_gap_is_told() -> None:
    before = recorded(*beginning("a"), (1.0, Noted("info", "the last words")))
    after = [Event(6, BEGAN + 7_201.0, 1.0, HostStarted(2, "another boot", "test"))]

    async def law() -> None:
        async with Watched([*before, *after], {"at": 5}) as watched:
            await watched.do("play")
            await watched.do("wait", 0.5)
            assert watched.play.gap_s == 7_200.0
            assert watched.feed.clock() == BEGAN + 1 + 1_800.0
            await watched.do("wait", 1.5)
            assert watched.seq == 6

    asyncio.run(law())


def test_29_events_that_are_folded_again_and_again_stay_as_they_are() -> None:
    later = {"worker": ModelRef("simulated", "worker", dialect="simulated")}
    created = SessionCreated("abcdefgh", "g", "t", "/", "test", models={}, inputs={"a": 1})
    plan = Plan("g", (Node("a", PromptSpec("say")),))
    events = recorded(
        (0.0, created),
        (0.0, PlanProposed(1, plan, models=later)),
        (0.0, PlanPatched(2, models={"planner": later["worker"]})),
    )
    told = [event_to_json(event) for event in events]
    first = state_hash(fold.fold(events[:1]))
    fold.fold(events)
    assert [event_to_json(event) for event in events] == told
    assert state_hash(fold.fold(events[:1])) == first
