"""A plan as a table: a row per node, with what it is, what it may do, and what it is expected to take and to cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from swarmtui.frozen import mutable
from swarmtui.plan.advice import agent_of
from swarmtui.plan.model import Node, Plan
from swarmtui.plan.risks import sandboxed
from swarmtui.safety.text import one_line
from swarmtui.session.pools import changes_world, model_name, model_of, program_of, team_of
from swarmtui.session.state import SessionState
from swarmtui.tui.view import format as say
from swarmtui.tui.view.column import Column, gone_cells
from swarmtui.tui.view.lines import Role, Span, cells
from swarmtui.tui.view.matching import filter_of
from swarmtui.tui.view.order import natural

if TYPE_CHECKING:
    from swarmtui.session.events import NodeForecast
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.moment import Moment

COLUMNS: tuple[Column, ...] = (
    Column("node", "node", 16, 20),
    Column("kind", "kind", 11, 9),
    Column("model", "model", 12, 8),
    Column("needs", "needs", 0, 7),
    Column("tools", "tools", 14, 3),
    Column("effects", "effects", 8, 6),
    Column("sandbox", "sandbox", 7, 5),
    Column("calls", "calls", 6, 2, right=True),
    Column("tokens", "tokens", 7, 4, right=True),
    Column("time", "time", 7, 10, right=True),
    Column("cost", "cost", 8, 11, right=True),
)
SORTS: tuple[str, ...] = ("", *(column.key for column in COLUMNS))


def estimate_of(state: SessionState, node: str) -> NodeForecast | None:
    """What the latest forecast of this revision says of a node; None if there is none, or of an older version."""
    told = state.forecast
    return None if told is None or told.forecast.plan_rev != state.plan_rev else told.forecast.nodes.get(node)


def model_words(state: SessionState, node: Node) -> str:
    """The tier or name in the plan; empty where no model is asked."""
    return model_name(node, 0, team_of(state)) or ""


def tools_of(plan: Plan | None, node: Node) -> tuple[str, ...]:
    """The tools that a node's agent has; of a program that is the agent, its name."""
    agent = None if plan is None else agent_of(plan, node)
    if agent is None:
        return ()
    return agent.tools if agent.tools or not agent.program else (agent.program,)


def effects_word(state: SessionState, node: Node) -> str:
    """``changes``, ``asks``, or nothing."""
    return "changes" if changes_world(state, node) else "asks you" if node.kind == "ask" else ""


def sandbox_word(plan: Plan | None, node: Node) -> str:
    """``in``, ``OUTSIDE``, or nothing for what starts no program."""
    inside = None if plan is None else sandboxed(plan, node)
    return "" if inside is None else "in" if inside else "OUTSIDE"


@mutable
class PlanRows:
    """The nodes of a plan as rows."""

    state: SessionState = field(default_factory=SessionState)
    filter: str = ""
    sort: tuple[str, bool] = ("", False)
    ids: list[str] = field(default_factory=list)
    _columns: tuple[Column, ...] = ()
    _columns_of: object = ""

    @property
    def columns(self) -> Sequence[Column]:
        """The column of names is as wide as they are."""
        if self._columns_of is not self.state.plan:
            longest = max((cells(one_line(node, 60)) for node in self.state.plan_nodes), default=8)
            name = min(28, max(8, longest))
            self._columns = tuple(replace(c, width=name) if c.key == "node" else c for c in COLUMNS)
            self._columns_of = self.state.plan
        return self._columns

    def __len__(self) -> int:
        return len(self.ids)

    def key(self, at: int) -> str:
        """The node's id."""
        return self.ids[at]

    def choose(self) -> None:
        """Work out which nodes are shown, in which order: after a change of plan, forecast, filter or sort."""
        nodes = self.state.plan_nodes
        fits = filter_of(self.filter)
        ids = [name for name, node in nodes.items() if fits(_said(self.state, node))] if self.filter else list(nodes)
        key, descending = self.sort
        if key:
            rank = _RANKS[key]
            ids.sort(key=lambda name: rank(self.state, nodes[name]), reverse=descending)
        self.ids = ids

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one node."""
        state, node = self.state, self.state.plan_nodes.get(self.ids[at])
        if node is None:
            return gone_cells(self.ids[at])
        told = estimate_of(state, node.id)
        sandbox = sandbox_word(state.plan, node)
        effects = effects_word(state, node)
        called = told is not None and bool(told.tokens_in or told.tokens_out)
        return {
            "node": (one_line(node.id, 60), "strong"),
            "kind": (node.kind + (" each" if node.map else ""), "text"),
            "model": (one_line(model_words(state, node), 40), "muted"),
            "needs": (", ".join(one_line(need, 40) for need in node.needs[:12]) or glyphs.dash, "muted"),
            "tools": (", ".join(one_line(tool, 30) for tool in tools_of(state.plan, node)), "text"),
            "effects": (effects, "warn" if effects == "changes" else "muted"),
            "sandbox": (sandbox, "warn" if sandbox == "OUTSIDE" else "ok"),
            "calls": (say.short(told.calls) if told else "", "text"),
            "tokens": (say.short(told.tokens_in + told.tokens_out) if told and called else "", "text"),
            "time": (time_words(told) if told and node.kind != "ask" else "", "text"),
            "cost": cost_span(state, node, told),
        }


def _said(state: SessionState, node: Node) -> str:
    """What the row says that a filter looks at."""
    words = (node.id, node.kind, model_words(state, node), *tools_of(state.plan, node), effects_word(state, node))
    return "\n".join((*words, sandbox_word(state.plan, node)))


def time_words(told: NodeForecast) -> str:
    """How long an attempt takes."""
    return say.took(told.seconds)


def cost_span(state: SessionState, node: Node, told: NodeForecast | None) -> Span:
    """What a node costs; nothing where no model is asked, and never zero for what is not known."""
    ref = model_of(state, node)
    if told is None or ref is None:
        return "", "faint"
    if ref.simulated:
        return "made up", "faint"
    role: Role = "text" if told.usd is not None else "muted"
    return (say.usd(told.usd) if told.usd is not None else say.UNKNOWN), role


_Rank = Callable[[SessionState, Node], Any]


def _estimated(value: Callable[[NodeForecast], float]) -> _Rank:
    def rank(state: SessionState, node: Node) -> float:
        told = estimate_of(state, node.id)
        return -1.0 if told is None else value(told)

    return rank


_RANKS: dict[str, _Rank] = {
    "node": lambda _, node: natural(node.id),
    "kind": lambda _, node: (node.kind, node.map is None),
    "model": model_words,
    "needs": lambda _, node: len(node.needs),
    "tools": lambda state, node: (-len(tools_of(state.plan, node)), program_of(state, node) or ""),
    "effects": lambda state, node: (not effects_word(state, node), effects_word(state, node)),
    "sandbox": lambda state, node: ("OUTSIDE", "in", "").index(sandbox_word(state.plan, node)),
    "calls": _estimated(lambda told: told.calls),
    "tokens": _estimated(lambda told: told.tokens_in + told.tokens_out),
    "time": _estimated(lambda told: told.seconds),
    "cost": _estimated(lambda told: -0.5 if told.usd is None else told.usd),
}
