"""The sessions there are, to choose from: an app of its own, before or between looks at one of them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from swarmtui.session.compare import Comparison
from swarmtui.tui import content
from swarmtui.tui.dressed import Dressed
from swarmtui.tui.view.glyphs import Glyphs
from swarmtui.tui.view.nodes import Moment
from swarmtui.tui.view.sessions import AsTree, Looking, Row

RELOAD_S = 2.0

Rows = Callable[[], Awaitable[Sequence[Row]]]
"""All sessions, newest first, as ``ls --json`` prints them. Read again :data:`RELOAD_S` seconds after a reading
has ended."""
DiffOf = Callable[[str], Awaitable[list[str]]]
"""What differs between the two outputs of a node: lines of :func:`swarmtui.session.compare.output_diff`."""
Compare = Callable[[str, str], Awaitable[tuple[Comparison, DiffOf]]]
"""Holds two sessions, by their keys, against each other."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user wants of a session."""

    verb: Literal["open", "replay", "fork"]
    session: str
    """Its ID, or ``HOST/ID``."""
    at: str = ""
    """Of a fork: where, as ``fork --at`` takes it."""


class Browser(Dressed[Choice]):
    """The app; it ends with a choice, or None."""

    CSS_PATH = "screens/frame.tcss"

    def __init__(
        self,
        rows: Rows,
        looking: Looking,
        *,
        as_tree: AsTree | None = None,
        compare: Compare | None = None,
        said: str = "",
        glyphs: Glyphs | None = None,
        theme: str | None = None,
        clock: Callable[[], float] = time.time,
        reload_s: float = RELOAD_S,
    ) -> None:
        super().__init__(glyphs=glyphs, theme=theme)
        self.rows, self.looking, self.as_tree, self.compare = rows, looking, as_tree, compare
        self._clock, self._said, self.reload_s = clock, said, reload_s

    @property
    def moment(self) -> Moment:
        """When the rows are looked at."""
        return Moment(self._clock(), 0.0)

    def on_mount(self) -> None:
        """The list."""
        from swarmtui.tui.screens.sessions import SessionsScreen

        self.dress()
        self.push_screen(SessionsScreen())
        if self._said:
            content.notice(self, self._said, "warning")

    def held_against(self, first: str, second: str) -> None:
        """Show two sessions node by node."""
        if self.compare is None:
            content.notice(self, "sessions cannot be compared here: swarmtui compare A B", "warning")
        else:
            self.run_worker(self._compare(self.compare, first, second), exclusive=True, group="compare")

    async def _compare(self, compare: Compare, first: str, second: str) -> None:
        from swarmtui.tui.screens.compare import CompareScreen

        try:
            found, diff_of = await compare(first, second)
        except Exception as error:  # noqa: BLE001 - told: a file may be damaged, a machine may not answer
            content.notice(self, f"compare: {error}", "error")
            return
        self.push_screen(CompareScreen(found, diff_of))


def run_browser(
    rows: Rows,
    carry_out: Callable[[Choice], str],
    *,
    as_tree: AsTree | None = None,
    compare: Compare | None = None,
) -> None:
    """Show the sessions, have what is chosen carried out, and show them again as they were looked at, until the user
    leaves. The terminal is the shell's while `carry_out` runs; what it says is shown after it."""
    looking, said = Looking(), ""
    while True:
        choice = Browser(rows, looking, as_tree=as_tree, compare=compare, said=said).run()
        if choice is None:
            return
        said = carry_out(choice)
