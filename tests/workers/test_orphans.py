"""Whose a process is that nobody waits for is known at any moment of its life."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from swarmtui.workers import orphans

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are found in /proc")
AGAIN = '#!/bin/sh\nc=$((c+1)); export c\n[ "$c" -gt 500 ] && exit 0\nexec "$0"\n'


def test_a_process_that_becomes_another_program_is_known_by_its_variables_meanwhile(tmp_path: Path) -> None:
    script = tmp_path / "again.sh"
    script.write_text(AGAIN)
    script.chmod(0o755)
    child = subprocess.Popen([script], env={"WHOSE": "mine", "PATH": os.environ["PATH"]})
    looked = unknown = 0
    while child.poll() is None:
        found = orphans._environment(child.pid)
        if orphans.start_time(child.pid) is not None:
            looked += 1
            unknown += b"WHOSE=mine" not in found.split(b"\0")
    assert looked > 100
    assert unknown <= looked / 200, "Linux shows none in one look of forty"


def test_a_process_without_variables_has_none_and_is_not_waited_for() -> None:
    with subprocess.Popen(["/bin/sleep", "60"], env={}) as child:
        assert orphans._environment(child.pid) == b""
        child.kill()
    assert orphans._environment(child.pid) == b""
