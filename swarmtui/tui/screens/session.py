"""What all screens over a session share: header, banner, footer, and how an action becomes a call."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen

from swarmtui.host.feed import Changes
from swarmtui.session.state import NodeState
from swarmtui.tui import actions, commands, content
from swarmtui.tui.actions import Action, Context, Scope
from swarmtui.tui.replaying import JUMP_S
from swarmtui.tui.view.banner import banner
from swarmtui.tui.view.figures import figures
from swarmtui.tui.widgets.bars import ActionBar, Banner, HeaderBar
from swarmtui.tui.widgets.lines import LineView
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.scrub import ScrubBar

DOUBLE_CTRL_C_S = 2.0


class SessionScreen(Screen[None]):
    """A screen over the session that the app has a feed of."""

    SCOPE: ClassVar[Scope]
    AUTO_FOCUS = None
    pressed = ""
    """The key whose action is being carried out; empty where it was chosen in another way."""
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-tiny"), (80, "-narrow"), (100, "-medium"), (160, "-wide"),
    ]  # fmt: skip
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"), (20, "-short"), (32, "-normal"), (50, "-tall"),
    ]  # fmt: skip

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Bind the keys of the action table."""
        if "SCOPE" in cls.__dict__:
            bound: list[Binding] = actions.bindings(cls.SCOPE)
            cls.BINDINGS = [*bound, Binding("ctrl+c", "interrupt", show=False, id=f"{cls.SCOPE}.interrupt")]
        super().__init_subclass__(**kwargs)

    # -- frame ------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Header, banner, what the subclass shows, footer."""
        yield HeaderBar(id="header")
        yield Banner(id="banner")
        yield from self.compose_body()
        yield ScrubBar(id="scrub")
        yield ActionBar(id="actions")

    def compose_body(self) -> ComposeResult:
        """What is between header and footer."""
        yield from ()

    @property
    def stands(self) -> bool:
        """Whether its widgets are there: they come after it does, and go before."""
        return self.is_mounted and bool(self.query(ActionBar))

    def absorb(self, changes: Changes) -> None:
        """Take note of what happened, whether the screen is visible or not."""

    def redraw(self) -> None:
        """Draw the session as it is now; called at most ten times a second, while the screen is visible."""
        app = workbench(self)
        if app.feed is None:
            return
        ascii_only, status = app.looks.glyphs.ascii, app.status
        shown = figures(app.state, status, app.moment.wall, origin=app.origin, ascii_only=ascii_only)
        self.query_one(HeaderBar).show(shown)
        called = f"{app.origin.machine}/{app.state.id}" if app.origin.machine else app.state.id
        self.query_one(Banner).say(banner(status, time.monotonic(), called, tries=app.can_retry_link))
        self.query_one(ScrubBar).show(status.play)
        self.set_class(status.play is not None, "-replay")
        mode = actions.mode_of(status)
        order = {action.id: at for at, action in enumerate(actions.ACTIONS)}
        self.query_one(ActionBar).show(actions.footer(self.SCOPE, self.context), order, mode)

    def on_screen_resume(self) -> None:
        """Show what happened meanwhile."""
        self.call_after_refresh(self.redraw)

    # -- actions ----------------------------------------------------------------------------------------------

    @property
    def context(self) -> Context:
        """What decides whether an action applies."""
        app = workbench(self)
        return Context(app.state, app.status, self.node, app.origin.imported)

    @property
    def node(self) -> NodeState | None:
        """The node that actions are about."""
        app = workbench(self)
        return app.state.nodes.get(app.selected)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key is the action's in some modes only; in another it may be that of another action."""
        if action == "press":
            return actions.mode_of(workbench(self).status) in str(parameters[2]).split()
        return super().check_action(action, parameters)

    def action_press(self, action_id: str, key: str, modes: str) -> None:
        """Carry out the action of a key, or say why not."""
        self.pressed = key
        self.perform(actions.BY_ID[action_id])
        self.pressed = ""

    def perform(self, action: Action) -> None:
        """Carry an action out, or say why not."""
        why = action.refusal(self.context)
        if why is not None:
            content.notice(self.app, f"{action.label}: {why}", "warning")
            return
        getattr(self, f"do_{action.id}")()

    def on_action_bar_clicked(self, message: ActionBar.Clicked) -> None:
        """A click in the footer is the key."""
        self.perform(actions.BY_ID[message.action_id])

    def action_interrupt(self) -> None:
        """ctrl+c: leave on the second one."""
        workbench(self).interrupted()

    # -- what works the same everywhere -----------------------------------------------------------------------

    def send(self, request: commands.Request) -> None:
        """Ask the session for something."""
        workbench(self).sending.send(request)

    def do_pause_session(self) -> None:
        """P."""
        self.send(commands.pause_session(workbench(self).state))

    def do_cancel_session(self) -> None:
        """X, after a question."""
        workbench(self).confirm(
            "Cancel the session?",
            "What runs is stopped and nothing else starts. What is recorded stays.",
            "cancel it",
            lambda: self.send(commands.cancel_session(workbench(self).state)),
        )

    def do_retry_failed(self) -> None:
        """R."""
        self.send(commands.retry_failed())

    def _with_node(self, make: object) -> None:
        node = self.node
        if node is not None and callable(make):
            self.send(make(node))

    def do_pause_node(self) -> None:
        """p."""
        self._with_node(commands.pause_node)

    def do_retry_node(self) -> None:
        """r."""
        self._with_node(commands.retry_node)

    def do_retry_below(self) -> None:
        """b."""
        self._with_node(commands.retry_below)

    def do_rerun_stale(self) -> None:
        """z."""
        self.send(commands.rerun_stale())

    def do_sooner(self) -> None:
        """>."""
        self._with_node(lambda node: commands.prioritise(node, 1))

    def do_later(self) -> None:
        """<."""
        self._with_node(lambda node: commands.prioritise(node, -1))

    def do_undo(self) -> None:
        """u."""
        self.send(commands.undo(workbench(self).state))

    def do_skip_node(self) -> None:
        """s."""
        self._with_node(commands.skip_node)

    def do_mark_done(self) -> None:
        """m."""
        self._with_node(commands.mark_done)

    def do_forecast(self) -> None:
        """F."""
        self.send(commands.forecast())

    def do_cancel_node(self) -> None:
        """x."""
        self._with_node(commands.cancel_node)

    def do_more(self) -> None:
        """+."""
        self.send(commands.change_concurrency(1))

    def do_fewer(self) -> None:
        """-."""
        self.send(commands.change_concurrency(-1))

    def do_mark(self) -> None:
        """M."""
        workbench(self).ask_text(
            "Mark this moment",
            "A few words by which a replay finds it again. enter sets the mark, esc leaves it.",
            lambda label: self.send(commands.mark(label)),
        )

    def do_past(self) -> None:
        """H."""
        workbench(self).replaying.open()

    def do_resume(self) -> None:
        """U; of a crashed session r."""
        workbench(self).onward.resume()

    def do_fork(self) -> None:
        """Y."""
        workbench(self).onward.fork()

    def do_export(self) -> None:
        """E."""
        workbench(self).onward.export()

    def do_compare(self) -> None:
        """C."""
        workbench(self).onward.compare()

    def do_retry_link(self) -> None:
        """r, while the link is lost."""
        workbench(self).retry_link()

    def do_toggle_play(self) -> None:
        """space."""
        workbench(self).replaying.toggle()

    def do_step_on(self) -> None:
        """."""
        workbench(self).replaying.step(1)

    def do_step_back(self) -> None:
        """,."""
        workbench(self).replaying.step(-1)

    def do_next_mark(self) -> None:
        """]."""
        workbench(self).replaying.to_mark(1)

    def do_previous_mark(self) -> None:
        """[."""
        workbench(self).replaying.to_mark(-1)

    def do_forward(self) -> None:
        """>, in a replay."""
        workbench(self).replaying.by_seconds(JUMP_S)

    def do_rewind(self) -> None:
        """<, in a replay."""
        workbench(self).replaying.by_seconds(-JUMP_S)

    def do_faster(self) -> None:
        """+, in a replay."""
        workbench(self).replaying.change_speed(2.0)

    def do_slower(self) -> None:
        """-, in a replay."""
        workbench(self).replaying.change_speed(0.5)

    def do_idle(self) -> None:
        """i, in a replay."""
        workbench(self).replaying.toggle_idle()

    def do_seek_share(self) -> None:
        """0 to 9, in a replay; from the palette, ask."""
        if self.pressed.isdigit():
            workbench(self).replaying.to_share(int(self.pressed) / 10)
        else:
            self.do_seek_to()

    def do_begin(self) -> None:
        """g, in a replay."""
        workbench(self).replaying.to_share(0.0)

    def do_end(self) -> None:
        """G, in a replay."""
        workbench(self).replaying.go_live()

    def do_seek_to(self) -> None:
        """;."""
        workbench(self).replaying.ask_where()

    def on_scrub_bar_sought(self, message: ScrubBar.Sought) -> None:
        """A click on the bar."""
        workbench(self).replaying.to_seq(message.seq)

    def do_attend(self) -> None:
        """a."""
        workbench(self).asking.attend()

    def do_copy(self) -> None:
        """y."""
        workbench(self).text_out.copy_output(self.node)

    def do_pager(self) -> None:
        """o."""
        workbench(self).text_out.page_output(self.node)

    def do_theme(self) -> None:
        """t."""
        workbench(self).next_theme()

    def do_palette(self) -> None:
        """:."""
        workbench(self).action_command_palette()

    def do_help(self) -> None:
        """?."""
        workbench(self).show_help(self.SCOPE)

    def do_detach(self) -> None:
        """d and q."""
        workbench(self).detach()

    def do_view_plan(self) -> None:
        """1."""
        workbench(self).show_plan()

    def do_view_run(self) -> None:
        """2."""
        workbench(self).show_run("run")

    def do_view_workers(self) -> None:
        """3."""
        workbench(self).show_run("workers")

    def do_view_table(self) -> None:
        """4."""
        workbench(self).show_run("table")

    def do_view_log(self) -> None:
        """5."""
        workbench(self).show_run("log")

    def do_next_pane(self) -> None:
        """tab."""
        self.focus_next()

    def do_previous_pane(self) -> None:
        """shift+tab."""
        self.focus_previous()

    def go(self, dx: int, dy: int) -> None:
        """Move in the focused pane."""
        if isinstance(self.focused, LineView):
            self.focused.go(dx, dy)

    def do_up(self) -> None:
        """k."""
        self.go(0, -1)

    def do_down(self) -> None:
        """j."""
        self.go(0, 1)

    def do_left(self) -> None:
        """h."""
        self.go(-1, 0)

    def do_right(self) -> None:
        """l."""
        self.go(1, 0)

    def do_page_up(self) -> None:
        """A page up."""
        if isinstance(self.focused, LineView):
            self.focused.go(0, -self.focused.page())

    def do_page_down(self) -> None:
        """A page down."""
        if isinstance(self.focused, LineView):
            self.focused.go(0, self.focused.page())

    def do_first(self) -> None:
        """g."""
        if isinstance(self.focused, LineView):
            self.focused.go_to_end(False)

    def do_last(self) -> None:
        """G."""
        if isinstance(self.focused, LineView):
            self.focused.go_to_end(True)

    def do_back(self) -> None:
        """esc."""
        workbench(self).back()
