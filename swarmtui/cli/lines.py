"""One line per change of a state: what each event says to people who read along."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from swarmtui.cli.console import Console
from swarmtui.plan.problems import listed
from swarmtui.safety.text import one_line
from swarmtui.session import events as ev
from swarmtui.session.budgets import KINDS, limit_of
from swarmtui.session.codec import event_to_json
from swarmtui.session.events import Body, Event
from swarmtui.session.items import Items
from swarmtui.session.progress import progress, words
from swarmtui.session.state import NodeState
from swarmtui.session.vocabulary import State, place_of, why_paused

DETAIL_CHARS = 200
NODE_WIDTH = 28

Line = tuple[str, str, str]
"""What it is about, its state, and more in a few words."""


class Printer:
    """Prints events as they come. The feed folds a batch at once, so lines tell what events say, not the state."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = 10
        self._maps: dict[str, _MapProgress] = {}

    def print(self, event: Event) -> None:
        """One event: a JSON line, or a line for people if it changes a state."""
        if self._console.json:
            self._console.emit(event_to_json(event))
            return
        if isinstance(event.body, ev.PlanProposed):
            self._width = min(NODE_WIDTH, max([10, *(len(node.id) for node in event.body.plan.nodes)]))
        told = self._map_line(event.body, event.mono) or describe(event.body)
        if told is not None:
            subject, state, detail = told
            self._width = min(NODE_WIDTH, max(self._width, len(subject)))
            clock = time.strftime("%H:%M:%S", time.localtime(event.ts))
            tail = one_line(detail, DETAIL_CHARS) if detail else ""
            self._console.say(f"{clock}  {one_line(subject, 60):<{self._width}}  {state:<11}  {tail}".rstrip())

    def _map_line(self, body: Body, mono: float) -> Line | None:
        if isinstance(body, ev.MapExpanded):
            self._maps[body.node] = _MapProgress(body)
            return None
        item: int | None = getattr(body, "item", None)
        known = None if item is None else self._maps.get(getattr(body, "node", ""))
        if item is None or known is None:
            return None
        text = known.take(body, item, mono)
        return None if text is None else (known.node, "running", text)


class _MapProgress:
    """Follows the items of a map, and tells at each tenth how far it is."""

    def __init__(self, body: ev.MapExpanded) -> None:
        self._items = Items.fresh(body.total)
        for item in body.skipped:
            self._items.move(item, State.SKIPPED)
        self.node = body.node

    def take(self, body: Body, item: int, mono: float) -> str | None:
        """Count what happened to an item; the words to print if a tenth is full."""
        items, before = self._items, self._items.ended
        match body:
            case ev.AttemptStarted():
                if not items.count(State.RUNNING):
                    items.begin_anew(mono)
                items.move(item, State.RUNNING)
                return None
            case ev.AttemptSucceeded():
                items.move(item, State.SUCCEEDED)
            case ev.AttemptFailed(retry_in_s=None):
                items.move(item, State.FAILED)
            case ev.AttemptFailed() | ev.AttemptThrottled() | ev.AttemptInterrupted():
                items.move(item, State.READY)
                return None
            case ev.NodeSkipped():
                items.move(item, State.SKIPPED)
            case ev.AttemptCancelled():
                items.move(item, State.CANCELLED)
            case _:
                return None
        items.mark(mono)
        if items.ended * 10 // items.total <= before * 10 // items.total:
            return None
        told = progress(NodeState(self.node, running=items.count(State.RUNNING), items=items), mono)
        return None if told is None else words(told)


def describe(body: Body) -> Line | None:
    """What an event changed; None if it changed the state of nothing that has a line."""
    line = _LINES.get(type(body))
    return None if line is None else line(body)


def _session(state: str, detail: Callable[[Any], str] = lambda body: "") -> Callable[[Any], Line]:
    return lambda body: ("(session)", state, detail(body))


def _plan(state: str, detail: Callable[[Any], str]) -> Callable[[Any], Line]:
    return lambda body: ("(plan)", state, detail(body))


def _node(state: str, detail: Callable[[Any], str] = lambda body: "") -> Callable[[Any], Line | None]:
    """A line for nodes; items of a map, of which there may be thousands, have none."""
    return lambda body: None if getattr(body, "item", None) is not None else (body.node, state, detail(body))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _proposed(body: ev.ChangeProposed) -> str:
    again = f"runs {listed(body.again)} again" if body.again else ""
    added = _count(len(body.put), "node") if body.put or not again else ""
    return ", ".join(part for part in (added, again, body.note) if part)


def _where(body: Any) -> str:
    return place_of(body.node, body.item)


def _failed(body: ev.AttemptFailed) -> Line:
    if body.retry_in_s is not None:
        return _where(body), "retrying", f"in {body.retry_in_s:.0f} s: {body.error.message}"
    return _where(body), "failed", body.error.message


def _interrupted(body: ev.AttemptInterrupted) -> Line:
    becomes = "is repeated" if body.repeat else "is cancelled, as was asked" if body.cancelled else "waits for you"
    return _where(body), "interrupted", becomes


def _taken_over(body: ev.SessionTakenOver) -> Line:
    parts = [f"{_count(body.kept, 'result')} kept"]
    parts += (
        [f"{_count(body.repeated, 'attempt')} repeated (what calls that were cut off cost is unknown)"]
        if body.repeated
        else []
    )
    parts += [f"{body.suspects} of them few at a time, being caught again and again"] if body.suspects else []
    parts += [f"{body.held} held for you: {', '.join(body.waiting)}"] if body.held else []
    parts += [f"{body.given_up} given up"] if body.given_up else []
    parts += [f"{body.leftovers} leftover process{'' if body.leftovers == 1 else 'es'} ended"] if body.leftovers else []
    return "(session)", "taken over", f"{'after a crash: ' if body.crashed else ''}{', '.join(parts)}"


