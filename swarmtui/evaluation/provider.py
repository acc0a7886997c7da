"""A simulated provider: it alone knows its limits, and keeps its own ledger of what it accepted and refused."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from swarmtui.evaluation.worlds import Lump, Quota, Slope, World
from swarmtui.frozen import frozen, mutable

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@frozen
class Job:
    """One piece of work, the same for every rule that is tried."""

    number: int
    tokens_in: int
    tokens_out: int
    speed: float
    """Seconds per output token when the provider is idle."""
    ttft: float
    """Seconds to the first token when the provider is idle."""
    poison: bool

    @property
    def service_s(self) -> float:
        """Seconds that the job takes on an idle provider."""
        return self.ttft + self.tokens_out * self.speed


def jobs_of(world: World, count: int, seed: int) -> list[Job]:
    """`count` jobs: lognormal output lengths cut off at `max_tokens`, some noise in the speed."""
    draw = random.Random(f"jobs {seed}")  # noqa: S311
    lengths = [min(world.max_tokens, 1 + int(draw.lognormvariate(math.log(330), 0.6))) for _ in range(count)]
    speed = (world.mean_s - world.ttft_s) / (sum(lengths) / count)
    return [
        Job(
            number,
            tokens_in=draw.randint(120, 280),
            tokens_out=length,
            speed=speed * draw.lognormvariate(-0.01, 0.15),
            ttft=world.ttft_s * draw.lognormvariate(-0.03, 0.25),
            poison=draw.random() < world.poison,
        )
        for number, length in enumerate(lengths)
    ]


@mutable
class Ledger:
    """What the provider saw, by its own account."""

    asked: int = 0
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    """Calls that ended in a 500."""
    ok: int = 0
    malformed: int = 0
    probes_down: list[float] = field(default_factory=list)
    """When calls arrived while the provider was down."""
    refusals: list[float] = field(default_factory=list)
    peak: int = 0


@frozen
class Reply:
    """How a call will go: when its first token comes, when it ends, with what."""

    status: int
    done_in: float
    first_in: float | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)
    tokens_in: int = 0
    tokens_out: int = 0
    fault: str | None = None
    accepted: bool = False


class Bucket:
    """A token bucket in virtual time."""

    def __init__(self, quota: Quota) -> None:
        self.rate = quota.per_minute / 60
        self.limit = quota.per_minute
        self.size = max(1.0, self.rate * quota.burst_s)
        self.level = self.size * quota.fill
        self._at = 0.0

    def flow(self, now: float) -> float:
        """The level at `now`."""
        self.level = min(self.size, self.level + (now - self._at) * self.rate)
        self._at = now
        return self.level


class Provider:
    """One account with a world's limits. `offer` settles a call's fate; `ended` gives its slot back."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.ledger = Ledger()
        self.in_flight = 0
        self._draw = random.Random(f"provider {seed}")  # noqa: S311
        self._requests = Bucket(world.rpm) if world.rpm else None
        self._tokens = Bucket(world.tpm) if world.tpm else None
        self._slope = SlopeGuard(world.slope) if world.slope else None
        self._lump = LumpGuard(world.lump) if world.lump else None
        self._lingering: deque[float] = deque()
        """When calls ended that still count as in flight."""

    def cap(self, now: float) -> int | None:
        """The greatest number in flight at `now`."""
        current = None
        for since, cap in self.world.cap:
            if now >= since:
                current = cap
        return current

    def crowd(self, load: int) -> float:
        """How much slower everything is with `load` calls in flight."""
        slots = self.world.slots
        return 1.0 if slots is None or load <= slots else float((load / slots) ** self.world.crowding)

    def down_until(self, now: float) -> float | None:
        """When the present outage ends."""
        for start, length in self.world.outages:
            if start <= now < start + length:
                return start + length
            if start > now:
                break
        return None

    def refusing_until(self, now: float) -> float | None:
        """Until when every call is refused."""
        return next((at + length for at, length in self.world.refusing if at <= now < at + length), None)

    def _counted(self, now: float) -> int:
        while self._lingering and self._lingering[0] <= now - self.world.lag_s:
            self._lingering.popleft()
        return self.in_flight + len(self._lingering)

    def offer(self, job: Job, now: float) -> Reply:
        """What happens to `job`, sent at `now`."""
        self.ledger.asked += 1
        if self.down_until(now) is not None:
            self.ledger.probes_down.append(now)
            self.ledger.failed += 1
            return Reply(500, 0.2 + 0.2 * self._draw.random())
        refusing = self.refusing_until(now)
        if refusing is not None:
            return self._refuse(now, refusing - now)
        if self._turned_away(now):
            return self._refuse(now, None)
        if self._requests is not None and self._requests.flow(now) < 1:
            return self._refuse(now, (1 - self._requests.level) / self._requests.rate)
        reserved = self._reserved(job)
        if self._tokens is not None and self._tokens.flow(now) < reserved:
            return self._refuse(now, (reserved - self._tokens.level) / self._tokens.rate)
        return self._accept(job, now, reserved)

    def ended(self, job: Job, reply: Reply, now: float) -> None:
        """An accepted call of `job` is over."""
        self.in_flight -= 1
        if self.world.lag_s:
            self._lingering.append(now)
        if self._slope is not None:
            self._slope.seen(now, self.in_flight)
        if self._tokens is not None and self.world.refund:
            used = job.tokens_in + job.tokens_out
            self._tokens.flow(now)
            self._tokens.level = min(self._tokens.size, self._tokens.level + self._reserved(job) - used)
        if reply.status != 200:
            self.ledger.failed += 1
        elif reply.fault:
            self.ledger.malformed += 1
        else:
            self.ledger.ok += 1

    def _turned_away(self, now: float) -> bool:
        """Whether a limit that is never explained refuses the call that comes now."""
        if self.world.chance and self._draw.random() < self.world.chance:
            return True
        cap = self.cap(now)
        if cap is not None and self._counted(now) >= cap:
            return True
        if self._lump is not None and not self._lump.takes(now):
            return True
        return self._slope is not None and not self._slope.allows(now, self.in_flight)

    def _reserved(self, job: Job) -> int:
        return job.tokens_in + self.world.max_tokens

    def _accept(self, job: Job, now: float, reserved: int) -> Reply:
        self.in_flight += 1
        self.ledger.accepted += 1
        self.ledger.peak = max(self.ledger.peak, self.in_flight)
        if self._requests is not None:
            self._requests.level -= 1
        if self._tokens is not None:
            self._tokens.level -= reserved
        if self._slope is not None:
            self._slope.took(now, self.in_flight)
        crowd = 1.0 if self.world.sharing else self.crowd(self.in_flight)
        first, whole = job.ttft * crowd, job.service_s * crowd
        roll = self._draw.random()
        headers = self._headers(now)
        if self.world.outage_kills:
            for start, _ in self.world.outages:
                if now < start < now + whole:
                    return Reply(500, start - now, first if first < start - now else None, accepted=True)
        if roll < self.world.errors:
            return Reply(500, min(whole, 0.5 + self._draw.random()), headers=headers, accepted=True)
        fault = "malformed" if job.poison or roll < self.world.errors + self.world.malformed else None
        tokens = (job.tokens_in, job.tokens_out) if self.world.counts else (0, 0)
        shown = first if self.world.streams else None
        return Reply(200, whole, shown, headers, *tokens, fault, accepted=True)

    def _refuse(self, now: float, wait: float | None) -> Reply:
        self.ledger.refused += 1
        self.ledger.refusals.append(now)
        headers = dict(self._headers(now))
        if self.world.retry_after == "honest" and wait is not None:
            headers["retry-after"] = str(math.ceil(wait))
        elif self.world.retry_after == "hostile":
            headers["retry-after"] = self._draw.choice(("-1", "1e9", "NaN", "86400", "soon", "", "0"))
        delay = self.world.refusal_s * self._draw.uniform(0.7, 1.3)
        return Reply(429, delay, headers=headers)

    def _headers(self, now: float) -> Mapping[str, str]:
        if self.world.headers == "none":
            return NO_HEADERS
        if self.world.headers == "hostile":
            junk = ("-1", "0", "NaN", "1e308", "", "99999999999", "\x00", "3")
            return {
                f"x-ratelimit-{part}-{unit}": self._draw.choice(junk)
                for part in ("limit", "remaining", "reset")
                for unit in ("requests", "tokens")
            }
        told: dict[str, str] = {}
        for unit, bucket in (("requests", self._requests), ("tokens", self._tokens)):
            if bucket is not None:
                level = bucket.flow(now)
                told[f"x-ratelimit-limit-{unit}"] = str(int(bucket.limit))
                told[f"x-ratelimit-remaining-{unit}"] = str(max(0, int(level)))
                told[f"x-ratelimit-reset-{unit}"] = f"{(bucket.size - level) / bucket.rate:.3f}s"
        return told


