"""Refusals that have nothing to do with what we send: a provider that turns away every tenth call, whoever asks.

A quota stops refusing when we ask for less than it let in before. When refusals go on all the same, slowing down was
no help, and would go on for ever: they are noise, and only a change of their share means something again. (The same
argument as for latency: a cut that does not help was no crowd.)
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

Judgement = Literal["noise", "more", "over"]
"""Refusals are noise as before; there are more than that; or they mean something again."""

FEWEST = 30
ENOUGH = 5
MOST = 120
SLOWER = 0.9
"""Share of what was let in before at which no quota would refuse anything."""
SAME = 0.6
LEAST = 0.035
MOST_NOISE = 0.7
"""A provider that refuses more than that does mean something by it."""
WEIGHT = 0.003
RECENT = 0.025
MORE = 1.5
MORE_PLUS = 0.1
"""A recent share above so many times the noise, and so much more, is no noise any more."""
UNLIKELY = 2e-4
SHORTEST_RUN = 3


class Epoch(NamedTuple):
    """Some calls in a row: how many per second, and the share of them that was refused."""

    rate: float
    share: float


class Chance:
    """The share of refusals that is noise; None while refusals mean something."""

    def __init__(self) -> None:
        self.share: float | None = None
        self._recent = 0.0
        self._found = 0.0
        """The share when it was found; more than that is never taken for noise."""
        self.crowded = False
        """Whether the share rose above the noise at some number in flight: it grows by ones from then on."""
        self._n = 0
        self._refused = 0
        self._began: float | None = None
        self._before: Epoch | None = None

    def forget(self) -> None:
        """What was compared is no longer comparable."""
        self._before = None
        self._begin()

    def _begin(self) -> None:
        self._n = self._refused = 0
        self._began = None

    def sent(self, now: float, *, paced: bool) -> None:
        """A call went. Counted now, since refusals are known sooner than acceptances."""
        if self.share is not None:
            self._recent *= 1 - RECENT
            self.share *= 1 - WEIGHT
            if self.share < LEAST / 2:
                self.share = None
        elif paced:
            if self._n >= MOST and self._refused < ENOUGH:
                self.forget()
            self._began = now if self._began is None else self._began
            self._n += 1

    def refused(self, now: float) -> bool:
        """A call that was paced was refused; whether refusals are found to be noise by it."""
        self._refused += 1
        if self._n < FEWEST or self._refused < ENOUGH or self._began is None or now <= self._began:
            return False
        share, rate, before = min(1.0, self._refused / self._n), self._n / (now - self._began), self._before
        self._begin()
        if share < LEAST:
            self._before = None
        elif before is None or rate > before.rate:
            self._before = Epoch(rate, share)
        elif rate <= SLOWER * before.rate * (1 - before.share):
            if SAME * before.share <= share <= MOST_NOISE:
                self.found(share)
                return True
            self._before = Epoch(rate, share)
        return False

    def found(self, share: float) -> None:
        """Refusals were found to be noise, a `share` of all calls."""
        self.share = self._recent = self._found = share
        self._before, self.crowded = None, False

    def over(self) -> None:
        """Refusals mean something again."""
        self.share = None

    def noise(self, in_a_row: int) -> Judgement:
        """A call was refused while refusals are noise, the last of `in_a_row`: what that makes of it."""
        if self.share is None:
            return "over"
        self._recent += RECENT
        self.share = min(self._found, self.share + WEIGHT)
        if in_a_row > 2 * self.run():
            self.share = None
            return "over"
        if self._recent > min(0.97, MORE * self.share + MORE_PLUS):
            self._recent = self.share
            self.crowded = True
            return "more"
        return "noise"

    def run(self) -> int:
        """How many refusals in a row are too many to be chance."""
        if self.share is None:
            return SHORTEST_RUN - 1
        return max(SHORTEST_RUN, math.ceil(math.log(UNLIKELY) / math.log(min(0.95, max(0.02, self.share)))))
