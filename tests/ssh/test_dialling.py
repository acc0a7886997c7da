"""Connections through a stand-in for ssh, which runs commands here or fails as its host's name says."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from swarmtui.cli.main import main
from swarmtui.host import asking, dial
from swarmtui.host.address import Address
from swarmtui.host.dialling import Unreachable
from swarmtui.host.fleet import list_hosts
from swarmtui.host.locate import viewers_of
from swarmtui.host.lock import locked
from swarmtui.host.ssh_call import SshCall
from swarmtui.host.ssh_dial import predial
from swarmtui.host.whereabouts import named_socket
from swarmtui.session.folder import SessionFolder
from swarmtui.tui.view.sessions import COLUMNS, Looking, SessionRows
from tests.ssh.machines import PROGRAM

FAKE = f"{sys.executable} -S {Path(__file__).with_name('fake_ssh.py')}"


@pytest.fixture(autouse=True)
def _nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests keeps their terminal."""
    monkeypatch.setattr(asking, "has_terminal", lambda: False)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": f"{PROGRAM.parent}:/usr/bin:/bin",
        "SWARMTUI_SSH": FAKE,
        "SWARMTUI_HOME": str(tmp_path / "home"),
        "FAKE_SSH_LOG": str(tmp_path / "ssh.log"),
    }


@pytest.mark.parametrize(
    ("host", "code", "said"),
    [
        ("closed", 6, "closed cannot be reached: connect to host closed port 22: Connection refused"),
        ("nowhere", 6, "Could not resolve hostname"),
        ("changed", 4, "its key is not known here, or is another one than before"),
        ("denied", 4, "denied did not let you in"),
        ("bare", 127, "`ssh bare 'pipx install swarmtui'` installs it"),
        ("elsewhere", 6, "elsewhere answers, but not with swarmtui"),
        ("flood", 6, "printed 64 KiB of something else before swarmtui spoke"),
    ],
)
def test_13_who_does_not_get_through_is_told_why(environ: dict[str, str], host: str, code: int, said: str) -> None:
    with pytest.raises(Unreachable, match="`ssh ") as told:
        predial(Address(host, "7f3a"), environ=environ)
    assert said in str(told.value)
    assert told.value.code == code


@pytest.mark.parametrize(("host", "said"), [("old", "pipx upgrade swarmtui"), ("later", "in another way (dial 2")])
def test_18_a_machine_with_another_version_offers_its_own_screen(environ: dict[str, str], host: str, said: str) -> None:
    with pytest.raises(Unreachable) as told:
        predial(Address(host, "7f3a", "me", 22), environ=environ)
    assert said in str(told.value)
    assert f"`ssh -t -p 22 me@{host} swarmtui attach 7f3a`" in str(told.value)
    assert told.value.code == 5


def test_13_a_machine_that_says_nothing_is_not_waited_for_without_end(environ: dict[str, str]) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match="did not speak in time"):
        predial(Address("silent", "7f3a"), environ=environ, patience_s=0.3)
    assert time.monotonic() - began < 20
    assert not _alive(environ)


@pytest.mark.parametrize("id", ["\x1b[31mred", "-oProxyCommand=x", "a b", "../etc", ["7f3a"], None])
def test_14_an_id_that_another_machine_makes_up_becomes_no_word_of_a_command(
    environ: dict[str, str], id: object
) -> None:
    told = json.dumps({"status": "live", "id": id, "version": "1"})
    environ["SWARMTUI_REMOTE"] = f"printf %s\\\\n {shlex.quote(f'swarmtui-dial/1 {told}')} #"
    with pytest.raises(Unreachable, match="what its swarmtui says cannot be read"):
        predial(Address("box", "7f3a"), environ=environ)


def test_13_without_an_ssh_program_the_user_is_told_to_install_one(environ: dict[str, str]) -> None:
    environ["SWARMTUI_SSH"] = "/nonexistent/ssh"
    with pytest.raises(Unreachable, match="install an ssh client, or name one in SWARMTUI_SSH"):
        predial(Address("box", "7f3a"), environ=environ)


def test_connections_that_follow_ask_nobody_and_are_in_a_session_of_their_own(environ: dict[str, str]) -> None:
    call = SshCall(Address("silent", "7f3a"), batch=True, environ=environ)
    try:
        assert os.getsid(call.process.pid) == call.process.pid
        assert "BatchMode=yes" in call.process.args
    finally:
        call.kill()
    assert not _alive(environ)


async def test_a_dial_that_is_called_off_leaves_no_process(environ: dict[str, str]) -> None:
    call = SshCall(Address("silent", "7f3a"), batch=True, environ=environ)
    waiting = asyncio.create_task(asyncio.to_thread(call.greeted, 60.0))
    await asyncio.sleep(0)
    call.abandon()
    with pytest.raises((Unreachable, OSError)):
        await waiting
    call.kill()
    assert not _alive(environ)


LISTED = {"id": "7f3a", "status": "running", "title": "x", "started": 1.0, "host": "its-own-name"}


