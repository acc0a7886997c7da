"""Finds a provider's limits and follows them: how many calls at once, how many per minute, and when to wait.

One pacer per (base URL, account, model), shared by all that use it. It does no I/O and has no clock: tell it what
happened and when (seconds, of any monotonic clock), and ask it before each call. The same events give the same answers.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping

from swarmtui.engine.pacing.blind import Blind
from swarmtui.engine.pacing.clock import Clock
from swarmtui.engine.pacing.health import Health
from swarmtui.engine.pacing.latency import Latency
from swarmtui.engine.pacing.memory import SHARE, PacerMemory
from swarmtui.engine.pacing.mirror import Mirror
from swarmtui.engine.pacing.values import Admission, Binding, Call, Change, Journal, PacerView, Verdict
from swarmtui.engine.pacing.window import START, Window
from swarmtui.engine.rate_headers import NOTHING, RateHeaders, read_headers

__all__ = ["Admission", "Binding", "Change", "Pacer", "PacerMemory", "PacerView", "Verdict"]

GO = Admission(True, None)
WAIT = Admission(False, None)
WELL = Verdict(None, charged=False)
OVERLOADED = frozenset((503, 529))
TYPICAL_S = 10.0
"""Round trip assumed until one was seen."""
PAUSED_S = 1.0
"""When to ask again where the user allows no call at all."""
RECENT_S = 60.0
UNSURE = 1.5
"""Times it takes until a refusal comes; an acceptance that is sooner says nothing of those sent just before."""


class Pacer:
    """See the module. Every method takes `now` in seconds; a time a little before an earlier one counts as that one."""

    def __init__(self, *, now: float, seed: int = 0, cap: int | None = None, warm: PacerMemory | None = None) -> None:
        self._clock = Clock(now)
        now = self._clock.now
        self._draw = random.Random(f"pacer {seed}")  # noqa: S311 - jitter, not secrets
        self._window = Window(START if warm is None else max(1.0, SHARE * warm.window))
        self._requests = Mirror()
        self._tokens = Mirror(whole=0.0)
        self._blind = Blind(self._window)
        self._latency = Latency()
        self._health = Health()
        self._journal = Journal()
        self._calls: dict[str, Call] = {}
        self._seq = 0
        self._cap = cap
        self._frozen: int | None = None
        self._clouded = False
        self._binding: Binding = "none"
        self._bound_at = now
        self._round_trip = TYPICAL_S
        self._timed = False
        self._accepts = 0.0
        self._refused = 0.0
        self._ended: deque[float] = deque(maxlen=4096)
        if warm is not None and warm.rate:
            self._blind.pace.begin(SHARE * warm.rate, now)
        self._note("start" if warm is None else "start at half of what was learned before")

    @property
    def in_flight(self) -> int:
        """Calls sent and not done."""
        return len(self._calls)

    def admit(self, now: float, tokens: int = 0) -> Admission:
        """May a call of about `tokens` tokens go now? Changes nothing that is counted: `sent` does.

        With nothing in flight the answer is yes, or has a `retry_at`: whoever waits is always woken.
        """
        now = self._clock.read(now)
        in_flight = len(self._calls)
        user = self._user_limit()
        if user is not None and in_flight >= user:
            self._bound("user", now)
            return WAIT if in_flight else self._later(now + PAUSED_S)
        if self._health.down:
            return self._admit_probe(now)
        if not self._window.room(in_flight, now) and in_flight:
            self._bound("latency" if self._window.ceiling_binds else "wall", now)
            due = self._window.next_test()
            return WAIT if due is None or due <= now else self._later(due)
        return self._admit_paced(now, tokens)

    def sent(self, call: str, now: float, tokens: int = 0) -> None:
        """The call `call` went, after `admit` said go.

        A name that is in flight already is counted once: what was announced really goes now.
        """
        now = self._clock.read(now)
        known = self._calls.get(call)
        if known is not None:
            known.sent_at = now if known.first_at is None else known.sent_at
            return
        self._seq += 1
        probe = self._health.down
        if probe:
            self._health.probing = True
        tokens = max(0, tokens)
        self._calls[call] = Call(
            self._seq,
            now,
            len(self._calls),
            tokens,
            self._requests.take(1.0, now),
            self._tokens.take(float(tokens), now),
            beyond=len(self._calls) >= int(self._window.size),
            probe=probe,
            clouded=self._clouded,
        )
        self._blind.sent(self._calls[call], now)

    def first_token(self, call: str, now: float) -> None:
        """The answer to `call` began: it was accepted."""
        now = self._clock.read(now)
        record = self._calls.get(call)
        if record is None or record.first_at is not None:
            return
        record.first_at = now
        record.clouded |= self._clouded
        growth = 1.0
        if not record.clouded:
            growth = self._latency.first_token(record, now - record.sent_at, len(self._calls))
        self._accepted(record, now, growth=growth)

    def done(
        self,
        call: str,
        now: float,
        *,
        status: int,
        headers: Mapping[str, str] = {},
        tokens_in: int = 0,
        tokens_out: int = 0,
        fault: str | None = None,
    ) -> Verdict:
        """`call` ended: with an HTTP `status`, or 0 when there was no connection; `fault` names a bad answer."""
        now = self._clock.read(now)
        record = self._calls.pop(call, None)
        if record is None:
            return WELL if 200 <= status < 300 and fault is None else self._again(1.0, charged=False)
        told = read_headers(headers) if headers else NOTHING
        if told is not NOTHING:
            self._hear(record, told, now, refused=status == 429)
        if record.probe:
            self._health.probing = False
        if status == 429:
            return self._on_refusal(record, told, now)
        if status == 0 or status >= 500:
            if record.first_at is None:
                self._blind.gone(record)
            return self._on_failure(now, charged=status not in OVERLOADED)
        if record.first_at is None:
            growth = 1.0
            if not (record.clouded or self._clouded):
                took = now - record.sent_at
                growth = self._latency.unstreamed(record, took, max(0, tokens_out), len(self._calls) + 1)
            self._accepted(record, now, growth=growth)
        if not self._health.down:
            self._health.well()
        if 200 <= status < 300 and fault is None:
            self._on_success(record, now, max(0, tokens_in) + max(0, tokens_out), max(0, tokens_out))
            return WELL
        return self._again(1.0, charged=True)

    def gone(self, call: str, now: float) -> None:
        """We stopped `call` ourselves: it is no longer in flight, and says nothing of the provider."""
        self._clock.read(now)
        record = self._calls.pop(call, None)
        if record is None:
            return
        self._blind.gone(record)
        if record.probe:
            self._health.probing = False

    def set_cap(self, cap: int | None, now: float) -> None:
        """The user's limit on calls in flight, from now on; None lifts it. 0 lets nothing go."""
        self._clock.read(now)
        self._cap = None if cap is None else max(0, cap)
        self._note("the user's cap was lifted" if cap is None else f"the user's cap: {self._cap}")

    def freeze(self, window: int | None, now: float) -> None:
        """Hold the window at `window`, whatever is learned; None thaws it. A cap still holds below it."""
        self._clock.read(now)
        self._frozen = None if window is None else max(0, window)
        self._note("the user thawed the window" if window is None else f"the user froze the window at {self._frozen}")

    def cloud(self, clouded: bool) -> None:
        """While `clouded`, what calls take is this machine's own doing, and says nothing of the provider."""
        self._clouded = clouded

    def memory(self, wall_now: float) -> PacerMemory:
        """What was learned, to be kept; `wall_now` is seconds since the epoch."""
        return PacerMemory(round(self._window.size, 1), self._blind.pace.rate, wall_now)

    def view(self, now: float) -> PacerView:
        """What to show."""
        now = self._clock.read(now)
        paced = self._blind.pace.current(now)
        mirrored = self._requests.per_minute if self._requests.known(now) else None
        recent = sum(1 for at in self._ended if at > now - RECENT_S)
        return PacerView(
            window=self._limit(now),
            rate_per_minute=mirrored if paced is None else 60 * paced,
            in_flight=len(self._calls),
            binding=self._binding_at(now),
            refused_per_100=100 * self._refused / max(1.0, self._accepts),
            per_minute=recent * 60 / RECENT_S,
            log=self._journal.changes,
        )

    def _later(self, at: float) -> Admission:
        return Admission(False, self._clock.outside(at))

    def _again(self, seconds: float, *, charged: bool) -> Verdict:
        return Verdict(self._clock.outside(self._clock.now + self._jitter(seconds)), charged)

    def _jitter(self, seconds: float) -> float:
        return seconds * self._draw.uniform(0.5, 1.5)

    def _note(self, cause: str) -> None:
        self._journal.note(self._clock.outside(self._clock.now), self._limit(self._clock.now), cause)

    def _bound(self, binding: Binding, now: float) -> None:
        self._binding, self._bound_at = binding, now

    def _binding_at(self, now: float) -> Binding:
        if self._health.down:
            return "outage"
        return self._binding if now - self._bound_at <= max(5.0, self._round_trip) else "none"

    def _user_limit(self) -> int | None:
        if self._cap is None:
            return self._frozen
        return self._cap if self._frozen is None else min(self._cap, self._frozen)

    def _limit(self, now: float) -> int:
        user = self._user_limit()
        if self._health.down:
            return 1 if user is None else min(1, user)
        if self._frozen is not None and user is not None:
            return user
        limit = self._window.limit(now)
        return limit if user is None else min(limit, user)

    def _admit_probe(self, now: float) -> Admission:
        self._bound("outage", now)
        if self._health.probing:
            return WAIT
        return GO if now >= self._health.next_probe else self._later(self._health.next_probe)

    def _admit_paced(self, now: float, tokens: int) -> Admission:
        requests = self._requests.wait(1.0, now)
        of_tokens = self._tokens.wait(float(tokens), now) if tokens else 0.0
        blind = self._blind.wait(now)
        wait = max(requests, of_tokens, blind)
        if wait <= 1e-9:
            return GO
        self._bound("tpm" if of_tokens == wait else "rpm", now)
        return self._later(now + wait)

    def _hear(self, call: Call, told: RateHeaders, now: float, *, refused: bool) -> None:
        for mirror, level, mark in (
            (self._requests, told.requests, call.request_mark),
            (self._tokens, told.tokens, call.token_mark),
        ):
            if told.nonsense:
                mirror.nonsense()
            elif level is not None:
                mirror.told(level, seq=call.seq, mark=mark, sent_at=call.sent_at, now=now, refused=refused)

    def _accepted(self, call: Call, now: float, *, growth: float) -> None:
        """The provider took `call`: growth, less than none if it came late, and the end of an outage."""
        if call.probe and self._health.down:
            self._health.alive()
            self._note("the provider is up again")
        if growth < 0 and self._window.wall is None and self._window.ceiling is None:
            self._latency.back_off(self._window, len(self._calls), self._seq + 1)
            self._note("answers come late: fewer at once")
        self._accepts = self._accepts * 0.999 + 1
        self._refused *= 0.999
        reply_s = self._blind.standstill.reply_s
        unsure_s = UNSURE * reply_s if now - call.sent_at < UNSURE * reply_s else 0.0
        level, cause = self._blind.accepted(call, now, unsure_s=unsure_s)
        if cause is not None:
            self._note(cause)
        before = self._window.size
        growth = 0.0 if self._health.down else max(0.0, growth) * self._blind.growth
        self._window.accepted(level, len(self._calls), now, growth=growth, unsure_s=unsure_s)
        if int(self._window.size) != int(before):
            self._note("growing: calls are accepted")

    def _on_success(self, call: Call, now: float, used: int, tokens_out: int) -> None:
        took = now - call.sent_at
        if used:
            self._tokens.unused += max(0, call.tokens - used)
        self._round_trip = took if not self._timed else self._round_trip + 0.05 * (took - self._round_trip)
        self._timed = True
        self._ended.append(now)
        if self._blind.pace.stale(now):
            self._blind.pace.end()
            self._note("no refusal for minutes: the quota is forgotten")
        if call.clouded or self._clouded:
            return
        cause = self._latency.finished(
            call, took, tokens_out, self._window, in_flight=len(self._calls) + 1, next_seq=self._seq + 1
        )
        if cause is not None:
            self._note(cause)

    def _on_failure(self, now: float, *, charged: bool) -> Verdict:
        charged = charged and not self._health.suspect
        if self._health.failed(now, jitter=self._draw.random()):
            self._note("an outage: single probes until the provider answers")
        return self._again(0.5, charged=charged and not self._health.down)

    def _on_refusal(self, call: Call, told: RateHeaders, now: float) -> Verdict:
        self._refused = self._refused + 1
        shown = self._shown_quota(call, told, now)
        if shown is not None:
            self._blind.shown(call, now, jitter=self._draw.random())
            self._bound(shown, now)
            self._note(f"refused: the quota that the provider shows ({shown}) is used up")
        else:
            cause = self._blind.refused(
                call,
                now,
                told.retry_after_s,
                self._round_trip,
                alone=self._alone(now),
                mirrored=self._requests.known(now),
                jitter=self._draw.random(),
            )
            self._note(cause)
        if self._health.down and call.probe:
            self._health.alive()
        return self._again(0.1, charged=False)

    def _alone(self, now: float) -> bool:
        """Whether no call in flight is known to be accepted. The oldest come first, so this is soon found."""
        silent = now - self._blind.standstill.silence_s
        return not any(call.first_at is not None or call.sent_at < silent for call in self._calls.values())

    def _shown_quota(self, call: Call, told: RateHeaders, now: float) -> Binding | None:
        """Which bucket in the refusal's own headers was empty, if it is one that can be believed."""
        if told.requests is not None and told.requests.remaining < 1 and self._requests.known(now):
            return "rpm"
        if told.tokens is not None and self._tokens.known(now) and told.tokens.remaining < max(1, call.tokens):
            return "tpm"
        return None
