"""``swarmtui replay`` without a terminal: what is printed, and what is refused."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from pathlib import Path

import pytest

from swarmtui.cli import replay
from swarmtui.cli.main import main
from swarmtui.session.folder import SessionFolder

HISTORY = Path(__file__).parent.parent / "fixtures" / "histories" / "schema-1.db"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a session that ended long ago, called ``abcdefgh``."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "home" / "state" / "sessions" / "abcdefgh"
    folder.mkdir(parents=True, mode=0o700)
    shutil.copyfile(HISTORY, folder / "session.db")
    return folder


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.splitlines()


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    try:
        code = main(words)
    except SystemExit as left:
        code = int(left.code or 0)
    said = capsys.readouterr()
    assert said.out == ""
    return code, said.err


def test_29_a_replay_as_fast_as_possible_prints_the_lines_of_events(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = printed(capsys, "events", "abcdefgh")
    assert len(events) > 10
    assert printed(capsys, "replay", "abc", "--no-tty", "--speed", "max") == events
    assert printed(capsys, "replay", "abcdefgh", "--json", "--speed", "64", "--idle-limit", "0") == events


def test_29_it_begins_and_ends_where_it_is_told_to(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = printed(capsys, "events", "abcdefgh")
    approved = next(line for line in events if json.loads(line)["type"] == "plan_approved")
    at = events.index(approved)
    for words in (["--at", str(at + 1)], ["--at", "approval:2"]):
        for speed in ("max", "64"):
            until = ["--until", str(at + 4), "--speed", speed, "--idle-limit", "0"]
            assert printed(capsys, "replay", "abcdefgh", "--no-tty", *words, *until) == events[at : at + 4]


def test_29_a_file_is_replayed_wherever_it_lies(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = printed(capsys, "events", "abcdefgh")
    shutil.copyfile(HISTORY, "copy.db")
    shutil.copytree(session, "folder")
    for word in ("copy.db", "./copy.db", "folder", "folder/session.db", str(session / "session.db")):
        assert printed(capsys, "replay", word, "--no-tty", "--speed", "max") == events


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["abcdefgh"], 2, "replay needs a terminal that can be drawn on; without one: --no-tty"),
        (["abcdefgh", "--no-tty", "--pause-on-marks"], 2, "needs the workbench"),
        (["abcdefgh", "--no-tty", "--at", "0"], 2, "there is no event 0: this session has events 1 to"),
        (["abcdefgh", "--no-tty", "--at", "nowhere"], 2, "'nowhere' is no moment of this session: give"),
        (["abcdefgh", "--no-tty", "--at", "9", "--until", "3"], 2, "--until is before the beginning"),
        (["abcdefgh", "--no-tty", "--speed", "65"], 2, "'65' is no speed: a number from 0.25 to 64, or max"),
        (["abcdefgh", "--no-tty", "--speed", "nan"], 2, "'nan' is no speed"),
        (["abcdefgh", "--no-tty", "--idle-limit", "-1"], 2, "no number of seconds, nor none"),
        (["zzz", "--no-tty"], 3, "no session 'zzz'"),
        (["./no.db", "--no-tty"], 74, "no.db"),
        (["task.yaml", "--no-tty"], 74, "task.yaml"),
    ],
)
def test_29_what_cannot_be_played_is_refused_in_a_line(
    session: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, why: str
) -> None:
    Path("task.yaml").write_text("goal: g\n")
    left, said = refused(capsys, "replay", *words)
    assert (left, len(said.splitlines())) == (code, 1)
    assert why in said


@pytest.mark.parametrize(
    ("words", "plays"),
    [
        ([], True),
        (["--at", "3"], False),
        (["--at", "3", "--speed", "1"], True),
        (["--at", "3", "--until", "5"], True),
        (["--at", "3", "--pause-on-marks"], True),
    ],
)
async def test_29_a_replay_that_was_asked_for_a_moment_stays_there(
    session: Path, words: list[str], plays: bool
) -> None:
    parser = ArgumentParser()
    replay.arguments(parser)
    feed = await replay._feed(SessionFolder(session), parser.parse_args(["abcdefgh", *words]))
    try:
        assert feed.status.play is not None
        assert feed.status.play.playing is plays
        assert feed.status.play.speed == 1.0
    finally:
        await feed.close()
