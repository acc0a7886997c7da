"""``swarmtui compare``: two sessions node by node: how each node ended, how long it took, what it cost and gave."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.session.compare import Comparison, NodeRow, Side, Total
    from swarmtui.session.folder import SessionFolder

LINE_CHARS = 400
HEADER = ("NODE", "A", "B", "TIME A", "TIME B", "COST A", "COST B", "OUTPUT")


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("first", metavar="A", help="a session, or the beginning of its ID")
    parser.add_argument("second", metavar="B", help="the session to hold it against, such as a fork of it")
    parser.add_argument("--node", metavar="NODE[/ITEM]", help="this node alone, with what differs in its output")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: Namespace, console: Console) -> int:
    """Print the comparison."""
    from swarmtui.host.exits import Exit
    from swarmtui.host.locate import locate

    folders = locate(arguments.first), locate(arguments.second)
    found, at = compared(*folders)
    if arguments.node is not None:
        _one(found, folders, arguments.node, console)
    elif console.json:
        console.emit({"type": "comparison", "common_seq": at or None, **found.to_json()})
    else:
        _table(found, at, console)
    return Exit.OK


def compared(first: SessionFolder, second: SessionFolder) -> tuple[Comparison, int]:
    """Both sessions from their files, each with the status that it has by now, and the last event they have in common,
    or 0. Raises LogError. Blocks."""
    from swarmtui.host.history import History
    from swarmtui.host.locate import seen_status
    from swarmtui.session.compare import common_past, compare
    from swarmtui.session.reader import Reader

    a, b = History(first).state(), History(second).state()
    at, common = common_past(a, b), None
    if at:
        with Reader(second.db) as reader:
            common = reader.state(at)
    found = compare(a, b, common)
    seen = (
        replace(total, status=seen_status(folder, total.status))
        for folder, total in ((first, found.a), (second, found.b))
    )
    return replace(found, a=next(seen), b=next(seen)), at


def output_of(folder: SessionFolder, node: str, item: int | None = None) -> str:
    """The recorded output; empty where the session has no such node, or none of its yet. Raises LogError. Blocks."""
    from swarmtui.host.history import History, OutputMissing

    try:
        return History(folder).output(node, item)
    except OutputMissing:
        return ""


def _table(found: Comparison, at: int, console: Console) -> None:
    from swarmtui.safety.text import one_line

    for name, total in (("A", found.a), ("B", found.b)):
        made_up = " [simulated]" if total.simulated else ""
        console.say(f"{name}  {total.id}  {total.status.value}  {one_line(total.title, 80)}{made_up}")
    if at:
        console.say(f"they have the past in common up to event {at}: what ended in it (=) was paid once")
    console.say()
    rows = [_cells(row) for row in found.rows]
    console.table(HEADER, [*rows, *_totals(found)])


def _cells(row: NodeRow) -> tuple[str, ...]:
    a, b = row.a, row.b
    if row.shared and a is not None:
        return row.id, a.state.value, "=", _seconds(a.took_s), "=", _money(a), "=", "="
    edited = "edited, " if row.edited else ""
    return (
        row.id,
        _state(a),
        _state(b),
        *(("" if one is None else _seconds(one.took_s)) for one in (a, b)),
        *(("" if one is None else _money(one)) for one in (a, b)),
        edited + row.output.value,
    )


def _state(side: Side | None) -> str:
    if side is None:
        return "-"
    return side.state.value if side.items is None else f"{side.state.value} {side.succeeded}/{side.items}"


def _seconds(took_s: float) -> str:
    from swarmtui.cli.figures import seconds

    return seconds(took_s)


def _money(side: Side | Total) -> str:
    from swarmtui.cli.console import money

    return money(side.cost_usd)


def _totals(found: Comparison) -> list[tuple[str, ...]]:
    def cells(name: str, a: Total, b: Total) -> tuple[str, ...]:
        done = (f"{one.succeeded}/{one.nodes}" for one in (a, b))
        return name, *done, _seconds(a.took_s), _seconds(b.took_s), _money(a), _money(b), ""

    rows = [cells("(all)", found.a, found.b)]
    common = found.common
    if common is not None:
        rows.append(("(in common)", f"{common.succeeded}", "=", _seconds(common.took_s), "=", _money(common), "=", ""))
    return rows


def _one(found: Comparison, folders: tuple[SessionFolder, SessionFolder], name: str, console: Console) -> None:
    """One node, or an item of it, with what differs in what it gave."""
    from swarmtui.cli.ctl_words import place_of
    from swarmtui.cli.failures import UsageError
    from swarmtui.plan.problems import listed
    from swarmtui.safety.text import one_line
    from swarmtui.session.compare import output_diff

    known = {row.id: row for row in found.rows}
    node, item = place_of(name, known)
    if node not in known:
        raise UsageError(f"neither session has a node {node!r}: there are {listed(known)}")
    lines = output_diff(*(output_of(folder, node, item) for folder in folders))
    if console.json:
        row: dict[str, Any] = {**asdict(known[node]), "equal": known[node].equal}
        console.emit({"type": "node", **row, "item": item, "diff": lines})
        return
    console.table(HEADER, [_cells(known[node])])
    console.say()
    if not lines:
        console.say("the outputs are the same")
    for line in lines:
        console.say(line if len(line) <= LINE_CHARS else line[:1] + one_line(line[1:], LINE_CHARS))
