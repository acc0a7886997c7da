"""One rule against one world, in virtual time: a heap of events, no clock, no sleeping."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from swarmtui.engine.pacer import Admission, Verdict
from swarmtui.evaluation.provider import Job, Ledger, Provider, Reply, jobs_of
from swarmtui.evaluation.worlds import World
from swarmtui.frozen import mutable

LONGEST_S = 200_000.0


class Rule(Protocol):
    """What decides when to send; the pacer, or a rival."""

    attempts: int
    """Charged failures after which a job is given up."""

    def admit(self, now: float, tokens: int = 0) -> Admission:
        """May a call go now?"""

    def sent(self, call: str, now: float, tokens: int = 0) -> None:
        """It went."""

    def first_token(self, call: str, now: float) -> None:
        """Its answer began."""

    def done(
        self,
        call: str,
        now: float,
        *,
        status: int,
        headers: Mapping[str, str],
        tokens_in: int,
        tokens_out: int,
        fault: str | None,
    ) -> Verdict:
        """It ended."""


@mutable
class Outcome:
    """What the client saw."""

    world: World
    jobs: int
    elapsed_s: float = 0.0
    ok: int = 0
    lost: int = 0
    """Jobs given up that the provider could have done."""
    quarantined: int = 0
    """Jobs given up that no attempt could have done."""
    refused: int = 0
    failed: int = 0
    malformed: int = 0
    most_attempts: int = 0
    """The most charged attempts of a job that was given up."""
    stretch: list[float] = field(default_factory=list)
    """Per success: seconds it took over seconds it takes on an idle provider."""
    finished: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    """When calls that were accepted had been sent."""
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def per_hour(self) -> float:
        """Jobs done per hour."""
        return 3600 * self.ok / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def refused_per_100(self) -> float:
        """Refusals per 100 jobs."""
        return 100 * self.refused / self.jobs

    def p95_stretch(self) -> float:
        """95th percentile of `stretch`."""
        ordered = sorted(self.stretch)
        return ordered[int(0.95 * (len(ordered) - 1))] if ordered else 0.0

    @property
    def honest(self) -> bool:
        """Whether the client's counts equal the provider's ledger."""
        ledger = self.ledger
        return (self.ok, self.refused, self.failed, self.malformed) == (
            ledger.ok,
            ledger.refused,
            ledger.failed,
            ledger.malformed,
        )


class Deadlock(Exception):
    """Nothing is in flight, nothing is due, and jobs wait."""


class Race:
    """Sends `jobs` through `rule` to the world's provider until each is done or given up."""

    def __init__(self, world: World, rule: Rule, *, calls: int, seed: int, provider: Provider | None = None) -> None:
        self.provider = Provider(world, seed) if provider is None else provider
        self.outcome = Outcome(world, calls, ledger=self.provider.ledger)
        self._world = world
        self._rule = rule
        self._queue: deque[Job] = deque(jobs_of(world, calls, seed))
        self._events: list[tuple[float, int, str, Job | None, Reply | None, str]] = []
        self._number = 0
        self._charged: dict[int, int] = {}
        self._tries: dict[int, int] = {}
        self._sent_at: dict[str, float] = {}
        self._wake_at = float("inf")
        self._sharing = SharedSpeed(self.provider) if world.sharing else None

    def run(self) -> Outcome:
        """To the end. Raises Deadlock."""
        now = 0.0
        self.start()
        while now <= LONGEST_S and (at := self.next_at(now)) is not None:
            now = at
            if now <= LONGEST_S:
                self.step(now)
        if self._queue and now <= LONGEST_S:
            raise Deadlock(f"{self._world.name}: {len(self._queue)} jobs wait and nothing is under way")
        outcome = self.outcome
        outcome.lost += len(self._queue)
        outcome.elapsed_s = now if now > LONGEST_S else (outcome.finished[-1] if outcome.finished else now)
        return outcome

    def start(self) -> None:
        """Send what may go at the start."""
        self._pump(0.0)

    def next_at(self, now: float) -> float | None:
        """When something happens next; None: never."""
        at = self._events[0][0] if self._events else float("inf")
        if self._sharing is not None:
            at = min(at, self._sharing.next_end(now)[0])
        return None if at == float("inf") else at

    def step(self, now: float) -> None:
        """What happens at `now`, which is when something happens next."""
        if self._sharing is not None:
            first, job, reply, call = self._sharing.next_end(now)
            if call and first <= (self._events[0][0] if self._events else float("inf")):
                self._sharing.remove(now)
                self._end(now, job, reply, call)
                self._pump(now)
                return
        at, _, kind, what, reply_or_none, call = heapq.heappop(self._events)
        if kind == "wake" and at != self._wake_at:
            return  # one that was overtaken by an earlier
        self._handle(now, kind, what, reply_or_none, call)
        self._pump(now)

    def _handle(self, now: float, kind: str, job: Job | None, reply: Reply | None, call: str) -> None:
        if kind == "wake":
            self._wake_at = float("inf")
        elif kind == "back" and job is not None:
            self._queue.appendleft(job)
        elif kind == "first":
            self._rule.first_token(call, now)
        elif kind == "done" and job is not None and reply is not None:
            self._end(now, job, reply, call)

    def _pump(self, now: float) -> None:
        while self._queue:
            job = self._queue[0]
            tokens = job.tokens_in + self._world.max_tokens if self._world.estimates else 0
            admission = self._rule.admit(now, tokens)
            if not admission.go:
                if admission.retry_at is not None and admission.retry_at < self._wake_at:
                    self._wake_at = max(admission.retry_at, now + 1e-6)
                    self._push(self._wake_at, "wake")
                return
            self._queue.popleft()
            self._send(now, job, tokens)

    def _send(self, now: float, job: Job, tokens: int) -> None:
        attempt = self._tries[job.number] = self._tries.get(job.number, 0) + 1
        call = f"{job.number}.{attempt}"
        self._rule.sent(call, now, tokens)
        self._sent_at[call] = now
        reply = self.provider.offer(job, now)
        if reply.accepted:
            self.outcome.started.append(now)
            if self._sharing is not None:
                self._sharing.add(now, job, reply, call)
                if reply.first_in is not None:
                    first = now + reply.first_in * self.provider.crowd(self.provider.in_flight)
                    self._push(first, "first", job, None, call)
                return
            if reply.first_in is not None:
                self._push(now + reply.first_in, "first", job, None, call)
        self._push(now + reply.done_in, "done", job, reply, call)

    def _end(self, now: float, job: Job, reply: Reply, call: str) -> None:
        outcome = self.outcome
        if reply.accepted:
            self.provider.ended(job, reply, now)
        verdict = self._rule.done(
            call,
            now,
            status=reply.status,
            headers=reply.headers,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            fault=reply.fault,
        )
        started = self._sent_at.pop(call)
        if reply.status == 200 and reply.fault is None:
            outcome.ok += 1
            outcome.finished.append(now)
            outcome.stretch.append((now - started) / job.service_s)
            return
        outcome.refused += reply.status == 429
        outcome.failed += reply.status == 500
        outcome.malformed += reply.fault is not None
        charged = self._charged[job.number] = self._charged.get(job.number, 0) + verdict.charged
        if verdict.retry_at is None or charged >= self._rule.attempts:
            outcome.lost += not job.poison
            outcome.quarantined += job.poison
            outcome.most_attempts = max(outcome.most_attempts, charged)
            return
        self._push(max(now, verdict.retry_at), "back", job)

    def _push(self, at: float, kind: str, job: Job | None = None, reply: Reply | None = None, call: str = "") -> None:
        self._number += 1
        heapq.heappush(self._events, (at, self._number, kind, job, reply, call))


