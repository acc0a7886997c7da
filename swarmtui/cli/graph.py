"""``swarmtui graph``: the graph of a session or a task file as text."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.plan.model import Plan

FORMS = ("ascii", "mermaid", "dot", "text")
MARKS = {
    "succeeded": "+",
    "failed": "!",
    "running": ">",
    "retrying": "~",
    "throttled": "~",
    "skipped": "-",
    "cancelled": "x",
    "held": "=",
    "interrupted": "?",
}


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("what", metavar="ID|TASK", help="a session, a task file, or the name of a sample")
    parser.add_argument("--as", choices=FORMS, default="ascii", dest="form", help="the form; ascii unless said")


def run(arguments: Namespace, console: Console) -> int:
    """Draw it."""
    from swarmtui.host.exits import Exit
    from swarmtui.plan import drawing

    plan, marks = _plan_of(arguments.what)
    if arguments.form == "ascii":
        unicode = (sys.stdout.encoding or "").lower().startswith("utf")
        console.raw(drawing.as_ascii(plan, drawing.UNICODE if unicode else drawing.ASCII, marks))
    else:
        draw = {"mermaid": drawing.as_mermaid, "dot": drawing.as_dot, "text": drawing.plan_to_text}[arguments.form]
        console.raw(draw(plan))
    return Exit.OK


def _plan_of(word: str) -> tuple[Plan, dict[str, str]]:
    """The plan, and a mark for each node whose state says something. Raises UsageError, TaskError, LogError."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.cli.targets import find_target
    from swarmtui.host.history import History
    from swarmtui.host.locate import locate
    from swarmtui.plan.taskfile import load_task
    from swarmtui.session.folder import SessionAmbiguous, SessionMissing

    try:
        state = History(locate(word)).state()
    except SessionMissing as error:
        target = find_target(word)
        if target.path is None and isinstance(error, SessionAmbiguous):
            raise
        if target.path is None:
            raise UsageError(f"{word}: is neither a session nor a task file") from None
        plan = load_task(target.path).plan
        if plan is None:
            raise UsageError(f"{target.path}: has no nodes yet; the planner writes them: swarmtui plan") from None
        return plan, {}
    if state.plan is None:
        raise UsageError(f"session {state.id} has no plan")
    return state.plan, {node.id: MARKS[node.state] for node in state.nodes.values() if node.state in MARKS}
