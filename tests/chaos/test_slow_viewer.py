"""Point 8 of attaching: a viewer that is stopped costs its host little, slows nobody, and knows what it missed."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

EVENTS = int(os.environ.get("SWARMTUI_FLOOD", "100000"))
PER_SECOND = 4_000
SETUP_EVENTS = 5
"""At least so many events of a session come before its notes, so that the last of these has a seq beyond EVENTS."""


class Child:
    """A process of :mod:`tests.chaos.flooding`."""

    def __init__(self, *words: str) -> None:
        argv = [sys.executable, "-m", "tests.chaos.flooding", *words]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def hear(self, timeout_s: float = 240.0) -> Any:
        """The next line that it says."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], timeout_s)
        assert ready, f"nothing was said for {timeout_s:g} s"
        return json.loads(self.process.stdout.readline())

    def tell(self, line: str) -> None:
        """Say something to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def end(self) -> None:
        """Let it go, however it is."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def flooded(root: Path, *viewers: str) -> Iterator[tuple[Child, list[Child]]]:
    """A host that waits to be told to begin, and its viewers, which are attached."""
    children: list[Child] = []
    try:
        root.mkdir()
        host = Child("host", str(root), str(EVENTS), str(PER_SECOND))
        children.append(host)
        assert host.hear() == "ready"
        for how in viewers:
            children.append(Child("viewer", str(root / "abcdefgh" / "s.sock"), str(EVENTS + SETUP_EVENTS), how))
            assert children[-1].hear() == "ready"
        yield host, children[1:]
    finally:
        for child in children:
            child.end()


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_08_a_stopped_viewer_costs_its_host_little_and_slows_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with flooded(tmp_path / "without", "whole", "now") as (host, viewers):
        host.tell("go")
        without = host.hear()
        assert [viewer.hear()["gaps"] for viewer in viewers] == [0, 0]
    with flooded(tmp_path / "with", "whole", "now", "now") as (host, viewers):
        stopped = viewers[-1]
        stopped.process.send_signal(signal.SIGSTOP)
        host.tell("go")
        with_it = host.hear()
        quick = [viewer.hear() for viewer in viewers[:2]]
        stopped.process.send_signal(signal.SIGCONT)
        slow = stopped.hear()
    with capsys.disabled():
        print(f"\n{EVENTS} events of 1 KB at {PER_SECOND}/s; host with two viewers: {without}")
        print(f"  with a third one, stopped: {with_it}; viewers: {quick}; once it goes on: {slow}")
    assert with_it["peak_kib"] - without["peak_kib"] <= 16 * 1024
    assert with_it["largest_buffer"] <= 1024 * 1024
    # Of a machine that others use it is the processor's time that tells, of an idle one either.
    assert min(with_it[figure] / without[figure] for figure in ("wall_s", "cpu_s")) <= 1.1
    assert (quick[0]["gaps"], quick[1]["gaps"]) == (0, 0)
    assert quick[0]["seq"] >= EVENTS
    assert slow["seq"] >= EVENTS
    contiguous = slow["gaps"] == 0 and slow["skipped"] == 0
    assert contiguous or slow["skipped"] > 0  # a snapshot stood for the rest, and it says for how much
