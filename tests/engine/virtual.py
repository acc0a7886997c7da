"""Scheduler and fold in virtual time: no log, no tasks, one event after another."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from swarmtui.engine import retry
from swarmtui.engine.commands import Refused, plan_events
from swarmtui.engine.decisions import (
    Expand,
    Finish,
    FinishMap,
    Judge,
    Replan,
    Skip,
    Start,
    StopForBudget,
    Stuck,
    WarnOfBudget,
)
from swarmtui.engine.follow import StopAttempts, follows
from swarmtui.engine.gates import Gate
from swarmtui.engine.map_work import may_finish, to_expand
from swarmtui.engine.ranks import Known
from swarmtui.engine.ready import NOTHING_KNOWN
from swarmtui.engine.recovery import caught_by_crash
from swarmtui.engine.scheduler import Scheduler
from swarmtui.engine.subagents import orphans
from swarmtui.plan.model import AskSpec, Limits, ModelRef, Plan, plan_hash
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptSucceeded,
    AttemptThrottled,
    Body,
    BudgetReached,
    BudgetWarned,
    ChangeDecided,
    Event,
    HostStarted,
    MapExpanded,
    MapFinished,
    NodeCancelled,
    NodeSkipped,
    Noted,
    PlanApproved,
    PlanProposed,
    QuestionAnswered,
    QuestionAsked,
    SessionFinished,
    SessionPaused,
)
from swarmtui.session.pools import model_of
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output, State, Status, Usage
from tests.engine.world import created

Running = tuple[str, int | None, int]


class VirtualSession:
    """What the conductor does, in one thread and without effects."""

    def __init__(
        self,
        plan: Plan,
        limits: Limits = Limits(),
        items: int | dict[str, int] = 3,
        *,
        models: dict[str, ModelRef] | None = None,
        durations: Known = NOTHING_KNOWN,
        gate: Gate | None = None,
        usage: Usage = Usage(tokens_in=1, tokens_out=1),
        slow_maps: bool = False,
    ) -> None:
        self.state = fold.empty()
        self.events: list[Event] = []
        self.now = 0.0
        self.items = items
        self.random = Random(7)
        self.running: dict[Running, float] = {}
        self.pools: dict[Running, str] = {}
        self.cancelling: dict[Running, bool] = {}
        self.slow_maps = slow_maps
        self.map_work: list[tuple[Expand | FinishMap, object]] = []
        self.durations, self.gate, self.usage = durations, gate, usage
        self.scheduler = Scheduler(self.state, durations, gate)
        first = created(limits)
        self.record(first if models is None else replace(first, models=models))
        self.record(HostStarted(1, "boot", "0", cpus=4))
        self.record(PlanProposed(1, plan))
        self.record(PlanApproved(1, plan_hash(plan)))
        self.step()

    def record(self, body: Body) -> None:
        event = Event(len(self.events) + 1, 1_000.0 + self.now, self.now, body)
        self.events.append(event)
        fold.apply(self.state, event)
        self.scheduler.handle(event)

    def step(self) -> None:
        while decisions := self.scheduler.decide(self.now):
            for decision in decisions:
                self.carry_out(decision)
        for name in orphans(self.state):
            self.record(NodeCancelled(name))
            self.follow(NodeCancelled(name))
        if self.state.cancelling and not self.running:
            self.record(SessionFinished("cancelled"))

    def carry_out(self, decision: object) -> None:
        match decision:
            case Start():
                self.start(decision)
            case Replan():
                self.record(ChangeDecided(f"change-{self.state.changes + 1}", accepted=False))
            case Judge(node):
                if self.holds(node):
                    self.scheduler.judged(node)
                else:
                    self.record(NodeSkipped(node, "if"))
            case Skip(node, cause):
                self.record(NodeSkipped(node, cause))
            case Expand(node):
                self.map_work.append((decision, to_expand(self.state, node)))
                if not self.slow_maps:
                    self.do_map_work()
            case FinishMap(node):
                self.map_work.append((decision, None))
                if not self.slow_maps:
                    self.do_map_work()
            case StopForBudget(kind, spent, limit, held, flying, expected):
                self.record(BudgetReached(kind, spent, limit, held, flying, expected))
            case WarnOfBudget(kind, spent, limit, of):
                self.record(BudgetWarned(kind, spent, limit, of))
            case Stuck(cause):
                self.record(Noted("warning", cause))
                self.record(SessionPaused("stuck"))
            case Finish(status, reason):
                self.record(SessionFinished(status.value, reason))

    def holds(self, node: str) -> bool:
        """Whether a node's condition holds: here each says so itself."""
        return all(condition.values == (True,) for condition in self.state.plan_nodes[node].only_if)

    def do_map_work(self) -> None:
        """Read the maps that are to be read and finish those that are to be finished, if they still are."""
        work, self.map_work = self.map_work, []
        for decision, wanted in work:
            name = decision.node
            if isinstance(decision, Expand):
                if wanted is not None and to_expand(self.state, name) == wanted:
                    self.record(MapExpanded(name, self.items if isinstance(self.items, int) else self.items[name]))
                continue
            node = may_finish(self.state, name)
            if node is None or node.items is None:
                continue
            good = node.items.count(State.SUCCEEDED)
            ok = node.items.total - good - node.items.count(State.SKIPPED) == 0 and not node.cancelled
            self.record(MapFinished(name, good, node.items.total - good, ok, Output("", 0)))

    def start(self, decision: Start) -> None:
        node, item = decision.node, decision.item
        known = self.state.nodes[node]
        ref = model_of(self.state, self.state.plan_nodes[node], known.tries_of(item))
        number = 1 + known.attempts_of(item)
        self.record(
            AttemptStarted(
                node,
                number,
                item,
                decision.pool,
                ref.name if ref else None,
                queue_s=decision.queue_s,
                throttle_s=decision.throttle_s,
            )
        )
        self.running[node, item, number] = self.now
        self.pools[node, item, number] = decision.pool
        spec = self.state.plan_nodes[node].spec
        if isinstance(spec, AskSpec):
            self.record(QuestionAsked(node, spec.question, spec.choices, item))

    def end(self, which: Running, how: str) -> None:
        """End a running attempt: ``ok``, ``fail``, ``throttle`` or, when it was asked to stop, whatever."""
        node, item, number = which
        began = self.running.pop(which)
        took = self.now - began
        if which in self.cancelling:
            hold, known = self.cancelling.pop(which), self.state.nodes[node]
            changes = self.state.plan_nodes[node].changes_world or bool(known.open_calls_of(item))
            if hold and not known.restart and changes:
                self.record(AttemptInterrupted(node, number, item, stopped=True))
            else:
                self.record(AttemptCancelled(node, number, item, hold))
        elif self.asked(node, item):
            self.record(QuestionAnswered(node, "x", item))
            self.record(AttemptSucceeded(node, number, Output("x", 1), item, took))
        elif how == "ok":
            self.record(AttemptSucceeded(node, number, Output("x", 1), item, took, self.usage))
        elif how == "throttle" and self.state.nodes[node].open_calls_of(item):
            self.record(AttemptInterrupted(node, number, item, stopped=True))
        elif how == "throttle":
            self.record(AttemptThrottled(node, number, 2.0, self.state.nodes[node].pool, item))
        else:
            known = self.state.nodes[node]
            tries = known.tries if item is None or known.items is None else known.items.tries.get(item, 1)
            error = ErrorInfo(ErrorKind.EXIT, "broke")
            wait = retry.retry_in_s(self.state.plan_nodes[node].retry, error, tries, self.random)
            if wait is not None and known.open_calls_of(item):
                self.record(AttemptInterrupted(node, number, item, stopped=True))
                self.step()
                return
            self.record(AttemptFailed(node, number, error, item, took, wait))
        self.step()

    def asked(self, node: str, item: int | None) -> bool:
        """Whether what runs is a question that waits for its answer."""
        asked = (pending for pending in self.state.pending.values() if not pending.call)
        return any((pending.node, pending.item) == (node, item) for pending in asked)

    def command(self, method: str, **params: object) -> bool:
        """Give a command as a viewer would; whether it was taken."""
        try:
            bodies = plan_events(self.state, method, params, lambda text, plan: plan)
        except Refused:
            return False
        for body in bodies:
            self.record(body)
            self.follow(body)
        self.step()
        return True

    def follow(self, body: Body) -> None:
        """Ask what runs to stop, if that follows from `body`."""
        for asked in follows(body):
            if isinstance(asked, StopAttempts):
                which = [one for one in self.running if asked.node in (None, one[0]) and asked.item in (None, one[1])]
                self.cancelling.update({one: asked.hold and self.cancelling.get(one, True) for one in which})

    def crash(self) -> None:
        """The host dies and another takes over: a scheduler anew over the same state."""
        for caught in caught_by_crash(self.state):
            self.record(caught)
        self.running = {one: since for one, since in self.running.items() if self.asked(one[0], one[1])}
        self.cancelling = {one: hold for one, hold in self.cancelling.items() if one in self.running}
        self.map_work.clear()
        self.scheduler = Scheduler(self.state, self.durations, self.gate)
        self.step()

    def decide_all(self) -> None:
        """Release what is held, and say that what a crash caught was done."""
        for name, known in self.state.nodes.items():
            self.command("node.resume", node=name)
            for item in list(known.items.where(State.INTERRUPTED)) if known.items else [None]:
                self.command("node.mark_done", node=name, item=item)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.step()

    def run_dry(self, how: str = "ok", most: int = 10_000) -> SessionState:
        """Let time pass and everything that starts end as `how`, until nothing more happens."""
        for _ in range(most):
            if self.map_work:
                self.do_map_work()
                self.step()
                continue
            if self.running:
                self.end(min(self.running, key=str), how)
                continue
            wake = self.scheduler.wake_at(self.now)
            if wake is None:
                return self.state
            self.now = max(self.now, wake)
            self.step()
        raise AssertionError("the session does not come to rest")


FINISHED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
