"""What of a session remains to be done, and what is known of how long it takes and what it costs: pure.

A duration is taken from the best source there is: attempts of the same map in this session; attempts of this very node
of this task in earlier sessions; attempts of the same pool and model in this session; of the same kind and model in
earlier ones, once there are :data:`ENOUGH`; the plan's own estimate; fewer earlier attempts; else :data:`ASSUMED_S`.
Each is a lognormal distribution, and how little is known of its median is a second one, its doubt: three attempts leave
the median open, a thousand do not. Tokens are measured in this session or guessed from the length of prompts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from math import exp, sqrt
from types import MappingProxyType
from typing import Protocol

from swarmtui.engine.ranks import ENOUGH, priority_of, task_of
from swarmtui.frozen import frozen, mutable
from swarmtui.plan import graph
from swarmtui.plan.model import MapSpec, MergeSpec, ModelRef, Node, PromptSpec
from swarmtui.session.events import NodeForecast
from swarmtui.session.measures import Tally, total
from swarmtui.session.pools import QUESTIONS, model_of, pool_of
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ENDED, State

ASSUMED_S: Mapping[str, float] = MappingProxyType(
    {"prompt": 15.0, "run": 10.0, "python": 5.0, "merge": 1.0, "ask": 0.0}
)
"""Median seconds of an attempt of which nothing is known, by kind of node; answers of people are not foreseen."""
SIMULATED_S = 1.5
"""The same of the built-in simulated model."""
ASSUMED_ITEMS = 10
"""Items of a map whose items another node has yet to make."""
ASSUMED_OUT = 500
"""Output tokens of a call of which nothing is known."""
CHARS_PER_TOKEN = 4.0
LOOKUP_TOKENS = 300
"""Input tokens that a lookup of a node's output stands for, before the output is there."""

NAMED = 3
_SIGMA, _ESTIMATE_DOUBT, _ASSUMED_DOUBT, _HISTORY_DOUBT = 0.5, 0.4, 0.8, 0.2
_WAITING = tuple(state for state in State if state not in ENDED and state is not State.RUNNING)


class KnownDurations(Protocol):
    """What earlier sessions of this user took."""

    def known(self, kind: str, profile: str, task: str = "", node: str = "") -> tuple[float, float, int] | None:
        """(median seconds, sigma of the logarithm, attempts it rests on) of a kind of node and its model, or with
        `task` and `node` of that node of that task alone."""


class NothingKnown:
    """No earlier session."""

    def known(self, kind: str, profile: str, task: str = "", node: str = "") -> tuple[float, float, int] | None:
        """None."""
        return None


@frozen
class Takes:
    """How long an attempt takes: lognormal, its median itself uncertain by the factor exp(doubt * z)."""

    median_s: float
    sigma: float
    doubt: float
    again: float = 0.0
    """Share of the attempts that fail and are tried again."""
    shared: str = ""
    """What all of a name are wrong by together: assumptions are, and one planner's estimates. Empty: on its own."""

    @property
    def mean_s(self) -> float:
        """Of an item, its retries included."""
        return self.median_s * exp(self.sigma**2 / 2) / (1 - self.again)

    @property
    def spread_s(self) -> float:
        """Standard deviation of the same."""
        return self.mean_s * sqrt(max(0.0, exp(self.sigma**2) * (1 + self.again) - 1))


@mutable
class Costs:
    """What the calls yet to be made of one model consume, as far as it is known from one source."""

    doubt: float
    """As in :class:`Takes`: all of these calls are wrong by it together."""
    calls: int = 0
    tokens: float = 0.0
    squares: float = 0.0
    """Squares of the tokens of single calls, added up."""
    usd: float | None = 0.0
    """None where the price is not known."""

    def add(self, calls: int, tokens: float, usd: float | None) -> None:
        """Count `calls` that consume so much each."""
        self.calls += calls
        self.tokens += calls * tokens
        self.squares += calls * tokens * tokens
        self.usd = None if self.usd is None or usd is None else self.usd + calls * usd


@frozen
class Work:
    """What is left of a node. Works stand in the order in which ready ones are started."""

    id: str
    pool: str
    tags: tuple[str, ...]
    units: int
    """Attempts or items that have not begun."""
    running: tuple[float, ...]
    """Seconds that each attempt in flight has run."""
    delay_s: float
    """How long a retry has yet to wait."""
    takes: int
    """Index into :attr:`Outlook.takes`."""
    needs: int
    """Works that have to end first."""
    then: tuple[int, ...]
    """Works that wait for this one."""


