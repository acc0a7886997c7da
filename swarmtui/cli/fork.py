"""``swarmtui fork``: a new session that begins with another one's past, up to some event, and goes its own way."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from typing import TYPE_CHECKING, Any

from swarmtui.cli.run import UNSAFE_BANNER, add_unsafe_argument, add_watch_arguments, watch

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.engine.forks import Edit
    from swarmtui.host.forking import Forked, ForkSpec
    from swarmtui.host.launch import Launched
    from swarmtui.session.folder import SessionFolder

IN_EDITOR = ""
NAMED = 8
"""So many nodes are named in a line."""


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID; it stays as it is")
    parser.add_argument(
        "--at",
        metavar="MOMENT",
        help="the last event of its past: a number, a time (90s, 5m, 2026-11-22T14:05), or a mark (failure, "
        "approval:2, a label of yours); without it the last one there is",
    )
    parser.add_argument(
        "--edit",
        nargs="?",
        const=IN_EDITOR,
        metavar="FILE|-",
        help="the plan as it is to be, or operations on it, as YAML; without FILE the plan in $EDITOR",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NODE.FIELD=VALUE",
        help="a field of a node, such as review.prompt=…; repeatable. What is changed and had ended is run again",
    )
    parser.add_argument("--retry-failed", action="store_true", help="run again what had failed, too")
    parser.add_argument("--name", metavar="NEW", help="ID of the new session; made up unless given")
    parser.add_argument("--paused", action="store_true", help="start nothing: `swarmtui resume NEW` does")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be kept, and what would run")
    add_unsafe_argument(parser)
    add_watch_arguments(parser)


def run(arguments: Namespace, console: Console) -> int:
    """Make the fork, say what it takes over, and watch it."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.engine.commands import Refused
    from swarmtui.host.exits import Exit
    from swarmtui.host.forking import forecast_of, fork
    from swarmtui.host.locate import locate

    parent = locate(arguments.id)
    if arguments.paused and arguments.headless:
        raise UsageError("--paused starts nothing that could be watched: leave out --headless")
    spec = _spec(parent, arguments)
    try:
        if arguments.dry_run:
            _tell(forecast_of(parent, spec), console, arguments)
            return Exit.OK
        forked = fork(parent, spec)
    except Refused as error:
        raise UsageError(_placed(str(error), arguments)) from None
    if arguments.paused or forked.foreign:
        _tell(forked, console, arguments)
        return Exit.OK
    return _go_on(forked, arguments, console)


def _go_on(forked: Forked, arguments: Namespace, console: Console) -> int:
    """Start a host over the fork, and watch it."""
    from swarmtui.host.exits import Exit
    from swarmtui.host.launch import LaunchFailed, start_host

    try:
        launched = start_host(forked.folder, unsandboxed=arguments.unsafe_no_sandbox)
    except LaunchFailed as error:
        made = f"session {forked.state.id} was made, and waits: `swarmtui resume {forked.state.id}`"
        raise LaunchFailed(f"{error}: {made}", error.code) from None
    if arguments.unsafe_no_sandbox:
        console.alarm(UNSAFE_BANNER)
    _tell(forked, console, arguments, launched)
    if arguments.detach:
        return Exit.OK
    return watch(forked.folder, arguments, console, forked.at + 1)


def _placed(why: str, arguments: Namespace) -> str:
    """`why` with the file in which it is, where that is told by the place in it alone."""
    told_by_place = why.startswith("ops[") and arguments.edit and not arguments.set
    return f"{source_of(arguments.edit)}: {why}" if told_by_place else why


def source_of(edit: str) -> str:
    """How messages call what is edited with."""
    return {"-": "standard input", IN_EDITOR: "plan"}.get(edit, edit)


def _spec(parent: SessionFolder, arguments: Namespace) -> ForkSpec:
    """What is asked for. Raises UsageError, TaskError, LogError, OSError."""
    from swarmtui.host.forking import ForkSpec, local_actor

    at = asyncio.run(_moment(parent, arguments.at))
    unattended = (arguments.headless or arguments.json) and not arguments.detach
    return ForkSpec(
        at,
        tuple(_edits(parent, at, arguments)),
        arguments.retry_failed,
        arguments.name,
        f"{local_actor()} fork",
        unattended=unattended,
        viewer=not (arguments.detach or arguments.paused),
        source=source_of(arguments.edit or IN_EDITOR),
    )


async def _moment(parent: SessionFolder, word: str | None) -> int:
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.file_past import FilePast
    from swarmtui.host.moments import MomentMissing, find_moment, parse_moment

    past = FilePast(parent)
    try:
        head = await past.head()
        if not head:
            raise UsageError("nothing was recorded of this session yet")
        return head if word is None else await find_moment(past, parse_moment(word))
    except MomentMissing as error:
        raise UsageError(str(error)) from None
    finally:
        await past.close()


