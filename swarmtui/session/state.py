"""The state of a session: what :mod:`swarmtui.session.fold` makes of its events, and its JSON form.

State is data that views read. It changes through ``fold.apply`` alone, so that the live host, every viewer, a replay
and a resume that have seen the same events hold equal states, down to :func:`state_hash`.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar

from swarmtui.plan.model import JSON, Author, Limits, ModelRef, Node, Plan, plan_from_json, plan_to_json
from swarmtui.plan.team import Team
from swarmtui.session.events import BudgetReached, ChangeProposed, Forecasted, PoolPaced
from swarmtui.session.measures import Measures
from swarmtui.session.vocabulary import ENDED, NO_USAGE, Chunk, ErrorInfo, Output, State, Status, Usage

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    Numbers = array[int]
else:
    Numbers = array  # takes no parameter before Python 3.12

STATES: tuple[State, ...] = tuple(State)
CODE: dict[State, int] = {state: code for code, state in enumerate(STATES)}

COUNT_TYPE = "I"
"""Of arrays with a count or a seq per item."""
COST_TYPE = "Q"
MARK_EVERY_S = 2.0
MARKS_KEPT = 31
IDLE_S = 10.0
_COUNT_BYTES = array(COUNT_TYPE).itemsize
_COST_BYTES = array(COST_TYPE).itemsize
_MOST_COST = 2**64 - 1


@dataclass(slots=True)
class Spent:
    """Usage added up. `unpriced` counts attempts whose cost is unknown, or a part of it: the true cost is above
    `cost_usd`."""

    attempts: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    simulated: int = 0
    unmetered: int = 0
    """Attempts whose tokens are unknown, or a part of them."""
    untold: int = 0
    """Of these, attempts of which the cost is not known either: their calls failed before anything was told."""
    orphans: int = 0
    """Model calls that a crash caught: what they cost is known to nobody, and is in none of the figures."""
    tokens_reasoning: int = 0
    """Of `tokens_out`, those that providers told to be reasoning."""

    def add(self, usage: Usage) -> None:
        """Count one attempt's usage; an attempt that used no model changes nothing."""
        if usage is NO_USAGE or usage == NO_USAGE:
            return
        self.attempts += 1
        self.tokens_in += usage.tokens_in or 0
        self.tokens_out += usage.tokens_out or 0
        self.tokens_cached += usage.tokens_cached or 0
        self.tokens_reasoning += usage.tokens_reasoning or 0
        self.cost_usd += usage.cost_usd or 0.0
        if usage.simulated:
            self.simulated += 1
            return
        unmetered = usage.tokens_in is None or usage.tokens_out is None
        self.unpriced += usage.cost_usd is None or usage.untold > 0
        self.unmetered += unmetered or usage.untold > 0
        self.untold += usage.untold > 0 or (unmetered and usage.cost_usd is None and usage.tokens_in is None)

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.tokens_in + self.tokens_out


