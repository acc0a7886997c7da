"""What can be done with a plan before it runs."""

from __future__ import annotations

from swarmtui.tui import commands
from swarmtui.tui.actions.action import PLAN, PLAN_GROUP, RUN, Action, Context, of_state


def _remove(context: Context) -> str | None:
    why = commands.why_not_edit(context.state)
    return why or (None if context.node is not None else "no node is selected")


ACTIONS: tuple[Action, ...] = (
    Action(
        "approve", ("A",), "approve and run", "Approve exactly the plan shown, and run it", PLAN_GROUP, PLAN, 100,
        commands=True, why_not=of_state(commands.why_not_decide),
    ),
    Action(
        "change", ("c",), "ask for changes", "Tell the planner what to change: a new revision", PLAN_GROUP, PLAN, 90,
        commands=True, why_not=of_state(commands.why_not_decide),
    ),
    Action(
        "edit", ("e",), "edit", "Edit the plan as YAML in $EDITOR; errors are shown and nothing is lost", PLAN_GROUP,
        PLAN | RUN, 80, commands=True, why_not=of_state(commands.why_not_edit), also="propose save apply",
    ),
    Action(
        "add_node", ("O",), "add", "Add a node that needs the selected one, in a form", PLAN_GROUP, PLAN, 76,
        commands=True, why_not=of_state(commands.why_not_edit),
    ),
    Action(
        "remove_node", ("W",), "remove", "Remove the selected node; undo takes it back", PLAN_GROUP, PLAN, 74,
        commands=True, why_not=_remove,
    ),
    Action(
        "connect", ("J",), "connect", "Let the selected node need another one, or no longer", PLAN_GROUP, PLAN, 72,
        commands=True, why_not=_remove,
    ),
    Action(
        "redo", ("Z",), "redo", "Make the change once more that was taken back last", PLAN_GROUP, PLAN, 66,
        commands=True, why_not=of_state(commands.why_not_redo),
    ),
)  # fmt: skip
