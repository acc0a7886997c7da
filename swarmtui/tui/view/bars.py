"""The time of nodes as bars: glyphs that tell waiting from work without any colour, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from swarmtui.session.vocabulary import State
from swarmtui.tui.view.glyphs import Sign
from swarmtui.tui.view.lines import Line, Role, Span, cells, joined
from swarmtui.tui.view.stretches import WORK, Kind, Part

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState
    from swarmtui.tui.view.flights import Flow
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.timescale import Window


INK: dict[Kind, Sign] = {
    "queue": Sign("░", ".", "waiting"),
    "throttle": Sign("▒", "~", "throttled"),
    "backoff": Sign("╌", "-", "retrying"),
    "away": Sign("┈", "_", "held"),
    "idle": Sign(" ", " ", "faint"),
    "run": Sign("▇", "#", "running"),
    "ok": Sign("▇", "#", "succeeded"),
    "failed": Sign("▇", "#", "failed"),
    "refused": Sign("▓", "%", "throttled"),
    "cut": Sign("▓", "%", "cancelled"),
    "asks": Sign("·", "?", "ask"),
}
"""How each kind of time is drawn."""
_ENDS: dict[Kind, Sign] = {
    "failed": Sign("✗", "X", "failed"), "refused": Sign("◔", "%", "throttled"), "cut": Sign("!", "!", "interrupted"),
}  # fmt: skip
"""What is put on the last cell of work that ended so."""
RETRY = Sign("↻", "r", "retrying")
FRONT = Sign("▶", ">", "running")
LIT = Sign("◆", "*", "accent")


def bar(told: Sequence[Part], window: Window, glyphs: Glyphs) -> Line:
    """The parts that are in the window as cells. Each cell shows what took most of it; work that ended badly is marked
    where it ended, a retry where it began, and what runs where it is now."""
    size, begin, per = window.size, window.begin, window.per_cell
    most = [0.0] * size
    inks: list[Kind | None] = [None] * size
    marks: dict[int, Span] = {}
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
            marks.setdefault(first, glyphs.sign(RETRY))
        if kind in _ENDS and 0 <= last < size:
            marks[last] = glyphs.sign(_ENDS[kind])
        if kind == "run" and 0 <= last < size:
            marks[last] = glyphs.sign(FRONT)
    drawn: dict[Kind | None, Span] = {kind: glyphs.sign(INK[kind]) for kind in INK} | {None: (" ", "text")}
    return joined([marks.get(at) or drawn[inks[at]] for at in range(size)])


def density(flow: Flow, node: NodeState, window: Window, glyphs: Glyphs) -> Line:
    """A map as one row: how many of its items were in flight, and where some failed or were refused."""
    peak = max(1, max(flow.levels, default=1))
    spans: list[Span] = []
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
            spans.append(glyphs.sign(_ENDS["failed"]))
        elif refused > ends:
            spans.append(glyphs.sign(_ENDS["refused"]))
        elif not level:
            spans.append((" ", "text"))
        else:
            spark = glyphs.spark if glyphs.ascii else glyphs.spark[:-1]  # rows do not touch
            spans.append((spark[min(len(spark) - 1, (level * len(spark) - 1) // peak)], done))
    return joined(spans)


def legend(size: int, glyphs: Glyphs) -> Line:
    """What the glyphs mean, as much of it as fits."""
    refused, ended = glyphs.sign(INK["refused"]), glyphs.sign(_ENDS["refused"])
    entries = [
        (glyphs.sign(INK["queue"]), "queued"), (glyphs.sign(INK["throttle"]), "throttled"),
        (glyphs.sign(INK["run"]), "at work"), (glyphs.sign(INK["backoff"]), "backoff"),
        (glyphs.sign(_ENDS["failed"]), "failed"),
        (refused if refused == ended else (refused[0] + ended[0], refused[1]), "429, cut"),
        (glyphs.sign(RETRY), "retry"), (glyphs.sign(LIT), "longest path"), (glyphs.sign(INK["asks"]), "asks you"),
        (glyphs.sign(INK["away"]), "waits for others"),
    ]  # fmt: skip
    spans: list[Span] = [(" ", "text")]
    taken = 1
    for sign, word in entries:
        wide = cells(sign[0]) + 1 + cells(word) + 2
        if taken + wide > size:
            break
        spans += [sign, (f" {word}  ", "muted")]
        taken += wide
    return (*spans, (" " * (size - taken), "text"))
