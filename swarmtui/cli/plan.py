"""``swarmtui plan``: have the planner write a plan, and print it as a task file."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.cli.run import add_task_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmtui.cli.console import Console
    from swarmtui.plan.model import Plan
    from swarmtui.session.state import SessionState


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    add_task_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the plan there instead of printing it")
    parser.add_argument(
        "--explain", action="store_true", help="say why each node is there, and what could be better, on standard error"
    )


def run(arguments: Namespace, console: Console) -> int:
    """Print or write the plan. What the planner wrote is kept as a session that waits for approval, too."""
    from swarmtui.cli.run import spec_of
    from swarmtui.host.api import run_spec
    from swarmtui.host.exits import Exit
    from swarmtui.host.spec import read_task
    from swarmtui.plan.render import plan_to_yaml, task_to_yaml
    from swarmtui.session.events import PlanProposed

    spec = spec_of(arguments)
    task, _ = read_task(spec)
    if task.plan is not None:
        from swarmtui.host.assembly import prospect

        _foretell(asyncio.run(prospect(spec)), spec.task_folder, console)
        if arguments.explain:
            _explain(task.plan, {}, console)
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
    if arguments.explain:
        proposed = [event.body for event in session.events if isinstance(event.body, PlanProposed)]
        _explain(state.plan, proposed[-1].why if proposed else {}, console)
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


def _explain(plan: Plan, why: Mapping[str, str], console: Console) -> None:
    """Tell of each node why it is there, by the planner's word and by who reads it, and what could be better."""
    from swarmtui.plan.advice import advise
    from swarmtui.plan.graph import dependents, needs_of
    from swarmtui.safety.text import one_line

    advice = advise(plan)
    users = dependents(needs_of(plan))
    for one in (one for one in advice if not one.node):
        console.warn(f"advice: {one}")
    for node in plan.nodes:
        read = f"for {', '.join(users[node.id][:8])}" if users[node.id] else "an end of the plan"
        said = one_line(why.get(node.id, ""), 300)
        console.warn(f"{node.id}: {said} ({read})" if said else f"{node.id}: {read}")
        for one in (one for one in advice if one.node == node.id):
            console.warn(f"  advice: {one.text}: {one.fix}")


def _give(text: str, output: Path | None, console: Console) -> int:
    from swarmtui.host.exits import Exit

    if output is None:
        console.raw(text)
    else:
        output.write_text(text, "utf-8")
        console.warn(f"written to {output}")
    return Exit.OK
