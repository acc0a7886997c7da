"""A replay as film: what a terminal is sent, and when."""

from __future__ import annotations

import re

import pytest

from swarmtui.host.replay import ReplayFeed
from swarmtui.tui.cast import FilmClock, frames
from tests.tui.scripted_feed import finished
from tests.tui.scripted_past import ScriptedPast

SIZE = (80, 24)


class Terminal:
    """As much of a terminal as the film needs: lines that are written at their places."""

    def __init__(self) -> None:
        self.lines = [""] * SIZE[1]

    def send(self, ansi: str) -> None:
        """Write what changed."""
        if ansi.startswith("\x1b[2J\x1b[H"):
            self.lines = [""] * SIZE[1]
        for row, written in re.findall(r"\x1b\[(\d+);1H((?:[^\x1b]|\x1b\[[0-9;]*m)*)", ansi):
            self.lines[int(row) - 1] = re.sub(r"\x1b\[[0-9;]*m", "", written)


@pytest.mark.chaos
async def test_the_film_of_a_session_goes_from_its_first_event_to_its_end_in_the_time_that_its_replay_takes() -> None:
    clock, terminal = FilmClock(), Terminal()
    feed = finished()
    player = ReplayFeed(ScriptedPast(feed), head=len(feed.events), clock=clock, speed=8.0, idle_limit=2.0)
    times: list[float] = []
    heads: list[str] = []
    weights: list[int] = []
    async for at, ansi in frames(player, SIZE, 4.0, clock=clock):
        terminal.send(ansi)
        times.append(at)
        weights.append(len(ansi))
        heads.append(terminal.lines[0])
    assert "planning" in heads[0] or "awaits" in heads[0]
    assert "✗ failed" in terminal.lines[0]
    assert "1 failed" in terminal.lines[0]
    assert any("25/25" in line for line in terminal.lines)
    assert times == sorted(set(times))
    assert 0.5 < times[-1] < 8
    assert all(abs(at * 4 - round(at * 4)) < 1e-6 for at in times)
    assert sum(weights[1:]) / len(weights[1:]) < weights[0]
    assert all(len(line) <= SIZE[0] for line in terminal.lines)
