"""``export``, ``import`` and ``rm`` as commands."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from swarmtui.cli.console import Console
from swarmtui.cli.export import destination
from swarmtui.cli.failures import UsageError
from swarmtui.cli.main import main, module_of
from swarmtui.host.exits import Exit
from swarmtui.host.launch import LaunchFailed, start_host
from swarmtui.host.locate import list_sessions
from swarmtui.host.lock import locked
from swarmtui.safety.paths import PathRefused
from swarmtui.session.folder import SessionFolder
from swarmtui.session.reader import Reader
from swarmtui.session.state_json import state_hash
from swarmtui.session.summary import needs_you
from tests.session.files import session_file
from tests.session.recordings import checkpoint, deerflow_chat, sse, trace
from tests.session.test_export_page import parsed


def run(name: str, *words: object) -> int:
    module = import_module(module_of(name))
    parser = argparse.ArgumentParser()
    module.arguments(parser)
    arguments = parser.parse_args([str(word) for word in words])
    return int(module.run(arguments, Console(json=bool(getattr(arguments, "json", False)))))


def recorded(folder: Path) -> dict[str, Path]:
    """One file of each kind that can be imported, but for our own."""
    content = {
        "chat.txt": sse(*deerflow_chat()),
        "trace.jsonl": "".join(f"{json.dumps(line)}\n" for line in trace()),
        "checkpoint.json": json.dumps(checkpoint(), indent=2),
    }
    for name, text in content.items():
        (folder / name).write_text(text)
    return {name: folder / name for name in content}


async def test_an_exported_session_is_imported_under_its_id_or_another_with_the_same_state(
    sessions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await session_file(sessions / "original", crash=False)
    with Reader(sessions / "original" / "session.db") as reader:
        before = state_hash(reader.state())
    file = tmp_path / "out.jsonl"
    assert run("export", "orig", "-o", file) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    capsys.readouterr()
    assert run("import", file, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["id"] != "original"
    assert told["events"] == 125
    assert run("rm", "original", "--force") == 0
    assert run("import", file) == 0
    for name in (told["id"], "original"):
        with Reader(sessions / name / "session.db") as reader:
            assert state_hash(reader.state()) == before
    with pytest.raises(Exception, match="there is a session original already"):
        run("import", file, "--name", "original")
    assert sorted(path.name for path in sessions.iterdir()) == sorted(["original", told["id"]])


@pytest.mark.parametrize("name", ["chat.txt", "trace.jsonl", "checkpoint.json"])
def test_what_was_imported_is_labelled_and_no_host_goes_on_with_it(
    sessions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run("import", recorded(tmp_path)[name], "--name", "theirs") == 0
    (row,) = list_sessions()
    assert row["imported"]
    assert row["status"] in ("succeeded", "failed", "paused")
    capsys.readouterr()
    assert run("ls") == run("show", "theirs") == 0
    said = capsys.readouterr().out
    assert "[imported]" in said
    assert "a recording; nothing of it ran here" in said
    with pytest.raises(LaunchFailed, match="swarmtui replay theirs") as refused:
        start_host(SessionFolder(sessions / "theirs"))
    assert refused.value.code == Exit.USAGE
    assert not SessionFolder(sessions / "theirs").host_log.exists()
    for words in (
        ["resume", "theirs"],
        ["resume", "theirs", "--retry-failed"],
        ["ctl", "theirs", "retry", "x"],
        ["ctl", "theirs", "pause"],
    ):
        capsys.readouterr()
        assert main(words) == Exit.USAGE
        said = capsys.readouterr().err
        assert "session theirs was imported: it is a recording" in said
        assert "`swarmtui replay theirs` plays it, `swarmtui fork theirs` begins" in said


def test_lines_that_cannot_be_read_are_told_and_a_file_that_is_refused_leaves_nothing(
    sessions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = recorded(tmp_path)["chat.txt"]
    chat.write_text("event: message_chunk\ndata: {broken \x1b[31m\n\n" + chat.read_text())
    assert run("import", chat) == 0
    told = capsys.readouterr()
    assert f"{chat}:1: its data is no JSON" in told.err
    assert "1 lines could not be read" in told.out
    assert "\x1b" not in told.err + told.out
    (tmp_path / "other").write_text("nothing of the kind")
    with pytest.raises(UsageError, match="is nothing that can be imported"):
        run("import", tmp_path / "other")
    assert len(list(sessions.iterdir())) == 1


@pytest.mark.parametrize(("form", "begins"), [("html", "<!doctype html>"), ("md", "# "), ("json", '{"id"')])
def test_each_form_is_written_by_the_name_of_the_file_and_to_standard_output(
    sessions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, begins: str
) -> None:
    run("import", recorded(tmp_path)["chat.txt"], "--name", "theirs")
    capsys.readouterr()
    file = tmp_path / f"out.{form}"
    assert run("export", "theirs", "-o", file) == run("export", "theirs", "--format", form) == 0
    said = capsys.readouterr()
    assert said.out == file.read_text()
    assert said.out.startswith(begins)
    assert "deerflow" in said.out.lower()
    assert str(file) in said.err
    assert list(tmp_path.glob(".out*")) == []


def test_an_export_follows_links_and_writes_to_a_pipe_as_it_is(sessions: Path, tmp_path: Path) -> None:
    run("import", recorded(tmp_path)["trace.jsonl"], "--name", "theirs")
    file, link, pipe = (tmp_path / name for name in ("file.md", "link.md", "pipe.md"))
    file.write_text("before")
    link.symlink_to(file)
    assert run("export", "theirs", "-o", link) == 0
    assert link.is_symlink()
    assert file.read_text().startswith("# ")
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as thread:
        read = thread.submit(pipe.read_text)
        assert run("export", "theirs", "-o", pipe) == 0
        assert read.result() == file.read_text()
    assert pipe.is_fifo()


def test_an_export_that_cannot_be_written_names_the_file_that_was_asked_for(
    sessions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("import", recorded(tmp_path)["trace.jsonl"], "--name", "theirs")
    capsys.readouterr()
    assert main(["export", "theirs", "-o", str(tmp_path / "nope" / "x.html")]) == Exit.USAGE
    assert f"{tmp_path}/nope/x.html: there is no such file" in capsys.readouterr().err


def test_an_export_that_is_ended_by_a_signal_takes_back_what_it_began(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def ended() -> None:
        with destination(tmp_path / "x.jsonl") as file:
            file.write(b"half")
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit) as left:
        ended()
    assert left.value.code == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.chaos
def test_a_film_is_a_whole_recording_with_a_marker_for_each_mark(sessions: Path, tmp_path: Path) -> None:
    run("import", recorded(tmp_path)["trace.jsonl"], "--name", "theirs")
    file = tmp_path / "out.cast"
    assert run("export", "theirs", "-o", file, "--size", "80x24", "--fps", "2", "--speed", "4") == 0
    head, events = parsed(file.read_text().splitlines())
    assert head["term"] == {"cols": 80, "rows": 24, "type": "xterm-256color"}
    markers = [data for _, code, data in events if code == "m"]
    assert "retry: flaky failed, tried again: no luck" in markers
    assert "failure: break failed: it is broken" in markers
    assert events[-1][0] > 2
    assert run("export", "theirs", "--as", "cast2", "-o", file, "--size", "80x24", "--fps", "2", "--speed", "4") == 0
    old, *rest = map(json.loads, file.read_text().splitlines())
    assert (old["version"], old["width"], old["height"]) == (2, 80, 24)
    assert [at for at, _, _ in rest] == pytest.approx([*(at for at, _, _ in events)], abs=0.002)
    assert {code for _, code, _ in rest} == {"o", "m"}
    assert "break" in "".join(data for _, code, data in events if code == "o")


@pytest.mark.parametrize("words", [("x", "-o", "a.zip"), ("x", "-o", "a.cast", "--size", "9x9"), ("HOST/x",)])
def test_an_export_that_makes_no_sense_is_refused(sessions: Path, words: tuple[str, ...]) -> None:
    (sessions / "x").mkdir()
    (sessions / "x" / "launch.json").write_text("{}")
    with pytest.raises((UsageError, SystemExit)):
        run("export", *words)


async def test_rm_asks_refuses_what_runs_and_tells_the_size(
    sessions: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        await session_file(sessions / name, 5, crash=False)
    with pytest.raises(UsageError, match="--force"):
        run("rm", "one")
    with locked(SessionFolder(sessions / "two")), pytest.raises(UsageError, match=r"two has a host: .*nothing was"):
        run("rm", "one", "two", "--force")
    assert sorted(path.name for path in sessions.iterdir()) == ["one", "two"]
    capsys.readouterr()
    monkeypatch.setattr(Console, "interactive", property(lambda self: True))
    answers = iter(["n", "yes"])
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return next(answers)

    monkeypatch.setattr("builtins.input", answer)
    assert run("rm", "one") == Exit.FAILED
    assert (sessions / "one" / "session.db").exists()
    assert run("rm", "one", "one") == Exit.OK
    assert sorted(path.name for path in sessions.iterdir()) == ["two"]
    assert "KiB" in asked[0]
    assert "removed one, " in capsys.readouterr().out


def test_what_the_log_has_redacted_stays_so_in_every_form(
    sessions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing beside the log and what it names is exported: not how the session was launched, nor its environment."""
    monkeypatch.setenv("SOME_API_KEY", "hunter2-hunter2-hunter2")
    run("import", recorded(tmp_path)["chat.txt"], "--name", "theirs")
    folder = SessionFolder(sessions / "theirs")
    for path in (folder.launch, folder.host_log, folder.artefacts / "log.txt"):
        path.write_text("hunter2-hunter2-hunter2")
    capsys.readouterr()
    said: list[Any] = []
    for form in ("jsonl", "html", "md", "json"):
        assert run("export", "theirs", "--as", form) == 0
        said.append(capsys.readouterr().out)
    assert all(text and "hunter2" not in text for text in said)


