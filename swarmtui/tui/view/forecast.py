"""The forecast as it is read before approving: a column per concurrency, what it costs, what it rests on."""

from __future__ import annotations

from collections.abc import Callable

from swarmtui.safety.text import one_line
from swarmtui.session.events import ForecastRow
from swarmtui.session.state import Foretold, SessionState
from swarmtui.tui.view import document
from swarmtui.tui.view import format as say
from swarmtui.tui.view.lines import Line, Role, Span

LABEL = 8
COLUMN = 9
NARROWEST = 6


def forecast_lines(state: SessionState, width: int, *, short: bool, dash: str = "–") -> list[Line]:
    """The latest forecast in at most `width` cells; with `short`, three lines: times, and in words the rest."""
    told = state.forecast
    if told is None:
        return [(("how long it takes and what it costs is being worked out", "faint"),)]
    rows = told.forecast.rows
    lines = [_row("at once", [_places(row) for row in rows], rows, width)]
    lines.append(_row("time", [say.clock(row.seconds[1]) for row in rows], rows, width))
    last = rows[-1] if rows else None
    cost = "" if last is None else _cost(state, last, dash)
    if short:
        times = "" if last is None else f"{_places(last)} takes {_span(say.clock, last.seconds, dash)}; costs "
        return [*lines, ((f"{times}{cost}", "text"),)]
    lines.append(_row("from", [say.clock(row.seconds[0]) for row in rows], rows, width))
    lines.append(_row("to", [say.clock(row.seconds[2]) for row in rows], rows, width))
    facts: list[tuple[str, str, Role]] = [*_made(state, told), ("cost", cost, "text")]
    dear = on_planner(state)
    if dear is not None:
        facts.append(("or else", f"all on the planner model: {say.usd(dear)}", "muted"))
    if told.forecast.floor_s is not None:
        facts.append(
            ("longest", f"{_span(say.clock, told.forecast.floor_s, dash)}: no number at once beats it", "muted")
        )
    if told.forecast.enough is not None and len(rows) > 1:
        facts.append(("enough", f"{told.forecast.enough} at once: more saves less than a tenth", "muted"))
    basis = "four times in five it lies between the two" + (f"; {told.forecast.basis}" if told.forecast.basis else "")
    return [
        *lines,
        *document.facts([*facts, ("basis", one_line(basis, 400), "muted")], width, LABEL - 1),
    ]


def _made(state: SessionState, told: Foretold) -> list[tuple[str, str, Role]]:
    """That it was made a while ago, of what was left then."""
    since = state.active_s - told.active_s
    if not state.approved_rev or since < 1:
        return []
    return [("made", f"{say.clock(since)} of work ago, of all that was left then", "warn")]


def on_planner(state: SessionState) -> float | None:
    """What the same calls would cost if the planner's model answered all of them; None where that is not known, or
    says nothing since it does."""
    told = state.forecast
    planner = state.models.get("planner") or state.declared.get("planner")
    if told is None or planner is None or planner.simulated or planner.price_in is None or planner.price_out is None:
        return None
    calls = told.forecast.nodes.values()
    usd = sum(call.tokens_in * planner.price_in + call.tokens_out * planner.price_out for call in calls) / 1e6
    last = told.forecast.rows[-1].usd if told.forecast.rows else None
    return usd if usd and (last is None or usd > last[1] * 1.02) else None


def _places(row: ForecastRow) -> str:
    return "auto" if row.concurrency is None else str(row.concurrency)


def _row(label: str, cells: list[str], rows: tuple[ForecastRow, ...], width: int) -> Line:
    """A label and right-aligned cells; the column of what the limits allow now stands out."""
    size = max(NARROWEST, min(COLUMN, (width - LABEL) // max(1, len(cells))))
    spans: list[Span] = [(f"{label:<{LABEL}}", "muted")]
    for cell, row in zip(cells, rows, strict=True):
        spans.append((f"{cell:>{size}}", "strong" if row.concurrency is None else "text"))
    return tuple(spans)


def _span(tell: Callable[[float], str], values: tuple[float, float, float], dash: str) -> str:
    low, _, high = (tell(value) for value in values)
    return low if low == high else f"{low} {dash} {high}"


def _cost(state: SessionState, row: ForecastRow, dash: str) -> str:
    tokens = f", {say.short(row.tokens[1])} tokens" if row.tokens is not None and row.tokens[1] >= 1 else ""
    if row.usd is not None:
        return "nothing" if not row.usd[2] else f"{say.usd(row.usd[1])} ({_span(say.usd, row.usd, dash)}){tokens}"
    if state.simulated:
        return f"nothing (simulated){tokens}"
    return f"an unknown price{tokens}"
