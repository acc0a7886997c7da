"""A session as one page that opens from the disk: no script, no request, nothing from elsewhere.

Whatever a model, a tool or a file said is cleaned of what a reader cannot see and escaped, in every place; the page's
own policy lets a browser do nothing but draw, with the one style that it has.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import field
from hashlib import sha256
from html import escape

from swarmtui.frozen import frozen
from swarmtui.safety.text import clean, one_line
from swarmtui.session.exports.pictures import (
    ICONS,
    MOST_NODES,
    graph_svg,
    seconds,
    share_svg,
    text,
    timeline_svg,
    took,
)
from swarmtui.session.exports.prose import prose
from swarmtui.session.exports.style import STYLE
from swarmtui.session.marks import Mark
from swarmtui.session.metrics import cost_usd, wall_s
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ENDED, State, why_skipped

OUTPUT_CHARS = 40_000
"""Of one output; what is longer is cut, and that is said."""
ALL_CHARS = 2_000_000
"""Of all outputs together."""
REPORT_CHARS = 500_000
MOST_REASONS = 3
"""Failed nodes of which the head of the page says why."""
MOST_TOLD = 5_000
"""Nodes in the list."""


@frozen
class LogLine:
    """One line of the log, not cleaned."""

    clock: str
    subject: str
    state: str
    detail: str


@frozen
class Story:
    """What a page tells beside the state."""

    status: str
    outputs: dict[str, str] = field(default_factory=dict)
    """Node -> its output, as much of it as is to be shown at most; not cleaned."""
    log: Sequence[LogLine] = ()
    left_out: int = 0
    """Lines of the log that were left out before :attr:`log`."""
    marks: Sequence[Mark] = ()
    figures: Sequence[str] = ()
    report: str | None = None
    imported: str | None = None
    """From what it was imported; None if it ran here."""
    app: str = "swarmtui"


def page(state: SessionState, story: Story) -> str:
    """The whole page."""
    anchors = {node: f"node-{index}" for index, node in enumerate(state.nodes) if index < MOST_TOLD}
    policy = f"default-src 'none'; style-src 'sha256-{_hash(STYLE)}'; base-uri 'none'; form-action 'none'"
    title = text(state.title or state.goal or state.id, 120)
    body = [
        _header(state, story, title, anchors),
        _goal(state),
        _section("graph", "Graph", _graph(state, anchors)),
        _section("timeline", "Timeline", _timeline(state, story, anchors)),
        _section("report", "Report", _report(story.report)) if story.report else "",
        _section("nodes", "Nodes", _nodes(state, story, anchors)),
        _section("figures", "Figures", _figures(story.figures)) if story.figures else "",
        _section("log", "Log", _log(story)),
        f"<footer>{text(story.app)} · session {text(state.id)} · {state.seq} events · "
        f"{_when(state.created_ts)}</footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body>\n{''.join(body)}</body></html>\n"
    )


def _header(state: SessionState, story: Story, title: str, anchors: dict[str, str]) -> str:
    cost = cost_usd(state.spent)
    ended = sum(count for known, count in state.counts.items() if known in ENDED)
    failed = state.counts.get(State.FAILED, 0)
    facts = [
        f"{ended} of {len(state.nodes)} nodes" + (f", {failed} failed" if failed else ""),
        f"{seconds(wall_s(state))} from beginning to end",
        f"{seconds(state.active_s)} at work" if state.active_s else "",
        f"{state.spent.tokens:,} tokens" if state.spent.tokens else "",
        "cost unknown" if cost is None else f"${cost:.4f}" if 0 < cost < 0.01 else f"${cost:.2f}",
    ]
    badges = ""
    if state.simulated:
        badges += '<p class="badge">SIMULATED: a built-in stand-in made the answers up; they are no results</p>'
    if story.imported:
        badges += f'<p class="badge">Imported from {text(story.imported)}: a recording; nothing of it ran here</p>'
    reason = f": {text(state.reason, 200)}" if state.reason else ""
    links = "".join(
        f'<a href="#{name}">{name.capitalize()}</a>'
        for name in ("graph", "timeline", "report", "nodes", "log")
        if name != "report" or story.report
    )
    status = text(story.status.replace("_", " "))
    return (
        f'<header><h1>{title}</h1><p class="facts"><b class="status s-{text(story.status)}">'
        f"{ICONS.get(story.status, '●')} {status}{reason}</b> "
        f"{''.join(f'<span>{fact}</span>' for fact in facts if fact)}</p>{share_svg(state)}"
        f"{_reasons(state, anchors)}{badges}<nav>{links}</nav></header>\n"
    )


def _reasons(state: SessionState, anchors: dict[str, str]) -> str:
    """Why it is not as it should be: what the first failed nodes say, each with a link to the rest."""
    failed = [node for node in state.nodes.values() if node.state is State.FAILED]
    told = "".join(
        f'<p class="why">{ICONS["failed"]} {_linked(node.id, anchors)}'
        f"{': ' + text(node.error.message, 200) if node.error else ''}</p>"
        for node in failed[:MOST_REASONS]
    )
    more = len(failed) - MOST_REASONS
    return told + (f'<p class="why">and {more} more that failed</p>' if more > 0 else "")


def _linked(node: str, anchors: dict[str, str]) -> str:
    return f'<a href="#{anchors[node]}">{text(node, 60)}</a>' if node in anchors else text(node, 60)


def _goal(state: SessionState) -> str:
    if not state.goal or one_line(state.goal, 120) == one_line(state.title, 120):
        return ""
    return f'<p class="goal">{_block(state.goal, 4_000)}</p>\n'


def _section(name: str, heading: str, content: str) -> str:
    return f'<section id="{name}"><h2>{heading}</h2>{content}</section>\n'


def _report(report: str) -> str:
    cut = f"<p>[cut here; the whole has {len(report):,} characters]</p>" if len(report) > REPORT_CHARS else ""
    return f'<article class="prose">{prose(report[:REPORT_CHARS])}</article>{cut}'


def _figures(lines: Sequence[str]) -> str:
    return f'<pre class="table">{_block(chr(10).join(lines), ALL_CHARS)}</pre>'


def _graph(state: SessionState, anchors: dict[str, str]) -> str:
    if state.plan is None or not state.plan.nodes:
        return "<p>There is no plan yet.</p>"
    drawn = graph_svg(state.plan, state, anchors)
    if drawn is None:
        return f"<p>{len(state.plan.nodes)} nodes are too many to be drawn (more than {MOST_NODES}).</p>"
    return f'<div class="scroll" tabindex="0">{drawn}</div>'


def _timeline(state: SessionState, story: Story, anchors: dict[str, str]) -> str:
    drawn = timeline_svg(state, story.marks, anchors)
    if drawn is None:
        return "<p>Nothing has begun yet.</p>"
    return f'<div class="scroll" tabindex="0">{drawn}</div>'


def _nodes(state: SessionState, story: Story, anchors: dict[str, str]) -> str:
    parts, left = [], ALL_CHARS
    for name, anchor in anchors.items():
        shown = _output(state.nodes[name], story.outputs.get(name), min(OUTPUT_CHARS, left))
        left = max(0, left - len(shown))
        parts.append(_node(state, state.nodes[name], anchor, shown))
    more = len(state.nodes) - len(anchors)
    return "".join(parts) + (f"<p>and {more} more</p>" if more > 0 else "")


def _node(state: SessionState, node: NodeState, anchor: str, shown: str) -> str:
    planned = state.plan_nodes[node.id]
    span, cost = took(node, state.mono), cost_usd(node.spent)
    facts = [node.state.value]
    facts += [] if span is None else [seconds(span)]
    facts += [] if not cost else [f"${cost:.4f}"]
    facts += [f"{node.attempts} attempts"] if node.attempts > 1 and node.items is None else []
    if node.items is not None:
        facts.append(f"{node.items.count(State.SUCCEEDED)} of {node.items.total} items")
    title = f" <i>{text(planned.title, 80)}</i>" if planned.title and planned.title != node.id else ""
    rows = [f"<p>{text(planned.kind)}{_needed(planned.needs)}{_model(node)}</p>"]
    if why := node.error.message if node.error else why_skipped(node.cause):
        rows.append(f'<p class="why">{_block(why, 4_000)}</p>')
    return (
        f'<details class="s-{node.state.value}"><summary><b>{ICONS[node.state.value]} {text(node.id, 60)}</b>{title}'
        f'<span class="facts">{"".join(f"<span>{fact}</span>" for fact in facts)}</span></summary>'
        f'<div id="{anchor}">{"".join(rows)}{shown}</div></details>\n'
    )


def _needed(needs: Sequence[str]) -> str:
    more = f" and {len(needs) - 12} more" if len(needs) > 12 else ""
    return f" · needs {', '.join(text(need, 40) for need in needs[:12])}{more}" if needs else ""


def _model(node: NodeState) -> str:
    return f" · {text(node.model, 80)}" if node.model else ""


def _output(node: NodeState, output: str | None, limit: int) -> str:
    if node.output is None:
        return ""
    whole = output if output is not None else node.output.text
    return f"<pre>{_block(whole, limit, node.output.size)}</pre>" if whole else "<p>It gave an empty output.</p>"


def _log(story: Story) -> str:
    if not story.log:
        return "<p>Nothing was logged.</p>"
    before = f"<p>{story.left_out} earlier lines are left out.</p>" if story.left_out else ""
    lines = "".join(
        f'<li><time>{text(line.clock)}</time> <b>{text(line.subject, 60)}</b> <em class="s-{_class(line.state)}">'
        f"{text(line.state, 40)}</em> {text(line.detail, 400)}</li>"
        for line in story.log
    )
    count = f"{len(story.log)} lines"
    return f"<details><summary>{count}</summary>{before}<ol>{lines}</ol></details>"


def _class(word: str) -> str:
    return word if word.isalpha() and word.isascii() else "other"


def _block(value: str, limit: int, size: int | None = None) -> str:
    """`value` over as many lines as it has, cut with a word on that."""
    shown = clean(value[:limit])
    whole = len(value) <= limit and (size is None or len(value.encode("utf-8", "replace")) >= size)
    cut = "" if whole else f"\n[cut here; the whole has {max(size or 0, len(value)):,} bytes]"
    return escape(shown) + cut


def _when(ts: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(ts)) if 0 < ts < 2**40 else "time unknown"


def _hash(style: str) -> str:
    return b64encode(sha256(style.encode()).digest()).decode("ascii")
