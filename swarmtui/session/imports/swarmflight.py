"""SwarmFlight's traces (JSON lines of what its scheduler did) and checkpoints (JSON of where it stood) as sessions.

A trace tells when, and as a rule neither what a task was nor what it needed; a checkpoint tells what, and of the past
only what is left of it. Times are what the file says; where it says none, an attempt takes what lies between the task's
start and end in equal parts.
"""

from __future__ import annotations

import math
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path

from swarmtui.frozen import mutable
from swarmtui.plan.model import JSON
from swarmtui.session.imports.foreign import Recording, check_size, text_of_value
from swarmtui.session.imports.lines import BadInput, Passed, Problems, loads, numbered, text_of

ENDS = frozenset({"completed", "failed", "skipped", "cancelled", "stale"})
MOST_TASKS = 100_000
TRACE_KINDS = frozenset(
    {
        "worker_registered",
        "task_submitted",
        "policy_action",
        "task_scheduled",
        "tick_completed",
        "tick_stalled",
        "task_attempt",
        "task_retry_backoff",
        "task_retrying",
        "task_stale",
        "task_terminal",
        "task_skipped",
        "checkpoint_saved",
        "checkpoint_loaded",
        "hook_error",
    }
)

NO_COUNTERPART = frozenset(
    {"worker_registered", "policy_action", "tick_completed", "task_retry_backoff", "task_retrying"}
)
"""Kinds of which a session has nothing like, or that follow from what comes after them."""
_CHECKPOINT_READ = frozenset({"run_id", "created_at", "tasks", "results", "attempt_history"})
_TASK_READ = frozenset(
    {"task_id", "description", "dependencies", "profile", "max_retries", "attempts", "status"}
    | {"queued_at", "started_at", "ended_at"}
)


@mutable
class Try:
    """One attempt at a task."""

    began: float
    ended: float | None = None
    ok: bool = False
    output: str = ""
    error: str = ""
    worker: str = ""


@mutable
class TaskPast:
    """What a file tells of one task; times are seconds since the file's beginning."""

    id: str
    description: str = ""
    needs: tuple[str, ...] = ()
    profile: str = ""
    retries: int = 0
    tries: list[Try] = field(default_factory=list)
    end: str | None = None
    """One of :data:`ENDS`."""
    ended: float = 0.0
    why: str = ""
    output: str = ""

    @property
    def open(self) -> Try | None:
        """The attempt that is under way."""
        return self.tries[-1] if self.tries and self.tries[-1].ended is None else None


def is_trace(line: bytes) -> bool:
    """Whether a file with this first line is a trace."""
    try:
        value = loads(text_of(line))
    except ValueError:
        return False
    return isinstance(value, dict) and "timestamp" in value and isinstance(value.get("kind"), str)


