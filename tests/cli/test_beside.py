"""What the workbench does beside a session, with real files: its page, the other sessions, a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmtui.cli.beside import beside
from swarmtui.cli.bulk import NotDone
from swarmtui.host.file_past import LooseFile
from swarmtui.host.locate import locate
from swarmtui.session.folder import SessionFolder
from tests.session.files import session_file


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this machine's sessions lie; the current folder is another one."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "state" / "sessions"
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    return folder


async def test_a_session_of_this_machine_is_exported_and_held_against_the_others(sessions: Path) -> None:
    for name in ("one", "two"):
        await session_file(sessions / name, 3, crash=False)
    ways = beside(locate("one"))
    page = Path("one.html").resolve()
    assert str(page) in ways.exports_to
    assert ways.export is not None
    assert await ways.export() == f"{page}: {page.stat().st_size:,} bytes"
    assert "Counting" in page.read_text()
    assert {row["id"] for row in await ways.sessions()} == {"one", "two"}
    assert ways.compare is not None
    found, diff_of = await ways.compare("one", "two")
    assert (found.a.title, found.b.title) == ("Counting", "Counting")
    assert found.rows
    assert await diff_of(found.rows[0].id) == []
    assert ways.loose == ""


async def test_an_export_takes_the_place_of_the_one_before_and_of_nothing_where_it_cannot_be_written(
    sessions: Path, tmp_path: Path
) -> None:
    await session_file(sessions / "one", 3, crash=False)
    ways = beside(locate("one"))
    assert ways.export is not None
    Path("one.html").write_text("the one before")
    await ways.export()
    assert "the one before" not in Path("one.html").read_text()
    Path("one.html").unlink()
    Path("one.html").mkdir()
    with pytest.raises(OSError, match=r"one\.html"):
        await ways.export()
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["one.html"]


async def test_a_file_by_itself_can_be_exported_and_no_command_finds_it(sessions: Path, tmp_path: Path) -> None:
    await session_file(sessions / "one", 3, crash=False)
    elsewhere = tmp_path / "elsewhere"
    (sessions / "one").rename(elsewhere)
    for place in (LooseFile(elsewhere, elsewhere / "session.db"), SessionFolder(elsewhere)):
        ways = beside(place)
        assert ways.loose == str(elsewhere / "session.db")
        assert ways.compare is None
        assert ways.export is not None
        await ways.export()
        assert "Counting" in Path("elsewhere.html").read_text()


async def test_the_page_of_a_file_in_the_current_folder_is_called_as_that_is(
    sessions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await session_file(sessions / "one", 3, crash=False)
    (sessions / "one").rename(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    ways = beside(LooseFile(Path(), Path("session.db")))
    assert ways.export is not None
    await ways.export()
    assert "Counting" in Path("elsewhere.html").read_text()
    assert beside(SessionFolder(Path("/"))).exports_to.startswith(f"It is written to {tmp_path}/elsewhere/session.html")


async def test_a_session_is_this_machines_own_through_a_link_too(sessions: Path, tmp_path: Path) -> None:
    await session_file(sessions / "one", 3, crash=False)
    (tmp_path / "link").symlink_to(sessions)
    assert beside(SessionFolder(tmp_path / "link" / "one")).compare is not None
    (sessions / "one").rename(tmp_path / "elsewhere")  # to a larger disk
    (sessions / "one").symlink_to(tmp_path / "elsewhere")
    ways = beside(locate("one"))
    assert ways.compare is not None
    assert "one.html" in ways.exports_to


async def test_a_machine_that_cannot_be_reached_any_more_is_told_and_the_sessions_here_are_listed(
    sessions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from swarmtui.cli import beside as module
    from swarmtui.host.address import Address

    await session_file(sessions / "one", 3, crash=False)
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\necho 'ssh: connect to host box port 22: refused' >&2\nexit 255\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("SWARMTUI_SSH", str(ssh))
    ways = module._there(Address("box", "far1"))
    assert "far1.html" in ways.exports_to
    rows = await ways.sessions()
    assert [row.get("id") for row in rows] == [None, "one"]
    assert "box" in str(rows[0]["host"])
    assert ways.export is not None
    with pytest.raises(NotDone, match="box cannot be reached"):
        await ways.export()
    assert not Path("far1.html").exists()
