"""The browser of sessions in a terminal: its rows, and what becomes of a choice."""

from __future__ import annotations

import asyncio
from typing import Any

from swarmtui.host.exits import Exit
from swarmtui.host.locate import list_sessions
from swarmtui.session.compare import Comparison, output_diff
from swarmtui.tui.browser import Choice, DiffOf, run_browser


def browse() -> int:
    """Show the sessions of this machine until the user leaves."""
    from swarmtui.cli.tree import as_tree

    run_browser(_rows, _carry_out, as_tree=as_tree, compare=_compared)
    return Exit.OK


async def _rows() -> list[dict[str, Any]]:
    return await asyncio.to_thread(lambda: list(list_sessions()))


def _carry_out(choice: Choice) -> str:
    """Run the command that the choice stands for; why it failed, if it did."""
    from swarmtui.cli.main import main

    match choice.verb:
        case "open":
            argv = ["attach", choice.session]
        case "replay":
            argv = ["replay", choice.session]
        case "fork":
            argv = ["fork", choice.session, f"--at={choice.at}"]
    try:
        code = main(argv)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else Exit.USAGE
    went_well = code in (Exit.OK, Exit.FAILED)
    return "" if went_well else f"{choice.verb} {choice.session} ended with code {code}: q leads to what it said"


async def _compared(first: str, second: str) -> tuple[Comparison, DiffOf]:
    """Both sessions from their files, and what reads the outputs of a node."""
    from swarmtui.cli.compare import compared, output_of
    from swarmtui.host.locate import locate

    folders = locate(first), locate(second)

    async def diff_of(node: str) -> list[str]:
        return await asyncio.to_thread(lambda: output_diff(*(output_of(folder, node) for folder in folders)))

    found, _ = await asyncio.to_thread(compared, *folders)
    return found, diff_of
