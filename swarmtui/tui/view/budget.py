"""What the session has used of its budget, what it will presumably come to, and when it will be done.

The projection rests on the latest forecast of the plan that stands; where there is none, nothing is made up. It is not
done before its maps are, at the pace that each is seen to have, and once one is all that is left, that pace alone says
when it will be done, here as in the map's own row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from swarmtui.frozen import frozen
from swarmtui.session.budgets import KINDS, limit_of, used_by_session
from swarmtui.session.progress import progress
from swarmtui.session.vocabulary import ENDED, FINAL, State, Status
from swarmtui.tui.view import format as say
from swarmtui.tui.view.lines import Line, Role, fit, shorten

if TYPE_CHECKING:
    from swarmtui.session.events import ForecastRow
    from swarmtui.session.state import SessionState
    from swarmtui.tui.view.glyphs import Glyphs

Range = tuple[float, float, float]
"""p10, p50, p90: four times in five it lies between the outer two."""


@frozen
class Budgeted:
    """One kind of budget."""

    kind: str
    """``usd``, ``tokens``, ``minutes`` or ``attempts``; the figures are in that unit."""
    used: float
    limit: float | None
    at_end: Range | None
    """What it will presumably have come to; None where nobody knows."""

    @property
    def over(self) -> bool:
        """Whether the projection exceeds the limit, more likely than not."""
        return self.limit is not None and self.at_end is not None and self.at_end[1] > self.limit

    @property
    def role(self) -> Role:
        """How it looks."""
        if self.limit is not None and self.used >= self.limit:
            return "bad"
        return "warn" if self.over else "text"


@frozen
class Outlook:
    """When it will be done, and what of each budget it will take."""

    eta_s: Range | None
    """Seconds from now; None where nobody knows."""
    budgets: tuple[Budgeted, ...]
    late_s: float = 0.0
    """By how much it has taken longer by now than was thought likely; 0 while it has not."""
    waits: bool = False
    """Whether nothing goes on until somebody answers: when it will be done is up to them."""

    def of(self, kind: str) -> Budgeted:
        """The budget of one kind."""
        return next(each for each in self.budgets if each.kind == kind)


def outlook(state: SessionState, now: float) -> Outlook:
    """The outlook at session second `now`."""
    used = dict(zip(KINDS, used_by_session(state, now), strict=True))
    row = _row(state)
    ends: dict[str, Range | None] = dict.fromkeys(KINDS)
    eta: Range | None = None
    late_s = 0.0
    told = state.forecast
    if row is not None and told is not None:
        since = used["minutes"] * 60 - told.active_s
        maps, alone = _left_of_maps(state, now)
        if maps is None:
            late_s = max(0.0, since - row.seconds[1])
        if row.seconds[2] > since:
            eta = _each(row.seconds, lambda seconds: max(0.0, seconds - since))
        if maps is not None:
            eta = maps if alone or eta is None else _longer(eta, maps)
        if eta is not None:
            ends["minutes"] = _each(eta, lambda seconds: used["minutes"] + seconds / 60)
        if row.seconds[2] > since:
            if row.usd is not None and (state.spent.cost_usd or row.usd[2]):
                ends["usd"] = _each(row.usd, lambda usd: max(used["usd"], told.cost_usd + usd))
            if row.tokens is not None:
                ends["tokens"] = _each(row.tokens, lambda tokens: max(used["tokens"], told.tokens + tokens))
    kinds = (Budgeted(kind, used[kind], limit_of(state.limits.budget, kind), ends[kind]) for kind in KINDS)
    if row is not None and state.status is Status.RUNNING and not state.working:
        return Outlook(None, tuple(kinds), waits=True)
    return Outlook(eta, tuple(kinds), late_s)


def _left_of_maps(state: SessionState, now: float) -> tuple[Range | None, bool]:
    """Seconds until the last of the maps at work is through, each at its own pace, None if of none the pace is known;
    and whether nothing else is left."""
    found: Range | None = None
    maps = [state.nodes[id] for id in state.maps if id in state.nodes and not state.nodes[id].ended]
    for node in maps:
        told = progress(node, now) if node.state is State.RUNNING else None
        if told is not None and told.left_s is not None and told.range_s is not None:
            one = told.range_s[0], told.left_s, told.range_s[1]
            found = one if found is None else _longer(found, one)
    left = len(state.nodes) - sum(state.counts.get(ended, 0) for ended in ENDED)
    return found, left == len(maps) == 1


def _longer(one: Range, other: Range) -> Range:
    """What takes as long as the longer of two."""
    return max(one[0], other[0]), max(one[1], other[1]), max(one[2], other[2])


def _each(values: Range, change: Callable[[float], float]) -> Range:
    return change(values[0]), change(values[1]), change(values[2])


def _row(state: SessionState) -> ForecastRow | None:
    """What was forecast for as many at once as are allowed now; None once that says nothing any more."""
    told = state.forecast
    if told is None or state.status in FINAL or not state.approved_rev or told.forecast.plan_rev != state.plan_rev:
        return None
    rows = told.forecast.rows
    wanted = state.limits.concurrency
    return next(
        (row for row in rows if row.concurrency == wanted), next((row for row in rows if row.concurrency is None), None)
    )


def eta_words(eta: Range, *, dash: str, ranged: bool = True) -> str:
    """``2:10 (1:40–3:05)``; as wide as the longest of its times, so that it does not jump about."""
    low, middle, high = (say.clock(seconds) for seconds in eta)
    text = f"{middle:>{len(high)}}"
    return f"{text} ({low}{dash}{high})" if ranged and low != high else text


_UNITS: dict[str, tuple[str, Callable[[float], str]]] = {
    "usd": ("money", say.usd),
    "tokens": ("tokens", say.short),
    "minutes": ("time", lambda minutes: say.clock(minutes * 60)),
    "attempts": ("attempts", lambda number: f"{number:,.0f}"),
}


def budget_lines(state: SessionState, now: float, width: int, glyphs: Glyphs, *, forecasts: str = "F") -> list[Line]:
    """A row per kind of budget: used, allowed, presumably at the end; and when that will be. `forecasts`: the key that
    has it forecast anew; empty where nobody can, and it is not offered."""
    told = outlook(state, now)
    rows = [_row_of(state, each, glyphs) for each in told.budgets]
    eta = _why_no_eta(state, forecasts) if told.eta_s is None else eta_words(told.eta_s, dash=glyphs.dash)
    if told.late_s >= 1:
        at_most = "" if told.eta_s is None else f", {say.clock(told.eta_s[2])} more at most"
        eta = f"longer than thought by {say.clock(told.late_s)}{at_most}{_offer('works it out anew', forecasts)}"
    if not eta:
        return rows
    role: Role = "faint" if told.eta_s is None else "warn" if told.of("minutes").over else "strong"
    return [*rows, ((f" {'eta':<9}", "muted"), (shorten(eta, max(0, width - 10), glyphs.cut), role))]


def _row_of(state: SessionState, each: Budgeted, glyphs: Glyphs) -> Line:
    name, words = _UNITS[each.kind]
    of = f"of {words(each.limit)}" if each.limit is not None else "no limit"
    if each.kind == "attempts" or state.status in FINAL:
        end = ""
    else:
        at_end = say.UNKNOWN if each.at_end is None else _range(each.at_end, words, glyphs.dash)
        end = f"over budget: {at_end} at the end" if each.over else f"at the end {at_end}"
    return (
        (f" {name:<9}", "muted"),
        (fit(_used(state, each, words, glyphs), 9, right=True), each.role),
        (f"  {of:<12}", "muted"),
        (end, each.role if each.over else "muted"),
    )


def _used(state: SessionState, each: Budgeted, words: Callable[[float], str], glyphs: Glyphs) -> str:
    """What was used; of money what is known of it."""
    if each.kind != "usd":
        return words(each.used)
    return say.money(state.spent, ascii_only=glyphs.ascii) or words(0.0)


def _offer(what: str, forecasts: str) -> str:
    return f" ({forecasts} {what})" if forecasts else ""


def _why_no_eta(state: SessionState, forecasts: str) -> str:
    if state.status in FINAL:
        return ""
    if state.forecast is None:
        return f"{say.UNKNOWN}: no forecast was made{_offer('makes one', forecasts)}"
    if state.forecast.forecast.plan_rev != state.plan_rev:
        return f"{say.UNKNOWN}: the plan was changed since the forecast{_offer('makes it anew', forecasts)}"
    if not state.approved_rev:
        return "counts from your approval"
    if state.status is Status.RUNNING and not state.working:
        return "after you answer: nothing else goes on"
    if _row(state) is None:
        return f"{say.UNKNOWN}: nothing was forecast of so many at once{_offer('makes it anew', forecasts)}"
    return f"{say.UNKNOWN}: it takes longer than was forecast{_offer('works it out anew', forecasts)}"


def _range(values: Range, words: Callable[[float], str], dash: str) -> str:
    low, middle, high = (words(value) for value in values)
    return middle if low == high else f"{middle} ({low}{dash}{high})"


class Part(NamedTuple):
    """Something in the header."""

    weight: float
    """What matters least goes first."""
    line: Line
    instead: Part | None = None
    """What is shown in its place where there is no room for it."""


def header_parts(told: Outlook, cost: str, glyphs: Glyphs) -> list[Part]:
    """Money, tokens and minutes that have a limit, and when it will be done; with a projection above a limit."""
    about = "~" if glyphs.ascii else "≈"
    parts: list[Part] = []
    usd = told.of("usd")
    if cost or usd.limit is not None:
        text = cost or "$0.00"
        text = text if text != say.UNKNOWN else f"cost {say.UNKNOWN}"
        of = f"/{say.usd(usd.limit)}" if usd.limit is not None else ""
        parts.append(_over(6, usd, ((text, usd.role), (of, "muted")), about))
    for kind, unit in (("tokens", " tok"), ("minutes", "")):
        each = told.of(kind)
        if each.limit is not None and (kind != "minutes" or each.over or each.used >= each.limit / 2):
            words = _UNITS[kind][1]
            one: Line = ((words(each.used), each.role), (f"/{words(each.limit)}{unit}", "muted"))
            parts.append(_over(3.5, each, one, about))
    if told.waits:
        parts.append(Part(3.7, (("eta ", "muted"), ("after you answer", "muted"))))
    elif told.late_s >= 1:
        late: Line = (("overdue ", "warn"), (say.clock(told.late_s), "warn"))
        parts.append(Part(5, late))
    elif told.eta_s is not None:
        role: Role = "warn" if told.of("minutes").over else "text"
        full, short = (eta_words(told.eta_s, dash=glyphs.dash, ranged=ranged) for ranged in (True, False))
        short_eta = Part(5, (("eta ", "muted"), (short, role)))
        parts.append(Part(3.7, (("eta ", "muted"), (full, role)), short_eta))
    return parts


def _over(weight: float, each: Budgeted, line: Line, about: str) -> Part:
    """With what it will come to, where that is more than allowed: a colour alone would not tell."""
    short = Part(weight, line)
    if not each.over or each.at_end is None:
        return short
    return Part(3.6, (*line, (f" {about}{_UNITS[each.kind][1](each.at_end[1])}", "warn")), short)
