"""``swarmtui attach``: watch a session that runs already, or look at one that has ended."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID")
    parser.add_argument("--read-only", action="store_true", help="look, but change nothing")
    parser.add_argument("--headless", action="store_true", help="print a line per change instead of the workbench")
    parser.add_argument("--json", action="store_true", help="print JSON lines; implies --headless")


def run(arguments: Namespace, console: Console) -> int:
    """Watch the session. Leaving it leaves it as it is."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.cli.following import watch_in_workbench
    from swarmtui.host.locate import locate

    folder = locate(arguments.id)
    if arguments.headless or arguments.json:
        from swarmtui.cli.headless import watch

        return watch(folder, console)
    if not console.interactive:
        raise UsageError("attach needs a terminal; without one: --headless or --json")
    return watch_in_workbench(folder, console, "observe" if arguments.read_only else "control")
