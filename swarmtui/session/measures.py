"""What the attempts of a session tell in figures: outcomes, latencies, retries, refusals; folded, bounded.

Every attempt touches one :class:`Tally`: that of its pool and model, and for maps of its node too. Whoever wants a
pool, a node or all of it adds tallies up (:func:`total`). Memory is bounded by pools, models and maps, not by attempts:
only what is in flight, or waits after a refusal, is held one by one.

A *call* is an attempt that succeeded or failed. What the provider refused (429), what the user stopped and what a crash
caught are no calls and no failures; they are counted apart. How sure a rate is, its Wilson interval tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, fields

from swarmtui.frozen import mutable
from swarmtui.plan.model import JSON, Check
from swarmtui.session.histogram import FLOOR_S, NOTHING, Histogram
from swarmtui.session.rates import Rate
from swarmtui.session.vocabulary import NO_USAGE, ErrorInfo, ErrorKind, Usage

_NOT_CALLED = frozenset({ErrorKind.INPUT, ErrorKind.BLOCKED})
"""Failures before anything was called."""
_NO_OUTPUT, _BAD_SCHEMA, _BAD_CHECK, _GOOD = range(4)
_ASKS_SCHEMA, _ASKS_CHECK = 1, 2
_AGAIN = 16


@mutable
class Tally:
    """Everything counted of the attempts of one pool and model; with `node` set, of that map alone."""

    pool: str = ""
    model: str | None = None
    node: str | None = None
    starts: int = 0
    open: int = 0
    """Attempts in flight."""
    outcomes: list[int] = field(default_factory=lambda: [0] * 32)
    """Calls by what came of them: 16 * (is it a retry) + 4 * (what its check asks for) + outcome."""
    good_tries: dict[int, int] = field(default_factory=dict)
    """Tries needed -> how many nodes and items that succeeded needed so many."""
    bad_tries: dict[int, int] = field(default_factory=dict)
    """Tries made -> how many nodes and items were given up after so many."""
    errors: dict[str, int] = field(default_factory=dict)
    """Kind of error -> failed attempts."""
    cancelled: int = 0
    interrupted: int = 0
    suspended: int = 0
    """Attempts that let go of their place to wait for subagents or a person."""
    suspended_s: float = 0.0
    """Time in which these were in flight."""
    reused: int = 0
    """Earlier successes that were taken over: neither calls nor paid."""
    refused: int = 0
    """429s."""
    refused_wait_s: float = 0.0
    """Time between a refusal and the start after it, added up."""
    refused_service_s: float = 0.0
    """Time in which what was refused was in flight."""
    lost_s: float = 0.0
    """Time that failed attempts took."""
    lost_usd: float = 0.0
    lost_unpriced: int = 0
    """Failed attempts of models whose cost is not known, or a part of it."""
    stopped_s: float = 0.0
    """Time in which what was stopped on request was in flight."""
    stopped_usd: float = 0.0
    stopped_unpriced: int = 0
    caught_s: float = 0.0
    """Time in which what a crash caught had been in flight, as far as the log tells; what it cost nobody knows."""
    requests: int = 0
    """Model calls that were answered or broke: an attempt of several turns makes several."""
    requests_ok: int = 0
    """Of these, those to which a whole reply came."""
    metered: int = 0
    """Calls whose tokens are known."""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    priced: int = 0
    """Calls whose cost is known."""
    cost_usd: float = 0.0
    queue: Histogram = field(default_factory=Histogram)
    """Waits for a place; of starts without one there is nothing in it: see :meth:`latency`."""
    throttle: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    first_token: Histogram = field(default_factory=Histogram)

    def merge(self, other: Tally) -> None:
        """Count what `other` counted."""
        self.outcomes = [mine + theirs for mine, theirs in zip(self.outcomes, other.outcomes, strict=True)]
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _TABLES:
            mine: dict[object, int] = getattr(self, name)
            for key, count in getattr(other, name).items():
                mine[key] = mine.get(key, 0) + count
        for name in LATENCIES:
            getattr(self, name).merge(getattr(other, name))

    def calls(self, *, first: bool | None = None) -> int:
        """Calls made; with `first`, first tries alone or retries alone."""
        return sum(self._count(outcome, first=first) for outcome in range(4))

    def rate(self, what: str, *, first: bool | None = None) -> Rate:
        """How many calls passed `what`, of those that came as far as to be asked it.

        ``transport``: an output came back. ``schema``, ``check``: of outputs whose node's check asks for it, those
        that have the shape, and those that are what is asked for besides. ``call``: the call did all of it.
        """
        if what == "transport":
            calls = self.calls(first=first)
            return Rate(calls, calls - self._count(_NO_OUTPUT, first=first))
        if what == "schema":
            good = self._count(_GOOD, _BAD_CHECK, first=first, asks=_ASKS_SCHEMA)
            return Rate(good + self._count(_BAD_SCHEMA, first=first, asks=_ASKS_SCHEMA), good)
        if what == "check":
            good = self._count(_GOOD, first=first, asks=_ASKS_CHECK)
            return Rate(good + self._count(_BAD_CHECK, first=first, asks=_ASKS_CHECK), good)
        return Rate(self.calls(first=first), self._count(_GOOD, first=first))

    def latency(self, name: str) -> Histogram:
        """``queue``, ``throttle``, ``service`` or ``first_token``, starts that did not wait included."""
        found: Histogram = getattr(self, name)
        if name not in ("queue", "throttle"):
            return found
        return Histogram({NOTHING: max(0, self.starts - found.n), **found.buckets}, found.total_s, found.max_s)

    @property
    def verified(self) -> int:
        """Calls that succeeded under a check."""
        return self._count(_GOOD) - self._count(_GOOD, asks=0)

    @property
    def failed(self) -> int:
        """Attempts that failed, those included that called nothing."""
        return sum(self.errors.values())

    def _count(self, *kinds: int, first: bool | None = None, asks: int | None = None) -> int:
        found = 0
        for at, count in enumerate(self.outcomes):
            asked = at // 4 % 4
            if count and at % 4 in kinds and (first is None or first == (at < _AGAIN)):
                found += count if asks is None or asked & asks or (asks == 0 and asked == 0) else 0
        return found

    def to_json(self) -> dict[str, JSON]:
        """An exact form of it, empty fields left out."""
        data: dict[str, JSON] = {}
        for name in _FIELDS:
            value = getattr(self, name)
            if isinstance(value, Histogram):
                if value.buckets:
                    data[name] = value.to_json()
            elif name == "outcomes":
                data[name] = [[at, count] for at, count in enumerate(value) if count]
            elif isinstance(value, dict):
                if value:
                    data[name] = sorted(value.items())
            elif value:
                data[name] = value
        return data

    @classmethod
    def from_json(cls, data: dict[str, JSON]) -> Tally:
        """The inverse of :meth:`to_json`."""
        made = cls()
        for name, value in data.items():
            if name in LATENCIES:
                setattr(made, name, Histogram.from_json(value))
            elif name == "outcomes":
                for at, count in value:
                    made.outcomes[at] = count
            elif name in _TABLES:
                setattr(made, name, dict(value))
            elif name in _FIELDS:
                setattr(made, name, value)
        return made


LATENCIES = ("queue", "throttle", "service", "first_token")
_FIELDS = tuple(each.name for each in fields(Tally))
_TABLES = ("good_tries", "bad_tries", "errors")
_COUNTS = tuple(name for name in _FIELDS if name not in (*LATENCIES, *_TABLES, "outcomes", "pool", "model", "node"))


def total(tallies: Iterable[Tally]) -> Tally:
    """All of `tallies` added up."""
    added = Tally()
    for tally in tallies:
        added.merge(tally)
    return added


# -- what the fold keeps --------------------------------------------------------------------------------------

Place = tuple[str, int | None]
"""A node, or one item of it."""


@mutable
class Measures:
    """Tallies of a session, and what is in flight. Its methods are called by the fold alone."""

    tallies: dict[tuple[str, str | None, str | None], Tally] = field(default_factory=dict)
    """(pool, model, node of a map or None) -> what was counted."""
    running: dict[Place, tuple[Tally, float]] = field(default_factory=dict)
    """What is in flight, and the session second at which it started."""
    refused_at: dict[Place, float] = field(default_factory=dict)
    """When what waits after a refusal was refused, in session seconds."""
    peak: int = 0
    """Most attempts that were ever in flight at once."""

    def started(
        self, place: Place, pool: str, model: str | None, queue_s: float, throttle_s: float, mono: float
    ) -> None:
        """An attempt began after it had waited so long for a place, and so long for the provider."""
        node, item = place
        key = (pool, model, None if item is None else node)
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally(*key)
        tally.starts += 1
        tally.open += 1
        self.running[place] = (tally, mono)
        if self.refused_at and place in self.refused_at:
            waited_s = mono - self.refused_at.pop(place)
            tally.refused_wait_s += waited_s
            throttle_s = max(throttle_s, waited_s)  # what was said of the wait may include that since the refusal
        if queue_s > FLOOR_S:
            tally.queue.add(queue_s)
        if throttle_s > FLOOR_S:
            tally.throttle.add(throttle_s)

    def succeeded(
        self, place: Place, tries: int, check: Check | None, took_s: float, usage: Usage, *, reused: bool
    ) -> None:
        """The try number `tries` that counts was good."""
        tally = self._ended(place)
        if reused:
            tally.reused += 1
            return
        tally.good_tries[tries] = tally.good_tries.get(tries, 0) + 1
        tally.outcomes[_slot(_GOOD, tries, check)] += 1
        tally.service.add(took_s)
        tally.requests += usage.requests
        tally.requests_ok += usage.requests
        if usage.model is not None or usage.tokens_in is not None:
            _meter(tally, usage)

    def failed(
        self,
        place: Place,
        tries: int,
        check: Check | None,
        took_s: float,
        usage: Usage,
        error: ErrorInfo,
        *,
        last: bool,
    ) -> None:
        """The try number `tries` that counts was not; with `last` there is none after it."""
        tally = self._ended(place)
        kind = error.kind
        tally.errors[kind.value] = tally.errors.get(kind.value, 0) + 1
        if last:
            tally.bad_tries[tries] = tally.bad_tries.get(tries, 0) + 1
        if kind in _NOT_CALLED:
            return
        outcome = _BAD_SCHEMA if kind is ErrorKind.SCHEMA else _BAD_CHECK if kind is ErrorKind.CHECK else _NO_OUTPUT
        tally.outcomes[_slot(outcome, tries, check)] += 1
        tally.service.add(took_s)
        tally.lost_s += took_s
        tally.requests += usage.requests
        tally.requests_ok += usage.requests - (outcome == _NO_OUTPUT and usage.requests > 0)
        if usage.model is not None or usage.tokens_in is not None:
            _meter(tally, usage)
        tally.lost_usd += usage.cost_usd or 0.0
        tally.lost_unpriced += _cost_unknown(tally, usage)

    def refused(self, place: Place, mono: float, usage: Usage = NO_USAGE) -> None:
        """The provider said 429; `usage` is of calls of the attempt before that."""
        tally, took_s = self._gone(place, mono)
        tally.refused += 1
        tally.refused_service_s += took_s
        self.refused_at[place] = mono
        if usage.requests:
            tally.requests += usage.requests - 1
            tally.requests_ok += usage.requests - 1
            tally.lost_usd += usage.cost_usd or 0.0
            _meter(tally, usage)

    def cancelled(self, place: Place, mono: float, usage: Usage = NO_USAGE) -> None:
        """The user stopped it, or the machine had too little for it."""
        tally, took_s = self._gone(place, mono)
        tally.cancelled += 1
        tally.stopped_s += took_s
        tally.stopped_usd += usage.cost_usd or 0.0
        tally.stopped_unpriced += usage.model is not None and _cost_unknown(tally, usage)
        if usage.tokens_in is not None:
            _meter(tally, usage)

    def stepped(self, place: Place, usage: Usage) -> None:
        """An attempt that goes on told what a part of it consumed."""
        found = self.running.get(place)
        if found is not None and usage.requests:
            tally = found[0]
            tally.requests += usage.requests
            tally.requests_ok += usage.requests
            _meter(tally, usage)

    def suspended(self, place: Place, mono: float, usage: Usage) -> None:
        """It let go of its place until what it waits for is there."""
        self.stepped(place, usage)
        tally, took_s = self._gone(place, mono)
        tally.suspended += 1
        tally.suspended_s += took_s

    def interrupted(self, place: Place, mono: float) -> None:
        """A crash caught it, at the latest at session second `mono`."""
        tally, took_s = self._gone(place, mono)
        tally.interrupted += 1
        tally.caught_s += took_s

    def of_node(self, node: str) -> Tally:
        """What was counted of a map, over its models."""
        return total(tally for tally in self.tallies.values() if tally.node == node)

    def by_pool(self) -> dict[str, Tally]:
        """Pool and model -> what was counted there: ``pool`` where it names the model already, else ``pool model``."""
        found: dict[str, Tally] = {}
        for tally in self.tallies.values():
            name = tally.pool if tally.model in (None, tally.pool) else f"{tally.pool} {tally.model}"
            found.setdefault(name, Tally(tally.pool, tally.model)).merge(tally)
        return found

    def _gone(self, place: Place, mono: float) -> tuple[Tally, float]:
        """The tally of what ends without a result, and how long it was in flight."""
        _, began = self.running.get(place, (None, mono))
        return self._ended(place), max(0.0, mono - began)

    def _ended(self, place: Place) -> Tally:
        """The tally of what ends; what began unseen (in a log of an older version) is counted in one of its own."""
        found = self.running.pop(place, None)
        if found is not None:
            found[0].open -= 1
            return found[0]
        key = ("", None, None)
        return self.tallies.setdefault(key, Tally(*key))

    def to_json(self) -> dict[str, JSON]:
        """An exact form of it; equal measures give equal values."""
        at = {id(tally): index for index, tally in enumerate(self.tallies.values())}
        return {
            "tallies": [tally.to_json() for tally in self.tallies.values()],
            "running": [[*place, at[id(tally)], began] for place, (tally, began) in self.running.items()],
            "refused_at": [[*place, mono] for place, mono in self.refused_at.items()],
            "peak": self.peak,
        }

    @classmethod
    def from_json(cls, data: dict[str, JSON]) -> Measures:
        """The inverse of :meth:`to_json`."""
        tallies = [Tally.from_json(each) for each in data["tallies"]]
        return cls(
            {(tally.pool, tally.model, tally.node): tally for tally in tallies},
            {(node, item): (tallies[at], began) for node, item, at, began in data["running"]},
            {(node, item): mono for node, item, mono in data["refused_at"]},
            data["peak"],
        )


def _slot(outcome: int, tries: int, check: Check | None) -> int:
    at = outcome if tries <= 1 else outcome + _AGAIN
    if check is None:
        return at
    asks = _ASKS_SCHEMA if check.schema is not None else 0
    if check.regex is not None or check.min_chars is not None or check.max_chars is not None or check.command:
        asks |= _ASKS_CHECK
    return at + 4 * asks


def _cost_unknown(tally: Tally, usage: Usage) -> bool:
    """Whether a call of a real model cost something of which nobody knows how much, or a part of it."""
    return tally.model is not None and not usage.simulated and (usage.cost_usd is None or usage.untold > 0)


def _meter(tally: Tally, usage: Usage) -> None:
    if usage.tokens_in is not None and usage.tokens_out is not None:
        tally.metered += 1
        tally.tokens_in += usage.tokens_in
        tally.tokens_out += usage.tokens_out
        tally.tokens_cached += usage.tokens_cached or 0
    if usage.cost_usd is not None:
        tally.priced += 1
        tally.cost_usd += usage.cost_usd
    if usage.first_token_s is not None:
        tally.first_token.add(usage.first_token_s)