@dataclass(slots=True)
class Items:
    """Per-item state of a map, a few bytes per item."""

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}
    total: int
    codes: bytearray
    """State of each item, as an index into STATES."""
    attempts: Numbers
    """Attempts made of each item since the map was expanded."""
    seqs: Numbers
    """Seq of each item's last success, where its output is to be found; 0 if there is none."""
    costs: Numbers = field(default_factory=lambda: array(COST_TYPE))
    """One more than the nano-dollars that each item has cost, 0 where no price is known; empty until one is."""
    base: int = 0
    """Added to `attempts` it gives an attempt's number: a map that is expanded anew counts on, so that none repeats."""
    tries: dict[int, int] = field(default_factory=dict)
    """Tries that count against the retry limit, of items that have begun and not ended."""
    retry_at: dict[int, float] = field(default_factory=dict)
    """When a retrying or throttled item is due, in session seconds."""
    repeats: dict[int, int] = field(default_factory=dict)
    """How often an item was repeated by itself because a crash caught it, since it last ended."""
    cancelled: list[int] = field(default_factory=list)
    """Items that the user cancelled while an attempt at them runs: they end once that is over, however it is."""
    errors: dict[int, ErrorInfo] = field(default_factory=dict)
    """Last error of items that have not succeeded since."""
    counts: dict[State, int] = field(default_factory=dict)
    chunks: tuple[Chunk, ...] = ()
    malformed: int = 0
    duplicates: int = 0
    marks: list[tuple[float, int]] = field(default_factory=list)
    """(session second, items ended by then) every few seconds of late: what rate and forecast rest on."""
    ended_mono: float = 0.0
    """Session second at which an item last ended."""

    @classmethod
    def fresh(cls, total: int, chunks: tuple[Chunk, ...] = (), malformed: int = 0, base: int = 0) -> Items:
        """A table of `total` items, all ready."""
        counts = {State.READY: total} if total else {}
        return cls(
            total,
            bytearray([CODE[State.READY]]) * total,
            array(COUNT_TYPE, bytes(total * _COUNT_BYTES)),
            array(COUNT_TYPE, bytes(total * _COUNT_BYTES)),
            base=base,
            counts=counts,
            chunks=chunks,
            malformed=malformed,
        )

    def state(self, item: int) -> State:
        """State of one item; IndexError if the map has no such item."""
        return STATES[self.codes[item]]

    def move(self, item: int, state: State) -> None:
        """Set one item's state and keep the counts right."""
        old = STATES[self.codes[item]]
        if old is state:
            return
        self.codes[item] = CODE[state]
        left = self.counts[old] - 1
        if left:
            self.counts[old] = left
        else:
            del self.counts[old]
        self.counts[state] = self.counts.get(state, 0) + 1

    def count(self, *states: State) -> int:
        """How many items are in any of `states`."""
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def ended(self) -> int:
        """How many items have ended."""
        return self.count(*ENDED)

    @property
    def highest_number(self) -> int:
        """The number of the attempt with the highest one among all items; O(items)."""
        return self.base + max(self.attempts, default=0)

    def where(self, state: State) -> Iterator[int]:
        """Indices of the items in `state`, ascending."""
        code = CODE[state]
        at = self.codes.find(code)
        while at >= 0:
            yield at
            at = self.codes.find(code, at + 1)

    def charge(self, item: int, cost_usd: float) -> None:
        """Add to what an item has cost."""
        if not self.costs:
            self.costs = array(COST_TYPE, bytes(self.total * _COST_BYTES))
        self.costs[item] = min(max(self.costs[item], 1) + round(cost_usd * 1e9), _MOST_COST)

    def cost_usd(self, item: int) -> float | None:
        """What an item has cost, over all its attempts whose price is known; None if none is."""
        known = self.costs[item] if self.costs else 0
        return (known - 1) / 1e9 if known else None

    def frozen(self) -> Items:
        """A copy of what tells how items ended, for a thread to read while the state goes on."""
        table = Items(self.total, self.codes[:], self.attempts[:], self.seqs[:])
        table.errors, table.chunks, table.costs = dict(self.errors), self.chunks, self.costs[:]
        return table

    def begin_anew(self, mono: float) -> None:
        """Items start again after none ran: if that was long, what lies before it says nothing of the rate."""
        if not self.marks or mono - self.ended_mono >= IDLE_S:
            self.marks = [(mono, self.ended)]

    def mark(self, mono: float) -> None:
        """Note how many items had ended by session second `mono`, if the last note is old enough."""
        self.ended_mono = mono
        if not self.marks or mono - self.marks[-1][0] >= MARK_EVERY_S:
            self.marks.append((mono, self.ended))
            if len(self.marks) > MARKS_KEPT:
                del self.marks[0]


