"""The launch ramp: how fast a pool may come to have more running than it has had before.

A pool's *width* is the most of its attempts that have run at once. Within it attempts start as places fall free; it
grows by one at most every ``limits.ramp_s`` seconds. So a ramp costs time while a session warms up, and none after
that: how often calls start is not its business but the pacer's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from swarmtui.engine.lanes import Pool
from swarmtui.session.pools import QUESTIONS
from swarmtui.session.state import SessionState


class Ramp:
    """The widths of one session's pools. A host that takes a session over begins with none, and so ramps up again."""

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self._widths: dict[str, int] = {}
        self._widened: dict[str, float] = {}
        """Pool -> session second at which it last grew."""

    def due(self, pool: Pool) -> float:
        """Session second from which `pool` may have one more running; minus infinity where no ramp is in the way."""
        every_s = self._state.limits.ramp_s
        if not every_s or pool.running < self._widths.get(pool.name, 0) or pool.name == QUESTIONS:
            return -math.inf
        return self._widened.get(pool.name, -math.inf) + every_s

    def started(self, pool: Pool) -> None:
        """One more of `pool` runs, counted in it already."""
        if pool.running > self._widths.get(pool.name, 0):
            self._widths[pool.name] = pool.running
            self._widened[pool.name] = self._state.mono

    def begin_anew(self, pools: Iterable[Pool]) -> None:
        """Nothing has started for a while: of these pools' widths what still runs is left."""
        for pool in pools:
            self._widths[pool.name] = pool.running
