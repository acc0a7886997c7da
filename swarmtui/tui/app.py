"""The workbench: a viewer of one session. It routes; screens wire; widgets draw; the view model decides what.

One timer collects what the feed gathered and has the visible screen drawn, at most ten times a second. Leaving never
stops the session, whichever way it happens: a key, a signal, a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import WorkerFailed

from swarmtui.host.feed import Changes, Feed, FeedStatus
from swarmtui.session import fold
from swarmtui.session.events import ReportWritten
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import FINAL, Status
from swarmtui.tui import content
from swarmtui.tui.actions import Mode, Scope, mode_of
from swarmtui.tui.asking import Asking
from swarmtui.tui.dressed import Dressed
from swarmtui.tui.editing import PlanEditing
from swarmtui.tui.leaving import CRASHED, LOST, crash_line, leave_on_signals, outcome
from swarmtui.tui.mirror import Mirror
from swarmtui.tui.news import News
from swarmtui.tui.onward import CarryOut, Onward
from swarmtui.tui.replaying import Replaying, ToPast
from swarmtui.tui.screens.dialogs import ConfirmScreen, HelpScreen, LineScreen
from swarmtui.tui.screens.palette import ActionProvider, Palette
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.sending import Sending
from swarmtui.tui.text_out import TextOut
from swarmtui.tui.view.cut import LastSeen
from swarmtui.tui.view.figures import HERE, Origin, session_time
from swarmtui.tui.view.glyphs import Glyphs
from swarmtui.tui.view.logs import log_line
from swarmtui.tui.view.nodes import Moment, most_telling
from swarmtui.tui.view.tails import Tails
from swarmtui.tui.view.watching import watchers

FRAME_S = 0.1
HISTORY = 500
"""Events of before we came that the log begins with."""
TWICE_S = 2.0

Connect = Callable[[], Awaitable[Feed]]


class Workbench(Dressed[int]):
    """The app. `connect` is called once the first frame is drawn."""

    CSS_PATH = "screens/frame.tcss"
    COMMANDS = {ActionProvider}  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+c", "interrupt", show=False, system=True),
    ]

    def __init__(
        self,
        connect: Connect,
        *,
        review: bool = False,
        past: ToPast | None = None,
        origin: Origin = HERE,
        onward: CarryOut | None = None,
        glyphs: Glyphs | None = None,
        theme: str | None = None,
        signals: bool = False,
    ) -> None:
        super().__init__(glyphs=glyphs, theme=theme)
        self._connect, self._review, self._signals = connect, review, signals
        self.origin = origin
        self.feed: Feed | None = None
        self._source: Feed | None = None
        """What `connect` gave: a replay opened meanwhile stands before it."""
        self.failure: Exception | None = None
        """What went wrong before there was a session to show."""
        self.crash: BaseException | None = None
        self.tails = Tails()
        self.selected = ""
        self._missed = "", ""
        """A node that was selected and is not there at the moment, and the one that is selected in its place."""
        self.editing = PlanEditing(self)
        self.asking = Asking(self)
        self.replaying = Replaying(self, past)
        mirror = Mirror()
        self.sending = Sending(self, mirror)
        self._news = News(self, mirror)
        self.text_out = TextOut(self)
        self.onward = Onward(self, onward)
        self.moment = Moment(time.time(), 0.0)
        self._last_seen = LastSeen(origin.imported)
        self._nothing = fold.empty()
        self._no_status = FeedStatus()
        self._drawn_at = (-1, -1)
        self.frames_drawn = 0
        self._seen = False
        """Whether a frame has been drawn: what came before is history, not news."""
        self._away = False
        self._plan_shown_for = -1
        self._interrupted_at = -TWICE_S

    # -- looks ------------------------------------------------------------------------------------------------

    def clock(self) -> float:
        """Epoch seconds to draw with; they stand still with a session that is over, and are the past's in a replay."""
        return self.feed.clock() if self.feed is not None else time.time()

    @property
    def state(self) -> SessionState:
        """The session as far as it is known; of what was under way when its host died, as interrupted."""
        return self._last_seen.of(self.feed.state, self.feed.status) if self.feed is not None else self._nothing

    @property
    def status(self) -> FeedStatus:
        """How the feed stands."""
        return self.feed.status if self.feed is not None else self._no_status

    def draw_all(self) -> None:
        """In another theme."""
        self._draw()

    # -- life -------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """The first frame is empty panes; the session comes right after it."""
        self.dress()
        if self._signals:
            leave_on_signals(asyncio.get_running_loop(), self.detach)
        self.push_screen(RunScreen())
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self._theme_problems:
            content.notice(self, "themes: " + "; ".join(self._theme_problems), "warning")
        self.run_worker(self._open(), name="connect")

    async def _open(self) -> None:
        try:
            feed = await self._connect()
        except Exception as error:  # noqa: BLE001 - handed to whoever called run_workbench, once the terminal is theirs
            self.failure = error
            self.exit(LOST)
            return
        self.feed = self._source = feed
        self._news.begin(feed.status.skipped)
        self._frame(force=True)
        if self._review:
            self.show_plan()
        await self._put_history()
        self._news.tell_lack()
        if self._signals:
            gc.freeze()  # what is loaded stays: collections that walk it again cost visible pauses
        self.set_interval(FRAME_S, self._frame)

    async def _put_history(self) -> None:
        """What happened before the first line of the log."""
        if self.feed is not None:
            with contextlib.suppress(ConnectionError):
                events = await self.feed.events_before(self.state.seq + 1, HISTORY)
                self._run_screen().put_history([log_line(event) for event in events])

    def show_feed(self, feed: Feed) -> None:
        """Draw another feed of the same session from now on."""
        self.feed = feed
        self._frame(force=True)

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

    async def on_unmount(self) -> None:
        """Leave the session."""
        if self.feed is not None:
            with contextlib.suppress(ConnectionError, OSError):
                await self.feed.close()

    def _run_screen(self) -> RunScreen:
        return next(screen for screen in self.screen_stack if isinstance(screen, RunScreen))

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
        changes = feed.drain()
        now = self.clock()
        counts_down = feed.status.retry_at is not None and second != self._drawn_at[1]
        ticks = int(now) != self._drawn_at[0] and self.state.status not in FINAL
        if not (changes or force or ticks or counts_down):
            return
        self._drawn_at = int(now), second
        self._take(changes, now)
        self._seen = True
        self._route()
        self._draw()
        self.frames_drawn += 1

    def _stands(self) -> bool:
        """Whether there is something to draw on: on leaving, widgets go away before the timer does."""
        return any(isinstance(screen, RunScreen) and screen.stands for screen in self.screen_stack)

    def _take(self, changes: Changes, now: float) -> None:
        self.moment = Moment(now, session_time(self.state, now))
        replays = mode_of(self.status) is Mode.REPLAY
        if changes.reset and self._seen:
            self._start_anew(replays)
        self.tails.absorb(changes, now)
        self._keep_selection()
        for event in changes.events:
            if isinstance(event.body, ReportWritten):
                self.selected = event.body.node  # what all of it was for
        if self._seen and not replays:
            self._news.tell(changes)
        for screen in self.screen_stack:
            if isinstance(screen, SessionScreen):
                screen.absorb(changes)

    def _keep_selection(self) -> None:
        """In the past of a plan its nodes are not there: what was selected is selected again once it is."""
        nodes, (missed, instead) = self.state.nodes, self._missed
        if missed in nodes:
            if self.selected == instead:
                self.selected = missed
            self._missed = "", ""
        elif self.selected not in nodes:
            instead = most_telling(self.state)
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

    def _route(self) -> None:
        """Open the plan when it wants a decision; leave it once it has been made."""
        state = self.state
        undecided = "plan" in state.pending or (state.status is Status.PLANNING and not state.approved_rev)
        if undecided and self._plan_shown_for < 0:
            self._plan_shown_for = state.plan_rev
            if not self._is_open(PlanScreen):
                self.push_screen(PlanScreen())
        elif not undecided and self._plan_shown_for >= 0:
            self._plan_shown_for = -1
            if isinstance(self.screen, PlanScreen):
                self.pop_screen()

    def _is_open(self, kind: type[Screen[None]]) -> bool:
        return any(isinstance(screen, kind) for screen in self.screen_stack)

    # -- screens ----------------------------------------------------------------------------------------------

    def _only_session_screens(self) -> None:
        while not isinstance(self.screen, SessionScreen):
            self.pop_screen()

    def show_plan(self) -> None:
        """The plan screen."""
        while self._is_open(PlanScreen) and not isinstance(self.screen, PlanScreen):
            self.pop_screen()
        if not isinstance(self.screen, PlanScreen):
            self.push_screen(PlanScreen())

    def show_run(self, view: Literal["run", "workers", "table", "log"]) -> None:
        """The run screen, with all panes or one."""
        while not isinstance(self.screen, RunScreen):
            self.pop_screen()
        self._run_screen().set_view(view)

    def show_node(self, node: str) -> None:
        """Select a node on the run screen."""
        self.show_run("run")
        self._run_screen().select(node)

    def open_node(self, node: str) -> None:
        """Everything about a node."""
        from swarmtui.tui.screens.node import (
            NodeScreen,
        )  # Markdown is a quarter of all imports, and few look here first

        if node in self.state.nodes:
            self.push_screen(NodeScreen(node))

    def back(self) -> None:
        """The screen before."""
        if len(self.screen_stack) > 2:
            self.pop_screen()

    def show_help(self, scope: Scope) -> None:
        """All keys."""
        self.push_screen(HelpScreen(scope, mode_of(self.status), watchers(self.status)))

    def confirm(self, question: str, consequence: str, verb: str, then: Callable[[], None]) -> None:
        """Do `then` if the user says yes."""

        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.push_screen(ConfirmScreen(question, consequence, verb), answered)

    def ask_text(self, title: str, hint: str, then: Callable[[str], None]) -> None:
        """Do `then` with what the user writes."""

        def answered(text: str | None) -> None:
            if text:
                then(text)

        self.push_screen(LineScreen(title, hint), answered)

    def edit_plan(self) -> None:
        """The plan as YAML, in $EDITOR or in an editor of our own."""
        self.editing.begin()

    # -- leaving ----------------------------------------------------------------------------------------------

    def detach(self) -> None:
        """Leave as soon as what was asked for is on its way; the session goes on."""
        self.run_worker(self._leave(), group="leave", exclusive=True)

    async def _leave(self) -> None:
        await self.sending.last_words()
        self.exit(outcome(self.state, self.status))

    def action_leave(self) -> None:
        """ctrl+q, on every screen."""
        self.detach()

    def action_interrupt(self) -> None:
        """ctrl+c where no screen takes it."""
        self.interrupted()

    def interrupted(self) -> None:
        """ctrl+c: once says what it does, twice leaves."""
        now = time.monotonic()
        if now - self._interrupted_at <= TWICE_S:
            self.detach()
            return
        self._interrupted_at = now
        content.notice(self, "ctrl+c again leaves; the session goes on")

    def action_command_palette(self) -> None:
        """The palette, over session screens only."""
        if isinstance(self.screen, SessionScreen):
            self.push_screen(Palette(placeholder="an action or a node", id="--command-palette"))

    def _handle_exception(self, error: Exception) -> None:
        """Textual would print a traceback with the values of all local variables, keys among them."""
        self.crash = self.crash or (error.error if isinstance(error, WorkerFailed) else error)
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()


def run_workbench(
    connect: Connect,
    *,
    review: bool = False,
    past: ToPast | None = None,
    origin: Origin = HERE,
    onward: CarryOut | None = None,
) -> int:
    """Show a session until the user leaves; the exit code of design section 12, or 70 if the workbench crashed.

    `connect` is awaited on the workbench's own event loop once the first frame is drawn. With `review` the plan is
    shown first. `past` makes the past of what `connect` gave, so that H can go back to it; `origin` is told in the
    header. `onward` takes the command that the user leaves for, if any, to be carried out afterwards. What `connect`
    raises is raised here, after the terminal has been restored.
    """
    app = Workbench(connect, review=review, past=past, origin=origin, onward=onward, signals=True)
    code = app.run()
    if app.failure is not None:
        raise app.failure
    if app.crash is not None:
        print(crash_line(app.crash, app.state.id), file=sys.stderr)  # noqa: T201 - the terminal is the shell's again
        return CRASHED
    return outcome(app.state, app.status) if code is None else code
