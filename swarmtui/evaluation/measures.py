"""What is read off a race besides its rate: how soon, how slow, how many probes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from swarmtui.evaluation.race import Outcome
from swarmtui.evaluation.worlds import World

GRACE_S = 3.0
"""How long an outage may go unnoticed before calls into it count as probes."""


def soon_at_rate(outcome: Outcome, since: float = 0.0, share: float = 0.8) -> float:
    """Seconds after `since` until answers come at `share` of the rate at which they later come."""
    done = [at for at in outcome.finished if at > since]
    if len(done) < 50:
        return float("inf")
    first, last = done[len(done) // 2], done[int(len(done) * 0.85)]
    steady = (len(done) * 0.35) / max(1e-9, last - first)
    span = max(3.0, 30 / steady)
    count = 0
    for index, at in enumerate(done):
        while done[count] < at - span:
            count += 1
        if (index - count + 1) / span >= share * steady and at - since >= span:
            return max(0.0, at - since - span / 2)
    return float("inf")


def refusals_stop(outcome: Outcome, since: float, quiet_s: float = 3.0) -> float:
    """Seconds after `since` until refusals pause for `quiet_s`."""
    last = since
    for at in outcome.ledger.refusals:
        if at < since:
            continue
        if at - last > quiet_s:
            break
        last = at
    return last - since


def probes_per_2s(outcome: Outcome) -> float:
    """Calls per 2 s of outage, the first seconds of each left out; the greatest over the outages."""
    most = 0.0
    for start, length in outcome.world.outages:
        if start > outcome.elapsed_s or length <= GRACE_S:
            continue
        calls = sum(1 for at in outcome.ledger.probes_down if start + GRACE_S <= at < start + length)
        most = max(most, 2 * calls / (length - GRACE_S))
    return most


def steps(world: World) -> list[float]:
    """When the world's cap changes."""
    return [since for since, _ in world.cap if since > 0]


def capacity(world: World) -> float:
    """About how many calls in flight the world's tightest limit allows."""
    limits: list[float] = [float(max(cap for _, cap in world.cap))] if world.cap else []
    if world.slots:
        limits.append(float(world.slots))
    if world.rpm:
        limits.append(world.rpm.per_minute / 60 * world.mean_s)
    if world.lump:
        limits.append(world.lump.calls / world.lump.period_s * world.mean_s)
    if world.tpm:
        used = 580 if world.refund else 200 + world.max_tokens
        limits.append(world.tpm.per_minute / used / 60 * world.mean_s)
    return max(1.0, min(limits, default=100.0))


def bound_per_hour(world: World, calls: int) -> float:
    """Calls per hour if the world's capacity were used in full from first to last: no ramp, tail, outage or slope.

    Times in which everything is refused count as used in full by nobody.
    """
    held = world.mean_s + world.lag_s
    steady = [world.slots / held] if world.slots else []
    if world.rpm:
        steady.append(world.rpm.per_minute / 60)
    if world.tpm:
        steady.append(world.tpm.per_minute / 60 / (580 if world.refund else 200 + world.max_tokens))
    if world.lump and world.lump.sliding:
        steady.append(world.lump.calls / world.lump.period_s)
    left, at = float(calls), 0.0
    for since, until, cap in _stretches(world):
        rate = min([cap / held, *steady])
        if left <= rate * (until - since):
            at = since + left / rate
            break
        left -= rate * (until - since)
    return 3600 * calls / max(at, _last_lump(world, calls), 1e-9)


def _stretches(world: World) -> Iterator[tuple[float, float, float]]:
    """From when until when which cap holds; times of refusal left out."""
    edges = sorted(
        {0.0, *(at for at, _ in world.cap), *(edge for at, length in world.refusing for edge in (at, at + length))}
    )
    for since, until in pairwise([*edges, float("inf")]):
        if any(at <= since < at + length for at, length in world.refusing):
            continue
        yield since, until, float(next((cap for at, cap in reversed(world.cap) if at <= since), 10**9))


def _last_lump(world: World, calls: int) -> float:
    """When the window opens that lets the last of `calls` in."""
    lump = world.lump
    if lump is None or lump.sliding or calls <= lump.calls:
        return 0.0
    first = lump.phase_s % lump.period_s
    windows = math.ceil(calls / lump.calls) - 1
    return (windows - 1) * lump.period_s + (first or lump.period_s)