@pytest.fixture
def listing(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Machines whose swarmtui lists one session."""
    script = tmp_path / "swarmtui"
    script.write_text(
        f"#!/bin/sh\necho motd; printf 'prompt> '; echo swarmtui-dial/1; echo '[1]'; echo '{json.dumps(LISTED)}'\n"
    )
    script.chmod(0o755)
    return environ | {"SWARMTUI_REMOTE": str(script)}


async def test_32_machines_are_listed_side_by_side_and_one_that_is_down_is_a_row_that_says_so(
    listing: dict[str, str],
) -> None:
    rows = await list_hosts([Address("a"), Address("closed"), Address("b", port=22)], timeout_s=30, environ=listing)
    assert [row["host"] for row in rows] == ["a", "closed", "ssh://b:22"]
    assert [row.get("id") for row in rows] == ["7f3a", None, "7f3a"]
    assert "Connection refused" in rows[1]["error"]


HOSTILE: list[object] = [
    {"id": "../../etc", "status": "running"},
    {"id": "a\x1b[31m", "status": "running"},
    {"id": "aaaa", "status": "x\x1b]0;owned\x07\nrunning", "counts": [1], "started": "soon", "title": ["\x1b[2J"]},
    {"id": "bbbb", "status": "failed", "counts": {"failed": "many"}, "started": 1e300, "ended": -5, "cost_usd": "free"},
    {"id": "cccc", "status": "failed", "parent": {"id": ["cccc"]}, "needs_you": [], "reason": 7, "started": True},
    {"id": "dddd", "status": "failed", "parent": {"id": "dddd"}, "ended": float("nan"), "cost_usd": float("inf")},
    {"id": "eeee", "status": "running", "viewers": "x", "items": {"done": 10**99, "total": 1}},
    {"id": "ffff", "status": "running", "viewers": [1], "items": {"done": [], "total": True}},
]


def test_32_rows_of_a_hostile_machine_are_shown_as_text_or_not_at_all(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows").write_text("".join(f"{json.dumps(row)}\n" for row in HOSTILE) + "[" * 100_000)
    environ["SWARMTUI_REMOTE"] = f"sh -c 'echo swarmtui-dial/1; cat {tmp_path / 'rows'}' x"
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for words in (["ls", "--host", "box"], ["ls", "--host", "box", "--tree"], ["ls", "--host", "box", "--json"]):
        assert main([*words, "--timeout", "30"]) == 0
        told = capsys.readouterr().out
        assert not set(told) & set("\x1b\x07")
        assert len(told.splitlines()) == 6 + ("--json" not in words)


async def test_32_what_a_hostile_machine_lists_can_be_sorted_by_every_column_and_leaves_the_others_their_room(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "rows").write_text("".join(f"{json.dumps(row)}\n" for row in HOSTILE))
    environ["SWARMTUI_REMOTE"] = f"sh -c 'echo swarmtui-dial/1; cat {tmp_path / 'rows'}' x"
    rows = await list_hosts([Address("box")], timeout_s=30, environ=environ)
    assert len(rows) == 6
    for column in COLUMNS:
        listed = SessionRows(Looking(sort=(column.key, True)))
        listed.take(rows)
        assert len(listed) == 6
        assert all(one.width <= 34 for one in listed.columns)


async def test_32_a_machine_that_never_answers_does_not_hold_the_others_up(environ: dict[str, str]) -> None:
    rows = await list_hosts([Address("silent"), Address("closed")], timeout_s=0.3, environ=environ)
    assert rows[0] == {"host": "silent", "error": "no answer within 0.3 s"}
    assert len(rows) == 2
    assert not _alive(environ)


@pytest.mark.parametrize(
    "word", ["ssh://-oProxyCommand=touch${IFS}sentinel/7f3a", "a;touch sentinel/7f3a", "box/7f3a;touch sentinel"]
)
@pytest.mark.parametrize("command", ["attach --headless", "show", "events --follow", "wait", "ls --host"])
def test_14_no_command_runs_for_a_word_that_is_no_address(
    environ: dict[str, str],
    tmp_path: Path,
    word: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert main([*command.split(), word] if command == "ls --host" else [*command.split(), "--", word]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert not (tmp_path / "sentinel").exists()
    assert not Path(environ["FAKE_SSH_LOG"]).exists()


def _alive(environ: dict[str, str]) -> list[str]:
    """The stand-ins that were started and still run."""
    found = []
    log = Path(environ["FAKE_SSH_LOG"])
    for line in log.read_text().splitlines() if log.exists() else []:
        command = Path(f"/proc/{line.split()[0]}/cmdline")
        if command.exists() and b"fake_ssh" in command.read_bytes():
            found.append(line)
    return found


def test_the_far_end_of_a_live_session_imports_nothing_that_a_viewer_would_have_to_wait_for() -> None:
    heavy = ("asyncio", "sqlite3", "pydantic", "textual", "yaml", "httpx", "swarmtui.session.state")
    code = (
        "import sys, swarmtui.cli.main, swarmtui.cli.console, swarmtui.cli.dial_stdio, swarmtui.host.dial\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_20_a_host_that_was_killed_just_now_is_waited_for_until_its_lock_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel frees the lock of what was killed a moment after its socket takes nothing any more."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path))
    folder = SessionFolder(tmp_path / "7f3a")
    folder.path.mkdir()
    socket_path = tmp_path / "dead"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path))
    folder.host_json.write_text(json.dumps({"socket": str(socket_path)}))
    held = ExitStack()
    held.enter_context(locked(folder))
    polls: list[float] = []

    def pause(seconds: float) -> None:
        polls.append(seconds)
        if len(polls) == 3:
            held.close()

    monkeypatch.setattr(dial, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pause))
    with held:
        assert dial._host_of(folder) is None
    assert len(polls) == 3
    monkeypatch.setattr(dial, "BETWEEN_S", 0.0)
    with locked(folder), pytest.raises(ConnectionError, match="the host of 7f3a cannot be reached"):
        dial._host_of(folder)


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"socket": 5, "viewers": "x"}', "[" * 100_000])
def test_what_a_host_tells_of_itself_is_of_the_right_kind_or_nothing(
    tmp_path: Path, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path))
    folder = SessionFolder(tmp_path)
    folder.host_json.write_text(said)
    assert named_socket(folder) is None
    assert viewers_of(folder) == 0
