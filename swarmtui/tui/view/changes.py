"""A change of the running plan as it is looked at before it is accepted."""

from __future__ import annotations

from collections.abc import Callable

from swarmtui.plan.diff import diff
from swarmtui.plan.patch import patched
from swarmtui.safety.text import clean
from swarmtui.session.events import ChangeProposed
from swarmtui.session.replans import run_again
from swarmtui.session.state import SessionState
from swarmtui.tui.view import document
from swarmtui.tui.view.lines import Line, Role
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.plan import node_facts


def change_lines(state: SessionState, change: ChangeProposed) -> Callable[[int], list[Line]]:
    """What the change says of itself, what it does to the plan, and each of its nodes whole."""
    described = diff(state.plan, patched(state.plan, change.put, change.drop)).describe() if state.plan else []

    def lines(width: int) -> list[Line]:
        made = [*document.prose(change.note, width), ()] if change.note.strip() else []
        made += [*document.changes(described, width), ()]
        if change.again:
            made += [*document.facts(_again(state, change), width, 9), ()]
        for node in change.put:
            made.append(((name_of(node.id, 60), "strong"),))
            if node.id in change.why:
                made += document.facts([("why", clean(change.why[node.id]), "accent")], width, 9)
            made += [*document.facts(node_facts(state, node), width, 9), ()]
        return made

    return lines


def _again(state: SessionState, change: ChangeProposed) -> list[tuple[str, str, Role]]:
    """What the change runs again: to accept it is to accept that too."""
    return [
        ("again", f"{name_of(name, 60)}, which failed{' and may have changed something' if danger else ''}", role)
        for name, danger in run_again(state, change)
        for role in (("warn" if danger else "text"),)
    ]
