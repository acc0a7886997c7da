"""``swarmtui dial-stdio``: what ssh runs on the machine that has a session, to connect a viewer elsewhere to it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID")


def run(arguments: Namespace, console: Console) -> int:
    """Carry the wire until either side ends."""
    from swarmtui.host.dial import dial

    dial(arguments.id)
    return 0
