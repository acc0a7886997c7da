"""What a feed has gathered is taken in slices, each a step of the loop of its own, and keys go first.

The state is folded as events arrive; here is what is made of them besides: tails, timelines, the log, news. A burst of
thousands would hold a key up for as long as all of it takes.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmtui.host.feed import Changes

if TYPE_CHECKING:
    from textual.app import App

    from swarmtui.host.feed import StreamText

EVENTS = 400
"""Events of one slice: some milliseconds."""
CHARS = 65_536
"""Characters of streamed text in one slice, if more than one attempt said them."""
LOOK_S = 0.01
"""How often it is looked whether the keys have been dealt with."""
AT_MOST_S = 0.15
"""So long keys hold up what has been gathered, and no longer."""


def slices(changes: Changes) -> Iterator[Changes]:
    """`changes` in the order in which they came: first what begins anew, last which nodes are to be drawn again."""
    parts = [Changes(events=changes.events[at : at + EVENTS]) for at in range(0, len(changes.events), EVENTS)]
    texts = [Changes(streams=streams) for streams in _texts(changes.streams)]
    if parts and texts:  # what was said stands behind what happened, and mostly both are little
        texts[0] = replace(texts[0], events=parts.pop().events)
    every = [*parts, *texts] or [Changes()]
    every[0] = replace(every[0], reset=changes.reset)
    every[-1] = replace(every[-1], nodes=changes.nodes, link=changes.link)
    yield from every


def _texts(streams: Sequence[StreamText]) -> Iterator[tuple[StreamText, ...]]:
    group: list[StreamText] = []
    held = 0
    for stream in streams:
        if group and held + len(stream.text) > CHARS:
            yield tuple(group)
            group, held = [], 0
        group.append(stream)
        held += len(stream.text)
    if group:
        yield tuple(group)


class Taking:
    """Has slices taken one after the other by `take`, and what they changed drawn by `draw` once there are no more.

    `busy` says whether keys are being dealt with.
    """

    def __init__(
        self,
        app: App[int],
        take: Callable[[Changes], None],
        draw: Callable[[], None],
        busy: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._take, self._draw, self._busy, self._clock = app, take, draw, busy, clock
        self._left: deque[Changes] = deque()
        self._since = 0.0

    @property
    def is_under_way(self) -> bool:
        """Whether there is more to be taken."""
        return bool(self._left)

    def begin(self, changes: Changes, *, at_once: bool = False) -> None:
        """Take them: the first slice in this step, unless keys come first; with `at_once` it is taken and drawn now."""
        self._left.extend(slices(changes))
        self._since = self._clock()
        if at_once:
            self._step()
            if self._left:
                self._draw()
        else:
            self._go_on()

    def forget(self) -> None:
        """Leave out what has not been taken."""
        self._left.clear()

    def _go_on(self) -> None:
        if self._busy() and self._clock() - self._since < AT_MOST_S:
            self._app.set_timer(LOOK_S, self._go_on)
        else:
            self._step()

    def _step(self) -> None:
        if not self._left:
            return
        self._take(self._left.popleft())
        if self._left:
            # behind whatever the loop has by now, and what of it is for the app: a key that has come goes first
            asyncio.get_running_loop().call_soon(self._app.call_later, self._go_on)
        else:
            self._draw()
