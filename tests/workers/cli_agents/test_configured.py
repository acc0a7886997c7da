from pathlib import Path

import pytest

from swarmtui.plan.problems import TaskError
from swarmtui.workers.cli_agents.configured import user_programs
from swarmtui.workers.cli_agents.programs import load_programs


def configured(folder: Path, text: str) -> dict[str, str]:
    file = folder / "config" / "config.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)
    return {"SWARMTUI_HOME": str(folder)}


def refused(folder: Path, text: str) -> str:
    with pytest.raises(TaskError) as error:
        user_programs(configured(folder, text))
    return str(error.value).replace(str(folder), "")


@pytest.mark.parametrize("text", ["", "# nothing\n", "models: {}\n", "programs:\n"])
def test_without_a_word_of_the_user_they_are_as_known(tmp_path: Path, text: str) -> None:
    claude = load_programs().get("claude")
    assert user_programs({"SWARMTUI_HOME": str(tmp_path / "none")}).get("claude") == claude
    assert user_programs(configured(tmp_path, text)).get("claude") == claude


def test_the_user_changes_how_a_known_one_is_called_key_by_key(tmp_path: Path) -> None:
    found = user_programs(configured(tmp_path, "programs:\n  claude: {edit: [--yolo], exits: {'9': {kind: outage}}}\n"))
    assert found.get("claude").edit == ("--yolo",)
    assert found.get("claude").exits[9].kind == "outage"
    assert found.get("claude").resume == load_programs().get("claude").resume
    assert found.get("codex") == load_programs().get("codex")


def test_each_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    told = refused(tmp_path, "programs:\n  claude:\n    modle: []\n  codex: 3\n").splitlines()
    assert told[0].startswith("/config/config.yaml:3:12: programs.claude.modle: unknown key: did you mean model?")
    assert any(line.startswith("/config/config.yaml:4:10: programs.codex: must be a mapping") for line in told)


def test_what_is_not_known_is_written_in_the_task_file(tmp_path: Path) -> None:
    told = refused(tmp_path, "programs:\n  mine: {argv: [mine]}\n")
    assert told.startswith("/config/config.yaml:2:9: only claude, codex, ")
    assert "`command: [...]`" in told
    assert "must be a mapping" in refused(tmp_path, "programs: 3\n")


def test_what_others_may_write_names_no_commands(tmp_path: Path) -> None:
    environ = configured(tmp_path, "programs: {claude: {argv: [evil]}}\n")
    (tmp_path / "config" / "config.yaml").chmod(0o666)
    with pytest.raises(TaskError, match="others may write this file"):
        user_programs(environ)
