"""What the list of sessions does with many at once, with real session files and hosts; the names that ssh knows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from swarmtui.cli import bulk
from swarmtui.cli.bulk import NotDone, act
from swarmtui.cli.console import Console
from swarmtui.cli.ssh_names import ssh_names
from swarmtui.host.exits import Exit
from swarmtui.host.listing import Listing
from swarmtui.host.locate import list_sessions
from swarmtui.host.lock import locked
from swarmtui.session.folder import SessionFolder
from swarmtui.tui.view.bulk import Bulk, How, Verb
from swarmtui.tui.view.sessions import Row
from tests.cli.conftest import Program
from tests.session.files import session_file


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "state" / "sessions"
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    return folder


def row(id: str) -> Row:
    return next(row for row in list_sessions() if row["id"] == id)


async def test_a_session_is_removed_for_good_and_one_whose_host_lives_is_not(sessions: Path) -> None:
    for name in ("gone", "stays"):
        await session_file(sessions / name, 3, crash=False)
    assert "removed gone" in await act(Verb.REMOVE, row("gone"))
    with locked(SessionFolder(sessions / "stays")):
        assert Bulk.of(Verb.REMOVE, [row("stays")]).keys(How.LEFT) == ["stays"]
        with pytest.raises(NotDone, match="has a host"):
            await act(Verb.REMOVE, {**row("stays"), "hosted": False})  # one that has started since the list was read
    assert [one.name for one in sessions.iterdir()] == ["stays"]


async def test_a_session_is_exported_into_the_current_folder(
    sessions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await session_file(sessions / "one", 3, crash=False)
    told = await act(Verb.EXPORT, row("one"))
    page = Path("one.html").resolve()
    assert told == f"{page}: {page.stat().st_size:,} bytes"
    assert "Counting" in page.read_text()
    assert capsys.readouterr() == ("", "")  # the screen is not its own


async def test_what_a_session_refuses_and_what_is_gone_is_one_line(sessions: Path) -> None:
    await session_file(sessions / "one", 3, crash=False)
    known = row("one")
    with pytest.raises(NotDone, match="no host runs one"):
        await act(Verb.PAUSE, known)
    shutil.rmtree(sessions / "one")
    with pytest.raises(NotDone, match="no session 'one'"):
        await act(Verb.CANCEL, known)


async def test_another_machine_that_cannot_be_reached_is_told_and_asks_nobody(
    sessions: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(
        '#!/bin/sh\necho "$@" >> "$0.asked"\necho \'ssh: connect to host box port 22: refused\' >&2\nexit 255\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("SWARMTUI_SSH", str(ssh))
    for verb in Verb:
        with pytest.raises(NotDone, match="box cannot be reached"):
            await act(verb, {"id": "far1", "host": "box", "far": True})
    asked = (tmp_path / "ssh.asked").read_text().splitlines()
    assert len(asked) == len(Verb)
    assert all("BatchMode=yes" in line for line in asked)


async def test_a_command_that_ends_badly_without_an_error_is_not_done_and_its_last_word_says_why(
    sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await session_file(sessions / "one", 3, crash=False)

    def run(arguments: object, console: Console) -> int:
        console.say("looking")
        console.warn("the disk is full")
        return Exit.DISK

    monkeypatch.setattr("swarmtui.cli.ctl.run", run)
    with pytest.raises(NotDone, match=r"^the disk is full$"):
        await act(Verb.PAUSE, row("one"))


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_is_a_command_that_there_is(verb: Verb) -> None:
    name, words_of = bulk._WORDS[verb]
    assert (Path(bulk.__file__).parent / f"{name}.py").exists()
    assert "abc" in words_of("abc")


def test_the_names_of_the_ssh_configuration_are_offered(tmp_path: Path) -> None:
    folder = tmp_path / ".ssh"
    folder.mkdir()
    assert ssh_names(tmp_path) == []
    (folder / "config").write_text(
        "Include ~nobody-of-that-name/*\nInclude more*.conf\n"
        "Host gpu1 gpu2 # two\n  HostName 10.0.0.1\nHost *.example !bad\n"
        "host=one 'unclosed\nHost gpu1\n"
    )
    (folder / "more.conf").write_text("Host build\nInclude more.conf\n")
    assert ssh_names(tmp_path) == ["build", "gpu1", "gpu2"]


TASK = """
goal: Wait
nodes:
  a: {run: [sleep, "60"]}
  b: {needs: a, run: [sleep, "60"]}
"""


@pytest.mark.chaos
async def test_sessions_that_run_are_paused_let_go_on_cancelled_and_resumed_after_a_crash(
    swarmtui: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", str(swarmtui.home))
    swarmtui.write("wait.yaml", TASK)
    assert swarmtui("run", "wait.yaml", "--approve", "--detach").returncode == 0
    id = swarmtui.session().id
    listing = Listing()

    def status() -> tuple[object, object]:
        (found,) = listing.read()
        assert found["status"] == row(id)["status"]
        return found["status"], found["hosted"]

    for verb, wanted in ((Verb.PAUSE, "paused"), (Verb.GO_ON, "running")):
        assert await act(verb, row(id)) == ""
        assert status() == (wanted, True)
    swarmtui.kill(9)
    assert status() == ("crashed", False)
    await act(Verb.RESUME, row(id))
    assert status()[1] is True
    assert Bulk.of(Verb.REMOVE, [row(id)]).keys(How.LEFT) == [id]
    await act(Verb.CANCEL, row(id))
    swarmtui.until_no_host()
    assert status() == ("cancelled", False)
    await act(Verb.REMOVE, row(id))
    assert listing.read() == []
