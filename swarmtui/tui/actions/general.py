"""What is the same everywhere."""

from __future__ import annotations

from swarmtui.tui.actions.action import ALL, COMPARE, EVERYWHERE, GENERAL, HOME, PLAN, RUN, Action

ACTIONS: tuple[Action, ...] = (
    Action("back", ("escape",), "back", "Back; clears the filter", GENERAL, EVERYWHERE | HOME, 14),
    Action("theme", ("t",), "theme", "Choose a theme: what is marked is shown at once", GENERAL, ALL, 0),
    Action("screenshot", ("f12",), "picture", "Write the screen to an SVG file in the current folder", GENERAL, ALL),
    Action("palette", ("colon", "ctrl+p"), "commands", "All commands and nodes, by name", GENERAL, ALL, 180),
    Action("jump", ("apostrophe", "ctrl+o"), "jump",
           "Jump: labels on panes, rows and nodes; typing one goes there", GENERAL, ALL, 17),
    Action("help", ("question_mark", "f1"), "help", "All keys; type to filter", GENERAL, ALL, 200),
    Action("said", ("quotation_mark",), "what was said", "What the workbench has said: notices, warnings, errors",
           GENERAL, ALL),
    Action("tour", (), "tour", "Be shown around: what the parts of the screen are, and the keys to begin with", GENERAL,
           RUN | PLAN | HOME),
    Action("detach", ("d", "q"), "detach", "Leave; the session goes on (swarmtui attach brings you back)",
           GENERAL, EVERYWHERE, 190),
    Action("quit", ("q",), "quit", "Leave; sessions that run go on", GENERAL, HOME, 190),
    Action("leave", ("q", "escape"), "back", "Back to where it was asked for", GENERAL, COMPARE, 190),
)  # fmt: skip