@frozen
class Outlook:
    """All that remains of a session, ready to be simulated."""

    plan_rev: int
    works: tuple[Work, ...]
    takes: tuple[Takes, ...]
    """Works with the same entry share one uncertain median."""
    costs: tuple[Costs, ...]
    basis: str
    nodes: dict[str, NodeForecast] = field(default_factory=dict)
    """What is expected of each work's node."""


def outlook(
    state: SessionState, known: KnownDurations | None = None, items: Mapping[str, int] | None = None
) -> Outlook:
    """What remains of `state`; `items` counts those of maps that have not read them yet, as far as that is known."""
    return _Survey(state, known or NothingKnown(), items or {}).made()


class _Survey:
    def __init__(self, state: SessionState, known: KnownDurations, items: Mapping[str, int]) -> None:
        self.state = state
        self.known = known
        self.items = items
        self.task = task_of(state)
        self.sources: Counter[str] = Counter()
        """Source of durations -> nodes."""
        self.evidence: Counter[str] = Counter()
        """Source of durations -> attempts that it rests on."""
        self.guessed_items: list[str] = []
        self.assumed: dict[str, float] = {}
        self.unpriced: Counter[str] = Counter()
        self.priced: dict[str, str] = {}
        """Model -> who says what it costs."""
        self.simulated = 0
        self.costs: dict[tuple[str, ...], Costs] = {}
        self.nodes: dict[str, NodeForecast] = {}
        self._takes: dict[tuple[str, ...], tuple[int, str]] = {}
        self._table: list[Takes] = []
        self._pools: dict[tuple[str, str | None], Tally] = {}
        self._maps: dict[str, Tally] = {}
        for (pool, model, node), tally in state.measures.tallies.items():
            self._pools.setdefault((pool, model), Tally()).merge(tally)
            if node is not None:
                self._maps.setdefault(node, Tally()).merge(tally)

    def made(self) -> Outlook:
        state = self.state
        left = [node for node in state.plan_nodes.values() if not state.nodes[node.id].ended]
        needs = {node.id: tuple(need for need in node.needs if not state.nodes[need].ended) for node in left}
        chosen = [self._takes_of(node) for node in left]
        ranks = graph.upward_rank(
            needs, {node.id: self._table[at].mean_s for node, at in zip(left, chosen, strict=True)}
        )
        priorities = [priority_of(state, node) for node in left]
        order = sorted(range(len(left)), key=lambda at: (-priorities[at], -ranks[left[at].id], at))
        place = {left[at].id: position for position, at in enumerate(order)}
        then = graph.dependents(needs)
        works: list[Work] = []
        for at in order:
            node = left[at]
            work = self._work(node, chosen[at], needs[node.id], tuple([place[each] for each in then[node.id]]))
            works.append(work)
            self._count_calls(node, work)
        costs = tuple(self.costs.values())
        return Outlook(state.plan_rev, tuple(works), tuple(self._table), costs, self._basis(), self.nodes)

    def _work(self, node: Node, takes: int, needs: tuple[str, ...], then: tuple[int, ...]) -> Work:
        state = self.state
        known = state.nodes[node.id]
        waits = 0.0 if known.retry_at is None else max(0.0, known.retry_at - state.mono)
        return Work(
            node.id,
            pool_of(state, node),
            tuple(tag for tag in node.tags if tag in state.limits.tags),
            self._units(node, known),
            self._running(known),
            waits,
            takes,
            len(needs),
            then,
        )

    def _units(self, node: Node, known: NodeState) -> int:
        if known.items is not None:
            return known.items.count(*_WAITING)
        if node.map is None:
            return 0 if known.running else 1
        return self._count_items(node.id, node.map)

    def _count_items(self, name: str, spec: MapSpec) -> int:
        count = len(spec.values) if spec.values is not None else self.items.get(name)
        if count is None:
            self.guessed_items.append(name)
            count = ASSUMED_ITEMS
        return count if spec.limit is None else min(count, spec.limit)

    def _running(self, known: NodeState) -> tuple[float, ...]:
        if not known.running:
            return ()
        running, now = self.state.measures.running, self.state.mono
        if known.items is None:
            place = running.get((known.id, None))
            return (0.0 if place is None else now - place[1],)
        places = (running.get((known.id, item)) for item in known.items.where(State.RUNNING))
        return tuple(0.0 if place is None else now - place[1] for place in places)

    # -- how long -----------------------------------------------------------------------------------------

    def _takes_of(self, node: Node) -> int:
        """The entry that tells how long an attempt at `node` takes; equal sources share one."""
        pool, ref = pool_of(self.state, node), model_of(self.state, node)
        model = None if ref is None else ref.name
        mapped = self._maps.get(node.id)
        pooled = self._pools.get((pool, model))
        estimate = "" if node.estimate_s is None else repr(node.estimate_s)
        profile = model or pool
        if mapped is not None and mapped.service.n:
            key: tuple[str, ...] = ("map", node.id)
        elif self._own(node, profile) is not None:
            key = ("own", node.id, profile)
        elif pooled is not None and pooled.service.n and pool != QUESTIONS and (ref is not None or not estimate):
            key = ("pool", pool, model or "")
        else:
            key = ("before", node.kind, profile, estimate)
        found = self._takes.get(key)
        if found is None:
            takes, source = self._find(key, node, mapped, pooled)
            self._table.append(takes)
            found = self._takes[key] = (len(self._table) - 1, source)
        self.sources[found[1]] += node.kind != "ask"
        return found[0]

    def _own(self, node: Node, profile: str) -> tuple[float, float, int] | None:
        """What this very node took in earlier sessions, by the same model."""
        return None if node.kind == "ask" else self.known.known(node.kind, profile, self.task, node.id)

    def _find(self, key: tuple[str, ...], node: Node, mapped: Tally | None, pooled: Tally | None) -> tuple[Takes, str]:
        seen = mapped if key[0] == "map" else pooled if key[0] == "pool" else None
        if seen is not None:
            self.evidence[_NOW] += seen.service.n
            return _observed(seen, node), _NOW
        if key[0] == "own" and (own := self._own(node, key[2])) is not None:
            return self._learned(own)
        kin = None if node.kind == "ask" else self.known.known(node.kind, key[2])
        if kin is not None and kin[0] > 0 and (kin[2] >= ENOUGH or node.estimate_s is None):
            return self._learned(kin)
        return self._unseen(node)

    def _unseen(self, node: Node) -> tuple[Takes, str]:
        """Of a node that nothing like was ever seen of."""
        if node.estimate_s is not None:
            return Takes(node.estimate_s, _SIGMA, _ESTIMATE_DOUBT, shared=_ESTIMATED), _ESTIMATED
        ref = model_of(self.state, node)
        if ref is not None and ref.simulated:
            return Takes(SIMULATED_S, _SIGMA, _HISTORY_DOUBT), _SIMULATED
        assumed = ASSUMED_S.get(node.kind, 10.0)
        if not assumed:
            return Takes(0.0, 0.0, 0.0), _ASSUMED
        self.assumed[node.kind] = assumed
        return Takes(assumed, _SIGMA, _ASSUMED_DOUBT, shared=_ASSUMED), _ASSUMED

    def _learned(self, known: tuple[float, float, int]) -> tuple[Takes, str]:
        """From earlier sessions; of few attempts nobody can tell how much they differ."""
        median, sigma, n = known
        sigma = min(max(sigma, _SIGMA) if n < _FEW else sigma, 2.0)
        doubt = 0.0 if sigma == 0 else sqrt(sigma**2 / max(1, n) + _HISTORY_DOUBT**2)
        self.evidence[_EARLIER] += n
        return Takes(median, sigma, doubt), _EARLIER

    # -- how much -----------------------------------------------------------------------------------------

    def _count_calls(self, node: Node, work: Work) -> None:
        """Take note of what the node's calls consume: on its own, and beside others that are known as well."""
        ref = model_of(self.state, node)
        takes = self._table[work.takes]
        count = round((work.units + len(work.running)) / (1 - takes.again))
        seconds = round(takes.median_s, 3)
        if ref is None or not count:
            self.nodes[node.id] = NodeForecast(count, seconds)
            return
        source, tokens_in, tokens_out, usd, doubt = self._cost(node, work.pool, ref)
        self.nodes[node.id] = NodeForecast(
            count,
            seconds,
            round(count * tokens_in),
            round(count * tokens_out),
            None if usd is None else round(count * usd, 9),
        )
        tokens = tokens_in + tokens_out
        costs = self.costs.get(source)
        if costs is None:
            costs = self.costs[source] = Costs(doubt)
        costs.add(count, tokens, usd)
        if ref.simulated:
            self.simulated += count
        elif usd is None:
            self.unpriced[ref.name] += count
        elif ref.price_source:
            self.priced[ref.name] = ref.price_source

    def _cost(self, node: Node, pool: str, ref: ModelRef) -> tuple[tuple[str, ...], float, float, float | None, float]:
        """(where it is known from, tokens in, tokens out, dollars or None, doubt) of a call."""
        source: tuple[str, ...] = (ref.name, "map", node.id)
        tally = self._maps.get(node.id)
        if tally is None or not tally.metered:
            source, tally = (ref.name, "pool", pool), self._pools.get((pool, ref.name))
        if tally is not None and tally.metered:
            tokens_in, tokens_out = tally.tokens_in / tally.metered, tally.tokens_out / tally.metered
            doubt = _SIGMA / sqrt(tally.metered)
            if tally.priced:
                return source, tokens_in, tokens_out, tally.cost_usd / tally.priced, doubt
        else:
            source, doubt = (ref.name, _GUESSED), _ASSUMED_DOUBT
            tokens_in, tokens_out = guessed_tokens(node)
        if ref.simulated or ref.price_in is None or ref.price_out is None:
            return source, tokens_in, tokens_out, None, doubt
        return source, tokens_in, tokens_out, (tokens_in * ref.price_in + tokens_out * ref.price_out) / 1e6, doubt

    def _basis(self) -> str:
        parts = []
        found = [f"{self.sources[name]} from {name}{self._resting(name)}" for name in _ORDER if self.sources[name]]
        if found:
            parts.append("durations: " + ", ".join(found))
        if self.assumed:
            parts.append("assumed are " + ", ".join(f"{kind} {took:g} s" for kind, took in self.assumed.items()))
        if self.guessed_items:
            names = ", ".join(self.guessed_items[:3]) + (" …" if len(self.guessed_items) > 3 else "")
            parts.append(f"number of items not known: {names} (taken for {ASSUMED_ITEMS})")
        if any(work.kind == "ask" for work in self.state.plan_nodes.values()):
            parts.append("your answers take no time")
        if any(source[1] == _GUESSED for source in self.costs):
            parts.append(f"tokens: guessed from the prompts, up to {ASSUMED_OUT} for each answer")
        if self.priced:
            named = [f"{name} by {source}" for name, source in list(self.priced.items())[:NAMED]]
            parts.append("prices: " + ", ".join(named) + (", …" if len(self.priced) > NAMED else ""))
        if self.unpriced:
            parts.append(f"no price is known of {', '.join(self.unpriced)}")
        if self.simulated:
            parts.append("simulated calls cost nothing and mean nothing")
        return "; ".join(parts)

    def _resting(self, name: str) -> str:
        n = self.evidence[name]
        return f" ({n:,} attempt{'s' * (n != 1)})" if n else ""


