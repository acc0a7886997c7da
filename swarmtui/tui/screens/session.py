"""What all screens over a session share: header, banner, footer, and how an action becomes a call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Input

from swarmtui.session.vocabulary import Status
from swarmtui.tui import commands
from swarmtui.tui.actions.action import Action, Context, Scope
from swarmtui.tui.actions.table import BY_ID
from swarmtui.tui.replaying import JUMP_S
from swarmtui.tui.screens.acting import ActionScreen, Thing
from swarmtui.tui.screens.shown import Shown
from swarmtui.tui.view import format as say
from swarmtui.tui.view.banner import banner
from swarmtui.tui.view.figures import figures
from swarmtui.tui.view.nodes import detail, name_of
from swarmtui.tui.widgets.bars import ActionBar, Banner, HeaderBar
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.scrub import ScrubBar

if TYPE_CHECKING:
    from swarmtui.host.feed import Changes
    from swarmtui.session.state import NodeState


class SessionScreen(ActionScreen):
    """A screen over the session that the app has a feed of."""

    _shown: Shown | None = None
    """As it was drawn last; None while it is to be drawn anew."""

    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-tiny"), (80, "-narrow"), (100, "-medium"), (160, "-wide"),
    ]  # fmt: skip
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"), (20, "-short"), (32, "-normal"), (50, "-tall"),
    ]  # fmt: skip

    # -- frame ------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Header, banner, what the subclass shows, footer."""
        yield HeaderBar(id="header")
        yield Banner(id="banner")
        yield from self.compose_body()
        yield ScrubBar(id="scrub")
        yield from self.compose_footer()

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
        if app.feed is None or not self.stands:
            return
        ascii_only, status = app.looks.glyphs.ascii, app.status
        shown = figures(app.state, status, app.moment.wall, origin=app.origin, ascii_only=ascii_only)
        self.query_one(HeaderBar).show(shown)
        called = f"{app.origin.machine}/{app.state.id}" if app.origin.machine else app.state.id
        self.query_one(Banner).say(app.with_keys(banner(status, time.monotonic(), called, tries=app.can_retry_link)))
        self.query_one(ScrubBar).show(status.play)
        self.set_class(status.play is not None, "-replay")
        node = self.node
        self._shown = Shown(app.state.status, "" if node is None else node.id, held=node is not None and node.held)
        goes_on = {"pause_session": app.state.status is Status.PAUSED, "pause_node": self.holds}
        self.going_on = frozenset(action for action, so in goes_on.items() if so)
        self.draw_footer()

    @property
    def holds(self) -> bool:
        """Whether what a key about nodes is about is held, so that pausing lets it go on."""
        return self._shown is not None and self._shown.held

    def on_screen_resume(self) -> None:
        """Show what happened meanwhile."""
        self._shown = None
        self.call_after_refresh(self.redraw)

    # -- actions ----------------------------------------------------------------------------------------------

    @property
    def context(self) -> Context:
        """What decides whether an action applies."""
        app = workbench(self)
        return Context(app.state, app.status, self.node, app.origin.imported, app.with_keys)

    @property
    def node(self) -> NodeState | None:
        """The node that actions are about."""
        app = workbench(self)
        return app.state.nodes.get(app.selected)

    def refusal(self, action: Action) -> str | None:
        """Why `action` does not apply now; None if it does."""
        return action.refusal(self.context)

    def things(self) -> Iterable[Thing]:
        """Its nodes."""
        app = workbench(self)
        for node in list(app.state.nodes.values()):  # some may come while they are looked through
            yield Thing("node", name_of(node.id, 60), "", partial(app.show_node, node.id), partial(self._tell, node))

    def _tell(self, node: NodeState) -> str:
        app = workbench(self)
        return detail(app.state, node, app.moment, app.looks.glyphs) or node.state.value

    def ways(self) -> Mapping[Scope, Callable[[], None]]:
        """To the run, the plan, and the node that is selected."""
        app = workbench(self)
        ways: dict[Scope, Callable[[], None]] = {Scope.RUN: partial(app.show_run, "run")}
        if app.state.plan is not None:
            ways[Scope.PLAN] = app.show_plan
        if self.node is not None:
            ways[Scope.NODE] = partial(app.open_node, self.node.id)
        return ways

    # -- what works the same everywhere -----------------------------------------------------------------------

    def send(self, request: commands.Request) -> None:
        """Ask the session for something."""
        workbench(self).sending.send(request)

    def do_pause_session(self) -> None:
        """P: what was meant by how the session was shown, whatever others have done since."""
        status = workbench(self).state.status if self._shown is None else self._shown.status
        self.send(commands.pause_session(paused=status is Status.PAUSED))

    def do_cancel_session(self) -> None:
        """X, after a question."""
        workbench(self).confirm(
            "Cancel the session?",
            "What runs is stopped and nothing else starts. What is recorded stays.",
            "cancel it",
            lambda: self.send(commands.cancel_session()),
        )

    def do_retry_failed(self) -> None:
        """R."""
        self.send(commands.retry_failed())

    def _with_node(self, make: Callable[[NodeState], commands.Request]) -> None:
        node = self.node
        if node is not None:
            self.send(make(node))

    def do_pause_node(self) -> None:
        """p: what was meant by how the node was shown."""
        shown = self._shown
        self._with_node(
            lambda node: commands.pause_node(node, held=shown.held if shown and shown.node == node.id else None)
        )

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
        """x; of a map of which more than one item would be lost, after a question."""
        node = self.node
        left = node.items.total - node.items.ended if node is not None and node.items is not None else 0
        if node is None or left <= 1 or node.items is None:
            self._with_node(commands.cancel_node)
            return
        workbench(self).confirm(
            f"Cancel {name_of(node.id, 40)}: {say.count(left)} of {say.count(node.items.total)} items have not ended",
            "What runs of it is stopped and no other item starts; what needs all of them goes without. "
            "Retrying the node runs those again.",
            "cancel them",
            partial(self._with_node, commands.cancel_node),
        )

    def do_more(self) -> None:
        """+."""
        workbench(self).sending.change_concurrency(1)

    def do_fewer(self) -> None:
        """-."""
        workbench(self).sending.change_concurrency(-1)

    def do_auto(self) -> None:
        """0."""
        self.send(commands.automatic_concurrency())

    def do_concurrency(self) -> None:
        """=."""
        from swarmtui.tui.screens.concurrency import ConcurrencyScreen

        self.app.push_screen(ConcurrencyScreen(), lambda asked: None if asked is None else self.send(asked))

    def do_budget(self) -> None:
        """$."""
        from swarmtui.tui.view import budget_words as words

        app = workbench(self)
        used = words.used_words(app.state, app.moment.session)
        app.ask_text(
            "What the session may use up",
            f"Such as {words.FORMS}, or a number alone, of {words.alone(app.state)}; what is left out stays as it is, "
            f"{words.NONE} takes a limit away. Used so far: {used}.",
            self._set_budget,
            words.written(app.state.limits),
            lambda text: words.why_not(app.state, text),
        )

    def _set_budget(self, text: str) -> None:
        from swarmtui.tui.view import budget_words as words

        app = workbench(self)
        params = words.read(text, words.alone(app.state))
        arrow = "->" if app.looks.glyphs.ascii else "→"
        self.send(commands.set_budget(params, words.changed(app.state.limits, params, arrow)))

    def do_mark(self) -> None:
        """M."""
        workbench(self).ask_text(
            "Mark this moment",
            "A few words by which a replay finds it again. enter sets the mark.",
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

    def do_next_failure(self) -> None:
        """e, in a replay."""
        workbench(self).replaying.to_failure()

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
            workbench(self).replaying.to_tenth(int(self.pressed))
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

    def on_header_bar_failed_clicked(self) -> None:
        """A click on how many have failed: those alone."""
        app = workbench(self)
        app.show_run("run")
        screen = app.screen
        screen.set_focus(None)
        if isinstance(screen, ActionScreen):
            screen.perform(BY_ID["find"])
            screen.query_one("#find", Input).value = "failed"

    def do_attend(self) -> None:
        """a."""
        workbench(self).asking.attend()

    def do_copy(self) -> None:
        """y."""
        workbench(self).text_out.with_output(self.node, workbench(self).text_out.copy)

    def do_pager(self) -> None:
        """o."""
        workbench(self).text_out.with_output(self.node, workbench(self).text_out.page_named)

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

    def do_view_timeline(self) -> None:
        """6."""
        workbench(self).show_run("timeline")

    def do_view_pools(self) -> None:
        """7."""
        workbench(self).show_run("pools")

    def do_back(self) -> None:
        """esc."""
        workbench(self).back()
