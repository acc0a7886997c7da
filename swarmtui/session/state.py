"""The state of a session: what :mod:`swarmtui.session.fold` makes of its events.

State is data that views read. It changes through ``fold.apply`` alone, so that the live host, every viewer, a replay
and a resume that have seen the same events hold equal states, down to their hash (:mod:`swarmtui.session.state_json`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from swarmtui.frozen import frozen, mutable
from swarmtui.plan.model import JSON, Author, Limits, ModelRef, Node, Plan
from swarmtui.plan.team import Team
from swarmtui.session.events import BudgetReached, ChangeProposed, Forecasted, PoolPaced
from swarmtui.session.items import Items
from swarmtui.session.measures import Measures
from swarmtui.session.spent import Spent
from swarmtui.session.vocabulary import ENDED, ErrorInfo, Output, State, Status


@mutable
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
    cut_ts: float | None = None
    """When it, or an item of it, was last cut short where somebody has to say what now; of a fork, when that began."""
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


@frozen
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


@frozen
class Grant:
    """The user's word that an agent need not ask any more before it calls a tool, for the rest of the session: how far
    it goes is told in :mod:`swarmtui.engine.grants`."""

    agent: str
    tool: str
    """As permission rules name it."""
    node: str = ""
    """Where the agent is defined by a node (by the user, or as a subagent) that one: others go by the same name. Empty:
    the agent of that name of the team, wherever it works."""


@frozen
class Revision:
    """One revision of the plan, as history."""

    rev: int
    author: Author
    ts: float
    actor: str | None = None
    note: str = ""
    by: str | None = None
    """The node that made it while it ran."""


@frozen
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


@frozen
class Dropped:
    """What is kept of a node that was removed: a later one of its name counts its attempts on."""

    attempts: int = 0
    item_base: int = 0


@frozen
class Planning:
    """The planner is at work on revision `rev`."""

    rev: int
    model: str
    since_ts: float
    simulated: bool = False
    feedback: str | None = None


@frozen
class Foretold:
    """A forecast together with where the session stood when it was made: what is needed to hold it against fact."""

    forecast: Forecasted
    active_s: float
    """Seconds of work until then."""
    tokens: int
    cost_usd: float


@frozen
class Parent:
    """Where a fork left another session."""

    id: str
    seq: int
    """The last event that both have."""


@mutable
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
    """Where models answer that a change of the plan may name, and nothing uses yet."""
    team: Team = Team()
    """What a planner's plan may name; the plan's own team is what it does name."""
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
    parent: Parent | None = None
    """The session that this one was forked from."""
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
    maps: tuple[str, ...] = ()
    """The plan's maps."""
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
