"""``swarmtui ctl``: steer a session from a script. A command returns once its effect is recorded."""

from __future__ import annotations

import asyncio
import math
from argparse import SUPPRESS, ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.host.client import WireFeed
    from swarmtui.plan.model import JSON
    from swarmtui.session.folder import SessionFolder

Call = tuple[str, "dict[str, JSON]"]


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID")
    parser.add_argument("--json", action="store_true", help="print {seq} as JSON")
    verbs = parser.add_subparsers(dest="verb", metavar="WHAT", required=True)
    _session_verbs(verbs)
    _node_verbs(verbs)
    for verb in verbs.choices.values():
        verb.add_argument("--json", action="store_true", default=SUPPRESS, help="print {seq} as JSON")


def _session_verbs(verbs: _SubParsersAction[ArgumentParser]) -> None:
    pause = verbs.add_parser("pause", help="start nothing more")
    pause.add_argument("--now", action="store_true", help="stop and hold what runs, too")
    verbs.add_parser("resume", help="let starts go on")
    verbs.add_parser("cancel", help="end the session")
    verbs.add_parser("approve", help="run the plan that waits").add_argument("--rev", type=int, help="its revision")
    reject = verbs.add_parser("reject", help="ask for another plan, or without TEXT end the session")
    reject.add_argument("text", nargs="?", default="", metavar="TEXT", help="what should be different")
    reject.add_argument("--rev", type=int, help="the plan's revision")
    edit = verbs.add_parser("edit", help="replace the plan that waits")
    edit.add_argument("file", type=Path, metavar="FILE", help="the plan, as YAML")
    edit.add_argument("--rev", type=int, help="the revision that it replaces")
    verbs.add_parser("retry-failed", help="run everything that failed again")
    limits = verbs.add_parser("set", help="change limits")
    limits.add_argument(
        "limits",
        nargs="+",
        metavar="NAME=VALUE",
        help="concurrency=N|+N|-N|auto, pool.NAME=N, usd=N, tokens=N, minutes=N; none takes a budget away",
    )
    answer = verbs.add_parser("answer", help="answer a question")
    answer.add_argument("pending", metavar="NODE", help="the node that asks")
    answer.add_argument("text", metavar="TEXT", help="the answer")


def _node_verbs(verbs: _SubParsersAction[ArgumentParser]) -> None:
    for verb, text in (
        ("retry", "run a node or item that ended again"),
        ("skip", "do not run a node or item"),
        ("done", "say that what a crash caught was done, and is not to be run again"),
        ("stop", "cancel a node"),
        ("hold", "do not start a node until it is released"),
        ("release", "let a held node go on"),
    ):
        parser = verbs.add_parser(verb, help=text)
        parser.add_argument("node", metavar="NODE[/ITEM]", help="the node, or one item of a map")
        if verb == "retry":
            parser.add_argument("--failed", action="store_true", help="only the items that failed")
        if verb == "done":
            parser.add_argument("--output", default="", metavar="TEXT", help="its result, for what needs it")


def run(arguments: Namespace, console: Console) -> int:
    """Send the command and say at which event it took effect."""
    from swarmtui.host.exits import Exit
    from swarmtui.host.locate import locate

    seq = asyncio.run(_send(locate(arguments.id), arguments))
    if console.json:
        console.emit({"seq": seq})
    else:
        console.say(f"done (event {seq})")
    return Exit.OK


async def _send(folder: SessionFolder, arguments: Namespace) -> int:
    from swarmtui.cli.following import open_live

    feed = await open_live(folder, name="ctl")
    try:
        method, params = call_of(arguments, feed)
        return await feed.command(method, params)
    finally:
        await feed.close()


def call_of(arguments: Namespace, feed: WireFeed) -> Call:  # noqa: PLR0911  # a table, read from the top
    """The method and parameters that the arguments mean. Raises UsageError, OSError."""
    match arguments.verb:
        case "pause":
            return "session.pause", {"mode": "now" if arguments.now else "drain"}
        case "resume" | "cancel" as verb:
            return f"session.{verb}", {}
        case "retry-failed":
            return "nodes.retry_failed", {}
        case "set":
            return "limits.set", limits_of(arguments.limits)
        case "answer":
            return "answer", {"pending": arguments.pending, "text": arguments.text}
        case "approve" | "reject" | "edit":
            return _plan_call(arguments, feed.state.plan_rev)
        case _:
            return _node_call(arguments, feed)


def _plan_call(arguments: Namespace, current: int) -> Call:
    params: dict[str, Any] = {"plan_rev": current if arguments.rev is None else arguments.rev}
    if arguments.verb == "reject":
        params["feedback"] = arguments.text
    elif arguments.verb == "edit":
        params["text"] = arguments.file.read_text("utf-8")
    return f"plan.{arguments.verb}", params


def _node_call(arguments: Namespace, feed: WireFeed) -> Call:
    methods = {"stop": "cancel", "hold": "pause", "release": "resume", "done": "mark_done"}
    method = methods.get(arguments.verb, arguments.verb)
    node, slash, item = arguments.node.rpartition("/")
    params: dict[str, Any] = {"node": arguments.node}
    if slash and item.isdigit() and arguments.node not in feed.state.nodes:
        params = {"node": node, "item": int(item)}
    if arguments.verb == "retry" and arguments.failed:
        params["failed"] = True
    if arguments.verb == "done":
        params["output"] = arguments.output
    return f"node.{method}", params


def limits_of(words: list[str]) -> dict[str, JSON]:
    """Parameters of ``limits.set`` from ``NAME=VALUE`` words. Raises UsageError."""
    from swarmtui.cli.failures import UsageError

    params: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not text:
            raise UsageError(f"{word!r} is not NAME=VALUE")
        if name == "concurrency":
            params[name] = int(text) if text.isdigit() else text
        elif name.startswith("pool."):
            pool = name.removeprefix("pool.")
            if not pool:
                raise UsageError(f"{word!r} names no pool: pool.NAME=N")
            params.setdefault("pools", {})[pool] = _number(name, text)
        elif name in ("usd", "tokens", "minutes"):
            params[name] = None if text == "none" else _number(name, text)
        else:
            raise UsageError(f"no limit is called {name!r}: there are concurrency, pool.NAME, usd, tokens, minutes")
    return params


def _number(name: str, text: str) -> int | float:
    from swarmtui.cli.failures import UsageError

    try:
        number = int(text) if text.isdecimal() else float(text)
    except ValueError:
        number = math.nan
    if not -math.inf < number < math.inf:
        raise UsageError(f"{name}: {text!r} is no number")
    return number
