"""The figures of a session as lines for people: rates with n and interval, latencies, retries, money, forecast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from swarmtui.cli.console import duration, money
from swarmtui.session.figures import percent

WIDTH = 14
_ASKED = (("transport", "an output came back"), ("schema", "it has the shape"), ("check", "it is what is asked for"))


def figures(metrics: dict[str, Any]) -> list[str]:
    """Lines about `metrics`; what was not measured has none."""
    return [line.rstrip() for line in _lines(metrics)]


def _lines(metrics: dict[str, Any]) -> list[str]:
    return [*_success(metrics["success"]), *_latencies(metrics["latency"]), *_losses(metrics), *_shape(metrics)]


def _success(success: dict[str, Any]) -> Iterator[str]:
    if not success["call"]["n"]:
        return
    yield "SUCCESS          of      n      ok   rate    95 % interval"
    first = success["first_attempt"]
    for name, meaning in _ASKED:
        if success[name]["n"]:
            yield _rate(name, "calls", success[name]) + f"   {meaning}"
    yield _rate("call", "calls", success["call"]) + "   all of it"
    models = success["model"]["call"]
    if models["n"] and models["n"] != success["call"]["n"]:
        yield _rate("of models", "calls", models) + "   the same, without commands and merges"
    if success["requests"]["n"] != models["n"]:
        yield _rate("turns", "calls", success["requests"]) + "   single requests of calls with several turns"
    if first["call"]["n"] != success["call"]["n"]:
        yield _rate("first attempt", "calls", first["call"])
        yield _rate("on retry", "calls", success["retry"]["call"])
    yield _rate("after retries", "units", success["units_after_retries"])
    for name, unit in (("per_node", "nodes"), ("per_item", "items")):
        if success[name]["n"]:
            yield _rate("in the end", unit, success[name])
    yield ""


def _rate(name: str, unit: str, rate: dict[str, Any]) -> str:
    head = f"{name:<{WIDTH}} {unit:>5} {rate['n']:>6} {rate['ok']:>7}"
    if not rate["n"]:
        return f"{head}      –"
    return f"{head} {percent(rate['rate']):>6}   {percent(rate['low']):>6} – {percent(rate['high']):<6}"


def _latencies(latency: dict[str, Any]) -> Iterator[str]:
    names = {"queue": "queue", "throttle": "throttle wait", "first_token": "first token", "service": "service"}
    shown = [name for name in names if latency[name]["n"]]
    if not shown:
        return
    columns = ("p50", "p90", "p95", "p99", "max")
    yield f"{'LATENCY':<{WIDTH}} {'n':>6}" + "".join(f"{column:>9}" for column in columns)
    for name in shown:
        row = latency[name]
        yield f"{names[name]:<{WIDTH}} {row['n']:>6}" + "".join(f"{seconds(row[column]):>9}" for column in columns)
    yield ""


def seconds(value: float) -> str:
    """``12 ms``, ``3.42 s``, ``41.3 s``, ``4:12``."""
    if value < 0.0005:
        return "0"
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 9.995:
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 59.95 else duration(value)


def _losses(metrics: dict[str, Any]) -> Iterator[str]:
    retry = metrics["retry"]
    tries = retry["histogram"]
    if any(count != "1" for count in tries) or retry["given_up_after"]:
        told = [f"{count} on try {number}" for number, count in tries.items()]
        told += [f"{count} given up after {number}" for number, count in retry["given_up_after"].items()]
        yield f"tries: {', '.join(told)}"
    if retry["failed_attempts"]:
        kinds = ", ".join(f"{count} {kind}" for kind, count in retry["errors"].items())
        lost = _at_least(retry["usd_lost"], retry["lost_without_price"]) if metrics["model_calls"] else ""
        yield f"lost to failed attempts: {seconds(retry['time_lost_s'])}{', ' + lost if lost else ''} ({kinds})"
    if retry["refused"]:
        yield f"refused (429): {retry['refused']}, waited {seconds(retry['refused_wait_s'])} for them"
    if retry["cancelled"]:
        lost = _at_least(retry["cancelled_usd"], retry["cancelled_without_price"]) if metrics["model_calls"] else ""
        yield f"stopped: {retry['cancelled']}, after {seconds(retry['cancelled_s'])}{', ' + lost if lost else ''}"
    if retry["interrupted"]:
        orphans = metrics["calls_lost_in_crashes"]
        paid = f"; what {orphans} model call{'s' * (orphans != 1)} cost nobody knows" if orphans else ""
        yield f"caught by crashes: {retry['interrupted']}, after {seconds(retry['interrupted_s'])}{paid}"
    if retry["reused"]:
        yield f"taken over from earlier: {retry['reused']}"


def _at_least(usd: float | None, unknown: int) -> str:
    """Dollars, of which a part may be unknown: never told as if they were all."""
    if usd is None or (unknown and not usd):
        return "cost unknown"
    return f"at least {money(usd)}" if unknown else money(usd)


def _shape(metrics: dict[str, Any]) -> Iterator[str]:
    if metrics["critical_path_s"] is not None:
        whole = "" if metrics["coverage"] == 1 else f" (of {percent(metrics['coverage'])} that has ended)"
        yield (
            f"time at work: {seconds(metrics['active_s'])}; longest path {seconds(metrics['critical_path_s'])}, no "
            f"schedule beats {seconds(metrics['makespan_bound_s'])}, stage by stage {seconds(metrics['layer_sum_s'])}"
            f"{whole}"
        )
    if metrics["avg_parallelism"]:
        yield f"parallelism: {metrics['avg_parallelism']:.1f} on average, {metrics['peak_in_flight']} at most"
    if metrics["tokens_reasoning"]:
        yield f"reasoning: {metrics['tokens_reasoning']:,} of {metrics['tokens_out']:,} output tokens"
    if metrics["all_on_planner_usd"] is not None:
        saved = metrics["savings_share"]
        flag = "; MORE THAN THE PRICES ALLOW: check them" if metrics["savings_implausible"] else ""
        share = "" if saved is None else f", {percent(abs(saved))} {'less' if saved >= 0 else 'more'} was paid{flag}"
        left = metrics["all_on_planner_left_out"]
        share += f" ({left} calls that told nothing left out)" if left else ""
        yield f"all on the planner model: {money(metrics['all_on_planner_usd'])} for the same tokens{share}"
    yield from _forecast(metrics["forecast"])


def _forecast(held: dict[str, Any] | None) -> Iterator[str]:
    if held is None:
        return
    parts = [text for text in (_held(held["seconds"], seconds, "time"), _held(held["usd"], money, "cost")) if text]
    if parts:
        yield f"forecast: {'; '.join(parts)}"


def _held(row: dict[str, Any], say: Any, name: str) -> str:
    if row["p50"] is None:
        return ""
    said = f"{name} {say(row['p50'])} ({say(row['p10'])} – {say(row['p90'])})"
    if row["actual"] is None:
        return said
    verdict = {True: ", inside the range", False: ", OUTSIDE the range", None: " so far"}[row["inside"]]
    return f"{said}, came to {say(row['actual'])}{verdict}"


def forecast_table(made: dict[str, Any]) -> list[str]:
    """The forecast as a table: concurrency, time and cost with their ranges, what no concurrency can beat, and what it
    all rests on."""
    rows = made["rows"]
    if not any(row["seconds"][2] for row in rows):
        return ["nothing is left that takes time or money"]
    lines = [f"{'AT ONCE':<8} {'TIME':>9}   {'80 % RANGE':<21} {'COST':>9}   80 % RANGE"]
    for row in rows:
        low, middle, high = row["seconds"]
        time = f"{seconds(middle):>9}   {seconds(low) + ' – ' + seconds(high):<21}"
        if row["usd"] is None:
            cost = "  unknown"
        else:
            cheap, usual, dear = row["usd"]
            cost = f"{money(usual):>9}   {money(cheap)} – {money(dear)}"
        enough = row["concurrency"] is not None and row["concurrency"] == made["enough"]
        mark = "   <- more saves less than a tenth" if enough and len(rows) > 1 else ""
        lines.append(f"{row['concurrency'] or 'auto'!s:<8} {time} {cost:<32}{mark}".rstrip())
    if made["floor_s"] is not None:
        low, middle, high = made["floor_s"]
        lines.append(
            f"{'longest':<8} {seconds(middle):>9}   {seconds(low)} – {seconds(high)}: the path no number beats"
        )
    return [*lines, *(made["basis"].split("; ") if made["basis"] else ())]
