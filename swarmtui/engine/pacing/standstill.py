"""Backing off while nothing is accepted, and coming back as soon as something is.

Refusals in a row, each sent knowing of the one before, with nothing accepted in between: the number in flight is then
no explanation, and asking again at once only adds refusals. So the whole pool waits, longer each time, and one call at
a time asks. The first that is accepted ends it. (Exponential back-off with jitter, for the pool and not per call:
calls that wait on their own ask as often together as they did before.)

A provider's own advice is followed only here, where there is nothing else to go by, and only up to some minutes: it
must never stop a pool that works.
"""

from __future__ import annotations

import math

BESIDE_S = 1.0
"""The first pause while accepted calls are still in flight: the wall may have come down, and its law finds it."""
BESIDE_GROWTH = 1.5
LONGEST_BESIDE_S = 8.0
ALONE_S = 1.0
"""The first pause when nothing is in flight, at least."""
FIRST_SHARE = 0.125
LONGEST_FIRST_S = 8.0
"""The first pause is this share of the standstill before, but no longer than this."""
LONGEST_S = 30.0
JITTER = 0.1
LONGEST_TOLD_S = 300.0
"""Longest advice of the provider's that is followed; who says more is not believed at all."""
REPLY_WEIGHT = 0.2
REOPEN_WITH = 4
SHORTEST_STEP_S = 0.02
LONGEST_REPLY_S = 30.0
"""A refusal that took longer waited for something else, such as this machine asleep."""
LEAST_SILENCE_S = 2.0
SILENCE = 5.0
"""A trial that was not refused after this many usual times to a refusal is taken for accepted."""


class Standstill:
    """In force while refusals follow each other."""

    def __init__(self) -> None:
        self.run = 0
        """Refusals that count, in a row."""
        self.since = 0.0
        """When the first call of the run that is going on was sent."""
        self.refused_at = -1e9
        """When the last refused call of the run had been sent."""
        self.next_at = -1e9
        self._alone = 0
        self.patient = True
        """Whether the pauses grow: not while a run of refusals is likely enough by chance."""
        self._known_at = 0.0
        """When the last refusal that counted was known."""
        self._lasted = 0.0
        """How long the last standstill was."""
        self._refused_seq = -1
        self._trial: int | None = None
        self._trial_at = 0.0
        self._reopened_at = -1e9
        self._went = 0
        """Calls sent since then."""
        self.reply_s = 0.0
        """How long a refusal takes to come; 0 before the first."""

    def on(self, least: int) -> bool:
        """Whether the pool waits: `least` refusals in a row, or one with nothing else in flight."""
        return self.run >= least or self._alone > 0

    @property
    def ask_at(self) -> float:
        """When the next trial may go, were none under way."""
        if self._trial is None:
            return self.next_at
        return max(self.next_at, self._trial_at + self.silence_s)

    @property
    def silence_s(self) -> float:
        """A call that was not refused for so long is taken for accepted."""
        return max(LEAST_SILENCE_S, SILENCE * self.reply_s)

    def passed(self, now: float) -> int | None:
        """The trial that must have been accepted by now, though nobody has said so; None if there is none."""
        return self._trial if self._trial is not None and now >= self._trial_at + self.silence_s else None

    @property
    def alone(self) -> bool:
        """Whether calls were refused in this run with nothing else in flight."""
        return self._alone > 0

    def sent(self, seq: int, now: float) -> None:
        """Call `seq` went as the trial."""
        self._trial, self._trial_at = seq, now

    def refused(
        self,
        seq: int,
        sent_at: float,
        now: float,
        *,
        alone: bool,
        least_s: float,
        told_s: float | None,
        jitter: float,
    ) -> None:
        """Call `seq` was refused, and it was no test of a wall. `alone`: no accepted call was in flight beside it.

        Only those count that were sent knowing of the last that counted. `least_s`: the shortest pause that makes
        sense, as far as is known. `jitter`: 0 to 1.
        """
        self.beyond(seq, sent_at, now)
        if self.run and sent_at <= self._known_at:
            return
        if not self.run:
            self.since = sent_at
        self._known_at = now
        self.run += 1
        self.refused_at = sent_at
        if alone:
            self._alone += 1 if self.patient or not self._alone else 0
            first = max(ALONE_S, min(LONGEST_FIRST_S, FIRST_SHARE * self._lasted), least_s)
            pause = min(LONGEST_S, first * 2.0 ** min(self._alone - 1, 10))
        elif self.run > 1:
            pause = min(LONGEST_BESIDE_S, BESIDE_S * BESIDE_GROWTH ** min(self.run - 2, 10))
        else:
            pause = 0.0
        if told_s is not None and told_s <= LONGEST_TOLD_S and (alone or self.run > 1):
            pause = max(pause, told_s)
        self.next_at = max(self.next_at, now + pause * (1 + JITTER * jitter))

    def beyond(self, seq: int, sent_at: float, now: float) -> None:
        """Call `seq` was refused; what every refusal tells."""
        self._refused_seq = max(self._refused_seq, seq)
        took = min(LONGEST_REPLY_S, now - sent_at)
        self.reply_s += (REPLY_WEIGHT if self.reply_s else 1.0) * (took - self.reply_s)
        if seq == self._trial:
            self._trial = None

    def went(self) -> None:
        """A call went."""
        self._went += 1

    def reopening(self, now: float) -> float:
        """Seconds until the next call may go, after the end of a run: twice as many per time that a refusal takes.

        All that ended meanwhile is free then, and would go at once into whatever refused it before.
        """
        if self._went < REOPEN_WITH:
            return 0.0
        step_s = max(SHORTEST_STEP_S, self.reply_s)
        return max(0.0, self._reopened_at + step_s * math.log2((self._went + 1) / REOPEN_WITH) - now)

    def accepted(self, seq: int, now: float) -> float | None:
        """Call `seq` was accepted. If that ended a run: for how long nothing was, as far as is known."""
        if seq == self._trial:
            self._trial = None
        if not self.run:
            return None
        if seq < self._refused_seq:
            self._alone = 0  # it was in flight beside the refused
            return None
        lasted = self.refused_at - self.since
        if self._alone:
            self._lasted = lasted
        self.run = self._alone = 0
        self._trial = None
        self.next_at = -1e9
        self._reopened_at, self._went = now, 0
        return lasted

    def over(self) -> None:
        """The refusals of the run meant nothing."""
        self.run = self._alone = 0
        self._trial = None
        self.next_at = -1e9

    def gone(self, seq: int) -> None:
        """Call `seq` ended without saying whether it was accepted."""
        if seq == self._trial:
            self._trial = None
