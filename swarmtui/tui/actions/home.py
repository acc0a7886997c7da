"""What is done with the sessions there are."""

from __future__ import annotations

from swarmtui.tui.actions.action import HOME, HOME_GROUP, NODE_GROUP, RUN, Action

ACTIONS: tuple[Action, ...] = (
    Action("new_goal", ("n",), "new", "Type a goal, or the name of a task file", HOME_GROUP, HOME, 185),
    Action(
        "plan_now", ("f9",), "start", "Start what the prompt says, a goal at once; else what the coordinator proposes",
        HOME_GROUP, HOME, 60,
    ),
    Action("take", ("f10", "ctrl+g"), "change", "Put what the coordinator proposes into the prompt", HOME_GROUP,
           HOME, 58),
    Action("talk", ("f11",), "talk", "Show or hide the conversation with the coordinator", HOME_GROUP,
           HOME, 56),
    Action("clear_talk", (), "forget", "Forget the conversation with the coordinator (or type /clear)", HOME_GROUP,
           HOME),
    Action(
        "select", ("space", "insert"), "mark",
        "Mark the node, the item or the session: actions are about all that are marked, and {compare} compares two",
        NODE_GROUP, RUN | HOME, 78,
    ),
    Action(
        "select_all", ("asterisk",), "mark all",
        "Mark all that are shown, or none if they are; {back} takes marks away",
        NODE_GROUP, RUN | HOME, 0,
    ),
    Action(
        "remove", ("W",), "remove", "Remove the marked sessions, or the selected one, for good (shows first which)",
        HOME_GROUP, HOME, 28,
    ),
    Action("tree", ("T",), "tree", "Forks under what they were forked from, or all by time", HOME_GROUP, HOME, 12),
    Action("hosts", ("O",), "hosts", "Which other machines' sessions are listed: add one, switch one off", HOME_GROUP,
           HOME, 10),
)  # fmt: skip
