"""What refusals mean that nobody explains, and what follows from them.

Too many at once (the window's wall), too many a minute (a pace), a window's worth used up (an allowance), nothing
accepted at all (a standstill), or chance (noise). Each has a law of its own in a module of its own; here they are
told apart. What a refusal shows in its headers is settled before it comes here.
"""

from __future__ import annotations

import math
from collections import deque

from swarmtui.engine.pacing.allowance import Allowance
from swarmtui.engine.pacing.chance import MOST_NOISE, Chance
from swarmtui.engine.pacing.fates import Fates, by_chance, full_at, in_a_row, in_likely_order, share, unsteady
from swarmtui.engine.pacing.pace import Pace
from swarmtui.engine.pacing.refusals import Refusals, steady_rate
from swarmtui.engine.pacing.standstill import Standstill
from swarmtui.engine.pacing.values import Call
from swarmtui.engine.pacing.window import Window

FALL = 0.78
"""How far to go down when the wall came down: far enough that few calls find out where it is now."""
PACED_RUN = 3
"""Refusals in a row that stop the pool while a quota is paced: there one may follow another by chance."""
NOISY_GROWTH = 0.5
NOISY_CUT = 0.85
CROWDED = 1.0
"""Growth per calls in flight where more were refused than by chance before."""
SELDOM = 0.08
"""Share of refusals up to which one that nothing explains is let pass."""
SELDOM_WEIGHT = 0.02
LET_IN = 4
"""Calls in a row that must have been let in before a refusal that may be by chance."""
LAST_SENT = 16
"""Calls that are remembered to see what was let in beside a refused one."""
TIGHT_CALLS = 2
KNOWN = 1.5
"""A call is accepted that was not refused after so many usual times to a refusal."""
FEWEST_REFUSED = 4
SUSPECTED = 2.0
"""Odds, as a logarithm, from which a refusal changes nothing."""
UNLIKELY_ODDS = -4.0
"""Odds below which refusals in a row are not put down to chance: the pauses between trials grow."""
SURE = 6.0
"""Odds from which refusals are taken for chance."""
SURE_PACED = 20.0
"""The same while a quota is paced and fewer than `MANY` are refused: those that it refuses are few and regular."""
MANY = 0.2
UNSTEADY = 5.0
"""Odds from which the share of refusals is not the same throughout: then it is no chance."""
SURE_FULL = 9.0
"""Odds against chance that a wall takes which is found while refusals are noise."""
SPREAD_S = 60.0
"""A window as short as that is used evenly: nothing is lost by it, and if it is one that slides, a burst would return
for ever."""
SHORTEST_MEASURE_S = 1.0
LONGEST_MEASURE_S = 60.0
LEAST_QUOTA = 1.3 / 60
"""Calls per second below which there is no quota that is told so: what is let in at that rate tells of the trials of a
standstill, and a pace so low would need hours to be tried again."""
TRUST = 0.8
"""Share of a paced rate below which the count between two standstills is believed instead."""


