"""A session as a summary in Markdown, for a ticket, a wiki or a mail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from swarmtui.safety.text import clean, one_line
from swarmtui.session.exports.pictures import lasted, seconds, took
from swarmtui.session.metrics import cost_usd
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import why_skipped

OUTPUT_CHARS = 20_000
"""Of one output; what is longer is cut, and that is said."""
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
    """The summary. `outputs` are those of nodes, and `report` the report, neither cleaned."""
    lines = [f"# {_text(state.title or state.goal or state.id, 120)}", ""]
    reason = f" ({_text(state.reason, 200)})" if state.reason else ""
    lines += [
        f"- session: {_text(state.id)}",
        f"- status: {_text(status)}{reason}",
        f"- time: {seconds(lasted(state))}",
    ]
    if state.simulated:
        lines.append("- **SIMULATED**: a built-in stand-in made the answers up; they are no results")
    if imported:
        lines.append(f"- imported from {_text(imported)}: a recording; nothing of it ran here")
    if state.goal and one_line(state.goal) != one_line(state.title or ""):
        lines += ["", "## Goal", "", _fenced(state.goal)]
    lines += ["", "## Nodes", "", "| node | kind | state | took | cost | detail |", "|---|---|---|---|---|---|"]
    lines += [_row(state, node) for node in state.nodes.values()]
    if figures:
        lines += ["", "## Figures", "", _fenced("\n".join(figures))]
    if report:
        lines += ["", "## Report", "", _fenced(report, "markdown", len(report))]
    for node in state.nodes.values():
        told = (outputs or {}).get(node.id)
        if told and told != report:
            lines += ["", f"## Output of {_text(node.id)}", "", _fenced(told)]
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


def _fenced(value: str, language: str = "", limit: int = OUTPUT_CHARS) -> str:
    """`value` as a block that nothing in it can end."""
    shown = clean(value[:limit]).rstrip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(shown)), default=0))
    cut = f"\n\n(cut here; the whole has {len(value):,} characters)" if len(value) > limit else ""
    return f"{fence}{language}\n{shown}\n{fence}{cut}"
