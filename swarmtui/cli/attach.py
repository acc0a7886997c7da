"""``swarmtui attach``: watch a session that runs already, here or on another machine, or look at one that has ended."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.cli.following import Place
    from swarmtui.host.address import Address


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    from swarmtui.cli.console import seconds

    parser.add_argument(
        "id", metavar="ID", help="the session, or the beginning of its ID; elsewhere HOST/ID or ssh://USER@HOST:PORT/ID"
    )
    parser.add_argument("--read-only", action="store_true", help="look, but change nothing")
    parser.add_argument(
        "--headless", "--no-tty", action="store_true", help="print a line per change instead of the workbench"
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines; implies --headless")
    parser.add_argument(
        "--from", type=int, default=1, dest="from_seq", metavar="N", help="of --headless: begin with event N"
    )
    parser.add_argument(
        "--max-wait",
        type=seconds,
        metavar="SECONDS",
        help="give up after so long without a connection, with exit code 6; else it is tried for ever",
    )


def run(arguments: Namespace, console: Console) -> int:
    """Watch the session. Leaving it leaves it as it is."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.cli.following import reached
    from swarmtui.host.address import parse_address
    from swarmtui.host.dialling import Unreachable
    from swarmtui.host.exits import Exit
    from swarmtui.host.jsonrpc import Code
    from swarmtui.host.locate import locate

    lines = arguments.headless or arguments.json
    address = parse_address(arguments.id)
    if address is None:
        locate(arguments.id)  # an ID that is wrong is told first
    if not (lines or console.can_draw):
        raise UsageError("attach needs a terminal that can be drawn on; without one: --no-tty or --json")
    try:
        with reached(arguments.id) as place:
            return _watch(place, arguments, console, lines=lines)
    except Unreachable as error:
        if lines or address is None or error.code not in (Code.VERSION, Exit.VERSION):
            raise
        console.warn(str(error))
        return _own_screen(address)


def _watch(place: Place, arguments: Namespace, console: Console, *, lines: bool) -> int:
    if lines:
        from swarmtui.cli.headless import watch

        return watch(place, console, from_seq=arguments.from_seq, max_wait_s=arguments.max_wait)
    from swarmtui.cli.following import watch_in_workbench

    return watch_in_workbench(
        place, console, "observe" if arguments.read_only else "control", max_wait_s=arguments.max_wait
    )


def _own_screen(address: Address) -> int:
    """Offer the screen of the other machine's own program: whatever its version is, it understands its hosts."""
    from swarmtui.host.exits import Exit
    from swarmtui.host.ssh import in_terminal

    try:
        wanted = input("open the screen of the swarmtui that is there, over ssh? [Y/n] ")
    except EOFError:
        return Exit.VERSION
    if wanted.strip().lower() not in ("", "y", "yes"):
        return Exit.VERSION
    return in_terminal(address, ["attach", address.id])
