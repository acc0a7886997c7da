"""The workbench in a real terminal: how soon it is there, how soon a key shows, what a rain of events costs it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from swarmtui.web.terminal import Terminal
from tests.perf.bare import LAST
from tests.perf.watched import waited_s
from tests.session.files import session_file

SIZE = (120, 40)
STARTS = 7
KEYS = 60
ROWS = 10_000
EVENTS_PER_S = 10_000
BUDGET_KEY_MS = 50.0
BUDGET_CORE = 0.4


async def _until(terminal: Terminal, text: bytes) -> None:
    so_far = b""
    while text not in so_far:
        data = await terminal.read()
        if not data:
            raise RuntimeError(f"the program ended before it drew {text!r}: {so_far[-400:]!r}")
        so_far += data


async def _start(argv: list[str], environ: dict[str, str], until: str) -> float:
    """Seconds until `until` is on the screen."""
    began = time.perf_counter()
    terminal = await Terminal.start(argv, environ, *SIZE)
    try:
        await _until(terminal, until.encode())
        return time.perf_counter() - began
    finally:
        await terminal.close()


def first_frame() -> list[dict[str, object]]:
    """From the shell's exec to the whole first frame, of home and of a session that is attached to, in turns with
    Textual alone drawing as many widgets of the same kinds (:mod:`tests.perf.bare`).

    Both are installed as programs are, with their bytecode written: a first start of each, which may have to, is not
    counted. Of what is drawn the last line is waited for, or for what stands nowhere else.
    """
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "SWARMTUI_HOME": home, "SWARMTUI_TOUR": "0", "TERM": "xterm-256color"}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        sessions = Path(home, "state", "sessions")
        sessions.mkdir(parents=True, mode=0o700)
        for folder in (Path(home, "state"), sessions):
            folder.chmod(0o700)
        asyncio.run(session_file(sessions / "abcdefgh", 20, crash=False))
        (sessions / "abcdefgh").chmod(0o700)
        return [
            _against_bare("home", [], "quit", environ),
            _against_bare("run", ["attach", "abcdefgh"], "connecting to the session", environ),
        ]


def _against_bare(screen: str, words: list[str], until: str, environ: dict[str, str]) -> dict[str, object]:
    ours, bare = [], []
    for _ in range(STARTS + 1):
        bare.append(asyncio.run(_start([sys.executable, "-m", "tests.perf.bare", screen], environ, LAST)))
        ours.append(asyncio.run(_start([sys.executable, "-m", "swarmtui", *words], environ, until)))
    return {
        "what": f"first frame of {' '.join(['swarmtui', *words[:1]])} in a terminal, against Textual alone",
        "ours_ms": round(min(ours[1:]) * 1e3),
        "bare_ms": round(min(bare[1:]) * 1e3),
        "ratio": round(median(one / other for one, other in zip(ours[1:], bare[1:], strict=True)), 2),
        "budget": 1.5,
    }


Took = tuple[float, float]
"""From a key to the screen, in milliseconds: by the clock, and less what the process waited for a core meanwhile."""


async def _pressed(told: Path, rows: int, per_second: int) -> tuple[list[Took], dict[str, object]]:
    """What keys took, and what the process says of itself."""
    environ = {**os.environ, "TERM": "xterm-256color", "SWARMTUI_TOUR": "0"}
    argv = [sys.executable, "-m", "tests.perf.watched", str(rows), str(per_second), str(told)]
    terminal = await Terminal.start(argv, environ, *SIZE)
    drained = asyncio.create_task(_drain(terminal))
    pressed: list[tuple[float, float]] = []
    try:
        async with asyncio.timeout(60):
            while not (told.exists() and told.read_text()):
                await asyncio.sleep(0.05)
        await terminal.write(b"4")
        await asyncio.sleep(2.0)
        lines = len(told.read_text().splitlines())
        for at in range(KEYS):
            pressed.append((time.monotonic(), waited_s(terminal._process.pid)))
            await terminal.write(b"j")
            await asyncio.sleep(0.15 + at % 7 * 0.023)  # out of step with the frames
        await terminal.write(b"q")
        async with asyncio.timeout(30):
            while b"spent" not in told.read_bytes():
                await asyncio.sleep(0.05)
    finally:
        await terminal.close()
        await drained
    found = [json.loads(line) for line in told.read_text().splitlines()]
    shown = [(moment, waited) for moment, _, waited in found[lines:-1]]
    return [_took(one, shown) for one in pressed if shown and one[0] < shown[-1][0]], found[-1]


def _took(pressed: tuple[float, float], shown: list[tuple[float, float]]) -> Took:
    moment, waited = next(one for one in shown if one[0] >= pressed[0])
    took = moment - pressed[0]
    return 1e3 * took, 1e3 * max(0.0, took - (waited - pressed[1]))


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)] if values else float("nan")


async def _drain(terminal: Terminal) -> None:
    while await terminal.read():
        pass


def under_rain(rows: int = ROWS, per_second: int = EVENTS_PER_S) -> list[dict[str, object]]:
    """Keys in the table of so many rows while so many events come each second, in a real terminal."""
    with tempfile.TemporaryDirectory() as folder:
        took, own = asyncio.run(_pressed(Path(folder, "told"), rows, per_second))
    spent: list[float] = own["spent"]  # type: ignore[assignment]
    cpu, folding, wall = spent
    by_clock, own_ms = [one for one, _ in took], [less for _, less in took]
    common = {
        "rows": rows,
        "events_per_s": round(int(str(own["events"])) / wall),
        "frames_per_s": round(int(str(own["frames"])) / wall, 1),
    }
    return [
        {
            "what": "key to screen, 95th percentile",
            **common,
            "keys": len(took),
            "median_ms": round(median(by_clock), 1) if took else None,
            "p95_ms": round(_p95(by_clock), 1),
            "worst_ms": round(max(by_clock), 1) if took else None,
            "less_waiting_for_a_core": {"median_ms": round(median(own_ms), 1), "p95_ms": round(_p95(own_ms), 1)},
            "ratio": round(_p95(by_clock) / BUDGET_KEY_MS, 2),
            "budget": 1.0,
        },
        {
            "what": "share of a core, without making and folding the events",
            **common,
            "with_folding": round(cpu / wall, 2),
            "share": round((cpu - folding) / wall, 2),
            "ratio": round((cpu - folding) / wall / BUDGET_CORE, 2),
            "budget": 1.0,
        },
    ]
