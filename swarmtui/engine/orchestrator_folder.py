"""Writes a session back to the ``.orchestrator`` folder it came from: results, status, errors, and the final output.

What is written is rendered from the session's state and its events alone; the texts of models in it are cleaned of
what a terminal would obey. Nothing is ever written outside of the folder, whatever links lie in it, and nothing but
``status.md``, ``error_log.md``, ``final_output.md``, ``results/*-result.md``, and in ``agent_tasks/*.md`` the line with
the task's status.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from swarmtui.frozen import frozen
from swarmtui.plan.importers.finished import RESULTS, earlier_key, keys_of, mark, reads_file
from swarmtui.plan.importers.orchestrator import MAX_BYTES, TASKS, files_of
from swarmtui.plan.importers.task_status import with_status
from swarmtui.plan.model import MergeSpec, Node
from swarmtui.safety.paths import PathRefused, inside, write_atomic
from swarmtui.safety.text import clean, one_line
from swarmtui.session.events import AttemptFailed, AttemptInterrupted, AttemptThrottled, Event, NodeSkipped
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import BY_CONDITION, State

logger = logging.getLogger(__name__)

STATUS, ERRORS, FINAL_OUTPUT = "status.md", "error_log.md", "final_output.md"
ERRORS_KEPT = 1_000
_ROW = re.compile(r"\| (\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)( \| .*){5} \|")
SIMULATED = "> SIMULATED: the built-in stand-in made this up; nothing in here is a result."

STATUSES: dict[State, str] = {
    State.WAITING: "Waiting",
    State.READY: "Pending",
    State.RUNNING: "Running",
    State.RETRYING: "Retrying",
    State.THROTTLED: "Retrying",
    State.HELD: "Waiting",
    State.INTERRUPTED: "Waiting",
    State.SUCCEEDED: "Completed",
    State.STALE: "Completed",
    State.FAILED: "Failed",
    State.SKIPPED: "Failed",
    State.CANCELLED: "Failed",
}
"""State of a node -> what the status table calls it; the table's last column says what that leaves open."""

_DETAILS: dict[State, str] = {
    State.HELD: "paused by the user",
    State.INTERRUPTED: "a crash caught it: retry or skip it",
    State.CANCELLED: "cancelled",
    State.STALE: "an input of it changed since",
    State.SUCCEEDED: "-",
}


@frozen
class ErrorEntry:
    """One line of the error log."""

    ts: float
    node: str
    kind: str
    description: str
    recovery: str


def error_entry(event: Event) -> ErrorEntry | None:
    """The line that `event` adds to the error log; None if nothing went wrong."""
    match event.body:
        case AttemptFailed(node=node, attempt=attempt, error=error, item=item, retry_in_s=wait_s):
            where = "" if item is None else f"item {item}: "
            recovery = "none: retry it by hand" if wait_s is None else f"attempt {attempt + 1} after {wait_s:.0f} s"
            return ErrorEntry(event.ts, node, error.kind.value, f"{where}{error.message}", recovery)
        case AttemptThrottled(node=node, retry_in_s=wait_s, message=message):
            return ErrorEntry(event.ts, node, "throttled", message, f"put back for {wait_s:.0f} s; no try is lost")
        case AttemptInterrupted(node=node, repeat=repeat):
            recovery = "repeated at once" if repeat else "waits for you: retry or skip it"
            return ErrorEntry(event.ts, node, "lost", "the program died while it ran", recovery)
        case NodeSkipped(node=node, cause=cause):
            return ErrorEntry(
                event.ts,
                node,
                "skipped",
                _skipped(cause),
                "none" if cause in ("user", BY_CONDITION) else f"retry {cause}",
            )
        case _:
            return None


def tasks_of(state: SessionState) -> list[Node]:
    """The nodes that are tasks of agents: not what reads their files, nor what joins their results."""
    return [node for node in state.plan_nodes.values() if not isinstance(node.spec, MergeSpec) and not reads_file(node)]


