"""Does the provider begin to be slow while the window grows? Told from each answer as it comes, not from windows of
them: growth by half per answer's time runs far into a crowd before a mean is certain.

The newest times are compared with those of the first calls, which met no load. While they are no later, growth is full;
the later they are, the less of it is left, since the calls that are on their way were sent at a greater load still; and
far too late means back. (Gradient limits do the same; here the load that the answer met is known, so its lead is too.)
"""

from __future__ import annotations

import math

from swarmtui.engine.pacing.sample import Sample

BASE_CALLS = 12
FEWEST = 8
HOLD = math.log(1.4)
"""Later than that is a crowd."""
EASE = math.log(1.1)
"""Later than that costs growth."""
SURELY = 3.5
CLIP = 1.5
WEIGHT = 0.25
WEIGHT_CALLS = 12
"""At many in flight the mean is over more of them: else one of so many means strays too far by chance alone."""
DRIFT = 0.03
AHEAD = 1.0
"""How much later calls are that met a greater load, as a power of it."""
USUAL_WEIGHT = 0.01
USUAL_DRIFT = 0.005
GROWN = 1.2
"""Times the usual load from which late answers are taken for a crowd, and not for a mood of the provider."""


class Onset:
    """Growth that is left, by the times of answers: seconds, or seconds per unit of work."""

    def __init__(self) -> None:
        self.base = Sample()
        """Logarithms of the first calls' times."""
        self._newest = 0.0
        self._usual_load = 0.0
        """Calls in flight, over the last hundred or so."""

    def growth(self, seq: int, time: float, before: int, in_flight: int) -> float:
        """Call `seq` was answered after `time`, sent with `before` others in flight, where `in_flight` are now.

        Growth from 1 to 0; below 0 when it is crowded.
        """
        value = math.log(max(1e-6, time))
        base = self.base
        if base.n < BASE_CALLS and (seq <= BASE_CALLS or base.n < FEWEST):
            base.add(value, before)
            self._newest = base.mean
            return 1.0
        value = max(base.mean - CLIP, min(base.mean + CLIP, value))
        self._newest += min(WEIGHT, WEIGHT_CALLS / max(1, before)) * (value - self._newest)
        over = self._newest - base.mean
        self._usual_load += USUAL_WEIGHT * (before - self._usual_load)
        if before <= GROWN * self._usual_load:
            base.mean += USUAL_DRIFT * over
            return 1.0
        base.mean += DRIFT * min(over, EASE)
        hold, ease = max(HOLD, SURELY * base.error), max(EASE, base.error)
        if over > hold:
            return -1.0
        if over > ease:
            over += AHEAD * math.log(max(1.0, in_flight / max(1, before)))
        return min(1.0, max(0.0, 1 - (over - ease) / (hold - ease)))
