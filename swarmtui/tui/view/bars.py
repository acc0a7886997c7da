"""The time of nodes as bars: glyphs that tell waiting from work without any colour, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmtui.session.vocabulary import State
from swarmtui.tui.view.lines import Line, Role, Span, cells, joined
from swarmtui.tui.view.stretches import WORK, Kind, Part

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState
    from swarmtui.tui.view.flights import Flow
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.timescale import Window


@dataclass(frozen=True, slots=True)
class Ink:
    """How a kind of time is drawn and called."""

    glyph: str
    ascii: str
    role: Role
    word: str


INK: dict[Kind, Ink] = {
    "queue": Ink("░", ".", "waiting", "queued"),
    "throttle": Ink("▒", "~", "throttled", "throttled"),
    "backoff": Ink("╌", "-", "retrying", "backing off"),
    "away": Ink("┈", "_", "held", "let go of its place"),
    "idle": Ink(" ", " ", "faint", "idle"),
    "run": Ink("▇", "#", "running", "running"),
    "ok": Ink("▇", "#", "succeeded", "ran"),
    "failed": Ink("▇", "#", "failed", "failed"),
    "refused": Ink("▓", "%", "throttled", "refused"),
    "cut": Ink("▓", "%", "cancelled", "cut short"),
    "asks": Ink("·", "?", "ask", "asked you"),
}
_MARKS: dict[Kind, tuple[str, str, Role]] = {
    "failed": ("✗", "X", "failed"), "refused": ("◔", "%", "throttled"), "cut": ("!", "!", "interrupted"),
}  # fmt: skip
"""What is put on the last cell of work that ended so."""
RETRY = ("↻", "r")
FRONT = ("▶", ">")
LIT = ("◆", "*")


def bar(told: Sequence[Part], window: Window, glyphs: Glyphs) -> Line:
    """The parts that are in the window as cells. Each cell shows what took most of it; work that ended badly is marked
    where it ended, a retry where it began, and what runs where it is now."""
    size, begin, per = window.size, window.begin, window.per_cell
    most = [0.0] * size
    inks: list[Kind | None] = [None] * size
    marks: dict[int, Span] = {}
    pick = 1 if glyphs.ascii else 0
    tries = 0
    for kind, start, end in told:
        tries += kind in WORK and kind != "asks"
        first, last = int((start - begin) // per), int((end - begin) // per)
        if last < 0 or first >= size:
            continue
        if kind != "idle":
            for at in range(max(0, first), min(size - 1, last) + 1):
                left, right = begin + at * per, begin + (at + 1) * per
                share = min(end, right) - max(start, left)
                if share > most[at] or (inks[at] is None and (share > 0 or kind in WORK)):
                    most[at], inks[at] = share, kind
        if kind in WORK and tries > 1 and 0 <= first < size:
            marks.setdefault(first, (RETRY[pick], "retrying"))
        if kind in _MARKS and 0 <= last < size:
            marks[last] = (_MARKS[kind][pick], _MARKS[kind][2])
        if kind == "run" and 0 <= last < size:
            marks[last] = (FRONT[pick], "running")
    return joined([marks.get(at) or _cell(inks[at], glyphs) for at in range(size)])


def _cell(kind: Kind | None, glyphs: Glyphs) -> Span:
    if kind is None:
        return " ", "text"
    ink = INK[kind]
    return (ink.ascii if glyphs.ascii else ink.glyph), ink.role


def density(flow: Flow, node: NodeState, window: Window, glyphs: Glyphs) -> Line:
    """A map as one row: how many of its items were in flight, and where some failed or were refused."""
    peak = max(1, max(flow.levels, default=1))
    spans: list[Span] = []
    pick = 1 if glyphs.ascii else 0
    last = len(flow.delta) - 1
    now_cell = window.cell(window.now)
    goes_on = bool(node.running) and not node.ended  # after the last event, too
    done: Role = "failed" if node.state is State.FAILED else "succeeded" if node.ended else "running"
    for cell in range(window.size):
        left = window.begin + cell * window.per_cell
        first, final = int(left / flow.width_s), int((left + window.per_cell * 0.999) / flow.width_s)
        if cell > now_cell or (first > last and not goes_on):
            spans.append((" ", "text"))
            continue
        final = min(max(first, final), last) if first <= last else first
        level = max((flow.at_work(at) for at in range(first, final + 1)), default=0)
        bad, refused, ends = (sum(counts[first : final + 1]) for counts in (flow.bad, flow.refused, flow.ends))
        if bad:
            spans.append((_MARKS["failed"][pick], "failed"))
        elif refused > ends:
            spans.append((_MARKS["refused"][pick], "throttled"))
        elif not level:
            spans.append((" ", "text"))
        else:
            spark = glyphs.spark if glyphs.ascii else glyphs.spark[:-1]  # rows do not touch
            spans.append((spark[min(len(spark) - 1, (level * len(spark) - 1) // peak)], done))
    return joined(spans)


def legend(size: int, glyphs: Glyphs) -> Line:
    """What the glyphs mean, as much of it as fits."""
    pick = 1 if glyphs.ascii else 0
    inks: tuple[tuple[Kind, str], ...] = (
        ("queue", "queued"), ("throttle", "throttled"), ("run", "at work"), ("backoff", "backoff"),
    )  # fmt: skip
    entries: list[tuple[str, Role, str]] = [
        (INK[kind].ascii if glyphs.ascii else INK[kind].glyph, INK[kind].role, word) for kind, word in inks
    ]
    entries += [(_MARKS["failed"][pick], "failed", "failed")]
    sent_back = INK["refused"].ascii if glyphs.ascii else INK["refused"].glyph
    ended = _MARKS["refused"][pick]
    entries += [(sent_back if sent_back == ended else sent_back + ended, "throttled", "429, cut")]
    entries += [(RETRY[pick], "retrying", "retry"), (LIT[pick], "accent", "longest path")]
    entries += [(INK["asks"].ascii if glyphs.ascii else INK["asks"].glyph, "ask", "asks you")]
    entries += [(INK["away"].ascii if glyphs.ascii else INK["away"].glyph, "held", "waits for others")]
    spans: list[Span] = [(" ", "text")]
    taken = 1
    for glyph, role, word in entries:
        wide = cells(glyph) + 1 + cells(word) + 2
        if taken + wide > size:
            break
        spans += [(glyph, role), (f" {word}  ", "muted")]
        taken += wide
    return (*spans, (" " * (size - taken), "text"))