def status_table(state: SessionState) -> str:
    """``status.md``."""
    label = [SIMULATED, ""] if state.simulated else []
    reason = f": {_cell(state.reason)}" if state.reason else ""
    lines = [
        f"# Status: {one_line(state.title or state.goal)}",
        "",
        *label,
        f"Session {state.id}: {state.status.value}{reason}",
        "",
        "| agent | task | status | attempts | started | ended | needs | detail |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for node in tasks_of(state):
        known = state.nodes[node.id]
        cells = (
            node.id,
            _cell(node.title or node.id),
            STATUSES[known.state],
            str(known.attempts),
            _time(known.started_ts),
            _time(known.ended_ts),
            ", ".join(need for need in node.needs if not reads_file(state.plan_nodes[need])) or "-",
            _detail(known) if earlier_key(node) is None else "taken over from an earlier session",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def error_log(state: SessionState, entries: Iterable[ErrorEntry], earlier: Iterable[str] = ()) -> str:
    """``error_log.md``. `earlier` are rows of it from sessions before."""
    lines = ["# Error log", "", "| time | agent | task | type | description | recovery |", "|---|---|---|---|---|---|"]
    lines += earlier
    for entry in entries:
        node, known = state.plan_nodes.get(entry.node), state.nodes.get(entry.node)
        title = _cell(node.title or node.id) if node else "-"
        recovered = known is not None and known.state in (State.SUCCEEDED, State.STALE)
        recovery = f"{entry.recovery}; it succeeded" if recovered else entry.recovery
        cells = (_time(entry.ts), entry.node, title, entry.kind, _cell(entry.description), _cell(recovery))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def result_file(state: SessionState, node: Node, output: str, key: str | None = None) -> str:
    """``results/<agent>-result.md`` of a task that has ended; of one without a result it says why.

    With `key` a later session can tell whether the task is still the same.
    """
    known = state.nodes[node.id]
    good = known.state in (State.SUCCEEDED, State.STALE)
    why = [] if good else [f"No result: {_detail(known)}", ""]
    label = [SIMULATED, ""] if known.spent.simulated else []
    took = "" if known.started_ts is None or known.ended_ts is None else f", {known.ended_ts - known.started_ts:.0f} s"
    return "\n".join(
        [
            f"# {one_line(node.title or node.id)}",
            "",
            *label,
            f"Agent {node.id}: {STATUSES[known.state]}, attempt {known.attempts}{took}",
            "",
            *([mark(key), ""] if key is not None and known.state is State.SUCCEEDED and not label else []),
            *why,
            clean(output).strip(),
            "",
        ]
    )


class OrchestratorFolder:
    """Keeps one folder in step with its session. Call it with the state; what has not changed is not written again.

    That something cannot be written is told in the host's log, once, and never harms the session.
    """

    def __init__(self, folder: Path, session_folder: Path) -> None:
        """`folder` is the ``.orchestrator`` folder, `session_folder` where outputs of the session are kept."""
        self._folder = folder
        self._session_folder = session_folder
        self._errors: deque[ErrorEntry] = deque(maxlen=ERRORS_KEPT)
        self._earlier: list[str] | None = None
        """Rows that sessions before this one left in the error log."""
        self._written: dict[str, bytes] = {}
        self._keys: dict[str, str] = {}
        self._keys_of = -1
        """The revision of the plan that the keys are of."""
        self._keyed = False
        """Whether they are of this moment."""
        self._files: dict[str, str] | None = None
        """Node -> the file of its task."""
        self._statuses: dict[str, str] = {}
        """Node -> what its file says of it."""
        self._told: set[str] = set()

    def note(self, event: Event) -> None:
        """Take note of a recorded event, for the error log."""
        entry = error_entry(event)
        if entry is not None:
            self._errors.append(entry)

    def __call__(self, state: SessionState) -> None:
        """Write what `state` tells. Blocks for as long as the disk does."""
        if not state.plan_nodes:
            return
        if not self._folder.is_dir():
            self._tell("the folder is gone: nothing is written back")
            return
        self._keyed = False
        if self._keys_of != state.plan_rev:
            self._keys, self._keys_of = {}, state.plan_rev
        for node in tasks_of(state):
            known = state.nodes[node.id]
            taken_over = earlier_key(node) is not None
            if known.ended or not taken_over:
                self._set_status(node.id, STATUSES[known.state])
            if known.ended and not (taken_over and known.state is State.SUCCEEDED):
                text = result_file(state, node, self._output(known), self._key(state, node))
                self._write(f"{RESULTS}/{node.id}-result.md", text)
        if state.report_path is not None:
            self._write(FINAL_OUTPUT, clean(self._read(state.report_path)))
        if self._earlier is None:
            self._earlier = self._earlier_errors(_time(state.created_ts))
        self._write(ERRORS, error_log(state, self._with_latest(state), self._earlier))
        self._write(STATUS, status_table(state))

    def _with_latest(self, state: SessionState) -> list[ErrorEntry]:
        """The errors noted, and those that the state tells of events that have not been noted yet."""
        noted = {(entry.node, entry.description) for entry in self._errors}
        latest = [
            ErrorEntry(known.ended_ts or state.ts, known.id, known.error.kind.value, known.error.message, "none")
            for known in state.nodes.values()
            if known.state is State.FAILED and known.error is not None and (known.id, known.error.message) not in noted
        ]
        return [*self._errors, *latest]

    def _key(self, state: SessionState, node: Node) -> str | None:
        """The task's key, by the files as they were read; None where one of them was not."""

        def content(reader: Node) -> str | None:
            known = state.nodes[reader.id]
            return self._output(known) if known.state is State.SUCCEEDED else None

        if node.id not in self._keys and not self._keyed:
            self._keys, self._keyed = keys_of(state.plan_nodes.values(), content), True
        return self._keys.get(node.id)

    def _output(self, node: NodeState) -> str:
        output = node.output
        if output is None or output.whole or output.path is None:
            return "" if output is None else output.text
        return self._read(output.path)

    def _read(self, path: str) -> str:
        try:
            return (self._session_folder / path).read_text("utf-8", "replace")
        except OSError as error:
            self._tell(f"{path}: cannot be read: {error.strerror}")
            return ""

    def _earlier_errors(self, began: str) -> list[str]:
        """The latest rows of the error log with a time before `began`."""
        try:
            with inside(self._folder, ERRORS).open(encoding="utf-8", errors="replace") as file:
                lines = clean(file.read(MAX_BYTES)).splitlines()
        except (OSError, PathRefused):
            return []
        return [line for line in lines if (found := _ROW.fullmatch(line)) and found[1] < began][-ERRORS_KEPT:]

    def _set_status(self, node: str, status: str) -> None:
        """Have the task's own file tell its status; the rest of it is left as its author last wrote it."""
        if self._statuses.get(node) == status:
            return
        self._statuses[node] = status
        if self._files is None:
            self._files = files_of(self._folder)
        name = self._files.get(node)
        if name is None:
            return
        try:
            path = inside(self._folder, f"{TASKS}/{name}")
            data = path.read_bytes()
            text = data.decode("utf-8")
            mark = text[:1] if text.startswith("\ufeff") else ""
            written = (mark + with_status(text.removeprefix(mark), status)).encode("utf-8")
            if written != data and len(written) <= MAX_BYTES:
                self._put(path, written)
        except (OSError, PathRefused, UnicodeDecodeError) as error:
            self._tell(f"{TASKS}/{name}: its status cannot be written back: {error}")

    def _write(self, name: str, text: str) -> None:
        digest = blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
        if self._written.get(name) == digest:
            return
        try:
            path = inside(self._folder, name)
            if not path.parent.is_dir():
                path.parent.mkdir()
                path.parent.chmod(self._folder.stat().st_mode & 0o777)
            self._put(path, text)
        except (OSError, PathRefused) as error:
            self._tell(f"{name}: cannot be written back: {error}")
        else:
            self._written[name] = digest

    def _put(self, path: Path, content: str | bytes) -> None:
        """Write a file that is as open to others as it was, or a new one as the folder is; the host's own are not."""
        like = path if path.exists() else self._folder
        mode = like.stat().st_mode & 0o666
        write_atomic(path, content)
        path.chmod(mode)

    def _tell(self, trouble: str) -> None:
        if trouble not in self._told:
            self._told.add(trouble)
            logger.warning("%s: %s", self._folder, trouble)


def _detail(node: NodeState) -> str:
    if node.state is State.SKIPPED:
        return _skipped(node.cause)
    if node.state in _DETAILS:
        return _DETAILS[node.state]
    return _cell(node.error.message) if node.error else "-"


def _skipped(cause: str | None) -> str:
    if cause == BY_CONDITION:
        return "left out: its condition does not hold, or that of what it needs"
    return "skipped by the user" if cause == "user" else f"skipped, since {cause} did not succeed"


def _time(ts: float | None) -> str:
    return "-" if ts is None else datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _cell(text: str) -> str:
    return one_line(text, 200).replace("|", "\\|") or "-"
