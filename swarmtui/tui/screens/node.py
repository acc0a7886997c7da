"""One node in full, or one item of its map: what went in, what came out, each attempt, tools, cost, events, files."""

from __future__ import annotations

from textual.app import ComposeResult

from swarmtui.host.feed import Changes, Link
from swarmtui.safety.text import one_line
from swarmtui.session.state import NodeState
from swarmtui.tui import content
from swarmtui.tui.actions.action import Scope
from swarmtui.tui.node_reading import NodeReading
from swarmtui.tui.screens.node_body import ATTEMPT_FORMS, NodeBody
from swarmtui.tui.screens.searching_text import SearchingText
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import MARKS
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.node_tabs import Tab, tabs_of
from swarmtui.tui.view.nodes import detail, mark_of, name_of, taken_words, writes_markdown
from swarmtui.tui.view.table import ItemRows
from swarmtui.tui.widgets.bars import Words
from swarmtui.tui.widgets.lines import LineView, TextView
from swarmtui.tui.widgets.looks import looks, workbench
from swarmtui.tui.widgets.table import RowTable
from swarmtui.tui.widgets.tabs import TabBar

GO_ON_S = 0.02
"""After how long more of a long text is drawn: keys come between."""
LOG_S = 2.0
"""How often the log of a node at work is fetched while it is read: nothing tells that it has grown."""
SPLIT: frozenset[Tab] = frozenset({"attempts", "tools", "files"})
"""Tabs that are a table above, and below it what is told of the row under the cursor."""
LIVE: frozenset[Tab] = frozenset({"output", "attempts", "tools", "cost"})
"""Tabs in which time passes while the node runs."""
TABLES: frozenset[Tab] = SPLIT | {"items"}


