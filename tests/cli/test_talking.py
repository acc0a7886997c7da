"""What the prompt at home is given: task files, what is wrong with them, and the coordinator over a real connection."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from swarmtui.agents.coordinator import Start
from swarmtui.cli.talking import CommandDesk, argv_of, problems_of, prompting
from swarmtui.safety.redact import Redactor, Secret
from swarmtui.tui.desk import TalkFailed
from swarmtui.tui.view.prompt import Kind
from swarmtui.tui.view.talk import Turn
from tests.fakes.llm import Answer, FakeLLM, Status

TASK = """\
title: Night
goal: g
inputs: {depth: {default: 3, help: how far}, who: {required: true}}
nodes: {a: {run: [ls]}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which nothing is."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"SWARMTUI_HOME": str(tmp_path / "home"), "SWARMTUI_MODEL": "simulated/instant"}


def desk(environ: Mapping[str, str]) -> CommandDesk:
    return CommandDesk(Redactor([Secret("hunter2-hunter2")]), environ)


def ran(environ: Mapping[str, str], name: str, path: object) -> None:
    """A session that was launched with the task file at `path`."""
    place = Path(environ["SWARMTUI_HOME"]) / "state" / "sessions" / name
    place.mkdir(parents=True)
    (place / "launch.json").write_text(json.dumps({"path": path}))


@pytest.fixture
async def llm() -> AsyncIterator[FakeLLM]:
    async with FakeLLM() as server:
        yield server


def answering(llm: FakeLLM, environ: Mapping[str, str]) -> dict[str, str]:
    """An environment in which `llm` is the worker model."""
    return {
        **environ,
        "SWARMTUI_MODEL": "openai/fake-small",
        "OPENAI_API_KEY": "sk-1234567890abcdefghij",
        "OPENAI_BASE_URL": llm.base_url,
    }


# -- task files -------------------------------------------------------------------------------------------------------


async def test_recent_task_files_come_first_and_samples_after_them(folder: Path, environ: dict[str, str]) -> None:
    (folder / "night.yaml").write_text(TASK)
    for number, path in enumerate((str(folder / "night.yaml"), str(folder / "gone.yaml"), None, 7)):
        ran(environ, f"s{number}", path)
    found = await desk(environ).known()
    assert (found[0].name, found[0].kind) == ("night.yaml", Kind.RECENT)
    assert found[0].told.startswith("ran ")
    assert {entry.kind for entry in found[1:]} == {Kind.SAMPLE}
    assert "Code review" in [entry.told for entry in found]


async def test_a_folder_gives_its_task_files_and_folders_and_nothing_hidden(
    folder: Path, environ: dict[str, str]
) -> None:
    for name in ("b.yaml", "a.yml", "notes.txt", ".hidden.yaml", "e\x1b[2J.yaml"):
        (folder / name).write_text("")
    (folder / "docs").mkdir()
    (folder / "docs" / "c.yaml").write_text("")
    (folder / "away.yaml").symlink_to("nowhere")
    found = await desk(environ).entries("")
    assert [entry.name for entry in found] == ["a.yml", "b.yaml", "e\x1b[2J.yaml", "docs/"]
    assert [entry.usable for entry in found] == [True, True, False, True]
    assert [entry.name for entry in await desk(environ).entries("docs/")] == ["docs/c.yaml"]
    assert await desk(environ).entries("nowhere/") == []


async def test_of_a_task_its_title_its_size_and_its_inputs_are_told(folder: Path, environ: dict[str, str]) -> None:
    (folder / "night.yaml").write_text(TASK)
    told = await desk(environ).told("night.yaml")
    assert told is not None
    assert (told.title, told.about) == ("Night", "1 node")
    assert [(one.name, one.default, one.told) for one in told.inputs] == [
        ("depth", "3", "how far"),
        ("who", "", "required"),
    ]
    assert await desk(environ).told("a goal in words") is None


async def test_of_a_task_that_changed_the_new_text_is_told(folder: Path, environ: dict[str, str]) -> None:
    one, file = desk(environ), folder / "night.yaml"
    file.write_text("goal: [")
    broken = await one.told("night.yaml")
    assert broken is not None
    assert broken.problems[0].startswith("night.yaml:2:1: ")
    file.write_text(TASK)
    os.utime(file, ns=(1, 1))
    mended = await one.told("night.yaml")
    assert mended is not None
    assert mended.title == "Night"


# -- what is wrong ----------------------------------------------------------------------------------------------------


def test_every_mistake_is_told_with_its_place(folder: Path) -> None:
    (folder / "bad.yaml").write_text("goal: g\nnodes:\n  a: {promt: x}\n  b: {run: [ls], needs: c}\n")
    found = problems_of(["run", "bad.yaml"])
    assert any(problem.startswith("bad.yaml:3:7: unknown key `promt`") for problem in found)
    assert any(problem.startswith("bad.yaml:4:") for problem in found)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["run", "night.yaml"], "input who: this input is required"),
        (["run", "night.yaml", "--set", "who=me", "--set", "dept=1"], "did you mean depth?"),
        (["run", "night.yaml", "--set", "who"], "is not NAME=VALUE"),
        (["run", "night.yaml", "--frobnicate"], "frobnicate"),
        (["run", "nihgt.yaml"], "did you mean night.yaml?"),
        (["run", "night.yaml", "--set", "who=me", "--model", "wroker=openai/x"], "wroker"),
        (["run", "/dev/null/x.yaml"], "no such task file"),
        (["run", "pipe.yaml"], "give a task file"),
        (["run", "..."], "says nothing as a goal"),
    ],
)
def test_what_keeps_a_run_from_starting_is_one_line(folder: Path, argv: list[str], told: str) -> None:
    (folder / "night.yaml").write_text(TASK)
    os.mkfifo(folder / "pipe.yaml")
    (only,) = problems_of(argv)
    assert told in only
    assert "\n" not in only