def _patched(body: ev.PlanPatched) -> str:
    parts = [", ".join(node.id for node in body.put)] if body.put else []
    parts += [f"without {', '.join(body.drop)}"] if body.drop else []
    return f"revision {body.plan_rev}: {'; '.join(parts)}"


def _limits(body: ev.LimitsSet) -> str:
    budget = body.limits.budget
    lines = [f"{limit:g} {kind}" for kind in KINDS if (limit := limit_of(budget, kind)) is not None]
    told = f"concurrency {body.limits.concurrency or 'auto'}"
    return f"{told}, budget {', '.join(lines)}" if lines else told


def _budget_reached(body: ev.BudgetReached) -> Line:
    told = f"the budget of {body.limit:g} {body.kind} is spent: {body.spent:g}"
    if body.in_flight:
        more = f", about {body.expected:.3g} more" if body.expected else ""
        told += f", and {_count(body.in_flight, 'call')} in flight{more}"
    return body.node or "(session)", "held" if body.node else "paused", told


def _noted(body: ev.Noted) -> Line | None:
    return None if body.level == "info" else (body.node or "(session)", body.level, body.message)


def _map_finished(body: ev.MapFinished) -> Line:
    return body.node, "succeeded" if body.ok else "failed", f"{_count(body.succeeded, 'item')}, {body.failed} failed"


_SKIPPED = {"user": "by the user", "if": "its condition does not hold"}
_LINES: dict[type[Body], Callable[[Any], Line | None]] = {
    ev.SessionCreated: _session("created", lambda body: f"{body.id}  {body.title}"),
    ev.SessionForked: _session("forked", lambda body: f"from {body.parent} after its event {body.parent_seq}"),
    ev.SessionTakenOver: _taken_over,
    ev.SessionPaused: _session("paused", lambda body: why_paused(body.reason)),
    ev.SessionResumed: _session("running", lambda body: "resumed"),
    ev.SessionCancelRequested: _session("cancelling"),
    ev.SessionFinished: lambda body: ("(session)", body.status, body.reason),
    ev.BudgetReached: _budget_reached,
    ev.BudgetWarned: lambda body: (
        body.node or "(session)",
        "warning",
        f"{body.spent:g} of the budget of {body.limit:g} {body.kind} are used",
    ),
    ev.LimitsSet: _session("limits", _limits),
    ev.PlanningStarted: _plan(
        "planning", lambda body: f"revision {body.plan_rev} by {body.model}{' (simulated)' if body.simulated else ''}"
    ),
    ev.PlanningFailed: _plan("failed", lambda body: body.error.message),
    ev.PlanProposed: _plan(
        "proposed", lambda body: f"revision {body.plan_rev}: {_count(len(body.plan.nodes), 'node')}"
    ),
    ev.PlanApproved: _plan("approved", lambda body: f"revision {body.plan_rev}"),
    ev.PlanRejected: _plan("rejected", lambda body: body.feedback),
    ev.AttemptStarted: _node(
        "running", lambda body: body.model or ("" if body.attempt == 1 else f"try {body.attempt}")
    ),
    ev.AttemptSucceeded: _node(
        "succeeded", lambda body: f"{body.took_s:.1f} s" if body.reused_from is None else f"reused {body.reused_from}"
    ),
    ev.AttemptFailed: _failed,
    ev.AttemptThrottled: _node("throttled", lambda body: f"again in {body.retry_in_s:.0f} s"),
    ev.AttemptCancelled: lambda body: (_where(body), "held" if body.hold else "cancelled", ""),
    ev.AttemptInterrupted: _interrupted,
    ev.MapExpanded: _node("running", lambda body: _count(body.total, "item")),
    ev.MapFinished: _map_finished,
    ev.NodeSkipped: _node("skipped", lambda body: _SKIPPED.get(body.cause, f"because of {body.cause}")),
    ev.NodeHeld: _node("held"),
    ev.NodeReleased: _node("released"),
    ev.NodeRetried: lambda body: (
        _where(body),
        "retried",
        "failed items" if body.failed_items else f"{len(body.items)} items" if body.items else "",
    ),
    ev.NodePrioritised: _node("priority", lambda body: str(body.priority)),
    ev.PlanPatched: _plan("patched", _patched),
    ev.Undone: _session("undone", lambda body: body.what),
    ev.NodeCancelled: _node("cancelled"),
    ev.ToolCalled: _node("calls", lambda body: f"{body.tool} {body.arguments}"),
    ev.TaskAssigned: _node("assigns", lambda body: ", ".join(body.children)),
    ev.ChangeProposed: lambda body: (body.node or "(plan)", "proposes", _proposed(body)),
    ev.ChangeDecided: lambda body: (
        body.node or "(plan)",
        "accepted" if body.accepted else "rejected",
        body.feedback or body.id,
    ),
    ev.QuestionAsked: lambda body: (
        _where(body),
        "asks",
        f"leave: {body.question}" if body.kind == "permission" else body.question,
    ),
    ev.QuestionAnswered: lambda body: (_where(body), "answered", body.answer),
    ev.ReportWritten: _node("report", lambda body: Path(body.copied_to or body.path).name),
    ev.Noted: _noted,
}
