"""Which columns of a table are shown, in which order: the user's choice over what there is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from swarmtui.frozen import mutable
from swarmtui.tui.view.column import Column, chosen


def unknown(known: Sequence[Column], names: Sequence[str]) -> list[str]:
    """Names that no column has."""
    keys = {column.key for column in known}
    return [name for name in names if name not in keys]


@mutable
class Choice:
    """Columns being chosen: all there are, those that are shown first."""

    order: list[str]
    shown: set[str] = field(default_factory=set)
    at: int = 0

    @classmethod
    def of(cls, known: Sequence[Column], names: Sequence[str]) -> Choice:
        """What is shown now, then the rest."""
        now = [column.key for column in chosen(known, names)]
        return cls([*now, *(column.key for column in known if column.key not in now)], set(now))

    def go(self, by: int) -> None:
        """The next one."""
        self.at = max(0, min(len(self.order) - 1, self.at + by))

    def turn(self) -> None:
        """Show the one that is looked at, or hide it; one always stays."""
        self.shown ^= {self.order[self.at]}
        if not self.shown:
            self.shown = {self.order[self.at]}

    def move(self, by: int) -> None:
        """Change its place with that of the next."""
        to = self.at + by
        if 0 <= to < len(self.order):
            self.order[self.at], self.order[to] = self.order[to], self.order[self.at]
            self.at = to

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are shown, in order."""
        return tuple(name for name in self.order if name in self.shown)
