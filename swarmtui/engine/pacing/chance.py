"""Refusals that have nothing to do with what we send: a provider that turns away every tenth call, whoever asks.

A quota stops refusing when we slow down to what it lets in. When the share of refusals stays although the rate fell by
a fifth and more, slowing down was no help, and would go on for ever: the refusals are noise, and only a change of
their share means something again. (The same argument as for latency: a cut that does not help was no crowd.)
"""

from __future__ import annotations

import math

FEWEST = 30
ENOUGH = 5
MOST = 120
LOWER = 0.8
SAME = 0.6
LEAST = 0.035
WEIGHT = 0.02
RECENT = 0.1
UNLIKELY = 2e-4
SHORTEST_RUN = 3


class Chance:
    """The share of refusals that is noise; None while refusals mean something."""

    def __init__(self) -> None:
        self.share: float | None = None
        self._recent = 0.0
        self._n = 0
        self._refused = 0
        self._rates = 0.0
        self._before: tuple[float, float] | None = None
        """Mean rate, and share of refusals at it, of an earlier epoch."""

    def forget(self) -> None:
        """What was compared is no longer comparable."""
        self._n = self._refused = 0
        self._rates = 0.0
        self._before = None

    def paced(self, rate: float, *, refused: bool) -> bool:
        """A call sent at `rate` was refused, or not; whether refusals are found to be noise by it."""
        self._n += 1
        self._refused += refused
        self._rates += rate
        if self._n < FEWEST or (self._refused < ENOUGH and self._n < MOST):
            return False
        share, mean = self._refused / self._n, self._rates / self._n
        self._n = self._refused = 0
        self._rates = 0.0
        if share < LEAST:
            self._before = None
            return False
        if self._before is None or mean > self._before[0]:
            self._before = mean, share
            return False
        if mean > LOWER * self._before[0]:
            return False
        if share < SAME * self._before[1]:
            self._before = mean, share
            return False
        self.share = self._recent = min(0.9, share)
        self._before = None
        return True

    def noise(self, *, refused: bool) -> bool:
        """A call was refused, or not, while refusals are noise; whether they are so no longer."""
        if self.share is None:
            return False
        self._recent += RECENT * (refused - self._recent)
        self.share += WEIGHT * (refused - self.share)
        if self.share < LEAST / 2 or self._recent > min(0.97, 2 * self.share + 0.25):
            self.share = None
            return True
        return False

    def run(self) -> int:
        """How many refusals in a row are too many to be chance."""
        if self.share is None:
            return SHORTEST_RUN - 1
        return max(SHORTEST_RUN, math.ceil(math.log(UNLIKELY) / math.log(min(0.95, max(0.02, self.share)))))
