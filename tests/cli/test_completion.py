"""Completion in shells: what is completed, and what is said where that cannot be had."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from swarmtui.cli.completion import SHELLS
from swarmtui.cli.main import COMMANDS, main
from tests.session.files import session_file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a session and two machines."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    sessions = tmp_path / "home" / "state" / "sessions"
    sessions.mkdir(parents=True, mode=0o700)
    asyncio.run(session_file(sessions / "abcdefgh", 3, crash=False))
    (tmp_path / ".ssh" / "more").mkdir(parents=True)
    (tmp_path / ".ssh" / "config").write_text(
        "Include more/*\n# Host no\nHost box *.example !not\n  User me\nhost=second third\n"
    )
    (tmp_path / ".ssh" / "more" / "a").write_text('Host "inner"\nInclude ~/.ssh/config\n')
    return tmp_path


def words(kind: str, capsys: pytest.CaptureFixture[str], *line: str) -> list[str]:
    assert main(["completion", "--words", kind, "--", *line]) == 0
    return capsys.readouterr().out.split()


def test_sessions_machines_samples_and_nodes_are_known(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert words("hosts", capsys) == ["box", "inner", "second", "third"]
    assert set(words("sessions", capsys)) == {"abcdefgh", "box/", "inner/", "second/", "third/"}
    assert "code_review" in words("tasks", capsys)
    assert "swarm-dark" in words("themes", capsys)
    assert "anthropic/" in words("models", capsys)
    nodes = words("nodes", capsys, "swarmtui", "ctl", "abcdefgh", "retry", "")
    assert nodes
    assert nodes == words("nodes", capsys)  # of the newest, where none is named


HOSTILE = (
    "$(touch ran)",
    "`touch ran`",
    "a;touch ran",
    "$HOME",
    "~root",
    "a b",
    "a\\b",
    "'",
    '"',
    "a\x1b[2J",
    "{a,b}",
    "*",
)


def test_no_name_of_a_file_is_offered_that_a_shell_would_read_as_more_than_a_name(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*HOSTILE, "plain", "été-2_b"):
        (home / f"{name}.yaml").touch()
    monkeypatch.chdir(home)
    assert {word for word in words("tasks", capsys) if word.endswith(".yaml")} == {"plain.yaml", "été-2_b.yaml"}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_in_the_script_of_every_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(name in script for name in COMMANDS)
    assert "swarmtui completion --words sessions" in script
    assert "dial-stdio" not in script


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (["conf"], {"config"}),
        (["show", "abc"], {"abcdefgh"}),
        (["attach", "b"], {"box/"}),
        (["config", ""], {"check", "edit", "init", "keys", "tour"}),
        (["run", "code_"], {"code_review"}),
        (["ctl", "abcdefgh", "pau"], {"pause"}),
    ],
)
def test_bash_completes(home: Path, line: list[str], wanted: set[str]) -> None:
    pytest.importorskip("shtab")
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    program = [sys.executable, "-m", "swarmtui.cli.main"]
    script = subprocess.run([*program, "completion", "bash"], check=True, capture_output=True, text=True).stdout
    asked = f"""
swarmtui() {{ "{sys.executable}" -m swarmtui.cli.main "$@"; }}
{script}
COMP_WORDS=(swarmtui {" ".join(repr(word) for word in line)})
COMP_CWORD={len(line)}
_shtab_swarmtui
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    ended = subprocess.run([bash, "-c", asked], check=False, capture_output=True, text=True, timeout=60)
    assert wanted <= set(ended.stdout.split()), ended.stderr


def test_without_shtab_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert capsys.readouterr().err == "swarmtui: completion needs shtab: pip install 'swarmtui[completion]'\n"


def test_a_shtab_that_knows_no_fish_is_said_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = ModuleType("shtab")
    old.SUPPORTED_SHELLS = ["bash", "zsh", "tcsh"]  # type: ignore[attr-defined]
    old.__version__ = "1.7.1"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shtab", old)
    assert main(["completion", "fish"]) == 2
    assert "shtab 1.7.1 knows no fish (it knows bash, zsh, tcsh)" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["completion"], ["completion", "csh"], ["completion", "bash", "zsh"]])
def test_which_shell_must_be_said(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "say which shell" in capsys.readouterr().err