def side_by_side(world: World, rules: Sequence[Rule], *, calls: int, seed: int) -> list[Outcome]:
    """Several clients of one account that know nothing of each other, until the first has done its jobs.

    Each outcome tells what its client had by then; the ledger is the account's. Raises Deadlock.
    """
    provider = Provider(world, seed)
    races = [Race(world, rule, calls=calls, seed=seed + number, provider=provider) for number, rule in enumerate(rules)]
    for one in races:
        one.start()
    now = 0.0
    while all(one.outcome.ok + one.outcome.lost + one.outcome.quarantined < calls for one in races):
        due = [(at, number) for number, one in enumerate(races) if (at := one.next_at(now)) is not None]
        if len(due) < len(races):
            raise Deadlock(f"{world.name}: a client waits for ever")
        now, number = min(due)
        if now > LONGEST_S:
            break
        races[number].step(now)
    for one in races:
        one.outcome.elapsed_s = now
    return [one.outcome for one in races]


class SharedSpeed:
    """Calls whose speed follows the load while they run: a clock of work that slows down as the load grows."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._work = 0.0
        self._at = 0.0
        self.running: list[tuple[float, int, Job, Reply, str]] = []
        self._number = 0

    def _move(self, now: float, load: int) -> None:
        self._work += (now - self._at) / self._provider.crowd(load)
        self._at = now

    def add(self, now: float, job: Job, reply: Reply, call: str) -> None:
        """A call starts; the provider counts it already."""
        self._move(now, len(self.running))
        self._number += 1
        heapq.heappush(self.running, (self._work + reply.done_in, self._number, job, reply, call))

    def next_end(self, now: float) -> tuple[float, Job, Reply, str]:
        """When the next call ends if nothing changes, and which; an empty call if there is none."""
        if not self.running:
            nobody = Job(-1, 0, 0, 0.0, 0.0, poison=False)
            return float("inf"), nobody, Reply(0, 0.0), ""
        target, _, job, reply, call = self.running[0]
        load = len(self.running)
        return max(now, self._at + (target - self._work) * self._provider.crowd(load)), job, reply, call

    def remove(self, now: float) -> None:
        """The next call ended."""
        self._move(now, len(self.running))
        heapq.heappop(self.running)
