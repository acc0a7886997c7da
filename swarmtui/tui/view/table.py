"""The rows of tables: which there are after filter and sort, and the cells of one. Costs what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from swarmtui.safety.text import one_line
from swarmtui.session.items import Items
from swarmtui.session.progress import tries_told
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import ASK, MARKS, Glyphs
from swarmtui.tui.view.lines import Role, Span
from swarmtui.tui.view.lines import cells as cells_of
from swarmtui.tui.view.nodes import Moment, asks, detail, mark_of, model_of, queue_s, taken_words, took_s

URGENCY: tuple[State, ...] = (
    State.INTERRUPTED, State.FAILED, State.RETRYING, State.THROTTLED, State.RUNNING, State.HELD, State.READY,
    State.WAITING, State.STALE, State.CANCELLED, State.SKIPPED, State.SUCCEEDED,
)  # fmt: skip
"""States in the order in which people want to see them."""
_RANK = {state: at for at, state in enumerate(URGENCY, 1)}


FLEXIBLE = 28
"""Cells that the column which takes the rest should at least have; others go before it has less."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `width` in cells; 0 takes what is left. Columns of low `weight` go first where room is short."""

    key: str
    title: str
    width: int
    weight: int
    right: bool = False


class Rows(Protocol):
    """What a table widget draws."""

    @property
    def columns(self) -> Sequence[Column]:
        """All columns, left to right."""

    @property
    def sort(self) -> tuple[str, bool]:
        """Key of the column the rows are sorted by (empty: their own order) and whether descending."""

    def __len__(self) -> int: ...

    def key(self, at: int) -> str:
        """What identifies row `at`."""

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of row `at`, by column."""


NODE_COLUMNS: tuple[Column, ...] = (
    Column("state", "state", 13, 10),
    Column("node", "node", 24, 10),
    Column("model", "model", 16, 3),
    Column("took", "took", 8, 8, right=True),
    Column("queue", "queue", 7, 2, right=True),
    Column("tries", "tries", 5, 4, right=True),
    Column("tokens", "tokens", 7, 5, right=True),
    Column("cost", "cost", 9, 6, right=True),
    Column("detail", "detail", 0, 7),
)
SORTS: tuple[str, ...] = ("", "state", "took", "tries", "tokens", "cost", "node")


@dataclass(slots=True)
class NodeRows:
    """The nodes of a session as rows."""

    state: SessionState = field(default_factory=SessionState)
    filter: str = ""
    sort: tuple[str, bool] = ("", False)
    ids: list[str] = field(default_factory=list)
    _columns: tuple[Column, ...] = ()
    _columns_of: object = ""

    @property
    def columns(self) -> Sequence[Column]:
        """Columns of a node."""
        if self._columns_of is not self.state.plan:
            longest = max((cells_of(one_line(node, 60)) for node in self.state.nodes), default=8)
            name = min(32, max(8, longest))
            self._columns = tuple(replace(c, width=name) if c.key == "node" else c for c in NODE_COLUMNS)
            self._columns_of = self.state.plan
        return self._columns

    def __len__(self) -> int:
        return len(self.ids)

    def key(self, at: int) -> str:
        """The node's id."""
        return self.ids[at]

    def choose(self, moment: Moment) -> None:
        """Work out which nodes are shown and in what order: after a change of state, filter or sort."""
        nodes = self.state.nodes
        test = matcher(self.state, self.filter)
        ids = [node_id for node_id, node in nodes.items() if test(node)] if self.filter else list(nodes)
        key, descending = self.sort
        if key:
            rank = _SORT_KEYS[key]
            ids.sort(key=lambda node_id: rank(self.state, nodes[node_id], moment), reverse=descending)
        self.ids = ids

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one node."""
        node = self.state.nodes[self.ids[at]]
        mark = mark_of(self.state, node)
        queued = queue_s(node, moment)
        quiet = node.state in (State.WAITING, State.SKIPPED, State.CANCELLED)
        none: Span = ("", "faint")
        tries = tries_told(self.state, node)
        tries_role: Role = "warn" if tries > 1 and node.items is None else "muted"
        return {
            "state": (f"{glyphs.icon(mark)} {mark.word}" if not glyphs.ascii else mark.word, mark.role),
            "node": (one_line(node.id, 60), "muted" if quiet else "strong" if node.running else "text"),
            "model": (model_of(self.state.plan_nodes.get(node.id), node).rpartition("/")[2], "muted"),
            "took": (taken_words(node, moment), "text"),
            "queue": (say.took(queued), "muted") if queued is not None and queued >= 0.05 else none,
            "tries": (str(tries), tries_role) if tries else none,
            "tokens": (say.short(node.spent.tokens), "text") if node.spent.tokens else none,
            "cost": (say.money(node.spent, ascii_only=glyphs.ascii), "text"),
            "detail": (detail(self.state, node, moment, glyphs), "bad" if node.state is State.FAILED else "muted"),
        }


def matcher(state: SessionState, text: str) -> Callable[[NodeState], bool]:
    """A test for nodes: every word of `text` must occur in id, state, kind or model; ``!word`` must not."""
    words = [(word.startswith("!"), word.lstrip("!").casefold()) for word in text.split()]
    words = [(negated, word) for negated, word in words if word]

    def test(node: NodeState) -> bool:
        plan_node = state.plan_nodes.get(node.id)
        mark = ASK if state.pending and asks(state, node.id) else MARKS[node.state]
        kind = plan_node.kind if plan_node else ""
        state_word = "" if mark is ASK else node.state.value
        known = f"{node.id}\n{mark.word}\n{state_word}\n{kind}\n{node.model or ''}".casefold()
        return all((word in known) != negated for negated, word in words)

    return test


_SortKey = Callable[[SessionState, NodeState, Moment], Any]
_SORT_KEYS: dict[str, _SortKey] = {
    "state": lambda state, node, _: 0 if state.pending and asks(state, node.id) else _RANK[node.state],
    "node": lambda _state, node, _: node.id.casefold(),
    "model": lambda _state, node, _: node.model or "",
    "took": lambda _state, node, moment: took_s(node, moment) or 0.0,
    "queue": lambda _state, node, moment: queue_s(node, moment) or 0.0,
    "tries": lambda state, node, _: tries_told(state, node),
    "tokens": lambda _state, node, _: node.spent.tokens,
    "cost": lambda _state, node, _: node.spent.cost_usd,
    "detail": lambda _state, node, _: node.error.message if node.error else "",
}

ITEM_COLUMNS: tuple[Column, ...] = (
    Column("item", "item", 8, 10, right=True),
    Column("state", "state", 13, 10),
    Column("tries", "tries", 5, 5, right=True),
    Column("detail", "detail", 0, 8),
)


@dataclass(slots=True)
class ItemRows:
    """The items of a map as rows, those that need attention first if `sort` says so."""

    items: Items
    sort: tuple[str, bool] = ("", False)
    order: list[int] | range = field(default_factory=lambda: range(0))

    def __post_init__(self) -> None:
        self.choose()

    @property
    def columns(self) -> Sequence[Column]:
        """Columns of an item."""
        return ITEM_COLUMNS

    def __len__(self) -> int:
        return len(self.order)

    def key(self, at: int) -> str:
        """The item's index, as text."""
        return str(self.order[at])

    def choose(self) -> None:
        """Work out the order again."""
        key, descending = self.sort
        if not key:
            self.order = range(self.items.total)
            return
        ranks = [_RANK[state] for state in State]
        codes, attempts = self.items.codes, self.items.attempts
        values: Callable[[int], int] = (lambda at: ranks[codes[at]]) if key == "state" else (lambda at: attempts[at])
        if key == "item":
            values = int
        self.order = sorted(range(self.items.total), key=values, reverse=descending)

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one item."""
        item = self.order[at]
        mark = MARKS[self.items.state(item)]
        error = self.items.errors.get(item)
        due = self.items.retry_at.get(item)
        wait = "" if due is None else f"again in {say.clock(due - moment.session)} "
        words = wait + (one_line(error.message, 200) if error else "")
        tries = self.items.attempts[item]
        return {
            "item": (say.count(item), "muted"),
            "state": (f"{glyphs.icon(mark)} {mark.word}" if not glyphs.ascii else mark.word, mark.role),
            "tries": (str(tries) if tries else "", "muted"),
            "detail": (words, "bad" if mark is MARKS[State.FAILED] else "muted"),
        }


def fit_columns(columns: Sequence[Column], size: int, gap: int = 2) -> list[tuple[Column, int]]:
    """The columns that have room in `size` cells, with their widths; what is left goes to the one of width 0."""
    chosen = list(columns)

    def taken() -> int:
        return sum((column.width or FLEXIBLE) + gap for column in chosen) - gap

    while len(chosen) > 2 and taken() > size:
        chosen.remove(min(chosen, key=lambda column: column.weight))
    fixed = sum(column.width + gap for column in chosen) - gap
    widths = [(column, column.width or max(1, size - fixed)) for column in chosen]
    if all(column.width for column in chosen) and chosen:
        spare = size - fixed
        widths = [(column, width + spare if column.key == "node" and spare < 0 else width) for column, width in widths]
    return [(column, max(1, width)) for column, width in widths]
