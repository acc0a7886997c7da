"""The command that tells what is set and mends it: never over what the user wrote, and every mistake with its line."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from swarmtui.cli.config import SECTIONS
from swarmtui.cli.main import main
from swarmtui.cli.variables import VARIABLES
from swarmtui.tui.actions.docs import markdown
from swarmtui.tui.actions.keymap import known_ids
from swarmtui.tui.actions.table import Keys
from swarmtui.tui.at_start import LAYOUT
from swarmtui.tui.effective import commented, effective, meanings
from swarmtui.tui.memory import Memory
from swarmtui.tui.settings import Settings, parse_settings

ROOT = Path(__file__).parents[2]
BAD = "workbench:\n  theme: swarm-light\n  keys: {pause_node: ctrl+m}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the config file would be."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path))
    for name in ("SWARMTUI_THEME", "SWARMTUI_ASCII", "SWARMTUI_MOTION", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "config" / "config.yaml"


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(exist_ok=True, mode=0o700)
    file.write_text(text)
    return file


def editor(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """An editor that does `script` with the file as $1."""
    program = folder / "editor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(program))


def test_without_a_file_everything_is_as_it_comes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 0
    out = capsys.readouterr().out
    assert f"{file} is not there: `swarmtui config init` writes one" in out
    assert re.search(r"theme +swarm-dark +default", out)
    assert main(["config", "check"]) == 0
    assert not file.exists()


def test_each_setting_is_told_with_its_source(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written(file, "models: {}\nworkbench:\n  motion: reduced\n  theme: swarm-light\n")
    assert main(["config", "--json"]) == 0
    told = {one["name"]: one for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert (told["theme"]["value"], told["theme"]["source"]) == ("swarm-light", f"{file}:4")
    assert (told["motion"]["value"], told["motion"]["source"]) == ("reduced", f"{file}:3")
    assert told["notify"]["source"] == "default"
    monkeypatch.setenv("SWARMTUI_THEME", "mine")
    by_name = {one.name: one for one in effective(file, Memory())}
    assert (by_name["theme"].value, by_name["theme"].source) == ("mine", "SWARMTUI_THEME")


def test_what_cannot_be_used_is_not_told_as_what_is_in_effect(file: Path) -> None:
    written(file, "workbench:\n  motion: sideways\n")
    by_name = {one.name: one for one in effective(file, Memory(), {})}
    assert (by_name["motion"].value, by_name["motion"].source) == ("full", "default")


def test_a_theme_that_was_chosen_last_is_told_as_that(file: Path) -> None:
    memory = Memory()
    memory.put("theme", "swarm-light")
    assert effective(file, memory, {})[0].source == "chosen last"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BAD, ":3:22: terminals send 'ctrl+m' as enter"),
        ("workbench: {theme: swarm-lihgt}\n", ":1:20: there is no theme 'swarm-lihgt': did you mean swarm-light?"),
        ("workbench: {keys: {pause_node: x}}\n", ":1:32: x is `cancel_node` already"),
        ("workbnch: {}\n", ":1:1: unknown section 'workbnch': did you mean workbench?"),
        ("sandbox: maybe\n", ":1:10: is not known"),
        ("- a\n", ":1:1: must be a mapping of sections"),
        ("workbench: [\n", "not YAML"),
        ("models: {acme: 3}\n", ":1:16: models.acme"),
        ("programs: {nope: {}}\n", ":1:18: only claude"),
    ],
)
def test_what_is_wrong_with_the_file_is_code_2_with_its_line(
    file: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    written(file, text)
    assert main(["config", "check"]) == 2
    err = capsys.readouterr().err
    assert told in err, err
    assert main(["config"]) == 2
    assert file.read_text() == text


def test_a_key_that_is_taken_from_something_else_is_a_hint_and_no_mistake(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(file, "workbench: {keys: {pause_node: f6}}\n")
    assert main(["config", "check"]) == 0
    out = capsys.readouterr().out
    assert ":1:32: F6 is taken from `view_log`: view_log keeps" in out
    assert "all well" in out


def test_where_the_file_is_is_told_alone(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{file}\n"


def test_a_theme_of_the_user_or_of_textual_is_one(file: Path) -> None:
    written(file, "workbench: {theme: nord}\n")
    assert main(["config", "check"]) == 0
    written(file, "workbench: {theme: mine}\n")
    (file.parent / "themes").mkdir()
    (file.parent / "themes" / "mine.yaml").write_text("name: mine\nextends: swarm-dark\n")
    assert main(["config", "check"]) == 0


def test_the_page_tells_of_every_name_of_a_layout() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for name, one in LAYOUT.items():
        assert f"| `{name}` | {one.told} | {', '.join(f'`{word}`' for word in one.words) or one.known} |" in page


def test_init_writes_a_file_that_says_nothing_and_never_over_another(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "init"]) == 0
    assert parse_settings(file.read_bytes(), file).settings == Settings()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(BAD)
    assert main(["config", "init"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert file.read_text() == BAD


def test_what_init_writes_is_right_when_the_signs_are_taken_away(file: Path) -> None:
    lines = [line.removeprefix("# ") for line in commented().splitlines() if line.startswith(("# workbench", "#   "))]
    read = parse_settings("\n".join(lines).encode(), file)
    assert not read.problems
    assert read.settings.keys == {"pause_node": ("p", "f9")}


def test_what_is_an_example_in_what_init_writes_says_so_and_how_it_comes() -> None:
    lines = commented().splitlines()
    text = "\n".join(line.removeprefix("# ") for line in lines if line.startswith(("# workbench", "#   ")))
    given = parse_settings(text.encode(), Path("config.yaml")).settings
    for name in Settings.__dataclass_fields__:
        at = next(n for n, line in enumerate(lines) if line.startswith(f"#   {name}: "))
        is_example = lines[at - 1] == "#   # An example: as it comes nothing is set."
        assert is_example == (getattr(given, name) != getattr(Settings(), name)), name


def test_every_setting_says_what_it_is() -> None:
    assert all(meanings().get(name) for name in Settings.__dataclass_fields__)


def test_edit_opens_a_new_file_in_the_editor_and_checks_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    editor(tmp_path, monkeypatch, 'printf "workbench: {theme: swarm-light}\\n" > "$1"')
    assert main(["config", "edit"]) == 0
    assert file.read_text() == "workbench: {theme: swarm-light}\n"
    assert "all well" in capsys.readouterr().out


def test_edit_keeps_what_was_written_also_where_it_is_wrong(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    editor(tmp_path, monkeypatch, 'printf "workbench: {them: x}\\n" > "$1"')
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("nobody sits there"))
    assert main(["config", "edit"]) == 2
    err = capsys.readouterr().err
    assert "did you mean theme?" in err
    assert "is kept as you wrote it" in err
    assert file.read_text() == "workbench: {them: x}\n"


def test_an_editor_that_fails_or_is_not_there_is_told(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    editor(tmp_path, monkeypatch, "exit 3")
    assert main(["config", "edit"]) == 1
    assert "ended with code 3" in capsys.readouterr().err
    monkeypatch.setenv("EDITOR", "/no/such/editor")
    assert main(["config", "edit"]) == 2
    assert "set $EDITOR" in capsys.readouterr().err


def test_the_keys_are_listed_as_the_user_has_them(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(file, "workbench:\n  keys: {pause_node: [f20], confirm.yes: j}\n")
    assert main(["config", "keys", "--json"]) == 0
    keys = {one["id"]: one["keys"] for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert (keys["pause_node"], keys["confirm.yes"]) == (["F20"], ["j"])
    assert set(keys) == set(known_ids())
    assert main(["config", "keys", "--markdown"]) == 0
    assert "| `F20` | Hold the node" in capsys.readouterr().out


def test_the_page_of_keys_is_up_to_date() -> None:
    """If not: ``python -m swarmtui.tui.actions.docs > docs/keys.md``."""
    assert (ROOT / "docs" / "keys.md").read_text(encoding="utf-8") == markdown(Keys())


def test_the_page_of_keys_names_every_id_and_its_example_can_be_used() -> None:
    page = markdown(Keys())
    assert all(f"`{id}`" in page for id in known_ids())
    example = page.split("```yaml\n")[1].split("```")[0]
    assert parse_settings(example.encode(), Path("config.yaml")).problems == ()


def test_every_variable_that_the_program_names_is_listed_and_documented() -> None:
    named = {
        found
        for path in (ROOT / "swarmtui").rglob("*.py")
        for found in re.findall(r"\bSWARMTUI_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))
    }
    listed = {one.name for one in VARIABLES}
    assert named <= listed
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert not [name for name in (*listed, *SECTIONS, *meanings()) if f"`{name}`" not in page]


def test_config_tour_has_it_shown_again(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory = Memory(file.parents[1] / "state" / "workbench.json")
    memory.put("tour_seen", True)
    assert memory.save() == ""
    assert main(["config", "tour"]) == 0
    assert "begins with the tour" in capsys.readouterr().out
    assert not Memory(file.parents[1] / "state" / "workbench.json").get("tour_seen", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is denied to root")
def test_a_file_that_cannot_be_read_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(file, BAD).chmod(0)
    assert main(["config", "check"]) == 2
    assert "cannot be read" in capsys.readouterr().err
