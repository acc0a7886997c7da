"""A session as a summary in Markdown, for a ticket, a wiki or a mail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice

from swarmtui.safety.text import clean, one_line
from swarmtui.session.exports.pictures import seconds, took
from swarmtui.session.metrics import cost_usd, wall_s
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import why_skipped

OUTPUT_CHARS = 4_000
"""Of one output; what is longer is cut, and that is said."""
ALL_CHARS = 40_000
"""Of all outputs together."""
REPORT_CHARS = 60_000
MOST_ROWS = 500
"""Nodes in the table."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|&~])")
_TICKS = re.compile(r"`+")


def markdown(
    state: SessionState,
    status: str,
    *,
    figures: Sequence[str] = (),
    outputs: Mapping[str, str] | None = None,
    report: str | None = None,
    imported: str | None = None,
) -> str:
    """The summary. `outputs` are those of nodes, and `report` the report, neither cleaned. What the report has is not
    told again as an output."""
    lines = [f"# {_text(state.title or state.goal or state.id, 120)}", ""]
    reason = f" ({_text(state.reason, 200)})" if state.reason else ""
    lines += [
        f"- session: {_text(state.id)}",
        f"- status: {_text(status)}{reason}",
        f"- time: {seconds(wall_s(state))} from beginning to end, {seconds(state.active_s)} of it at work",
    ]
    if state.simulated:
        lines.append("- **SIMULATED**: a built-in stand-in made the answers up; they are no results")
    if imported:
        lines.append(f"- imported from {_text(imported)}: a recording; nothing of it ran here")
    if state.goal and one_line(state.goal) != one_line(state.title or ""):
        lines += ["", "## Goal", "", _fenced(state.goal)]
    lines += ["", "## Nodes", "", "| node | kind | state | took | cost | detail |", "|---|---|---|---|---|---|"]
    lines += [_row(state, node) for node in islice(state.nodes.values(), MOST_ROWS)]
    if len(state.nodes) > MOST_ROWS:
        lines += ["", f"and {len(state.nodes) - MOST_ROWS:,} more nodes"]
    if figures:
        lines += ["", "## Figures", "", _fenced("\n".join(figures))]
    if report:
        lines += ["", "## Report", "", _fenced(report, "markdown", REPORT_CHARS)]
    left, unsaid = ALL_CHARS, 0
    for name, told in (outputs or {}).items():
        if not told.strip() or (report and told.strip() in report):
            continue
        if not left:
            unsaid += 1
            continue
        lines += ["", f"## Output of {_text(name)}", "", _fenced(told, "", min(OUTPUT_CHARS, left))]
        left -= min(len(told), OUTPUT_CHARS, left)
    if unsaid:
        lines += ["", f"{unsaid:,} more outputs are left out: `swarmtui show {state.id}` has them"]
    return "\n".join([*lines, ""])


def _row(state: SessionState, node: NodeState) -> str:
    span, cost = took(node, state.mono), cost_usd(node.spent)
    detail = node.error.message if node.error else why_skipped(node.cause) or state.plan_nodes[node.id].title or ""
    cells = [
        _text(node.id, 60),
        state.plan_nodes[node.id].kind,
        node.state.value,
        "" if span is None else seconds(span),
        "?" if cost is None else f"${cost:.4f}" if cost else "",
        _text(detail, 200),
    ]
    return f"| {' | '.join(cells)} |"


def _text(value: str, limit: int = 120) -> str:
    """`value` in a line, with nothing that Markdown obeys."""
    return _SPECIAL.sub(r"\\\1", one_line(value, limit))


def _fenced(value: str, language: str = "", limit: int = REPORT_CHARS) -> str:
    """`value` as a block that nothing in it can end."""
    shown = clean(value[:limit]).rstrip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(shown)), default=0))
    cut = f"\n\n(cut here; the whole has {len(value):,} characters)" if len(value) > limit else ""
    return f"{fence}{language}\n{shown}\n{fence}{cut}"
