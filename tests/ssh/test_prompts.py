"""What ssh asks for is asked in the user's terminal, before the screen takes it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal, needs_tmux
from tests.ssh.machines import SLOW, Machine, running, until
from tests.ssh.test_dialling import FAKE

pytestmark = [pytest.mark.ssh, needs_tmux, pytest.mark.timeout(180)]


def test_a_password_is_asked_for_before_the_screen_starts_and_ctrl_c_then_leaves(tmp_path: Path) -> None:
    far = tmp_path / "far"
    remote = f"env SWARMTUI_HOME={far} swarmtui"
    with (
        Machine(tmp_path, far, {}) as machine,
        Terminal(tmp_path, 120, 40, SWARMTUI_SSH=FAKE, SWARMTUI_REMOTE=remote) as terminal,
    ):
        session = machine.session(SLOW)
        attach = f"swarmtui attach asks/{session.id}"
        terminal.run("sh", "-c", f"{attach}; echo first $?")
        terminal.until("asks's password:")
        terminal.type("wrong")
        terminal.press("Enter")
        assert "if it wants a password" not in terminal.until("did not let you in", "first 4")
        terminal.run("sh", "-c", f"trap : INT; clear; printf 'a%s\\n' gain; {attach}; echo second $?")
        terminal.until("again", "asks's password:")  # and not the question before
        terminal.press("C-c")
        terminal.until("interrupted", "second 130")
        terminal.run("sh", "-c", f"clear; printf 'on%s\\n' ce-more; {attach}")
        terminal.until("once-more", "asks's password:")
        terminal.type("secret")
        terminal.press("Enter")
        terminal.until("running", "step")
        terminal.press("q")
        left = terminal.until("goes on")
        assert f"swarmtui attach asks/{session.id}" in left
        until(lambda: not running("dial-stdio"), patience_s=5)
        assert session.owned()


def test_a_link_that_takes_a_password_is_tried_once_and_then_only_when_asked_to(tmp_path: Path) -> None:
    far, log = tmp_path / "far", tmp_path / "log"
    remote = f"env SWARMTUI_HOME={far} swarmtui"
    with (
        Machine(tmp_path, far, {}) as machine,
        Terminal(tmp_path, 120, 40, SWARMTUI_SSH=FAKE, SWARMTUI_REMOTE=remote, FAKE_SSH_LOG=str(log)) as terminal,
    ):
        session = machine.session(SLOW)
        terminal.run("sh", "-c", f"swarmtui attach asks/{session.id}; echo left $?")
        terminal.until("asks's password:")
        terminal.type("secret")
        terminal.press("Enter")
        terminal.until("running", "step")
        for pid in running(f"dial-stdio {session.id}"):
            os.kill(pid, signal.SIGKILL)
        terminal.until(f"as `swarmtui attach asks/{session.id}` in a terminal does; d leaves, r tries again")
        assert len(log.read_text().splitlines()) == 2
        terminal.press("r")
        until(lambda: len(log.read_text().splitlines()) == 3)
        terminal.until("d leaves, r tries again")
        terminal.press("d")
        terminal.until("left 6")
        assert len(log.read_text().splitlines()) == 3
        assert session.owned()


def test_18_another_version_offers_the_other_machine_s_own_screen(tmp_path: Path) -> None:
    with Terminal(tmp_path, 120, 40, SWARMTUI_SSH=FAKE) as terminal:
        terminal.run("sh", "-c", "swarmtui attach later/7f3a; echo left $?")
        terminal.until("`ssh -t later swarmtui attach 7f3a`", "over ssh? [Y/n]")
        terminal.type("n")
        terminal.press("Enter")
        terminal.until("left 5")
        assert "running" not in terminal.screen()
