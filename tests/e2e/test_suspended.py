"""ctrl+z leads back to the shell, and fg to all that was on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal, cli, needs_tmux

pytestmark = [pytest.mark.chaos, needs_tmux]


def test_whoever_comes_back_from_the_shell_sees_all_of_the_screen(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("goal: One line\nnodes: {a: {run: [echo, a]}}\n")
    assert cli(tmp_path, "run", "task.yaml", "--headless").returncode == 0
    with Terminal(tmp_path) as terminal:
        terminal.run("swarmtui")
        terminal.until("One line", "succeeded", "quit")
        for _ in range(2):
            terminal.press("C-z")
            terminal.until("topped")
            terminal.run("fg")
            terminal.until("One line", "succeeded", "goal or task file", "quit")
