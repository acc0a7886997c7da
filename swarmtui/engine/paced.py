"""The pacers of one session: each model call is told to the pacer of its account, and each start asks it.

Data: the scheduler asks :meth:`PacedPools.admit` before it starts an attempt of a model; :meth:`start` counts the
attempt's first call from then on; workers tell the course of calls (:mod:`swarmtui.engine.ports`); when an attempt
ends, :meth:`end` gives the pacer's word on its last call: when to try again, and whether it counts against the attempt.
What a pacer allows is told as :class:`PoolPaced` when it changed by enough, at most once a second.

Two names for the same model at the same address with the same key are one account, and share one pacer. The simulated
model has no provider and no pacer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Protocol

from swarmtui.engine.own_load import LOOK_S, OwnLoad
from swarmtui.engine.pacer import Admission, Pacer, PacerMemory, PacerView, Verdict
from swarmtui.engine.ports import CallAccepted, CallEnded, CallSent, CallSignal
from swarmtui.frozen import mutable
from swarmtui.plan.model import ModelRef
from swarmtui.session.events import PoolPaced
from swarmtui.session.pools import UNLIMITED, pool_limit
from swarmtui.session.state import SessionState

TELL_S = 1.0
"""A pool is told of at most so often."""
TELL_SHARE = 0.1
"""Change of window or rate that is worth telling."""
REMEMBER_S = 60.0
OTHERS_S = 5.0
"""How often it is looked who else uses an account."""
ASK_S = 0.25
"""How often it is asked whether a call may go that no attempt makes."""
USER_S = 5.0
"""So long after all that the user allows was in flight, that is what binds."""
MACHINE_S = 5.0
"""So long after a call waited for this machine, that is what binds."""

GO = Admission(True, None)


class AccountStore(Protocol):
    """What outlives the session: memories of accounts, and who else uses them."""

    def recall(self, account: str, wall_s: float) -> PacerMemory | None:
        """What was learned of `account`, if that is still good at `wall_s` (seconds since the epoch)."""

    def remember(self, account: str, memory: PacerMemory) -> None:
        """Keep it for later sessions."""

    def join(self, account: str) -> None:
        """This host uses `account` from now on."""

    def others(self, account: str) -> int:
        """How many other hosts of this machine use it now."""


class NoStore:
    """Remembers nothing."""

    def recall(self, account: str, wall_s: float) -> PacerMemory | None:
        """Nothing."""
        return None

    def remember(self, account: str, memory: PacerMemory) -> None:
        """Forget it."""

    def join(self, account: str) -> None:
        """Alone."""

    def others(self, account: str) -> int:
        """None."""
        return 0


@mutable
class _Account:
    """One provider account and model: its pacer, and what was last told of it."""

    name: str
    pool: str
    pacer: Pacer
    others: int
    tokens: int = 0
    """What the call that was asked for last is expected to use."""
    well: bool = False
    """Whether a call was ever taken: until then a provider that does not answer is the user's mistake."""
    failing: set[str] = field(default_factory=set)
    """Nodes and items whose calls broke since one last went well."""
    refused: int = 0
    told: PoolPaced | None = None
    told_at: float = float("-inf")
    held_at: float = float("-inf")
    """When a call last waited because this machine could not keep up."""
    kept_at: float = 0.0
    others_at: float = float("-inf")
    cap: int | None = None
    """What the user allows."""
    user_at: float = float("-inf")
    """When what the user allows was last all in flight."""


@mutable
class _Calls:
    """The calls of one attempt."""

    account: _Account
    number: int = 1
    sent: bool = False
    """Whether the worker has told of call `number`, which was counted when the attempt started."""
    open: bool = True
    verdict: Verdict | None = None


def account_of(ref: ModelRef) -> str:
    """What shares one limit: the address, the key by the name it goes by, the model."""
    return f"{ref.base_url or ref.provider} {ref.api_key_env or '-'} {ref.model}"


