"""Icons and lines, each with an ASCII form. A state always has its own shape or word, never a colour alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from swarmtui.frozen import frozen
from swarmtui.session.vocabulary import State

if TYPE_CHECKING:
    from swarmtui.tui.view.lines import Role, Span

N, E, S, W = 1, 2, 4, 8
"""Sides of a cell that a wire leaves by, as bits."""


@frozen
class Mark:
    """How a state looks and is called."""

    glyph: str
    ascii: str
    word: str
    role: Role


class Sign(NamedTuple):
    """A character with a role, where no word stands beside it."""

    glyph: str
    ascii: str
    role: Role


MARKS: dict[State, Mark] = {
    State.WAITING: Mark("○", "..", "waiting", "waiting"),
    State.READY: Mark("◌", "rdy", "ready", "ready"),
    State.RUNNING: Mark("●", "run", "running", "running"),
    State.RETRYING: Mark("↻", "ret", "retrying", "retrying"),
    State.THROTTLED: Mark("◔", "429", "throttled", "throttled"),
    State.HELD: Mark("‖", "hld", "held", "held"),
    State.SUCCEEDED: Mark("✓", "ok", "ok", "succeeded"),
    State.FAILED: Mark("✗", "ERR", "failed", "failed"),
    State.SKIPPED: Mark("»", "skp", "skipped", "skipped"),
    State.CANCELLED: Mark("⊘", "can", "cancelled", "cancelled"),
    State.INTERRUPTED: Mark("!", "!!", "interrupted", "interrupted"),
    State.STALE: Mark("◑", "old", "stale", "stale"),
}
ASK = Mark("?", "ASK", "needs you", "ask")

_WIRES = {
    0: " ", N: "╵", E: "╶", S: "╷", W: "╴", N | S: "│", E | W: "─", N | E: "╰", N | W: "╯", S | E: "╭", S | W: "╮",
    N | S | E: "├", N | S | W: "┤", E | W | S: "┬", E | W | N: "┴", N | E | S | W: "┼",
}  # fmt: skip
_ASCII_WIRES = {N | S: "|", N: "|", S: "|", E | W: "-", E: "-", W: "-", N | E: "`", N | W: "'", S | E: ",", S | W: "."}


@frozen
class Glyphs:
    """One set of characters: :data:`UNICODE` or :data:`ASCII`."""

    ascii: bool
    arrow: str
    full: str
    empty: str
    cursor: str
    cut: str
    dot: str
    dash: str
    up: str
    down: str
    into: str
    back: str
    spark: str
    map: str
    chosen: str = "◆"
    """What the user has marked."""

    def icon(self, mark: Mark) -> str:
        """One cell, or in ASCII three."""
        return f"{mark.ascii:<3}" if self.ascii else mark.glyph

    def told(self, mark: Mark) -> str:
        """Sign and word; in ASCII the word alone, which says as much."""
        return mark.word if self.ascii else f"{mark.glyph} {mark.word}"

    def sign(self, sign: Sign) -> Span:
        """The sign alone."""
        return sign.ascii if self.ascii else sign.glyph, sign.role

    @property
    def icon_width(self) -> int:
        """Cells of :meth:`icon`."""
        return 3 if self.ascii else 1

    def wire(self, ports: int) -> str:
        """The character that joins the sides in `ports`."""
        return _ASCII_WIRES.get(ports, "+" if ports else " ") if self.ascii else _WIRES[ports]

    def bar(self, part: int, whole: int, size: int) -> tuple[str, str]:
        """A progress bar of `size` cells: what is done, and the rest."""
        done = size if part >= whole else min(size - 1, part * size // whole) if whole else 0
        return self.full * done, self.empty * (size - done)


UNICODE = Glyphs(False, "▶", "━", "─", "▌", "…", "·", "–", "▲", "▼", "▸", "←", "▁▂▃▄▅▆▇█", "▣")
ASCII = Glyphs(True, ">", "#", ".", ">", "~", "-", "-", "^", "v", ">", "<-", "_.-=+*#@", "#", "*")
