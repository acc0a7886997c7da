"""Two sessions held against each other from the list, wherever each is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from swarmtui.cli.comparing import Sides
from swarmtui.session.log import Log
from tests.session.files import session_file


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path))
    return tmp_path / "state" / "sessions"


async def test_a_session_of_this_machine_without_events_is_not_waited_for(sessions: Path) -> None:
    await session_file(sessions / "counted1", 3, crash=False)
    (sessions / "without1").mkdir()
    await (await Log.create(sessions / "without1" / "session.db", "test")).close()
    sides = Sides()
    async with asyncio.timeout(10):
        (_, counted), (_, without) = await sides.opened("counted1", "without1")
    assert [len(counted.state.nodes), len(without.state.nodes)] == [1, 0]
    await sides.close()
