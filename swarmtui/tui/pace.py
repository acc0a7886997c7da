"""How often the terminal is painted: at once where that may be, and never more than thirty times in a second.

Textual's own timer paints up to sixty times a second, and whatever comes soon after a paint waits for one or two whole
periods of it. Here a few paints may follow one another, so that what a key does is seen at once although a frame came
just before; on the average there are fewer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from textual import events
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from swarmtui.frozen import mutable
from swarmtui.tui.widgets.looks import dressed

PAINTS_PER_S = 30
"""At most so many in any second."""
IN_A_ROW = 6
"""So many of them may follow one another at once."""
AT_MOST_S = 1 / PAINTS_PER_S
"""How long is waited at most before it is looked again whether a paint is due."""
R = TypeVar("R")


@mutable
class Pace:
    """Says when the next paint may come. Times are seconds of `clock`."""

    clock: Callable[[], float] = time.monotonic
    _free: float = IN_A_ROW
    _at: float = float("-inf")

    def wait(self) -> float:
        """Seconds until a paint may come; 0: now."""
        return max(0.0, (1 - self._free_at(self.clock())) / (PAINTS_PER_S - IN_A_ROW))

    def painted(self) -> None:
        """There was one, whether it was due or not."""
        now = self.clock()
        self._free, self._at = self._free_at(now) - 1, now

    def _free_at(self, now: float) -> float:
        return min(IN_A_ROW, self._free + (now - self._at) * (PAINTS_PER_S - IN_A_ROW))


class PaintTimer(Timer):
    """Lays a screen out as soon as it is resumed, and paints it in the next step of the loop, if the pace allows it."""

    def __init__(self, screen: Paced[Any]) -> None:
        super().__init__(screen, AT_MOST_S, name="paint", callback=screen._on_timer_update, pause=True)
        self._screen = screen

    async def _run(self) -> None:
        screen = self._screen
        while True:
            active: asyncio.Event = self._active  # the decorator hides what it is
            await active.wait()
            if screen.app._exit:
                return
            wait = AT_MOST_S if screen.app._batch_count else screen.paint_wait()
            if wait > 0:
                await asyncio.sleep(min(wait, AT_MOST_S))
                continue
            await self._tick(next_timer=0.0, count=0)
            await asyncio.sleep(0)
            screen.paint()


class Paced(Screen[R], Generic[R]):
    """A screen that is painted in the pace of its app, once for all that was asked for since the last time."""

    _timer: PaintTimer | None = None
    _unpainted = False
    _ticking = False
    _was_shown = False

    def paint_wait(self) -> float:
        """Seconds until it may be painted; 0: now."""
        pace = dressed(self).pace
        return 0.0 if pace is None else pace.wait()

    @property
    def is_to_be_painted(self) -> bool:
        """Whether something on it is not yet as it is to be seen."""
        return self._unpainted or bool(self._dirty_widgets)

    def paint(self) -> None:
        """Paint what is to be painted; where it is not to be seen, say so to the screen in front."""
        if not self._unpainted:
            return
        if self.app._batch_count:
            self._update_timer.resume()
            return
        self._unpainted = False
        if self._dirty_widgets:  # since it was laid out: Textual takes all of these for painted once this is
            self._compositor.update_widgets(self._dirty_widgets)
        pace = dressed(self).pace
        if pace is not None and self._compositor._dirty_regions and self.app.screen is self:
            pace.painted()
        super()._compositor_refresh()

    async def _message_loop_exit(self) -> None:
        """Let go of what was drawn: Textual remembers the last thousand widgets' caches, be they gone or not."""
        widgets: list[Widget] = [self, *self.walk_children(Widget)]
        caches = [one._styles_cache for widget in widgets for one in (widget, *widget._get_virtual_dom())]
        await super()._message_loop_exit()
        for cache in caches:
            cache.clear()

    @property
    def _update_timer(self) -> Timer:
        if self._timer is None:
            self._timer = PaintTimer(self)
            self._timer._start()
            self._timers.add(self._timer)
        return self._timer

    def _on_timer_update(self) -> None:
        self._ticking = True
        super()._on_timer_update()
        self._ticking = False

    def _compositor_refresh(self) -> None:
        self._unpainted = True
        if not self._ticking:
            self._update_timer.resume()

    async def _invoke_and_clear_callbacks(self) -> None:
        if self._unpainted:  # they are to come after it
            if self.paint_wait() > 0:
                self._update_timer.resume()
                return
            self.paint()
            await asyncio.sleep(0)
        await super()._invoke_and_clear_callbacks()

    # -- what is known before it is there -----------------------------------------------------------------------

    async def _on_compose(self, event: events.Compose) -> None:
        """The classes for the size there is come before what they are to style, not after."""
        size = self.app.size
        for extent, wanted, usual in (
            (size.width, self.HORIZONTAL_BREAKPOINTS, self.app.HORIZONTAL_BREAKPOINTS),
            (size.height, self.VERTICAL_BREAKPOINTS, self.app.VERTICAL_BREAKPOINTS),
        ):
            self.add_class(*self._get_breakpoint_classes(extent, (usual if wanted is None else wanted) or []))

    def _on_screen_resume(self, event: events.ScreenResume) -> None:
        """What has just been styled to be put on the screen is not styled again, but for the screen: it came before its
        style sheet was read."""
        event.refresh_styles = self._was_shown
        if not self._was_shown:
            self._was_shown = True
            self.app.stylesheet.update_nodes([self])
