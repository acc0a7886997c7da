"""Pictures of a plan's graph as text: rails in a terminal, Mermaid, DOT, and an outline to read aloud."""

from __future__ import annotations

from collections.abc import Mapping

from swarmtui.frozen import frozen
from swarmtui.plan import graph
from swarmtui.plan.model import Node, Plan
from swarmtui.plan.problems import listed, shown

MAX_RAILS = 20
"""Needs beyond so many rails side by side are named in the line instead of drawn."""


@frozen
class Glyphs:
    """What rails are drawn with. A rail that a line touches goes on below it, or ends in it."""

    node: str
    rail: str
    line: str
    left: tuple[str, str]
    """At the left end of the line: goes on, ends."""
    middle: tuple[str, str]
    right: tuple[str, str]


UNICODE = Glyphs("●", "│", "─", ("├", "└"), ("┼", "┴"), ("┤", "┘"))
ASCII = Glyphs("*", "|", "-", ("+", "`"), ("+", "'"), ("+", "'"))


def plan_to_text(plan: Plan) -> str:
    """The plan as an outline, needs before what needs them: one line per node with its kind, title and needs."""
    nodes = {node.id: node for node in plan.nodes}
    order = graph.topological_order(graph.needs_of(plan))
    width = max((len(node_id) for node_id in order), default=0)
    lines = [shown(plan.title or plan.goal, 200)]
    for number, node_id in enumerate(order, 1):
        node = nodes[node_id]
        after = f"  <- {', '.join(node.needs)}" if node.needs else ""
        lines.append(f"{number:>{len(str(len(order)))}}. {node_id:<{width}}  {_what(node)}{after}".rstrip())
    return "\n".join(lines) + "\n"


def _what(node: Node) -> str:
    """Kind, map and title in a few words."""
    mapped = ""
    if node.map is not None:
        items = node.map.node or node.map.path or f"{len(node.map.values or ())} items"
        mapped = f" for each of {shown(items, 40)}"
    return f"{node.kind}{mapped}" + (f": {shown(node.title, 80)}" if node.title else "")


def as_mermaid(plan: Plan) -> str:
    """The graph as a Mermaid flow chart."""
    names = {node.id: f"n{index}" for index, node in enumerate(plan.nodes)}
    lines = ["flowchart LR"]
    for node in plan.nodes:
        label = _mermaid_text(f"{node.id} · {node.kind}{'*' if node.map else ''}")
        title = f"<br/>{_mermaid_text(shown(node.title, 80))}" if node.title else ""
        lines.append(f'    {names[node.id]}["{label}{title}"]')
    lines += [f"    {names[need]} --> {names[node.id]}" for node in plan.nodes for need in node.needs if need in names]
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    return "".join(f"#{ord(char)};" if char in '"<>&#[]{}|`\\' else char for char in text)


def as_dot(plan: Plan) -> str:
    """The graph in Graphviz' DOT language."""
    lines = ["digraph plan {", "    rankdir=LR;", "    node [shape=box];"]
    for node in plan.nodes:
        label = f"{node.id}\n{node.kind}{'*' if node.map else ''}" + (f"\n{node.title}" if node.title else "")
        lines.append(f"    {_dot_text(node.id)} [label={_dot_text(label)}];")
    lines += [f"    {_dot_text(need)} -> {_dot_text(node.id)};" for node in plan.nodes for need in node.needs]
    return "\n".join([*lines, "}"]) + "\n"


def _dot_text(text: str) -> str:
    lines = (shown(line, 120).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n"))
    return '"' + "\\n".join(lines) + '"'


def as_ascii(plan: Plan, glyphs: Glyphs = ASCII, marks: Mapping[str, str] | None = None) -> str:
    """The graph as a list with rails on its left, like a commit graph: a rail leads from a node down to all that need
    it, and ends in the last one. `marks` are characters to draw instead of the node's, by id.
    """
    nodes = {node.id: node for node in plan.nodes}
    needs = graph.needs_of(plan)
    turned = graph.dependents(needs)
    rails: list[str | None] = []
    open_users = {node_id: len(users) for node_id, users in turned.items()}
    rows: list[tuple[str, str]] = []
    for node_id in _depth_first(needs):
        row, unseen = _row(rails, needs[node_id], node_id, open_users, glyphs, (marks or {}).get(node_id))
        more = f"  (needs {listed(unseen, 4)})" if unseen else ""
        rows.append((row, f"{node_id}  {_what(nodes[node_id])}{more}"))
    width = max((len(row) for row, _ in rows), default=0)
    return "".join(f"{row:<{width}}  {text}".rstrip() + "\n" for row, text in rows)


def _depth_first(needs: graph.Needs) -> list[str]:
    """A topological order that goes on with what has just become possible, so that few rails are open at once."""
    turned = graph.dependents(needs)
    graph.topological_order(needs)  # raises CycleError
    left = {node_id: sum(need in turned for need in wanted) for node_id, wanted in needs.items()}
    todo = [node_id for node_id, count in left.items() if count == 0][::-1]
    order: list[str] = []
    while todo:
        node_id = todo.pop()
        order.append(node_id)
        for user in reversed(turned[node_id]):
            left[user] -= 1
            if left[user] == 0:
                todo.append(user)
    return order


def _row(
    rails: list[str | None],
    needs: tuple[str, ...],
    node_id: str,
    open_users: dict[str, int],
    glyphs: Glyphs,
    mark: str | None,
) -> tuple[str, list[str]]:
    """The rails beside one node, and the needs for which there is no rail. Moves `rails` on to the next row."""
    wanted = set(needs)
    touched = [column for column, rail in enumerate(rails) if rail in wanted]
    unseen = [need for need in needs if need in open_users and need not in rails]
    for need in wanted & open_users.keys():
        open_users[need] -= 1
    ending = {column for column in touched if open_users[rails[column] or ""] == 0}
    own = _column(rails, touched, ending)
    drawn = _cells(rails, touched, ending, own, glyphs, mark or glyphs.node)
    for column in ending:
        rails[column] = None
    while len(rails) <= own:
        rails.append(None)
    rails[own] = node_id if open_users[node_id] and own < MAX_RAILS else None
    while rails and rails[-1] is None:
        rails.pop()
    return drawn, unseen


def _column(rails: list[str | None], touched: list[int], ending: set[int]) -> int:
    """Where the node goes: on the only rail that leads to it and ends here, else in the first gap right of them."""
    if len(touched) == 1 and ending:
        return touched[0]
    start = touched[-1] + 1 if touched else 0
    return next((c for c in range(start, len(rails)) if rails[c] is None), max(start, len(rails)))


def _cells(rails: list[str | None], touched: list[int], ending: set[int], own: int, glyphs: Glyphs, mark: str) -> str:
    first, last = min((own, *touched)), max((own, *touched))
    row = ""
    for column in range(max(len(rails), own + 1)):
        within = first <= column < last
        if column == own:
            cell = mark
        elif column in touched:
            ends = glyphs.left if column == first else glyphs.right if column == last else glyphs.middle
            cell = ends[column in ending]
        elif rails[column] is not None:
            cell = glyphs.rail
        else:
            cell = glyphs.line if first < column < last else " "
        row += cell + (glyphs.line if within else " ")
    return row.rstrip()
