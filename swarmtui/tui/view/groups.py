"""A folded group as people see it: how many of it there are, and how they stand."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.session.vocabulary import ENDED, State
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import ASK, MARKS, Glyphs, Mark
from swarmtui.tui.view.lines import Line, Role, Span, fit, shorten_line, width
from swarmtui.tui.view.nodes import BAR, name_of

if TYPE_CHECKING:
    from swarmtui.session.state import SessionState
    from swarmtui.tui.view.folding import Group

COUNTS = 24
"""Cells in which the counts of a group are told in words: ``31 ok, 12 run, 5 fail``."""
SIGNS = 12
"""Cells in which they are told in signs: ``31✓ 12● 5✗``."""
_TOLD: tuple[tuple[str, tuple[State, ...], Role], ...] = (
    ("ok", (State.SUCCEEDED,), "muted"),
    ("run", (State.RUNNING,), "running"),
    ("again", (State.RETRYING, State.THROTTLED), "retrying"),
    ("fail", (State.FAILED,), "bad"),
    ("cut", (State.INTERRUPTED,), "interrupted"),
    ("stale", (State.STALE,), "stale"),
    ("held", (State.HELD,), "held"),
    ("off", (State.SKIPPED, State.CANCELLED), "muted"),
)
_SIGNED = (State.SUCCEEDED, State.RUNNING, State.RETRYING, State.THROTTLED, State.INTERRUPTED, State.FAILED)
_MARKED = (
    State.RUNNING, State.RETRYING, State.THROTTLED, State.INTERRUPTED, State.FAILED, State.HELD, State.READY,
    State.WAITING, State.STALE, State.CANCELLED, State.SKIPPED, State.SUCCEEDED,
)  # fmt: skip
"""The first of these that a member is in is the mark of the group."""


@frozen
class Tally:
    """How the members of a group stand."""

    counts: dict[State, int]
    asking: int
    """Members that wait for the user."""

    @property
    def total(self) -> int:
        """Members."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """Members that have ended."""
        return sum(self.counts.get(state, 0) for state in ENDED)

    @property
    def mark(self) -> Mark:
        """The mark of the whole."""
        if self.asking:
            return ASK
        return MARKS[next((state for state in _MARKED if self.counts.get(state)), State.WAITING)]

    def told(self) -> Line:
        """``31 ok, 12 run, 5 fail``; empty before anything of it has begun."""
        parts: list[Span] = [(f"{say.short(self.asking)} ask", "ask")] if self.asking else []
        for word, states, role in _TOLD:
            number = sum(self.counts.get(state, 0) for state in states)
            if number:
                parts.append((f"{say.short(number)} {word}", role))
        spans: list[Span] = []
        for part in parts:
            spans += [(", ", "muted"), part] if spans else [part]
        return tuple(spans)

    def signs(self, glyphs: Glyphs) -> Line:
        """The same in less room: ``31✓ 12● 5✗``."""
        gap = " " if glyphs.ascii else ""
        spans: list[Span] = []
        for mark, number in ((ASK, self.asking), *((MARKS[state], self.counts.get(state, 0)) for state in _SIGNED)):
            if number:
                spans += [(" ", "muted")] if spans else []
                spans.append((f"{say.short(number)}{gap}{glyphs.icon(mark).strip()}", mark.role))
        return tuple(spans)

    def fitted(self, size: int, glyphs: Glyphs) -> Line:
        """The one of both that fits in `size` cells."""
        told = self.told()
        return told if width(told) <= size else shorten_line(self.signs(glyphs), size, glyphs.cut)


def tally(state: SessionState, group: Group) -> Tally:
    """Count the members of a group."""
    nodes = state.nodes
    if not state.approved_rev:
        return Tally({State.WAITING: len(group.members)}, 0)
    counts = Counter(nodes[name].state for name in group.members if name in nodes)
    asked = {pending.node for pending in state.pending.values()} if state.pending else set()
    return Tally(dict(counts), sum(name in asked for name in group.members) if asked else 0)


def group_name(group: Group, glyphs: Glyphs) -> str:
    """``search ×48``; of an agent and what it gave away ``lead +4``."""
    number = f"+{len(group.members) - 1}" if group.head else f"{'x' if glyphs.ascii else '×'}{len(group.members)}"
    return f"{name_of(group.name)} {number}"


def group_box(group: Group, told: Tally, glyphs: Glyphs, size: int, room: int) -> Line:
    """The group in one line of `size` cells, `room` of them for how its members stand."""
    mark = told.mark
    name_room = max(1, size - room - glyphs.icon_width - 1)
    name: Span = (fit(group_name(group, glyphs), name_room, ellipsis=glyphs.cut), "strong")
    head: Line = ((glyphs.icon(mark), mark.role), (" ", "text"), name)
    if room < COUNTS:
        words = say.percent(told.ended, told.total) if told.ended else ""
        return (*head, (fit(f" {words}", room, right=True, ellipsis=glyphs.cut), "muted")) if room else head
    return (*head, *_right(told.told(), room, glyphs.cut))


def group_under(told: Tally, glyphs: Glyphs, size: int) -> Line:
    """The second line of a box."""
    indent = " " * (glyphs.icon_width + 1)
    return ((indent, "text"), *told.fitted(size - len(indent), glyphs))


def group_list_line(group: Group, told: Tally, glyphs: Glyphs, size: int, name_room: int) -> Line:
    """The group in the list: a bar, and how its members stand."""
    mark = told.mark
    head: Line = (
        (glyphs.icon(mark), mark.role),
        (" ", "text"),
        (fit(group_name(group, glyphs), name_room, ellipsis=glyphs.cut), "strong"),
    )
    left = size - glyphs.icon_width - 1 - name_room
    if left < BAR + 8:
        return head
    done, rest = glyphs.bar(told.ended, told.total, BAR)
    percent: Span = (f" {say.percent(told.ended, told.total):>4}  ", "text")
    return (
        *head,
        ("  ", "text"),
        (done, "bar"),
        (rest, "rest"),
        percent,
        *shorten_line(told.told(), left - BAR - 9, glyphs.cut),
    )


def _right(line: Line, size: int, ellipsis: str) -> Line:
    shown = shorten_line(line, size - 1, ellipsis)
    return ((" " * (size - width(shown)), "text"), *shown)
