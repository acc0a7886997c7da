"""``swarmtui run``: start a session in a host of its own and watch it."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.host.spec import LaunchSpec
    from swarmtui.session.folder import SessionFolder


UNSAFE_BANNER = "UNSAFE: commands and code that are not your own run WITHOUT A SANDBOX, and can do whatever you can"


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    add_task_arguments(parser)
    parser.add_argument("--review", action="store_true", help="ask for approval even of a plan that is your own")
    parser.add_argument("--approve", action="store_true", help="approve whatever plan the planner writes")
    parser.add_argument("--concurrency", type=width, metavar="N|auto", help="attempts running at once")
    parser.add_argument("--items", type=Path, metavar="FILE", help="the items of the task's one map")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder that gets a copy of the report")
    parser.add_argument(
        "--reuse",
        choices=("session", "any", "none"),
        default="session",
        help="when something is run again, take equal earlier results over: of this session, of any, or none",
    )
    add_unsafe_argument(parser)
    add_watch_arguments(parser)


def add_unsafe_argument(parser: ArgumentParser) -> None:
    """The word that does without a sandbox. It is for one host, is kept nowhere, and no file can say it."""
    parser.add_argument(
        "--unsafe-no-sandbox",
        action="store_true",
        help="run commands and code that are not your own without a sandbox, this time; what they do is done as you",
    )


def add_task_arguments(parser: ArgumentParser) -> None:
    """What to run, and with which inputs and models."""
    parser.add_argument("task", metavar='TASK|"GOAL"', help="a task file, the name of a sample, or a goal in words")
    add_task_options(parser)


def add_task_options(parser: ArgumentParser) -> None:
    """Inputs and models of a task."""
    parser.add_argument(
        "--set", action="append", default=[], type=pair, metavar="NAME=VALUE", help="an input of the task; repeatable"
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        type=model_pair,
        metavar="TIER=PROVIDER/MODEL",
        help="which model answers for planner, worker or a name of the task's models; repeatable",
    )


def add_watch_arguments(parser: ArgumentParser) -> None:
    """How to watch."""
    parser.add_argument("--headless", action="store_true", help="print a line per change instead of the workbench")
    parser.add_argument("--detach", action="store_true", help="do not watch: print where the session is, and return")
    parser.add_argument("--json", action="store_true", help="print JSON lines; implies --headless")


def pair(text: str) -> tuple[str, str]:
    """``NAME=VALUE`` in two."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentTypeError(f"the value of {name!r} is not UTF-8") from None
    return name.strip(), value


def model_pair(text: str) -> tuple[str, str]:
    """``TIER=PROVIDER/MODEL`` in two."""
    name, _, value = text.partition("=")
    if not name.strip() or not value.strip():
        raise ArgumentTypeError(f"{text!r} is not TIER=PROVIDER/MODEL")
    return name.strip(), value.strip()


def width(text: str) -> int | str:
    """A number from 1 on, or ``auto``."""
    if text == "auto":
        return text
    if not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise ArgumentTypeError(f"{text!r} is neither auto nor a whole number from 1 to 100000")
    return int(text)


def run(arguments: Namespace, console: Console) -> int:
    """Check the task, start the session, watch it."""
    from swarmtui.host.exits import Exit
    from swarmtui.host.launch import launch
    from swarmtui.host.locate import locate

    spec = checked_spec(arguments)
    _check_places(arguments.items, arguments.out)
    launched = launch(spec, unsandboxed=arguments.unsafe_no_sandbox)
    if arguments.unsafe_no_sandbox:
        console.alarm(UNSAFE_BANNER)
    if arguments.detach:
        tell_launched(console, launched.id, launched.pid, launched.socket)
        return Exit.OK
    return watch(locate(launched.id), arguments, console)


def tell_launched(console: Console, id: str, pid: int, socket: str) -> None:
    """Print where a detached session is, and what would end it at logout, if anything does."""
    from swarmtui.host.lodging import ends_at_logout

    note = ends_at_logout()
    told = {"type": "launch", "id": id, "pid": pid, "socket": socket}
    console.emit(told | ({"note": note} if note else {}))
    if note:
        console.warn(note)


def checked_spec(arguments: Namespace) -> LaunchSpec:
    """What the arguments ask for, every mistake told before anything starts. Raises TaskError, UsageError, OSError."""
    from swarmtui.host.spec import read_task

    spec = spec_of(arguments)
    read_task(spec)
    _check_tiers(spec)
    return spec


def spec_of(arguments: Namespace) -> LaunchSpec:
    """What the arguments ask for. Raises UsageError, OSError."""
    from swarmtui.cli.targets import as_utf8, find_target, read_task_file
    from swarmtui.host.spec import LaunchSpec, translated

    target = find_target(arguments.task)
    options = vars(arguments)
    items, out = options.get("items"), options.get("out")
    spec = LaunchSpec(
        cwd=as_utf8(str(_here()), "the name of the current folder"),
        goal=target.goal,
        text=None if target.path is None or target.path.is_dir() else read_task_file(target.path),
        file=str(target.path or "task"),
        path=None if target.path is None else str(target.path.absolute()),
        inputs=dict(arguments.set),
        models=dict(arguments.model),
        approve=options.get("approve", False),
        review=options.get("review", False),
        concurrency=options.get("concurrency"),
        items=None if items is None else str(items.absolute()),
        out=None if out is None else str(out.absolute()),
        reuse=options.get("reuse", "session"),
        unattended=not options.get("detach", False) and (options.get("headless", False) or options.get("json", False)),
        viewer=not options.get("detach", False),
    )
    return translated(spec)


def _check_tiers(spec: LaunchSpec) -> None:
    """A model for a name that nothing can ask for would be ignored in silence. Raises UsageError."""
    if not spec.models:
        return
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.spec import read_task
    from swarmtui.models.catalog import PROFILES, TIERS

    task, _ = read_task(replace(spec, models={}))
    known = dict.fromkeys((*TIERS, *PROFILES, *task.models))
    for name in spec.models:
        if name not in known:
            raise UsageError(f"--model {name}=…: nothing has this name: there are {', '.join(known)}")


def _here() -> Path:
    from swarmtui.cli.failures import UsageError

    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current folder is gone: cd into one that exists") from None


def _check_places(items: Path | None, out: Path | None) -> None:
    """What the session would find out at its end is said before its start. Raises UsageError."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.cli.targets import as_utf8

    if items is not None:
        as_utf8(str(items), "--items")
        if not items.exists() or items.is_dir():
            raise UsageError(f"--items {items}: {'is a folder' if items.is_dir() else 'there is no such file'}")
    if out is not None:
        as_utf8(str(out), "--out")
        try:
            out.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise UsageError(f"--out {out}: is no folder; the report is copied into one") from None
        except OSError as error:
            raise UsageError(f"--out {out}: this folder cannot be made: {error.strerror}") from None
        if not os.access(out, os.W_OK | os.X_OK):
            raise UsageError(f"--out {out}: nothing can be written into this folder")


def watch(folder: SessionFolder, arguments: Namespace, console: Console, from_seq: int = 1) -> int:
    """Watch a session: in the workbench on a terminal, else in lines from event `from_seq` on."""
    from swarmtui.cli.following import watch_in_workbench

    if console.can_draw and not (arguments.headless or arguments.json):
        return watch_in_workbench(folder, console)
    from swarmtui.cli.headless import watch as watch_headless

    return watch_headless(folder, console, from_seq=from_seq)
