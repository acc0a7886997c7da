"""Is the provider slow because of us? Seconds per unit of work against the number in flight.

A call's time is divided by its work, (30 + output tokens): LLM service times vary tenfold with length and would drown
any queue. Logarithms are compared, so a mean is robust and a ratio is a difference. A difference counts only when it
is larger than its own standard error allows. A cut that does not help was no crowd but drift: the new time is adopted.
"""

from __future__ import annotations

import math

from swarmtui.engine.pacing.onset import Onset
from swarmtui.engine.pacing.sample import Sample
from swarmtui.engine.pacing.values import Call
from swarmtui.engine.pacing.window import BUSY, Window

SIGNIFICANT = 3.7
SMALLEST = math.log(1.1)
CALM = math.log(1.04)
AIM = math.log(1.03)
YOUNG_BASE = 0.05
"""What is added to the threshold while the base rests on the first calls alone, which are the short ones."""
SMALL_RAISE = 1.025
REFUTED = 1.15
"""Times the load that once was too much at which calls that are no slower show that it was not."""
BACK = 0.6
LARGEST_RAISE = 1.32
FEWEST = 24
MOST = 200
FIRST_CALLS = 24
"""Calls that were sent before there was any load: their times are the base."""
BASE_CALLS = 16
WIDE = 0.25
"""Spread from which the output length does not explain a call's time: then those that end first are the quick ones, and
the base waits for the others."""
BASE_MEMORY = 600
CLIP = 1.5