@dataclass(slots=True)
class NodeState:
    """What is known of one node. Times named ``_ts`` are epoch seconds, ``_mono`` session seconds."""

    id: str
    state: State = State.WAITING
    unmet: int = 0
    """Needs that have not ended."""
    bad: int = 0
    """Needs that ended otherwise than in success."""
    running: int = 0
    """Attempts in flight (more than one for a map)."""
    attempts: int = 0
    """Attempts ever started (of a map: over all its items)."""
    tries: int = 0
    """Attempts that count against the retry limit, since the node was last retried by hand."""
    repeats: int = 0
    """How often it was repeated by itself because a crash caught it, since it last ended."""
    held: bool = False
    """The user paused the node."""
    cancelled: bool = False
    """The user cancelled the node; it ends as soon as nothing of it runs."""
    ready_mono: float | None = None
    started_ts: float | None = None
    started_mono: float | None = None
    ended_ts: float | None = None
    ended_mono: float | None = None
    retry_at: float | None = None
    """When the next try is due, in session seconds."""
    busy_s: float = 0.0
    """Seconds that attempts of this node took, added up."""
    starts: int = 0
    """Attempts that count against a budget: all but those that a provider refused."""
    active_s: float = 0.0
    """Seconds in which at least one attempt of this node was in flight, up to the last time none was."""
    active_since: float | None = None
    """Session second since which an attempt of it is in flight."""
    budget: BudgetReached | None = None
    """The budget of its own that holds it."""
    waived: tuple[str, ...] = ()
    """Kinds of its budget that the user let it exceed by releasing it."""
    error: ErrorInfo | None = None
    cause: str | None = None
    """For skipped nodes: the node whose end is the reason, or ``user``."""
    output: Output | None = None
    pool: str = ""
    model: str | None = None
    spent: Spent = field(default_factory=Spent)
    outdated: bool = False
    """It runs on inputs that were changed or are being made anew: a success will be stale."""
    restart: bool = False
    """What runs of it is a version that was replaced: once that is over, however, the node begins anew."""
    reset_seq: int = 0
    """Event since which the node is carried out anew: successes before it may be taken over."""
    fresh_since: int = 0
    """Successes up to this event are never taken over: the user asked for new ones."""
    reused: int = 0
    """Of the results that it has now, how many were taken over instead of paid again."""
    priority: int | None = None
    """The user's word on it since the plan was approved; None: the plan's own."""
    items: Items | None = None
    item_base: int = 0
    """Highest attempt number of any item before the map was last retried as a whole: see :attr:`Items.base`."""
    thread_seq: int = 0
    """Event since which steps belong to the thread with which the next attempt of an agent goes on."""
    steps: int = 0
    """Answers of models in that thread."""
    tool_calls: int = 0
    """Tools called in it."""
    spawned: int = 0
    """Subagents that it made, batches counted by their members."""
    proposals: int = 0
    """Of a plan node: changes proposed in it."""
    agent: str = ""
    """Which agent speaks now; empty before the first step."""
    tainted: bool = False
    """Whether what it comes to may hold what anybody wrote: an agent of it read such text, or it rests on a node of
    which that is true."""
    asks: int = 0
    """What it asks a person, one thing for each that is open. Nothing of it runs meanwhile, but for a program, which
    waits where it is."""
    made: int = 0
    """Of its needs, those that it made itself while it ran: however they end, it goes on."""
    open_calls: tuple[str, ...] = ()
    """Calls of tools that may have changed the world, begun and without a result; of items as ``item/call``. Those of
    what was cut short stay until the user has decided."""
    writes: int = 0
    """Calls of such tools ever begun."""
    below_usd: float = 0.0
    """What the nodes that it made, and those that they made, have cost: it counts against its budget."""
    below_tokens: int = 0
    cohort: int = 0
    """Event by which another node made it, together with others; 0 for one of the plan as approved."""

    def attempts_of(self, item: int | None) -> int:
        """Number of the last attempt made of one item, or of the node itself; the next one has one more."""
        if item is None or self.items is None:
            return self.attempts
        return self.items.base + self.items.attempts[item]

    def tries_of(self, item: int | None) -> int:
        """Tries of one item, or of the node itself, that count against the retry limit."""
        return self.tries if item is None or self.items is None else self.items.tries.get(item, 0)

    def open_calls_of(self, item: int | None) -> tuple[str, ...]:
        """Of :attr:`open_calls` those of one item, or of the node itself."""
        head = "" if item is None else f"{item}/"
        return tuple(call for call in self.open_calls if call.startswith(head)) if self.open_calls else ()

    def forget_items(self) -> None:
        """The map is carried out anew: its items are read again, and their attempts' numbers go on."""
        if self.items is not None:
            self.item_base = self.items.highest_number
            self.items = None

    @property
    def ended(self) -> bool:
        """Whether the node moves again only when somebody asks for it."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Pending:
    """Something only a person can decide."""

    id: str
    """``plan``, or the node's id, or ``node/item``; of what an agent asks ``node:call``; of a change ``change-N``."""
    kind: str
    """``plan``, ``question``, ``permission`` or ``change``."""
    since_ts: float
    node: str | None = None
    item: int | None = None
    question: str = ""
    choices: tuple[str, ...] = ()
    plan_rev: int | None = None
    call: str = ""
    """Of what an agent asks: the tool call that waits for it."""
    detail: str = ""
    """Of a permission: the call, whole, as escaped text."""
    agent: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """The user's word that an agent need not ask any more before it calls a tool, for the rest of the session: how far
    it goes is told in :mod:`swarmtui.engine.grants`."""

    agent: str
    tool: str
    """As permission rules name it."""
    node: str = ""
    """Where the agent is defined by a node (by the user, or as a subagent) that one: others go by the same name. Empty:
    the agent of that name of the team, wherever it works."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of the plan, as history."""

    rev: int
    author: Author
    ts: float
    actor: str | None = None
    note: str = ""
    by: str | None = None
    """The node that made it while it ran."""


