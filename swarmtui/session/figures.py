"""The figures of a session as Markdown, for the end of its report: success with n and interval, cost, forecast, what
it would have cost elsewhere. What is not known is said to be unknown, and what was made up is labelled."""

from __future__ import annotations

from collections.abc import Iterator

from swarmtui.plan.model import JSON
from swarmtui.session.metrics import metrics
from swarmtui.session.progress import span
from swarmtui.session.state import SessionState

_ROWS = (
    ("an output came back", "calls", "transport"),
    ("it had the shape", "calls", "schema"),
    ("it was what was asked for", "calls", "check"),
    ("all of that", "calls", "call"),
    ("on the first attempt", "nodes and items", "units_first_attempt"),
    ("after retries", "nodes and items", "units_after_retries"),
    ("in the end", "items", "per_item"),
)
"""What is told of, of what, and its name among the figures."""


def figures_section(state: SessionState) -> str:
    """The section, without a newline at its end: figures as they stand, for whoever reads the report alone."""
    found = metrics(state)
    blocks = ["## Figures"]
    if state.simulated:
        blocks.append(
            "> **Simulated.** Answers of the built-in simulated model are counted: what rests on them says nothing "
            "of a real one."
        )
    blocks.append("\n".join(_success(found["success"])))
    blocks.append("\n".join(f"- {line}" for line in _facts(state, found)))
    return "\n\n".join(blocks)


def _success(success: dict[str, JSON]) -> Iterator[str]:
    yield "| success | of | n | ok | rate | 95 % interval (Wilson) |"
    yield "|---|---|--:|--:|--:|---|"
    for meaning, unit, name in _ROWS:
        rate = success[name]
        if rate["n"]:
            interval = f"{percent(rate['low'])} to {percent(rate['high'])}"
            yield f"| {meaning} | {unit} | {rate['n']:,} | {rate['ok']:,} | {percent(rate['rate'])} | {interval} |"


def _facts(state: SessionState, found: dict[str, JSON]) -> Iterator[str]:
    retry = found["retry"]
    yield f"Session `{state.id}`, as of this report; `swarmtui show {state.id}` has the figures of its end."
    yield _cost(state, found)
    yield f"Time at work: {span(found['active_s'])}."
    if retry["failed_attempts"]:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in retry["errors"].items())
        yield f"Failed attempts: {retry['failed_attempts']:,} ({kinds}), {span(retry['time_lost_s'])} in all."
    if retry["refused"]:
        yield f"Refused by the provider (429): {retry['refused']:,}, waited {span(retry['refused_wait_s'])} for them."
    if retry["reused"]:
        yield f"Taken over from earlier instead of paid again: {retry['reused']:,}."
    yield from _forecast(found["forecast"])
    if found["all_on_planner_usd"] is not None:
        saved = found["savings_share"]
        share = "" if saved is None else f": {percent(abs(saved))} {'less' if saved >= 0 else 'more'} was paid"
        doubt = "; more than the prices allow: check them" if found["savings_implausible"] else ""
        yield f"The same tokens all on the planner model: {usd(found['all_on_planner_usd'])}{share}{doubt}."


def _cost(state: SessionState, found: dict[str, JSON]) -> str:
    if not found["model_calls"]:
        return "Cost: no model was called."
    tokens = f"{found['tokens_in']:,} tokens in, {found['tokens_out']:,} out, {found['model_calls']:,} calls"
    simulated = found["simulated_calls"]
    if simulated == found["model_calls"]:
        return f"Cost: nothing, simulated; {tokens}."
    about = [tokens]
    if simulated:
        about.append(f"{simulated:,} of them simulated")
    if found["calls_without_price"]:
        about.append(f"{found['calls_without_price']:,} of unknown cost")
    if found["calls_lost_in_crashes"]:
        about.append(f"{found['calls_lost_in_crashes']:,} more were lost in crashes, at a cost that nobody knows")
    about += [f"prices of {name}: {source}" for name, source in found["price_sources"].items() if name in _used(state)]
    known = found["cost_usd"]
    at_least = "at least " if found["estimated_cost"]["at_least"] and known else ""
    return f"Cost: {'unknown' if known is None else at_least + usd(known)}; {'; '.join(about)}."


def _used(state: SessionState) -> set[str]:
    """Names of the models that attempts were made with."""
    return {tally.model for tally in state.measures.tallies.values() if tally.model is not None}


def _forecast(held: dict[str, JSON] | None) -> Iterator[str]:
    for name, say in (("seconds", span), ("usd", usd)):
        row = None if held is None else held[name]
        if row is None or row["p50"] is None:
            continue
        what = "Time" if name == "seconds" else "Cost"
        told = f"{what} was forecast as {say(row['p50'])} ({say(row['p10'])} to {say(row['p90'])}, four times in five)"
        if row["actual"] is None:
            yield f"{told}; what it came to is not known."
        elif row["inside"] is None:
            yield f"{told}; {say(row['actual'])} so far."
        else:
            yield f"{told}, and came to {say(row['actual'])}: {'inside' if row['inside'] else 'OUTSIDE'} the range."


def percent(share: float) -> str:
    """``99.95%``; never 100 for less than all, never 0 for more than none."""
    shown = f"{share * 100:.1f}"
    if share not in (0.0, 1.0) and shown in ("100.0", "0.0"):
        shown = f"{min(99.99, max(0.01, share * 100)):.2f}"
    return f"{shown}%"


def usd(amount: float) -> str:
    """Dollars, with as many digits as a small sum needs."""
    return f"${amount:,.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.4f}"
