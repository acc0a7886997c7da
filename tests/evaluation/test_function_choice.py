"""How often an agent chooses the right function, counted."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from swarmtui.cli.main import main
from swarmtui.evaluation.function_choice import (
    Answer,
    Case,
    CasesError,
    append_result,
    evaluate,
    load_cases,
)

CASES = (
    Case(({"role": "user", "content": "Where is my bag?"},), "find_bag"),
    Case(({"role": "user", "content": "Why are we here?"},), "None"),
)


def answer(function: str | None, content: str | None = None) -> list[dict[str, Any]]:
    calls = [{"id": "c", "type": "function", "function": {"name": function, "arguments": "{}"}}] if function else None
    return [{"role": "assistant", "content": content, "tool_calls": calls}]


def test_the_share_of_right_choices_is_counted_per_case_and_in_all():
    script = iter([answer("find_bag"), answer("rebook"), answer(None, "Who knows."), answer("find_bag")])
    evaluation = evaluate(CASES, lambda _: next(script), repeats=2)
    assert [result.correct for result in evaluation.results] == [1, 1]
    assert (evaluation.correct, evaluation.total, evaluation.share) == (2, 4, 0.5)
    low, high = evaluation.interval()
    assert 0.1 < low < 0.5 < high < 0.9


def test_the_result_has_the_form_of_openai_swarms():
    script = iter([answer("find_bag"), answer("rebook", "I rebook."), answer(None, "Hm."), answer(None, "Hm.")])
    told = evaluate(CASES, lambda _: next(script), repeats=2).as_json()
    assert list(told) == ["id", "timestamp", "results", "correct_evals", "total_evals", "overall_accuracy_percent"]
    assert (told["correct_evals"], told["total_evals"], told["overall_accuracy_percent"]) == (3, 4, "75.00%")
    assert datetime.fromisoformat(told["timestamp"]).tzinfo is not None
    assert told["results"] == [
        {
            "messages": [{"role": "user", "content": "Where is my bag?"}],
            "expected_function": "find_bag",
            "actual_function": ["find_bag", "rebook"],
            "actual_message": ["None", "I rebook."],
            "case_accuracy": "50.00%",
        },
        {
            "messages": [{"role": "user", "content": "Why are we here?"}],
            "expected_function": "None",
            "actual_function": ["None", "None"],
            "actual_message": ["Hm.", "Hm."],
            "case_accuracy": "100.00%",
        },
    ]


def test_a_run_without_any_answer_chose_nothing():
    assert Answer.of([]) == Answer("None", "None")


def test_cases_are_read_from_json(tmp_path: Path):
    file = tmp_path / "cases.json"
    listed = [{"conversation": [dict(m) for m in case.conversation], "function": case.function} for case in CASES]
    file.write_text(json.dumps([*listed, {**listed[1], "function": None}]))
    assert load_cases(file) == (*CASES, CASES[1])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "is not JSON"),
        ("{}", "must be a list of cases"),
        ("[]", "must be a list of cases"),
        ('[{"conversation": []}]', "case 1: must have conversation and function"),
        ('[{"conversation": ["hi"], "function": "f"}]', "case 1: conversation must be a list of messages"),
        ('[{"conversation": [{"role": "user"}], "function": 3}]', "case 1: function must be the name"),
    ],
)
def test_a_file_of_something_else_is_refused_with_its_place(tmp_path: Path, text: str, told: str):
    file = tmp_path / "cases.json"
    file.write_text(text)
    with pytest.raises(CasesError, match=told) as caught:
        load_cases(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_results_are_added_to_those_that_are_there(tmp_path: Path):
    file = tmp_path / "results.json"
    evaluations = [evaluate(CASES, lambda _: answer("find_bag")) for _ in range(2)]
    for evaluation in evaluations:
        append_result(file, evaluation)
    assert json.loads(file.read_text()) == [evaluation.as_json() for evaluation in evaluations]
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    file.write_text("not results")
    with pytest.raises(CasesError, match="is not a file of results"):
        append_result(file, evaluations[0])
    assert file.read_text() == "not results"


AGENT = """
from swarmtui import Agent
def find_bag(): raise SystemExit("nothing may be executed")
desk = Agent(name="Desk", functions=[find_bag])
other = Agent(name="Other")
number = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "desk.py").write_text(AGENT)
    listed = [{"conversation": [dict(m) for m in case.conversation], "function": case.function} for case in CASES]
    (tmp_path / "cases.json").write_text(json.dumps(listed))
    return tmp_path


def evaluated(folder: Path, *more: str, agent: str = "desk") -> int:
    where = ["--agent", f"{folder}/desk.py:{agent}", "--model", "simulated/instant"]
    return main(["eval", "functions", f"{folder}/cases.json", *where, *more])


def test_the_command_asks_and_prints_the_share(folder: Path, capsys):
    assert evaluated(folder, "--repeats", "3") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["3/3", "Where", "is", "my", "bag?", "expected", "find_bag,", "chosen", "find_bag"]
    assert shown[-1].startswith("3 of 6 right: 50.00% (95% interval ")


def test_the_command_gives_json_and_keeps_it_and_judges(folder: Path, capsys):
    kept = folder / "results.json"
    assert evaluated(folder, "--json", "--out", str(kept), "--at-least", "60", agent="desk") == 1
    assert json.loads(kept.read_text()) == [json.loads(capsys.readouterr().out)]
    assert evaluated(folder, "--at-least", "50%", agent="other") == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["eval", "functions"], "needs a file of cases and an agent"),
        (["eval", "functions", "x.json", "--agent", "nowhere.py:a"], "there is no such Python file"),
        (["eval", "functions", "x.json", "--agent", "{folder}/desk.py:number"], "is no Agent; there are desk, other"),
        (["eval", "functions", "{folder}/desk.py", "--agent", "{folder}/desk.py:desk"], "is not JSON"),
        (["eval", "functions", "{folder}/no.json", "--agent", "{folder}/desk.py:desk"], "there is no such file"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(folder: Path, capsys, arguments: list[str], told: str):
    assert main([part.format(folder=folder) for part in arguments]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_an_agent_whose_file_fails_is_one_line(folder: Path, capsys):
    (folder / "desk.py").write_text("import nothing_of_that_name")
    assert evaluated(folder) == 2
    assert "ModuleNotFoundError" in capsys.readouterr().err
