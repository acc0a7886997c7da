"""Durations counted in little memory: every quantile of them is right within one per cent."""

from __future__ import annotations

from dataclasses import field
from math import ceil, exp, log, sqrt

from swarmtui.frozen import mutable
from swarmtui.plan.model import JSON

ACCURACY = 0.01
"""Relative error of a histogram's quantiles."""
_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_PER_E = 1 / log(_GAMMA)
FLOOR_S = 1e-5
"""What is shorter is not measured."""
NOTHING = -(10**6)
"""The bucket of what is too short to measure."""
_SLACK = 1e-9
"""What a share times a count may exceed a whole number by as binary fractions have it: 0.07 · 100 is 7."""


@mutable
class Histogram:
    """Durations in buckets that grow by a constant factor, so that every quantile is right within 1 %.

    The bucket bounds are those of DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch
    with relative-error guarantees", VLDB 2019); the idea of log buckets for latencies is that of HdrHistogram (Tene).
    From 10 µs to a year there are about 1,500 buckets; what is shorter counts as nothing.
    """

    buckets: dict[int, int] = field(default_factory=dict)
    total_s: float = 0.0
    max_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        bucket = ceil(log(seconds) * _PER_E) if seconds > FLOOR_S else NOTHING
        buckets = self.buckets
        buckets[bucket] = buckets.get(bucket, 0) + 1
        self.total_s += seconds
        if seconds > self.max_s:  # noqa: PLR1730 - max() takes four times as long
            self.max_s = seconds

    def merge(self, other: Histogram) -> None:
        """Count what `other` counted."""
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.total_s += other.total_s
        self.max_s = max(self.max_s, other.max_s)

    @property
    def n(self) -> int:
        """How many durations were counted."""
        return sum(self.buckets.values())

    def quantiles(self, *shares: float) -> tuple[float, ...]:
        """The shortest durations that these shares of all do not exceed (ascending shares, above 0), by the nearest
        rank: of n durations in order the one numbered ⌈share · n⌉. Each is right within 1 %, the longest one exactly;
        zeros if there are none."""
        n = self.n
        ranks = [max(1, ceil(share * n - _SLACK)) for share in shares]
        found: list[float] = []
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            while len(found) < len(ranks) and ranks[len(found)] <= seen:
                longest = ranks[len(found)] >= n
                found.append(self.max_s if longest else min(_middle(bucket), self.max_s))
        return tuple(found + [self.max_s] * (len(ranks) - len(found)))

    def lognormal(self) -> tuple[float, float] | None:
        """(median, sigma of the logarithm) of the lognormal distribution that fits; None where nothing was measured."""
        pairs = [(log(_middle(bucket)), count) for bucket, count in self.buckets.items() if bucket != NOTHING]
        n = sum(count for _, count in pairs)
        if not n:
            return None
        mean = sum(value * count for value, count in pairs) / n
        spread = sum((value - mean) ** 2 * count for value, count in pairs) / max(1, n - 1)
        return exp(mean), sqrt(spread)

    def to_json(self) -> JSON:
        """An exact form of it."""
        return [sorted(self.buckets.items()), self.total_s, self.max_s]

    @classmethod
    def from_json(cls, data: JSON) -> Histogram:
        """The inverse of :meth:`to_json`."""
        return cls({int(bucket): int(count) for bucket, count in data[0]}, float(data[1]), float(data[2]))


def _middle(bucket: int) -> float:
    return 0.0 if bucket == NOTHING else 2 * exp(bucket / _PER_E) / (_GAMMA + 1)
