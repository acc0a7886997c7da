"""Two sessions node by node, as rows and lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmtui.frozen import mutable
from swarmtui.safety.text import one_line
from swarmtui.session.compare import Comparison, NodeRow, Outputs, Side, Total
from swarmtui.tui.view import format as say
from swarmtui.tui.view.column import Column
from swarmtui.tui.view.glyphs import ASK, MARKS, UNICODE, Glyphs
from swarmtui.tui.view.lines import Line, Role, Span, cells, shorten, wrap
from swarmtui.tui.view.status import status_told

if TYPE_CHECKING:
    from swarmtui.tui.view.moment import Moment

COLUMNS: tuple[Column, ...] = (
    Column("node", "node", 24, 10),
    Column("a", "A", 13, 9),
    Column("b", "B", 13, 9),
    Column("took_a", "took A", 7, 4, right=True),
    Column("took_b", "took B", 7, 5, right=True),
    Column("took", "B - A", 8, 6, right=True),
    Column("cost_a", "cost A", 8, 3, right=True),
    Column("cost_b", "cost B", 8, 3, right=True),
    Column("output", "output", 17, 8),
)
SAME = "="
_OUTPUT_ROLES: dict[Outputs, Role] = {Outputs.DIFFERENT: "warn", Outputs.ONLY_A: "warn", Outputs.ONLY_B: "warn"}


@mutable
class ComparedRows:
    """The nodes of both as rows; with `only_different`, those in which there is something to see."""

    found: Comparison
    only_different: bool = False
    _columns: tuple[Column, ...] = ()
    _different: Sequence[NodeRow] | None = None

    @property
    def columns(self) -> Sequence[Column]:
        """Columns of a node; its name and its states get what the longest of them asks for, within reason."""
        if not self._columns:
            rows = self.found.rows
            wide = {
                "node": _wide((one_line(row.id, 60) for row in rows), 8, 36),
                "a": _wide((_state(row.a, UNICODE)[0] for row in rows), 13, 24),
                "b": _wide((_state(row.b, UNICODE)[0] for row in rows), 13, 24),
            }
            self._columns = tuple(replace(one, width=wide.get(one.key, one.width)) for one in COLUMNS)
        return self._columns

    @property
    def sort(self) -> tuple[str, bool]:
        """In the order of the plan."""
        return "", False

    @property
    def rows(self) -> Sequence[NodeRow]:
        """Those that are shown."""
        if not self.only_different:
            return self.found.rows
        if self._different is None:
            self._different = [row for row in self.found.rows if not row.equal]
        return self._different

    def __len__(self) -> int:
        return len(self.rows)

    def key(self, at: int) -> str:
        """The node's id."""
        return self.rows[at].id

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one node: what both have in common is there once, as an equals sign."""
        row = self.rows[at]
        told = "edited, " if row.edited else ""
        role: Role = "accent" if row.edited else _OUTPUT_ROLES.get(row.output, "faint")
        shared = row.shared
        return {
            "node": (one_line(row.id, 60), "muted" if row.equal else "strong"),
            "a": _state(row.a, glyphs),
            "b": (SAME, "faint") if shared else _state(row.b, glyphs),
            "took_a": _took(row.a),
            "took_b": (SAME, "faint") if shared else _took(row.b),
            "took": ("", "faint") if shared else _longer(row.a, row.b),
            "cost_a": _cost(row.a),
            "cost_b": (SAME, "faint") if shared else _cost(row.b),
            "output": ("paid once" if shared else told + row.output.value, "faint" if shared else role),
        }


def _wide(texts: Iterable[str], least: int, most: int) -> int:
    return min(most, max(least, max(map(cells, texts), default=least)))


def _state(side: Side | None, glyphs: Glyphs) -> Span:
    if side is None:
        return "not there", "faint"
    mark = ASK if side.asks else MARKS[side.state]
    items = "" if side.items is None else f" {side.succeeded or 0:,}/{side.items:,}"
    return f"{glyphs.told(mark)}{items}", mark.role


def _took(side: Side | None) -> Span:
    return ("" if side is None or not side.took_s else say.took(side.took_s)), "text"


def _longer(a: Side | None, b: Side | None) -> Span:
    if a is None or b is None or not (a.took_s and b.took_s):
        return "", "faint"
    more = b.took_s - a.took_s
    if abs(more) < 0.05:
        return SAME, "faint"
    return f"{'+' if more > 0 else '-'}{say.took(abs(more))}", "warn" if more > 0 else "ok"


def _cost(side: Side | Total | None) -> Span:
    if side is None or not side.attempts:
        return "", "faint"
    if side.cost_usd is None:
        return say.UNKNOWN, "muted"
    return (say.usd(side.cost_usd) if side.cost_usd else ""), "text"


def totals(found: Comparison, size: int, glyphs: Glyphs) -> list[Line]:
    """A line for each session, and what they have in common."""
    lines = [_total(name, total, size, glyphs) for name, total in (("A", found.a), ("B", found.b))]
    if found.common is not None:
        common = found.common
        told = f"{say.nodes(common.succeeded)}, {say.took(common.took_s)}, {_cost(common)[0] or say.usd(0)}"
        lines.append(((" = ", "accent"), (f"in both, and paid once: {told}", "muted")))
    return lines


def _total(name: str, total: Total, size: int, glyphs: Glyphs) -> Line:
    head, role = status_told(total.status, glyphs)
    figures = f"{total.succeeded:,}/{total.nodes:,} ok  {say.took(total.took_s)}  {_cost(total)[0]}"
    title = f"{one_line(total.id, 30)}  {one_line(total.title, 80)}"
    room = size - len(figures) - len(head) - 9
    return (
        (f" {name} ", "accent"),
        (f"{head}  ", role),
        (f"{figures}  ", "text"),
        (shorten(title, max(0, room), glyphs.cut), "muted"),
    )


def diff_lines(diff: Sequence[str], width: int) -> list[Line]:
    """A difference as lines; its signs stay where colours do not show."""
    if not diff:
        return [(("the outputs are the same", "faint"),)]
    roles: dict[str, Role] = {"+": "ok", "-": "bad", "@": "accent"}
    lines: list[Line] = []
    for told in diff:
        role = roles.get(told[:1], "muted")
        first, *rest = wrap(told, max(8, width))
        lines += [((first, role),), *(((f"  {part}", role),) for part in rest)]
    return lines
