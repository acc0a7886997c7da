"""Forks: a new session that begins with what another one had recorded up to some event, and goes its own way.

The parent is only read, be it running, waiting, crashed or finished. The fork is whole before anything of it runs.
"""

from __future__ import annotations

import os
import pwd
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from functools import partial
from pathlib import Path

import swarmtui
from swarmtui.engine.commands import INVALID_PARAMS, Refused
from swarmtui.engine.forks import Begun, Edit, begin
from swarmtui.frozen import frozen
from swarmtui.host.assembly import parse_edited, resolve_named
from swarmtui.host.spec import LaunchSpec
from swarmtui.plan.model import JSON
from swarmtui.plan.problems import listed
from swarmtui.safety.text import one_line
from swarmtui.session import fold
from swarmtui.session.build import FileBuilder
from swarmtui.session.events import (
    Body,
    Event,
    HostStarted,
    Noted,
    PlanProposed,
    ReportWritten,
    SessionForked,
)
from swarmtui.session.folder import SessionFolder
from swarmtui.session.fork import TakenFiles, take_files
from swarmtui.session.imports import IMPORTED
from swarmtui.session.placing import Placing, placed
from swarmtui.session.reader import Reader
from swarmtui.session.rows import Row
from swarmtui.session.state import SessionState

FILES_TOLD = 5


@frozen
class ForkSpec:
    """What is wanted of a fork."""

    at: int
    """The last event that it has in common with its parent."""
    edits: tuple[Edit, ...] = ()
    retry_failed: bool = False
    name: str | None = None
    """ID of the new session; made up unless given."""
    actor: str | None = None
    """Who asked for it, as viewers are called."""
    unattended: bool = False
    """As :attr:`LaunchSpec.unattended`."""
    viewer: bool = True
    """As :attr:`LaunchSpec.viewer`."""
    source: str = "plan"
    """How messages call the text of an edit: the file that it came from."""


@frozen
class Forked:
    """A fork that was made, or would be."""

    folder: SessionFolder
    state: SessionState
    parent: str
    at: int
    begun: Begun
    files: TakenFiles = field(default_factory=TakenFiles)
    foreign: bool = False
    """Its past was recorded elsewhere and imported: no host is started over it before the user has looked at it."""

    def to_json(self) -> dict[str, JSON]:
        """For scripts and the wire."""
        return {
            "id": self.state.id,
            "seq": self.state.seq,
            "parent": {"id": self.parent, "seq": self.at},
            "status": self.state.status.value,
            "plan_rev": self.state.plan_rev,
            "kept": list(self.begun.kept),
            "again": list(self.begun.again),
            "repeated": list(self.begun.repeated),
            "held": list(self.begun.held),
            "files_restored": list(self.files.restored),
            "files_lost": list(self.files.lost),
            "foreign": self.foreign,
        }


def fork(parent: SessionFolder, spec: ForkSpec, environ: Mapping[str, str] = os.environ) -> Forked:
    """Make a session that begins with events 1 to `spec.at` of `parent`, and is changed as the edits say. Blocks.

    No host is started: it is paused, or waits for approval as its parent did. Raises Refused (an edit cannot be made,
    there is no such event), NameRefused, PathRefused, LogError, OSError; nothing is left then.
    """
    with Reader(parent.db) as reader:
        last = _row_at(reader, spec.at)
        with placed(parent.path.parent, spec.name) as new:
            forked = _made(parent, reader, last, new, spec, environ)
            _launch_spec(parent, spec, forked.state).write(new.folder)
    return forked


def forecast_of(parent: SessionFolder, spec: ForkSpec, environ: Mapping[str, str] = os.environ) -> Forked:
    """What :func:`fork` would make, without making it: no file is looked at or written."""
    with Reader(parent.db) as reader:
        last, foreign = _row_at(reader, spec.at), _is_foreign(reader)
        state = reader.state(spec.at)

    def record(body: Body) -> None:
        fold.apply(state, Event(state.seq + 1, max(time.time(), state.ts), state.mono, body, spec.actor))

    id = spec.name or "fork"
    begun = _begin(state, _first(parent, last, id), record, spec, environ, foreign=foreign)
    return Forked(SessionFolder(parent.path.with_name(id)), state, parent.id, spec.at, begun, foreign=foreign)


