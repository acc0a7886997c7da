"""What the engine needs from outside, as it wants it: an executor that carries attempts out, and a planner.

Everything here is plain data or JSON, so that an executor may live in another process or on another machine.
An executor never retries, orders or budgets: that is the scheduler's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import field
from typing import Literal, Protocol

from swarmtui.engine.scarcity import Scarcity
from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON, Check, ModelRef, Plan, Spec
from swarmtui.plan.team import AgentDef, Team
from swarmtui.safety.permissions import Effect
from swarmtui.session.vocabulary import NO_USAGE, ErrorInfo, State, Usage


@frozen
class NodeResult:
    """How a need of the attempt's node ended, for workers that join results."""

    node: str
    state: State
    title: str = ""
    path: str | None = None
    """File with the whole output, absolute; None if there is none."""
    error: str | None = None


@frozen
class Attempt:
    """One try at a node or an item, with every lookup resolved."""

    id: str
    """``node/item/number`` or ``node//number``; unique in a session."""
    session: str
    node: str
    item: int | None
    number: int
    key: str
    """Equal keys are equal work; commands get it as SWARMTUI_IDEMPOTENCY_KEY."""
    spec: Spec
    cwd: str
    """Folder in which the user started the session, absolute."""
    folder: str
    """The attempt's own folder for output and log, absolute, made by the executor; items of a map share one."""
    task_folder: str
    """Folder of the task file, absolute: files that the task names are relative to it."""
    trusted: bool
    """Whether the plan is the user's own. Commands and code that are not run in the sandbox."""
    model: ModelRef | None = None
    check: Check | None = None
    timeout_s: float | None = None
    results: tuple[NodeResult, ...] = ()
    """For `merge`: how each need ended, in the order of `needs`."""
    title: str = ""
    """The session's title, for reports."""
    thread: tuple[JSON, ...] = ()
    """Of an agent or a plan node: what earlier attempts recorded since the node began anew, in order; see
    :class:`Stepped`. The attempt goes on from there and does nothing of it again."""
    team: Team = Team()
    models: dict[str, ModelRef] = field(default_factory=dict)
    """Tier or name -> where it answers, for agents that name one."""
    depth: int = 0
    """Generations of parents above the node: 0 for one of the plan as approved."""
    acts_for: str = ""
    """Of a subagent, the agent of the team whose leave to use servers it has: its maker's, or its maker's maker's."""
    tainted: bool = False
    """Whether what it is given may hold what anybody wrote: a model made the node, or it rests, directly or through
    others, on an agent that had read such text. An agent then is tainted from the start."""
    may_wait: bool = True
    """Whether the attempt may be suspended; an item of a map may not."""


@frozen
class Delta:
    """New text of a running attempt; not recorded, and newest wins when a viewer is slow."""

    attempt: str
    text: str
    channel: str = "output"
    """``output``, ``reasoning`` or ``stderr``."""


@frozen
class CallAsked:
    """The attempt wants to call a model, by its name, and waits until it may: :meth:`Executor.recorded` tells, with an
    empty call."""

    attempt: str
    model: str


@frozen
class CallSent:
    """The attempt calls a model; `model` is its name. The first call of a prompt was counted when the attempt began."""

    attempt: str
    model: str


@frozen
class CallAccepted:
    """The provider took a model call of the attempt: its reply has begun."""

    attempt: str


@frozen
class CallEnded:
    """A model call of the attempt is over. An attempt may make several, one after the other."""

    attempt: str
    status: int | None
    """HTTP status; 0: the provider could not be reached or broke off. None: it says nothing of the provider."""
    headers: dict[str, str] = field(default_factory=dict)
    """What the reply's head said of limits."""
    tokens_in: int = 0
    tokens_out: int = 0
    fault: str | None = None
    """What was wrong with a reply that did come."""


@frozen
class Stepped:
    """The agent of the attempt took a step; `entry` is recorded, and is in the thread of the attempts that follow.

    An entry is a mapping whose ``role`` tells what it is:

    - ``assistant``: an answer of the model. ``agent``, ``content``, ``calls`` (each ``{id, name, arguments}``, with the
      arguments as the model's text), ``reasoning`` if any.
    - ``tool``: what a call came to. ``call``, ``name``, ``content``, ``ok``, ``tainted``; ``agent`` if it handed over
      to that one; ``context`` with context variables that it set.
    - ``user``: said to the agent on the way, such as a nudge to go on. ``content``.

    The engine adds entries of its own: ``called`` (``call``, ``name``: recorded by :class:`ToolCalled`), ``assigned``
    (``call``, ``nodes``: made for an :class:`Assignment`), ``answer`` (``call``, ``content``: to an :class:`Inquiry`),
    ``results`` (``nodes``: a :class:`NodeResult` each as JSON, with its whole text as ``output`` cut to what a model is
    told), ``accepted`` and ``feedback`` (what became of a proposal; ``content``).
    """

    attempt: str
    entry: JSON
    usage: Usage = NO_USAGE
    """What this step consumed: counted now, and not again in the end of the attempt."""


@frozen
class ToolCalled:
    """A tool is about to be called. With an `effect` of ``write`` or ``run`` the worker waits until that is recorded:
    :meth:`Executor.recorded` tells. A crash between this and the ``tool`` entry leaves it to the user whether a call
    that may have changed the world is repeated."""

    attempt: str
    agent: str
    call: str
    tool: str
    arguments: str
    """As JSON text, cut for display."""
    effect: Effect
    why: str
    """By whose leave."""


@frozen
class Assignment:
    """A task for a subagent, that becomes a node of its own; with `items` a map over them."""

    call: str
    agent: AgentDef
    name: str
    prompt: str
    """With `items` each ``{{ item }}`` in it stands for the item; all other braces stand for themselves."""
    items: tuple[str, ...] = ()


