"""The workbench: a viewer of one session. It takes what happens; screens wire; widgets draw; the view model decides.

One timer collects what the feed gathered and has the visible screen drawn, at most ten times a second. Leaving never
stops the session, whichever way it happens: a key, a signal, a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual import work

from swarmtui.host.feed import Changes, Feed
from swarmtui.session.events import ReportWritten
from swarmtui.session.vocabulary import FINAL, Status
from swarmtui.tui import content, garbage
from swarmtui.tui.actions.action import Mode
from swarmtui.tui.asking import Asking
from swarmtui.tui.beside import ALONE, Beside
from swarmtui.tui.editing import PlanEditing
from swarmtui.tui.flying import PastFlights
from swarmtui.tui.leaving import CRASHED, LOST, Ending, outcome, tell_crash, tell_left
from swarmtui.tui.memory import Memory, remembered
from swarmtui.tui.mirror import Mirror
from swarmtui.tui.news import News
from swarmtui.tui.onward import CarryOut, Onward
from swarmtui.tui.pace import Paced
from swarmtui.tui.replaying import Replaying, ToPast
from swarmtui.tui.routing import Routing
from swarmtui.tui.screens.part import EVERYTHING
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.sending import Sending
from swarmtui.tui.settings import Read, read_settings
from swarmtui.tui.taking import Taking
from swarmtui.tui.text_out import TextOut
from swarmtui.tui.view.figures import Origin, session_time
from swarmtui.tui.view.flights import Flights
from swarmtui.tui.view.markdown.blocks import load
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.nodes import most_telling
from swarmtui.tui.view.tails import Tails

if TYPE_CHECKING:
    from swarmtui.tui.view.glyphs import Glyphs

FRAME_S = 0.1
LOAD_S = 0.3
"""How long after the first frame of a session what is read later is imported."""
UNPLANNED_S = 0.5
"""How often it is looked whether the first plan is there."""
HISTORY = 500
"""Events of before we came that the log begins with."""

Connect = Callable[[], Awaitable[Feed]]


class Workbench(Routing):
    """The app. `connect` is called once the first frame is drawn."""

    CSS_PATH = ["screens/frame.tcss", "screens/run.tcss"]  # noqa: RUF012 - as Textual declares it

    def __init__(
        self,
        connect: Connect,
        *,
        review: bool = False,
        past: ToPast | None = None,
        origin: Callable[[], Origin] | None = None,
        onward: CarryOut | None = None,
        beside: Beside = ALONE,
        glyphs: Glyphs | None = None,
        theme: str | None = None,
        ending: Ending | None = None,
        read: Read | None = None,
        memory: Memory | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(glyphs=glyphs, theme=theme, read=read, memory=memory, steady=steady)
        self._connect, self._review, self._ending = connect, review, ending
        self._find_origin = origin
        self._source: Feed | None = None
        """What `connect` gave: a replay opened meanwhile stands before it."""
        self.failure: Exception | None = None
        """What went wrong before there was a session to show."""
        self.tails = Tails()
        self.flights = Flights()
        self.past_flights = PastFlights(self, self.flights)
        self.selected = ""
        self._missed = "", ""
        """A node that was selected and is not there at the moment, if any, and the one that was selected in its place;
        nothing once the user has selected another."""
        self.editing = PlanEditing(self)
        self.asking = Asking(self)
        self.replaying = Replaying(self, past)
        mirror = Mirror()
        self.sending = Sending(self, mirror)
        self.news = News(self, mirror)
        self.text_out = TextOut(self)
        self.onward = Onward(self, onward, beside)
        self.moment = Moment(time.time(), 0.0)
        self._drawn_at = (-1, -1)
        self.taking = Taking(self, self._take, self._show, self._keys_first)
        self.handed_out = 0
        """The last event that the feed has been asked for, and that is taken or about to be."""
        self.frames_drawn = 0
        self._seen = False
        """Whether a frame has been drawn: what came before is history, not news."""
        self._away = False

    # -- looks ------------------------------------------------------------------------------------------------

    def copy_text(self, text: str, what: str) -> None:
        """To every clipboard there is a way to."""
        self.text_out.copy(text, what)

    def draw_all(self) -> None:
        """In another theme."""
        self._draw()

    # -- life -------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> RunScreen:
        """The run screen. There is no empty one below it, which would be composed and laid out before it."""
        return RunScreen()

    def on_mount(self) -> None:
        """The first frame is empty panes; the session comes right after it."""
        self.dress()
        if self._ending is not None:
            self._ending.watch(asyncio.get_running_loop(), self.detach)
            garbage.look_rarely()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.keyboard.wait_for(self.run_worker(self._open(), name="connect"))  # keys are meant for what it opens

    async def _open(self) -> None:
        try:
            if self._find_origin is not None:
                self.origin = await asyncio.to_thread(self._find_origin)
            feed = await self._connect()
        except Exception as error:  # noqa: BLE001 - handed to whoever called run_workbench, once the terminal is theirs
            self.failure = error
            self.exit(LOST)
            return
        self.feed = self._source = feed
        if self.mode is Mode.REPLAY:
            self._run_screen().set_view(EVERYTHING)
        self.news.begin(feed.status.skipped)
        self._frame(force=True)
        if self._review:
            self.show_plan()
        await self._put_history()
        self.news.tell_lack()
        if self._ending is not None:
            garbage.keep()
        self.set_interval(FRAME_S, self._frame)
        self.set_timer(LOAD_S, self._load_rest)
        self.call_after_refresh(self._show_around)

    def _load_rest(self) -> None:
        self._load_markdown()
        if not self.is_headless:
            self.run_worker(self._warm(), group="warm")

    @work(group="load")
    async def _load_markdown(self) -> None:
        """What reads Markdown takes longer to import than a frame may: on a thread, before the first is read."""
        await asyncio.to_thread(load)

    async def _warm(self) -> None:
        from swarmtui.tui.warming import warm

        await warm(self)

    def _show_around(self) -> None:
        """Somebody who is here for the first time; not before there is a plan to be shown, and it has been drawn."""
        if not self._stands():
            return
        if self.state.status is Status.PLANNING and self.state.plan is None:
            self.set_timer(UNPLANNED_S, self._show_around)
            return
        self.draw_now()
        self.screen.call_after_refresh(self._offer_tour)

    def _offer_tour(self) -> None:
        from swarmtui.tui.screens.tour import offer_tour

        if self._stands():
            offer_tour(self.screen, replay=self.mode is Mode.REPLAY)

    async def _put_history(self) -> None:
        """What happened before the first line of the log."""
        if self.feed is not None:
            with contextlib.suppress(ConnectionError):
                events = await self.feed.events_before(self.state.seq + 1, HISTORY)
                self.flights.put(events, self.state)
                self._run_screen().put_history(events)

    def show_feed(self, feed: Feed) -> None:
        """Draw another feed of the same session from now on."""
        self.feed = feed
        self.taking.forget()
        self._frame(force=True)

    def open_node(self, node: str) -> None:
        """Everything about a node. Who opens the one that is selected has chosen it, and keeps it at the end."""
        if node == self.selected:
            self._missed = "", ""
        super().open_node(node)

    def draw_now(self) -> None:
        """Draw what a key has changed without waiting for the next frame."""
        self._frame(force=True)

    def draw_if_due(self) -> None:
        """Draw what has changed, if anything has."""
        self._frame()

    @property
    def can_retry_link(self) -> bool:
        """Whether the link can be tried at once."""
        return hasattr(self._source, "retry_now")

    def retry_link(self) -> None:
        """Try the link at once."""
        retry: Callable[[], None] | None = getattr(self._source, "retry_now", None)
        if retry is not None:
            retry()
            content.notice(self, "trying the link now")
        else:
            content.notice(self, "this link is tried again by itself", "warning")

    @property
    def away(self) -> bool:
        """Whether the terminal is known not to be looked at."""
        return self._away

    async def on_unmount(self) -> None:
        """Leave the session."""
        self.news.leave()
        await self.onward.close()
        if self.feed is not None:
            with contextlib.suppress(ConnectionError, OSError):
                await self.feed.close()

    def on_app_blur(self) -> None:
        """Nobody looks: once a second will do."""
        self._away = True

    def on_app_focus(self) -> None:
        """Somebody looks."""
        self._away = False

    # -- frames -----------------------------------------------------------------------------------------------

    def _frame(self, *, force: bool = False) -> None:
        feed = self.feed
        if feed is None or not self._stands():
            return
        second = int(time.monotonic())
        if self._away and second == self._drawn_at[1] and not force:
            return
        if self.taking.is_under_way:
            if force:
                self._show()  # as far as it has been taken
            return
        changes = feed.drain()
        self.handed_out = self.state.seq
        now = self.clock()
        counts_down = feed.status.retry_at is not None and second != self._drawn_at[1]
        ticks = int(now) != self._drawn_at[0] and self.state.status not in FINAL
        if not (changes or force or ticks or counts_down):
            return
        self._drawn_at = int(now), second
        self.taking.begin(changes, at_once=force)

    def _keys_first(self) -> bool:
        """Whether a key is being carried out, or what it did is still to be seen."""
        if not self._stands():
            return False
        screen = self.screen
        return self.keyboard.is_at_work or (isinstance(screen, Paced) and screen.is_to_be_painted)

    def _show(self) -> None:
        """Draw what has been taken."""
        if not self._stands():
            return
        self._seen = self._seen or not self.taking.is_under_way
        self._route()
        self._draw()
        self.frames_drawn += 1

    def _stands(self) -> bool:
        """Whether there is something to draw on: on leaving, widgets go away before the timer does."""
        return any(isinstance(screen, RunScreen) and screen.stands for screen in self.screen_stack)

    def _take(self, changes: Changes) -> None:
        if not self._stands():
            return
        now = self.clock()
        self.moment = Moment(now, session_time(self.state, now), self.flights.refused)
        replays = self.mode is Mode.REPLAY
        if changes.reset and self._seen:
            self._start_anew(replays)
        self.tails.absorb(changes, now)
        self.flights.absorb(changes.events, self.state)
        self._keep_selection()
        if not replays:
            self.asking.absorb(changes)
        for event in changes.events:
            body = event.body
            if isinstance(body, ReportWritten) and body.node in self.state.nodes and self.selected == self._missed[1]:
                self.selected = body.node  # what all of it was for
                self._missed = "", self.selected
        if self._seen and not replays:
            self.news.tell(changes)
        for screen in self.screen_stack:
            if isinstance(screen, SessionScreen):
                screen.absorb(changes)

    def _keep_selection(self) -> None:
        """In the past of a plan its nodes are not there: what was selected is selected again once it is."""
        from swarmtui.tui.view.revisions import beside

        if self.selected != self._missed[1]:
            self._missed = "", ""
        nodes, (missed, instead) = self.state.nodes, self._missed
        if missed in nodes:
            self.selected, self._missed = missed, ("", "")
        elif self.selected not in nodes:
            instead = beside(self.state, self.selected) or self.replaying.failed_here or most_telling(self.state)
            self._missed, self.selected = (self.selected or missed, instead), instead

    def _start_anew(self, replays: bool) -> None:
        """After a jump: the log begins with what was before, and in the past nobody has said anything yet."""
        if replays:
            self.tails.by_key.clear()
        self.run_worker(self._put_history(), group="history", exclusive=True)

    def _draw(self) -> None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, SessionScreen):
                if screen.stands:
                    screen.redraw()
                return

    # -- leaving ----------------------------------------------------------------------------------------------

    def detach(self) -> None:
        """Leave as soon as what was asked for is on its way; the session goes on. Asked twice it takes no longer."""
        if not any(worker.group == "leave" and not worker.is_finished for worker in self.workers):
            self.run_worker(self._leave(), group="leave")

    async def _leave(self) -> None:
        await self.sending.last_words()
        self.exit(outcome(self.state, self.status))

    def leave(self) -> None:
        """ctrl+q, on every screen; ctrl+c twice."""
        self.detach()


def run_workbench(
    connect: Connect,
    *,
    review: bool = False,
    past: ToPast | None = None,
    origin: Callable[[], Origin] | None = None,
    onward: CarryOut | None = None,
    beside: Beside = ALONE,
) -> int:
    """Show a session until the user leaves; the exit code of design section 12, or 70 if the workbench crashed.

    `connect` is awaited on the workbench's own event loop once the first frame is drawn. With `review` the plan is
    shown first. `past` makes the past of what `connect` gave, so that H can go back to it; `origin` is asked on
    a thread where the session is. `onward` takes the command that the user leaves for, if any, to be carried out
    afterwards; `beside` has what is done with the session meanwhile. What `connect` raises is raised here, after the
    terminal has been restored.
    """
    read, memory = read_settings(), remembered()
    with Ending() as ending:
        app = Workbench(
            connect,
            review=review,
            past=past,
            origin=origin,
            onward=onward,
            beside=beside,
            ending=ending,
            read=read,
            memory=memory,
        )
        code = app.run()
    tell_left(app.remember())
    if app.failure is not None:
        raise app.failure
    if app.crash is not None:
        tell_crash(app.crash, app.state.id)
        return CRASHED
    return outcome(app.state, app.status) if code is None else code
