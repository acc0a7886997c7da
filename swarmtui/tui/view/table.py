"""The rows of tables: which there are after filter and sort, and the cells of one. Costs what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Any

from swarmtui.frozen import mutable
from swarmtui.safety.text import one_line
from swarmtui.session.items import CODE, Items
from swarmtui.session.progress import tries_told
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import format as say
from swarmtui.tui.view.column import Column, chosen, gone_cells
from swarmtui.tui.view.glyphs import ASK, MARKS, Glyphs
from swarmtui.tui.view.lines import Role, Span
from swarmtui.tui.view.lines import cells as cells_of
from swarmtui.tui.view.matching import filter_of, wanted
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.nodes import asks, detail, mark_of, model_of, queue_s, taken_words, took_s
from swarmtui.tui.view.order import natural

URGENCY: tuple[State, ...] = (
    State.INTERRUPTED, State.FAILED, State.RETRYING, State.THROTTLED, State.RUNNING, State.HELD, State.READY,
    State.WAITING, State.STALE, State.CANCELLED, State.SKIPPED, State.SUCCEEDED,
)  # fmt: skip
"""States in the order in which people want to see them."""
_RANK = {state: at for at, state in enumerate(URGENCY, 1)}


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
    Column("kind", "kind", 8, 1, shown=False),
    Column("needs", "needs", 5, 1, right=True, shown=False),
    Column("maker", "made by", 16, 1, shown=False),
    Column("pool", "pool", 20, 1, shown=False),
)
SORTS: tuple[str, ...] = ("", "state", "took", "tries", "tokens", "cost", "node")
DESCENDING = frozenset({"took", "queue", "tries", "tokens", "cost", "needs"})
"""Columns of which one wants to see the most first."""


@mutable
class NodeRows:
    """The nodes of a session as rows."""

    state: SessionState = field(default_factory=SessionState)
    filter: str = ""
    sort: tuple[str, bool] = ("", False)
    ids: list[str] = field(default_factory=list)
    names: tuple[str, ...] = ()
    """The columns that the user has chosen; empty: those of the beginning."""
    _columns: tuple[Column, ...] = ()
    _columns_of: tuple[object, object] = ("", ())

    @property
    def columns(self) -> Sequence[Column]:
        """Columns of a node; that of names is as wide as they are, and keeps its width until the plan changes."""
        if self._columns_of[0] is not self.state.plan or self._columns_of[1] is not self.names:
            longest = max((cells_of(one_line(node, 60)) for node in self.state.nodes), default=8)
            name = min(32, max(8, longest))
            known = tuple(replace(c, width=name) if c.key == "node" else c for c in NODE_COLUMNS)
            self._columns = chosen(known, self.names)
            self._columns_of = (self.state.plan, self.names)
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
        node = self.state.nodes.get(self.ids[at])
        if node is None:
            return gone_cells(self.ids[at])
        mark = mark_of(self.state, node)
        queued = queue_s(node, moment)
        quiet = node.state in (State.WAITING, State.SKIPPED, State.CANCELLED)
        none: Span = ("", "faint")
        tries = tries_told(self.state, node)
        tries_role: Role = "warn" if tries > 1 and node.items is None else "muted"
        return {
            "state": (glyphs.told(mark), mark.role),
            "node": (one_line(node.id, 60), "muted" if quiet else "strong" if node.running else "text"),
            "model": (model_of(self.state.plan_nodes.get(node.id), node).rpartition("/")[2], "muted"),
            "took": (taken_words(node, moment), "text"),
            "queue": (say.took(queued), "muted") if queued is not None and queued >= 0.05 else none,
            "tries": (str(tries), tries_role) if tries else none,
            "tokens": (say.short(node.spent.tokens), "text") if node.spent.tokens else none,
            "cost": (say.money(node.spent, ascii_only=glyphs.ascii), "text"),
            "detail": (detail(self.state, node, moment, glyphs), "bad" if node.state is State.FAILED else "muted"),
            **self._more(node),
        }

    def _more(self, node: NodeState) -> dict[str, Span]:
        plan_node = self.state.plan_nodes.get(node.id)
        needs = len(plan_node.needs) if plan_node else 0
        maker = plan_node.parent if plan_node else None
        return {
            "kind": ((plan_node.kind if plan_node else ""), "muted"),
            "needs": (str(needs) if needs else "", "muted"),
            "maker": (one_line(maker, 40) if maker else "", "muted"),
            "pool": (one_line(node.pool, 40), "muted"),
        }


def matcher(state: SessionState, text: str) -> Callable[[NodeState], bool]:
    """A test for nodes: every word of `text` must occur in id, state, kind or model; ``!word`` must not."""
    fits = filter_of(text)

    def test(node: NodeState) -> bool:
        plan_node = state.plan_nodes.get(node.id)
        mark = ASK if state.pending and asks(state, node.id) else MARKS[node.state]
        kind = plan_node.kind if plan_node else ""
        state_word = "" if mark is ASK else node.state.value
        return fits(f"{node.id}\n{mark.word}\n{state_word}\n{kind}\n{node.model or ''}")

    return test


_SortKey = Callable[[SessionState, NodeState, Moment], Any]
_SORT_KEYS: dict[str, _SortKey] = {
    "state": lambda state, node, _: 0 if state.pending and asks(state, node.id) else _RANK[node.state],
    "node": lambda _state, node, _: natural(node.id),
    "model": lambda _state, node, _: natural(node.model or ""),
    "took": lambda _state, node, moment: took_s(node, moment) or 0.0,
    "queue": lambda _state, node, moment: queue_s(node, moment) or 0.0,
    "tries": lambda state, node, _: tries_told(state, node),
    "tokens": lambda _state, node, _: node.spent.tokens,
    "cost": lambda _state, node, _: node.spent.cost_usd,
    "detail": lambda _state, node, _: node.error.message if node.error else "",
    "kind": lambda state, node, _: state.plan_nodes[node.id].kind if node.id in state.plan_nodes else "",
    "needs": lambda state, node, _: len(state.plan_nodes[node.id].needs) if node.id in state.plan_nodes else 0,
    "maker": lambda state, node, _: (state.plan_nodes[node.id].parent or "") if node.id in state.plan_nodes else "",
    "pool": lambda _state, node, _: natural(node.pool),
}

ITEM_COLUMNS: tuple[Column, ...] = (
    Column("item", "item", 8, 10, right=True),
    Column("state", "state", 13, 10),
    Column("tries", "tries", 5, 5, right=True),
    Column("cost", "cost", 9, 4, right=True),
    Column("detail", "detail", 0, 8),
)
ITEM_SORTS: tuple[str, ...] = ("state", "item", "tries", "cost")


@mutable
class ItemRows:
    """The items of a map as rows, those that need attention first if `sort` says so."""

    items: Items
    sort: tuple[str, bool] = ("", False)
    order: Sequence[int] = field(default_factory=lambda: range(0))
    filter: str = ""
    names: tuple[str, ...] = ()
    """The columns that the user has chosen; empty: all."""

    def __post_init__(self) -> None:
        self.choose()

    @property
    def columns(self) -> Sequence[Column]:
        """Columns of an item."""
        return chosen(ITEM_COLUMNS, self.names)

    def __len__(self) -> int:
        return len(self.order)

    def key(self, at: int) -> str:
        """The item's index, as text."""
        return str(self.order[at])

    def choose(self) -> None:
        """Work out which items are shown and in what order; 100,000 take some hundredths of a second."""
        key, descending = self.sort
        order: Sequence[int] = range(self.items.total)
        if self.filter:
            test = item_matcher(self.items, self.filter)
            order = [item for item in order if test(item)]
        if key == "item":
            order = order[::-1] if descending else order
        elif key in ("state", "tries", "cost"):
            order = sorted(order, key=_item_rank(self.items, key), reverse=descending)
        self.order = order

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one item."""
        item = self.order[at]
        mark = MARKS[self.items.state(item)]
        error = self.items.errors.get(item)
        due = self.items.retry_at.get(item)
        wait = "" if due is None else f"{say.again(due - moment.session)} "
        words = wait + (one_line(error.message, 200) if error else "")
        tries = self.items.attempts[item]
        cost = self.items.cost_usd(item)
        return {
            "cost": (say.usd(cost) if cost else "", "text"),
            "item": (say.count(item), "muted"),
            "state": (glyphs.told(mark), mark.role),
            "tries": (str(tries) if tries else "", "muted"),
            "detail": (words, "bad" if mark is MARKS[State.FAILED] else "muted"),
        }


def item_matcher(items: Items, text: str) -> Callable[[int], bool]:
    """A test for items: every word of `text` must occur in number, state or error; ``!word`` must not."""
    tests = [(_has_word(items, word), negated) for word, negated in wanted(text)]
    return lambda item: all(test(item) != negated for test, negated in tests)


def _has_word(items: Items, word: str) -> Callable[[int], bool]:
    known = {state: f"{state.value} {MARKS[state].word}" for state in State}
    codes = frozenset(CODE[state] for state, words in known.items() if word in words)
    failed = frozenset(item for item, error in items.errors.items() if word in error.message.casefold())
    states, numeric = items.codes, word.isdigit()
    return lambda item: states[item] in codes or item in failed or (numeric and word in str(item))


def _item_rank(items: Items, key: str) -> Callable[[int], float]:
    if key == "state":
        return _ranked(items)
    if key == "tries":
        return items.attempts.__getitem__
    return items.costs.__getitem__ if items.costs else lambda item: 0


def _ranked(items: Items) -> Callable[[int], int]:
    ranks = bytes(_RANK[state] for state in State).ljust(256, b"\0")
    return items.codes.translate(ranks).__getitem__