def recalled(store: AccountStore, ref: ModelRef, wall_s: float) -> PacerMemory | None:
    """What was learned of the account of `ref`, of which other hosts at work have their share already."""
    name = account_of(ref)
    warm, others = store.recall(name, wall_s), store.others(name)
    if warm is None or not others:
        return warm
    return PacerMemory(max(1.0, warm.window / (1 + others)), warm.rate, warm.saved_at)


class PacedPools:
    """See the module. `now` is in session seconds throughout, `wall` gives seconds since the epoch."""

    def __init__(
        self,
        state: SessionState,
        wall: Callable[[], float],
        store: AccountStore | None = None,
        seed: int = 0,
        load: OwnLoad | None = None,
    ) -> None:
        self._state = state
        self._wall = wall
        self._store: AccountStore = store or NoStore()
        self._seed = seed
        self._load = load or OwnLoad(0.0, lambda: 0.0)
        self._accounts: dict[str, _Account] = {}
        self._limits = state.limits
        self._by_pool: dict[str, _Account | None] = {}
        self._calls: dict[str, _Calls] = {}

    # -- before -------------------------------------------------------------------------------------------

    def admit(self, pool: str, now: float, tokens: int) -> Admission:
        """May an attempt of the model pool `pool` start now? Pools without a provider of their own always may."""
        if self._limits is not self._state.limits:
            self._follow_limits(now)
        account = self._account(pool, now)
        if account is None:
            return GO
        most, in_flight = self._load.limit, account.pacer.in_flight
        if most is not None and in_flight and self._look(now) >= most:
            account.held_at = now
            return Admission(False, now + LOOK_S)
        account.tokens = tokens
        return account.pacer.admit(now, tokens)

    def _look(self, now: float) -> int:
        """Calls in flight in all; on the way it is seen now and then whether this machine keeps up with them."""
        in_flight = sum(account.pacer.in_flight for account in self._accounts.values())
        if self._load.look(now, in_flight):
            for account in self._accounts.values():
                account.pacer.cloud(self._load.clouded)
        return in_flight

    def start(self, attempt: str, pool: str, now: float) -> None:
        """The attempt of a model pool that was just admitted starts: its first call counts as in flight."""
        account = self._account(pool, now)
        if account is not None:
            self._calls[attempt] = _Calls(account)
            account.pacer.sent(f"{attempt}#1", now, account.tokens)
            if account.cap is not None and account.pacer.in_flight >= account.cap:
                account.user_at = now

    # -- meanwhile ----------------------------------------------------------------------------------------

    def take(self, signal: CallSignal, now: float) -> None:
        """Note what a worker tells of a call. Calls of attempts that were not started here are counted all the same."""
        calls = self._calls.get(signal.attempt)
        match signal:
            case CallSent(attempt, model):
                if calls is None or calls.sent:
                    self._next_call(attempt, model, calls, now)
                else:
                    calls.sent = True
                    calls.account.pacer.sent(f"{attempt}#{calls.number}", now)
            case CallAccepted() if calls is not None:
                calls.account.well = True
                calls.account.pacer.first_token(f"{signal.attempt}#{calls.number}", now)
            case CallEnded() if calls is not None and calls.open:
                self._ended(signal, calls, now)
            case _:
                pass

    def may_call(self, attempt: str, model: str, now: float) -> Admission:
        """May an attempt that runs make a call now? One that may is counted from then on; its first one is already."""
        calls = self._calls.get(attempt)
        if calls is not None and calls.open and not calls.sent:
            return GO
        account = self._account(model, now)
        if account is None:
            return GO
        answer = self.admit(model, now, account.tokens)
        if answer.go:
            number = 1 if calls is None else calls.number + 1
            self._calls[attempt] = _Calls(account, number)
            account.pacer.sent(f"{attempt}#{number}", now, account.tokens)
        return answer

    def _next_call(self, attempt: str, model: str, calls: _Calls | None, now: float) -> None:
        account = self._account(model, now)
        if account is None:
            return
        number = 1 if calls is None else calls.number + 1
        self._calls[attempt] = _Calls(account, number, sent=True)
        account.pacer.sent(f"{attempt}#{number}", now, account.tokens)

    def _ended(self, signal: CallEnded, calls: _Calls, now: float) -> None:
        calls.open = False
        call = f"{signal.attempt}#{calls.number}"
        account = calls.account
        if signal.status is None:
            account.pacer.gone(call, now)
            return
        account.refused += signal.status == 429
        verdict = account.pacer.done(
            call,
            now,
            status=signal.status,
            headers=signal.headers,
            tokens_in=signal.tokens_in,
            tokens_out=signal.tokens_out,
            fault=signal.fault,
        )
        calls.verdict = _charged(verdict, account, signal)

    # -- after --------------------------------------------------------------------------------------------

    def end(self, attempt: str, now: float) -> Verdict | None:
        """The attempt is over: the pacer's word on its last call; None if it made none, or was stopped."""
        calls = self._calls.pop(attempt, None)
        if calls is None:
            return None
        if calls.open:
            calls.account.pacer.gone(f"{attempt}#{calls.number}", now)
        return calls.verdict

    def views(self, now: float) -> dict[str, PacerView]:
        """What each pool's pacer allows and why."""
        return {account.pool: account.pacer.view(now) for account in self._accounts.values()}

    def news(self, now: float, *, last: bool = False) -> Iterator[PoolPaced]:
        """What is worth recording since it was last told; what was learned is kept now and then on the way.

        `last`: nothing comes after it, so that whatever differs is told.
        """
        if self._limits is not self._state.limits:
            self._follow_limits(now)
        self._look(now)
        for account in self._accounts.values():
            if now - account.told_at < TELL_S and not last:
                continue
            account.told_at = now
            if now - account.others_at >= OTHERS_S:
                account.others, account.others_at = self._store.others(account.name), now
            paced = self._paced(account, now)
            if _differs(account.told, paced) or (last and account.told != paced):
                account.told = paced
                yield paced
            if now - account.kept_at >= REMEMBER_S:
                account.kept_at = now
                self._keep(account)

    def _follow_limits(self, now: float) -> None:
        """What the user changed holds at once, and is told at the next step."""
        before, self._limits = self._limits, self._state.limits
        for account in self._accounts.values():
            if account.cap != (cap := self._cap(account.pool)):
                account.cap = cap
                account.pacer.set_cap(cap, now)
            frozen = self._limits.frozen.get(account.pool)
            if frozen != before.frozen.get(account.pool):
                account.pacer.freeze(frozen, now)
            account.told_at = float("-inf")

    def close(self) -> None:
        """Keep what was learned."""
        for account in self._accounts.values():
            self._keep(account)

    # -- accounts -----------------------------------------------------------------------------------------

    def _account(self, pool: str, now: float) -> _Account | None:
        """The account behind a pool or the name of a model; None if no provider is."""
        if pool not in self._by_pool:
            self._by_pool[pool] = self._open(pool, now)
        return self._by_pool[pool]

    def _open(self, pool: str, now: float) -> _Account | None:
        state = self._state
        by_name = next(
            (name for name, ref in state.models.items() if pool in (state.model_pools.get(name), ref.name)), ""
        )
        ref = state.models.get(by_name)
        if ref is None or ref.simulated:
            return None
        name, pool = account_of(ref), state.model_pools.get(by_name, ref.name)
        account = self._accounts.get(name)
        if account is None:
            others, warm = self._store.others(name), recalled(self._store, ref, self._wall())
            self._store.join(name)
            cap, frozen = self._cap(pool), self._state.limits.frozen.get(pool)
            pacer = Pacer(now=now, seed=self._seed + len(self._accounts), cap=cap, warm=warm)
            if frozen is not None:
                pacer.freeze(frozen, now)
            account = self._accounts[name] = _Account(name, pool, pacer, others, kept_at=now, cap=cap)
            if pool in state.paced:  # of the hosts before
                account.refused = state.paced[pool].refused
        return account

    def _cap(self, pool: str) -> int | None:
        """What the user allows; None leaves it to the pacer."""
        allowed = pool_limit(self._state, pool, paced=True)
        return None if allowed >= UNLIMITED else allowed

    def _keep(self, account: _Account) -> None:
        if account.well:
            self._store.remember(account.name, account.pacer.memory(self._wall()))

    def _paced(self, account: _Account, now: float) -> PoolPaced:
        view = account.pacer.view(now)
        why = view.log[-1].cause if view.log else ""
        if account.others:
            shared = f"{_sessions(account.others)} this account too"
            why = f"{why}; {shared}, each with limits of its own" if why else shared
        rate = None if view.rate_per_minute is None else round(view.rate_per_minute, 1)
        window, binding, most = view.window, str(view.binding), self._load.limit
        if binding != "outage" and now - account.user_at < USER_S:
            binding = "user"  # the scheduler keeps to it too, and does not ask the pacer then
            why = f"the user's cap: {account.cap}"
        if most is not None and most < window and now - account.held_at < MACHINE_S:
            window, binding = most, "machine"
            why = f"this machine is busy {100 * self._load.share:.0f} % of the time: it keeps up with no more at once"
        return PoolPaced(account.pool, float(window), rate, binding, account.refused, why, account.others)


