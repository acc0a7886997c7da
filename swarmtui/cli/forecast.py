"""``swarmtui forecast``: how long the rest of a session will take and what it will cost, computed anew."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.session.events import Forecasted
    from swarmtui.session.folder import SessionFolder
    from swarmtui.session.state import SessionState


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: Namespace, console: Console) -> int:
    """Print the forecast of what remains."""
    from swarmtui.host.exits import Exit
    from swarmtui.host.history import History
    from swarmtui.host.locate import locate

    folder = locate(arguments.id)
    tell(folder, History(folder).state(), console)
    return Exit.OK


def tell(folder: SessionFolder, state: SessionState, console: Console) -> None:
    """Compute and print the forecast of a session. Raises UsageError if it has no plan."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.spec import LaunchSpec

    if state.plan is None:
        raise UsageError(f"session {folder.id} has no plan yet: there is nothing to forecast")
    try:
        task_folder = LaunchSpec.read(folder).task_folder
    except (OSError, ValueError):  # a folder that was copied without it
        task_folder = Path(state.task_path).parent if state.task_path else Path(state.cwd)
    say(of_state(state, task_folder), console)


def of_state(state: SessionState, task_folder: Path) -> Forecasted:
    """The forecast of `state` with everything that is known here."""
    from swarmtui.engine.foresight import foresee

    return asyncio.run(foresee(state, task_folder))


def say(made: Forecasted, console: Console) -> None:
    """Print a forecast."""
    from swarmtui.cli.figures import forecast_table

    found = asdict(made)
    if console.json:
        console.emit({"type": "forecast", **found})
        return
    for line in forecast_table(found["rows"], found["basis"]):
        console.say(line)
