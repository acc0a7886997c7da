"""The sample agents as they ship: each plays its conversation on the simulated model, and can be talked to."""

from __future__ import annotations

import io
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from swarmtui import Agent, Response, Swarm
from swarmtui.agents.swarm.functions import function_name
from swarmtui.evaluation.function_choice import evaluate, load_cases
from tests.agents.swarm.scripted import Script, calls, says

SAMPLES = Path(__file__).parents[3] / "sample_tasks" / "agents"
NAMES = ("airline", "shopper", "support", "triage", "weather")


def play(name: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    runpy.run_path(str(SAMPLES / f"{name}.py"), run_name="__main__")


def load(name: str) -> dict[str, Any]:
    return runpy.run_path(str(SAMPLES / f"{name}.py"), run_name="loaded")


def test_these_are_all():
    assert sorted(path.stem for path in SAMPLES.glob("*.py")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_plays_its_conversation_labelled_as_simulated_and_ends(name: str, monkeypatch, capsys):
    play(name, monkeypatch)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    said = load(name)["SAID"]
    assert [line.removeprefix("User: ") for line in lines if line.startswith("User: ")] == said
    assert len([line for line in lines if "[simulated] The tool answered:" in line]) >= len(said) - 1
    assert "Error" not in out
    assert err == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_can_be_talked_to(name: str, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    play(name, monkeypatch, "--chat")
    assert capsys.readouterr().out.startswith("Talking to ")


def test_a_sample_is_a_program():
    ended = subprocess.run([sys.executable, SAMPLES / "triage.py"], capture_output=True, text=True, check=True)
    assert "Workshop: [simulated] The tool answered: Booked" in ended.stdout


@pytest.mark.parametrize(
    ("file", "module", "agent", "number"),
    [
        ("triage_cases", "triage", "desk", 2),
        ("weather_cases", "weather", "weather", 6),
        ("airline_cases", "airline", "desk", 4),
        ("airline_changes_cases", "airline", "changes", 3),
    ],
)
def test_the_cases_of_a_sample_are_for_its_agent(file: str, module: str, agent: str, number: int):
    loaded = load(module)
    asked: Agent = loaded[agent]
    cases = load_cases(SAMPLES / f"{file}.json")
    assert len(cases) == number
    assert {case.function for case in cases} <= {"None", *map(function_name, asked.functions)}

    right = iter([says("no") if case.function == "None" else calls((case.function, {})) for case in cases])
    swarm = Swarm(Script(right))

    def ask(conversation: Any) -> Any:
        context = loaded.get("CONTEXT")
        return swarm.run(asked, conversation, context, max_turns=1, execute_tools=False).messages

    assert evaluate(cases, ask).as_json()["overall_accuracy_percent"] == "100.00%"
    wrong = Script([says("no") for _ in cases])
    none = sum(case.function == "None" for case in cases)
    assert evaluate(cases, lambda talk: answered(wrong, asked, talk).messages).correct == none


def answered(client: Script, agent: Agent, conversation: Any) -> Response:
    return Swarm(client).run(agent, conversation, {"name": "n", "flight": "f"})


def test_the_customer_of_the_shop_is_who_the_context_says():
    shop = load("shopper")["Shop"]()
    script = Script([calls(("return_book", {"number": 1, "context_variables": {"customer": "c-7"}})), says("x")])
    response = Swarm(script).run(Agent(functions=[shop.return_book]), [], {"customer": "c-8"})
    told = "Error: LookupError: this customer has no order 1; there are []"
    assert response.messages[1]["content"] == told


def test_the_example_of_the_documentation_runs(monkeypatch, capsys):
    text = (SAMPLES.parents[1] / "docs" / "swarm.md").read_text("utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    exec(code.replace("Swarm()", "Swarm('simulated/instant')"), {})
    assert capsys.readouterr().out.startswith("Billing [simulated] The tool answered")