class PacedCalls:
    """Calls to one pool that are no attempt of a node, one after the other: a :class:`swarmtui.engine.ports.Calls`."""

    def __init__(self, paced: PacedPools, pool: str, name: str, clock: Callable[[], float]) -> None:
        self._paced = paced
        self._pool = pool
        self._name = name
        self._clock = clock

    async def admitted(self) -> None:
        """Wait until one more call may go; it counts from then on."""
        self.over()
        while not (answer := self._paced.admit(self._pool, now := self._clock(), 0)).go:
            wait = ASK_S if answer.retry_at is None else answer.retry_at - now
            await asyncio.sleep(min(max(wait, 0.01), ASK_S))
        self._paced.start(self._name, self._pool, now)

    def tell(self, signal: CallSignal) -> None:
        """What the caller tells of the call that was admitted last."""
        self._paced.take(signal, self._clock())

    def over(self) -> None:
        """The call has ended, however it did."""
        self._paced.end(self._name, self._clock())


def _differs(told: PoolPaced | None, now: PoolPaced) -> bool:
    if told is None or told.binding != now.binding or (told.rate_per_min is None) != (now.rate_per_min is None):
        return True
    if _moved(told.window, now.window) or told.others != now.others or _moved(told.refused, now.refused):
        return True
    return (
        told.rate_per_min is not None and now.rate_per_min is not None and _moved(told.rate_per_min, now.rate_per_min)
    )


def _moved(old: float, new: float) -> bool:
    return abs(new - old) > TELL_SHARE * max(old, 1.0)


def _charged(verdict: Verdict, account: _Account, signal: CallEnded) -> Verdict:
    """`verdict`, charged to the attempt unless the provider is to blame beyond doubt.

    An outage is what more than one node or item has seen, of a provider that did answer before: a request that breaks
    its provider each time, or an address at which nobody is, would else be tried for ever.
    """
    if signal.status is None or signal.status == 429:
        return verdict
    if 200 <= signal.status < 300:
        account.well = True
        account.failing.clear()
        return verdict
    if len(account.failing) < 2:
        account.failing.add(signal.attempt.rpartition("/")[0])
    if verdict.retry_at is not None and (not account.well or len(account.failing) < 2):
        return Verdict(verdict.retry_at, charged=True)
    return verdict


def _sessions(others: int) -> str:
    return "1 other session here uses" if others == 1 else f"{others} other sessions here use"
