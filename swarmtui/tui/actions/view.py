"""How things are shown."""

from __future__ import annotations

from swarmtui.tui.actions.action import COMPARE, EVERYWHERE, HOME, NODE, PLAN, RUN, VIEW, Action, has_plan

ACTIONS: tuple[Action, ...] = (
    Action(
        "form", ("v",), "view",
        "Other form: graph as columns or list; plan as graph, text or differences; Markdown as it is written (among "
        "workers, on a node); attempts side by side; which rows",
        VIEW, RUN | PLAN | HOME | COMPARE | NODE, 40, why_not=has_plan,
    ),
    Action("focus_graph", ("f",), "focus", "Dim all but the selected node and its neighbours", VIEW, RUN | PLAN, 24),
    Action("zoom", ("Z",), "zoom", "What the graph says of each node: what fits, how it stands, its name, its mark",
           VIEW, RUN, 0, why_not=has_plan),
    Action("follow_front", ("V",), "follow", "Keep what runs in view while nobody moves about in the graph, or do not",
           VIEW, RUN, 0, why_not=has_plan),
    Action("fold_group", ("B",), "fold", "Fold the group, the stage or what the agent gave away, or unfold it",
           VIEW, RUN, 0, why_not=has_plan),
    Action("sort", ("S",), "sort", "Sort the table by the next column; by the time it took the slowest stands on top",
           VIEW, RUN | PLAN | HOME, 0, also="slowest node, longest, order"),
    Action("reverse", ("D",), "reverse", "Turn the order of the table round", VIEW, RUN | PLAN | HOME, 0),
    Action("columns", ("backslash",), "columns", "Which columns the table shows, and in which order", VIEW, RUN, 0),
    Action("widen", ("w",), "wide", "Give the focused pane the whole screen, or put it back", VIEW, RUN | PLAN, 22),
    Action("pin", ("K",), "pin", "Keep the worker's pane in place and in front, or no longer", VIEW, RUN, 0),
    Action("toggle_log", ("L",), "log", "Show or hide the log", VIEW, RUN, 16),
    Action("log_level", ("i", "I"), "log level", "What the log shows: warnings up, all, or what matters", VIEW, RUN),
    Action("view_plan", ("1", "f2"), "plan", "The plan", VIEW, EVERYWHERE, 0),
    Action("view_run", ("2", "f3"), "run", "Everything at a glance", VIEW, EVERYWHERE, 0),
    Action("view_workers", ("3", "f4"), "workers", "The workers' live output", VIEW, EVERYWHERE, 0),
    Action("view_table", ("4", "f5"), "table", "The table alone", VIEW, EVERYWHERE, 0),
    Action("view_log", ("5", "f6"), "log", "The log alone", VIEW, EVERYWHERE, 0),
    Action("view_timeline", ("6", "f7"), "timeline", "When each node waited and worked, over time", VIEW, EVERYWHERE),
    Action("view_pools", ("7", "f8"), "pools", "What each pool may do at once, what throttles it, and why; the budget",
           VIEW, EVERYWHERE),
    Action("zoom_in", ("right_curly_bracket",), "closer", "Timeline: show less time (ctrl+wheel zooms too)", VIEW, RUN),
    Action("zoom_out", ("left_curly_bracket",), "farther",
           "Timeline: show more time; {left} and {right} move in it", VIEW, RUN),
)  # fmt: skip