def test_what_is_no_session_file_at_all_is_called_that_and_nobody_is_sent_to_recover_it(
    sessions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(session_file(sessions / "there", 5, crash=False))
    (tmp_path / "slow.yaml").write_text("goal: g\n" * 100)
    (tmp_path / "empty.db").write_bytes(b"")
    (tmp_path / "dir.yaml").mkdir()
    for words, why in (
        (["replay", f"{tmp_path}/slow.yaml", "--no-tty"], "is no session file: its name is that of a task file"),
        (["replay", f"{tmp_path}/empty.db", "--no-tty"], "is no session file: it is empty"),
        (["validate", f"{tmp_path}/dir.yaml"], "dir.yaml: is a folder without"),
        (["events", "there", "--from", "99"], "there is no event 99: this session has events 1 to 15"),
    ):
        capsys.readouterr()
        assert main(words) != 0
        said = capsys.readouterr().err
        assert why in said
        assert "recover" not in said


def test_recover_closes_a_copied_home_to_others_by_itself(sessions: Path, tmp_path: Path) -> None:
    asyncio.run(session_file(sessions / "cut", 5, crash=True))
    for folder in (sessions, sessions.parent):
        folder.chmod(0o755)
    assert run("recover", "cut", "-o", "whole") == 0
    assert [folder.stat().st_mode & 0o777 for folder in (sessions, sessions.parent)] == [0o700, 0o700]
    sessions.chmod(0o777)
    with pytest.raises(PathRefused, match="is open to others"):
        run("recover", "cut", "-o", "again")


async def test_a_recording_that_ends_while_somebody_was_asked_needs_nobody(
    sessions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is left of the file ends before the plan was approved."""
    await session_file(sessions / "whole", 5, crash=False)
    file = tmp_path / "cut.jsonl"
    run("export", "whole", "-o", file)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:4]))
    assert run("import", file, "--partial", "--name", "cut") == 0
    with Reader(sessions / "cut" / "session.db") as reader:
        assert needs_you(reader.state()) == 1
    (row,) = (row for row in list_sessions() if row["id"] == "cut")
    assert row["needs_you"] == 0
    capsys.readouterr()
    assert run("ls") == run("show", "cut") == 0
    told = capsys.readouterr().out
    assert "needs you" not in told
    assert "waits for you" not in told
