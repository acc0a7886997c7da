"""``swarmtui ctl``: steer a session from a script. A command returns once its effect is recorded."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, _SubParsersAction
from typing import TYPE_CHECKING, Any

from swarmtui.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmtui.cli.console import Console
    from swarmtui.cli.following import AnyFeed, Place
    from swarmtui.host.address import Address
    from swarmtui.plan.model import JSON
    from swarmtui.session.folder import SessionFolder
    from swarmtui.session.state import SessionState

Call = tuple[str, "dict[str, JSON]"]

_REVIVING = frozenset(
    {"node.retry", "nodes.retry_failed", "nodes.rerun_stale", "plan.edit", "plan.patch", "undo", "redo"}
)
"""Commands that can give a session work that has ended."""


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID; elsewhere HOST/ID")
    parser.add_argument("--json", action="store_true", help="print {seq} as JSON")
    verbs = parser.add_subparsers(dest="verb", metavar="WHAT", required=True)
    _session_verbs(verbs)
    _plan_verbs(verbs)
    _node_verbs(verbs)
    for verb in verbs.choices.values():
        verb.add_argument("--json", action="store_true", default=SUPPRESS, help="print {seq} as JSON")


def _session_verbs(verbs: _SubParsersAction[ArgumentParser]) -> None:
    pause = verbs.add_parser("pause", help="start nothing more")
    pause.add_argument(
        "--now",
        action="store_true",
        help="stop and hold what runs, too; a command that may have changed something then waits for you",
    )
    verbs.add_parser("resume", help="let starts go on")
    verbs.add_parser("cancel", help="end the session")
    approve = verbs.add_parser("approve", help="run the plan, or make the change of it, that waits")
    reject = verbs.add_parser("reject", help="ask for another plan, or without TEXT end the session")
    reject.add_argument("text", nargs="?", default="", metavar="TEXT", help="what should be different")
    amend = verbs.add_parser("amend", help="put other nodes into a change that waits; what comes of it waits in turn")
    amend.add_argument("change", metavar="CHANGE", help="the change, as `show` calls it")
    amend.add_argument("file", metavar="FILE|-", help="its nodes as YAML, as `show --change CHANGE` prints them")
    for parser in (approve, reject):
        parser.add_argument("--rev", type=int, help="the plan's revision")
        parser.add_argument("--change", metavar="CHANGE", help="a change of the running plan, as `show` calls it")
    retry_failed = verbs.add_parser("retry-failed", help="run everything that failed again")
    _add_where(retry_failed)
    verbs.add_parser("rerun-stale", help="run again what rests on something that was changed")
    undo = verbs.add_parser("undo", help="take the last change back, or the one at an event")
    undo.add_argument("seq", nargs="?", type=int, metavar="EVENT", help="the event that made the change")
    verbs.add_parser("redo", help="make the change once more that was taken back last")
    limits = verbs.add_parser("set", help="change limits")
    limits.add_argument(
        "limits",
        nargs="+",
        metavar="NAME=VALUE",
        help="concurrency=N|+N|-N|auto, cap=N (calls to each provider), pool.NAME=N, tag.NAME=N, ramp=SECONDS, usd=N, "
        "tokens=N, minutes=N, attempts=N, warn=SHARE; none takes a limit away",
    )
    freeze = verbs.add_parser(
        "freeze", help="hold the calls in flight to providers where they are, whatever is learned"
    )
    freeze.add_argument("--at", type=int, metavar="N", help="at so many; without it at what is allowed now")
    thaw = verbs.add_parser("thaw", help="let swarmtui find how many calls providers take, again")
    for parser in (freeze, thaw):
        parser.add_argument("pool", nargs="?", metavar="PROVIDER/MODEL", help="one provider's pool; without it all")
    answer = verbs.add_parser("answer", help="answer a question")
    answer.add_argument("pending", metavar="NODE", help="the node that asks, or NODE:CALL as `show` has it")
    answer.add_argument("text", metavar="TEXT", help="the answer")


def _plan_verbs(verbs: _SubParsersAction[ArgumentParser]) -> None:
    edit = verbs.add_parser("edit", help="replace the plan, before its approval or while it runs")
    edit.add_argument("file", nargs="?", metavar="FILE|-", help="the plan as YAML; without it in $EDITOR")
    patch = verbs.add_parser("patch", help="change nodes of the plan, before its approval or while it runs")
    patch.add_argument("file", metavar="FILE|-", help="operations as YAML or JSON: [{op: set, node: a, field: …}]")
    change = verbs.add_parser("change", help="set fields of one node")
    change.add_argument("node", metavar="NODE", help="the node")
    change.add_argument("fields", nargs="+", metavar="FIELD=VALUE", help="such as model=planner, retries=3")
    for parser in (edit, patch, change):
        parser.add_argument("--rev", type=int, help="the revision that is changed; refused if it is not the last")
        parser.add_argument("--restart", action="store_true", help="stop what runs and is changed, and begin it anew")
        parser.add_argument("--note", default="", metavar="TEXT", help="why, for the history")


def _add_where(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="only what meets it: error~TEXT, kind=timeout, state=failed, items=0-99,250; repeatable",
    )


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
            parser.add_argument("--item", type=int, metavar="N", help="only this item, from 0")
            parser.add_argument("--descendants", action="store_true", help="and everything that rests on it")
            parser.add_argument(
                "--fresh", action="store_true", default=None, help="take no earlier result over, even an equal one"
            )
            _add_where(parser)
        if verb == "done":
            parser.add_argument("--output", default="", metavar="TEXT", help="its result, for what needs it")
    priority = verbs.add_parser("priority", help="among what is ready, higher goes first")
    priority.add_argument("node", metavar="NODE", help="the node")
    priority.add_argument("priority", type=int, metavar="N", help="from -1000 to 1000")


def run(arguments: Namespace, console: Console) -> int:
    """Send the command and say at which event it took effect."""
    from swarmtui.cli.following import reached
    from swarmtui.host.exits import Exit

    with reached(arguments.id) as place:
        sent = asyncio.run(_send(place, arguments))
        if not isinstance(sent, int):
            from swarmtui.cli.remote import carried_out

            return carried_out(sent.address, sent.words, given=sent.given)
    if console.json:
        console.emit({"seq": sent})
    else:
        console.say(f"done (event {sent})")
    return Exit.OK


@frozen
class _Errand:
    """A command that the machine of its session has to carry out: a host is started where the session is."""

    address: Address
    words: list[str]
    given: bytes
    """What it reads there."""


async def _send(place: Place, arguments: Namespace) -> int | _Errand:
    from swarmtui.cli.following import name_of, open_feed, open_live
    from swarmtui.host.feed import Link
    from swarmtui.host.launch import refuse_recording
    from swarmtui.session.folder import SessionFolder

    feed: AnyFeed = await open_feed(place, name="ctl")
    try:
        method, params = await asyncio.to_thread(call_of, arguments, feed)
        if feed.status.link is Link.ARCHIVE:
            if isinstance(place, SessionFolder):
                refuse_recording(place)
            _check_revivable(name_of(place), feed.state, method)
            if not isinstance(place, SessionFolder):
                return _Errand(place.address, *_words_there(arguments, place.address, params))
            await asyncio.to_thread(_revive, place, feed.state, method, params)
            await feed.close()
            feed = await open_live(place, name="ctl")
        return await feed.command(method, params)
    finally:
        await feed.close()


def _words_there(arguments: Namespace, address: Address, params: Mapping[str, JSON]) -> tuple[list[str], bytes]:
    """The command as it is given on the machine of `address`; a plan that is here goes along, for it to read."""
    words = list(arguments.words)
    words[words.index(arguments.id)] = address.id
    match arguments.verb:
        case "edit":
            words = [word for word in words if word != arguments.file]
            words += ["-", *([] if arguments.rev is not None else ["--rev", str(params["plan_rev"])])]
            return words, str(params["text"]).encode()
        case "patch":
            return ["-" if word == arguments.file else word for word in words], json.dumps(params).encode()
        case _:
            return words, b""


def _check_revivable(called: str, state: SessionState, method: str) -> None:
    """Raises UsageError where no host lives, and the command does not give work again to a session that has ended."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.exits import Exit
    from swarmtui.session.vocabulary import FINAL, how_ended

    if state.status not in FINAL:
        raise UsageError(f"no host runs {called}: `swarmtui resume {called}` starts one", Exit.LOST)
    if method not in _REVIVING:
        told = "retry, retry-failed, rerun-stale, edit, patch, change, undo and redo give it work again"
        raise UsageError(f"session {called} {how_ended(state.status)}: {told}", Exit.FAILED)


