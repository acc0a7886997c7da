"""Every command that takes a session, and every way in which it is not to be had: the code, and one line for it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import pkgutil
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import swarmtui
from swarmtui.cli.main import main
from swarmtui.host import asking
from swarmtui.session.folder import SessionFolder
from swarmtui.session.rows import SCHEMA
from tests.session.files import session_file
from tests.ssh.test_dialling import FAKE

slow = pytest.mark.chaos
ALWAYS = (
    "show {id}", "show {id} --json", "wait {id} --json", "ctl {id} pause", "resume {id} --detach", "attach {id} --json",
    "rm {id} --force",
)  # fmt: skip
"""Of each way in which a command gets at a session one is tried always, here and elsewhere."""
READING = [
    "show {id}",
    "show {id} --json",
    "show {id} --plan",
    "events {id}",
    "events {id} --follow",
    "graph {id}",
    "forecast {id}",
    "export {id} --as jsonl",
    "export {id} --as json",
    "compare {id} {id}",
    "wait {id}",
    "wait {id} --json",
    "attach {id} --headless",
    "attach {id} --json",
    "replay {id} --no-tty",
]
CHANGING = ["ctl {id} pause", "ctl {id} pause --json", "resume {id} --detach", "fork {id} --detach", "rm {id} --force"]


def tried(commands: list[str], always: tuple[str, ...] = ALWAYS) -> list[object]:
    """All of them, those that are not tried always among the slow tests."""
    return [command if command in always else pytest.param(command, marks=slow) for command in commands]


ALL = tried(READING + CHANGING)
FILES = tried([command for command in READING + CHANGING if not command.startswith("rm")])
FAR = tried(READING + CHANGING, ("show {id} --json", "ctl {id} pause"))


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A session that has ended, as a folder to be copied. Everybody may come there, also who is not root."""
    folder = Path(tempfile.mkdtemp(prefix="sw-exit-"))
    folder.chmod(0o755)
    asyncio.run(session_file(folder / "abcdefgh", 3, crash=False))
    yield folder / "abcdefgh"
    shutil.rmtree(folder)