@frozen
class Inquiry:
    """Something that a person is to say before the agent goes on."""

    call: str
    question: str
    choices: tuple[str, ...] = ()
    kind: Literal["question", "permission"] = "question"
    detail: str = ""
    """Of a permission: the call, whole, as escaped text."""
    tool: str = ""
    """Of a permission: the tool as permission rules name it; empty: as the agent called it."""


@frozen
class Asked:
    """The attempt asks a person something and stays where it is until it is told the answer by
    :meth:`Executor.answered`: for programs, which cannot be taken up again in the middle."""

    attempt: str
    inquiry: Inquiry


@frozen
class Suspended:
    """The attempt lets go of its place until what it waits for is there; another attempt then goes on with its thread.

    It asks for at least one of: nodes to be made for `assignments`, answers to `inquiries`, a decision on `proposal`.
    """

    attempt: str
    assignments: tuple[Assignment, ...] = ()
    inquiries: tuple[Inquiry, ...] = ()
    proposal: Draft | None = None
    """Nodes for a plan node to wait for."""
    usage: Usage = NO_USAGE


@frozen
class Done:
    """The attempt succeeded."""

    attempt: str
    output: str
    """The output, or its head and tail when `truncated`."""
    size: int | None = None
    """Bytes of the whole output, when `output` is not the whole."""
    path: str | None = None
    """File with the whole output (absolute), when the worker wrote one."""
    truncated: bool = False
    exit_code: int | None = None
    usage: Usage = NO_USAGE
    report: bool = False
    """Whether the output is a report for the user (Markdown), to be shown and copied out."""
    lost: str | None = None
    """Why a part of the output is nowhere, not in the file at `path` either."""


@frozen
class Failed:
    """The attempt failed; `output` is what it had said by then."""

    attempt: str
    error: ErrorInfo
    output: str = ""
    path: str | None = None
    usage: Usage = NO_USAGE
    scarcity: Scarcity | None = None
    """What this machine had too little of, when that is all that went wrong; `error` is THROTTLED then."""


@frozen
class Stopped:
    """The attempt was cancelled and nothing of it is left running."""

    attempt: str
    usage: Usage = NO_USAGE


CallSignal = CallSent | CallAccepted | CallEnded
Signal = Delta | CallAsked | CallSignal | Stepped | ToolCalled | Asked
"""What a worker tells of an attempt that goes on."""
WorkerEvent = Signal | Done | Failed | Stopped | Suspended
Terminal = Done | Failed | Stopped | Suspended


class Executor(Protocol):
    """Carries attempts out. Each submitted attempt ends in exactly one of Done, Failed, Stopped and Suspended."""

    async def start(self) -> None:
        """Get ready; called once, before the first submit."""

    async def submit(self, attempt: Attempt) -> None:
        """Begin `attempt` at once; the engine has already counted it against every limit."""

    def events(self) -> AsyncIterator[Sequence[WorkerEvent]]:
        """What happened, in batches, in order per attempt; ends after :meth:`close`."""

    async def cancel(self, attempt: str, grace_s: float) -> None:
        """Stop the attempt: ask, wait `grace_s`, then kill its whole process group. Unknown ids are ignored."""

    def recorded(self, attempt: str, call: str) -> None:
        """The ToolCalled of `call` is in the session's file. With an empty `call`: the model may be called that a
        CallAsked of the attempt was about. Unknown ids are ignored."""

    def answered(self, attempt: str, call: str, text: str) -> None:
        """A person's answer to what the attempt Asked about `call`. Unknown ids are ignored."""

    async def close(self) -> None:
        """Cancel everything and let go of all resources."""


@frozen
class Draft:
    """A plan from the planner, validated. `note` is its own explanation in a sentence or two."""

    plan: Plan
    note: str = ""
    usage: Usage = NO_USAGE
    enough: bool = False
    """Of a plan node: whether the planner says that no further nodes are needed."""
    why: dict[str, str] = field(default_factory=dict)
    """Node -> why it is there, in the planner's words."""


class PlanningError(Exception):
    """No usable plan came back. `error` is for the user; `usage` is what the tries cost."""

    def __init__(self, error: ErrorInfo, usage: Usage = NO_USAGE) -> None:
        super().__init__(error.message)
        self.error = error
        self.usage = usage


class Calls(Protocol):
    """The way to a model's provider for calls that are no attempt of a node."""

    async def admitted(self) -> None:
        """Wait until one more call may go; it then goes at once."""

    def tell(self, signal: CallSignal) -> None:
        """Tell of the call that was admitted last."""


@frozen
class PlanRequest:
    """What the planner is given."""

    goal: str
    model: ModelRef
    inputs: dict[str, JSON] = field(default_factory=dict)
    previous: Plan | None = None
    """The revision that the user rejected, with `feedback` saying why."""
    feedback: str | None = None
    team: Team = Team()
    """Agents that its nodes may name, with their tools."""
    instructions: str = ""
    """What a plan node adds to the planner's own prompt."""
    results: tuple[JSON, ...] = ()
    """Of a plan node: how the nodes that it proposed before ended, as in the entry ``results`` of a thread."""
    most_nodes: int | None = None
    at_once: int | None = None
    """So many nodes, and items of maps, may run at the same time; None: as many as there is room for."""
    usd_left: float | None = None
    tokens_left: int | None = None
    """What the session's budget still has; None: nothing limits it."""
    calls: Calls | None = None
    """Asked before each call, and told of it; None: nobody else calls this model."""


class Planner(Protocol):
    """Turns a goal into a plan."""

    async def propose(self, request: PlanRequest, on_delta: Callable[[str], None]) -> Draft:
        """A valid plan for the goal; `on_delta` gets the model's text as it streams. Raises PlanningError."""
