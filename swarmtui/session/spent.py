"""What attempts have used, added up: of the session, and of each of its nodes."""

from __future__ import annotations

from dataclasses import fields

from swarmtui.frozen import mutable
from swarmtui.session.vocabulary import NO_USAGE, Usage


@mutable
class Spent:
    """Usage added up. `unpriced` counts attempts whose cost is unknown, or a part of it: the true cost is above
    `cost_usd`."""

    attempts: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    simulated: int = 0
    unmetered: int = 0
    """Attempts whose tokens are unknown, or a part of them."""
    untold: int = 0
    """Of these, attempts of which the cost is not known either: their calls failed before anything was told."""
    orphans: int = 0
    """Model calls that a crash caught: what they cost is known to nobody, and is in none of the figures."""
    tokens_reasoning: int = 0
    """Of `tokens_out`, those that providers told to be reasoning."""

    def add(self, usage: Usage) -> None:
        """Count one attempt's usage; an attempt that used no model changes nothing."""
        if usage is NO_USAGE or usage == NO_USAGE:
            return
        self.attempts += 1
        self.tokens_in += usage.tokens_in or 0
        self.tokens_out += usage.tokens_out or 0
        self.tokens_cached += usage.tokens_cached or 0
        self.tokens_reasoning += usage.tokens_reasoning or 0
        self.cost_usd += usage.cost_usd or 0.0
        if usage.simulated:
            self.simulated += 1
            return
        unmetered = usage.tokens_in is None or usage.tokens_out is None
        self.unpriced += usage.cost_usd is None or usage.untold > 0
        self.unmetered += unmetered or usage.untold > 0
        self.untold += usage.untold > 0 or (unmetered and usage.cost_usd is None and usage.tokens_in is None)

    def include(self, other: Spent) -> None:
        """Count what another one has counted."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.tokens_in + self.tokens_out