@pytest.fixture
def sessions(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with this one session in it."""
    home = Path(tempfile.mkdtemp(prefix="sw-exit-"))
    monkeypatch.setenv("SWARMTUI_HOME", str(home))
    monkeypatch.setenv("SWARMTUI_SSH", FAKE)
    monkeypatch.delenv("FAKE_SSH_LOG", raising=False)
    monkeypatch.setattr(asking, "has_terminal", lambda: False)
    folder = home / "state" / "sessions"
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    shutil.copytree(made, folder / made.name)
    yield folder
    shutil.rmtree(home)


def told(command: str, id: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The code, and the one line on standard error; on standard output there is nothing."""
    capfd.readouterr()
    code = main(command.format(id=id).split())
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("swarmtui: ")
    assert "Traceback" not in err
    return code, err


@pytest.mark.parametrize("command", ALL)
def test_a_session_that_is_not_there_or_not_the_only_one_is_code_3(
    sessions: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    code, said = told(command, "nobody", capfd)
    if command.startswith(("graph", "forecast")):  # which take task files, too
        assert (code, "neither a session nor a task file" in said) == (2, True), said
    else:
        assert (code, "no session 'nobody': `swarmtui ls`" in said) == (3, True), said
    shutil.copytree(sessions / "abcdefgh", sessions / "abcxyz")
    code, said = told(command, "abc", capfd)
    assert code == 3
    assert "'abc' begins several sessions (" in said
    assert {"abcdefgh", "abcxyz"} <= {*said.replace(",", " ").replace("(", " ").replace(")", " ").split()}


@pytest.mark.parametrize("command", FILES)
def test_a_file_that_cannot_be_read_is_a_code_of_its_own(
    sessions: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    session = SessionFolder(sessions / "abcdefgh")
    good = session.db.read_bytes()
    session.db.write_bytes(b"this is no session file, whatever it is called " * 100)
    code, said = told(command, session.id, capfd)
    assert (code, str(session.db) in said) == (74, True), said
    session.db.write_bytes(good)
    with sqlite3.connect(session.db) as opened:
        opened.execute("UPDATE meta SET value = ? WHERE key = 'min_reader'", (str(SCHEMA + 1),))
    opened.close()
    code, said = told(command, session.id, capfd)
    assert (code, "newer version" in said) == (5, True), said


@pytest.mark.parametrize("command", FILES)
def test_what_belongs_to_somebody_else_is_code_4(
    sessions: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    session = SessionFolder(sessions / "abcdefgh")
    session.db.chmod(0)
    with nobody(sessions):
        code, said = told(command, session.id, capfd)
    assert (code, "ermission denied" in said) == (4, True), said


@contextlib.contextmanager
def nobody(sessions: Path) -> Iterator[None]:
    """Within the block we are not root, to whom nothing is denied; the sessions belong to whom we are."""
    was = os.geteuid()
    if was == 0:
        for path in [sessions.parents[1], *sessions.parents[1].rglob("*")]:
            os.chown(path, 65_534, 65_534, follow_symlinks=False)
        for module in pkgutil.walk_packages(swarmtui.__path__, "swarmtui."):
            if module.name.startswith(("swarmtui.engine", "swarmtui.host")):
                importlib.import_module(module.name)  # it may lie where only root reads
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_what_was_made_read_only_in_a_session_goes_with_it_and_what_is_removed_after_it_too(
    sessions: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(sessions / "abcdefgh", sessions / "second")
    cache = sessions / "abcdefgh" / "artefacts" / "go" / "mod"
    cache.mkdir(parents=True)
    (cache / "source.go").write_text("package x\n")
    (cache / "link").symlink_to(sessions)
    for folder in (cache, cache.parent):
        folder.chmod(0o500)
    with nobody(sessions):
        assert main(["rm", "abcdefgh", "second", "--force"]) == 0
    assert list(sessions.iterdir()) == []
    assert capfd.readouterr().out.count("removed ") == 2


@pytest.mark.parametrize(
    ("host", "code", "said"),
    [
        ("closed", 6, "closed cannot be reached: connect to host closed port 22: Connection refused"),
        ("denied", 4, "denied did not let you in"),
        ("changed", 4, "its key is not known here"),
        ("bare", 127, "`ssh bare 'pipx install swarmtui'`"),
        ("old", 5, "`ssh old 'pipx upgrade swarmtui'`"),
    ],
)
@pytest.mark.parametrize("command", FAR)
def test_a_machine_that_is_not_to_be_had_is_told_as_one_line(
    sessions: Path, capfd: pytest.CaptureFixture[str], command: str, host: str, code: int, said: str
) -> None:
    found, line = told(command, f"{host}/abc", capfd)
    assert (found, said in line) == (code, True), line


@pytest.mark.parametrize("command", FAR)
def test_a_session_that_is_not_on_the_other_machine_is_code_3_and_names_the_machine(
    sessions: Path, capfd: pytest.CaptureFixture[str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = r"""printf "%s\n" "swarmtui: no session x: \`swarmtui ls\` lists those there are" >&2; exit 3"""
    monkeypatch.setenv("SWARMTUI_REMOTE", f"sh -c '{says}'")
    code, line = told(command, "box/nobody", capfd)
    assert (code, line.startswith("swarmtui: box: no session x: `swarmtui ls --host box` lists")) == (3, True), line


@pytest.mark.parametrize("command", tried([word for word in READING if "--json" in word or "events" in word]))
def test_what_programs_read_is_json_lines_and_nothing_else(
    sessions: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    main(command.format(id="abc").split())
    lines = capfd.readouterr().out.splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize("command", ["attach {id}", "replay {id}", "rm {id}"])
def test_what_needs_a_terminal_says_so_where_there_is_none(
    sessions: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    assert told(command, "abcdefgh", capfd)[0] == 2


@pytest.mark.parametrize(
    ("command", "config", "code", "said"),
    [
        ("config", "", 0, ""),
        ("config check", "workbench: {theme: swarm-light}\n", 0, ""),
        ("config", "workbench: {them: x}\n", 2, "did you mean theme?"),
        ("config check", "workbench: {keys: {help: []}}\n", 2, "help needs a key"),
        ("config init", "workbench: {}\n", 2, "is there already"),
        ("config edit", "workbench: {}\n", 2, "cannot be started"),
        ("completion", "", 2, "say which shell"),
        ("completion csh", "", 2, "say which shell"),
        ("completion --words sessions", "", 0, ""),
    ],
)
def test_commands_about_the_program_itself_end_with_0_or_with_2_and_one_line(
    sessions: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    config: str,
    code: int,
    said: str,
) -> None:
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    folder = sessions.parents[1] / "config"
    folder.mkdir(mode=0o700)
    if config:
        (folder / "config.yaml").write_text(config)
    found = main(command.split())
    err = capfd.readouterr().err
    assert (found, said in err, err.count("\n")) == (code, True, 1 if said else 0), err
