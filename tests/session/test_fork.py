"""Forks over real files: what is taken over of the parent, and that nothing of it is touched."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.commands import Refused
from swarmtui.host.assembly import _gone_on_with
from swarmtui.host.forking import ForkSpec, forecast_of, fork
from swarmtui.host.live_forks import fork_live
from swarmtui.host.locate import seen_status
from swarmtui.host.spec import LaunchSpec
from swarmtui.plan.model import Author, ModelRef, Node, Plan, PromptSpec, RunSpec, plan_hash
from swarmtui.session.build import FileBuilder
from swarmtui.session.errors import LogError
from swarmtui.session.events import (
    AttemptStarted,
    AttemptSucceeded,
    HostStarted,
    HostStopped,
    Noted,
    PlanApproved,
    PlanProposed,
    ReportWritten,
    SessionCreated,
    SessionFinished,
    SessionForked,
)
from swarmtui.session.faults import Faults
from swarmtui.session.folder import SessionFolder, session_folders
from swarmtui.session.placing import NameRefused, placed
from swarmtui.session.reader import Reader
from swarmtui.session.rows import blob_sha, log_id
from swarmtui.session.vocabulary import Output, State, Status, Usage
from swarmtui.workers.orphans import MARK
from tests.session.files import session_file

LONG = "word " * 2_000
MODEL = ModelRef("simulated", "instant", dialect="simulated")


def all_of(folder: Path) -> dict[str, str]:
    """File -> hash of its bytes, of everything in a folder."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal")))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture
def parent(tmp_path: Path) -> SessionFolder:
    """A finished session: `scan` gave a long text, `review` a short one, `deploy` changed the world."""
    sessions = tmp_path / "sessions"
    sessions.mkdir(mode=0o700)
    tmp_path.chmod(0o700)
    folder = SessionFolder(sessions / "parent")
    folder.path.mkdir(mode=0o700)
    plan = Plan(
        "see",
        (
            Node("scan", PromptSpec("scan")),
            Node("review", PromptSpec("judge {{ scan.output }}"), needs=("scan",)),
            Node("deploy", RunSpec(("deploy",)), needs=("review",)),
        ),
    )
    with FileBuilder(folder.db, "test") as builder:
        short, usage = Output("fine", 4, None, "artefacts/review/output.txt"), Usage(10, 5, model="instant")
        bodies = [
            SessionCreated("parent", "see", "Seeing", "/", "test", models={"worker": MODEL}),
            PlanProposed(1, plan),
            HostStarted(1, "boot", "test", session="parent"),
            PlanApproved(1, plan_hash(plan)),
            AttemptStarted("scan", 1, model="instant"),
            AttemptSucceeded(
                "scan", 1, Output(LONG[:100], len(LONG), builder.blob(LONG.encode()), "artefacts/scan/output.txt")
            ),
            AttemptStarted("review", 1, model="instant"),
            AttemptSucceeded("review", 1, short, took_s=1.0, usage=usage),
            ReportWritten("artefacts/report.md", "review"),
            AttemptStarted("deploy", 1),
            AttemptSucceeded("deploy", 1, Output("done", 4)),
            Noted("info", builder.blob(b"of the end alone")),
            SessionFinished("succeeded"),
            HostStopped("finished"),
        ]
        for place, body in enumerate(bodies):
            builder.event(body, 1_000.0 + place, float(place))
        builder.done()
    LaunchSpec(cwd="/", goal="see", out=str(tmp_path / "out"), write_back=str(tmp_path / "tasks")).write(folder)
    for name, text in (("scan/output.txt", LONG), ("review/output.txt", "fine"), ("report.md", "# All is well")):
        file(folder, name, text)
    return folder


def file(folder: SessionFolder, name: str, text: str, at: float = 1_000.0) -> Path:
    path = folder.artefacts / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def bodies_of(folder: SessionFolder) -> list[Any]:
    from swarmtui.session.rows import row_to_event

    with Reader(folder.db) as reader:
        reader.verify()
        return [row_to_event(row).body for row in reader.rows()]


AFTER_REVIEW, DEPLOYING, END = 8, 10, 14