def _revive(folder: SessionFolder, state: SessionState, method: str, params: Mapping[str, JSON]) -> None:
    """Start a host over a session that has ended, for a command that gives it work again.

    Raises CommandRefused where the session would not take the command, LaunchFailed.
    """
    from functools import partial

    from swarmtui.engine.commands import Refused, plan_events
    from swarmtui.host.assembly import parse_edited, resolve_named
    from swarmtui.host.feed import CommandRefused
    from swarmtui.host.launch import start_host

    try:
        resolve = partial(resolve_named, environ=os.environ)
        plan_events(state, method, params, partial(parse_edited, state=state), resolve)
    except Refused as error:
        raise CommandRefused(str(error), error.code) from None
    start_host(folder)


def call_of(arguments: Namespace, feed: AnyFeed) -> Call:  # noqa: PLR0911  # a table, read from the top
    """The method and parameters that the arguments mean. Raises UsageError, TaskError, OSError."""
    from swarmtui.cli import ctl_words as words

    match arguments.verb:
        case "pause":
            return "session.pause", {"mode": "now" if arguments.now else "drain"}
        case "resume" | "cancel" as verb:
            return f"session.{verb}", {}
        case "retry-failed":
            return "nodes.retry_failed", {"where": words.where_of(arguments.where)} if arguments.where else {}
        case "rerun-stale":
            return "nodes.rerun_stale", {}
        case "undo" | "redo" as verb:
            return verb, {"seq": arguments.seq} if getattr(arguments, "seq", None) is not None else {}
        case "set":
            return "limits.set", words.limits_of(arguments.limits)
        case "freeze" | "thaw":
            at = None if arguments.verb == "thaw" else "now" if arguments.at is None else arguments.at
            return "limits.set", {"freeze": at if arguments.pool is None else {arguments.pool: at}}
        case "answer":
            return "answer", {"pending": arguments.pending, "text": arguments.text}
        case "approve" | "reject" | "amend":
            return _decision(arguments, feed)
        case "edit" | "patch" | "change":
            return _plan_change(arguments, feed)
        case "priority":
            return "node.priority", {**_place(arguments.node, feed), "priority": arguments.priority}
        case _:
            return _node_call(arguments, feed)