class NodeScreen(SearchingText):
    """Everything that is known of one node, or of one item of its map."""

    SCOPE = Scope.NODE
    CSS_PATH = "node.tcss"

    def __init__(self, node_id: str, item: int | None = None) -> None:
        super().__init__()
        self.node_id, self.item = node_id, item
        self.tab: Tab = "output"
        self.wide = False
        """Whether what is told of a row has all the room."""
        self._drawn: object = None
        self._turned = True
        """Whether another tab was opened, which is shown from its top."""
        self._body: NodeBody | None = None

    @property
    def body(self) -> NodeBody:
        """What the tabs show."""
        if self._body is None:
            app = workbench(self)
            self._body = NodeBody(app, NodeReading(app, self.node_id, self.item, self._arrived))
        return self._body

    def compose_body(self) -> ComposeResult:
        """How it stands, tabs, a table, and a text below or instead of it."""
        yield Words(id="stands")
        yield TabBar(id="tabs")
        yield RowTable(id="items")
        yield TextView(id="body", classes="panel", follow=True)
        yield self.search_line()

    def on_mount(self) -> None:
        """Fetch what the state does not have."""
        self.choose("output")
        self.body.reading.begin()
        self.set_interval(LOG_S, self._follow_log)

    @property
    def node(self) -> NodeState | None:
        """The node that is shown."""
        return workbench(self).state.nodes.get(self.node_id)

    @property
    def tabs(self) -> tuple[tuple[Tab, str], ...]:
        """The tabs that it has."""
        node = self.node
        mapped = node is not None and node.items is not None
        plan_node, called = workbench(self).state.plan_nodes.get(self.node_id), self.body.has_tools
        return tabs_of(plan_node, mapped=mapped, item=self.item is not None, tools=called)

    def _arrived(self) -> None:
        """Something was fetched."""
        self._drawn = None
        if self.is_current:
            self.redraw()

    def absorb(self, changes: Changes) -> None:
        """Events of this node."""
        if changes.reset:
            self.body.reading.forget()
        if self.body.reading.absorb(changes) or self.node_id in changes.nodes or changes.reset:
            self._drawn = None

    # -- drawing ----------------------------------------------------------------------------------------------

    def choose(self, tab: Tab) -> None:
        """Open a tab."""
        self.tab, self.wide = tab, False
        self._drawn, self._turned = None, True
        if tab == "log":
            self.body.reading.want_log()
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Draw the tab that is open."""
        if not self.is_mounted or not self.stands:
            return
        super().redraw()
        node = self.node
        if node is None:
            if self.is_active:  # what lies over it is left first, by whoever it asks
                workbench(self).back()
            return
        if self.tab not in [tab for tab, _ in self.tabs]:
            self.tab = "output"
        self._draw_head(node)
        live = (node.running or node.items is not None) and not node.ended and self.tab in LIVE
        drawn = (self.tab, self.wide, looks(self))
        if drawn == self._drawn and not live:
            return
        turned = self._turned
        self._drawn, self._turned = drawn, False
        self._draw_body(node, turned=turned)

    def _draw_body(self, node: NodeState, *, turned: bool) -> None:
        table, view = self.query_one(RowTable), self.query_one("#body", TextView)
        rows = self.body.rows(self.tab, node) if self.tab in TABLES else None
        table.display = rows is not None and not self.wide
        view.display = self.tab != "items"
        self.set_class(self.tab in SPLIT, "-split")
        if rows is not None:
            if isinstance(rows, ItemRows) and isinstance(table.rows, ItemRows):
                rows = ItemRows(rows.items, table.rows.sort)
            table.styles.height = min(len(rows) + 1, max(4, self.size.height * 2 // 5)) if self.tab in SPLIT else "1fr"
            table.show(rows)
            if self.tab in self.body.selected:
                table.select(self.body.selected[self.tab])
        self._focus(table if rows is not None and not self.wide else view)
        streams = self.tab in ("output", "log") and node.running
        view.show(
            lambda width: self.body.lines(self.tab, node, width),
            top=turned and not streams,
            above=lambda: self.body.flow.above if self.body.flow is not None else 0,
        )
        if self.body.flow is not None and not self.body.flow.complete:
            self.set_timer(GO_ON_S, self._go_on)

    def _follow_log(self) -> None:
        node = self.node
        at_work = node is not None and node.running and workbench(self).status.link is Link.LIVE
        if at_work and self.tab == "log":
            self.body.reading.want_more_log()

    def _go_on(self) -> None:
        """Draw more of a text of which a part is drawn."""
        self._drawn = None
        if self.is_current:
            self.redraw()

    def _focus(self, widget: LineView) -> None:
        if self.focused is not widget and not self.is_searching:
            widget.focus()

    def refocus(self) -> None:
        """The table, where there is one."""
        table = self.query_one(RowTable)
        (table if table.display else self.query_one("#body", TextView)).focus()

    def _draw_head(self, node: NodeState) -> None:
        app = workbench(self)
        icons = looks(self).glyphs
        mark, taken = mark_of(app.state, node), taken_words(node, app.moment)
        parts = [mark.word, taken, detail(app.state, node, app.moment, icons)]
        name = name_of(self.node_id, 40)
        if self.item is not None and node.items is not None and self.item < node.items.total:
            mark, error = MARKS[node.items.state(self.item)], node.items.errors.get(self.item)
            name = f"{name} {icons.into} item {say.count(self.item)}"
            parts = [mark.word, error.message if error is not None else ""]
        words = one_line(f" {icons.dot} ".join(part for part in parts if part), 200)
        line: Line = ((f" {icons.icon(mark)} ", mark.role), (name, "strong"), ("  ", "text"), (words, "muted"))
        self.query_one("#stands", Words).say(line)
        tabs = self.query_one(TabBar)
        tabs.tabs, tabs.current = self.tabs, self.tab
        tabs.changed()

    # -- moving about -----------------------------------------------------------------------------------------

    def _turn(self, step: int) -> None:
        names = [tab for tab, _ in self.tabs]
        self.choose(names[(names.index(self.tab) + step) % len(names)] if self.tab in names else "output")

    def do_next_pane(self) -> None:
        """tab."""
        self._turn(1)

    def do_previous_pane(self) -> None:
        """shift+tab."""
        self._turn(-1)

    def do_left(self) -> None:
        """h."""
        self._turn(-1)

    def do_right(self) -> None:
        """l."""
        self._turn(1)

    def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        """A click on a tab."""
        self.choose(next((tab for tab, _ in self.tabs if tab == message.tab), "output"))

    def _page(self, direction: int) -> None:
        """By a page: of the text below, where a table stands above it."""
        below = self.query_one("#body", TextView)
        if self.tab in SPLIT:
            below.go(0, direction * below.page())
        elif isinstance(self.focused, LineView):
            self.focused.go(0, direction * self.focused.page())
        else:
            self.go(0, direction * (self.size.height - 6))

    def do_page_up(self) -> None:
        """A page up."""
        self._page(-1)

    def do_page_down(self) -> None:
        """A page down."""
        self._page(1)

    def on_row_table_row_selected(self, message: RowTable.RowSelected) -> None:
        """Tell of another row."""
        self.body.selected[self.tab] = message.key
        self._drawn = None
        self.redraw()
        if self.tab in SPLIT:
            self.query_one("#body", TextView).go_to_end(False)

    def on_row_table_row_opened(self, message: RowTable.RowOpened) -> None:
        """Two clicks are enter."""
        self.do_open()

    def on_row_table_sort_asked(self, message: RowTable.SortAsked) -> None:
        """A click on a column's head."""
        table = self.query_one(RowTable)
        if isinstance(table.rows, ItemRows):
            key, descending = table.rows.sort
            column = message.column if message.column in ("item", "state", "tries") else "item"
            table.show(ItemRows(table.rows.items, (column, not descending if key == column else False)))

    # -- actions ----------------------------------------------------------------------------------------------

    def do_open(self) -> None:
        """enter: an item in a screen of its own, a file in the pager, of a row all the room for what is told of it."""
        key = self.query_one(RowTable).selected
        match self.tab:
            case "items" if key:
                self.app.push_screen(NodeScreen(self.node_id, int(key)))
            case "files" if key:
                self.do_pager()
            case "attempts" | "tools" if key:
                self.wide = not self.wide
                self._drawn = None
                self.redraw()
            case _:
                told = "there is no row to open here: {next_pane} leads to attempts, tools, files"
                content.notice(self.app, workbench(self).with_keys(told), "warning")

    def do_back(self) -> None:
        """esc: out of the search, then back to the table."""
        if self.leaves_search():
            return
        if self.wide:
            self.do_open()
        else:
            super().do_back()

    def do_form(self) -> None:
        """v: an output or a prompt as it is meant, or as it is written; attempts alone, side by side, compared."""
        body = self.body
        if self.tab == "prompt":
            body.written = not body.written
        elif self.tab == "output" and writes_markdown(workbench(self).state.plan_nodes.get(self.node_id)):
            body.source = not body.source
        elif self.tab == "attempts":
            body.form = ATTEMPT_FORMS[(ATTEMPT_FORMS.index(body.form) + 1) % len(ATTEMPT_FORMS)]
            self._turned = True
            told = {"one": "one attempt", "beside": "two attempts side by side", "differences": "what differs"}
            content.notice(self.app, told[body.form])
        else:
            content.notice(self.app, "another form have texts of models, attempts and the prompt", "warning")
            return
        self._drawn = None
        self.redraw()

    def do_against(self) -> None:
        """K."""
        if self.tab != "attempts":
            told = workbench(self).with_keys("this is about attempts: {next_pane} leads to them")
            content.notice(self.app, told, "warning")
            return
        kept = self.body.keep()
        self._drawn = None
        told = "the others are held against it ({form})" if kept else "each is held against the one before it"
        content.notice(self.app, workbench(self).with_keys(told))
        self.redraw()

    @property
    def _of(self) -> str:
        return f"{name_of(self.node_id)}{'' if self.item is None else f' item {self.item}'}"

    def shown_text(self) -> tuple[str, str]:
        """What is shown, whole, and what to call it."""
        node, body = self.node, self.body
        if node is None:
            return "", "the node"
        attempt, use = body.attempt(), body.use()
        match self.tab:
            case "attempts" if attempt is not None and body.form == "one":
                error = f"{attempt.error.kind.value}: {attempt.error.message}\n" if attempt.error else ""
                return error + body.gave(attempt), f"try {attempt.number} of {self._of}"
            case "tools" if use is not None:
                asked, answer = body.reading.call(use[1])
                return f"{asked or use[1].arguments}\n\n{answer or use[1].said}", f"the call of {use[1].tool}"
            case "files" if body.reading.files:
                name = self.query_one(RowTable).selected
                return body.reading.file(name), name
            case "log":
                return body.reading.log or "", f"the log of {self._of}"
        lines = body.lines(self.tab, node, 100_000)
        return "\n".join("".join(part for part, _ in line) for line in lines), f"the {self.tab} of {self._of}"

    def do_copy(self) -> None:
        """y: what is shown."""
        workbench(self).text_out.with_text(self._whole, workbench(self).text_out.copy)

    def do_pager(self) -> None:
        """o: what is shown."""
        workbench(self).text_out.with_text(self._whole, workbench(self).text_out.page_named)

    def do_editor(self) -> None:
        """&: what is shown, to be read."""
        workbench(self).text_out.with_text(self._whole, workbench(self).text_out.edit)

    def do_save(self) -> None:
        """$: what is shown, in a file."""
        workbench(self).text_out.with_text(self._whole, workbench(self).text_out.ask_where)

    async def _whole(self) -> tuple[str, str]:
        """What is shown, fetched whole; of the output tab the whole output. Raises ConnectionError."""
        app, node = workbench(self), self.node
        if self.tab == "output" and node is not None and app.feed is not None:
            gave = self.body.output_of(node) is not None
            return await app.text_out.output_of(self.node_id, self.item, gave=gave)
        if self.tab == "files" and app.feed is not None and self.query_one(RowTable).selected:
            name = self.query_one(RowTable).selected
            return (await app.feed.shelf.file(self.node_id, name)).decode("utf-8", "replace"), name
        return self.shown_text()
