"""What runs can be stopped though nobody can record it."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmtui.cli.closing import finish, standing
from swarmtui.cli.console import Console
from swarmtui.host.feed import CommandRefused
from swarmtui.session.log import LogSettings
from swarmtui.session.vocabulary import State, Status
from tests.host.sessions import chain, live_session, until

QUICK = LogSettings(retry_s=0.05, close_s=0.0, look_s=0.02, reserve_bytes=0)


@pytest.mark.parametrize(("method", "params"), [("session.cancel", {}), ("node.cancel", {"node": "a"})])
async def test_what_runs_is_stopped_though_the_files_are_gone(
    method: str, params: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarmtui.engine.conductor.UNRECORDED_S", 0.01)
    async with live_session(tmp_path, chain("a", "b"), log_settings=QUICK) as session:
        feed = await session.attach(folder=session.folder)
        await session.until_running()
        db = session.conductor.log.path
        db.rename(db.with_name("elsewhere"))
        await until(feed, lambda feed: feed.status.gone)
        told = ""
        try:
            await feed.command(method, {**params})
        except CommandRefused as error:
            told = str(error)
        while session.executor.running:
            await session.conductor.log.after(session.conductor.state.seq)
        db.with_name("elsewhere").rename(db)
        await until(feed, lambda feed: not feed.status.gone)
        assert "it was done, but cannot be recorded" in told
        await until(feed, lambda feed: feed.state.nodes["a"].state is State.CANCELLED)
        await feed.close()


async def test_who_leaves_while_the_host_is_at_work_though_the_files_are_gone_is_told_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with live_session(tmp_path, chain("a", "b"), log_settings=QUICK) as session:
        feed = await session.attach(folder=session.folder)
        await session.until_running()
        db = session.conductor.log.path
        db.rename(db.with_name("elsewhere"))
        await until(feed, lambda feed: feed.status.gone)
        stands = standing(session.folder, feed)
        finish(session.folder, stands, Console())
        db.with_name("elsewhere").rename(db)
        await until(feed, lambda feed: not feed.status.gone)
        await feed.close()
    told = capsys.readouterr()
    assert stands.status is Status.RUNNING
    assert "its host ends once what runs has ended" in told.err
    assert "crashed" not in told.out