class Blind:
    """Tells the kinds of refusals apart, and holds what each led to."""

    def __init__(self, window: Window) -> None:
        self.pace = Pace()
        self.refusals = Refusals()
        self.standstill = Standstill()
        self.allowance = Allowance()
        self.chance = Chance()
        self._window = window
        self._used_up: deque[tuple[float, int, int]] = deque(maxlen=24)
        """The last calls refused without an explanation: when they were sent, how many before them had been let in, and
        how many of those were in flight."""
        self._unsure: deque[tuple[float, Call]] = deque(maxlen=256)
        """Calls accepted sooner than a refusal of those before them would be known, and when it will be."""
        self._shown = False
        """Whether the last refusal was for a quota that the provider shows."""
        self._turned_away = 0
        self._sent: deque[Call] = deque(maxlen=LAST_SENT)
        self._fates = Fates()
        self._walled_seq = -1
        """The newest call when a wall was found last while refusals are noise."""
        self._seldom = 0.0
        """Share of the last calls that were refused alone."""

    @property
    def stopped(self) -> bool:
        """Whether only single trials go."""
        still = self.standstill
        if not still.run:
            return False
        if self.chance.share is not None:
            return still.run >= self.chance.run()
        return still.on(PACED_RUN if self.pace.rate is not None or self._shown else 2)

    def wait(self, now: float) -> float:
        """Seconds until the next call may go, by all that is learned here."""
        if self.stopped:
            passed = self.standstill.passed(now)
            if passed is None or self.standstill.alone:
                return max(0.0, self.standstill.ask_at - now)
            self.standstill.accepted(passed, now)
        return max(self.pace.wait(now), self.allowance.wait(now), self.standstill.reopening(now))

    def sent(self, call: Call, now: float) -> None:
        """`call` went."""
        seq = call.seq
        self._sent.append(call)
        self._fates.sent(call)
        self.standstill.went()
        self._seldom *= 1 - SELDOM_WEIGHT
        if self.stopped:
            self.standstill.sent(seq, now)
        self.chance.sent(now, paced=self.pace.rate is not None)
        self.pace.sent(now)
        self.allowance.sent(seq, now)

    def gone(self, call: Call) -> None:
        """`call` ended without saying whether it was accepted."""
        call.void = True
        self.standstill.gone(call.seq)

    # -- accepted -----------------------------------------------------------------------------------------

    def accepted(self, call: Call, now: float, *, unsure_s: float) -> tuple[int, str | None]:
        """`call` was accepted: calls in flight with it as the provider counts, and what changed by it.

        `unsure_s`: how long refusals of those sent just before it may still come.
        """
        level = call.before + 1
        if self.refusals.since(call.sent_at):  # some that seemed in flight beside it never got in
            level -= self.refusals.refused_before(call.seq, call.sent_at)
        self.refusals.accepted(call.seq, 0 if unsure_s else level)
        if unsure_s:
            self._unsure.append((now + unsure_s, call))
        self._confirm(now)
        cause = self._resumed(call, now)
        self.pace.accepted()
        self.allowance.accepted(call.seq)
        return level, cause

    def _confirm(self, now: float) -> None:
        """Acceptances count at their level once nobody beside them can still be refused."""
        while self._unsure and self._unsure[0][0] <= now:
            _, call = self._unsure.popleft()
            level = call.before + 1 - self.refusals.refused_before(call.seq, call.sent_at)
            self.refusals.accepted(call.seq, level)

    @property
    def growth(self) -> float:
        """What becomes of the window's growth: less while refusals are noise."""
        if self.chance.share is None:
            return 1.0
        return min(NOISY_GROWTH, CROWDED / self._window.size) if self.chance.crowded else NOISY_GROWTH

    def _resumed(self, call: Call, now: float) -> str | None:
        """Whether `call` ended a standstill, and what that tells."""
        still = self.standstill
        since, refused_at, was, alone = still.since, still.refused_at, self.stopped, still.alone
        if still.accepted(call.seq, now) is None or not was or self.chance.share is not None:
            return None
        if not alone or not still.patient:
            return "accepted again"
        self._window.forget_wall(1.0)
        known = self.allowance.period
        bucket = self.allowance.resumed(call.sent_at, refused_at, since)
        if bucket is not None:
            return self._trickle(*bucket, now)
        if self.allowance.period is not None and known is None:
            self.pace.end()
            if self.allowance.period <= SPREAD_S:
                self.pace.begin(self.allowance.count / self.allowance.period, now, tight=True)
                self.allowance.forget()
                return f"a quota of {self.allowance.count} a minute that comes back at once: used evenly"
            return f"a quota of {self.allowance.count} that comes back every {self.allowance.period:.0f} s"
        return "accepted again after a standstill: growing from one"

    def _trickle(self, calls: int, least_s: float, most_s: float, now: float) -> str:
        """So few calls got in between two standstills: a quota that fills slowly."""
        slowest, fastest = calls / max(most_s, 1e-3), calls / max(least_s, 1e-3)
        rate = math.sqrt(slowest * min(fastest, 4 * slowest))
        if rate < 1:  # such quotas are told per minute, in whole numbers
            whole = round(60 * rate) / 60
            rate = whole if slowest <= whole <= fastest else rate
        if rate < LEAST_QUOTA:  # what was counted is our own waiting
            self.pace.end()
            return "a call now and then gets in, fewer than any quota lets in: growing from one"
        if self.pace.rate is None or rate < TRUST * self.pace.rate:
            self.pace.begin(rate, now, tight=calls <= TIGHT_CALLS or self.pace.tight)
        return f"a call now and then gets in: a quota of about {60 * (self.pace.rate or rate):.2g} a minute"

    # -- refused ------------------------------------------------------------------------------------------

    def shown(self, call: Call, now: float, *, jitter: float) -> None:
        """`call` was refused for a quota that the provider shows: nothing to find out, but others may use it up."""
        self._shown = call.void = True
        self.refusals.refused(call.seq, call.sent_at, now)
        self.standstill.refused(call.seq, call.sent_at, now, alone=False, least_s=0.0, told_s=None, jitter=jitter)

    def refused(
        self,
        call: Call,
        now: float,
        told_s: float | None,
        round_trip_s: float,
        *,
        alone: bool,
        mirrored: bool,
        jitter: float,
    ) -> str:
        """`call` was refused and nobody says why; the cause that was found.

        `alone`: no call in flight is known to be accepted. `mirrored`: a quota is shown.
        """
        self._shown = False
        call.refused_after = self._sent[-1].seq if self._sent else call.seq
        self._confirm(now)
        level = call.before - self.refusals.refused_before(call.seq, call.sent_at)
        news = self.refusals.news(call.sent_at)
        expected = self.allowance.refused()
        weighed = self._weighed(call, now)
        lone = weighed is not None or self._is_lone(call, level)
        if lone or expected or (call.beyond and not alone):
            self.standstill.beyond(call.seq, call.sent_at, now)
        else:
            self.standstill.refused(
                call.seq,
                call.sent_at,
                now,
                alone=alone,
                least_s=self.pace.between_s / 2,
                told_s=told_s,
                jitter=jitter,
            )
        cause = weighed
        if cause is None:
            cause = self._foreseen(call, level, now, round_trip_s, expected=expected, lone=lone)
        if cause is not None:
            self.refusals.refused(call.seq, call.sent_at, now)
            return cause
        fell = self.refusals.fell(call.seq, level, now, round_trip_s, rising=self._window.rising)
        if self.pace.slack(now):
            self.pace.end()
        if self.pace.rate is None:
            return self._unpaced(call, level, now, round_trip_s, fell=fell and not mirrored, mirrored=mirrored)
        if self._by_chance(now):
            cause = "refused no less at a lower rate: by chance, not for what is sent"
        else:
            self.pace.refused(now, told_s, news=news)
            cause = f"refused: a quota of about {60 * (self.pace.rate or 0):.2g} a minute"
            if (self.pace.rate or 0.0) < LEAST_QUOTA:
                self.pace.end()
        self.refusals.refused(call.seq, call.sent_at, now)
        return cause

    def _is_lone(self, call: Call, level: int) -> bool:
        """Whether `call` was refused alone: the one sent before it was let in, beside more than it found in flight.

        No wall does that; a quota only while it is hardly exceeded.
        """
        if self.pace.rate is not None or self.allowance.period is not None or self.chance.share is not None:
            return False
        since = self.refusals.last_before(call.seq)
        between = [one for one in self._sent if since < one.seq < call.seq]
        beside = any(one.before + 1 - self.refusals.refused_before(one.seq, one.sent_at) > level for one in between)
        if len(between) < LET_IN or not beside:
            return False
        self._seldom += SELDOM_WEIGHT
        return self._seldom <= SELDOM

    def _weighed(self, call: Call, now: float) -> str | None:
        """Whether the last fates show that refusals are by chance."""
        if self.allowance.period is not None or self.chance.share is not None:
            return None
        fates = self._fates.known(now, KNOWN * self.standstill.reply_s)
        part = share(fates)
        self.standstill.patient = True
        if part * len(fates) < FEWEST_REFUSED or part > MOST_NOISE or unsteady(fates) > UNSTEADY:
            return None
        odds = by_chance(list(in_likely_order(fates)))
        self.standstill.patient = odds < UNLIKELY_ODDS or part < MANY
        few = self.pace.rate is not None and part < MANY
        if odds < (SURE_PACED if few else SUSPECTED):
            return None
        if odds < SURE:
            self._turned_away += 1
            return "refused, by chance as it seems: nothing that was sent explains it"
        self._take_for_chance(part)
        self._window.forget_wall(max((fate.level + 1.0 for fate in fates if not fate.refused), default=1.0))
        self._walled_seq = call.seq
        return f"refused whatever is sent: by chance, {100 * part:.0f} of 100"

    def _take_for_chance(self, part: float) -> None:
        """From now on a `part` of all calls is refused, and nothing follows from it."""
        self.chance.found(part)
        self.pace.end()
        self.standstill.over()
        self._used_up.clear()

    def _noise(self, call: Call, level: int, now: float, round_trip_s: float) -> str | None:
        """What the refusal of `call` is while refusals are noise; None: they mean something again.

        Not every acceptance was told yet, so that refusals may seem to follow each other.
        """
        fates = self._fates.known(now, KNOWN * self.standstill.reply_s, self._walled_seq)
        row = in_a_row(fates)
        if row < self.chance.run():
            self.standstill.over()
        judged = self.chance.noise(row)
        if judged == "over":
            return None
        window = self._window
        full = full_at(fates, self.chance.share or 0.0, SURE_FULL)
        if window.wall is not None and call.beyond and level >= window.wall:
            full = window.wall
        if full is not None:
            self._walled_seq = self._sent[-1].seq
            window.refused(full, now, round_trip_s, news=True)
            return f"refused in a row with {full} accepted in flight: that is the wall, others are refused by chance"
        if judged == "more":
            window.shrink(NOISY_CUT * level)
            return "refused more often than by chance: fewer at once"
        return "refused by chance, whatever is sent"

    def _foreseen(
        self, call: Call, level: int, now: float, round_trip_s: float, *, expected: bool, lone: bool
    ) -> str | None:
        """What explains the refusal of `call` by what is known already; None: nothing does."""
        if expected:
            return f"refused: all {self.allowance.count} calls of this window are used"
        if self.chance.share is not None:
            noise = self._noise(call, level, now, round_trip_s)
            if noise is not None:
                return noise
        elif lone:
            self._turned_away += 1
            return "refused alone, beside others that were accepted: by chance"
        if self.allowance.period is not None and self.stopped:
            return self._dry(now)
        return None

    def _dry(self, now: float) -> str:
        at = self.allowance.dry(now)
        if at is None:
            return "refused after the quota should have come back: it is forgotten"
        self.standstill.next_at = max(self.standstill.next_at, at)
        return f"refused: the window's quota is used up after {self.allowance.count}"

    def _by_chance(self, now: float) -> bool:
        if not self.chance.refused(now):
            return False
        self.pace.end()
        self._window.forget_wall(1.0)
        self._used_up.clear()
        return True

    def _unpaced(self, call: Call, level: int, now: float, round_trip_s: float, *, fell: bool, mirrored: bool) -> str:
        """A wall, a wall that came down, or a quota that nobody shows."""
        window = self._window
        news = self.refusals.news(call.sent_at)
        self._turned_away += 1
        steady = None
        if news:
            self._used_up.append((call.sent_at, call.seq - self._turned_away, level))
            steady = steady_rate(self._used_up)
        elif self._used_up and call.sent_at <= self._used_up[-1][0]:
            at, taken, most = self._used_up[-1]
            self._used_up[-1] = (at, taken - 1, most)  # it was on its way then, and did not get in
        again = self.refusals.again(call.sent_at)
        self.refusals.refused(call.seq, call.sent_at, now)
        if (fell or steady is not None) and not mirrored:
            window.forget_wall(float(call.before + 1))
            self.pace.begin(self._quota_rate(call) if steady is None else steady, now)
            self.chance.forget()
            return "refused below what is accepted: a quota, not a wall"
        if again and level < int(window.size):
            window.refused(min(level, int(FALL * window.size)), now, round_trip_s, news=news)
            return "refused again and again: the wall came down"
        window.refused(level, now, round_trip_s, news=news)
        beside = f"with {level} accepted in flight: that is the wall" if level else "with nothing else in flight"
        return f"refused {beside}"

    def _quota_rate(self, call: Call) -> float:
        """Calls per second that a quota lets in: what got in between two calls that found it used up.

        Both are told by the time at which they were sent: of all that were sent before the later one it is known by
        now whether they were refused, while of those sent since it is not.
        """
        taken = call.seq - self._turned_away
        spans = [(call.sent_at - at, taken - before) for at, before, _ in self._used_up]
        for span, let_in in spans:
            if SHORTEST_MEASURE_S <= span <= LONGEST_MEASURE_S:
                return max(1, let_in) / span
        span, let_in = spans[0] if spans else (0.0, 0)
        return max(1, let_in) / max(SHORTEST_MEASURE_S, span)
