"""Commands about a session on another machine that are carried out there: what that machine is asked to run."""

from __future__ import annotations

import asyncio
import io
import os
import select
import shlex
import sys
from pathlib import Path

import pytest

from swarmtui.cli.main import main
from swarmtui.host import asking
from swarmtui.host.address import Address
from swarmtui.host.dialling import Unreachable
from swarmtui.host.fleet import list_hosts
from swarmtui.host.ssh_dial import called

BOX = Address("box", "7f3a")
FAKE = f"{sys.executable} -S {Path(__file__).with_name('fake_ssh.py')}"


def answers(monkeypatch: pytest.MonkeyPatch, script: str, first: str = "echo swarmtui-dial/1") -> None:
    """On the other machine a shell carries `script` out in the place of swarmtui, having said what swarmtui does."""
    monkeypatch.setenv("SWARMTUI_REMOTE", f"sh -c {shlex.quote(f'{first}; shift; {script}')} x")


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine whose swarmtui says what it was asked, and what it was given to read."""
    monkeypatch.setattr(asking, "has_terminal", lambda: False)
    monkeypatch.setenv("SWARMTUI_SSH", FAKE)
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    answers(monkeypatch, 'echo "$@"; [ $1 != fork ] || cat')
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("show box/7f3a --json", "show 7f3a --json"),
        ("show --json me@box/7f3a", "show --json 7f3a"),
        ("show ssh://me@box:22/7f3a", "show 7f3a"),
        ("events box/7f3a --from 5", "events 7f3a --from 5"),
        ("graph box/7f3a --as mermaid", "graph 7f3a --as mermaid"),
        ("forecast box/7f3a", "forecast 7f3a"),
        ("resume box/7f3a --detach", "resume 7f3a --detach"),
        ("rm box/7f3a box/8e2b --force", "rm 7f3a 8e2b --force"),
        ("compare box/7f3a box/8e2b --node a/3", "compare 7f3a 8e2b --node a/3"),
    ],
)
def test_a_command_goes_to_the_machine_that_has_the_session(
    given: str, asked: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(given.split()) == 0
    assert capfd.readouterr().out == f"{asked}\n"


def test_a_file_with_edits_is_read_here_and_sent_along(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.yaml").write_text("nodes: {}\n")
    assert main(["fork", "box/7f3a", "--edit", "plan.yaml", "--detach"]) == 0
    assert capfd.readouterr().out == "fork 7f3a --edit - --detach\nnodes: {}\n"
    assert main(["fork", "box/7f3a", "--edit", "--detach"]) == 2
    assert "give --edit the FILE" in capfd.readouterr().err


def test_a_machine_that_does_not_take_what_is_sent_is_told_as_a_failure_and_never_passed_over(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.yaml").write_text("nodes: {}\n" * 100_000)
    assert main(["fork", "closed/7f3a", "--edit", "plan.yaml", "--detach"]) == 6
    assert "closed cannot be reached" in capfd.readouterr().err
    (tmp_path / "link.html").symlink_to("page.html")
    assert main(["export", "box/7f3a", "--fps", "3", "-o", "link.html"]) == 0
    assert (tmp_path / "link.html").is_symlink()
    assert "--fps 3" in (tmp_path / "page.html").read_text()


def test_an_ssh_that_is_killed_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for first in ("echo swarmtui-dial/1", "true"):
        answers(monkeypatch, "kill -9 $$", first)
        assert main(["show", "box/7f3a"]) == 6
        assert capfd.readouterr().err == "swarmtui: ssh to box was ended by signal 9\n"


def test_an_export_is_written_here_and_whole_or_not_at_all(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "box/7f3a", "-o", "page.html"]) == 0
    assert (tmp_path / "page.html").read_text().startswith("export 7f3a --as html")
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o600
    assert capfd.readouterr().err.startswith("swarmtui: page.html: ")
    assert main(["export", "box/7f3a", "--as", "md"]) == 0
    assert capfd.readouterr().out.startswith("export 7f3a --as md")
    assert main(["export", "closed/7f3a", "-o", "other.html"]) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert "closed cannot be reached" in capfd.readouterr().err


def test_what_a_shell_there_prints_before_swarmtui_speaks_is_never_taken_for_its_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "noisy/7f3a", "--json"]) == 0
    assert capfd.readouterr().out == "show 7f3a --json\n"
    assert main(["export", "noisy/7f3a", "-o", "page.jsonl"]) == 0
    assert (tmp_path / "page.jsonl").read_text().startswith("export 7f3a --as jsonl --size")
    capfd.readouterr()
    assert main(["show", "elsewhere/7f3a"]) == 6
    assert capfd.readouterr() == (
        "",
        "swarmtui: elsewhere answers, but not with swarmtui: see what `ssh elsewhere swarmtui --version` prints\n",
    )


@pytest.mark.chaos
def test_a_machine_on_which_swarmtui_does_not_speak_is_given_up_with_all_that_was_started_for_it(
    tmp_path: Path,
) -> None:
    note = tmp_path / "pid"
    environ = {**os.environ, "SWARMTUI_SSH": f"sh -c 'sleep 100 & echo $! > {note}; wait'"}
    with (
        pytest.raises(Unreachable, match="swarmtui did not speak in time"),
        called(BOX, ["show"], environ=environ, patience_s=1),
    ):
        pass
    assert ends(int(note.read_text()))
    note.unlink()
    (row,) = asyncio.run(list_hosts([Address("box")], timeout_s=1, environ=environ))
    assert row == {"host": "box", "error": "no answer within 1 s"}
    assert ends(int(note.read_text()))


def ends(pid: int) -> bool:
    """Whether a process ends, which takes a moment after it was killed; nobody need have asked yet how."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 5.0)[0])
    finally:
        os.close(watched)


