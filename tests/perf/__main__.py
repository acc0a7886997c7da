"""Measurements as ratios taken in one run: ``python -m tests.perf [--full] [NAME…]`` prints one JSON line per result.

Nothing here asserts: a figure of one machine on one day is a figure, not a law. Each line says what is measured, the
ratio, the budget and whether it is met. With ``--full`` the sizes are those of the budgets where they are smaller by
default (growth to 100,000 nodes, a resume of 300,000 events).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable

from tests.perf import attach, engine, forecasts, graphs, items, log, markdown, replay, soak, startup, tokens, tui

Result = dict[str, object]

MEASUREMENTS: dict[str, Callable[[bool], Iterable[Result]]] = {
    "startup": lambda full: startup.measure(),
    "wide": lambda full: engine.wide(),
    "growth": lambda full: engine.growth(100_000 if full else 20_000),
    "chain": lambda full: engine.chain(),
    "short": lambda full: engine.short_nodes(),
    "layered": lambda full: graphs.layered(),
    "record": lambda full: log.record(),
    "resume": lambda full: log.resume(100_000 if full else 30_000),
    "seek": lambda full: replay.seek(),
    "attach": lambda full: attach.attach(20_000 if full else 5_000),
    "items": lambda full: items.items(),
    "token": lambda full: tokens.token(),
    "markdown": lambda full: markdown.measure(100_000 if full else 20_000),
    "frame": lambda full: tui.first_frame(),
    "rain": lambda full: tui.under_rain(),
    "soak": lambda full: soak.soak(1_800 if full else 120),
    "forecast": lambda full: forecasts.forecast_cost(),
}


def main(arguments: list[str]) -> int:
    """Run the measurements named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--full", action="store_true", help="the budgets' own sizes, where they are smaller by default")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.names) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"no measurement {', '.join(sorted(unknown))}: there are {', '.join(MEASUREMENTS)}")
    for name in chosen.names or MEASUREMENTS:
        for result in MEASUREMENTS[name](chosen.full):
            print(json.dumps({"measurement": name, **judged(result), "load": round(os.getloadavg()[0], 1)}), flush=True)
    return 0


def judged(result: Result) -> Result:
    """`result` with a word on whether it keeps within its budget: below it, or for a least value above it."""
    ratio, most, least = (result.get(key) for key in ("ratio", "budget", "least"))
    if isinstance(ratio, float | int) and isinstance(most, float | int):
        return {**result, "met": ratio <= most}
    if isinstance(ratio, float | int) and isinstance(least, float | int):
        return {**result, "met": ratio >= least}
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
