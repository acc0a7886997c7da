"""Refusals that have nothing to do with what we send: a provider that turns away every tenth call, whoever asks.

A quota stops refusing when we slow down to what it lets in. When the share of refusals stays although the rate fell by
a fifth and more, slowing down was no help, and would go on for ever: the refusals are noise, and only a change of
their share means something again. (The same argument as for latency: a cut that does not help was no crowd.)
"""

from __future__ import annotations

import math
from typing import Literal

Judgement = Literal["noise", "more", "over"]
"""Refusals are noise as before; there are more than that; or they mean something again."""

FEWEST = 30
ENOUGH = 5
MOST = 120
LOWER = 0.8
SAME = 0.6
"""Where the share must stay between what a quota would leave of it (0) and all of it (1) to be no quota's."""
LEAST = 0.035
WEIGHT = 0.003
RECENT = 0.05
MORE = 1.5
MORE_PLUS = 0.1
"""A recent share above so many times the noise, and so much more, is no noise any more."""
UNLIKELY = 2e-4
SHORTEST_RUN = 3


class Chance:
    """The share of refusals that is noise; None while refusals mean something."""

    def __init__(self) -> None:
        self.share: float | None = None
        self._recent = 0.0
        self.crowded = False
        """Whether the share rose above the noise at some number in flight: it grows by ones from then on."""
        self._n = 0
        self._refused = 0
        self._began: float | None = None
        self._before: tuple[float, float] | None = None
        """Calls per second, and share of them refused, of an earlier epoch."""

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
        share, rate = min(1.0, self._refused / self._n), self._n / (now - self._began)
        self._begin()
        if share < LEAST:
            self._before = None
            return False
        if self._before is None or rate > self._before[0]:
            self._before = rate, share
            return False
        if rate > LOWER * self._before[0]:
            return False
        accepted = self._before[0] * (1 - self._before[1])
        by_quota = max(0.0, 1 - accepted / rate)
        if share < SAME * self._before[1] + (1 - SAME) * by_quota:
            self._before = rate, share
            return False
        self.share = self._recent = min(0.9, share)
        self._before, self.crowded = None, False
        return True

    def noise(self, in_a_row: int) -> Judgement:
        """A call was refused while refusals are noise, the last of `in_a_row`: what that makes of it."""
        if self.share is None:
            return "over"
        self._recent += RECENT
        self.share += WEIGHT
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