def test_a_list_on_standard_input_is_left_to_whoever_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, "cat")
    was, (read_end, write_end) = os.dup(0), os.pipe()
    os.write(write_end, b"one\ntwo\n")
    os.close(write_end)
    os.dup2(read_end, 0)
    try:
        assert main(["show", "box/7f3a"]) == 0
        assert capfd.readouterr().out == ""
        assert os.read(read_end, 100) == b"one\ntwo\n"
    finally:
        os.dup2(was, 0)
        os.close(was)
        os.close(read_end)


def test_an_edit_on_standard_input_is_sent_along(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"nodes: {}\n")))
    assert main(["fork", "box/7f3a", "--edit", "-", "--detach"]) == 0
    assert capfd.readouterr().out == "fork 7f3a --edit - --detach\nnodes: {}\n"


def test_commands_that_another_machine_names_are_named_as_they_are_given_here(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    answers(
        monkeypatch,
        r"""printf '%s\n' 'swarmtui: session 7f3axyz has a host: `swarmtui ctl 7f3axyz cancel` ends it' >&2; exit 2""",
    )
    assert main(["rm", "me@box/7f3a", "--force"]) == 2
    said = "swarmtui: session 7f3axyz has a host: `swarmtui ctl me@box/7f3axyz cancel` ends it\n"
    assert capfd.readouterr().err == said


def test_what_a_machine_calls_a_session_is_an_id_before_it_is_a_word_of_a_command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, """echo '{"type": "launch", "id": "x; touch y"}'""")
    assert main(["resume", "box/7f3a", "--headless"]) == 6
    assert capfd.readouterr().err == "swarmtui: box: what its swarmtui says cannot be read\n"


@pytest.mark.parametrize("words", ["show box/7f3a", "attach box/7f3a --headless", "wait box/7f3a", "ls --host box"])
def test_a_program_that_is_not_there_is_no_ssh(
    words: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWARMTUI_SSH", "nosuchssh")
    assert main(words.split()) == (6 if words.startswith("ls") else 127)
    assert "nosuchssh cannot be run (No such file or directory): install an ssh client" in "".join(capfd.readouterr())


@pytest.mark.parametrize("code", [1, 2, 7, 74])
def test_the_exit_code_and_the_words_of_the_other_machine_are_passed_on(
    code: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, f"echo swarmtui: so it is >&2; exit {code}")
    assert main(["show", "box/7f3a"]) == code
    assert capfd.readouterr().err == "swarmtui: so it is\n"


@pytest.mark.parametrize(
    "said", ["argument COMMAND: invalid choice: 'show' (choose from run, ls)", "unrecognized arguments: --json"]
)
def test_an_older_program_there_that_does_not_know_what_is_asked_is_told_as_that(
    said: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWARMTUI_REMOTE", f"""sh -c 'echo "swarmtui: {said.replace("'", "")}" >&2; exit 2' x""")
    assert main(["show", "box/7f3a", "--json"]) == 5
    assert "`ssh box 'pipx upgrade swarmtui'` brings another" in capfd.readouterr().err


def test_sessions_of_two_machines_are_not_compared(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "box/7f3a", "other/8e2b"]) == 2
    assert main(["compare", "box/7f3a", "8e2b"]) == 2
    assert main(["compare", "ssh://box:22/7f3a", "ssh://box:23/8e2b"]) == 2
    assert main(["compare", "ssh://me@box/7f3a", "you@box/8e2b"]) == 2
    assert capfd.readouterr().err.count("sessions of one machine") == 4
    assert main(["compare", "me@box/7f3a", "ssh://me@box/8e2b"]) == 0


def test_a_task_file_is_no_address(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "task.yaml").write_text("goal: x\nnodes: {hello: {run: [echo, hello]}}\n")
    assert main(["graph", "box/task.yaml"]) == 0
    assert "hello" in capfd.readouterr().out
    assert main(["graph", "box/missing.yaml"]) == 2
