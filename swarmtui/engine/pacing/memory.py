"""What was learned of a provider, kept for a day: the next session starts at half of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON

LIFE_S = 24 * 3600.0
SHARE = 0.5
LARGEST_WINDOW = 100_000.0
LARGEST_RATE = 100_000.0


@frozen
class PacerMemory:
    """Window and, where a hidden quota was found, calls per second; `saved_at` is seconds since the epoch."""

    window: float
    rate: float | None
    saved_at: float

    def fresh(self, wall_now: float) -> PacerMemory | None:
        """This, or None when it is older than a day, or from the future by more than a minute (a clock jumped)."""
        return self if -60 <= wall_now - self.saved_at < LIFE_S else None

    def as_json(self) -> dict[str, JSON]:
        """For a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> PacerMemory | None:
        """What `as_json` gave; None for anything else, since a damaged file must not stop a session."""
        if not isinstance(data, Mapping):
            return None
        window, saved_at = _number(data.get("window"), LARGEST_WINDOW), _number(data.get("saved_at"), 1e12)
        told = data.get("rate")
        rate = None if told is None else _number(told, LARGEST_RATE)
        if window is None or window < 1 or saved_at is None or (told is not None and not rate):
            return None
        return cls(window, rate, saved_at)


def _number(value: object, largest: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= largest and math.isfinite(value) else None
