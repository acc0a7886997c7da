"""The rules of others, from their published parameters, behind the pacer's own interface.

Each keeps its own count of a job's attempts: a call is named ``job.attempt``. None of them tells a refusal from a
fault of the job: all charge everything, which is how jobs are lost.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Mapping

from swarmtui.engine.pacer import Admission, Verdict
from swarmtui.engine.rate_headers import retry_after

GO = Admission(True, None)
WAIT = Admission(False, None)
DONE = Verdict(None, charged=False)


class Rival:
    """A window on calls in flight, and retries with exponential backoff: what all of them share."""

    holds = False
    """Whether a job keeps its place while it backs off, as in a pool of workers."""

    attempts = 8
    backoff_s = 1.0
    longest_backoff_s = 60.0
    heeds_retry_after_s = 60.0

    def __init__(self, window: float, seed: int = 0) -> None:
        self.window = window
        self.in_flight = 0
        self._sent: dict[str, float] = {}
        self._backing_off: list[float] = []
        self._draw = random.Random(f"rival {seed}")  # noqa: S311

    def admit(self, now: float, tokens: int = 0) -> Admission:
        """Whether the window has room."""
        waiting = self._backing_off
        while waiting and waiting[0] <= now:
            heapq.heappop(waiting)
        if self.in_flight + len(waiting) < max(1, int(self.window)):
            return GO
        return Admission(False, waiting[0]) if waiting else WAIT

    def sent(self, call: str, now: float, tokens: int = 0) -> None:
        """One more in flight."""
        self.in_flight += 1
        self._sent[call] = now

    def first_token(self, call: str, now: float) -> None:
        """None of them looks at it."""

    def done(
        self,
        call: str,
        now: float,
        *,
        status: int,
        headers: Mapping[str, str],
        tokens_in: int = 0,
        tokens_out: int = 0,
        fault: str | None = None,
    ) -> Verdict:
        """One fewer in flight; what failed goes back after a backoff."""
        started = self._sent.pop(call)
        self.learn(now, now - started, status, headers)
        self.in_flight -= 1
        if status == 200 and fault is None:
            return DONE
        tried = int(call.rpartition(".")[2])
        wait = min(self.longest_backoff_s, self.backoff_s * 2.0 ** min(tried - 1, 20)) * self._draw.uniform(0.5, 1.0)
        told = retry_after(headers)
        if told is not None and told <= self.heeds_retry_after_s:
            wait = max(wait, told)
        if self.holds:
            heapq.heappush(self._backing_off, now + wait)
        return Verdict(now + wait, charged=True)

    def learn(self, now: float, took: float, status: int, headers: Mapping[str, str]) -> None:
        """Change the window; here: never."""


class Fixed(Rival):
    """So many workers, 8 attempts."""

    holds = True


class PatientFixed(Fixed):
    """What the oracle sends: a fixed number of workers, 40 patient attempts."""

    attempts = 40
    longest_backoff_s = 30.0


class DeepSwarmTable(Fixed):
    """16 workers for short answers, 12 for middling, 6 for long ones; here 16, with a start-up stagger of 1 s each."""

    def __init__(self, seed: int = 0, mean_s: float = 10.6) -> None:
        super().__init__(16 if mean_s <= 20 else 12 if mean_s <= 45 else 6, seed)

    def admit(self, now: float, tokens: int = 0) -> Admission:
        """A worker more each second until all are there."""
        if now < self.window and self.in_flight >= 1 + int(now):
            return Admission(False, math.floor(now) + 1.0)
        return super().admit(now, tokens)


class Aimd(Rival):
    """Netflix AIMDLimit: 20, at most 200, +1 per answer while half used, x0.9 per drop (429, 5xx). Patient retries."""

    attempts = 200
    longest_backoff_s = 4.0

    def __init__(self, seed: int = 0) -> None:
        super().__init__(20, seed)

    def learn(self, now: float, took: float, status: int, headers: Mapping[str, str]) -> None:
        """The law; `in_flight` still counts the call that ended."""
        if status != 200:
            self.window = max(1, math.floor(self.window * 0.9))
        elif self.in_flight * 2 >= self.window:
            self.window = min(200, self.window + 1)


class Inspect(Rival):
    """Inspect's adaptive concurrency: 10/20/100, doubles per clean round, then +5 %; x0.8 per cut, 15 s apart."""

    attempts = 200
    backoff_s = 3.0
    longest_backoff_s = 1800.0
    heeds_retry_after_s = 1800.0

    def __init__(self, seed: int = 0, lowest: int = 10, highest: int = 100) -> None:
        super().__init__(20, seed)
        self._lowest, self._highest = lowest, highest
        self._slow_start = True
        self._clean = 0
        self._peak = 0
        self._cool_until = 0.0

    def learn(self, now: float, took: float, status: int, headers: Mapping[str, str]) -> None:
        """Rounds of successes grow the window; a 429 cuts it; a 5xx only breaks the round."""
        self._peak = max(self._peak, self.in_flight)
        if status == 429:
            self._slow_start = False
            self._clean = 0
            if now >= self._cool_until:
                self.window = max(self._lowest, int(self.window * 0.8))
                self._cool_until = now + max(15.0, min(retry_after(headers) or 0.0, 1800.0))
            return
        if status != 200:
            self._clean = 0
            return
        if now < self._cool_until:
            return
        self._clean += 1
        if self._clean >= max(self.window, 4):
            if self._peak >= 0.8 * self.window:
                grown = self.window * 2 if self._slow_start else max(self.window + 1, self.window * 1.05)
                self.window = min(self._highest, int(grown))
            self._clean = self._peak = 0


class Gradient2(Rival):
    """Netflix Gradient2: 20, at most 200, queue 4, smoothing 0.2, tolerance 1.5, long window 600. Blind to drops."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(20, seed)
        self._long = 0.0
        self._warm = 0
        self._window_end = 1.0
        self._sum = 0.0
        self._count = 0
        self._peak = 0

    def learn(self, now: float, took: float, status: int, headers: Mapping[str, str]) -> None:
        """Windows of at least a second and 10 samples."""
        self._sum += took
        self._count += 1
        self._peak = max(self._peak, self.in_flight)
        if now < self._window_end or self._count < 10:
            return
        short = self._sum / self._count
        self._average(short)
        if self._long / short > 2:
            self._long *= 0.95
        if self._peak >= self.window / 2:
            gradient = max(0.5, min(1.0, 1.5 * self._long / short))
            target = self.window * gradient + 4
            self.window = max(20.0, min(200.0, self.window * 0.8 + target * 0.2))
        self._window_end = now + 1.0
        self._sum, self._count, self._peak = 0.0, 0, 0

    def _average(self, short: float) -> None:
        if self._warm < 10:
            self._warm += 1
            self._long += (short - self._long) / self._warm
        else:
            self._long += (short - self._long) * 2 / 601
