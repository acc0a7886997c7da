"""A running mean with its error."""

from __future__ import annotations

import math

LEAST_SPREAD = 0.12


class Sample:
    """Mean and spread of logarithms, and the mean load they were seen at."""

    def __init__(self) -> None:
        self.n = 0
        self.mean = 0.0
        self.load = 0.0
        self._squares = 0.0

    def add(self, value: float, load: float) -> None:
        """One more."""
        self.n += 1
        gap = value - self.mean
        self.mean += gap / self.n
        self._squares += gap * (value - self.mean)
        self.load += (load - self.load) / self.n

    @property
    def error(self) -> float:
        """Standard error of the mean; the spread is taken as 0.12 at least."""
        spread = math.sqrt(self._squares / (self.n - 1)) if self.n > 1 else 1.0
        return max(spread, LEAST_SPREAD) / math.sqrt(max(1, self.n))
