"""The stretch of time that is shown: how much of it a cell stands for, where it begins, the ticks of its axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.frozen import mutable
from swarmtui.tui.view import format as say
from swarmtui.tui.view.lines import Line, Span, cells

if TYPE_CHECKING:
    from swarmtui.tui.view.glyphs import Glyphs

SCALES: tuple[float, ...] = (
    0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900,
    1200, 1800, 2700, 3600, 5400, 7200, 14400, 28800, 43200, 86400,
)  # fmt: skip
"""Seconds that a cell may stand for."""
STEPS: tuple[float, ...] = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
)  # fmt: skip
"""Seconds that may lie between two ticks of the axis."""
TICK_CELLS = 10


@mutable
class Window:
    """Which stretch of time is shown. It begins with a cell's edge, so that the picture moves a cell at a time."""

    scale: float = 0.0
    """Seconds per cell; 0: so many that all of the session fits."""
    start: float | None = None
    """Where the user has panned to; None: it follows the present."""
    size: int = 1
    now: float = 0.0
    origin: float = 0.0
    """Where there is something to see at first: it does not begin before."""

    def look(self, size: int, now: float, origin: float = 0.0) -> None:
        """Shown in `size` cells at session second `now`, from `origin` on."""
        self.size, self.now = max(1, size), max(0.0, now)
        self.origin = max(0.0, min(origin, self.now))

    @property
    def per_cell(self) -> float:
        """Seconds per cell."""
        if self.scale:
            return self.scale
        span_s = self.now - self.origin
        fits = (scale for scale in SCALES if span_s / scale + 2 <= self.size)
        return next(fits, max(SCALES[-1], span_s / max(1, self.size - 2)))

    @property
    def begin(self) -> float:
        """Session second of the left edge."""
        return self._follows if self.start is None else min(self.start, self._follows)

    @property
    def _follows(self) -> float:
        """The left edge with which the present is in the last cell, or all fits."""
        cell = self.per_cell
        return max(int(self.origin / cell), int(self.now / cell) - self.size + 1) * cell

    @property
    def following(self) -> bool:
        """Whether the present is in it."""
        return self.start is None or self.start >= self._follows

    def pan(self, share: float) -> None:
        """Move by a share of what is shown; at the present it follows it again."""
        cell = self.per_cell
        self._begin_at(round((self.begin + share * self.size * cell) / cell) * cell)

    def _begin_at(self, to: float) -> None:
        first = int(self.origin / self.per_cell) * self.per_cell
        self.start = None if to >= self._follows else max(first, to)

    def zoom(self, step: int) -> None:
        """One scale closer (1) or farther (-1); what is in the middle, or the present, stays where it is."""
        now, middle = self.per_cell, self.begin + self.size * self.per_cell / 2
        near = [scale for scale in SCALES if (scale < now if step > 0 else scale > now)]
        if not near:
            return
        followed, self.scale = self.following, near[-1] if step > 0 else near[0]
        if followed:
            self.start = None
        else:
            self._begin_at(round((middle - self.size * self.scale / 2) / self.scale) * self.scale)

    def follow(self) -> None:
        """Back to the present."""
        self.start = None

    def cell(self, mono: float) -> int:
        """The cell of a moment; outside of 0 … size-1 it is not shown."""
        return int((mono - self.begin) // self.per_cell)


def step_for(per_cell: float) -> float:
    """Seconds between two ticks, round, and at least :data:`TICK_CELLS` apart."""
    return next((step for step in STEPS if step / per_cell >= TICK_CELLS), STEPS[-1] * _weeks(per_cell))


def _weeks(per_cell: float) -> int:
    return max(1, int(-(-per_cell * TICK_CELLS // STEPS[-1])))


def ticks(window: Window) -> list[tuple[int, str]]:
    """Cell and label of each tick that is shown."""
    step = step_for(window.per_cell)
    first = int(-(-window.begin // step))
    found: list[tuple[int, str]] = []
    for number in range(first, first + window.size):
        at = window.cell(number * step + window.per_cell * 1e-6)
        if at >= window.size:
            break
        found.append((at, say.clock(number * step)))
    return found


def axis(window: Window, glyphs: Glyphs) -> Line:
    """The time axis, as wide as the window."""
    row: list[Span] = []
    taken = 0
    for at, label in ticks(window):
        if at < taken:
            continue
        text = f"{'|' if glyphs.ascii else '╷'}{label}"
        if at + cells(text) > window.size:
            break
        row.append((" " * (at - taken) + text, "faint"))
        taken = at + cells(text)
    return (*row, (" " * (window.size - taken), "faint"))


def span(seconds: float) -> str:
    """What a cell stands for: ``0.5 s``, ``5 s``, ``2 min``, ``1 h``."""
    for size, unit in ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