@dataclass(frozen=True, slots=True)
class Undoable:
    """A change that can be taken back: by `method` with `params`, which :mod:`swarmtui.engine.commands.undo` reads."""

    seq: int
    """The event that made it."""
    what: str
    method: str
    params: dict[str, JSON] = field(default_factory=dict)
    actor: str | None = None
    again: bool = False
    """It was made by taking an undo back, and is no change of its own."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What is kept of a node that was removed: a later one of its name counts its attempts on."""

    attempts: int = 0
    item_base: int = 0


@dataclass(frozen=True, slots=True)
class Planning:
    """The planner is at work on revision `rev`."""

    rev: int
    model: str
    since_ts: float
    simulated: bool = False
    feedback: str | None = None


@dataclass(frozen=True, slots=True)
class Foretold:
    """A forecast together with where the session stood when it was made: what is needed to hold it against fact."""

    forecast: Forecasted
    active_s: float
    """Seconds of work until then."""
    tokens: int
    cost_usd: float


@dataclass(slots=True)
class SessionState:
    """Everything that the events tell. Made by ``fold.empty()``, changed by ``fold.apply`` alone."""

    id: str = ""
    goal: str = ""
    title: str = ""
    cwd: str = ""
    task_path: str | None = None
    app: str = ""
    seq: int = 0
    """Of the last event folded in."""
    ts: float = 0.0
    mono: float = 0.0
    status: Status = Status.PLANNING
    reason: str = ""
    """Why it is paused or how it ended, in a word or a sentence."""
    created_ts: float = 0.0
    active_s: float = 0.0
    """Seconds of work by the last event: time that was spent paused or waiting for a person is left out."""
    starts: int = 0
    """Attempts that count against the budget: all but those that a provider refused."""
    warned: dict[str, float] = field(default_factory=dict)
    """Soft lines that the user was warned of: :func:`budgets.warning_key` -> the limit as it then was."""
    running_mono: float | None = None
    """Session second at which work began: the clock of the time budget."""
    ended_ts: float | None = None
    inputs: dict[str, JSON] = field(default_factory=dict)
    models: dict[str, ModelRef] = field(default_factory=dict)
    declared: dict[str, ModelRef] = field(default_factory=dict)
    team: Team = Team()
    """What a planner's plan may name; the plan's own team is what it does name."""
    """Where models answer that a change of the plan may name, and nothing uses yet."""
    limits: Limits = field(default_factory=Limits)
    plan: Plan | None = None
    plan_rev: int = 0
    approved_rev: int = 0
    prior_plan: Plan | None = None
    """The revision before, for the comparison that the approval screen shows."""
    revisions: list[Revision] = field(default_factory=list)
    planning: Planning | None = None
    planning_error: ErrorInfo | None = None
    nodes: dict[str, NodeState] = field(default_factory=dict)
    pending: dict[str, Pending] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    budget: BudgetReached | None = None
    measures: Measures = field(default_factory=Measures)
    forecast: Foretold | None = None
    """The latest one."""
    first_forecast: Foretold | None = None
    """The first one of the revision that stands: what the approval rested on."""
    cancelling: bool = False
    report_path: str | None = None
    """The report, relative to the session's folder."""
    report_copy: str | None = None
    """Where a copy for the user lies, absolute."""
    host_pid: int | None = None
    cpus: int = 2
    hosts: int = 0
    """How many hosts have run the session; more than one means it was resumed."""
    paced: dict[str, PoolPaced] = field(default_factory=dict)
    """What the pacer of each pool was last told to allow, and why."""
    commands: dict[str, int] = field(default_factory=dict)
    """Recent command ids and the seq of their effect (the last 1,000): repeating one does nothing."""
    undoable: list[Undoable] = field(default_factory=list)
    """The latest changes that can be taken back, the last one at the end."""
    redoable: list[Undoable] = field(default_factory=list)
    """What was taken back and can be made once more, the last one at the end."""
    dropped: dict[str, Dropped] = field(default_factory=dict)
    """Nodes that were removed while the session ran."""
    granted: list[Grant] = field(default_factory=list)
    """What the user allowed for good when an agent asked."""
    changes: int = 0
    """Changes that were ever proposed: they are numbered."""
    replans: int = 0
    """How often the plan was planned anew since something failed; as often as allowed once that is given up."""
    replan_feedback: str = ""
    """What the user wants changed in the last such proposal."""
    proposed: dict[str, ChangeProposed] = field(default_factory=dict)
    """Changes that wait for a decision."""

    # Derived, never part of JSON or hash.
    counts: dict[State, int] = field(default_factory=dict)
    """Nodes per state."""
    touched: set[str] = field(default_factory=set)
    """Nodes changed since their reader last cleared this."""
    plan_nodes: dict[str, Node] = field(default_factory=dict)
    dependents: dict[str, list[str]] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    """Node -> those that it made while it ran and that are in the plan, for nodes that made any."""
    in_flight: int = 0
    """Attempts running now, questions left out."""
    model_pools: dict[str, str] = field(default_factory=dict)
    """Name of a model -> its pool: see :func:`swarmtui.session.pools.name_pools`."""
    pools_used: frozenset[str] = frozenset()
    """Pools that the plan's nodes belong to."""
    programs: frozenset[str] = frozenset()
    """Of these, pools of programs that are agents."""

    @property
    def working(self) -> bool:
        """Whether time counts as work: the session runs, and does not merely wait for a person to answer."""
        if self.status is not Status.RUNNING:
            return False
        if not self.pending or self.in_flight:
            return True
        if any(self.counts.get(waiting) for waiting in _WAITING):
            return True
        return any(node.items is not None and node.items.count(*_WAITING) for node in self.running_nodes())

    def running_nodes(self) -> Iterator[NodeState]:
        """Nodes that are under way; O(nodes) if there are any."""
        if self.counts.get(State.RUNNING):
            yield from (node for node in self.nodes.values() if node.state is State.RUNNING)

    def is_simulated(self, model: str) -> bool:
        """Whether the model of this name is the built-in stand-in."""
        return any(ref.simulated and ref.name == model for ref in self.models.values())

    @property
    def simulated(self) -> bool:
        """Whether any model of this session is the built-in stand-in: every view must say so."""
        return any(ref.simulated for ref in self.models.values())


