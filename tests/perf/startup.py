"""What it costs to begin."""

from __future__ import annotations

import os
import resource
import subprocess
import sys


def cpu_of(argv: list[str], runs: int = 7) -> float:
    """Least CPU seconds of a child over `runs`."""
    best = float("inf")
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True, env=os.environ)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def measure() -> list[dict[str, object]]:
    """``swarmtui --help`` against ``python -c pass``."""
    bare = cpu_of([sys.executable, "-c", "pass"])
    ours = cpu_of([sys.executable, "-m", "swarmtui.cli.main", "--help"])
    return [
        {
            "help_cpu_ms": round(ours * 1e3, 1),
            "python_cpu_ms": round(bare * 1e3, 1),
            "ratio": round(ours / bare, 1),
            "budget": 8,
        }
    ]
