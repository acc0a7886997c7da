"""Moving about on a screen."""

from __future__ import annotations

from swarmtui.tui.actions.action import ALL, EVERYWHERE, HOME, MOVE, NODE, PLAN, RUN, Action

ACTIONS: tuple[Action, ...] = (
    Action("up", ("k", "up"), "up", "Up", MOVE, ALL),
    Action("down", ("j", "down"), "down", "Down", MOVE, ALL),
    Action("left", ("h", "left"), "left", "To what the node needs; elsewhere to the left", MOVE, EVERYWHERE),
    Action("right", ("l", "right"), "right", "To what needs the node; elsewhere to the right", MOVE, EVERYWHERE),
    Action("first", ("g", "home"), "first", "To the first", MOVE, ALL),
    Action("last", ("G", "end"), "last", "To the last; in the log: follow it again", MOVE, ALL),
    Action("page_up", ("pageup", "ctrl+b"), "page up", "A page up", MOVE, ALL),
    Action("page_down", ("pagedown", "ctrl+f"), "page down", "A page down", MOVE, ALL),
    Action("next_pane", ("tab",), "next pane", "Next pane; among tabs, the next tab", MOVE, ALL),
    Action("previous_pane", ("shift+tab",), "previous pane", "Previous pane or tab", MOVE, ALL),
    Action("find", ("slash",), "filter", "Filter the table and mark nodes: words that must occur, !word must not",
           MOVE, RUN | PLAN | HOME, 44),
    Action("search", ("slash",), "search", "Search the text that is shown: lines in which all words occur", MOVE,
           NODE, 62),
    Action("find_next", ("n",), "next match", "Next match", MOVE, EVERYWHERE),
    Action("find_previous", ("N",), "previous match", "Previous match", MOVE, EVERYWHERE),
)  # fmt: skip
