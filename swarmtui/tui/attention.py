"""When somebody is called: once for each thing that waits, while nobody looks or when it has waited for long. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from swarmtui.frozen import mutable
from swarmtui.tui.drafts import Asked

if TYPE_CHECKING:
    from swarmtui.tui.view.queue import Waiting


@mutable
class Attention:
    """Who was called for what. `delay_s`: how long something waits before that is done though somebody seems to look;
    0: that is never done."""

    delay_s: float
    _seen: dict[Asked, float] = field(default_factory=dict)
    _told: set[Asked] = field(default_factory=set)

    def begin(self, found: Sequence[Waiting]) -> None:
        """What waits when the workbench opens is on the screen: nobody is called for it."""
        self._told.update(one.asked for one in found)

    def due(self, found: Sequence[Waiting], now: float, *, away: bool) -> list[Waiting]:
        """What of `found` somebody is to be called for now, at `now` in seconds that never go back."""
        here = {one.asked for one in found}
        self._told &= here
        self._seen = {asked: since for asked, since in self._seen.items() if asked in here}
        called: list[Waiting] = []
        for one in found:
            if one.asked in self._told:
                continue
            since = self._seen.setdefault(one.asked, now)
            if away or (self.delay_s > 0 and now - since >= self.delay_s):
                self._told.add(one.asked)
                called.append(one)
        return called
