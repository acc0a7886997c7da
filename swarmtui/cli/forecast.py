"""``swarmtui forecast``: how long a task or the rest of a session will take and what it will cost, computed anew."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.cli.run import add_task_options, width

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.session.events import Forecasted
    from swarmtui.session.folder import SessionFolder
    from swarmtui.session.state import SessionState


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("task", metavar="ID|TASK", help="a session, a task file, or the name of a sample")
    add_task_options(parser)
    parser.add_argument("--concurrency", type=width, metavar="N|auto", help="of a task: attempts running at once")
    parser.add_argument("--items", type=Path, metavar="FILE", help="of a task: the items of its one map")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: Namespace, console: Console) -> int:
    """Print the forecast of what remains of a session, or of a task that has not begun."""
    from swarmtui.cli.targets import find_target
    from swarmtui.host.exits import Exit
    from swarmtui.host.history import History
    from swarmtui.host.locate import locate
    from swarmtui.session.folder import SessionAmbiguous, SessionMissing

    try:
        folder = locate(arguments.task)
    except SessionMissing as error:
        if isinstance(error, SessionAmbiguous) and find_target(arguments.task).path is None:
            raise
        _of_task(arguments, console)
    else:
        tell(folder, History(folder).state(), console)
    return Exit.OK


def _of_task(arguments: Namespace, console: Console) -> None:
    from swarmtui.cli.failures import UsageError
    from swarmtui.cli.run import spec_of
    from swarmtui.cli.targets import find_target
    from swarmtui.host.assembly import prospect

    if find_target(arguments.task).path is None:
        raise UsageError(f"{arguments.task}: is neither a session nor a task file")
    spec = spec_of(arguments)
    state = asyncio.run(prospect(spec))
    if state.plan is None:
        raise UsageError(f"{arguments.task}: has no nodes yet; the planner writes them: swarmtui plan")
    warn(state, console)
    say(of_state(state, spec.task_folder), console)


def warn(state: SessionState, console: Console) -> None:
    """Say of which models no price is known, and what would help."""
    from swarmtui.host.assembly import money_warnings
    from swarmtui.models.prices import hint
    from swarmtui.session.budgets import unpriced_models

    unpriced = unpriced_models(state)
    for warning in money_warnings(state) or [f"no price is known of {', '.join(unpriced)}: {hint()}"] * bool(unpriced):
        console.warn(warning)


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
    warn(state, console)
    say(of_state(state, task_folder), console)


def of_state(state: SessionState, task_folder: Path) -> Forecasted:
    """The forecast of `state` with everything that is known here, from earlier sessions too."""
    import os

    from swarmtui.engine.foresight import foresee
    from swarmtui.host.experience import accounts_of, earlier

    known, accounts = earlier(os.environ), accounts_of(state.id, os.environ)
    return asyncio.run(foresee(state, task_folder, known, accounts))


def say(made: Forecasted, console: Console) -> None:
    """Print a forecast."""
    from swarmtui.cli.figures import forecast_table

    found = asdict(made)
    if console.json:
        console.emit({"type": "forecast", **found})
        return
    for line in forecast_table(found):
        console.say(line)
