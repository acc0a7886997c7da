"""Fault points: nothing when off, one action at the time that was asked for when on."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import swarmtui
from swarmtui.session.faults import ACTIONS, POINTS, Faults, FaultThrown


@pytest.mark.parametrize("armed", sorted(POINTS))
def test_nothing_happens_at_any_point_but_the_one_that_is_armed(armed: str) -> None:
    faults = Faults.from_environ({"SWARMTUI_FAULT": f"{armed}:throw"})
    fired = []
    for point in POINTS:
        try:
            faults.at(point)
        except FaultThrown:
            fired.append(point)
    assert fired == [armed]


def test_the_action_is_carried_out_the_nth_time_and_once() -> None:
    faults = Faults.from_environ({"SWARMTUI_FAULT": "commit.before:throw:3,head.before:full"})
    faults.at("commit.before")
    faults.at("commit.before")
    with pytest.raises(FaultThrown):
        faults.at("commit.before")
    faults.at("commit.before")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        faults.at("head.before")


def test_killing_leaves_no_time_for_anything() -> None:
    program = (
        "import os; from swarmtui.session.faults import Faults; Faults.from_environ(os.environ).at('commit.after')"
    )
    env = {"SWARMTUI_FAULT": "commit.after:kill"}
    root = Path(swarmtui.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", program], env=env, cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "text", ["nowhere:kill", "commit.after", "commit.after:explode", "commit.after:kill:0", "a:b:c"]
)
def test_what_cannot_be_armed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SWARMTUI_FAULT"):
        Faults.from_environ({"SWARMTUI_FAULT": text})


def test_every_point_in_the_program_is_registered() -> None:
    found = {
        name
        for path in Path(swarmtui.__file__).parent.rglob("*.py")
        for name in re.findall(r'faults\.at\("([^"]+)"\)', path.read_text())
    }
    assert found <= set(POINTS)
    assert "kill" in ACTIONS