def is_checkpoint(head: bytes) -> bool:
    """Whether a file that begins with `head` looks like a checkpoint; one that is none is told so when it is read."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"ready_queue"' in head and b'"run_id"' in head


def read_trace(path: Path, *, source: str | None = None) -> Recording:
    """The session that the trace at `path` records. Raises BadInput if there is no task in it, OSError. Blocks."""
    from swarmtui.session.imports.swarmflight_session import tell

    check_size(path)
    trace = _Trace(Problems(source or str(path)))
    with path.open("rb") as file:
        for number, line in numbered(file):
            try:
                text = text_of(line)
                if text.strip():
                    trace.take(number, loads(text))
            except ValueError as error:
                trace.problems.add(number, str(error))
    if not trace.tasks:
        raise BadInput("\n".join([*trace.problems.lines(), f"{trace.problems.file}: there is no task in it"]))
    began = path.stat().st_mtime if trace.began is None else trace.began
    recording = Recording("SwarmFlight trace", began, trace.problems, run_id=trace.run_id)
    recording.remarks += trace.remarks()
    tell(recording, list(trace.tasks.values()), trace.now, trace.notes)
    return recording


def read_checkpoint(path: Path, *, source: str | None = None) -> Recording:
    """The session of which the checkpoint at `path` was taken. Raises BadInput, OSError. Blocks."""
    from swarmtui.session.imports.swarmflight_session import tell

    check_size(path)
    problems = Problems(source or str(path))
    try:
        value = loads(text_of(path.read_bytes()))
        if not isinstance(value, dict) or not isinstance(value.get("tasks"), dict):
            raise ValueError("is no checkpoint: it has no tasks")
    except ValueError as error:
        raise BadInput(f"{problems.file}: {error}") from None
    checkpoint = _Checkpoint(value, problems, path.stat().st_mtime)
    if not checkpoint.tasks:
        raise BadInput("\n".join([*problems.lines(), f"{problems.file}: there is no task in it"]))
    recording = Recording("SwarmFlight checkpoint", checkpoint.began, problems, run_id=_word(value.get("run_id")))
    recording.remarks.append("a checkpoint has no times of single attempts: they are spread evenly over each task's")
    recording.remarks += checkpoint.remarks()
    tell(recording, checkpoint.tasks, checkpoint.now, [])
    return recording


class _Trace:
    """The lines of a trace, folded."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.tasks: dict[str, TaskPast] = {}
        self.began: float | None = None
        self.now = 0.0
        self.run_id = ""
        self.notes: list[tuple[float, str, str]] = []
        """(when, level, what) of what concerns no task."""
        self._unknown, self._passed = Passed(), Passed()
        self._counted_needs = 0

    def take(self, number: int, value: JSON) -> None:
        """One line. Raises ValueError with what is wrong with it."""
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            raise ValueError("is no event of a trace: it has no kind")
        data = value.get("data")
        data = data if isinstance(data, dict) else {}
        self.run_id = self.run_id or _word(value.get("run_id"))
        self._tick(number, value.get("timestamp"))
        kind, task_id = value["kind"], value.get("task_id")
        if kind in NO_COUNTERPART:
            self._passed.add(kind)
        if kind not in TRACE_KINDS:
            self._unknown.add(kind)
        elif isinstance(task_id, str) and task_id:
            self._take_task(kind, self._task(task_id), data)
        elif kind == "tick_stalled":
            self.notes.append((self.now, "warning", f"nothing could start: {_word(data.get('reason')) or 'no reason'}"))
        elif kind.startswith("checkpoint") or kind == "hook_error":
            level = "warning" if kind == "hook_error" else "info"
            self.notes.append((self.now, level, f"{kind.replace('_', ' ')} {text_of_value(data)[:200]}".strip()))
        elif kind.startswith("task_"):
            raise ValueError(f"{kind} names no task")

    def remarks(self) -> list[str]:
        """What the user should know of it."""
        told = []
        if self._counted_needs:
            told.append(f"the trace does not say what {self._counted_needs} of its tasks needed: the graph lacks that")
        if self._passed:
            told.append(f"with nothing like it in a session, and passed over: {self._passed}")
        if self._unknown:
            told.append(f"of no known kind, and passed over: {self._unknown}")
        return told

    def _tick(self, number: int, stamp: JSON) -> None:
        """The clock of the recording, which never goes back."""
        at = _seconds(stamp)
        if at is None:
            self.problems.add(number, "has no time; that of the line before it is taken")
            return
        self.began = at if self.began is None else self.began
        self.now = max(self.now, at - self.began)

    def _task(self, task_id: str) -> TaskPast:
        known = self.tasks.get(task_id)
        if known is None:
            if len(self.tasks) >= MOST_TASKS:
                raise ValueError(f"is of one task too many: at most {MOST_TASKS:,} can be imported")
            known = self.tasks[task_id] = TaskPast(task_id)
        return known

    def _take_task(self, kind: str, task: TaskPast, data: dict[str, JSON]) -> None:
        if task.end is not None and kind != "task_skipped":
            raise ValueError(f"{kind} of task {task.id[:60]!r}, which had ended")
        match kind:
            case "task_submitted":
                self._submit(task, data)
            case "task_scheduled":
                if task.open is None:
                    task.tries.append(Try(self.now, worker=_word(data.get("worker_id"))))
            case "task_attempt":
                self._end_try(task, data)
            case "task_terminal":
                self._end_task(task, data)
            case "task_stale":
                task.why = _word(data.get("reason")) or "it waited longer than it may"
            case "task_skipped" if task.end is None:
                task.end, task.ended, task.why = "skipped", self.now, _word(data.get("reason"))

    def _submit(self, task: TaskPast, data: dict[str, JSON]) -> None:
        needs = data.get("dependencies")
        if isinstance(needs, list):
            task.needs = tuple(need for need in needs if isinstance(need, str))
        elif _whole(data.get("dependency_count")):
            self._counted_needs += 1
        task.description = _word(data.get("description"))
        task.profile = _word(data.get("profile"))
        task.retries = _whole(data.get("max_retries"))

    def _end_try(self, task: TaskPast, data: dict[str, JSON]) -> None:
        if task.open is None:  # nobody said when it began: after whatever was last heard of it
            last = task.tries[-1].ended if task.tries else None
            task.tries.append(Try(self.now if last is None else last))
        done = task.tries[-1]
        done.ended, done.ok = self.now, data.get("ok") is True
        done.worker = _word(data.get("worker_id")) or done.worker
        done.output, done.error = text_of_value(data.get("output")), _word(data.get("error"))

    def _end_task(self, task: TaskPast, data: dict[str, JSON]) -> None:
        status = _word(data.get("status")).lower()
        if status not in ENDS:
            raise ValueError(f"{status[:40]!r} is no end of a task")
        task.end, task.ended = status, self.now
        task.why = _word(data.get("error")) or task.why
        task.output = text_of_value(data.get("output"))


