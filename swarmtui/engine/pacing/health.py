"""Is the provider up? Five failures in a row, and fewer than 70 % well of late: an outage.

During one, single probes go at growing intervals; the first sign of life ends it.
"""

from __future__ import annotations

IN_A_ROW = 5
WELL = 0.7
SHORTEST_PROBE_S = 2.0
LONGEST_PROBE_S = 10.0
PROBE_SHARE = 0.08
"""The wait between probes, as a share of how long the outage has lasted."""
MEMORY = 0.9


class Health:
    """Up or down."""

    def __init__(self) -> None:
        self.down_since: float | None = None
        self.probing = False
        self.next_probe = 0.0
        self._in_a_row = 0
        self._well = 1.0

    @property
    def down(self) -> bool:
        """Whether there is an outage."""
        return self.down_since is not None

    @property
    def suspect(self) -> bool:
        """Whether a failure now is rather the provider's than the job's."""
        return self.down or self._in_a_row >= 2 or self._well < WELL

    def failed(self, now: float, *, jitter: float) -> bool:
        """A call failed on the provider's side; whether an outage begins with it. `jitter`: 0 to 1."""
        self._in_a_row += 1
        self._well *= MEMORY
        if self.down_since is not None:
            self._plan(now, jitter)
            return False
        if self._in_a_row >= IN_A_ROW and self._well < WELL:
            self.down_since = now
            self._plan(now, jitter)
            return True
        return False

    def well(self) -> None:
        """A call that was sent while the provider was up ended well."""
        self._in_a_row = 0
        self._well = self._well * MEMORY + 1 - MEMORY

    def alive(self) -> None:
        """A probe got through."""
        self.down_since = None
        self.probing = False
        self._in_a_row = 0
        self._well = 1.0

    def _plan(self, now: float, jitter: float) -> None:
        lasted = now - (self.down_since or now)
        gap = min(LONGEST_PROBE_S, max(SHORTEST_PROBE_S, PROBE_SHARE * lasted))
        self.next_probe = max(self.next_probe, now + gap * (1 + 0.1 * jitter))