class SlopeGuard:
    """Refuses growth beyond a share per period, of the calls in flight or of the calls accepted."""

    def __init__(self, slope: Slope) -> None:
        self._slope = slope
        self._history: deque[tuple[float, int]] = deque([(-1e9, 0)])
        self._accepts: deque[float] = deque()

    def allows(self, now: float, in_flight: int) -> bool:
        """Whether one more may come in."""
        slope = self._slope
        if slope.of == "in_flight":
            while len(self._history) > 1 and self._history[1][0] <= now - slope.period_s:
                self._history.popleft()
            before = self._history[0][1]
            return in_flight < max(slope.floor, before * slope.growth)
        while self._accepts and self._accepts[0] <= now - 2 * slope.period_s:
            self._accepts.popleft()
        recent = sum(1 for at in self._accepts if at > now - slope.period_s)
        return recent < max(slope.floor, (len(self._accepts) - recent) * slope.growth)

    def took(self, now: float, in_flight: int) -> None:
        """One more came in."""
        if self._slope.of == "rate":
            self._accepts.append(now)
        self.seen(now, in_flight)

    def seen(self, now: float, in_flight: int) -> None:
        """The number in flight changed."""
        if now - self._history[-1][0] > 0.25:
            self._history.append((now, in_flight))
        else:
            self._history[-1] = (self._history[-1][0], in_flight)


class LumpGuard:
    """Lets so many calls in per period, be it one that begins anew at boundaries or the last one at any moment."""

    def __init__(self, lump: Lump) -> None:
        self._lump = lump
        self._number = -1.0
        self._taken = 0
        self._recent: deque[float] = deque()

    def takes(self, now: float) -> bool:
        """Whether the call that comes now is let in; counted if it is."""
        lump = self._lump
        if lump.sliding:
            while self._recent and self._recent[0] <= now - lump.period_s:
                self._recent.popleft()
            taken = len(self._recent) < lump.calls
            if taken or lump.refused_count:
                self._recent.append(now)
            return taken
        number = (now - lump.phase_s) // lump.period_s
        if number != self._number:
            self._number, self._taken = number, 0
        self._taken += 1
        return self._taken <= lump.calls
