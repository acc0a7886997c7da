"""All sessions: find one, open it, live through it again, fork it, hold it against another."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from swarmtui.tui import content
from swarmtui.tui.browser import Choice
from swarmtui.tui.screens.dialogs import LineScreen
from swarmtui.tui.screens.listing import HELP, THEME, Key, ListScreen
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.sessions import SHOWN, SORTS, Row, SessionRows, parent_of
from swarmtui.tui.widgets.bars import Words
from swarmtui.tui.widgets.lines import entitle
from swarmtui.tui.widgets.table import RowTable

if TYPE_CHECKING:
    from swarmtui.tui.browser import Browser


class SessionsScreen(ListScreen):
    """The sessions of this machine, or of several."""

    KEYS = (
        Key("enter", "open", "open", "Open the session: watch and steer it, or look at one that has ended"),
        Key("H", "replay", "replay", "Live through it again"),
        Key("slash", "find", "filter", "Only sessions in which all of these words occur; !word must not"),
        Key("v", "shown", "which", "Which are shown: all, not finished OK, needs you, failed, running"),
        Key("f", "fork", "fork", "Begin another session with its past, from an event or a mark on"),
        Key("c", "compare", "compare", "Hold it against the marked one, or a fork against what it was forked from"),
        Key("space", "mark", "mark", "Mark it as the one that another is compared with"),
        Key("S", "sort", "sort", "Sort by the next column; without one, forks stand below what they were forked from"),
        Key("D", "reverse", "reverse", "Turn the order round"),
        THEME,
        Key("escape", "back", "", "Clear the filter"),
        HELP,
        Key("q,ctrl+q,ctrl+c", "leave", "quit", "Leave; sessions that run go on"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._rows = SessionRows()
        self._found: list[Row] = []
        self._read = False
        self._reading = False
        self._told = ""
        """What went wrong when they were read last; told once, not with every reading."""

    @property
    def _browser(self) -> Browser:
        return cast("Browser", self.app)

    def compose(self) -> ComposeResult:
        """A line of figures, the table, the keys."""
        yield Words(id="header")
        yield RowTable(id="sessions")
        yield Input(
            id="sessions-find",
            placeholder="words that must occur; !word must not; enter keeps, esc clears",
            compact=True,
        )
        yield self.key_bar()

    def on_mount(self) -> None:
        """Read the sessions, and again some time after each reading has ended."""
        self._rows.looking = self._browser.looking
        if self._browser.as_tree is not None:
            self._rows.as_tree = self._browser.as_tree
        find = self.query_one("#sessions-find", Input)
        find.cursor_blink = False
        find.value = self._rows.looking.words
        find.display = False
        self.query_one(RowTable).focus()
        self.reload()

    def reload(self) -> None:
        """Read the sessions again, unless they are being read: a slow disk must not be asked twice at once."""
        if not self._reading:
            self._reading = True
            self.run_worker(self._reload(), group="reload")

    async def _reload(self) -> None:
        told = ""
        try:
            self._found = list(await self._browser.rows())
        except Exception as error:  # noqa: BLE001 - told; what was read before stays
            told = f"sessions: {error}"
        finally:
            self._reading = False
        if told and told != self._told:
            content.notice(self.app, told, "error")
        self._told = told
        self._read = True
        self._draw()
        self.set_timer(self._browser.reload_s, self.reload)

    def _draw(self) -> None:
        looking = self._rows.looking
        self._rows.take(self._found)
        table = self.query_one(RowTable)
        table.show(self._rows)
        if looking.selected:
            table.select(looking.selected)
        looking.selected = table.selected
        self.query_one("#header", Words).say(self._headline())
        parts = [looking.shown if looking.shown != "all" else "", looking.words]
        key, descending = looking.sort
        parts.append(f"by {key} {'down' if descending else 'up'}" if key else "")
        shown = f"{len(self._rows):,} of {self._rows.total:,}" if len(self._rows) != self._rows.total else "all"
        entitle(table, ", ".join(["sessions: " + shown, *(part for part in parts if part)]))

    def _headline(self) -> Line:
        if not self._read:
            return ((" swarmtui", "strong"), ("   reading the sessions", "muted"))
        if not self._found:
            return ((" swarmtui", "strong"), ("   no sessions yet: swarmtui run TASK.yaml starts one", "muted"))
        needs = sum(1 for row in self._found if row.get("needs_you"))
        runs = sum(1 for row in self._found if SHOWN["running"](row))
        count = len(self._found)
        goes_on = f"   {runs} go{'es' if runs == 1 else ''} on" if runs else ""
        many = f"   {count:,} session{'' if count == 1 else 's'}"
        line: Line = ((" swarmtui", "strong"), (many + goes_on, "muted"))
        return (*line, (f"   {needs} need{'s' if needs == 1 else ''} you", "ask")) if needs else line

    # -- what is chosen ---------------------------------------------------------------------------------------

    @property
    def _selected(self) -> Row | None:
        row = self._rows.row(self.query_one(RowTable).selected)
        if row is None or "error" in row:
            content.notice(self.app, "no session is selected", "warning")
            return None
        return row

    def _choose(self, choice: Choice) -> None:
        self.app.exit(choice)

    def action_open(self) -> None:
        """enter."""
        if self._selected is not None:
            self._choose(Choice("open", self.query_one(RowTable).selected))

    @on(RowTable.RowOpened)
    def _opened(self) -> None:
        self.action_open()

    @on(RowTable.RowSelected)
    def _moved(self, message: RowTable.RowSelected) -> None:
        self._rows.looking.selected = message.key

    def action_replay(self) -> None:
        """H."""
        if self._selected is not None:
            self._choose(Choice("replay", self.query_one(RowTable).selected))

    def action_fork(self) -> None:
        """f, after the question where."""
        if self._selected is None:
            return
        key = self.query_one(RowTable).selected

        def answered(at: str | None) -> None:
            if at:
                self._choose(Choice("fork", key, at))

        hint = "An event's number, or a mark (failure, approval:2). What was done by then is kept; esc leaves it."
        self.app.push_screen(LineScreen(f"Fork {key} where?", hint), answered)

    def action_mark(self) -> None:
        """space: the one that another is compared with."""
        if self._selected is not None:
            looking, key = self._rows.looking, self.query_one(RowTable).selected
            looking.marked = "" if looking.marked == key else key
            self._draw()

    def action_compare(self) -> None:
        """c: with the marked one, else with the one that it was forked from."""
        row = self._selected
        if row is None:
            return
        key, other = self.query_one(RowTable).selected, self._rows.looking.marked or parent_of(row)
        if not other or other == key:
            content.notice(self.app, "mark one with space, then press c on another; a fork needs no mark", "warning")
        else:
            self._browser.held_against(other, key)

    # -- looking ----------------------------------------------------------------------------------------------

    def action_shown(self) -> None:
        """v: which sessions are shown."""
        looking, names = self._rows.looking, list(SHOWN)
        looking.shown = names[(names.index(looking.shown) + 1) % len(names)]
        self._draw()

    def action_sort(self) -> None:
        """S: by the next column."""
        key = self._rows.looking.sort[0]
        following = SORTS[(SORTS.index(key) + 1) % len(SORTS)] if key in SORTS else ""
        self._rows.looking.sort = following, following not in ("", "status", "title")
        self._draw()

    def action_reverse(self) -> None:
        """D."""
        key, descending = self._rows.looking.sort
        self._rows.looking.sort = key or "started", not descending
        self._draw()

    def on_row_table_sort_asked(self, message: RowTable.SortAsked) -> None:
        """A click on the head of a column."""
        key, descending = self._rows.looking.sort
        self._rows.looking.sort = message.column, not descending if key == message.column else False
        self._draw()

    def action_find(self) -> None:
        """/."""
        find = self.query_one("#sessions-find", Input)
        find.display = True
        find.focus()

    @on(Input.Changed, "#sessions-find")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._rows.looking.words = event.value.strip()
        if self._read:
            self._draw()

    @on(Input.Submitted, "#sessions-find")
    def _filter_kept(self) -> None:
        self.query_one("#sessions-find").display = False
        self.query_one(RowTable).focus()

    def action_back(self) -> None:
        """esc: out of the filter."""
        find = self.query_one("#sessions-find", Input)
        find.value = ""
        find.display = False
        self.query_one(RowTable).focus()

    def action_leave(self) -> None:
        """q."""
        self.app.exit(None)
