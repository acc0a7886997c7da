"""How sure a share is that was seen a few times: Wilson's interval."""

from __future__ import annotations

from math import sqrt

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON

Z95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""


@frozen
class Rate:
    """`ok` of `n`, with the 95 % score interval of the share."""

    n: int
    ok: int

    @property
    def share(self) -> float | None:
        """`ok` as a share of `n`; None where nothing was tried."""
        return self.ok / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end; (0, 1) where nothing was tried."""
        return wilson(self.ok, self.n)

    def to_json(self) -> dict[str, JSON]:
        """``n``, ``ok``, ``rate``, ``low``, ``high``; what is not known is None."""
        low, high = self.interval if self.n else (None, None)
        return {"n": self.n, "ok": self.ok, "rate": self.share, "low": low, "high": high}


def wilson(ok: int, n: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a share; it stays within 0..1 and says something at none and at all.

    Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American Statistical
    Association 22 (1927).
    """
    if n == 0:
        return 0.0, 1.0
    share, z2 = ok / n, z * z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low = 0.0 if ok == 0 else max(0.0, middle - half)
    return low, 1.0 if ok == n else min(1.0, middle + half)
