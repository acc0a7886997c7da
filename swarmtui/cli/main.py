"""The program's entry: finds the command, imports it and nothing else, and turns every error into a line and a code."""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, NoReturn, TextIO

import swarmtui

if TYPE_CHECKING:
    from swarmtui.cli.console import Console

COMMANDS: dict[str, str] = {
    "run": "run a task file or a goal",
    "plan": "have a plan written, and print it",
    "validate": "check a task file: every mistake, with its line",
    "ls": "list sessions",
    "show": "summary, figures and nodes of a session",
    "forecast": "how long the rest of a session takes, and what it costs",
    "attach": "watch and steer a session",
    "replay": "live through a session again, at any speed, forwards and backwards",
    "resume": "go on with a session after a crash or a pause",
    "fork": "begin a new session with the past of another one, changed",
    "compare": "hold two sessions against each other, node by node",
    "export": "a session as JSON lines, a page, a recording or a summary",
    "import": "a recording from elsewhere as a session, to be replayed",
    "rm": "remove sessions for good",
    "recover": "save what is intact of a damaged session file into a new session",
    "ctl": "steer a session from a script",
    "wait": "wait for a session to end",
    "events": "print a session's events",
    "graph": "draw the graph of a session or a task file",
    "seed": "make items for a map",
    "filter": "clean the results of a map: repair, check, leave out duplicates",
    "doctor": "what works here: models, sandbox, directories, terminal",
    "eval": "evaluate the pacer, agents' choice of functions, or a report",
    "schema": "the JSON Schema of task files, for editors",
    "themes": "list themes",
    "config": "what is set, where that comes from, and what is wrong with it",
    "completion": "what completes commands, sessions, machines and nodes in a shell",
    "serve": "the workbench in a browser of this machine",
}
"""Command -> what it does. Each is a module of this package: ``arguments(parser)`` and ``run(arguments, console)``."""

HIDDEN: dict[str, str] = {
    "dial-stdio": "carry the wire of a session over standard input and output, for ssh",
    "over-ssh": "carry a command out and say first where its output begins, for ssh",
}
"""Commands that programs give; help does not list them."""

EPILOG = """\
swarmtui                            the sessions, and a prompt for a goal or a task file
swarmtui run code_review            review the project in this folder
swarmtui run "compare three queues" have a plan written, approve it, watch it run
swarmtui COMMAND --help             more about one command

exit codes: 0 succeeded or detached; 1 finished with failures, or a command that a session refuses;
2 usage or invalid file; 3 no such session, or an ID that begins several; 4 permission;
5 version mismatch; 6 connection lost or crashed; 7 waits for a decision; 74 disk; 124 timeout;
127 no swarmtui there, or no ssh here; 129 hung up on; 130 interrupted; 143 terminated"""


class Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, rather than after a screen of usage."""

    def error(self, message: str) -> NoReturn:
        """Say it and end."""
        from swarmtui.safety.text import one_line

        with suppress(OSError):  # nobody can be told, but for the exit code
            sys.stderr.write(f"swarmtui: {one_line(message, 1000)}; see `{self.prog} --help`\n")
            sys.stderr.flush()
        self.exit(2)


LOOKED_THROUGH = 200_000
"""Objects made, beyond those let go of, before they are looked through for garbage. Nearly all that a start makes
stays, and it makes half as many: to look every 700 objects is a tenth of it."""


def entry() -> int:
    """Run the command line of this process; the exit code."""
    gc.set_threshold(LOOKED_THROUGH)
    _mend_streams()
    code = 1
    try:
        code = main(sys.argv[1:])
    except SystemExit as left:
        if not isinstance(left.code, int):
            raise
        code = left.code  # --help has been printed, or what is wrong with the words
    finally:
        code = _written_out(code)
    return code


def main(argv: Sequence[str]) -> int:
    """Run `argv`; the exit code."""
    arguments = _parsed(argv) if argv else argparse.Namespace(command=None, words=[])
    from swarmtui.cli.console import Console

    console = Console(json=bool(getattr(arguments, "json", False)))
    name = arguments.command or "home"
    try:
        far = _carried_out_elsewhere(name, arguments, argv, console) if any("/" in word for word in argv) else None
        if far is not None:
            return far
        return int(import_module(module_of(name)).run(arguments, console))
    except KeyboardInterrupt:
        console.warn("interrupted")
        return 130
    except BrokenPipeError:
        return 0  # whoever read our output has had enough
    except Exception as error:
        from swarmtui.cli.failures import explain

        told = explain(error)
        if told is None:
            raise
        console.warn(told.message)
        return told.code


def _parsed(argv: Sequence[str]) -> argparse.Namespace:
    chosen = next((word for word in argv if not word.startswith("-")), "")
    if argv[0].partition("=")[0] == "--host":
        _parser().error(
            "--host goes with a command: `swarmtui ls --host NAME`; in the list of sessions O adds a machine"
        )
    return _parser(chosen).parse_args(argv, argparse.Namespace(words=list(argv)))


def _carried_out_elsewhere(
    name: str, arguments: argparse.Namespace, argv: Sequence[str], console: Console
) -> int | None:
    """The exit code of a command about a session on another machine; None where it is carried out here."""
    from swarmtui.cli.remote import delegated

    return delegated(name, arguments, argv, console)


def whole_parser() -> argparse.ArgumentParser:
    """The parser with the arguments of all commands; slow, since it takes all of their modules."""
    return _parser(*COMMANDS)


def _parser(*chosen: str) -> argparse.ArgumentParser:
    """The parser; the arguments of `chosen` alone are known to it, since knowing them takes the command's module."""
    parser = Parser(
        prog="swarmtui",
        description="A workbench in the terminal for swarms of LLM agents: plan, approve, run, watch, steer.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"swarmtui {swarmtui.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, does in COMMANDS.items():
        own = commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.")
        if name in chosen:
            import_module(module_of(name)).arguments(own)
    for name in HIDDEN.keys() & set(chosen):
        import_module(module_of(name)).arguments(commands.add_parser(name, description=HIDDEN[name]))
    return parser


def module_of(name: str) -> str:
    """The module of a command: ``dial-stdio`` is ``dial_stdio``, and ``import``, a word of Python, ``import_``."""
    return f"swarmtui.cli.{name.replace('-', '_')}{'_' if iskeyword(name) else ''}"


def _mend_streams() -> None:
    """Make standard input, output and error usable, whatever the caller left of them.

    One that was closed is nothing from now on: otherwise the next file or socket would take its number, and be written
    to as if it were a terminal. A character that the output's encoding has not is shown as its escape.
    """
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDONLY if fd == 0 else os.O_WRONLY)  # the lowest number that is free: `fd`
            setattr(sys, name, open(fd, "r" if fd == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _written_out(code: int) -> int:
    """Write out what is buffered; the exit code then. Where it cannot be, Python must not complain of that at its end:
    nobody reads it any more, or the disk is full, which is told unless it has been."""
    lost = _flushed(sys.stdout)
    if lost is not None and not isinstance(lost, BrokenPipeError):
        from swarmtui.cli.console import Console
        from swarmtui.cli.failures import explain

        told = explain(lost)
        if told is not None and code != told.code:
            Console().warn(told.message)
            code = told.code
    _flushed(sys.stderr)
    return code


def _flushed(stream: TextIO) -> OSError | None:
    """Why what is buffered could not be written, if so; it goes into nothing then."""
    try:
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None


if __name__ == "__main__":
    sys.exit(entry())
