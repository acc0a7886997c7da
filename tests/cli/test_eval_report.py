"""``swarmtui eval report`` from the shell: figures for people and scripts, a judge's marks, one line per mistake."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from swarmtui.cli.main import main
from swarmtui.evaluation.reports import MARKS
from tests.fakes.llm import Answer, FakeLLM

REPORT = """# Owls

## Summary

They hear well ([one](https://a.example/x), [two](https://b.example/y), [one](https://a.example/x)).

## References
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWARMTUI_MODEL", "simulated/instant")
    (tmp_path / "owls.md").write_text(REPORT)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["eval", "report", *words]) == 0
    return capsys.readouterr().out


def test_a_report_s_figures_are_a_table_that_says_which_sections_are_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = told(capsys, "owls.md").splitlines()
    assert lines[0] == "academic"
    assert [line.split()[:2] for line in lines[2:4]] == [["citations", "3"], ["sources", "2"]]
    assert lines[5].startswith("sections   2 of 7  missing: introduction, method")


def test_they_are_json_for_scripts_by_the_style_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, "owls.md", "--json", "--style", "news"))
    assert (found["style"], found["citations"], found["sources"]) == ("news", 3, 2)
    assert found["sections"] == {"lead": True, "facts": False, "background": False, "sources": True}
    assert found["coverage"] == 0.5
    assert "judge" not in found


def test_marks_of_the_simulated_judge_are_marked_as_made_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert "SIMULATED" in told(capsys, "owls.md", "--judge", "planner")
    judge = json.loads(told(capsys, "owls.md", "--json", "--judge", "planner"))["judge"]
    assert judge["simulated"] is True
    assert judge["marks"].keys() == MARKS.keys()
    assert judge["question"] == "Owls", "without a question its heading is what it is about"


async def test_a_judge_is_asked_once_and_once_more_where_its_marks_are_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = dict.fromkeys(MARKS, 8) | {"writing": 3}
    async with FakeLLM() as llm:
        monkeypatch.setenv("OPENAI_BASE_URL", llm.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        llm.will(Answer("It is fine."), Answer(json.dumps({"marks": marks, "weaknesses": ["its \x1b[31mstyle"]})))
        words = ("owls.md", "--judge", "openai/fake-small", "--question", "Do owls hear well?")
        shown = await asyncio.to_thread(told, capsys, *words)
        first, _ = llm.ledger
    assert "Do owls hear well?" in first.prompt
    assert "They hear well" in first.prompt
    assert [line.split()[:2] for line in shown.splitlines() if line.startswith(("writing", "altogether"))] == [
        ["writing", "3"],
        ["altogether", "7.5"],
    ]
    assert "- its style" in shown
    assert "SIMULATED" not in shown


MISTAKES = {
    "gone.md": "gone.md: there is no such file, and no such session",
    "": "needs the report",
    ".": "is a folder",
    "bytes.md": "this is not UTF-8",
    "owls.md --style loud": "there are academic, popular_science",
    "owls.md --judge nobody/none": "known providers are",
    "owls.md --judge openai/gpt-5": "the judge gave no marks: OPENAI_API_KEY is not set",
    "plain.md --judge planner": "say --question TEXT",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_each_mistake_is_one_line(
    words: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (folder / "bytes.md").write_bytes(b"\xff\xfe\x00")
    (folder / "plain.md").write_text("no heading")
    assert main(["eval", "report", *words.split()]) in (1, 2)
    printed = capsys.readouterr()
    assert not printed.out
    (line,) = printed.err.splitlines()
    assert MISTAKES[words] in line
