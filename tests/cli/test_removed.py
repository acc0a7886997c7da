"""The directory of a session that runs is removed: whoever waits for it in a script is not kept waiting."""

from __future__ import annotations

import shutil

import pytest

from swarmtui.cli.closing import finish, standing
from swarmtui.cli.console import Console
from swarmtui.host.archive import FileFeed
from swarmtui.host.exits import Exit
from swarmtui.session.vocabulary import Status
from tests.cli.conftest import Program

TASK = "goal: sleep\nnodes:\n  one: {run: [sleep, '3']}\n  two: {run: [echo, two], needs: [one]}\n"


@pytest.mark.chaos
def test_a_run_whose_session_is_removed_says_so_and_ends(swarmtui: Program) -> None:
    task = swarmtui.write("task.yaml", TASK)
    run = swarmtui.start("run", str(task), "--headless")
    assert run.stdout is not None
    while "running" not in (line := run.stdout.readline()):
        assert line, "it ended before a node ran"
    shutil.rmtree(swarmtui.session().path.rename(swarmtui.folder / "gone"))  # at once: its host may be writing there
    out, told = run.communicate(timeout=60)
    assert run.returncode == Exit.DISK
    assert "the session's files are gone" in told, "the host says so as soon as it sees it"
    assert "can be written again" not in told
    assert told.splitlines()[-1].endswith("are gone, and so is its host: nothing is left to go on with")
    assert "two" not in out


@pytest.mark.chaos
async def test_of_what_has_ended_and_was_removed_nothing_is_advised_that_cannot_be(
    swarmtui: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    task = swarmtui.write("task.yaml", "goal: hello\nnodes:\n  one: {run: [echo, one], report: true}\n")
    assert swarmtui("run", str(task), "--headless").returncode == Exit.OK
    folder, console = swarmtui.session(), Console()
    feed = await FileFeed.open(folder)
    ended = standing(folder, feed)
    assert (ended.gone, ended.status, ended.code) == (False, Status.SUCCEEDED, Exit.OK)
    finish(folder, ended, console)
    assert f"report: {folder.path}" in capsys.readouterr().out
    shutil.rmtree(folder.path)
    removed = standing(folder, feed)
    assert (removed.gone, removed.status, removed.code) == (True, Status.SUCCEEDED, Exit.OK)
    finish(folder, removed, console)
    told = capsys.readouterr()
    assert told.err.endswith("are gone, and so is its host: nothing is left to go on with\n")
    assert "report" not in told.out
    await feed.close()
