"""The bar of a replay: where in the events the play head is, what is worth going to, and how time passes. Pure.

A cell of the bar stands for as many events as any other, not for as much time: waits take no room in it, so that the
long ones are named where they were.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from swarmtui.safety.text import one_line
from swarmtui.session.marks import Mark, MarkKind
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import Sign
from swarmtui.tui.view.lines import Line, Span, cells, joined, pad, shorten, width

if TYPE_CHECKING:
    from swarmtui.host.feed import Play
    from swarmtui.tui.view.glyphs import Glyphs

TICKS: dict[MarkKind, Sign] = {
    MarkKind.USER: Sign("★", "*", "accent"),
    MarkKind.CRASH: Sign("!", "!", "bad"),
    MarkKind.FAILURE: Sign("✗", "x", "failed"),
    MarkKind.QUESTION: Sign("?", "?", "ask"),
    MarkKind.APPROVAL: Sign("◆", "a", "ask"),
    MarkKind.BUDGET: Sign("$", "$", "warn"),
    MarkKind.EDIT: Sign("±", "e", "accent"),
    MarkKind.FORK: Sign("Y", "Y", "accent"),
    MarkKind.RETRY: Sign("↻", "r", "retrying"),
    MarkKind.PAUSE: Sign("‖", "|", "held"),
}
"""How marks look, in ASCII too; where several fall into one cell, the first of this order is shown."""
_RANK = {kind: at for at, kind in enumerate(TICKS)}
MANY = (MarkKind.RETRY, MarkKind.PAUSE)
"""Marks of which there can be one in every cell, so that they give way to the name of a long wait."""
MARGIN = 1
_PLAYING, _PAUSED = Sign("▶", ">", "running"), Sign("‖", "||", "held")


def room(size: int) -> int:
    """Cells of the bar itself in a line of `size`."""
    return max(1, size - 2 * MARGIN)


def cell_of(seq: int, head_seq: int, size: int) -> int:
    """The cell of `size` that event `seq` falls into: the first event is in the first, the last in the last."""
    return min(size - 1, max(0, (seq - 1) * (size - 1) // max(1, head_seq - 1)))


def seq_of(x: int, head_seq: int, size: int) -> int:
    """The event to go to for a click on cell `x` of a line of `size`; the last cell is the end."""
    inside = room(size)
    at = min(inside - 1, max(0, x - MARGIN))
    return head_seq if at == inside - 1 else min(head_seq, 1 - (-at * (head_seq - 1) // (inside - 1)))


def seq_at_share(share: float, head_seq: int) -> int:
    """The event at a share (0 to 1) of all."""
    return 1 + round(share * max(0, head_seq - 1))


def bar(play: Play, size: int, glyphs: Glyphs) -> tuple[Line, int]:
    """The bar in `size` cells, and the cell in which the play head is."""
    inside = room(size)
    head = cell_of(play.seq, play.head_seq, inside)
    ticks = _ticks(play.marks, play.head_seq, inside)
    grave = {at for at, kind in ticks.items() if kind not in MANY}
    waits = _waits(play, inside, {head, *grave}, glyphs)
    spans: list[Span] = [(" " * MARGIN, "text")]
    for at in range(inside):
        if at == head:  # the mark that it stands on is named below
            spans.append(("O" if glyphs.ascii else "●", "strong"))
        elif at in waits:
            spans.append(waits[at])
        elif at in ticks:
            spans.append(glyphs.sign(TICKS[ticks[at]]))
        else:
            spans.append((glyphs.full, "bar") if at < head else (glyphs.empty, "rest"))
    return joined(spans), head + MARGIN


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """Marks, told apart by being the same tuple: to compare a hundred thousand of them would cost what is saved."""

    marks: tuple[Mark, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.marks is other.marks

    def __hash__(self) -> int:
        return id(self.marks)


@lru_cache(4)
def _seqs(of: _Same) -> dict[MarkKind, list[int]]:
    """Where the marks of each kind are, ascending. Made once for each set of marks, not for each frame."""
    seqs: dict[MarkKind, list[int]] = {}
    for mark in of.marks:
        seqs.setdefault(mark.kind, []).append(mark.seq)
    return seqs


def _ticks(marks: tuple[Mark, ...], head_seq: int, inside: int) -> dict[int, MarkKind]:
    """The gravest mark of each cell that has any. Costs what the cells cost, however many marks there are."""
    ticks: dict[int, MarkKind] = {}
    by_kind = _seqs(_Same(marks))
    for kind in sorted(by_kind, key=_RANK.__getitem__):
        seqs, next_at = by_kind[kind], 0
        while next_at < len(seqs):
            cell = cell_of(seqs[next_at], head_seq, inside)
            ticks.setdefault(cell, kind)
            if cell == inside - 1:
                break
            beyond = 1 - (-(cell + 1) * (head_seq - 1) // (inside - 1))  # the first event of the next cell
            next_at = max(next_at + 1, bisect_left(seqs, beyond))
    return ticks


def _waits(play: Play, inside: int, taken: set[int], glyphs: Glyphs) -> dict[int, Span]:
    """Cells in which gaps are named: each before the event that ended it, the longest first, where there is room."""
    shown: dict[int, Span] = {}
    for gap in sorted(play.gaps, key=lambda gap: -gap.seconds):
        text = f" {_wait_sign(glyphs)} {say.ago(gap.seconds)} "
        start = max(0, cell_of(gap.seq, play.head_seq, inside) - len(text))
        place = range(start, start + len(text))
        if start + len(text) <= inside and taken.isdisjoint(place):
            cut = play.idle_limit is not None and gap.seconds > play.idle_limit
            shown |= {at: (char, "warn" if cut else "muted") for at, char in zip(place, text, strict=True)}
            taken = taken | set(place)
    return shown


def _wait_sign(glyphs: Glyphs) -> str:
    """A time without events is no pause: nobody stopped anything."""
    return "~" if glyphs.ascii else "⋯"


def at_end(play: Play, live: str) -> str:
    """Where the play head is once there is nothing more to play, and what the key `live` does there."""
    return f"the end: {live} leads back" if play.over else f"the end so far: {live} goes live"


def figures(play: Play, size: int, glyphs: Glyphs, live: str) -> Line:
    """In words: played or not, how fast, where, what wait is passed over, and the mark that was passed last; `live` is
    the key that goes live."""
    end = play.last_mono if play.over_mono is None else play.over_mono  # as long as everywhere else it is said to be
    at = say.clock(min(play.mono, end) - play.first_mono)
    sign, role_of_sign = glyphs.sign(_PLAYING if play.playing else _PAUSED)
    spans: list[Span] = [
        (f" {sign} ", role_of_sign),
        (f"{play.speed:g}{'x' if glyphs.ascii else '×'}", "strong"),
        (f"  {at}", "strong"),
        (f"/{say.clock(end - play.first_mono)}  ", "muted"),
        (say.count(play.seq), "strong"),
        (f"/{say.count(play.head_seq)}  {say.percent(play.seq, play.head_seq)}", "muted"),
    ]
    if play.gap_s is not None:
        spans += [("  ", "text"), (f"{_wait_sign(glyphs)} {say.ago(play.gap_s)} wait", "warn")]
    elif play.idle_limit is None:
        spans.append(("  waits in full", "muted"))
    if play.live:
        ahead = play.head_seq - play.seq
        leads = f"{live} {'back' if play.over else 'live'}" if ahead else at_end(play, live)
        spans += [("  ", "text"), (leads, "accent")]
        if ahead:
            spans.append((f" +{say.count(ahead)}", "muted"))
    left = size - width(tuple(spans)) - 4
    passed = bisect_right(play.marks, play.seq, key=lambda mark: mark.seq)
    last = play.marks[passed - 1] if passed else None
    if last is not None and left >= 12:
        icon, role = glyphs.sign(TICKS[last.kind])
        on_it = last.seq == play.seq
        label = shorten(one_line(last.label, 200), left - cells(icon) - 1, glyphs.cut)
        spans += [("   ", "text"), (f"{icon} ", role), (label, "text" if on_it else "faint")]
    return pad(tuple(spans), size)