def _decision(arguments: Namespace, feed: AnyFeed) -> Call:
    """Of the plan, or of a change of it, which is never guessed: another one may have taken its place."""
    from swarmtui.cli import ctl_words as words
    from swarmtui.cli.failures import UsageError
    from swarmtui.session.vocabulary import Status

    if arguments.verb == "amend":
        return "change.edit", {"id": arguments.change, "text": words.text_of(arguments.file)}
    if arguments.change is not None:
        about = {"id": arguments.change} | ({} if arguments.rev is None else {"base_rev": arguments.rev})
        if arguments.verb == "approve":
            return "change.accept", about
        return "change.reject", {**about, "feedback": arguments.text}
    state = feed.state
    changes = [one.id for one in state.pending.values() if one.kind == "change"]
    if changes and arguments.rev is None and state.status is not Status.AWAITING_APPROVAL:
        again = f"swarmtui ctl {arguments.id} {arguments.verb} --change {changes[0]}"
        raise UsageError(
            f"no plan waits for a decision, but a change of it does: {', '.join(changes)}; write `{again}`"
        )
    params: dict[str, Any] = {"plan_rev": state.plan_rev if arguments.rev is None else arguments.rev}
    if arguments.verb == "reject":
        params["feedback"] = arguments.text
    return f"plan.{arguments.verb}", params


def _plan_change(arguments: Namespace, feed: AnyFeed) -> Call:
    from swarmtui.cli import ctl_words as words

    rev = feed.state.plan_rev if arguments.rev is None else arguments.rev
    said: dict[str, Any] = {"note": arguments.note} if arguments.note else {}
    if arguments.restart:
        said["restart"] = True
    match arguments.verb:
        case "edit":
            text = _edited(feed) if arguments.file is None else words.text_of(arguments.file)
            return "plan.edit", {"plan_rev": rev, "text": text, **said}
        case "patch":
            return "plan.patch", {"base_rev": rev, **words.patch_of(arguments.file), **said}
        case _:
            return "plan.patch", {"base_rev": rev, "ops": words.changes_of(arguments.node, arguments.fields), **said}


def _edited(feed: AnyFeed) -> str:
    """The plan as the user leaves it in their editor."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.plan.render import plan_to_yaml
    from swarmtui.tui.terminal import NoProgram, edit_in_editor

    plan = feed.state.plan
    if plan is None:
        raise UsageError("there is no plan yet: the planner is still at work")
    if not sys.stdin.isatty():
        raise UsageError("no terminal to edit in: give the FILE with the plan")
    try:
        return edit_in_editor(plan_to_yaml(plan), ".yaml", os.environ)
    except NoProgram as error:
        raise UsageError(str(error)) from None


def _node_call(arguments: Namespace, feed: AnyFeed) -> Call:
    from swarmtui.cli.failures import UsageError

    methods = {"stop": "cancel", "hold": "pause", "release": "resume", "done": "mark_done"}
    method = methods.get(arguments.verb, arguments.verb)
    params = _place(arguments.node, feed)
    if arguments.verb == "retry":
        more = _retry_params(arguments)
        if "item" in params and more.keys() & {"item", "failed", "where"}:
            raise UsageError(f"{arguments.node} is one item already: leave --item, --failed and --where out")
        params |= more
    if arguments.verb == "done":
        params["output"] = arguments.output
    return f"node.{method}", params


def _place(name: str, feed: AnyFeed) -> dict[str, Any]:
    """The node, or the item of it, that is named ``NODE`` or ``NODE/N``."""
    from swarmtui.cli.ctl_words import place_of

    node, item = place_of(name, feed.state.nodes)
    return {"node": node} if item is None else {"node": node, "item": item}


def _retry_params(arguments: Namespace) -> dict[str, Any]:
    from swarmtui.cli import ctl_words as words

    params: dict[str, Any] = {} if arguments.item is None else {"item": arguments.item}
    for name in ("failed", "descendants", "fresh"):
        if getattr(arguments, name):
            params[name] = True
    if arguments.where:
        params["where"] = words.where_of(arguments.where)
    return params