_WAITING = (State.READY, State.RETRYING, State.THROTTLED)
"""What goes on by itself though nothing of it is in flight: it waits for a provider, or for its next try."""
_DERIVED = frozenset(
    {"counts", "touched", "plan_nodes", "dependents", "children", "pools_used", "in_flight", "model_pools", "programs"}
)
_BY_HAND = frozenset({"plan", "prior_plan", "nodes", "measures", "proposed"})


@cache
def _adapter() -> TypeAdapter[SessionState]:
    from pydantic import TypeAdapter

    return TypeAdapter(SessionState)


def state_to_json(state: SessionState, *, columns: bool = False) -> dict[str, JSON]:
    """The whole state as JSON values; equal states give equal values.

    With `columns` its nodes are in the form of a snapshot, to which the plan is added by who makes that.
    """
    from swarmtui.session.codec import encode_body
    from swarmtui.session.node_json import node_to_json, nodes_to_columns

    data: dict[str, JSON] = _adapter().dump_python(
        state, mode="json", exclude_defaults=True, exclude=set(_DERIVED | _BY_HAND)
    )
    if state.plan is not None and not columns:
        data["plan"] = plan_to_json(state.plan)
    if state.prior_plan is not None:
        data["prior_plan"] = plan_to_json(state.prior_plan)
    nodes = state.nodes.values()
    data["nodes"] = nodes_to_columns(nodes) if columns else [node_to_json(node) for node in nodes]
    data["measures"] = state.measures.to_json()
    if state.proposed:
        data["proposed"] = [
            {**encode_body(change), **({} if change.node is None else {"node": change.node})}
            for change in state.proposed.values()
        ]
    return data


def state_from_json(data: dict[str, JSON]) -> SessionState:
    """The inverse of :func:`state_to_json`. Raises ValueError and the like if `data` is no state's."""
    from swarmtui.session.codec import decode_body
    from swarmtui.session.moves import derive
    from swarmtui.session.node_json import node_from_json, nodes_from_columns

    plain = {key: value for key, value in data.items() if key not in _BY_HAND}
    state = _adapter().validate_python(plain)
    for name in ("plan", "prior_plan"):
        if name in data:
            setattr(state, name, plan_from_json(data[name]))
    nodes = data["nodes"]
    made = nodes_from_columns(nodes) if isinstance(nodes, dict) else map(node_from_json, nodes)
    state.nodes = {node.id: node for node in made}
    if "measures" in data:
        state.measures = Measures.from_json(data["measures"])
    for one in data.get("proposed", ()):
        change = decode_body(ChangeProposed.TYPE, one)
        if isinstance(change, ChangeProposed):
            state.proposed[change.id] = change
    derive(state)
    return state


def state_hash(state: SessionState) -> str:
    """BLAKE2b-16 (hex) of the state: equal wherever the same events were folded."""
    text = json.dumps(state_to_json(state), sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
