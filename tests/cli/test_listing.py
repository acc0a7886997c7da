"""What lists and waits say of sessions: which are meant, which cannot be read, how far they are, why they stand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swarmtui.cli import ls, wait
from swarmtui.cli.console import Console
from swarmtui.cli.main import main
from swarmtui.session.folder import SessionFolder
from tests.session.files import session_file


def row(**known: object) -> dict[str, object]:
    """A session as it is listed."""
    return {
        "id": "7f3a", "title": "x", "status": "running", "reason": "", "started": 1.0, "ended": None, "counts": {},
        "cost_usd": 0.0, **known,
    }  # fmt: skip


def listed(
    console: Console, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, **known: object
) -> str:
    monkeypatch.setattr(ls, "list_sessions", lambda: [row(**known)])
    assert ls.print_table(console) == 1
    return capsys.readouterr().out.splitlines()[1]


async def test_a_status_that_no_session_can_have_is_refused_and_one_that_none_has_is_told(
    sessions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ls"]) == 0
    assert "no sessions yet" in capsys.readouterr().out
    await session_file(sessions / "one", 5, crash=False)
    for words in (["ls"], ["ls", "--json"], ["ls", "--host", "box"]):
        assert main([*words, "--status", "bogus"]) == 2
        assert "--status bogus: sessions are planning, awaiting_approval, running" in capsys.readouterr().err
    assert main(["ls", "--status", "planning"]) == 0
    assert capsys.readouterr().out == "none with the status planning\n"


async def test_a_damaged_session_is_called_that_with_what_saves_it(
    sessions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await session_file(sessions / "one", 5, crash=False)
    db = SessionFolder(sessions / "one").db
    db.write_bytes(db.read_bytes()[:100] + b"this is no page of a session file " * 1000)
    for words in (["ls"], ["ls", "--status", "damaged"]):
        assert main(words) == 0
        (line,) = capsys.readouterr().out.splitlines()[1:]
        assert line.split()[:2] == ["one", "damaged"]
        assert line.endswith("`swarmtui recover one` saves what is intact")
    assert main(["ls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "crashed"
    db.write_bytes(b"this is no session file " * 200)
    assert main(["ls"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["one", "damaged"]


def test_how_far_maps_are_and_why_a_session_stands_is_in_the_list(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console()
    far = listed(console, capsys, monkeypatch, counts={"running": 2}, items={"done": 315, "total": 2000})
    assert "0/2 · 315/2,000" in far
    assert " 1/6 " in listed(console, capsys, monkeypatch, status="cancelled", counts={"cancelled": 5, "succeeded": 1})
    assert "paused (disk)" in listed(console, capsys, monkeypatch, status="paused", reason="disk")
    assert "disk" not in listed(console, capsys, monkeypatch, status="running", reason="disk")


async def test_a_wait_without_time_tells_how_the_session_stands(
    sessions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await session_file(sessions / "one", 5, crash=True)
    assert wait._stands(SessionFolder(sessions / "one"), None, 0.0) == "is crashed"
    assert "does not answer" in wait._stands(SessionFolder(sessions / "one"), None, 60.0)


@pytest.mark.parametrize("command", ["attach one", "replay one"])
async def test_a_terminal_that_cannot_be_drawn_on_is_told_what_prints_lines(
    sessions: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    await session_file(sessions / "one", 5, crash=False)
    monkeypatch.setattr(Console, "interactive", property(lambda self: True))
    monkeypatch.setenv("TERM", "dumb")
    assert main(command.split()) == 2
    assert "--no-tty" in capsys.readouterr().err
    assert main([]) == 0
    assert "swarmtui attach ID" in capsys.readouterr().out
