"""``swarmtui themes``: what there is, what it looks like, whether a file is a good one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swarmtui.cli.main import main
from swarmtui.tui.themes import own_folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


def test_all_themes_are_listed_with_where_they_are_from(capsys: pytest.CaptureFixture[str]) -> None:
    own_folder().mkdir(parents=True)
    mine = own_folder() / "mine.yaml"
    mine.write_text("name: mine\nextends: swarm-light\n")
    assert main(["themes", "--json"]) == 0
    found = {theme["name"]: theme for theme in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found["mine"]["source"] == str(mine)
    assert found["mine"]["ground"] == "light"
    assert (found["swarm-dark"]["source"], found["nord"]["source"]) == ("swarmtui", "Textual")
    assert found["ansi-16"]["ground"] == "terminal's"
    assert [name for name, theme in found.items() if theme["default"]] == ["swarm-dark"]


def test_a_broken_file_is_told_and_the_others_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    own_folder().mkdir(parents=True)
    (own_folder() / "x.yaml").write_text("name: x\ncolors: {primary: 12}\n")
    assert main(["themes"]) == 1
    told = capsys.readouterr()
    assert "swarm-light" in told.out
    assert "x.yaml:2:19: colors.primary must be a colour" in told.err


@pytest.mark.parametrize("name", ["swarm-dark", "monochrome", "nord"])
def test_a_theme_is_shown_with_every_state_by_sign_and_word(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["themes", "--show", name]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in (name, "running", "failed", "needs you", "throttled", "the row of the cursor"))
    assert len({len(line) for line in shown.splitlines()}) == 1


def test_a_theme_that_is_not_there_has_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["themes", "--show", "swarm-drak"]) == 2
    assert "did you mean swarm-dark?" in capsys.readouterr().err


def test_a_file_is_checked_for_mistakes_and_for_what_is_hard_to_read(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / "my.yaml"
    path.write_text("name: my\nextends: swarm-dark\n")
    assert main(["themes", "--check", str(path)]) == 0
    path.write_text('name: my\nextends: swarm-dark\nnodes: {failed: "#440000"}\n')
    assert main(["themes", "--check", str(path)]) == 1
    assert "hard to read: failed #440000 on background" in capsys.readouterr().err
    path.write_text("name: my\nextends: swarm-drak\n")
    assert main(["themes", "--check", str(path)]) == 2
    assert "my.yaml:2:10: there is no theme swarm-drak" in capsys.readouterr().err
    assert main(["themes", "--check", str(home / "none.yaml")]) == 2
