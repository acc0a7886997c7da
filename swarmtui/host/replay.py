"""The past of a session as a feed: played, stopped, gone through step by step, forwards and backwards.

State is made of recorded events, and of nothing else: no model is asked, no tool called, nothing is carried out. So
this module imports nothing that could (import-linter keeps it so).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from swarmtui.host import as_it_was
from swarmtui.host.errand import Errand
from swarmtui.host.feed import Changes, CommandRefused, Feed, FeedStatus, Link, Play, fetching
from swarmtui.host.goals import Goal
from swarmtui.host.landmarks import Landmarks
from swarmtui.host.past import PAGE, Past
from swarmtui.host.playhead import Playhead
from swarmtui.host.shelf import Shelf
from swarmtui.host.tempo import IDLE_LIMIT_S, Tempo
from swarmtui.plan.model import JSON
from swarmtui.session.events import Event
from swarmtui.session.marks import Mark
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import FINAL

AHEAD = 2_000
"""Events ahead of the play head that are held."""
BURST = 2_000
"""Events that one drain folds in at most: what is too dense for the speed is played slower."""


class ReplayFeed:
    """A :class:`~swarmtui.host.feed.Player` over a past, which stands still until it is played.

    Between two events time passes evenly, at :attr:`Play.speed`; a longer time without events than
    :attr:`Play.idle_limit` takes no longer than that. With `live`, the feed of the session as it goes on, everything
    is handed through to that from :meth:`go_live` until something of the past is asked for again; a play head that
    has caught up stands still, for what is asked of the past is not meant for the session. The task that reads the
    past belongs to this feed and ends with :meth:`close`.
    """

    def __init__(
        self,
        past: Past,
        *,
        head: int,
        clock: Callable[[], float] = time.monotonic,
        at: int | None = None,
        speed: float = 1.0,
        idle_limit: float | None = IDLE_LIMIT_S,
        until: int | None = None,
        pause_on_marks: bool = False,
        live: Feed | None = None,
    ) -> None:
        """Stand just after event `at` (None: the first); `until` is where play stops. Needs a running event loop."""
        self._past, self._head, self._now, self._live = past, max(1, head), clock, live
        self._until, self._pause_on_marks = until, pause_on_marks
        tempo = Tempo(idle_limit=idle_limit)
        tempo.set_speed(speed)
        self._here = Playhead(tempo)
        self._here.gathered.status.role = "observe"
        self._here.gathered.set_link(Link.REPLAY)
        self._playing = self._following = self._switched = self._moved = self._news = False
        self._landmarks = Landmarks(past)
        self._goal: Goal | None = Goal(self._within(1 if at is None else at))
        self._played_to = clock()
        self._stirred, self._reached = asyncio.Event(), asyncio.Event()
        self._reading = Errand(self._read, self._failed, "replay")
        self._reading.ask()

    @classmethod
    async def open(
        cls,
        past: Past,
        *,
        at: int | None = None,
        speed: float = 1.0,
        idle_limit: float | None = IDLE_LIMIT_S,
        until: int | None = None,
        pause_on_marks: bool = False,
        live: Feed | None = None,
    ) -> ReplayFeed:
        """A feed that is there already: its first state is read. Raises what the past raises."""
        feed = cls(
            past,
            head=await past.head(),
            at=at,
            speed=speed,
            idle_limit=idle_limit,
            until=until,
            pause_on_marks=pause_on_marks,
            live=live,
        )
        try:
            await feed._reached.wait()
            feed._reading.check()
        except BaseException:
            feed._live = None  # whoever gave it has it back
            await feed.close()
            raise
        return feed

    # -- what is seen -----------------------------------------------------------------------------------------

    @property
    def state(self) -> SessionState:
        """The state at the play head; to be read, never changed."""
        return self._here.state if self._followed is None else self._followed.state

    @property
    def status(self) -> FeedStatus:
        """Where the play head is; while the session is followed live, the status of that."""
        if self._followed is not None:
            return self._followed.status
        self._here.gathered.status.play = self._play()
        return self._here.gathered.status

    @property
    def shelf(self) -> Shelf:
        """Recorded texts; and files as they are at the head, for what they were before nobody knows."""
        return self._past.shelf if self._followed is None else self._followed.shelf

    def clock(self) -> float:
        """Epoch seconds at the play head, as of the last drain."""
        if self._followed is not None:
            return self._followed.clock()
        return self._here.ts

    @property
    def _followed(self) -> Feed | None:
        """The session as it goes on, while that is what is shown."""
        return self._live if self._following else None

    def _play(self) -> Play:
        here = self._here
        known = self._landmarks
        first, last = known.ends or (here.state.mono, here.state.mono)
        return Play(
            seq=here.state.seq,
            head_seq=self._head,
            ts=here.ts,
            mono=here.mono,
            first_mono=first,
            last_mono=max(last, here.state.mono),
            speed=here.tempo.speed,
            playing=self._playing,
            idle_limit=here.tempo.idle_limit,
            gap_s=here.passes_over if self._playing or here.tempo.passed > 0 else None,
            live=self._goes_on,
            marks=known.marks,
            gaps=known.gaps,
            over_mono=None if self._goes_on else known.over,
            over=self._live is not None and self._live.state.status in FINAL,
        )

    @property
    def _goes_on(self) -> bool:
        return self._live is not None and self._live.status.link not in (Link.ENDED, Link.ARCHIVE, Link.CRASHED)

    # -- moving about -----------------------------------------------------------------------------------------

    def play(self) -> None:
        """Go on; from the beginning where the play head is at the end, unless the session goes on: then it stays."""
        self._touch()
        if self._following:
            return
        here = self._base()
        if here.mono is None and here.seq >= self._head:
            if self._goes_on:
                return
            self._goal = Goal(1)
        self._playing = True
        self._reading.ask()

    def pause(self) -> None:
        """Stand still."""
        self._touch()
        if self._following:
            self._goal = self._base()
        self._playing = False
        self._reading.ask()

    def set_speed(self, speed: float) -> None:
        """Change the speed; what is beyond the slowest or fastest is the nearest of them."""
        self._touch()
        self._here.tempo.set_speed(speed)

    def set_idle_limit(self, seconds: float | None) -> None:
        """Change how long a time without events lasts at most; None: as long as it lasted."""
        self._touch()
        self._here.set_idle_limit(seconds)

    def step(self, events: int) -> None:
        """Pause, and go by so many events, backwards if negative."""
        self._touch()
        goal = self._base().by(events)
        self._playing = False
        self._go(goal)

    def seek(self, seq: int) -> None:
        """Go to just after event `seq`, or the nearest there is."""
        self._touch()
        self._go(Goal(seq))

    def seek_time(self, mono: float) -> None:
        """Go to the last event at or before `mono`, on the session's own clock."""
        self._touch()
        self._go(Goal(mono=mono))

    def seek_mark(self, direction: int) -> Mark | None:
        """Go to the next mark (1) or the previous one (-1), which is returned; None, and nothing moves, without one."""
        self._touch()
        found = self._base().mark_beside(self._landmarks.marks, direction)
        if found is not None:
            self._go(Goal(found.seq))
        return found

    def go_live(self) -> None:
        """Follow the session as it goes on; to the end, where it does not."""
        self._touch()
        if self._goes_on:
            self._goal, self._playing = None, False
            if not self._following:
                self._following = self._switched = True
        else:
            self._go(Goal(self._head))

    def _base(self) -> Goal:
        """Where the play head is, or will be once what was asked for is read."""
        if self._goal is not None:
            return self._goal
        return Goal(self.state.seq)

    def _go(self, goal: Goal) -> None:
        self._goal = goal if goal.mono is not None else Goal(self._within(goal.seq))
        self._reading.ask()

    def _within(self, seq: int) -> int:
        return min(max(seq, 1), self._head)

    def _touch(self) -> None:
        """Before a command: what was played until now was played as it was before."""
        self._watch_live()
        self._advance()
        self._news = True
        self._stirred.set()

    # -- playing ----------------------------------------------------------------------------------------------

    def drain(self) -> Changes:
        """What arrived since the last call: up to now, the play head has moved on."""
        self._watch_live()
        self._advance()
        told = self._news or self._moved
        self._news = self._moved = False
        if self._followed is not None:
            switched, self._switched = self._switched, False
            changes = self._followed.drain()
            return replace(changes, reset=True, link=True) if switched else changes
        self._here.speak()
        changes = self._here.gathered.drain()
        return replace(changes, link=True) if told else changes

    async def wait(self) -> None:
        """Until there is something to drain. Raises what the past raised since the last call."""
        while True:
            self._reading.check()
            self._stirred.clear()
            self._watch_live()
            self._advance()
            if self._news or self._switched or (await self._stirs() and self._following):
                return

    async def _stirs(self) -> bool:
        """Until an event is due, something was asked or read, or the session went on; whether it was the last."""
        due_s = self._here.due_s() if self._playing and self._goal is None else None
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._stirred.wait())]
        if self._live is not None:
            waits.append(asyncio.ensure_future(self._live.wait()))
        try:
            done, _ = await asyncio.wait(waits, timeout=due_s, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                await one
            return waits[-1] in done and len(waits) > 1
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def settled(self) -> None:
        """Until everything that was asked for is read, and what comes next. Raises what the past raised."""
        await self._reading.settled()

    def _watch_live(self) -> None:
        """The session goes on meanwhile: how far, and whether it still does."""
        if self._live is None:
            return
        if not self._following:
            self._news |= self._live.drain().link
        if self._live.state.seq > self._head:
            self._head = self._live.state.seq
            self._landmarks.went_on(self._live.state.mono)
            self._news |= not self._following
        if self._wants_marks() or self._wants_more():
            self._reading.ask()

    def _advance(self) -> None:
        """Fold in what has happened by now."""
        now = self._now()
        seconds, self._played_to = (now - self._played_to) * self._here.tempo.speed, now
        if not self._playing or self._goal is not None or self._following:
            return
        self._moved = True
        for _ in range(BURST):
            if self._here.state.seq >= self._head:
                self._playing, self._news = False, True
                return
            left = self._here.spend(seconds)
            if left is None:
                break
            seconds, self._news = left, True
            marked = self._here.take()
            if self._here.state.seq == self._until or (marked and self._pause_on_marks):
                self._playing = False
                break
        if self._wants_more():
            self._reading.ask()

    # -- reading ----------------------------------------------------------------------------------------------

    def _failed(self, error: Exception) -> None:
        self._goal, self._playing = None, False
        self._here.gathered.set_link(Link.REPLAY, str(error))
        self._news = True
        self._stirred.set()
        self._reached.set()

    async def _read(self) -> None:
        """Read as far as the past is wanted, the most urgent first."""
        while True:
            if (goal := self._goal) is not None:
                await self._reach(goal)
            elif self._landmarks.ends is None:
                await self._landmarks.read_ends(self._head)
            elif self._wants_more(PAGE):
                await self._read_on()
            elif self._wants_marks():
                await self._landmarks.read_marks(self._head, self._now())
            elif self._wants_more(AHEAD):
                await self._read_on()
            else:
                return
            self._news = True
            self._stirred.set()

    async def _reach(self, goal: Goal) -> None:
        """Make the state that is asked for; on the way to another one asked for since, it is shown all the same."""
        seq = goal.seq if goal.mono is None else self._within(await self._past.seq_at(goal.mono) + goal.offset)
        if self._called_off():
            return
        here = self._here
        if here.state.seq <= seq <= here.end:
            while here.state.seq < seq:
                here.take()
            if self._following:
                here.gathered.reset(here.state)
        else:
            state = await self._past.state_at(seq)
            if self._called_off():
                return
            here.jump(state)
        here.tempo.passed, self._played_to, self._following = 0.0, self._now(), False
        self._here.gathered.set_link(Link.REPLAY)
        self._reached.set()
        if self._goal is goal:
            self._goal = None

    def _called_off(self) -> bool:
        """Whether the session is followed again since a place in the past was asked for: look after every wait."""
        return self._goal is None

    def _wants_more(self, least: int = AHEAD // 2) -> bool:
        return not self._following and self._here.held < least and 0 < self._here.end < self._head

    def _wants_marks(self) -> bool:
        return self._landmarks.wants_marks(self._head, self._now())

    async def _read_on(self) -> None:
        first = self._here.end + 1
        events = await self._past.events(first, min(PAGE, self._head + 1 - first))
        if not events:
            raise EOFError(f"event {first} is not there")
        self._here.extend(events)

    # -- asking -----------------------------------------------------------------------------------------------

    async def command(self, method: str, params: dict[str, JSON]) -> int:
        """Ask the session, while it is followed live. Raises CommandRefused: what is past cannot be changed."""
        if self._followed is not None:
            return await self._followed.command(method, params)
        if self._goes_on:
            raise CommandRefused("this is the past, which nobody can change: go back to the live session first")
        here = f"`swarmtui fork {self._here.state.id} --at {self._here.state.seq}`"
        raise CommandRefused(f"this is the past, which nobody can change: {here} begins another session from here")

    async def events_before(self, seq: int, limit: int, node: str | None = None) -> list[Event]:
        """Up to `limit` events before `seq`, oldest first, of one node if given; none beyond the play head."""
        if self._followed is not None:
            return await self._followed.events_before(seq, limit, node)
        with fetching():
            return await as_it_was.events_before(self._past, self._here.state, seq, limit, node)

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole output of a node or item as it was at the play head, not cleaned; empty if there was none yet."""
        if self._followed is not None:
            return await self._followed.output(node, item)
        with fetching():
            return await as_it_was.output(self._past, self._here.state, node, item)

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """The end of the node's log, not cleaned; empty until the node has ended: how far it had come is not known."""
        if self._followed is not None:
            return await self._followed.log_tail(node, limit)
        with fetching():
            return await as_it_was.log_tail(self._past, self._here.state, node, limit)

    async def close(self) -> None:
        """Let go of the past, and of the live feed; the session goes on."""
        await self._reading.close()
        await self._past.close()
        if self._live is not None:
            await self._live.close()
