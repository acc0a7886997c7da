"""The gauges of pools in words and lines: among other panes, and with the whole screen for them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import format as say
from swarmtui.tui.view.document import facts as facts_lines
from swarmtui.tui.view.flights import Refusal
from swarmtui.tui.view.lines import Line, Role, cells, fit, shorten_line
from swarmtui.tui.view.nodes import name_of, throttled_words
from swarmtui.tui.view.pools import BINDS, PROVIDERS, UNBOUND, Gauge, pool_of_node

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState, SessionState
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.moment import Moment


def more_helps(gauge: Gauge) -> str:
    """Whether more at once would help, and why (not)."""
    waiting = f"{say.count(gauge.waiting)} {'waits' if gauge.waiting == 1 else 'wait'} for a place"
    if gauge.binding in PROVIDERS:
        at = "" if gauge.window is None else f" at {gauge.window:.0f}"
        return f"more would not help: the provider holds it{at}"
    if gauge.binding == "machine":
        return "more would not help: this machine keeps up with no more"
    if gauge.binding in ("budget", "paused", "over"):
        return f"more would not help: {BINDS[gauge.binding][0]}"
    if not gauge.waiting:
        return "more would not help: nothing waits for a place"
    if gauge.frozen is not None:
        return f"{waiting}: letting the window go would help"
    return f"{waiting}: more would help"


def binds_words(gauge: Gauge) -> tuple[str, Role]:
    """What binds and why: ``wall since 0:42, the provider lets no more through at once: refused at 41``."""
    words, role = BINDS.get(gauge.binding, (gauge.binding, "warn"))
    if gauge.binding in UNBOUND:
        return words, role
    since = "" if gauge.since is None else f" since {say.clock(gauge.since)}"
    used_up = gauge.binding in ("rpm", "tpm") and not gauge.in_flight and gauge.waiting + gauge.throttled > 0
    why = "used up for now, who waits goes as it comes back" if used_up else gauge.why
    return f"{gauge.binding}{since}, {words}{f': {why}' if why else ''}", role


def in_flight_words(gauge: Gauge) -> str:
    """``38 of 41``."""
    return f"{gauge.in_flight} of {say.UNKNOWN if gauge.limit is None else say.count(gauge.limit)}"


def per_minute_words(gauge: Gauge) -> str:
    """``812/min``."""
    return f"{say.UNKNOWN}   " if gauge.per_minute is None else f"{gauge.per_minute:,.0f}/min"


def spark(gauge: Gauge, size: int, glyphs: Glyphs) -> str:
    """In flight of late, as high as what is allowed."""
    shown = gauge.history[-size:] if size > 0 else ()
    top = max([*shown, gauge.limit or 1])
    levels = glyphs.spark
    drawn = "".join(
        " " if not each else levels[min(len(levels) - 1, each * len(levels) // (top + 1))] for each in shown
    )
    return fit(drawn, max(0, size), right=True)


def refused_words(gauge: Gauge) -> tuple[str, Role]:
    """``1.9 % of calls (3 in all)``; empty of a pool that nobody could refuse."""
    if not gauge.refused:
        return "never" if gauge.kind == "provider" and gauge.calls else "", "muted"
    share = gauge.refused_per_100
    rate = say.UNKNOWN if share is None else f"{share:.1f}"
    return f"{rate} % of calls ({say.count(gauge.refused)} in all)", "warn"


def said(refusal: Refusal, now: float, *, short: bool = False) -> str:
    """What was said, to whom, when, and what becomes of it."""
    who = name_of(refusal.node) + (f"[{refusal.item}]" if refusal.item is not None else "")
    by = "this machine" if refusal.by_machine else "the provider"
    told = refusal.message or ("too little is free" if refusal.by_machine else "429")
    due = refusal.mono + refusal.again_s - now
    again = say.again(due) if due >= say.SOON_S else f"was due {say.ago(-due)} ago"
    if short:
        return f"{who}: {told}; {again}"
    return f"{say.ago(now - refusal.mono)} ago {by} said to {who}: {told}; {again}, not charged"


def gauge_lines(gauge: Gauge, width: int, now: float, glyphs: Glyphs) -> list[Line]:
    """A gauge in three lines at most: for the run screen."""
    binds, role = binds_words(gauge)
    lines = [_first_line(gauge, width, glyphs)]
    if gauge.binding not in ("none", "over"):
        lines.append(shorten_line((("   binds ", "muted"), (binds, role)), width, glyphs.cut))
    if gauge.last is not None and (gauge.throttled or now - gauge.last.mono < RECENT_S):
        told: Line = (("   429   ", "throttled"), (said(gauge.last, now, short=True), "muted"))
        lines.append(shorten_line(told, width, glyphs.cut))
    return lines


def _first_line(gauge: Gauge, width: int, glyphs: Glyphs) -> Line:
    flight, rate = fit(in_flight_words(gauge), 9, right=True), fit(per_minute_words(gauge), 10, right=True)
    held = " held" if gauge.frozen is not None else ""
    fixed = 1 + 9 + 10 + cells(held) + 2
    graph = max(0, min(24, (width - fixed) // 3))
    name = max(6, width - fixed - graph)
    full: Role = "strong" if gauge.in_flight else "muted"
    spans: Line = (
        (" ", "text"),
        (fit(one_line(gauge.pool, 80), name, ellipsis=glyphs.cut), "text"),
        (flight, full),
        (rate, "muted"),
        (held, "held"),
        ("  " + spark(gauge, graph, glyphs), "bar"),
    )
    return shorten_line(spans, width, glyphs.cut)


def pane_lines(found: list[Gauge], width: int, height: int, now: float, glyphs: Glyphs) -> list[Line]:
    """The gauges of the run screen: all of each pool where that fits, else what binds, else a line each."""
    whole = [gauge_lines(gauge, width, now, glyphs) for gauge in found]
    for most in (3, 2, 1):
        lines = [line for lines in whole for line in lines[:most]]
        if len(lines) <= height:
            return lines
    return lines


RECENT_S = 120.0
"""So long a refusal is worth a line among other panes."""
CHANGES_SHOWN = 5
WAITING_SHOWN = 5
HOLDERS_SHOWN = 3
"""Nodes at work that are named where others wait."""


def pool_lines(state: SessionState, gauge: Gauge, width: int, moment: Moment, glyphs: Glyphs) -> Iterator[Line]:
    """Everything about a pool."""
    now = moment.session
    yield _first_line(gauge, width, glyphs)
    facts = [(f"   {label}", words, role) for label, words, role in _facts(gauge, now)]
    if gauge.in_flight and gauge.waiting + gauge.throttled:
        facts.insert(-1, ("   at work", _at_work(state, gauge, now), "text"))
    yield from facts_lines(facts, width, LABEL)
    yield from _who_waits(state, gauge, width, moment, glyphs)
    for number, change in enumerate(reversed(gauge.changes[-CHANGES_SHOWN:])):
        label = "history" if not number else ""
        what = f"{change.window:>5.0f} at once  {change.binding:<8}{one_line(change.why, 160)}"
        words = f"{say.clock(change.mono):>7}  {what}"
        yield shorten_line(((f"   {label:<{LABEL - 2}}", "muted"), (words, "faint")), width, glyphs.cut)


LABEL = 11


def _facts(gauge: Gauge, now: float) -> Iterator[tuple[str, str, Role]]:
    binds, role = binds_words(gauge)
    yield "binds", binds, role
    if gauge.kind == "provider":
        window = say.UNKNOWN if gauge.window is None else f"{gauge.window:.0f} at once"
        rate = f"at most {gauge.rate_per_min:,.0f} a minute" if gauge.rate_per_min is not None else "no rate is known"
        yield "window", f"{window}, {rate}{_mine(gauge)}", "text"
    elif gauge.cap is not None:
        yield "window", f"capped by you at {gauge.cap}", "held"
    words, refused_role = refused_words(gauge)
    if words:
        yield "refused", words, refused_role
    if gauge.last is not None:
        yield "last", said(gauge.last, now), "throttled"
    waits = [f"{say.count(gauge.waiting)} for a place"] if gauge.waiting else []
    if gauge.throttled:
        first = "" if gauge.due is None else f", the first {say.again(gauge.due - now)}"
        waits.append(f"{say.count(gauge.throttled)} sent back{first}")
    if gauge.others:
        yield "shared", f"{gauge.others} more of your sessions use this account", "warn"
    yield "waiting", "; ".join(waits) or "nobody", "text" if waits else "faint"


def _at_work(state: SessionState, gauge: Gauge, now: float) -> str:
    """Who has the places that others wait for, the longest first."""
    found = [node for node in state.nodes.values() if node.running and pool_of_node(state, node) == gauge.pool]
    found.sort(key=lambda node: now if node.started_mono is None else node.started_mono)
    named = [_holder(node, now) for node in found[:HOLDERS_SHOWN]]
    more = [f"{say.nodes(len(found) - HOLDERS_SHOWN)} more"] if len(found) > HOLDERS_SHOWN else []
    return ", ".join([*named, *more])


def _holder(node: NodeState, now: float) -> str:
    if node.items is not None:
        items = "1 item" if node.running == 1 else f"{say.count(node.running)} items"
        return f"{name_of(node.id)} ({items})"
    since = "" if node.started_mono is None else f" for {say.ago(now - node.started_mono)}"
    return f"{name_of(node.id)}{since}"


def _mine(gauge: Gauge) -> str:
    cap = f", capped by you at {gauge.cap}" if gauge.cap is not None else ""
    return cap + (f", held by you at {gauge.frozen}" if gauge.frozen is not None else "")


def _who_waits(state: SessionState, gauge: Gauge, width: int, moment: Moment, glyphs: Glyphs) -> Iterator[Line]:
    if not gauge.throttled:
        return
    shown = 0
    for node in state.nodes.values():
        if node.state is not State.THROTTLED or pool_of_node(state, node) != gauge.pool:
            continue
        shown += 1
        if shown > WAITING_SHOWN:
            break
        words = throttled_words(state, node, moment, glyphs)
        yield from facts_lines([("", f"{name_of(node.id)}: {words}", "muted")], width, LABEL)