def test_31_a_fork_begins_with_the_parents_events_hashes_and_all_and_names_it(parent: SessionFolder) -> None:
    before = all_of(parent.path)
    forked = fork(parent, ForkSpec(AFTER_REVIEW))
    with Reader(parent.db) as old, Reader(forked.folder.db) as new:
        assert list(new.rows(1, AFTER_REVIEW)) == list(old.rows(1, AFTER_REVIEW))
        first = next(old.rows(1, 1)).hash
        state = new.state()
        assert new.verify().seq == state.seq
        assert new.meta("summary")["parent"] == {"id": "parent", "seq": AFTER_REVIEW}  # type: ignore[index]
        assert new.query("SELECT count(*) FROM blobs") == [(1,)], "what later events name stays where it is"
        copied = old.query("SELECT hash FROM events WHERE seq = ?", (AFTER_REVIEW,))[0][0].hex()
    assert bodies_of(forked.folder)[AFTER_REVIEW] == SessionForked(state.id, "parent", AFTER_REVIEW, copied)
    assert log_id(first, "parent") != log_id(first, state.id)
    assert (state.nodes["review"].state, state.nodes["deploy"].state) == (State.SUCCEEDED, State.READY)
    assert all_of(parent.path) == before


def test_31_a_fork_of_what_was_finished_lately_is_paused_until_a_host_takes_it(parent: SessionFolder) -> None:
    forked = fork(parent, ForkSpec(END))
    assert (forked.state.status, forked.state.ended_ts) == (Status.PAUSED, None)
    assert seen_status(forked.folder, forked.state.status) is Status.PAUSED, "and not crashed: nobody ever ran it"
    assert seen_status(forked.folder, Status.RUNNING) is Status.PAUSED


def test_31_what_may_have_changed_the_world_when_the_fork_left_waits_for_the_user(parent: SessionFolder) -> None:
    forked = fork(parent, ForkSpec(DEPLOYING))
    assert forked.begun.held == ("deploy",)
    assert forked.state.nodes["deploy"].state is State.INTERRUPTED


def test_31_a_file_that_changed_since_is_told_and_what_was_recorded_is_kept(parent: SessionFolder) -> None:
    file(parent, "scan/output.txt", "somebody wrote over it")
    (parent.artefacts / "review" / "output.txt").unlink()
    forked = fork(parent, ForkSpec(END))
    assert (forked.folder.artefacts / "scan" / "output.txt").read_text() == LONG
    assert (forked.folder.artefacts / "review" / "output.txt").read_text() == "fine"
    assert forked.files.restored == ("artefacts/review/output.txt", "artefacts/scan/output.txt")
    (told,) = [body for body in bodies_of(forked.folder) if isinstance(body, Noted) and "changed since" in body.message]
    assert "artefacts/scan/output.txt" in told.message


def test_31_files_of_attempts_before_the_fork_are_copied_as_they_were_and_no_others(parent: SessionFolder) -> None:
    file(parent, "scan/log.txt", "of then")
    file(parent, "scan/notes.txt", "of later", at=5_000.0)
    file(parent, "scan/attempt-2/output.txt", "of a later attempt")
    file(parent, "deploy/log.txt", "of a later node")
    (parent.artefacts / "scan" / "link").symlink_to("/etc/passwd")
    file(parent, "scan/tree-1/.git", "gitdir: elsewhere")
    forked = fork(parent, ForkSpec(AFTER_REVIEW))
    names = {name for name in all_of(forked.folder.path) if name.startswith("artefacts")}
    assert names == {"artefacts/scan/output.txt", "artefacts/scan/log.txt", "artefacts/review/output.txt"}
    assert forked.files.lost == ("artefacts/scan/notes.txt",)
    assert all(path.stat().st_mode & 0o077 == 0 for path in forked.folder.path.rglob("*"))


def test_31_the_report_goes_with_a_fork_that_leaves_after_it(parent: SessionFolder) -> None:
    after = fork(parent, ForkSpec(END))
    assert after.state.report_path == "artefacts/report.md"
    assert (after.folder.artefacts / "report.md").read_text() == "# All is well"
    assert fork(parent, ForkSpec(AFTER_REVIEW)).state.report_path is None
    file(parent, "report.md", "# Another one", at=5_000.0)
    assert fork(parent, ForkSpec(END)).state.report_path is None


