"""``swarmtui plan``: have the planner write a plan, and print it as a task file."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.cli.run import add_task_arguments

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.session.state import SessionState


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    add_task_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the plan there instead of printing it")


def run(arguments: Namespace, console: Console) -> int:
    """Print or write the plan. What the planner wrote is kept as a session that waits for approval, too."""
    from swarmtui.cli.run import spec_of
    from swarmtui.host.api import run_spec
    from swarmtui.host.exits import Exit
    from swarmtui.host.spec import read_task
    from swarmtui.plan.render import plan_to_yaml, task_to_yaml

    spec = spec_of(arguments)
    task, _ = read_task(spec)
    if task.plan is not None:
        from swarmtui.host.assembly import prospect

        _foretell(asyncio.run(prospect(spec)), spec.task_folder, console)
        return _give(task_to_yaml(task), arguments.output, console)
    session = asyncio.run(run_spec(spec))
    state = session.state
    if state.plan is None:
        reason = state.reason or state.status.value
        console.warn(reason if reason.startswith("no plan") else f"no plan: {reason}")
        return Exit.FAILED
    if any(ref.simulated for name, ref in state.models.items() if name == "planner"):
        console.warn("SIMULATED: the built-in stand-in wrote this plan; `swarmtui doctor` says how to get a real one")
    console.warn(f"session {session.id} holds this plan: `swarmtui resume {session.id}` asks for approval and runs it")
    _foretell(state, spec.task_folder, console)
    return _give(plan_to_yaml(state.plan), arguments.output, console)


def _foretell(state: SessionState, task_folder: Path, console: Console) -> None:
    """Tell how long it takes and what it costs, beside the plan: standard output is a task file and nothing else."""
    from dataclasses import asdict

    from swarmtui.cli.figures import forecast_table
    from swarmtui.cli.forecast import of_state, warn

    warn(state, console)
    made = asdict(of_state(state, task_folder))
    for line in forecast_table(made):
        console.warn(line)


def _give(text: str, output: Path | None, console: Console) -> int:
    from swarmtui.host.exits import Exit

    if output is None:
        console.raw(text)
    else:
        output.write_text(text, "utf-8")
        console.warn(f"written to {output}")
    return Exit.OK
