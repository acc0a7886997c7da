"""What is written back to an ``.orchestrator`` folder, and what never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmtui.engine.orchestrator_folder import STATUSES, OrchestratorFolder, status_table
from swarmtui.plan.model import MergeSpec, Node, Retry, RunSpec
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import ErrorKind, State
from tests.engine.world import World, failure, node, plan, running

TASKS = (
    Node("read-x", RunSpec(("cat", "--", "/x")), title="Read x"),
    node("one", "read-x", title="First | task"),
    node("two", "one", title="Second", retry=Retry(1, 0.001, 0.001)),
    Node("final_output", MergeSpec(), needs=("one", "two")),
)


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, header and rule left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


async def ended(tmp_path: Path, folder: Path, script: object) -> World:
    """A session of TASKS that has ended, written back to `folder`."""
    session = tmp_path / "session"
    session.mkdir(parents=True)
    back = OrchestratorFolder(folder, session)
    async with running(session, plan(*TASKS), script, mirror=back) as world:  # type: ignore[arg-type]
        await world.finished()
        for event in await world.recorded():
            back.note(event)
        back(world.state)
        return world


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / ".orchestrator"
    path.mkdir()
    return path


async def test_each_task_leaves_a_result_and_its_line_in_the_table(tmp_path: Path, folder: Path) -> None:
    await ended(tmp_path, folder, lambda attempt: f"said by {attempt.node} \x1b[31m" + "x" * 9000)
    assert "said by one" in (folder / "results" / "one-result.md").read_text()
    result = (folder / "results" / "two-result.md").read_text()
    assert result.count("x") >= 9000
    assert "\x1b" not in result
    table = rows((folder / "status.md").read_text())
    assert [(row[0], row[2], row[6]) for row in table] == [("one", "Completed", "-"), ("two", "Completed", "one")]
    assert table[0][1] == "First \\| task"
    assert {path.name for path in (folder / "results").iterdir()} == {"one-result.md", "two-result.md"}


async def test_what_went_wrong_is_in_the_error_log_with_what_became_of_it(tmp_path: Path, folder: Path) -> None:
    def script(attempt: object) -> object:
        first_try = attempt.node == "two" and attempt.number == 1  # type: ignore[attr-defined]
        return failure(ErrorKind.EXIT, "it | broke") if first_try else "fine"

    await ended(tmp_path, folder, script)
    (row,) = rows((folder / "error_log.md").read_text())
    assert row[1:5] == ["two", "Second", "exit", "it \\| broke"]
    assert row[5] == "attempt 2 after 0 s; it succeeded"


async def test_a_failed_task_has_no_result_but_its_reason_and_its_dependents_are_told(
    tmp_path: Path, folder: Path
) -> None:
    (folder / "results").mkdir()
    (folder / "results" / "one-result.md").write_text("from an earlier run")
    await ended(
        tmp_path, folder, lambda attempt: failure(ErrorKind.REFUSED, "no key") if attempt.node == "one" else "ok"
    )
    assert "No result: no key" in (folder / "results" / "one-result.md").read_text()
    table = rows((folder / "status.md").read_text())
    assert [(row[2], row[7]) for row in table] == [
        ("Failed", "no key"),
        ("Failed", "skipped, since one did not succeed"),
    ]
    assert [row[3] for row in rows((folder / "error_log.md").read_text())] == ["refused", "skipped", "skipped"]


async def test_the_folder_shows_the_end_before_the_end_is_recorded(tmp_path: Path, folder: Path) -> None:
    session = tmp_path / "session"
    session.mkdir()
    seen: list[str] = []
    back = OrchestratorFolder(folder, session)

    def mirror(state: SessionState) -> None:
        back(state)
        seen.append(state.status.value)

    async with running(session, plan(*TASKS), mirror=mirror) as world:
        await world.finished()
        assert seen == ["succeeded"]
        assert ": succeeded" in (folder / "status.md").read_text()
        assert [row[2] for row in rows((folder / "status.md").read_text())] == ["Completed", "Completed"]


async def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, folder: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "target.md").write_text("mine")
    (folder / "results").symlink_to(elsewhere)
    (folder / "status.md").symlink_to(elsewhere / "target.md")
    world = await ended(tmp_path, folder, lambda attempt: "ok")
    assert world.state.status.value == "succeeded"
    assert (elsewhere / "target.md").read_text() == "mine"
    assert [path.name for path in elsewhere.iterdir()] == ["target.md"]
    assert (folder / "error_log.md").is_file()


async def test_a_folder_that_is_gone_does_not_harm_the_session(tmp_path: Path) -> None:
    world = await ended(tmp_path, tmp_path / "gone", lambda attempt: "ok")
    assert world.state.status.value == "succeeded"
    assert not (tmp_path / "gone").exists()


async def test_what_has_not_changed_is_not_written_again(tmp_path: Path, folder: Path) -> None:
    world = await ended(tmp_path, folder, lambda attempt: "ok")
    back = OrchestratorFolder(folder, tmp_path / "session")
    back(world.state)
    before = {path: path.stat().st_ino for path in folder.rglob("*.md")}
    back(world.state)
    assert {path: path.stat().st_ino for path in folder.rglob("*.md")} == before


def test_every_state_has_one_of_the_six_statuses() -> None:
    assert set(STATUSES) == set(State)
    assert set(STATUSES.values()) == {"Pending", "Running", "Completed", "Failed", "Waiting", "Retrying"}


def test_a_simulated_session_is_labelled() -> None:
    from tests.engine.world import MODEL

    state = SessionState(id="s", title="t", models={"worker": MODEL})
    assert "SIMULATED" in status_table(state)


async def test_errors_of_earlier_sessions_stay_in_the_log(tmp_path: Path, folder: Path) -> None:
    row = "| 2020-01-02 03:04:05Z | one | First | exit | broke \\| once | attempt 2 after 4 s |"
    (folder / "error_log.md").write_text(
        f"# Error log\n\n| time | agent |\n|---|---|\n{row}\nnot a row\n| 2999-01-01 | x |\n"
    )
    world = await ended(
        tmp_path, folder, lambda attempt: failure(ErrorKind.REFUSED, "no key") if attempt.node == "one" else "ok"
    )
    OrchestratorFolder(folder, tmp_path / "session")(world.state)  # as after a resume
    found = rows((folder / "error_log.md").read_text())
    assert f"| {' | '.join(found[0])} |" == row
    assert [row[1] for row in found[1:]].count("one") == 1


# -- statuses in the tasks' own files --------------------------------------------------------------------------


def task_file(folder: Path, stem: str, text: str) -> Path:
    path = folder / "agent_tasks" / f"{stem}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    return path


async def test_each_tasks_file_tells_its_status_and_is_else_as_it_was(tmp_path: Path, folder: Path) -> None:
    one = task_file(
        folder, "agent-01", "\ufeff# First\r\n\r\n- ID: one\r\n- 状态：待执行\r\n\r\n## Description\r\nDo.\r\n"
    )
    two = task_file(folder, "two", "# Second\n\n## Description\nDo more.\n")
    one.chmod(0o640)
    tasks = (node("agent-01"), node("two", "agent-01"), Node("final_output", MergeSpec(), needs=("agent-01", "two")))
    session = tmp_path / "session"
    session.mkdir()
    back = OrchestratorFolder(folder, session)

    def script(attempt: object) -> object:
        return failure(ErrorKind.REFUSED, "no") if attempt.node == "two" else "fine"  # type: ignore[attr-defined]

    async with running(session, plan(*tasks), script, mirror=back) as world:
        await world.finished()
        back(world.state)
    text = "\ufeff# First\r\n\r\n- ID: one\r\n- 状态：已完成\r\n\r\n## Description\r\nDo.\r\n"
    assert one.read_bytes().decode() == text
    assert one.stat().st_mode & 0o777 == 0o640
    assert two.read_text() == "# Second\n\n- **Status**: Failed\n\n## Description\nDo more.\n"


async def test_a_task_file_that_cannot_be_written_harms_nothing(tmp_path: Path, folder: Path) -> None:
    elsewhere = tmp_path / "mine.md"
    elsewhere.write_text("# One\n\n- ID: one\n- Status: Pending\n\n## Description\nDo.\n")
    before = elsewhere.read_text()
    task_file(folder, "two", "# Two\n\nDo.\n").write_bytes(b"# Two\n\xff\n")
    (folder / "agent_tasks" / "one.md").symlink_to(elsewhere)
    world = await ended(tmp_path, folder, lambda attempt: "ok")
    assert world.state.status.value == "succeeded"
    assert elsewhere.read_text() == before
    assert (folder / "agent_tasks" / "two.md").read_bytes() == b"# Two\n\xff\n"