class _Checkpoint:
    """A checkpoint, read with nothing taken for granted."""

    def __init__(self, value: dict[str, JSON], problems: Problems, written: float) -> None:
        self._value, self._problems = value, problems
        self.tasks: list[TaskPast] = []
        found = [(str(name), one) for name, one in value["tasks"].items()]
        if len(found) > MOST_TASKS:
            raise BadInput(f"{problems.file}: has {len(found):,} tasks; at most {MOST_TASKS:,} can be imported")
        stamps = [
            at
            for _, one in found
            if isinstance(one, dict)
            for name in ("queued_at", "started_at", "ended_at")
            if (at := _seconds(one.get(name))) is not None
        ]
        created = _seconds(value.get("created_at"))
        last = max([*stamps, written if created is None else created])
        self.began = min(stamps, default=last)
        self.now = last - self.began
        for name, one in found:
            if isinstance(one, dict):
                self.tasks.append(self._task(name, one))
            else:
                problems.add(1, f"task {name[:60]!r} is no object")

    def remarks(self) -> list[str]:
        """What is in it and not in the session."""
        passed = Passed()
        for name in self._value.keys() - _CHECKPOINT_READ:
            passed.add(name)
        for one in self._value["tasks"].values():
            for name in one.keys() - _TASK_READ if isinstance(one, dict) else ():
                passed.add(f"a task's {name}")
        return [f"with nothing like it in a session, and passed over: {passed}"] if passed else []

    def _task(self, name: str, told: dict[str, JSON]) -> TaskPast:
        needs = told.get("dependencies")
        task = TaskPast(
            name,
            _word(told.get("description")),
            tuple(need for need in needs if isinstance(need, str)) if isinstance(needs, list) else (),
            _word(told.get("profile")),
            _whole(told.get("max_retries")),
        )
        status = _word(told.get("status")).lower()
        if status not in (*ENDS, "pending", "running"):
            self._problems.add(1, f"task {name[:60]!r} has the unknown status {status[:40]!r}: taken for pending")
        began = self._at(told.get("started_at"), self._at(told.get("queued_at"), 0.0))
        ended = max(began, self._at(told.get("ended_at"), self.now))
        self._take_tries(task, told, began, ended, running=status == "running")
        if status in ENDS:
            result = self._result(name)
            task.end, task.ended, task.why = status, ended, _word(result.get("error"))
            task.output = text_of_value(result.get("output"))
        return task

    def _take_tries(self, task: TaskPast, told: dict[str, JSON], began: float, ended: float, *, running: bool) -> None:
        history = self._value.get("attempt_history")
        known = history.get(task.id) if isinstance(history, dict) else None
        past = [one for one in known if isinstance(one, dict)][:1_000] if isinstance(known, list) else []
        count = max(len(past), min(_whole(told.get("attempts")), 1_000))
        for number in range(count):
            span = (ended - began) / count
            last = number == count - 1
            one = Try(began + number * span)
            if not (running and last):
                done = past[number] if number < len(past) else {}
                one.ended = ended if last else began + (number + 1) * span
                one.ok = done.get("ok") is True
                one.output, one.error = text_of_value(done.get("output")), _word(done.get("error"))
            task.tries.append(one)

    def _result(self, name: str) -> dict[str, JSON]:
        results = self._value.get("results")
        found = results.get(name) if isinstance(results, dict) else None
        return found if isinstance(found, dict) else {}

    def _at(self, stamp: JSON, otherwise: float) -> float:
        at = _seconds(stamp)
        return otherwise if at is None else at - self.began


def _seconds(stamp: JSON) -> float | None:
    """Epoch seconds of a time as the file has it: ISO 8601, or a number."""
    if isinstance(stamp, int | float) and not isinstance(stamp, bool):
        return float(stamp) if math.isfinite(stamp) and 0 <= stamp < 2**40 else None
    if not isinstance(stamp, str):
        return None
    try:
        found = datetime.fromisoformat(stamp)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _word(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: JSON) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0
