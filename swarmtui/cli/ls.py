"""``swarmtui ls``: the sessions of this machine, newest first."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from swarmtui.cli.console import Console, duration, money
from swarmtui.host.exits import Exit
from swarmtui.host.locate import list_sessions
from swarmtui.safety.text import one_line

TITLE_CHARS = 60
ENDED = ("succeeded", "failed", "skipped", "cancelled", "stale")


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON object per session")
    parser.add_argument(
        "--status", action="append", metavar="STATUS", help="only sessions with this status; repeatable"
    )


def run(arguments: Namespace, console: Console) -> int:
    """Print the list."""
    if console.json:
        for row in list_sessions():
            if not arguments.status or row["status"] in arguments.status:
                console.emit(row)
        return Exit.OK
    if not print_table(console, arguments.status):
        console.say("no sessions yet: swarmtui run TASK starts one")
    return Exit.OK


def print_table(console: Console, statuses: list[str] | None = None) -> int:
    """Print the list for people; how many rows it has."""
    rows = [row for row in list_sessions() if not statuses or row["status"] in statuses]
    if rows:
        header = ("ID", "STATUS", "STARTED", "TOOK", "NODES", "COST", "TITLE")
        console.table(header, [_cells(row) for row in rows])
    return len(rows)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    counts = row["counts"]
    done = sum(counts.get(state, 0) for state in ENDED)
    failed = f", {counts['failed']} failed" if counts.get("failed") else ""
    started, ended = row["started"], row["ended"]
    waits = f" (needs you: {row['needs_you']})" if row.get("needs_you") else ""
    simulated = " [simulated]" if row.get("simulated") else ""
    return (
        row["id"],
        row["status"] + waits,
        time.strftime("%Y-%m-%d %H:%M", time.localtime(started)) if started else "",
        duration(ended - started) if started and ended else "",
        f"{done}/{sum(counts.values())}{failed}",
        money(row["cost_usd"]),
        one_line(row["title"] or row.get("reason") or "", TITLE_CHARS) + simulated,
    )
