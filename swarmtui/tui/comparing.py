"""Sessions held against each other, in the list of them and in a session alike: asked for, shown, and let go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from swarmtui.tui import content

if TYPE_CHECKING:
    from swarmtui.session.compare import Comparison
    from swarmtui.tui.dressed import Dressed

DiffOf = Callable[[str], Awaitable[list[str]]]
"""What differs between the two outputs of a node: lines of :func:`swarmtui.session.compare.output_diff`."""


@runtime_checkable
class Held(Protocol):
    """What reads differences, and has something open for it."""

    async def __call__(self, node: str) -> list[str]:
        """As :data:`DiffOf`."""

    async def close(self) -> None:
        """Nothing more is read."""


Compare: TypeAlias = "Callable[[str, str], Awaitable[tuple[Comparison, DiffOf]]]"
"""Holds two sessions, by their keys, against each other."""


class Comparing:
    """An app's comparisons. What one reads from is open as long as it is shown."""

    def __init__(self, app: Dressed[Any], compare: Compare | None) -> None:
        self._app, self._compare = app, compare
        self._held: list[Held] = []

    @property
    def can(self) -> bool:
        """Whether there is somebody who compares."""
        return self._compare is not None

    def show(self, first: str, second: str) -> None:
        """Show two sessions node by node; of another machine's that may take a while, which is told."""
        if self._compare is None:
            content.notice(self._app, "sessions cannot be compared here: swarmtui compare A B", "warning")
            return
        if "/" in first + second:
            content.notice(self._app, "asking the other machine for them")
        self._app.run_worker(self._show(self._compare, first, second), exclusive=True, group="compare")

    async def _show(self, compare: Compare, first: str, second: str) -> None:
        from swarmtui.tui.screens.compare import CompareScreen

        try:
            found, diff_of = await compare(first, second)
        except Exception as error:  # noqa: BLE001 - told: a file may be damaged, a machine may not answer
            content.notice(self._app, f"compare: {error}", "error")
            return
        if isinstance(diff_of, Held):
            self._held.append(diff_of)
        self._app.push_screen(CompareScreen(found, diff_of), self._let_go)

    def _let_go(self, result: None = None) -> None:
        held, self._held = self._held, []
        for one in held:
            self._app.run_worker(one.close(), group="held")

    async def close(self) -> None:
        """The app ends: what was read from is left."""
        held, self._held = self._held, []
        for one in held:
            await one.close()
