"""The past of SwarmFlight's tasks, told as events of a session."""

from __future__ import annotations

import re

from swarmtui.plan import graph
from swarmtui.plan.lookup import literal
from swarmtui.plan.model import Node, Plan, PromptSpec, Retry, plan_hash
from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    NodeCancelled,
    NodeSkipped,
    Noted,
    PlanApproved,
    PlanProposed,
    SessionCreated,
    SessionFinished,
)
from swarmtui.session.imports.foreign import Recording, names, titled
from swarmtui.session.imports.lines import BadInput
from swarmtui.session.imports.swarmflight import TaskPast, Try
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind

_BLAMED = re.compile(r"dependency failed: (.+)", re.DOTALL)


def tell(recording: Recording, tasks: list[TaskPast], now: float, notes: list[tuple[float, str, str]]) -> None:
    """Write the events of `tasks` up to second `now`. Raises BadInput if they need each other in a circle."""
    ids = names(task.id for task in tasks)
    nodes = tuple(_node(task, ids, recording) for task in tasks)
    try:
        graph.topological_order(graph.needs_of(nodes))
    except graph.CycleError as error:
        raise BadInput(f"{recording.problems.file}: its tasks need each other in a circle: {error}") from None
    title = f"SwarmFlight run {recording.run_id}".strip()[:120]
    plan = Plan(literal(title), nodes, title)
    recording.add(0.0, SessionCreated(recording.run_id or "swarmflight", title, title, "", "SwarmFlight"))
    recording.add(0.0, PlanProposed(1, plan, "as SwarmFlight recorded it"))
    recording.add(0.0, PlanApproved(1, plan_hash(plan)))
    for at, level, what in notes:
        recording.add(at, Noted(level, what))
    for task in tasks:
        _Telling(recording, task, ids).tell()
    if any(task.open is not None or task.end is None for task in tasks):
        recording.not_ended(now)
    else:
        bad = sum(task.end != "completed" for task in tasks)
        recording.add(now, SessionFinished("failed" if bad else "succeeded", f"{bad} tasks did not" if bad else ""))


def _node(task: TaskPast, ids: dict[str, str], recording: Recording) -> Node:
    unknown = [need for need in task.needs if need not in ids]
    if unknown:
        recording.remarks.append(f"task {task.id[:60]!r} needs {unknown[0][:60]!r}, of which there is nothing")
    needs = tuple(dict.fromkeys(ids[need] for need in task.needs if need in ids))
    asked = literal(task.description or task.id)
    pool = task.profile if task.profile not in ("", "default") else None
    node = Node(ids[task.id], PromptSpec(asked), needs, retry=Retry(limit=task.retries), pool=pool)
    title = task.description[:120] or titled(node, task.id)
    return Node(node.id, node.spec, node.needs, title, retry=node.retry, pool=node.pool)


class _Telling:
    """Writes the events of one task."""

    def __init__(self, recording: Recording, task: TaskPast, ids: dict[str, str]) -> None:
        self._recording, self._task, self._ids = recording, task, ids
        self._node = ids[task.id]

    def tell(self) -> None:
        task, tries = self._task, list(self._task.tries)
        if task.end in ("completed", "failed") and not self._is_told(tries):
            began = tries[-1].ended if tries and tries[-1].ended is not None else task.ended
            if tries and tries[-1].ended is None:
                began = tries.pop().began
            tries.append(Try(began, task.ended, ok=task.end == "completed"))
        for one in tries[:-1]:
            if one.ok:
                one.ok, one.error = False, one.error or "it had succeeded, and was run again"
        for number, one in enumerate(tries, 1):
            self._tell_try(number, one, tries[number] if number < len(tries) else None)
        self._tell_end(tries)

    def _is_told(self, tries: list[Try]) -> bool:
        """Whether the last attempt is the task's end."""
        return bool(tries) and tries[-1].ended is not None and tries[-1].ok is (self._task.end == "completed")

    def _tell_try(self, number: int, one: Try, after: Try | None) -> None:
        add, task = self._recording.add, self._task
        add(one.began, AttemptStarted(self._node, number, pool=task.profile or "default"))
        if one.ended is None:
            if task.end is None:  # SwarmFlight itself puts such a task back into its queue
                add(one.began, AttemptCancelled(self._node, number, hold=True))
            else:
                add(max(one.began, task.ended), AttemptCancelled(self._node, number))
            return
        took = one.ended - one.began
        last = after is None
        if one.ok:
            text = one.output or (task.output if last else "")
            add(one.ended, AttemptSucceeded(self._node, number, self._recording.output(text), took_s=took))
            return
        error = one.error or (task.why if last else "") or "it failed; the file does not say why"
        again = None
        if after is not None:
            again = max(0.0, after.began - one.ended)
        elif task.end is None:
            again = 0.0
        told = ErrorInfo(ErrorKind.TIMEOUT if task.end == "stale" else ErrorKind.INTERNAL, error)
        output = self._recording.output(one.output) if one.output else None
        add(one.ended, AttemptFailed(self._node, number, told, took_s=took, retry_in_s=again, output=output))

    def _tell_end(self, tries: list[Try]) -> None:
        task, add = self._task, self._recording.add
        if tries and task.end is not None and (tries[-1].ended is None or task.end in ("completed", "failed")):
            return
        match task.end:
            case "skipped" | "stale":
                blamed = _BLAMED.match(task.why)
                cause = self._ids.get(blamed[1].strip(), "") if blamed else ""
                why = cause or task.why or ("its time" if task.end == "stale" else "what it needs")
                if not tries:
                    add(task.ended, NodeSkipped(self._node, why))
            case "cancelled" if not tries:
                add(task.ended, NodeCancelled(self._node))
