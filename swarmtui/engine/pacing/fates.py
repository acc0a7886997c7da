"""What became of the last calls, and whether anything that we do explains which of them were refused.

Two hypotheses are weighed by their likelihood. By chance: each call is refused with the same probability, whatever was
sent before it and beside it. By a limit: a wall that may move, a bucket that fills at some rate, or both; each
foretells the next fate from those before, and is set right by what really happens: only surprises count against it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from swarmtui.engine.pacing.values import Call

REMEMBERED = 160
RATES = (0.35, 0.5, 0.7, 0.85, 1.0, 1.15, 1.4, 2.0)
"""Rates at which a bucket may fill, as shares of what was accepted since the first refusal."""
SURPRISE = math.log(0.003)
"""A refusal where a limit would have let in."""
UNSURE = math.log(0.5)
AS_EXPECTED = math.log(0.9)
UNEXPECTED = math.log(0.05)
"""A call let in where the bucket should have been empty."""
EMPTY = 0.5
FULL = 1.5
"""Calls in a bucket below which one more is surely refused, and above which surely not; between it may be either."""
SCRAMBLED_S = 0.02


class Fate(NamedTuple):
    """What became of a call: when it was sent, accepted calls in flight then, whether it was refused."""

    at: float
    level: int
    refused: bool


class Fates:
    """The last calls, in the order in which they were sent."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=REMEMBERED)

    def sent(self, call: Call) -> None:
        """`call` went."""
        self._calls.append(call)

    def known(self, now: float, unsure_s: float, after: int = -1) -> list[Fate]:
        """The fates that are known at `now`, of calls after the one numbered `after`.

        A call that was not refused within `unsure_s` was accepted. Younger ones are left out, the refused too: since
        refusals are known sooner, there would be too many of them.
        """
        fates = []
        beside: list[int] = []
        for call in self._calls:
            if call.sent_at > now - unsure_s:
                break
            beside = [newest for newest in beside if newest >= call.seq]
            if call.seq > after and not call.void:
                fates.append(Fate(call.sent_at, call.before - len(beside), call.refused_after is not None))
            if call.refused_after is not None:
                beside.append(call.refused_after)
        return fates


def in_likely_order(fates: Sequence[Fate]) -> Iterator[Fate]:
    """Calls sent at almost the same moment may come in any order: the accepted first, as a limit would have it."""
    begin = 0
    while begin < len(fates):
        end = begin + 1
        while end < len(fates) and fates[end].at <= fates[begin].at + SCRAMBLED_S:
            end += 1
        group = fates[begin:end]
        if len(group) > 1:
            level = group[0].level
            accepted = sum(not fate.refused for fate in group)
            group = [Fate(fate.at, level + min(index, accepted), index >= accepted) for index, fate in enumerate(group)]
        yield from group
        begin = end


def _log(refused: int, calls: int) -> float:
    """The logarithm of the likelihood of so many refusals of so many calls, each refused as probably as that."""
    if refused <= 0 or refused >= calls:
        return 0.0
    return refused * math.log(refused / calls) + (calls - refused) * math.log(1 - refused / calls)


def unsteady(fates: Sequence[Fate]) -> float:
    """How much likelier it is that refusals became more or fewer at some time, or that one brings the next, than that
    all are refused as probably: a difference of logarithms.
    """
    flags = [fate.refused for fate in fates]
    calls, refused = len(flags), sum(flags)
    best, before = -math.inf, 0
    for index, flag in enumerate(flags[:-1], 1):
        before += flag
        best = max(best, _log(before, index) + _log(refused - before, calls - index))
    pairs = list(pairwise(flags))
    after_refused = [now for was, now in pairs if was]
    after_accepted = [now for was, now in pairs if not was]
    bound = _log(sum(after_refused), len(after_refused)) + _log(sum(after_accepted), len(after_accepted))
    return max(best - _log(refused, calls), bound - _log(sum(flags[1:]), len(pairs)))


def share(fates: Sequence[Fate]) -> float:
    """The share of them that was refused."""
    return sum(fate.refused for fate in fates) / max(1, len(fates))


def by_chance(fates: Sequence[Fate]) -> float:
    """How much likelier chance is than the best of the limits: a difference of logarithms, above 0 where it is."""
    refused = sum(fate.refused for fate in fates)
    accepted = len(fates) - refused
    if not refused or not accepted:
        return 0.0
    chance = _log(refused, len(fates))
    first = next(index for index, fate in enumerate(fates) if fate.refused)
    span = max(1e-3, fates[-1].at - fates[first].at)
    usual = max(1.0, sum(not fate.refused for fate in fates[first:])) / span
    limits = [_foretold(fates, None, walled=True)]
    for of_usual in RATES:
        limits += [_foretold(fates, of_usual * usual, walled=walled) for walled in (False, True)]
    return chance - max(limits)


def _foretold(fates: Sequence[Fate], rate: float | None, *, walled: bool) -> float:
    """The logarithm of the likelihood of `fates` under a bucket that fills at `rate`, a wall, or both."""
    total, level, at = 0.0, math.inf, fates[0].at
    known_free, known_full = 0, math.inf
    started = False
    for fate in fates:
        if rate is not None:
            level += rate * (fate.at - at)
        at = fate.at
        if fate.refused:
            by_bucket = SURPRISE if rate is None or level > FULL else AS_EXPECTED if level < EMPTY else UNSURE
            if fate.level < max(1, known_free):  # nothing in flight: no wall refuses that
                by_wall = SURPRISE
            else:
                by_wall = AS_EXPECTED if fate.level >= known_full else UNSURE
            best = max(by_bucket, by_wall) if walled else by_bucket
            total += best if started else UNSURE
            started = True
            level = min(level, EMPTY)
            known_full, known_free = min(known_full, fate.level), min(known_free, fate.level)
            continue
        if rate is not None and level < FULL:
            total += UNEXPECTED if level < EMPTY else UNSURE
        level = max(level, 1.0) - 1.0
        if fate.level >= known_full:
            total += UNSURE if walled else 0.0
            known_full = math.inf
        known_free = max(known_free, fate.level + 1)
    return total


def full_at(fates: Sequence[Fate], by_chance: float, sure: float) -> int | None:
    """Where a wall is, if the last refusals are too many to be by chance, whose share is `by_chance`; else None.

    They count only while none was accepted beside as many, before them or after. `sure`: the logarithm of the odds
    that are asked for.
    """
    odds, lowest, accepted = 0.0, math.inf, -1
    each = -math.log(min(0.95, max(0.01, by_chance)))
    for fate in reversed(fates):
        if fate.refused:
            odds += each
            lowest = min(lowest, fate.level)
            if lowest <= accepted:
                return None
            if odds >= sure:
                return int(lowest)
        else:
            accepted = max(accepted, fate.level)
            if accepted >= lowest:
                return None
    return None


def in_a_row(fates: Sequence[Fate]) -> int:
    """How many of the last were refused, none accepted between them."""
    return next((count for count, fate in enumerate(reversed(fates)) if not fate.refused), len(fates))
