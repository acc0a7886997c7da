"""``swarmtui ls``: the sessions of this machine, or of others, newest first."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from swarmtui.cli.console import Console, duration, money, seconds
from swarmtui.cli.tree import Row, as_tree
from swarmtui.host.address import Address, parse_machine
from swarmtui.host.exits import Exit
from swarmtui.host.locate import list_sessions
from swarmtui.safety.text import one_line

TITLE_CHARS = 60
HEADER = ("ID", "STATUS", "STARTED", "TOOK", "NODES", "COST", "TITLE")
ENDED = ("succeeded", "failed", "skipped", "cancelled", "stale")


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON object per session")
    parser.add_argument(
        "--host",
        action="append",
        metavar="HOST,…",
        help="of these machines instead, over ssh: HOST, USER@HOST or ssh://USER@HOST:PORT; repeatable",
    )
    parser.add_argument(
        "--timeout", type=seconds, default=5.0, metavar="SECONDS", help="how long each of them may take (5)"
    )
    parser.add_argument(
        "--status", action="append", metavar="STATUS", help="only sessions with this status; repeatable"
    )
    parser.add_argument("--tree", action="store_true", help="forks under the sessions that they were forked from")


def run(arguments: Namespace, console: Console) -> int:
    """Print the list; exit code 6 if no machine that was asked has answered."""
    if arguments.host:
        return _of_hosts(machines(arguments.host), arguments, console)
    if console.json:
        for row in list_sessions():
            if not arguments.status or row["status"] in arguments.status:
                console.emit(row)
        return Exit.OK
    if not print_table(console, arguments.status, tree=arguments.tree):
        console.say("no sessions yet: swarmtui run TASK starts one")
    return Exit.OK


def machines(words: list[str]) -> list[Address]:
    """The machines that ``--host a,b --host c`` means, each once. Raises BadAddress."""
    return list(dict.fromkeys(parse_machine(word) for words_ in words for word in words_.split(",")))


def _of_hosts(asked: list[Address], arguments: Namespace, console: Console) -> int:
    """The sessions of several machines, each asked at once; a row for each that does not answer."""
    import asyncio

    from swarmtui.host.fleet import list_hosts

    found = asyncio.run(list_hosts(asked, timeout_s=arguments.timeout))
    failed = [row for row in found if "error" in row]
    rows = [row for row in found if "error" not in row and (not arguments.status or row["status"] in arguments.status)]
    rows.sort(key=lambda row: float(row.get("started") or 0.0), reverse=True)
    if console.json:
        for row in [*rows, *failed]:
            console.emit(row)
    else:
        if rows:
            console.table(("HOST", *HEADER), _lines(rows, tree=arguments.tree, hosts=True))
        for row in failed:
            console.say(f"{row['host']}: {row['error']}")
        if not found:
            console.say("no sessions there")
    return Exit.LOST if len(failed) == len(asked) else Exit.OK


def print_table(console: Console, statuses: list[str] | None = None, *, tree: bool = False) -> int:
    """Print the list for people; how many rows it has. As a `tree` each fork stands below its parent."""
    rows = [row for row in list_sessions() if not statuses or row["status"] in statuses]
    if rows:
        console.table(HEADER, _lines(rows, tree=tree))
    return len(rows)


def _lines(rows: list[dict[str, Any]], *, tree: bool, hosts: bool = False) -> list[tuple[str, ...]]:
    placed = as_tree(rows) if tree else [("", row) for row in rows]
    return [(*((row["host"],) if hosts else ()), head + row["id"], *_cells(row)) for head, row in placed]


def _cells(row: Row) -> tuple[str, ...]:
    counts = row["counts"]
    done = sum(counts.get(state, 0) for state in ENDED)
    failed = f", {counts['failed']} failed" if counts.get("failed") else ""
    started, ended = row["started"], row["ended"]
    waits = f" (needs you: {row['needs_you']})" if row.get("needs_you") else ""
    simulated = " [simulated]" if row.get("simulated") else ""
    simulated += " [imported]" if row.get("imported") else ""
    return (
        row["status"] + waits,
        time.strftime("%Y-%m-%d %H:%M", time.localtime(started)) if started else "",
        duration(ended - started) if started and ended else "",
        f"{done}/{sum(counts.values())}{failed}",
        money(row["cost_usd"]),
        one_line(row["title"] or row.get("reason") or "", TITLE_CHARS) + simulated,
    )
