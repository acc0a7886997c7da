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
from swarmtui.session.vocabulary import DONE, Status

TITLE_CHARS = 60
HEADER = ("ID", "STATUS", "STARTED", "TOOK", "NODES", "COST", "TITLE")
RECOVER = "`swarmtui recover "
"""What the reason has in it of a session whose file is damaged and can be saved in part."""
DAMAGED = "damaged"
"""How the list calls a session whose file cannot be read."""


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
    """Print the list; exit code 6 if no machine that was asked has answered. Raises UsageError, BadAddress."""
    _check(arguments.status or [])
    if arguments.host:
        return _of_hosts(machines(arguments.host), arguments, console)
    if console.json:
        for row in list_sessions():
            if _wanted(row, arguments.status):
                console.emit(row)
        return Exit.OK
    if not print_table(console, arguments.status, tree=arguments.tree):
        none = "no sessions yet: swarmtui run TASK starts one"
        console.say(none if next(iter(list_sessions()), None) is None else _none_with(arguments.status))
    return Exit.OK


def _check(statuses: list[str]) -> None:
    """Raises UsageError for what no session can be."""
    from swarmtui.cli.failures import UsageError

    known = [status.value for status in Status] + [DAMAGED]
    for status in statuses:
        if status not in known:
            raise UsageError(f"--status {status}: sessions are {', '.join(known)}")


def _wanted(row: Row, statuses: list[str] | None) -> bool:
    """`damaged` is among the crashed for whoever asks for those: it is so for people."""
    return not statuses or row["status"] in statuses or (DAMAGED in statuses and _is_damaged(row))


def _none_with(statuses: list[str] | None) -> str:
    return f"none with the status {' or '.join(statuses or [])}"


def machines(words: list[str]) -> list[Address]:
    """The machines that ``--host a,b --host c`` means, each once. Raises BadAddress."""
    return list(dict.fromkeys(parse_machine(word) for words_ in words for word in words_.split(",")))


def _of_hosts(asked: list[Address], arguments: Namespace, console: Console) -> int:
    """The sessions of several machines, each asked at once; a row for each that does not answer."""
    import asyncio

    from swarmtui.host.fleet import list_hosts

    found = asyncio.run(list_hosts(asked, timeout_s=arguments.timeout))
    failed = [row for row in found if "error" in row]
    rows = [row for row in found if "error" not in row and _wanted(row, arguments.status)]
    rows.sort(key=lambda row: float(row.get("started") or 0.0), reverse=True)
    if console.json:
        for row in [*rows, *failed]:
            console.emit(row)
    else:
        if rows:
            console.table(("HOST", *HEADER), _lines(rows, tree=arguments.tree, hosts=True))
        for row in failed:
            named = str(row["error"]).startswith(str(row["host"]))
            console.say(row["error"] if named else f"{row['host']}: {row['error']}")
        if not rows and len(failed) < len(asked):
            console.say(_none_with(arguments.status) if arguments.status else "no sessions there")
    return Exit.LOST if len(failed) == len(asked) else Exit.OK


def print_table(console: Console, statuses: list[str] | None = None, *, tree: bool = False) -> int:
    """Print the list for people; how many rows it has. As a `tree` each fork stands below its parent."""
    rows = [row for row in list_sessions() if _wanted(row, statuses)]
    if rows:
        console.table(HEADER, _lines(rows, tree=tree))
    return len(rows)


def _lines(rows: list[dict[str, Any]], *, tree: bool, hosts: bool = False) -> list[tuple[str, ...]]:
    placed = as_tree(rows) if tree else [("", row) for row in rows]
    return [(*((row["host"],) if hosts else ()), head + row["id"], *_cells(row)) for head, row in placed]


def _cells(row: Row) -> tuple[str, ...]:
    counts = row["counts"]
    done = sum(counts.get(state, 0) for state in DONE)
    failed = f", {counts['failed']} failed" if counts.get("failed") else ""
    started, ended = row["started"], row["ended"]
    waits = f" (needs you: {row['needs_you']})" if row.get("needs_you") else ""
    simulated = " [simulated]" if row.get("simulated") else ""
    simulated += " [imported]" if row.get("imported") else ""
    title = (
        f"{RECOVER}{row['id']}` saves what is intact" if not row["title"] and RECOVER in str(row.get("reason")) else ""
    )
    return (
        (DAMAGED if _is_damaged(row) else row["status"]) + waits + _why(row),
        time.strftime("%Y-%m-%d %H:%M", time.localtime(started)) if started else "",
        duration(ended - started) if started and ended else "",
        f"{done}/{sum(counts.values())}{failed}{_items(row)}",
        money(row["cost_usd"]),
        title or one_line(row["title"] or _reason(row), TITLE_CHARS) + simulated,
    )


def _is_damaged(row: Row) -> bool:
    """Whether its file cannot be read, rather than its host being gone: nothing but the reason is known then."""
    reason = str(row.get("reason"))
    return not row["title"] and (RECOVER in reason or "session.db: is no session file" in reason)


def _reason(row: Row) -> str:
    """Without the path of the file that it is about: the ID tells that, and the column is short."""
    reason = str(row.get("reason") or "")
    return reason.partition("session.db: ")[2] if reason.startswith("/") else reason


def _why(row: Row) -> str:
    """Why it stands still, where that is nothing that a person did."""
    return " (disk)" if row["status"] == "paused" and row.get("reason") == "disk" else ""


def _items(row: Row) -> str:
    """How far its maps are: nodes alone say nothing of two thousand items."""
    items = row.get("items")
    if not isinstance(items, dict):
        return ""
    done, total = items.get("done"), items.get("total")
    return f" · {done:,}/{total:,}" if isinstance(done, int) and isinstance(total, int) and total else ""