class Latency:
    """Cuts the window's ceiling when the provider gets slower with load, and lets it rise while it does not."""

    def __init__(self) -> None:
        self._base: float | None = None
        self._base_n = 0
        self._offset = 30.0
        """Output tokens that take as long as the first token takes to come."""
        self._first: list[tuple[float, float | None, int]] = []
        self._seen = 0
        self._epoch = Sample()
        self._epoch_seq = 0
        self._cut_from: tuple[float, float] | None = None
        """Load and mean before the last cut, until its effect is known."""
        self._first_tokens = Onset()
        self._whole = Onset()
        self._raise = SMALL_RAISE
        self._crowded_at = float("inf")
        """Load at which calls were last too slow."""

    def first_token(self, call: Call, ttft: float, in_flight: int) -> float:
        """The answer to `call` began after `ttft` seconds: growth from 1 to 0, below 0 when it is crowded."""
        return self._first_tokens.growth(call.seq, ttft, call.before, in_flight)

    def unstreamed(self, call: Call, took: float, tokens_out: int, in_flight: int) -> float:
        """The same of a whole answer, where nothing else was seen of it."""
        return self._whole.growth(call.seq, took / (self._offset + tokens_out), call.before, in_flight)

    def back_off(self, window: Window, in_flight: int, next_seq: int) -> None:
        """The window grew into a crowd: back to where it was about two first tokens ago."""
        self._crowded_at = BACK * in_flight
        self._raise = SMALL_RAISE
        window.ceiling = max(1.0, BACK * in_flight)
        window.shrink(window.ceiling)
        self._restart(next_seq)

    def finished(
        self, call: Call, took: float, tokens_out: int, window: Window, *, in_flight: int, next_seq: int
    ) -> str | None:
        """A call ended well; the cause when the window changed for it. `next_seq`: of the next call to be sent."""
        if self._base is None:
            self._seen += 1
            if call.seq <= FIRST_CALLS or self._seen > 4 * FIRST_CALLS:
                self._first.append((took, None if call.first_at is None else call.first_at - call.sent_at, tokens_out))
            if len(self._first) >= BASE_CALLS:
                self._settle()
            return None
        if call.seq < self._epoch_seq:
            return None
        value = math.log(max(1e-3, took) / (self._offset + tokens_out))
        value = max(self._base - CLIP, min(self._base + CLIP, value))
        self._epoch.add(value, call.before + 1)
        if self._epoch.n < FEWEST or self._epoch.n % 4:
            return None
        return self._judge(window, in_flight, next_seq)

    def _settle(self) -> None:
        """The base, from the first calls: what a token takes, and how many tokens the wait for the first is worth."""
        speeds = sorted(
            (took - ttft) / tokens for took, ttft, tokens in self._first if ttft is not None and tokens > 15
        )
        if len(speeds) >= BASE_CALLS // 2:
            speed = max(1e-6, speeds[len(speeds) // 2])
            self._offset = min(500.0, max(5.0, math.exp(self._first_tokens.base.mean) / speed))
        values = [math.log(max(1e-3, took) / (self._offset + tokens)) for took, _, tokens in self._first]
        mean = sum(values) / len(values)
        if len(values) < FIRST_CALLS and sum((value - mean) ** 2 for value in values) > WIDE**2 * len(values):
            return
        self._base, self._base_n = mean, len(values)
        self._first = []

    def _judge(self, window: Window, in_flight: int, next_seq: int) -> str | None:
        epoch, base = self._epoch, self._base or 0.0
        over = epoch.mean - base
        error = epoch.error * math.sqrt(1 + epoch.n / max(1, self._base_n))
        young = YOUNG_BASE if self._base_n < 100 else 0.0
        if over > max(SMALLEST, SIGNIFICANT * error) + young:
            return self._too_slow(over, window, next_seq)
        if over < -SIGNIFICANT * error and epoch.n >= 16:
            return self._faster(window, next_seq)
        calm = epoch.n >= 32 and over + error < math.log(1.06)
        if epoch.n >= MOST or (calm and window.ceiling is not None):
            return self._calm(over, window, in_flight)
        return None

    def _too_slow(self, over: float, window: Window, next_seq: int) -> str:
        load, mean = self._epoch.load, self._epoch.mean
        slope = 1.0
        if self._cut_from is not None:
            slope = self._slope(load, mean)
            if slope < 0.25:
                self._rebase(mean)
                window.ceiling = None
                self._restart(next_seq)
                self._cut_from = None
                return "slower at any load: the provider drifted, its new speed is the base"
        target = load * math.exp(-(over - AIM) / max(1.0, min(2.0, slope)))
        self._cut(max(target, 0.4 * load), window, next_seq)
        return f"calls take {math.exp(over):.2f} times as long as they did: fewer at once"

    def _faster(self, window: Window, next_seq: int) -> str | None:
        """Faster than the base: the base was taken under load, or the provider got better."""
        load, mean = self._epoch.load, self._epoch.mean
        self._rebase(mean)
        if self._cut_from is not None and self._slope(load, mean) > 0.5:
            self._cut(0.85 * load, window, next_seq)
            return "fewer at once made calls faster: fewer still"
        self._cut_from = None
        self._restart(next_seq)
        return None

    def _calm(self, over: float, window: Window, in_flight: int) -> str | None:
        if self._base is not None:
            n = self._epoch.n
            self._base += over * n / (n + self._base_n)
            self._base_n = min(BASE_MEMORY, self._base_n + n)
        self._cut_from = None
        if over < CALM and self._epoch.load >= REFUTED * self._crowded_at:
            self._crowded_at = float("inf")  # as many as that are no crowd after all
        cause = None
        if window.ceiling is not None and over < CALM and in_flight >= BUSY * window.ceiling:
            step = self._raise if window.ceiling * self._raise < 0.95 * self._crowded_at else SMALL_RAISE
            window.ceiling *= step
            self._raise = min(LARGEST_RAISE, 3 * self._raise - 2)
            window.size = max(window.size, window.ceiling) if window.wall is None else window.size
            cause = "growing: calls are no slower for it"
        self._epoch = Sample()
        return cause

    def _rebase(self, mean: float) -> None:
        self._base, self._base_n = mean, self._epoch.n

    def _slope(self, load: float, mean: float) -> float:
        """How much the time fell with the load in the last cut: 0 not at all, 1 in proportion."""
        if self._cut_from is None:
            return 0.0
        fell = math.log(max(1.001, self._cut_from[0] / max(1.0, load)))
        return (self._cut_from[1] - mean) / max(fell, 0.05)

    def _cut(self, target: float, window: Window, next_seq: int) -> None:
        self._cut_from = (self._epoch.load, self._epoch.mean)
        self._crowded_at = self._epoch.load
        self._raise = SMALL_RAISE
        window.ceiling = max(1.0, target)
        window.shrink(window.ceiling)
        self._restart(next_seq)

    def _restart(self, next_seq: int) -> None:
        self._epoch = Sample()
        self._epoch_seq = next_seq
