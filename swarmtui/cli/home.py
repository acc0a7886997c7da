"""``swarmtui`` alone: the sessions there are, and what to type next."""

from __future__ import annotations

from argparse import Namespace

from swarmtui.cli import ls
from swarmtui.cli.console import Console
from swarmtui.host.exits import Exit
from swarmtui.host.locate import list_sessions


def run(arguments: Namespace, console: Console) -> int:
    """The browser of sessions in a terminal; elsewhere, or where there are none, the list and a hint."""
    if console.can_draw and next(iter(list_sessions()), None) is not None:
        from swarmtui.cli.browsing import browse

        return browse()
    found = ls.print_table(console, tree=True)
    if found:
        console.say()
    console.say('next: swarmtui run TASK.yaml | swarmtui run "a goal" | swarmtui attach ID | swarmtui --help')
    return Exit.OK
