"""kill -9 in the middle of ``swarmtui recover``: the file stays as it is, a new session is whole or is not there."""

from __future__ import annotations

import argparse
import asyncio
import os
import select
import signal
import sys
import time
from pathlib import Path
from random import Random

import pytest

from swarmtui.cli import recover as command
from swarmtui.cli.console import Console
from swarmtui.host.spec import LaunchSpec
from swarmtui.session.folder import SessionFolder, session_folders
from swarmtui.session.reader import Reader
from tests.session.files import fingerprint, session_file

pytestmark = pytest.mark.chaos

KILLS = 100


def recover_in_a_fork(words: list[str], kill_after_s: float) -> int:
    """Its exit code, negative if it was killed first."""
    pid = os.fork()
    if not pid:
        code = 70
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            parser = argparse.ArgumentParser()
            command.arguments(parser)
            code = command.run(parser.parse_args(words), Console())
        finally:
            sys.stdout.flush()
            os._exit(code)
    ended = os.pidfd_open(pid)
    if not select.select([ended], [], [], kill_after_s)[0]:
        os.kill(pid, signal.SIGKILL)
    os.close(ended)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_recovery_that_is_killed_leaves_a_whole_session_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    sessions = tmp_path / "home" / "state" / "sessions"
    sessions.mkdir(parents=True, mode=0o700)
    sessions.parent.chmod(0o700)
    asyncio.run(session_file(sessions / "original", crash=False))
    original = SessionFolder(sessions / "original")
    LaunchSpec(cwd="/", goal="count").write(original)
    (original.artefacts / "m").mkdir(parents=True)
    (original.artefacts / "m" / "out.txt").write_text("x" * 100_000)
    with Reader(original.db) as reader:
        rows = list(reader.rows())
    before = fingerprint(original.path)
    random = Random("recover")
    began = time.monotonic()
    assert recover_in_a_fork(["original", "-o", "first"], 30.0) == 0
    took_s = 1.3 * (time.monotonic() - began)
    whole = killed = 0
    for number in range(KILLS):
        code = recover_in_a_fork(["original", "-o", f"saved{number}"], random.uniform(0, took_s))
        killed += code < 0
        assert code in (0, -signal.SIGKILL)
        assert fingerprint(original.path) == before
        folder = SessionFolder(sessions / f"saved{number}")
        assert {known.id for known in session_folders(sessions)} >= ({folder.id} if folder.path.exists() else set())
        if folder.path.exists():
            with Reader(folder.db) as reader:
                assert reader.verify().seq == len(rows)
            assert LaunchSpec.read(folder).goal == "count"
            assert (folder.artefacts / "m" / "out.txt").stat().st_size == 100_000
        whole += (sessions / f"saved{number}").exists()
        assert code < 0 or (sessions / f"saved{number}").exists()
    assert 0 < whole < KILLS, f"{whole} of {KILLS} came through: the kills were all late, or all early"
    assert killed
    assert recover_in_a_fork(["original", "-o", "last"], 30.0) == 0
    assert not list(sessions.glob(".new-*")), "what the dead left is cleared away"
