"""Reads the sessions for the list, again and again: this machine's, and each other machine's on a task of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from textual.screen import Screen
from textual.timer import Timer

from swarmtui.tui import content

if TYPE_CHECKING:
    from swarmtui.tui.browser import Browser
    from swarmtui.tui.view.sessions import Row

FAR_S = 10.0
"""How long after another machine has answered it is asked again: each time an ssh is started, here and there."""


class Reading:
    """What is read goes to the app's `machines`; `changed` is called after each reading."""

    def __init__(self, screen: Screen[None], changed: Callable[[], None]) -> None:
        self._screen, self._changed = screen, changed
        self._reading = False
        self._asking: set[str] = set()
        self._timers: dict[str, Timer] = {}
        self._told = ""
        """What went wrong when they were read last; told once, not with every reading."""
        self.done = bool(self._app.machines.here)
        """Whether this machine's sessions have been read once."""

    @property
    def _app(self) -> Browser:
        return cast("Browser", self._screen.app)

    @property
    def failed(self) -> bool:
        """Whether the last reading came to nothing."""
        return bool(self._told)

    def here(self) -> None:
        """Read this machine's sessions, unless they are being read: a slow disk must not be asked twice at once."""
        if not self._reading:
            self._reading = True
            self._screen.run_worker(self._read(), group="reload")

    async def _read(self) -> None:
        told = ""
        try:
            self._app.machines.here = await self._app.rows()
        except Exception as error:  # noqa: BLE001 - told; what was read before stays
            told = f"sessions: {error}"
        finally:
            self._reading = False
        if told and told != self._told:
            content.notice(self._app, told, "error")
        self._told = told
        self.done = True
        self._changed()
        self._screen.set_timer(0.01 if self._app.ways.behind() else self._app.reload_s, self.here)

    def far(self) -> None:
        """Ask the machines that are listed now, and no others."""
        app = self._app
        names = app.hosts.listed if app.ways.far is not None else ()
        app.machines.keep(names, app.moment.wall)
        for name in self._timers.keys() - set(names):
            self._timers.pop(name).stop()
        for name in names:
            if name not in self._timers:  # else it is asked again in a moment
                self._ask(name)
        self._changed()

    def _ask(self, name: str) -> None:
        if name not in self._asking and name in self._app.machines.names:
            self._asking.add(name)
            timer = self._timers.pop(name, None)
            if timer is not None:
                timer.stop()
            self._screen.run_worker(self._read_far(name), group=f"far {name}")

    async def _read_far(self, name: str) -> None:
        app = self._app
        found: Sequence[Row] = ()
        try:
            if app.ways.far is not None:
                found = await app.ways.far(name)
        except Exception as error:  # noqa: BLE001 - told in the machine's row; the others go on
            found = [{"host": name, "error": str(error) or type(error).__name__}]
        finally:
            self._asking.discard(name)
        app.machines.answered(name, found, app.moment.wall)
        self._changed()
        if name in app.machines.names:
            self._timers[name] = self._screen.set_timer(FAR_S, lambda: self._ask(name))
