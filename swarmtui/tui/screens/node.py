"""One node in full: output, prompt or command, attempts, events, log, and a map's items."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Markdown

from swarmtui.host.feed import Changes, NotFetched
from swarmtui.safety.text import clean, one_line
from swarmtui.session.events import Event
from swarmtui.session.state import NodeState
from swarmtui.tui import content
from swarmtui.tui.actions import Scope
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.view import document
from swarmtui.tui.view import format as say
from swarmtui.tui.view.attempts import attempt_lines
from swarmtui.tui.view.lines import Line, Span
from swarmtui.tui.view.logs import draw, log_line
from swarmtui.tui.view.nodes import detail, map_bar, mark_of, name_of, took_s
from swarmtui.tui.view.plan import node_facts
from swarmtui.tui.view.table import ItemRows
from swarmtui.tui.widgets.lines import Bar, LineView, TextView
from swarmtui.tui.widgets.looks import looks, workbench
from swarmtui.tui.widgets.table import RowTable

Tab = Literal["output", "prompt", "attempts", "events", "log", "items"]
EVENTS = 500
MARKDOWN_LIMIT = 60_000
"""Characters up to which an output is drawn as Markdown; beyond, as plain lines."""


class TabBar(Bar):
    """The tabs, the current one marked."""

    tabs: tuple[tuple[Tab, str], ...] = ()
    current: Tab = "output"
    head: Line = ()

    def shown(self, width: int) -> Line:
        """The tabs, then how the node stands."""
        glyphs = looks(self).glyphs
        spans: list[Span] = [(" ", "text")]
        for tab, title in self.tabs:
            mark = f"{glyphs.cursor}{title}" if tab == self.current else f" {title}"
            spans.append((f"{mark}  ", "accent" if tab == self.current else "muted"))
        return (*spans, (" ", "text"), *self.head)


class NodeScreen(SessionScreen):
    """Everything that is known of one node."""

    SCOPE = Scope.NODE
    CSS_PATH = "node.tcss"

    def __init__(self, node_id: str) -> None:
        super().__init__()
        self.node_id = node_id
        self.tab: Tab = "output"
        self._events: list[Event] = []
        self._output: str | None = None
        self._log: str | None = None
        self._output_of: object = None
        self._drawn: object = None

    def compose_body(self) -> ComposeResult:
        """Tabs over one body."""
        yield TabBar(id="tabs")
        yield TextView(id="body", classes="panel", follow=True)
        with VerticalScroll(id="rich", classes="panel", can_focus=False):
            yield Markdown(open_links=False)
        yield RowTable(id="items")

    def on_mount(self) -> None:
        """Fetch what the state does not have."""
        self._choose("output")
        self.run_worker(self._fetch_events(), group="events", exclusive=True)

    @property
    def node(self) -> NodeState | None:
        """The node that is shown."""
        return workbench(self).state.nodes.get(self.node_id)

    def _tabs(self) -> tuple[tuple[Tab, str], ...]:
        plan_node = workbench(self).state.plan_nodes.get(self.node_id)
        said = {"run": "Command", "python": "Code", "ask": "Question", "merge": "Merge"}.get(
            plan_node.kind if plan_node else "", "Prompt"
        )
        tabs: tuple[tuple[Tab, str], ...] = (
            ("output", "Output"), ("prompt", said), ("attempts", "Attempts"), ("events", "Events"), ("log", "Log"),
        )  # fmt: skip
        node = self.node
        return (*tabs, ("items", "Items")) if node is not None and node.items is not None else tabs

    # -- fetching ---------------------------------------------------------------------------------------------

    async def _fetch_events(self) -> None:
        app = workbench(self)
        if app.feed is None:
            return
        with self._fetching("the node's events"):
            found = await app.feed.events_before(app.state.seq + 1, EVENTS, self.node_id)
            known = {event.seq for event in found}
            whole = [*found, *(event for event in self._events if event.seq not in known)]
            self._events = sorted(whole, key=lambda event: event.seq)

    async def _fetch_output(self, wanted: object) -> None:
        feed = workbench(self).feed
        if feed is None:
            return
        with self._fetching("the whole output"):
            self._output = await feed.output(self.node_id)
            self._output_of = wanted

    async def _fetch_log(self) -> None:
        feed = workbench(self).feed
        if feed is None:
            return
        with self._fetching("the log"):
            self._log = await feed.log_tail(self.node_id)

    @contextmanager
    def _fetching(self, what: str) -> Iterator[None]:
        """Draws anew once `what` has been fetched, or tells that it could not be."""
        try:
            yield
        except ConnectionError as error:
            why = str(error) if isinstance(error, NotFetched) else "the link is lost"
            content.notice(self.app, f"{what} could not be fetched: {why}", "warning")
        else:
            self._drawn = None
            self.redraw()

    def absorb(self, changes: Changes) -> None:
        """Events of this node."""
        new = [event for event in changes.events if getattr(event.body, "node", None) == self.node_id]
        if new:
            self._events = [*self._events, *new][-4 * EVENTS :]
        if new or self.node_id in changes.nodes or changes.reset:
            self._drawn = None

    # -- drawing ----------------------------------------------------------------------------------------------

    def _choose(self, tab: Tab) -> None:
        self.tab = tab
        self._drawn = None
        if tab == "log":
            self.run_worker(self._fetch_log(), group="log", exclusive=True)
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Draw the tab that is open."""
        if not self.is_mounted:
            return
        super().redraw()
        node = self.node
        if node is None:
            workbench(self).back()
            return
        self._draw_head(node)
        live = (node.running or node.items is not None) and not node.ended and self.tab in ("output", "attempts")
        drawn = (self.tab, looks(self))
        if drawn == self._drawn and not live:
            return
        self._drawn = drawn
        markdown = self.tab == "output" and self._is_markdown(node)
        items = self.tab == "items" and node.items is not None
        self.query_one("#body").display = not markdown and not items
        self.query_one("#rich").display = markdown
        self.query_one("#items").display = items
        self._draw_body(node, markdown=markdown, items=items)

    def _draw_body(self, node: NodeState, *, markdown: bool, items: bool) -> None:
        if items and node.items is not None:
            table = self.query_one(RowTable)
            sort = table.rows.sort if isinstance(table.rows, ItemRows) else ("state", False)
            table.show(ItemRows(node.items, sort))
            table.focus()
        elif markdown:
            self.query_one(Markdown).update(clean(self._text_of(node)))
            self.query_one("#rich").can_focus = True
            self.query_one("#rich").focus()
        else:
            view = self.query_one("#body", TextView)
            view.focus()
            view.show(lambda width: self._lines(node, width))

    def _draw_head(self, node: NodeState) -> None:
        app = workbench(self)
        mark = mark_of(app.state, node)
        taken = took_s(node, app.moment)
        parts = [
            mark.word,
            say.took(taken) if taken is not None else "",
            detail(app.state, node, app.moment, looks(self).glyphs),
        ]
        bar = self.query_one(TabBar)
        bar.tabs, bar.current = self._tabs(), self.tab
        icon = looks(self).glyphs.icon(mark)
        words = one_line("  ".join(part for part in parts if part), 160)
        bar.head = ((f"{icon} ", mark.role), (name_of(self.node_id, 40), "strong"), ("  ", "text"), (words, "muted"))
        bar.refresh()

    def _is_markdown(self, node: NodeState) -> bool:
        plan_node = workbench(self).state.plan_nodes.get(self.node_id)
        wordy = plan_node is not None and plan_node.kind in ("prompt", "merge") and node.items is None
        return wordy and not node.running and node.output is not None and node.output.size <= MARKDOWN_LIMIT

    def _text_of(self, node: NodeState) -> str:
        if node.output is None:
            return ""
        wanted = (node.output.sha, node.output.path, node.ended_mono)
        if node.output.sha is None and node.output.path is None:
            return node.output.text
        if self._output is not None and self._output_of == wanted:
            return self._output
        self.run_worker(self._fetch_output(wanted), group="output", exclusive=True)
        return node.output.text

    def _lines(self, node: NodeState, width: int) -> list[Line]:
        app = workbench(self)
        match self.tab:
            case "prompt":
                plan_node = app.state.plan_nodes.get(self.node_id)
                return document.facts(node_facts(app.state, plan_node), width) if plan_node else []
            case "attempts":
                return attempt_lines(self._events, app.moment, looks(self).glyphs, width)
            case "events":
                lines = [draw(log_line(event), width, looks(self).glyphs, 0) for event in self._events]
                return lines or [(("nothing has happened to it yet", "faint"),)]
            case "log":
                if self._log is None:
                    return [(("fetching the log", "faint"),)]
                return document.verbatim(self._log, width) if self._log else [(("it has no log", "faint"),)]
        return self._output_lines(node, width)

    def _output_lines(self, node: NodeState, width: int) -> list[Line]:
        lines: list[Line] = []
        if node.error is not None:
            lines += [*document.verbatim(f"{node.error.kind.value}: {node.error.message}", width, "bad"), ()]
        tail = workbench(self).tails.by_key.get((self.node_id, None))
        if node.running and tail is not None:
            return [*lines, *tail.rows(width, 2_000)]
        if node.items is not None and not node.ended:
            return [*lines, *self._items_lines(node, width)]
        if node.output is None:
            return lines or [(("it gave nothing" if node.ended else "it has given nothing yet", "faint"),)]
        note = f"{say.size(node.output.size)}{', part of it was not kept' if node.output.truncated else ''}"
        return [*lines, ((note, "faint"),), *document.verbatim(self._text_of(node), width)]

    def _items_lines(self, node: NodeState, width: int) -> list[Line]:
        """How far a map is: what it gives is there once all of its items have ended."""
        app, items = workbench(self), node.items
        if items is None:
            return []
        told = detail(app.state, node, app.moment, looks(self).glyphs)
        words = "what it gives is put together once all items have ended; tab leads to the items"
        return [
            map_bar(items, looks(self).glyphs, max(10, min(60, width - 6))),
            ((told, "text"),),
            (),
            ((words, "faint"),),
        ]

    # -- actions ----------------------------------------------------------------------------------------------

    def _turn(self, step: int) -> None:
        names = [tab for tab, _ in self._tabs()]
        self._choose(names[(names.index(self.tab) + step) % len(names)] if self.tab in names else "output")

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

    def go(self, dx: int, dy: int) -> None:
        """Scroll."""
        if isinstance(self.focused, VerticalScroll):
            self.focused.scroll_relative(y=dy, animate=False)
        else:
            super().go(dx, dy)

    def do_page_up(self) -> None:
        """A page up."""
        self.go(0, -(self.focused.page() if isinstance(self.focused, LineView) else self.size.height - 6))

    def do_page_down(self) -> None:
        """A page down."""
        self.go(0, self.focused.page() if isinstance(self.focused, LineView) else self.size.height - 6)

    def do_first(self) -> None:
        """g."""
        if isinstance(self.focused, VerticalScroll):
            self.focused.scroll_home(animate=False)
        else:
            super().do_first()

    def do_last(self) -> None:
        """G."""
        if isinstance(self.focused, VerticalScroll):
            self.focused.scroll_end(animate=False)
        else:
            super().do_last()

    def on_row_table_sort_asked(self, message: RowTable.SortAsked) -> None:
        """A click on a column's head."""
        table = self.query_one(RowTable)
        if isinstance(table.rows, ItemRows):
            key, descending = table.rows.sort
            column = message.column if message.column in ("item", "state", "tries") else "item"
            table.show(ItemRows(table.rows.items, (column, not descending if key == column else False)))

    def on_markdown_link_clicked(self, message: Markdown.LinkClicked) -> None:
        """Links from models are shown, not followed."""
        message.stop()
        content.notice(self.app, f"link: {message.href}")
