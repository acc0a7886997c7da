"""``swarmtui`` alone: the sessions there are, and what to type next."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from swarmtui.host.exits import Exit

if TYPE_CHECKING:
    from swarmtui.cli.console import Console


def run(arguments: Namespace, console: Console) -> int:
    """The sessions and the prompt in a terminal; elsewhere the list and a hint."""
    if console.can_draw:
        from swarmtui.cli.browsing import browse

        return browse()
    from swarmtui.cli import ls

    found = ls.print_table(console, tree=True)
    if found:
        console.say()
    console.say('next: swarmtui run TASK.yaml | swarmtui run "a goal" | swarmtui attach ID | swarmtui --help')
    return Exit.OK