def test_31_what_lies_outside_of_the_session_stays_the_parents(parent: SessionFolder) -> None:
    spec = LaunchSpec.read(fork(parent, ForkSpec(END)).folder)
    assert (spec.out, spec.write_back, spec.goal) == (None, None, "see")


def test_31_edits_are_in_the_fork_before_it_runs_with_who_made_them(parent: SessionFolder) -> None:
    edit = {"ops": [{"op": "set", "node": "review", "field": "prompt", "value": "judge harshly {{ scan.output }}"}]}
    before = all_of(parent.path)
    spec = ForkSpec(AFTER_REVIEW, (edit,), actor="ann@box fork")
    foretold = forecast_of(parent, spec)
    assert len(list(session_folders(parent.path.parent))) == 1, "a forecast makes nothing"
    forked = fork(parent, spec)
    assert forked.begun == foretold.begun
    assert (forked.begun.kept, forked.begun.again) == (("scan",), ("review",))
    assert forked.state.nodes["review"].state is State.READY
    with Reader(forked.folder.db) as reader:
        assert {row.actor for row in reader.rows(AFTER_REVIEW + 1)} == {"ann@box fork"}
    assert all_of(parent.path) == before


@pytest.mark.parametrize(
    ("spec", "error", "why"),
    [
        (ForkSpec(0), Refused, "events 1 to 14"),
        (ForkSpec(15), Refused, "events 1 to 14"),
        (ForkSpec(1), Refused, "began with its plan, which is event 2"),
        (ForkSpec(8, ({"ops": [{"op": "remove", "node": "nobody"}]},)), Refused, "nobody"),
        (ForkSpec(8, name="parent"), NameRefused, "already"),
        (ForkSpec(8, name="../x"), NameRefused, "cannot be a session's ID"),
        (ForkSpec(8, retry_failed=True), Refused, "no node has failed"),
    ],
)
def test_31_what_cannot_be_forked_leaves_nothing(
    parent: SessionFolder, spec: ForkSpec, error: type[Exception], why: str
) -> None:
    before = all_of(parent.path.parent)
    with pytest.raises(error, match=why):
        fork(parent, spec)
    assert all_of(parent.path.parent) == before
    assert [path.name for path in parent.path.parent.iterdir()] == ["parent"]


async def test_31_the_wire_makes_a_fork_and_refuses_what_is_none(parent: SessionFolder) -> None:
    reply = await fork_live(parent, {"at_seq": 8, "name": "child", "start": False}, actor="ann@box tui")
    assert (reply["id"], reply["parent"]) == ("child", {"id": "parent", "seq": 8})
    for wrong in ({}, {"at_seq": True}, {"at_seq": 8, "edits": ["x"]}, {"at_seq": 8, "start": 1}, {"at_seq": 99}):
        with pytest.raises(Refused):
            await fork_live(parent, wrong)
    with pytest.raises(Refused, match="already"):
        await fork_live(parent, {"at_seq": 8, "name": "child", "start": False})


async def test_31_a_session_that_crashed_is_forked_from_its_log_as_it_lies(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    sessions = tmp_path / "sessions"
    await session_file(sessions / "original", crash=True)
    sessions.chmod(0o700)
    original = SessionFolder(sessions / "original")
    before = all_of(original.path)
    forked = await asyncio.to_thread(fork, original, ForkSpec(60))
    items = forked.state.nodes["m"].items
    assert items is not None
    with Reader(forked.folder.db) as reader:
        assert reader.verify().seq == forked.state.seq
        for chunk in items.chunks:
            assert reader.blob(chunk.sha) is not None
    assert all_of(original.path) == before


async def test_31_what_the_parent_left_running_is_never_ended_for_its_fork(parent: SessionFolder) -> None:
    forked = await asyncio.to_thread(fork, parent, ForkSpec(END))
    assert forked.state.id == forked.folder.id, "a host ends what was left by the ID that its events name"
    env = {**os.environ, MARK: f"{parent.id}/deploy//1"}
    left = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE, env=env)
    try:
        opened = await _gone_on_with(forked.folder, Faults())
        assert opened is not None
        log, state, ended = opened
        await log.close()
        assert (state.id, ended, left.returncode) == (forked.folder.id, 0, None)
        assert Path(f"/proc/{left.pid}/environ").read_bytes().count(MARK.encode()) == 1, "it lives"
    finally:
        left.kill()
        await left.wait()


