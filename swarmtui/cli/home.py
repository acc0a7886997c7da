"""``swarmtui`` alone: the sessions there are, and what to type next."""

from __future__ import annotations

from argparse import Namespace

from swarmtui.cli import ls
from swarmtui.cli.console import Console
from swarmtui.host.exits import Exit


def run(arguments: Namespace, console: Console) -> int:
    """List the sessions, with a hint."""
    found = ls.print_table(console, tree=True)
    if found:
        console.say()
    console.say('next: swarmtui run TASK.yaml | swarmtui run "a goal" | swarmtui attach ID | swarmtui --help')
    return Exit.OK