def _edits(parent: SessionFolder, at: int, arguments: Namespace) -> list[Edit]:
    from swarmtui.cli import ctl_words as words
    from swarmtui.cli.failures import UsageError

    edits: list[Edit] = []
    if arguments.edit is not None:
        edits.append({"text": _edited(parent, at)} if arguments.edit == IN_EDITOR else edit_of(arguments.edit))
    ops: list[dict[str, Any]] = []
    for word in arguments.set:
        node, dot, rest = word.partition(".")
        if not dot or not node or "=" in node:
            raise UsageError(f"--set {word!r} is not NODE.FIELD=VALUE")
        ops += words.changes_of(node, [rest])
    return [*edits, {"ops": ops}] if ops else edits


def edit_of(source: str) -> Edit:
    """The edit that a file, or ``-`` for standard input, holds: a list of operations, ``{ops: […], note?}``, or else a
    whole plan. Raises TaskError, UsageError, OSError."""
    from swarmtui.cli import ctl_words as words
    from swarmtui.plan.problems import TaskError
    from swarmtui.plan.yaml_source import read_yaml

    text = words.text_of(source)
    read, problems = read_yaml(text.encode(), source_of(source))
    if problems:
        raise TaskError(problems)
    if isinstance(read.data, list):
        return {"ops": read.data}
    if isinstance(read.data, dict) and "ops" in read.data:
        return {name: value for name, value in read.data.items() if name not in ("restart", "base_rev")}
    return {"text": text}


def _edited(parent: SessionFolder, at: int) -> str:
    """The plan as it was then, as the user leaves it in their editor."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.plan.render import plan_to_yaml
    from swarmtui.session.reader import Reader
    from swarmtui.tui.terminal import NoProgram, edit_in_editor

    with Reader(parent.db) as reader:
        plan = reader.state(at).plan
    if plan is None:
        raise UsageError(f"there is no plan at event {at}: the planner was still at work")
    if not sys.stdin.isatty():
        raise UsageError("no terminal to edit in: give the FILE with the plan")
    try:
        return edit_in_editor(plan_to_yaml(plan), ".yaml", os.environ)
    except NoProgram as error:
        raise UsageError(str(error)) from None


def _tell(forked: Forked, console: Console, arguments: Namespace, launched: Launched | None = None) -> None:
    """What was, or would be, made: a line of JSON for scripts, a few for people."""
    if console.json or arguments.detach:
        names = ("kept", "in_flight", "to_do")
        maps = {node: dict(zip(names, found, strict=True)) for node, found in maps_of(forked).items()}
        told = {"type": "fork", **forked.to_json(), "maps": maps, "dry_run": arguments.dry_run}
        if arguments.dry_run:
            told["id"] = arguments.name
        if launched is not None:
            told |= {"pid": launched.pid, "socket": launched.socket}
        console.emit(told)
        return
    begun, files = forked.begun, forked.files
    made = "would be forked" if arguments.dry_run else f"forked as {forked.state.id}"
    console.say(f"{forked.parent} {made} after event {forked.at}")
    _say_nodes(console, "kept", begun.kept)
    for node, (kept, flying, rest) in maps_of(forked).items():
        console.say(f"  map {node}: {kept:,} items kept, {flying:,} were in flight, {rest:,} to do")
    _say_nodes(console, "carried out anew", begun.again)
    _say_nodes(console, "was in flight, begins again", begun.repeated)
    _say_nodes(console, "may have changed something, waits for you", begun.held)
    _say_nodes(console, "file changed since in the parent, kept as it was recorded", files.restored)
    _say_nodes(console, "file changed since in the parent, and is not taken over", files.lost)
    if forked.foreign and not arguments.dry_run:
        id = forked.state.id
        console.say(
            f"its past was recorded elsewhere, and nothing of it runs yet: `swarmtui show {id} --plan` shows what"
        )
        console.say(
            f"would; `swarmtui resume {id}` runs it, its commands in the sandbox, with models and keys as it names"
        )
    elif arguments.paused and not arguments.dry_run:
        console.say(f"nothing of it runs: `swarmtui resume {forked.state.id}` goes on with it")


def maps_of(forked: Forked) -> dict[str, tuple[int, int, int]]:
    """Map -> how many of its items are kept, were in flight and begin again or wait for the user, and are to do."""
    caught = Counter(name.rpartition("/")[0] for name in (*forked.begun.repeated, *forked.begun.held))
    return {
        node.id: (node.items.ended, caught[node.id], node.items.total - node.items.ended - caught[node.id])
        for node in forked.state.nodes.values()
        if node.items is not None and node.id not in forked.begun.kept
    }


def _say_nodes(console: Console, what: str, names: tuple[str, ...]) -> None:
    if names:
        more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
        console.say(f"  {what}: {', '.join(names[:NAMED])}{more}")
