"""Wherever standard error leads, the workbench is drawn where the user looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal, needs_tmux

pytestmark = [pytest.mark.chaos, needs_tmux]


@pytest.mark.parametrize("redirection", ["2>errors", "2>&-"])
def test_the_workbench_is_drawn_on_the_terminal_though_errors_go_elsewhere(redirection: str, tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.type(f"swarmtui {redirection}; echo left with $?")
        terminal.press("Enter")
        terminal.until("no sessions yet", "goal or task file")
        terminal.press("C-q")
        terminal.until("left with 0")
    errors = tmp_path / "errors"
    assert not errors.exists() or errors.read_text() == ""
