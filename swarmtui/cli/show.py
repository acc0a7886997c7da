"""``swarmtui show``: one session's summary, figures and nodes."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from swarmtui.cli.closing import report_path
from swarmtui.cli.console import Console, duration, money
from swarmtui.cli.figures import figures
from swarmtui.host.exits import Exit
from swarmtui.host.history import History
from swarmtui.host.locate import locate, seen_status
from swarmtui.safety.text import one_line, visible
from swarmtui.session.events import ChangeProposed
from swarmtui.session.folder import SessionFolder
from swarmtui.session.imports import imported_from
from swarmtui.session.replans import run_again
from swarmtui.session.state import SessionState
from swarmtui.session.summary import show
from swarmtui.session.vocabulary import BY_CONDITION, why_so

_DETAIL_LINES, _DETAIL_WIDTH = 20, 300
"""How much of a call that waits for leave is shown."""


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="everything, as one JSON object")
    shape.add_argument("--report", action="store_true", help="the report itself")
    shape.add_argument(
        "--forecast", action="store_true", help="how long the rest takes, and what it costs, from now on"
    )
    shape.add_argument("--results", metavar="NODE", help="the results of a map so far, as JSON lines in item order")
    shape.add_argument("--plan", action="store_true", help="the plan, as a task file")
    shape.add_argument("--change", metavar="CHANGE", help="the nodes of a change that waits, as YAML")


def run(arguments: Namespace, console: Console) -> int:
    """Print what is asked for."""
    from swarmtui.cli.failures import UsageError

    folder = locate(arguments.id)
    state = History(folder).state()
    report = report_path(folder, state)
    if arguments.report:
        if report is None:
            raise UsageError(f"session {folder.id} has no report", Exit.FAILED)
        console.raw((folder.path / (state.report_path or "")).read_text("utf-8", "replace"))
    elif arguments.forecast:
        from swarmtui.cli.forecast import tell

        tell(folder, state, console)
    elif arguments.results is not None:
        _print_results(folder, state, arguments.results, console)
    elif arguments.plan:
        from swarmtui.plan.render import plan_to_yaml

        if state.plan is None:
            raise UsageError(f"session {folder.id} has no plan", Exit.FAILED)
        console.raw(plan_to_yaml(state.plan))
    elif arguments.change is not None:
        from swarmtui.plan.render import nodes_to_yaml

        change = state.proposed.get(arguments.change)
        if change is None:
            raise UsageError(f"session {folder.id} has no change {one_line(arguments.change, 40)!r} that waits")
        console.raw(f"{again_comment(state, change)}{nodes_to_yaml(change.put)}")
    else:
        found = {**show(state, seen_status(folder, state.status)), "report_path": report, "folder": str(folder.path)}
        found["imported"] = imported_from(folder.db)
        if console.json:
            console.emit(found)
        else:
            _print(found, length_of(state, found["metrics"]["wall_s"], alive=folder.owned()), console)
    return Exit.OK


def length_of(state: SessionState, wall_s: float, *, alive: bool) -> str:
    """How long the session took, or has taken so far: while its host lives time passes between events, too."""
    if state.ended_ts is not None:
        return f"{duration(wall_s)} from beginning to end"
    if alive:
        return f"{duration(max(wall_s, time.time() - state.created_ts))} so far"
    return f"{duration(wall_s)} until its last event"


def again_comment(state: SessionState, change: ChangeProposed) -> str:
    """What the change runs again, as a comment: of some of it a repetition may do harm."""
    lines = [
        f"# runs {name} again, which failed" + (" and may have changed something" if danger else "")
        for name, danger in run_again(state, change)
    ]
    return "".join(f"{line}\n" for line in lines)


def _print_results(folder: SessionFolder, state: SessionState, name: str, console: Console) -> None:
    from swarmtui.cli.failures import UsageError
    from swarmtui.session.item_results import results
    from swarmtui.session.reader import Reader

    node = state.nodes.get(name)
    if node is None or node.items is None:
        maps = ", ".join(known.id for known in state.nodes.values() if known.items is not None) or "none"
        raise UsageError(f"session {folder.id} has no map {name!r} with results; it has {maps}", Exit.USAGE)
    with Reader(folder.db) as reader:
        spec = state.plan_nodes[name].map
        for line in results(reader, node.items, inputs=spec is not None and spec.keep_items):
            console.emit(line)


def _print(found: dict[str, Any], length: str, console: Console) -> None:
    totals = found["metrics"]
    why = why_so(found["status"], found["reason"])
    reason = f": {one_line(why, 200)}" if why else ""
    console.say(f"{found['id']}  {one_line(found['title'] or found['goal'], 100)}")
    console.say(f"{found['status']}{reason}, {length}, {money(totals['cost_usd'])}")
    if found["simulated"]:
        console.say("SIMULATED: answers were made up by the built-in stand-in; nothing that rests on them is a result")
    if found["parent"] is not None:
        console.say(f"forked from {found['parent']['id']} after its event {found['parent']['seq']}")
    if found["imported"] is not None:
        where = one_line(f"{found['imported'].get('format')}, {found['imported'].get('from')}", 200)
        console.say(f"imported from {where}: a recording; nothing of it ran here")
    if found["report_path"]:
        console.say(f"report: {found['report_path']}")
    console.say(f"files: {found['folder']}/artefacts")
    console.say()
    told = [*figures(totals), *map(_pool, found["pools"])]
    for line in told:
        console.say(line)
    if told:
        console.say()
    waits = [] if found["imported"] is not None else found["waits"]  # of a recording nobody is asked any more
    for waiting in waits:
        console.say(_waiting(found["id"], waiting))
    if waits:
        console.say()
    console.table(("NODE", "KIND", "STATE", "TRIES", "NEEDS", "DETAIL"), [_cells(node) for node in found["nodes"]])


def _waiting(session: str, waiting: dict[str, Any]) -> str:
    """What waits for a person, and the command that settles it."""
    name, ctl = waiting["id"], f"swarmtui ctl {session}"
    match waiting["kind"]:
        case "plan":
            return f"waits for you: the plan: {ctl} approve"
        case "change":
            what = one_line(waiting["question"], 120) or "a change of the plan"
            return (
                f"waits for you: {name}: {what}: {ctl} approve --change {name}; swarmtui show {session} --change {name}"
            )
        case kind:
            answer = " | ".join(f"'{one_line(choice, 80)}'" for choice in waiting["choices"]) or "TEXT"
            told = [f"waits for you: {one_line(waiting['question'], 160)}: {ctl} answer {name} {answer}"]
            if kind == "permission" and waiting["detail"]:  # nobody can say yes to a call that they do not see
                # the call is told as JSON, which has doubled its backslashes already
                lines = [visible(line).replace("\\\\", "\\") for line in waiting["detail"].splitlines()]
                cut = len(lines) > _DETAIL_LINES or any(len(line) > _DETAIL_WIDTH for line in lines)
                told += [f"    {line[:_DETAIL_WIDTH]}" for line in lines[:_DETAIL_LINES]]
                told += [f"    (cut short: swarmtui show {session} --json has all of it)"] if cut else []
            return "\n".join(told)


def _pool(pool: dict[str, Any]) -> str:
    rate = "" if pool["rate_per_min"] is None else f", {pool['rate_per_min']:g} a minute"
    binding = "" if pool["binding"] == "none" else f", held by: {pool['binding']}"
    return one_line(
        f"pool {pool['pool']}: {pool['window']:g} at once{rate}{binding}, {pool['refused']} refused ({pool['why']})",
        200,
    )


def _cells(node: dict[str, Any]) -> tuple[str, ...]:
    items = node["items"]
    detail = node["error"] or _cause(node["cause"])
    if items is not None and not detail:
        told = ", ".join(f"{count} {state}" for state, count in items.items())
        running = node["progress"] is not None and node["progress"]["per_s"] is not None
        detail = node["progress"]["text"] if running else told
    needs = one_line(", ".join(node["needs"]), 40)
    return node["id"], node["kind"], node["state"], str(node["tries"]), needs, one_line(detail, 100)


def _cause(cause: str | None) -> str:
    if cause == BY_CONDITION:
        return "its condition does not hold"
    return f"because of {cause}" if cause else ""
