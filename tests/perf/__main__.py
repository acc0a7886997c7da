"""Measurements as ratios taken in one run: ``python -m tests.perf [NAME…]`` prints one JSON line per result.

Nothing here asserts: a figure of one machine on one day is a figure, not a law.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from tests.perf import engine, items, log, startup

MEASUREMENTS: dict[str, Callable[[], list[dict[str, object]]]] = {
    "startup": startup.measure,
    "wide": engine.wide,
    "growth": engine.growth,
    "chain": engine.chain,
    "short": engine.short_nodes,
    "items": items.items,
    "record": log.record,
    "resume": log.resume,
}


def main(names: list[str]) -> int:
    """Run the measurements named, or all."""
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        print(f"no measurement {', '.join(sorted(unknown))}: there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    for name in names or MEASUREMENTS:
        for result in MEASUREMENTS[name]():
            print(json.dumps({"measurement": name, **result}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
