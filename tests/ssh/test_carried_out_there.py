"""Commands about a session on another machine that are carried out there: what that machine is asked to run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from swarmtui.cli.main import main
from swarmtui.host import asking

FAKE = f"{sys.executable} -S {Path(__file__).with_name('fake_ssh.py')}"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine whose swarmtui says what it was asked, and what it was given to read."""
    monkeypatch.setattr(asking, "has_terminal", lambda: False)
    monkeypatch.setenv("SWARMTUI_SSH", FAKE)
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWARMTUI_REMOTE", "sh -c 'echo \"$@\"; [ $1 != fork ] || cat' x")
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


def test_an_ssh_that_is_killed_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWARMTUI_REMOTE", "sh -c 'kill -9 $$' x")
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


@pytest.mark.parametrize("code", [1, 2, 7, 74])
def test_the_exit_code_and_the_words_of_the_other_machine_are_passed_on(
    code: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWARMTUI_REMOTE", f"sh -c 'echo swarmtui: so it is >&2; exit {code}' x")
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
    assert capfd.readouterr().err.count("sessions of one machine") == 2


def test_a_task_file_is_no_address(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "task.yaml").write_text("goal: x\nnodes: {hello: {run: [echo, hello]}}\n")
    assert main(["graph", "box/task.yaml"]) == 0
    assert "hello" in capfd.readouterr().out
    assert main(["graph", "box/missing.yaml"]) == 2
