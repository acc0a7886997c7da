"""The host's socket, whose folder is wiped while the host lives."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from swarmtui.host.client import WireFeed
from swarmtui.host.door import Door
from swarmtui.host.server import bind
from swarmtui.session.folder import SessionFolder
from tests.host.sessions import LiveSession, chain, live_session, until


@contextlib.asynccontextmanager
async def behind_door(root: Path, runtime: Path | None = None) -> AsyncIterator[tuple[LiveSession, Door]]:
    """A live session behind a door that is looked after all the time; where it is stands in host.json."""
    folder, home = SessionFolder(root / "abcdefgh"), str(root / "home")
    environ = {"XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": str(runtime)} if runtime else {"SWARMTUI_HOME": home}
    with contextlib.closing(Door(folder, environ, watch_s=0.01)) as door:
        async with live_session(root, chain("a")) as session:
            await session.server.listen(door.listener)
            _tell(folder, door.path)
            async with door.kept_open(session.server.listen, lambda path: _tell(folder, path)):
                yield session, door


def _tell(folder: SessionFolder, path: Path) -> None:
    folder.host_json.write_text(str(path))


async def reached(path: Path) -> WireFeed:
    """A viewer that came in at `path`, however often it had to knock."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await WireFeed.connect(path)
            except OSError:
                await asyncio.sleep(0.01)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def test_21_a_live_host_whose_runtime_directory_was_wiped_is_reached_again(tmp_path: Path, home: Path) -> None:
    async with behind_door(tmp_path) as (_, door):
        early = await reached(door.path)
        shutil.rmtree(home / "run")
        late = await reached(door.path)
        assert stat.S_IMODE(door.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(door.path.parent.stat().st_mode) == 0o700
        seq = await late.command("node.pause", {"node": "a"})
        await until(early, lambda feed: feed.state.seq >= seq)  # who was in has stayed
        await early.close()
        await late.close()
    assert not door.path.exists()


async def test_a_runtime_directory_that_went_for_good_is_done_without(tmp_path: Path) -> None:
    runtime = tmp_path / "r"
    runtime.mkdir()
    async with behind_door(tmp_path, runtime) as (session, door):
        assert door.path.is_relative_to(runtime)
        shutil.rmtree(runtime)
        async with asyncio.timeout(30):
            while not (told := session.folder.host_json.read_text()) or Path(told).is_relative_to(runtime):
                await asyncio.sleep(0.01)
        await (await reached(Path(told))).close()


async def test_a_host_that_cannot_listen_says_so_once_and_keeps_trying(
    tmp_path: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with behind_door(tmp_path) as (_, door):
        shutil.rmtree(home / "run")
        (home / "run").symlink_to(tmp_path)
        async with asyncio.timeout(30):
            while not caplog.records:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # some more looks
        (home / "run").unlink()
        await (await reached(door.path)).close()
    told = [record.getMessage() for record in caplog.records if record.name == "swarmtui.host.door"]
    assert [("symbolic link" in line, "a new one is at" in line) for line in told] == [(True, False), (False, True)]


async def test_a_host_json_that_somebody_removed_is_written_again(tmp_path: Path, home: Path) -> None:
    async with behind_door(tmp_path) as (session, door):
        session.folder.host_json.unlink()
        async with asyncio.timeout(30):
            while not session.folder.host_json.exists():
                await asyncio.sleep(0.01)
        assert session.folder.host_json.read_text() == str(door.path)


async def test_22_a_socket_at_which_another_process_listens_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with behind_door(tmp_path) as (_, door):
        with bind(door.path):
            async with asyncio.timeout(30):
                while "another process listens there" not in caplog.text:
                    await asyncio.sleep(0.01)
    assert door.path.exists(), "what another process has made is not this one's to remove"


async def test_nothing_is_made_for_a_session_that_was_removed(tmp_path: Path, home: Path) -> None:
    folder = SessionFolder(tmp_path / "gone")
    folder.path.mkdir()
    door = Door(folder, {"SWARMTUI_HOME": str(home)}, watch_s=0.001)

    async def listen(listener: socket.socket) -> None:
        raise AssertionError("nobody looks for it")

    async with door.kept_open(listen, lambda path: os.abort()):
        shutil.rmtree(folder.path)
        shutil.rmtree(home)
        await asyncio.sleep(0.05)
    door.close()
    assert not home.exists()