def _row_at(reader: Reader, at: int) -> Row:
    head = reader.last_seq()
    if not 1 <= at <= head:
        raise Refused(f"there is no event {at}: this session has events 1 to {head}", INVALID_PARAMS)
    given = _plan_given(reader)
    if at < given:
        raise Refused(f"the session began with its plan, which is event {given}: fork there or later", INVALID_PARAMS)
    return next(reader.rows(at, at))


def _plan_given(reader: Reader) -> int:
    """Seq of the plan that came with the task, before any host; 0 if a planner had to write it."""
    sql = "SELECT min(seq) FROM events WHERE type = ?"
    (planned,), (hosted,) = (reader.query(sql, (kind.TYPE,))[0] for kind in (PlanProposed, HostStarted))
    return int(planned) if planned and planned < (hosted or planned + 1) else 0


def _is_foreign(reader: Reader) -> bool:
    """Whether the session, or one that it was forked from, was imported."""
    forked = reader.meta("forked")
    return reader.meta(IMPORTED) is not None or (isinstance(forked, dict) and bool(forked.get("foreign")))


def _first(parent: SessionFolder, last: Row, id: str) -> SessionForked:
    return SessionForked(id, parent.id, last.seq, last.hash.hex())


def _made(
    parent: SessionFolder, reader: Reader, last: Row, new: Placing, spec: ForkSpec, environ: Mapping[str, str]
) -> Forked:
    foreign = _is_foreign(reader)
    with FileBuilder(new.folder.db, swarmtui.__version__) as builder:
        builder.copy_until(reader, spec.at)
        state, now = builder.state, time.time()
        report, reporter = state.report_path, _reporter(reader, spec.at)
        files = take_files(parent, new.folder.path, state, last.ts, reader)

        def record(body: Body) -> None:
            builder.event(body, now, builder.head.mono, spec.actor)

        begun = _begin(state, _first(parent, last, new.id), record, spec, environ, foreign=foreign)
        if files.report and report is not None:
            record(ReportWritten(report, reporter))
        for note in _notes(files):
            record(note)
        about = {"parent": parent.id, "seq": spec.at, "rests_at": builder.head.seq, "foreign": foreign}
        builder.meta("forked", about)
        builder.done()
    return Forked(new.final, state, parent.id, spec.at, begun, files, foreign)


def _begin(
    state: SessionState,
    first: SessionForked,
    record: Callable[[Body], None],
    spec: ForkSpec,
    environ: Mapping[str, str],
    *,
    foreign: bool,
) -> Begun:
    return begin(
        state,
        first,
        record,
        spec.edits,
        retry_failed=spec.retry_failed,
        foreign=foreign,
        parse=partial(parse_edited, state=state, file=spec.source),
        resolve=partial(resolve_named, environ=environ),
    )


def _reporter(reader: Reader, at: int) -> str:
    """The node that wrote the report that was there at event `at`; empty if there was none."""
    sql = "SELECT node FROM events WHERE type = ? AND seq <= ? ORDER BY seq DESC LIMIT 1"
    found = reader.query(sql, (ReportWritten.TYPE, at))
    return str(found[0][0]) if found else ""


def _notes(files: TakenFiles) -> list[Noted]:
    notes = []
    if files.restored:
        what = f"changed since in the parent; here they are as they were recorded: {_some(files.restored)}"
        notes.append(Noted("info", f"files that {what}"))
    if files.lost:
        what = f"changed since in the parent, and nothing else holds what was in them: {_some(files.lost)}"
        notes.append(Noted("warning", f"files that {what}"))
    return notes


def _some(names: Sequence[str]) -> str:
    more = len(names) - FILES_TOLD
    return listed(names[:FILES_TOLD]) + (f", and {more} more" if more > 0 else "")


def _launch_spec(parent: SessionFolder, spec: ForkSpec, state: SessionState) -> LaunchSpec:
    """How the parent was launched, but for what lies outside of its folder: that stays the parent's."""
    launch = LaunchSpec(cwd=state.cwd or str(Path.cwd()), goal=state.goal, path=state.task_path, inputs=state.inputs)
    with suppress(OSError, ValueError):
        launch = LaunchSpec.read(parent)
    return replace(launch, out=None, write_back=None, unattended=spec.unattended, viewer=spec.viewer)


def local_actor() -> str:
    """Who uses this program here, as viewers of a host are called."""
    host = one_line(socket.gethostname(), 64)
    try:
        return f"{pwd.getpwuid(os.geteuid()).pw_name}@{host}"
    except KeyError:
        return f"uid{os.geteuid()}@{host}"