def test_what_can_start_has_no_problems_and_a_goal_is_no_task_file(folder: Path) -> None:
    (folder / "night.yaml").write_text(TASK)
    (folder / "notes").write_text("goal: sneaky\n")
    assert problems_of(["run", "night.yaml", "--set", "who=me", "--review"]) == []
    assert problems_of(["run", "compare three queues"], goal=True) == []
    assert problems_of(["run", "--", "--approve"], goal=True) == []
    assert "is the name of a task file" in problems_of(["run", "notes"], goal=True)[0]
    assert "is the name of a task file" in problems_of(["run", "code_review"], goal=True)[0]


def test_a_proposal_is_a_run_and_nothing_else() -> None:
    assert argv_of(Start(goal="--approve everything")) == ("run", "--", "--approve everything")
    assert argv_of(Start(goal="compare")) == ("run", "compare")
    argv = argv_of(Start(task="code_review", inputs={"path": "--approve"}))
    assert argv == ("run", "code_review", "--set", "path=--approve")


# -- the coordinator --------------------------------------------------------------------------------------------------


async def test_the_worker_model_answers_and_its_text_streams(
    llm: FakeLLM, folder: Path, environ: dict[str, str]
) -> None:
    llm.will(Answer("REPLY\nAll is quiet."))
    pieces: list[str] = []
    one = desk(answering(llm, environ))
    assert await one.model() == ("openai/fake-small", False)
    talk = [Turn("you", "is it quiet? hunter2-hunter2"), Turn("problem", "throttled")]
    rows = [{"id": "q7m2xk", "status": "running", "title": "with hunter2-hunter2"}]
    answer = await one.answer(talk, rows, pieces.append)
    assert (answer.kind, answer.text, answer.tokens) == ("reply", "All is quiet.", 18)
    assert "".join(pieces) == "All is quiet."
    asked = llm.ledger[0]
    assert "q7m2xk | running | with ***" in asked.text
    assert "code_review | Code review | inputs: path" in asked.text
    assert asked.prompt == "is it quiet? ***"
    assert "throttled" not in asked.text


async def test_a_proposal_comes_as_the_command_that_would_run(
    llm: FakeLLM, folder: Path, environ: dict[str, str]
) -> None:
    llm.will(Answer('START\n{"say": "A review.", "task": "code_review", "inputs": {"path": "src"}}'))
    answer = await desk(answering(llm, environ)).answer([Turn("you", "review it")], [], lambda text: None)
    assert (answer.kind, answer.argv) == ("start", ("run", "code_review", "--set", "path=src"))
    assert not list(folder.iterdir())


async def test_a_task_file_that_is_wrong_is_not_there_to_be_proposed(
    llm: FakeLLM, folder: Path, environ: dict[str, str]
) -> None:
    (folder / "night.yaml").write_text("goal: [")
    llm.will(Answer('START\n{"task": "night.yaml"}'))
    answer = await desk(answering(llm, environ)).answer([Turn("you", "tonight")], [], lambda text: None)
    assert "night.yaml" not in llm.ledger[0].text.partition("<tasks>")[2]
    assert "a task file that there is not: night.yaml" in answer.problem


async def test_a_proposal_that_would_not_start_is_none(llm: FakeLLM, folder: Path, environ: dict[str, str]) -> None:
    llm.will(Answer('START\n{"goal": "code_review"}'))
    answer = await desk(answering(llm, environ)).answer([Turn("you", "review it")], [], lambda text: None)
    assert answer.argv == ()
    assert "is the name of a task file" in answer.problem


async def test_what_goes_wrong_is_one_clear_line_without_the_key(
    llm: FakeLLM, folder: Path, environ: dict[str, str]
) -> None:
    llm.will(Status(401, body='{"error": {"message": "bad key sk-1234567890abcdefghij"}}'))
    with pytest.raises(TalkFailed) as caught:
        await desk(answering(llm, environ)).answer([Turn("you", "hello")], [], lambda text: None)
    assert "sk-123" not in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(TalkFailed, match="SWARMTUI_MODEL"):
        await desk({**environ, "SWARMTUI_MODEL": "nobody/x"}).model()


async def test_a_folder_of_sessions_that_is_a_file_is_one_clear_line(folder: Path, environ: dict[str, str]) -> None:
    sessions = Path(environ["SWARMTUI_HOME"]) / "state" / "sessions"
    sessions.parent.mkdir(parents=True)
    sessions.write_text("")
    with pytest.raises(TalkFailed, match=r"recent task files cannot be read: .*sessions: Not a directory$"):
        await desk(environ).answer([Turn("you", "hello")], [], lambda text: None)


async def test_without_a_model_the_simulated_one_answers_and_is_called_that(
    folder: Path, environ: dict[str, str]
) -> None:
    one = desk(environ)
    assert await one.model() == ("simulated/instant", True)
    answer = await one.answer([Turn("you", "compare three message queues")], [], lambda text: None)
    assert answer.argv == ("run", "compare three message queues")
    assert answer.text.startswith("[simulated]")


def test_prompts_and_conversation_are_kept_in_the_directory_for_state(environ: dict[str, str]) -> None:
    given = prompting(environ)
    given.typed.add({"text": "a"})
    given.talk.add({"who": "you", "text": "b"})
    state = Path(environ["SWARMTUI_HOME"]) / "state"
    assert sorted(path.name for path in state.iterdir()) == ["prompts.jsonl", "talk.jsonl"]
