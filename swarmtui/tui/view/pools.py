"""The gauges of pools: what each may do at once, what it does, what binds it and why, who was refused and waits.

Figures come from the state and from :class:`Flights`. Where nobody sent a figure it is ``n/a``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen, mutable
from swarmtui.safety.text import one_line
from swarmtui.session.pools import COMMANDS, MERGES, QUESTIONS, UNLIMITED, is_simulated, pool_limit, pool_of
from swarmtui.session.vocabulary import FINAL, State, Status
from swarmtui.tui.view import format as say
from swarmtui.tui.view.document import facts as facts_lines
from swarmtui.tui.view.flights import Flights, PoolChange, PoolLog, Refusal
from swarmtui.tui.view.lines import Line, Role, cells, fit, shorten_line
from swarmtui.tui.view.nodes import name_of, throttled_words, total_binds
from swarmtui.tui.view.order import natural

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState, SessionState
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.moment import Moment

SPARK = 60
"""Bins of history that a gauge keeps ready."""


@frozen
class Gauge:
    """One pool at a moment. Times are session seconds."""

    pool: str
    kind: str
    """``provider``, ``simulated``, ``commands``, ``merges`` or ``program``."""
    in_flight: int
    limit: int | None
    """Attempts that may be in flight; None where that is not known."""
    window: float | None
    """Of these, what the pacer found out; None of what has no pacer, or of a provider that was not asked yet."""
    rate_per_min: float | None
    """Calls per minute that the provider is known to allow."""
    per_minute: float | None
    """Attempts that ended per minute of late."""
    binding: str
    """What holds it back: a word of :data:`BINDS`."""
    why: str
    since: float | None
    refused: int
    calls: int
    last: Refusal | None
    waiting: int
    """Nodes and items that are ready and wait for a place."""
    throttled: int
    """Those that the provider sent back and that wait until it is due."""
    due: float | None
    """When the first of these is tried again."""
    history: tuple[int, ...]
    changes: tuple[PoolChange, ...]
    cap: int | None
    """What the user allows at most, by name of the pool."""
    frozen: int | None
    others: int = 0

    @property
    def refused_per_100(self) -> float | None:
        """Refusals per 100 calls that were tried; None before the first call."""
        tried = self.calls + self.refused
        return 100.0 * self.refused / tried if tried else None

    @property
    def can_freeze(self) -> bool:
        """Whether there is a window that could be held."""
        return self.kind == "provider"


BINDS: dict[str, tuple[str, Role]] = {
    "wall": ("the provider lets no more through at once", "warn"),
    "rpm": ("the provider's calls per minute", "warn"),
    "tpm": ("the provider's tokens per minute", "warn"),
    "latency": ("its answers slow down with more at once", "warn"),
    "outage": ("the provider is down: only probes go", "bad"),
    "user": ("your limit", "held"),
    "total": ("your limit for all pools together", "held"),
    "ramp": ("your ramp", "held"),
    "limit": ("swarmtui's own limit", "muted"),
    "machine": ("this machine is busy", "warn"),
    "budget": ("the budget is used up", "bad"),
    "paused": ("the session is paused", "held"),
    "none": ("nothing holds it back", "ok"),
    "over": ("the session is over", "muted"),
    "": ("n/a: its host has not told yet", "faint"),
}
"""What may hold a pool back, in words."""
UNBOUND = frozenset({"", "none", "over"})
"""Those that hold nothing back."""
GOES_ON = "{pause_session} lets it go on"
PROVIDERS = frozenset({"wall", "rpm", "tpm", "latency", "outage"})


def gauges(state: SessionState, flights: Flights, now: float, with_keys: Callable[[str], str] = str) -> list[Gauge]:
    """All pools that the plan uses or that anything ran in, providers first, told `with_keys`. O(nodes)."""
    waits = _waits(state)
    tallies = state.measures.tallies.values()
    ran = {tally.pool for tally in tallies if tally.starts and tally.pool}
    names = sorted((state.pools_used | ran) - {QUESTIONS}, key=lambda pool: (_rank(state, pool), natural(pool)))
    found = [_gauge(state, one, flights.pools.get(one) or PoolLog(), waits.get(one) or _Waits(), now) for one in names]
    return [replace(one, why=with_keys(GOES_ON)) if one.why == GOES_ON else one for one in found]


_KINDS = ("provider", "simulated", "program", COMMANDS, MERGES)


def _rank(state: SessionState, pool: str) -> int:
    return _KINDS.index(_kind(state, pool))


def _kind(state: SessionState, pool: str) -> str:
    if pool in (COMMANDS, MERGES):
        return pool
    if pool in state.programs:
        return "program"
    if is_simulated(state, pool):
        return "simulated"
    return "provider" if pool in state.model_pools.values() or pool in state.paced else COMMANDS


def _gauge(state: SessionState, pool: str, log: PoolLog, waits: _Waits, now: float) -> Gauge:
    told, kind = state.paced.get(pool), _kind(state, pool)
    tallies = [tally for tally in state.measures.tallies.values() if tally.pool == pool]
    allowed = pool_limit(state, pool, paced=kind == "provider")
    limit = None if allowed >= UNLIMITED else allowed
    window = None if told is None or kind != "provider" else told.window
    if window is not None:
        limit = int(window) if limit is None else min(limit, int(window))
    refused = max(sum(tally.refused for tally in tallies), 0 if told is None else told.refused)
    gauge = Gauge(
        pool=pool,
        kind=kind,
        in_flight=sum(tally.open for tally in tallies),
        limit=limit,
        window=window,
        rate_per_min=None if told is None else told.rate_per_min,
        per_minute=log.flow.per_minute(now) if log.flow.delta else None,
        binding="" if told is None else told.binding,
        why="" if told is None else one_line(told.why, 200),
        since=None if told is None else log.bound_since(now),
        refused=refused,
        calls=sum(tally.calls() for tally in tallies),
        last=log.last_refusal(now),
        waiting=waits.ready,
        throttled=waits.throttled,
        due=waits.due,
        history=tuple(log.flow.history(now, SPARK)),
        changes=tuple(log.changes_until(now)),
        cap=state.limits.pools.get(pool),
        frozen=state.limits.frozen.get(pool),
        others=0 if told is None else told.others,
    )
    return _bound(state, gauge)


def _bound(state: SessionState, gauge: Gauge) -> Gauge:
    """What binds where the pacer does not say, or where something else comes first."""
    limits = state.limits
    if state.status is Status.PAUSED:
        if state.budget is not None:
            return replace(gauge, binding="budget", why=f"of {state.budget.kind}", since=None)
        return replace(gauge, binding="paused", why=GOES_ON, since=None)
    if state.status in FINAL:
        return replace(gauge, binding="over", why="", since=None)
    if gauge.waiting and total_binds(state, gauge.pool):
        return replace(gauge, binding="total", why=f"{limits.concurrency} at once")
    if gauge.binding not in ("", "none"):
        return gauge
    full = gauge.limit is not None and gauge.in_flight >= gauge.limit
    if gauge.waiting and full and gauge.window is None:
        mine = gauge.cap is not None or limits.concurrency is not None
        return replace(gauge, binding="user" if mine else "limit", why=f"{gauge.limit} at once")
    if gauge.waiting and limits.ramp_s and not full:
        return replace(gauge, binding="ramp", why=f"one more every {limits.ramp_s:g} s")
    return gauge if gauge.kind == "provider" else replace(gauge, binding="none")


@mutable
class _Waits:
    ready: int = 0
    throttled: int = 0
    due: float | None = None

    def until(self, due: float | None) -> None:
        if due is not None:
            self.due = due if self.due is None else min(self.due, due)


def _waits(state: SessionState) -> dict[str, _Waits]:
    """Who is ready, or was sent back, by pool."""
    found: dict[str, _Waits] = {}
    if not state.approved_rev:
        return found
    for node in state.nodes.values():
        if node.state is State.READY or node.state is State.THROTTLED:
            waits = found.setdefault(_pool_of(state, node), _Waits())
            if node.state is State.READY:
                waits.ready += 1
            else:
                waits.throttled += 1
                waits.until(node.retry_at)
        elif node.items is not None and node.state is State.RUNNING:
            waits = found.setdefault(_pool_of(state, node), _Waits())
            waits.ready += node.items.count(State.READY)
            waits.throttled += node.items.count(State.THROTTLED)
            if node.items.count(State.THROTTLED):
                waits.until(min(node.items.retry_at.values(), default=None))
    return found


def _pool_of(state: SessionState, node: NodeState) -> str:
    return pool_of(state, state.plan_nodes[node.id], node.tries)


# -- in words -----------------------------------------------------------------------------------------------------


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


def pool_lines(state: SessionState, gauge: Gauge, width: int, moment: Moment, glyphs: Glyphs) -> Iterator[Line]:
    """Everything about a pool."""
    now = moment.session
    yield _first_line(gauge, width, glyphs)
    facts = [(f"   {label}", words, role) for label, words, role in _facts(gauge, now)]
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


def _mine(gauge: Gauge) -> str:
    cap = f", capped by you at {gauge.cap}" if gauge.cap is not None else ""
    return cap + (f", held by you at {gauge.frozen}" if gauge.frozen is not None else "")


def _who_waits(state: SessionState, gauge: Gauge, width: int, moment: Moment, glyphs: Glyphs) -> Iterator[Line]:
    if not gauge.throttled:
        return
    shown = 0
    for node in state.nodes.values():
        if node.state is not State.THROTTLED or _pool_of(state, node) != gauge.pool:
            continue
        shown += 1
        if shown > WAITING_SHOWN:
            break
        words = throttled_words(state, node, moment, glyphs)
        yield from facts_lines([("", f"{name_of(node.id)}: {words}", "muted")], width, LABEL)
