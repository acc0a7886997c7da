"""Carries a ``plan`` node out: proposes nodes, waits for their ends, and joins them or proposes more.

Its thread holds each proposal (an entry ``proposal``: ``plan``, ``note``, ``why``, ``enough``) before anybody decides
on it, so that a crash costs no second call; ``accepted``, ``feedback`` and ``results`` are the engine's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import field, replace

from swarmtui.engine.ports import (
    Attempt,
    CallSignal,
    Delta,
    Done,
    Draft,
    Failed,
    Planner,
    PlanningError,
    PlanRequest,
    Stepped,
    Suspended,
)
from swarmtui.frozen import mutable
from swarmtui.models.chat import add_usage
from swarmtui.plan.graph import dependents, needs_of
from swarmtui.plan.lookup import literal
from swarmtui.plan.model import (
    JSON,
    AgentSpec,
    MergeSpec,
    ModelRef,
    Node,
    Plan,
    PlanSpec,
    PromptSpec,
    plan_from_json,
    plan_to_json,
)
from swarmtui.session.vocabulary import NO_USAGE, ErrorInfo, ErrorKind, Usage
from swarmtui.workers.local import Course, WorkerFailed

_COUNTED = re.compile(r"-\d+\Z")
"""What makes an id that was taken another one."""


class PlanWorker:
    """Asks `planner` for nodes until there are enough; a :class:`swarmtui.workers.local.Worker`."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    async def __call__(self, attempt: Attempt, course: Course, /) -> Done | Suspended:
        """The joined output of the nodes, or nodes to wait for. Raises WorkerFailed."""
        spec, model = attempt.spec, attempt.model
        if not isinstance(spec, PlanSpec) or model is None:
            raise _failed(attempt, ErrorInfo(ErrorKind.INTERNAL, f"{attempt.node} plans nothing, or has no model"))
        so_far = Rounds.of(attempt.thread)
        if so_far.open is not None and so_far.feedback is None:
            return Suspended(attempt.id, proposal=so_far.open)
        if so_far.enough or so_far.done >= spec.iterations:
            return _joined(attempt, so_far)
        draft = await self._complete(attempt, course, spec, _request(spec, model, attempt, course, so_far))
        course(Stepped(attempt.id, _entry(draft), draft.usage))
        if draft.enough:
            so_far.enough, so_far.note = True, draft.note
            return _joined(attempt, so_far)
        return Suspended(attempt.id, proposal=replace(draft, usage=NO_USAGE))

    async def _complete(self, attempt: Attempt, course: Course, spec: PlanSpec, request: PlanRequest) -> Draft:
        """A proposal in which, if it is about the first nodes, all agents have one that must have."""
        draft = await self._propose(attempt, course, request)
        missing = () if request.results else without_node(draft.plan, spec.must_have)
        if missing:
            asked = f"There is no node of {', '.join(missing)}, and there has to be one of each."
            again = await self._propose(attempt, course, replace(request, previous=draft.plan, feedback=asked))
            draft = replace(again, usage=add_usage(draft.usage, again.usage))
            missing = without_node(draft.plan, spec.must_have)
        if missing:
            draft = replace(draft, plan=with_nodes(draft.plan, missing, spec), enough=False)
        return replace(draft, plan=replace(draft.plan, team=attempt.team))

    async def _propose(self, attempt: Attempt, course: Course, request: PlanRequest) -> Draft:
        try:
            draft = await self._planner.propose(request, lambda text: course(Delta(attempt.id, text)))
        except PlanningError as error:
            raise _failed(attempt, error.error, usage=error.usage) from None
        except asyncio.CancelledError:
            spent = Usage(model=request.model.name, simulated=request.model.simulated)
            stopped = ErrorInfo(ErrorKind.LOST, f"stopped while {request.model.name} planned")
            raise _failed(attempt, stopped, usage=spent) from None
        if not draft.enough and not draft.plan.nodes:
            raise _failed(attempt, ErrorInfo(ErrorKind.MALFORMED, "the planner proposed no node"), usage=draft.usage)
        return draft


@mutable
class Rounds:
    """What became of the proposals of a plan node so far."""

    plans: list[Plan] = field(default_factory=list)
    """Those that were accepted and have ended."""
    results: list[JSON] = field(default_factory=list)
    open: Draft | None = None
    """The last proposal, as long as its nodes have not ended."""
    feedback: str | None = None
    """What a person wants changed in it."""
    enough: bool = False
    note: str = ""

    @classmethod
    def of(cls, thread: Sequence[JSON]) -> Rounds:
        """From the thread of an attempt."""
        rounds = cls()
        for entry in thread:
            rounds.take(entry)
        return rounds

    @property
    def done(self) -> int:
        """Proposals whose nodes have ended."""
        return len(self.plans)

    def take(self, entry: JSON) -> None:
        """Add an entry. One of an unknown role changes nothing."""
        match entry.get("role"):
            case "proposal":
                self.feedback, self.note = None, entry.get("note") or ""
                if entry.get("enough"):
                    self.enough = True
                else:
                    self.open = Draft(plan_from_json(entry["plan"]), self.note, why=dict(entry.get("why") or {}))
            case "feedback" if self.open is not None:
                self.feedback = str(entry.get("content") or "") or "It was rejected, without a reason."
            case "results" if self.open is not None:
                self.plans.append(self.open.plan)
                self.results += entry["nodes"]
                self.open = self.feedback = None


