"""Links that break, and links that freeze."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import statistics
import time
from pathlib import Path

import pytest

from swarmtui.host.history import History
from swarmtui.session.vocabulary import Status
from tests.e2e.terminal import Terminal, needs_tmux
from tests.ssh.daemons import Ssh
from tests.ssh.machines import SLOW, Machine, running, steps, until

pytestmark = [pytest.mark.ssh, pytest.mark.timeout(400)]

KILLS = 20
BANNER_S = 1.0
"""How long the viewer may take to say that ssh is gone."""
FROZEN_S = 20.0
"""How long it may take where the link is there, and nothing comes over it."""
GONE_S = 5.0
"""How long the far end of a link that has thawed may live on."""


def clients(session: str) -> list[int]:
    """The ssh processes here that carry the session."""
    return [pid for pid in running(f"dial-stdio {session}") if _program(pid).startswith("ssh ")]


def far_ends(session: str) -> list[int]:
    """The swarmtui processes over there that carry the session."""
    return [pid for pid in running(f"dial-stdio {session}") if "python" in _program(pid).partition(" ")[0]]


def _told(line: str) -> tuple[int, str]:
    event = json.loads(line)
    return event["seq"], event["type"]


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
    except OSError:
        return ""


def test_10_every_event_arrives_once_and_in_order_however_often_ssh_is_killed(machine: Machine) -> None:
    """The page's second until the banner is that of most links, from ssh's death to the viewer's word (as the file
    system dates it): a machine that is busy holds up some of twenty, and never half of them.
    """
    session = machine.session(steps(20_000))
    out, err = machine.folder / "events", machine.folder / "said"
    viewer = machine.start("events", f"box/{session.id}", "--follow", stdout=out, stderr=err)
    dice = random.Random(10)
    took: list[float] = []
    try:
        for number in range(KILLS):
            before = out.stat().st_size
            until(lambda before=before: out.stat().st_size > before)
            until(lambda: clients(session.id))
            time.sleep(dice.uniform(0.0, 0.3))  # at any point of what goes over the link
            struck = time.time()
            for pid in clients(session.id):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            until(lambda number=number: err.read_text().count("connection lost") == number + 1)
            took.append(err.stat().st_mtime - struck)
        assert machine("ctl", f"box/{session.id}", "cancel").returncode == 0
        assert viewer.wait(60) == 0, err.read_text()
    finally:
        viewer.kill()
        viewer.wait()
    until(lambda: not session.owned())
    *recorded, left = machine.far("events", session.id).stdout.splitlines()
    assert json.loads(left)["type"] == "host_stopped"  # after the end, for which the viewer has waited
    assert [_told(line) for line in out.read_text().splitlines()] == [_told(line) for line in recorded]
    assert [_told(line)[0] for line in recorded] == list(range(1, len(recorded) + 1))
    assert err.read_text().count("connected again") == KILLS
    assert statistics.median(took) <= BANNER_S, took


@needs_tmux
def test_10_the_screen_says_that_the_link_is_lost_and_goes_on_by_itself(machine: Machine, ssh: Ssh) -> None:
    session = machine.session(SLOW)
    with Terminal(machine.folder, 120, 40, SWARMTUI_SSH=ssh.program) as terminal:
        terminal.run("swarmtui", "attach", f"ssh://box/{session.id}")
        terminal.until("running", "step")
        for pid in clients(session.id):
            os.kill(pid, signal.SIGKILL)
        terminal.until("link lost", "was ended by signal 9", patience_s=10)
        until(lambda: "link lost" not in terminal.screen() and "running" in terminal.screen())
        terminal.press("P")
        terminal.until("paused")
        terminal.press("q")
        terminal.until("is paused")
    assert History(session).state().status is Status.PAUSED
    until(lambda: not running(f"dial-stdio {session.id}"), patience_s=5)


def test_11_a_frozen_link_is_noticed_replaced_and_leaves_no_process(machine: Machine, ssh: Ssh) -> None:
    """The time until the banner is taken from the last word that came over the link, or the frost if that is later, as
    the file system dates the viewer's output: whoever looks at the files may be late, and the viewer has 5 s to spare.
    """
    session = machine.session(steps(20_000))
    out, err = machine.folder / "events", machine.folder / "said"
    viewer = machine.start("events", f"box/{session.id}", "--follow", stdout=out, stderr=err)
    frozen: list[int] = []
    try:
        until(lambda: out.exists() and out.stat().st_size > 0)
        frozen = ssh.daemons["box"].sessions()
        carriers = far_ends(session.id)
        assert frozen
        assert carriers
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        began = max(time.time(), out.stat().st_mtime)
        until(lambda: "connection lost" in err.read_text(), patience_s=60)
        assert err.stat().st_mtime - began <= FROZEN_S
        until(lambda: "connected again" in err.read_text(), patience_s=60)
        before = out.stat().st_size
        until(lambda: out.stat().st_size > before)
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        until(lambda: not {*carriers} & {*far_ends(session.id)}, patience_s=GONE_S)
        before = out.stat().st_size
        until(lambda: out.stat().st_size > before)
        assert viewer.poll() is None
    finally:
        for pid in frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        viewer.terminate()
        viewer.wait()
    until(lambda: not running(f"dial-stdio {session.id}"), patience_s=GONE_S)
    seqs = [json.loads(line)["seq"] for line in out.read_text().splitlines(keepends=True) if line.endswith("\n")]
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_link_that_does_not_come_back_is_given_up_after_as_long_as_was_asked_for(machine: Machine, ssh: Ssh) -> None:
    session = machine.session(SLOW)
    config = machine.folder / "config"
    config.write_text(ssh.config.read_text())
    machine.env["SWARMTUI_SSH"] = f"ssh -F {config}"
    viewer = machine.start("attach", f"box/{session.id}", "--json", "--max-wait", "3")
    assert viewer.stdout is not None
    assert viewer.stdout.readline()
    config.write_text(config.read_text().replace(f"Port {ssh.daemons['box'].port}\n", "Port 1\n"))
    for pid in clients(session.id):
        os.kill(pid, signal.SIGKILL)
    _, said = viewer.communicate(timeout=60)
    assert viewer.returncode == 6, said
    assert "given up after 3 s without a connection" in said
    assert session.owned()
