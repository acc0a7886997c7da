"""All sessions: find one, open it, live through it again, fork it, hold it against another; act on many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widgets import Input

from swarmtui.tui import content
from swarmtui.tui.actions.action import Action, Scope
from swarmtui.tui.actions.table import BY_ID
from swarmtui.tui.browser import Choice
from swarmtui.tui.screens.acting import Thing
from swarmtui.tui.screens.prompted import PromptedScreen
from swarmtui.tui.screens.reading import Reading
from swarmtui.tui.view.bulk import Bulk, Verb
from swarmtui.tui.view.home import HOW_HERE, MANY, VERBS, empty_lines, headline, refusal, told_of_list, verb_of
from swarmtui.tui.view.session_detail import detail_lines
from swarmtui.tui.view.sessions import SHOWN, SORTS, Row, SessionRows, key_of, origin_of
from swarmtui.tui.widgets.bars import Words
from swarmtui.tui.widgets.lines import LineView, TextView, entitle
from swarmtui.tui.widgets.looks import dressed, looks
from swarmtui.tui.widgets.table import RowTable

if TYPE_CHECKING:
    from swarmtui.tui.browser import Browser

WARM_AFTER_S = 0.5
"""What opening a session takes is made ready so long after the list stands: nobody opens one earlier."""


class SessionsScreen(PromptedScreen):
    """The sessions of this machine, or of several."""

    SCOPE = Scope.HOME
    CSS_PATH = "sessions.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (150, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-normal"), (50, "-tall")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self._rows = SessionRows()
        self._reading = Reading(self, self._draw)
        self._first = True
        self._opens = False
        """Whether enter was pressed, and nothing since, before there was anything to open."""
        self._samples: Sequence[tuple[str, str]] = ()

    @property
    def _browser(self) -> Browser:
        return cast("Browser", self.app)

    def compose(self) -> ComposeResult:
        """A line of figures, the table, what is known of the selected session, the place of the prompt, the keys.

        ``#prompt-place`` is for the prompt in which a goal is stated: as high as what is mounted in it, over the whole
        width, below the table and above the footer; empty it takes no line. Tab goes from the table to it and back.
        """
        yield Words(id="header")
        with Container(id="home-body"):
            yield RowTable(id="sessions")
            yield TextView(id="empty")
            yield TextView(id="session")
        yield Input(
            id="sessions-find",
            placeholder=dressed(self).with_keys("words that must occur; !word must not; enter keeps, {back} clears"),
            compact=True,
        )
        yield Vertical(id="prompt-place")
        yield from self.compose_footer()

    def on_mount(self) -> None:
        """Read the sessions, and again some time after each reading has ended; those of an earlier list are there."""
        self._rows.looking, self._rows.wanted = self._browser.looking, self._browser.columns
        if self._browser.as_tree is not None:
            self._rows.as_tree = self._browser.as_tree
        find = self.query_one("#sessions-find", Input)
        find.cursor_blink = False
        find.value = self._rows.looking.words
        find.display = False
        for view in self.query(TextView):
            view.can_focus = False
        self.query_one(RowTable).focus()
        self._draw()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The first frame stands: from here on there is something to read meanwhile."""
        self.reload()
        self._reading.far()

    def reload(self) -> None:
        """Read this machine's sessions now."""
        self._reading.here()

    # -- drawing ----------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """All of it; costs little where the rows are the very same."""
        if not self.is_attached:
            return
        looking = self._rows.looking
        found = self._browser.machines.rows() if self._reading.done else []
        self._rows.take(found)
        table = self.query_one(RowTable)
        none = self._reading.done and not found and not self._reading.failed
        self.query_one("#empty").display = none
        table.display = not none
        table.show(self._rows)
        if looking.selected:
            table.select(looking.selected)
        looking.selected = table.selected or looking.selected
        line = headline(found, len(looking.marked), read=self._reading.done, prompted=self.prompt is not None)
        self.query_one("#header", Words).say(line)
        entitle(table, told_of_list(looking, len(self._rows), self._rows.total))
        self._draw_selected()
        if none:
            how = "" if self.prompt is None else dressed(self).with_keys(HOW_HERE)
            samples = self._samples
            self.query_one("#empty", TextView).show(lambda width: empty_lines(samples, width, how))
        if self._reading.done and self._first:
            self._settled(none=none)

    def _settled(self, *, none: bool) -> None:
        """Once, when the sessions have been read."""
        self._first = False
        if none and self.prompt is not None:
            self.do_new_goal()
        if none:
            self.run_worker(self._find_samples(), group="samples")
        self.set_timer(WARM_AFTER_S, self._warm)
        if self._opens and not none:
            self.perform(BY_ID["open"])

    async def _find_samples(self) -> None:
        self._samples = await asyncio.to_thread(self._browser.ways.samples)
        self._draw()

    @work(group="warm")
    async def _warm(self) -> None:
        await asyncio.to_thread(self._browser.ways.warm)

    def _draw_selected(self) -> None:
        pane = self.query_one("#session", TextView)
        row, now = self._row, self._browser.moment.wall
        pane.set_class(not self.query_one(RowTable).display, "-none")
        if pane.size.width:
            glyphs, rows = looks(pane).glyphs, self._browser.machines.rows()
            pane.show(lambda width: detail_lines(row, rows, now, width, glyphs))
            entitle(pane, key_of(row).removesuffix("/") if row is not None else "session")
        goes_on = verb_of("pause_session", self._meant()[:MANY]) is Verb.GO_ON
        self.going_on = frozenset({"pause_session"}) if goes_on else frozenset()
        self.draw_footer()

    def on_resize(self) -> None:
        """The pane of the selected session comes and goes with the size."""
        self.call_after_refresh(self._draw)

    def sessions_told(self) -> Sequence[Row]:
        """All that were read."""
        return self._browser.machines.rows()

    def focus_content(self) -> None:
        """To the table."""
        self.query_one(RowTable).focus()

    # -- what is chosen ---------------------------------------------------------------------------------------

    @property
    def _row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows.row(self.query_one(RowTable).selected)

    def _meant(self) -> list[Row]:
        """The sessions that an action is about: those that are marked, else the one under the cursor."""
        row = self._row
        return self._rows.marked() or ([row] if row is not None and "error" not in row else [])

    def refusal(self, action: Action) -> str | None:
        """Why it does not apply to what is meant."""
        why = super().refusal(action)
        why = why or refusal(action.id, self._row, self._meant(), able=self._browser.ways.act is not None)
        return why and dressed(self).with_keys(why)

    def perform(self, action: Action) -> None:
        """What is to be opened before the sessions have been read is opened once they have."""
        self._opens = action.id == "open" and self._first
        if not self._opens:
            super().perform(action)

    def _choose(self, choice: Choice) -> None:
        self.app.exit(choice)

    def do_open(self) -> None:
        """enter."""
        self._choose(Choice("open", self.query_one(RowTable).selected))

    def do_attend(self) -> None:
        """a: what it needs is answered there."""
        self.do_open()

    @on(RowTable.RowOpened)
    def _opened(self) -> None:
        self.perform(BY_ID["open"])

    @on(RowTable.RowSelected)
    def _moved(self, message: RowTable.RowSelected) -> None:
        self._rows.looking.selected = message.key
        self._draw_selected()

    def do_past(self) -> None:
        """H."""
        self._choose(Choice("replay", self.query_one(RowTable).selected))

    def do_fork(self) -> None:
        """Y, after the question where."""
        key = self.query_one(RowTable).selected

        def answered(at: str | None) -> None:
            if at:
                self._choose(Choice("fork", key, at))

        from swarmtui.tui.screens.dialogs import LineScreen

        hint = "An event's number, or a mark (failure, approval:2). What was done by then is kept."
        self.app.push_screen(LineScreen(f"Fork {key} where?", hint), answered)

    def do_select(self) -> None:
        """space."""
        self._rows.looking.marked ^= {self.query_one(RowTable).selected}
        self._draw()

    def do_select_all(self) -> None:
        """*: all that are shown; where they are marked already, none."""
        marked, shown = self._rows.looking.marked, set(self._rows.shown())
        if shown <= marked:
            marked -= shown
        else:
            marked |= shown
        self._draw()

    def do_compare(self) -> None:
        """C: the two that are marked; the marked one and the selected one; a fork and what it was forked from."""
        marked, row = [key_of(one) for one in self._rows.marked()], self._row
        key = self.query_one(RowTable).selected
        match marked:
            case [one, other]:
                pair = other, one  # the older one first
            case [one] if one != key:
                pair = one, key
            case [] | [_] if row is not None and (origin := origin_of(row)):
                pair = origin, key
            case _:
                told = "mark one with {select} and select another, or mark two; a fork needs no mark"
                content.notice(self.app, self._browser.with_keys(told), "warning")
                return
        self._browser.comparing.show(*pair)

    # -- several at once --------------------------------------------------------------------------------------

    def _ask_bulk(self, verb: Verb) -> None:
        from swarmtui.tui.screens.bulk import BulkScreen

        act, rows = self._browser.ways.act, self._meant()
        if act is None:
            return
        where = self._browser.ways.exports_to if verb is Verb.EXPORT else ""
        self.app.push_screen(BulkScreen(Bulk.of(verb, rows, dressed(self).with_keys), act, where), self._done_with)

    def _done_with(self, keys: list[str] | None) -> None:
        self._rows.looking.marked -= set(keys or ())
        self._draw()
        self.reload()

    def do_pause_session(self) -> None:
        """P."""
        self._ask_bulk(verb_of("pause_session", self._meant()))

    def do_retry_failed(self) -> None:
        """R."""
        self._ask_bulk(VERBS["retry_failed"])

    def do_cancel_session(self) -> None:
        """X."""
        self._ask_bulk(VERBS["cancel_session"])

    def do_resume(self) -> None:
        """U."""
        self._ask_bulk(VERBS["resume"])

    def do_remove(self) -> None:
        """W."""
        self._ask_bulk(VERBS["remove"])

    def do_export(self) -> None:
        """E."""
        self._ask_bulk(VERBS["export"])

    # -- looking ----------------------------------------------------------------------------------------------

    def do_form(self) -> None:
        """v: which sessions are shown."""
        looking, names = self._rows.looking, list(SHOWN)
        looking.shown = names[(names.index(looking.shown) + 1) % len(names)]
        self._draw()

    def do_tree(self) -> None:
        """T: forks under their origin, or all by time."""
        looking = self._rows.looking
        looking.tree = bool(looking.sort[0]) or not looking.tree
        looking.sort = "", False
        self._draw()

    def do_sort(self) -> None:
        """S: by the next column."""
        key = self._rows.looking.sort[0]
        following = SORTS[(SORTS.index(key) + 1) % len(SORTS)] if key in SORTS else ""
        self._rows.looking.sort = following, following not in ("", "status", "title")
        self._draw()

    def do_reverse(self) -> None:
        """D."""
        key, descending = self._rows.looking.sort
        self._rows.looking.sort = key or "started", not descending
        self._draw()

    def on_row_table_sort_asked(self, message: RowTable.SortAsked) -> None:
        """A click on the head of a column."""
        key, descending = self._rows.looking.sort
        self._rows.looking.sort = message.column, not descending if key == message.column else False
        self._draw()

    def do_find(self) -> None:
        """/."""
        find = self.query_one("#sessions-find", Input)
        find.display = True
        find.focus()

    @on(Input.Changed, "#sessions-find")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._rows.looking.words = event.value.strip()
        if self._reading.done:
            self._draw()

    @on(Input.Submitted, "#sessions-find")
    def _filter_kept(self) -> None:
        self.query_one("#sessions-find").display = False
        self.query_one(RowTable).focus()

    def do_back(self) -> None:
        """esc: out of the filter; then the marks go, then the filter."""
        find = self.query_one("#sessions-find", Input)
        if self._rows.looking.marked and not find.display:
            self._rows.looking.marked.clear()
            self._draw()
            return
        find.value = ""
        find.display = False
        self.query_one(RowTable).focus()

    def do_hosts(self) -> None:
        """O."""
        from swarmtui.tui.screens.hosts import HostsScreen

        app = self._browser
        self.app.push_screen(HostsScreen(app.hosts, app.machines, self._reading.far, app.ways.names_of))

    def do_quit(self) -> None:
        """q."""
        self.app.exit(None)

    @property
    def pane(self) -> LineView | None:
        """The table, wherever the focus is."""
        return self.focused if isinstance(self.focused, LineView) else self.query_one(RowTable)

    def things(self) -> Iterable[Thing]:
        """The sessions."""
        for _, row in self._rows.rows:
            if "error" not in row:
                key = key_of(row)
                yield Thing("session", key, str(row.get("title") or ""), partial(self._go_to, key))

    def _go_to(self, key: str) -> None:
        self._rows.looking.selected = key
        self._draw()