class _Course:
    """The way of the planner's calls: those of the attempt."""

    def __init__(self, attempt: str, model: str, course: Course) -> None:
        self._attempt = attempt
        self._model = model
        self._course = course

    async def admitted(self) -> None:
        await self._course.admitted(self._model)

    def tell(self, signal: CallSignal) -> None:
        self._course(replace(signal, attempt=self._attempt))


def without_node(plan: Plan, agents: Sequence[str]) -> tuple[str, ...]:
    """Those of `agents` that no node of `plan` names."""
    named = {node.spec.agent for node in plan.nodes if isinstance(node.spec, AgentSpec)}
    return tuple(agent for agent in agents if agent not in named)


def with_nodes(plan: Plan, agents: Sequence[str], spec: PlanSpec) -> Plan:
    """`plan` with a node for each of `agents`: one more that the last joining node reads, or where there may be no
    more, a prompt or another agent's task that becomes theirs."""
    nodes = list(plan.nodes)
    for agent in agents:
        tasks = [(at, task) for at, node in enumerate(nodes) if (task := _free_task(node, spec.must_have)) is not None]
        if len(nodes) >= spec.nodes and tasks:
            at, task = tasks[0]
            nodes[at] = replace(nodes[at], spec=AgentSpec(agent, task))
            continue
        taken = {node.id for node in nodes}
        name = next(name for name in (agent, *(f"{agent}-{n}" for n in range(2, len(nodes) + 3))) if name not in taken)
        prompt = literal(spec.goal)  # it was rendered already
        nodes = [_reading(node, name) if isinstance(node.spec, MergeSpec) else node for node in nodes]
        nodes.insert(0, Node(name, AgentSpec(agent, prompt), title=agent))
    return replace(plan, nodes=tuple(nodes))


def _free_task(node: Node, kept: Sequence[str]) -> str | None:
    """The node's task, if another agent may be given it."""
    match node.spec:
        case PromptSpec(prompt=prompt):
            return prompt
        case AgentSpec(agent=agent, prompt=prompt) if agent not in kept:
            return prompt
        case _:
            return None


def _reading(node: Node, need: str) -> Node:
    return replace(node, needs=(*node.needs, need))


def _request(spec: PlanSpec, model: ModelRef, attempt: Attempt, course: Course, so_far: Rounds) -> PlanRequest:
    agents = attempt.team.agents
    named = {name: agents[name] for name in spec.agents or agents if name in agents}
    instructions = spec.instructions or ""
    if spec.must_have and not so_far.results:
        instructions += f"\n\nThere has to be a node of each of these agents: {', '.join(spec.must_have)}."
    return PlanRequest(
        spec.goal,
        model,
        previous=so_far.open.plan if so_far.open is not None else None,
        feedback=so_far.feedback,
        team=replace(attempt.team, agents=named),
        instructions=instructions.strip(),
        results=tuple(so_far.results),
        most_nodes=spec.nodes,
        calls=_Course(attempt.id, model.name, course),
    )


def _entry(draft: Draft) -> JSON:
    entry = {"role": "proposal", "plan": plan_to_json(draft.plan), "note": draft.note, "why": draft.why}
    return {**entry, "content": draft.note, "enough": draft.enough}


def _joined(attempt: Attempt, so_far: Rounds) -> Done:
    """The outputs of the nodes that no other needs. What failed is told as failed. Raises WorkerFailed if all did."""
    ends = _ends(so_far)
    if not ends:
        return Done(attempt.id, so_far.note)
    good = [result for result in ends if result.get("state") == "succeeded"]
    if not good:
        reasons = "; ".join(f"{_title(result)} {_how(result)}" for result in ends[:5])
        raise _failed(attempt, ErrorInfo(ErrorKind.INPUT, f"no node that was planned came to a result: {reasons}"))
    if len(ends) == 1:
        return Done(attempt.id, str(good[0].get("output") or ""))
    return Done(attempt.id, "\n\n".join(map(_section, ends)))


def _section(result: JSON) -> str:
    if result.get("state") == "succeeded":
        return f"## {_title(result)}\n\n{result.get('output') or '(it said nothing)'}"
    return f"## {_title(result)} (not done)\n\nThis part {_how(result)}."


def _title(result: JSON) -> str:
    return str(result.get("title") or result["node"])


def _how(result: JSON) -> str:
    why = f": {result['error']}" if result.get("error") else ""
    return f"{result.get('state') or 'did not end'}{why}"


def _ends(so_far: Rounds) -> list[JSON]:
    """How those nodes ended that no other one of their proposal needs."""
    inner: list[str] = []
    for plan in so_far.plans:
        users = dependents(needs_of(plan))
        inner += [node.id for node in plan.nodes if users[node.id]]
    known = [node.id for plan in so_far.plans for node in plan.nodes]
    return [result for result in so_far.results if _proposed_as(result["node"], known) not in inner]


def _proposed_as(node: str, known: Sequence[str]) -> str | None:
    """The id that the planner gave to the node `node`, which may have got another one among the session's nodes."""
    endings = [f"-{node}", "-" + _COUNTED.sub("", node)]
    found = [name for name in known if any(ending.endswith(f"-{name}") for ending in endings)]
    return max(found, key=len, default=None)


def _failed(attempt: Attempt, error: ErrorInfo, usage: Usage = NO_USAGE) -> WorkerFailed:
    return WorkerFailed(Failed(attempt.id, error, usage=usage))