_NOW, _EARLIER, _ESTIMATED = "this session", "earlier sessions", "the plan's estimates"
_SIMULATED, _ASSUMED = "what is simulated", "assumptions"
_ORDER = (_NOW, _EARLIER, _ESTIMATED, _SIMULATED, _ASSUMED)
_GUESSED = "guessed"
_FEW = 5
"""Attempts below which their spread says nothing."""


def _observed(tally: Tally, node: Node) -> Takes:
    fitted = tally.service.lognormal()
    n = tally.service.n
    median, sigma = fitted if fitted is not None else (0.0, 0.0)
    if n < _FEW:
        sigma = max(sigma, _SIGMA)
    sigma = min(sigma, 2.0)
    call = tally.rate("call")
    again = 0.0 if not node.retry.limit else min(0.8, (call.n - call.ok) / call.n if call.n else 0.0)
    return Takes(median, sigma, sigma / sqrt(max(1, n)), again)


def guessed_tokens(node: Node | None) -> tuple[float, float]:
    """Tokens in and out of a call of which only its node is known, or not even that."""
    spec = None if node is None else node.spec
    if isinstance(spec, MergeSpec):
        return 4.0 * ASSUMED_OUT, float(ASSUMED_OUT)  # a summary of what was merged
    if not isinstance(spec, PromptSpec):
        return float(LOOKUP_TOKENS), float(ASSUMED_OUT)
    text = spec.prompt + (spec.system or "")
    tokens_in = len(text) / CHARS_PER_TOKEN + LOOKUP_TOKENS * text.count("{{")
    tokens_out = float(min(spec.max_tokens or ASSUMED_OUT, ASSUMED_OUT))
    return tokens_in * spec.turns, tokens_out * spec.turns


def observed(state: SessionState) -> Tally:
    """Everything that the session's model calls and commands told so far."""
    return total(tally for tally in state.measures.tallies.values() if tally.pool != QUESTIONS)
