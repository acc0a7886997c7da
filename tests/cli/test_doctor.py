"""``swarmtui doctor``: plain it asks nobody who bills; a model that is named it asks."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from swarmtui.cli import doctor
from swarmtui.cli.console import Console
from swarmtui.cli.failures import UsageError
from swarmtui.host.exits import Exit
from swarmtui.models.probe import Probe
from swarmtui.plan.model import ModelRef


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path))
    (tmp_path / "config").mkdir()
    return tmp_path / "config" / "config.yaml"


def words(*given: str) -> Namespace:
    parser = ArgumentParser()
    doctor.arguments(parser)
    return parser.parse_args(given)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_model_that_is_named_is_asked_and_nothing_else_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = words("simulated/fast", "--json")
    assert doctor.run(arguments, Console(json=True)) == Exit.OK
    (check,) = lines(capsys)
    assert (check["type"], check["name"], check["verdict"]) == ("check", "simulated/fast", "note")
    assert (check["reachable"], check["streams"], check["tools"], check["structured_output"]) == (True,) * 4
    assert isinstance(check["first_token_s"], float)


def test_the_tiers_are_asked_once_where_they_are_one_model(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMTUI_MODEL", "simulated/instant")
    assert doctor.run(words("--models", "worker", "--json"), Console(json=True)) == Exit.OK
    assert [check["name"] for check in lines(capsys)] == ["simulated/instant"]


def test_a_model_that_does_not_answer_is_an_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert doctor.run(words("openai/gpt-5"), Console(json=False)) == Exit.FAILED
    told = capsys.readouterr().out
    assert told.startswith("bad   openai/gpt-5")
    assert "OPENAI_API_KEY is not set" in told


def test_a_model_that_is_not_known_is_a_mistake_with_a_hint() -> None:
    with pytest.raises(UsageError, match="did you mean openai/"):
        doctor.run(words("opnai/x"), Console(json=False))


def test_a_mistake_in_the_configuration_is_told_with_its_place(home: Path) -> None:
    home.write_text("models:\n  acme: {}\n")
    with pytest.raises(UsageError, match=r"config\.yaml:2:9: models\.acme: needs a base_url"):
        doctor.run(words("acme/x"), Console(json=False))
    found = doctor.asyncio.run(doctor._models())  # type: ignore[attr-defined]
    assert [(check.name, check.verdict) for check in found] == [("models", "bad")]


def test_what_a_model_can_is_one_line() -> None:
    ref = ModelRef("acme", "m")
    probe = Probe(ref, True, True, "answers", 0.42, streams=True, tools=False, structured=None, asked_by="by schema")
    check = doctor.told(probe)
    assert check.verdict == "note"
    assert check.detail == (
        "answers; first token after 0.42 s, streams, tools: no, structured output (by schema): not known"
    )


def test_it_tells_whether_a_session_outlives_a_logout(monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> tuple[str, str, bool]:
        check = next(check for check in doctor.checks() if check.name == "logging out")
        return check.verdict, check.detail, check.more["sessions_survive"]

    monkeypatch.setattr("swarmtui.host.lodging.ends_at_logout", lambda: "")
    assert told() == ("ok", "sessions go on when you log out", True)
    monkeypatch.setattr("swarmtui.host.lodging.ends_at_logout", lambda: "this machine ends what a login leaves")
    assert told() == ("note", "this machine ends what a login leaves", False)
