"""What is asked of the selected node."""

from __future__ import annotations

from swarmtui.tui import commands
from swarmtui.tui.actions.action import EVERYWHERE, HOME, NODE, NODE_GROUP, PLAN, RUN, Action, Context, of_node


def _selected(context: Context) -> str | None:
    return None if context.node is not None else "no node is selected"


def _tried(context: Context) -> str | None:
    if context.node is None:
        return "no node is selected"
    return None if context.node.attempts > 1 else "it has not been tried more than once"


ACTIONS: tuple[Action, ...] = (
    Action(
        "pause_node", ("p",), "pause", "Hold the node, or let it go on; what runs of it goes on",
        NODE_GROUP, RUN | NODE, 70,
        commands=True, why_not=of_node(commands.why_not_pause_node), goes_on="let it go on",
    ),
    Action(
        "retry_node", ("r",), "retry", "Run the node again; of a map, the items that failed",
        NODE_GROUP, RUN | NODE, 68,
        commands=True, why_not=of_node(commands.why_not_retry_node),
    ),
    Action(
        "retry_below", ("b",), "retry below", "Run the node and everything that rests on it again", NODE_GROUP,
        RUN | NODE, commands=True, why_not=of_node(commands.why_not_retry_node),
    ),
    Action(
        "sooner", ("greater_than_sign",), "sooner", "Let the node go before others that are ready", NODE_GROUP,
        RUN | NODE, commands=True, why_not=of_node(commands.why_not_prioritise),
    ),
    Action(
        "later", ("less_than_sign",), "later", "Let the node go after others that are ready", NODE_GROUP,
        RUN | NODE, commands=True, why_not=of_node(commands.why_not_prioritise),
    ),
    Action(
        "skip_node", ("s",), "skip", "Do without the node: it ends as skipped", NODE_GROUP, RUN | NODE, 52,
        commands=True, why_not=of_node(commands.why_not_skip_node),
    ),
    Action(
        "mark_done", ("m",), "mark done", "Say that what was cut short had been done: it is not run again", NODE_GROUP,
        RUN | NODE, commands=True, why_not=of_node(commands.why_not_mark_done),
    ),
    Action(
        "cancel_node", ("x",), "cancel", "Stop the node and everything it started", NODE_GROUP, RUN | NODE, 54,
        commands=True, stops=True, why_not=of_node(commands.why_not_cancel_node),
    ),
    Action(
        "open", ("enter",), "open",
        "Open the selected node, session, item or file; of an attempt or a tool call all the room for what is told",
        NODE_GROUP, RUN | PLAN | HOME | NODE, 58, why_not=_selected,
    ),
    Action(
        "against", ("K",), "keep", "Hold the other attempts against this one ({form}: side by side, what differs)",
        NODE_GROUP, NODE, 34, why_not=_tried,
    ),
    Action("copy", ("y",), "copy", "Copy what is shown: the output (on the plan: the plan as YAML)", NODE_GROUP,
           EVERYWHERE, 20),
    Action("pager", ("o",), "pager", "Show it in your $PAGER (the output; on the plan: the plan)",
           NODE_GROUP, EVERYWHERE, 18),
    Action("editor", ("ampersand",), "$EDITOR", "Read what is shown in your $EDITOR; nothing is taken back from there",
           NODE_GROUP, NODE, 16),
    Action("save", ("dollar_sign",), "save", "Write what is shown to a file", NODE_GROUP, NODE, 15),
)  # fmt: skip
