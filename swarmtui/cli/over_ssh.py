"""``swarmtui over-ssh``: what ssh runs on the machine that has a session, to have a command carried out there."""

from __future__ import annotations

from argparse import REMAINDER, ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("words", metavar="WORD", nargs=REMAINDER, help="the command, and its arguments")


def run(arguments: Namespace, console: Console) -> int:
    """Say that swarmtui speaks from here on, then carry the command out."""
    import os

    from swarmtui.cli.main import main
    from swarmtui.host.dial import opening

    os.write(1, opening())
    return main(arguments.words)
