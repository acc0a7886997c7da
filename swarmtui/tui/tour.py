"""The first look around: which parts of a screen are pointed at, in which order, and what is said of each. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from swarmtui.frozen import frozen
from swarmtui.tui.actions.action import Scope
from swarmtui.tui.view.lines import Line, cells, fit, wrap

SEEN = "tour_seen"
"""Under which name it is remembered that there was one."""
SMALLEST = 60, 16
"""Below so many columns and lines nobody is shown around unasked."""
WIDE = 58
"""Cells of the box, as far as there is room."""

Rect = tuple[int, int, int, int]
"""x, y, width, height."""


@frozen
class Step:
    """One part of a screen, and what is said of it, as ``Keys.in_words`` takes it."""

    part: str
    """The widget's ID."""
    title: str
    text: str


STEPS: Mapping[Scope, tuple[Step, ...]] = {
    Scope.RUN: (
        Step("header", "How it stands",
             "Whether the session is well, how far it is, what it costs, and whether something waits for you: then "
             "{attend} goes there."),
        Step("graph", "What rests on what",
             "Every node and what it needs. The arrows or {left}{down}{up}{right} go from one to the next, {open} "
             "opens the one you are on, {find} finds by name."),
        Step("panes", "What it is saying",
             "The selected node as it works: text, tool calls, speed. {view_workers} shows all workers side by side, "
             "{view_run} leads back here."),
        Step("table", "Every node in a line",
             "{sort} sorts, {find} filters, a click on a head does, too. {next_pane} goes from pane to pane, and "
             "{widen} gives one the whole screen."),
        Step("log", "What has happened",
             "Failures, retries and decisions as they come; {log_level} shows more of them or fewer, {toggle_log} "
             "hides it."),
        Step("actions", "What you can do",
             "What applies now, with its key. {help} shows all keys, {palette} finds everything by name, {jump} puts "
             "labels on the screen. {detach} leaves: the session goes on without you."),
    ),
    Scope.PLAN: (
        Step("header", "A plan waits for you", "Nothing has run, and nothing runs before you say so."),
        Step("plan-graph", "What would be done",
             "Each node and what it needs. The arrows go from one to the next; {form} shows the plan as text."),
        Step("plan-node", "One of them in full", "Model, prompt, tools and permissions of the selected node."),
        Step("plan-checks", "Look at these first", "What reaches the network or changes files, and what seems odd."),
        Step("plan-forecast", "What it takes", "Time and cost at several numbers of workers, as far as it is known."),
        Step("actions", "You decide",
             "{approve} runs exactly what is shown, {change} asks the planner for another plan, {edit} lets you "
             "change it. {help} shows all keys; {detach} leaves it waiting."),
    ),
    Scope.HOME: (
        Step("header", "Your sessions", "How many there are, how many go on, and how many need you."),
        Step("prompt-place", "Begin something", "Type a goal, or the name of a task file or of a sample."),
        Step("sessions", "One in each line",
             "{open} opens one, {past} lives through it again, {fork} begins another from any moment of it. {find} "
             "filters, {sort} sorts."),
        Step("actions", "What you can do",
             "What applies now, with its key. {help} shows all keys, {palette} finds everything by name. {quit} "
             "leaves: sessions go on."),
    ),
}  # fmt: skip


def due(*, seen: bool, lasting: bool, terminal: bool, replay: bool, environ: Mapping[str, str]) -> bool:
    """Whether somebody is shown around unasked: once, in a terminal, with a session that is not a replay.

    `lasting`: whether it will be remembered; what forgets would show it every time.
    """
    wanted = environ.get("SWARMTUI_TOUR", "") != "0" and not environ.get("CI")
    return wanted and terminal and lasting and not seen and not replay


def box_lines(
    step: Step, text: str, at: int, count: int, hint: str, width: int, *, ascii_only: bool, short: bool = False
) -> list[Line]:
    """The box with what is said, `width` cells wide; `short`: without an empty line."""
    corners, across, down = ("++++", "-", "|") if ascii_only else ("╭╮╰╯", "─", "│")
    inner = width - 4
    head = f" {step.title} "
    rows = [*wrap(text, inner), *([] if short else [""]), fit(hint, inner)]
    number = f" {at + 1} of {count} "
    top = across + head + across * (width - 3 - cells(head) - cells(number)) + number
    lines: list[Line] = [((corners[0], "accent"), (top[: width - 2], "strong"), (corners[1], "accent"))]
    for n, row in enumerate(rows):
        role = "muted" if n == len(rows) - 1 else "text"
        lines.append(((f"{down} ", "accent"), (fit(row, inner), role), (f" {down}", "accent")))  # type: ignore[arg-type]
    lines.append(((corners[2] + across * (width - 2) + corners[3], "accent"),))
    return lines


def place(part: Rect, screen: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """Where the box goes so that it hides as little as can be of the part: below, above, beside, else over its end."""
    x, y, wide, high = part
    (width, height), (box_wide, box_high) = screen, box
    along = max(0, min(x + max(0, (wide - box_wide) // 2), width - box_wide))
    beside = max(0, min(y, height - box_high))
    if y + high + box_high <= height:
        return along, y + high
    if y - box_high >= 0:
        return along, y - box_high
    if x + wide + box_wide <= width:
        return x + wide, beside
    if x - box_wide >= 0:
        return x - box_wide, beside
    return along, max(0, min(y + high, height) - box_high)


def hides(part: Rect, at: tuple[int, int], box: tuple[int, int]) -> bool:
    """Whether a box lies over the part of which it tells."""
    (x, y, wide, high), (left, top), (box_wide, box_high) = part, at, box
    return left < x + wide and x < left + box_wide and top < y + high and y < top + box_high