async def test_31_what_was_recorded_elsewhere_is_not_trusted_and_no_host_is_started_over_it(
    parent: SessionFolder,
) -> None:
    with closing(sqlite3.connect(parent.db)) as db:
        db.execute("INSERT INTO meta VALUES('imported', '{}')")
        db.commit()
    reply = await fork_live(parent, {"at_seq": AFTER_REVIEW, "name": "child", "start": True})
    assert (reply["foreign"], "pid" in reply) == (True, False)
    child = SessionFolder(parent.path.with_name("child"))
    assert not child.owned()
    for folder, at in ((child, AFTER_REVIEW), (parent, 3)):
        forked = await asyncio.to_thread(fork, folder, ForkSpec(at))
        assert forked.foreign, "nor is a fork of the fork"
        assert forked.state.plan is not None
        assert forked.state.plan.author is Author.PLANNER
    waits = forked.state
    assert (waits.status, waits.pending["plan"].plan_rev, waits.plan_rev) == (Status.AWAITING_APPROVAL, 2, 2)


def test_a_file_that_is_built_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "session.db"

    def build(*notes: float, done: bool = True) -> None:
        with FileBuilder(path, "test") as builder:
            builder.event(SessionCreated("a", "a", "a", "/", "test"), 5.0, 1.0)
            for mono in notes:
                builder.event(Noted("info", "later"), 6.0, mono)
            if done:
                builder.done()

    with pytest.raises(ValueError, match="earlier on the session's clock"):
        build(0.5)
    with pytest.raises(ValueError, match="numbers"):
        build(float("nan"))
    build(2.0, done=False)
    assert list(tmp_path.iterdir()) == []
    build(2.0)
    with Reader(path) as reader:
        assert (reader.verify().seq, reader.state().id) == (2, "a")
        assert reader.meta("summary")["id"] == "a"  # type: ignore[index]
    with pytest.raises(LogError, match="there is one already"):
        build()


def test_a_long_file_that_is_built_has_snapshots_and_gives_them_to_its_copy(tmp_path: Path) -> None:
    with FileBuilder(tmp_path / "long.db", "test") as builder:
        builder.event(SessionCreated("a", "a", "a", "/", "test"), 5.0, 0.0)
        for number in range(1_500):
            builder.event(Noted("info", f"{number}"), 5.0, 0.0)
        builder.done()
    with Reader(tmp_path / "long.db") as reader:
        ((at,),) = reader.query("SELECT seq FROM snapshots")
        with FileBuilder(tmp_path / "copy.db", "test") as copy:
            copy.copy_until(reader, 1_400)
            copy.done()
        assert copy.head.hash == next(reader.rows(1_400, 1_400)).hash
    with Reader(tmp_path / "copy.db") as copied:
        assert copied.query("SELECT seq FROM snapshots") == [(at,)]
        assert copied.state().seq == 1_400


def test_a_new_session_takes_its_place_whole_or_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "state" / "sessions"
    with pytest.raises(ZeroDivisionError), placed(root, "broken") as broken:
        broken.folder.launch.write_text(f"{1 / 0}")
    assert list(session_folders(root)) == []
    with placed(root) as new:
        new.folder.launch.write_text("{}")
        assert list(session_folders(root)) == [], "nobody sees it before it is whole"
        assert new.folder.id == new.id
    assert [folder.id for folder in session_folders(root)] == [new.id]
    assert [path.name for path in root.iterdir()] == [new.id]


def test_31_many_forks_at_once_do_not_clear_each_other_away(parent: SessionFolder) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: fork(parent, ForkSpec(AFTER_REVIEW)).folder, range(6)))
    assert len({folder.id for folder in made}) == 6
    for folder in made:
        with Reader(folder.db) as reader:
            assert reader.verify().seq == AFTER_REVIEW + 1
    assert len(list(parent.path.parent.iterdir())) == 7, "nothing is left to be cleared away"


def test_blobs_have_the_keys_that_events_name(parent: SessionFolder) -> None:
    with Reader(fork(parent, ForkSpec(END)).folder.db) as reader:
        keys = {key for (key,) in reader.query("SELECT sha FROM blobs")}
    assert keys == {blob_sha(LONG.encode()), blob_sha(b"of the end alone")}
