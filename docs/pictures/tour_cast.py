"""Records ``tour.cast``: a whole session by keys alone, in a real terminal, from home to a fork (asciicast v2)."""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from stage import HERE, SWARMTUI, launched

from swarmtui.web.terminal import Terminal

COLUMNS, ROWS = 110, 32
PATIENCE_S = 40.0
TYPING_S = 0.12
"""Between two keys of one step."""
ALONE_S = 0.7
"""After esc: what comes at once would be taken for one key with it."""
TOGETHER_S = 0.04
"""What is written within so short a time is one event of the recording."""
LARGEST = 3_000_000
_STYLE = re.compile(r"\x1b\[0m\x1b\[([\d;]+)m")
_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()][0-9A-Z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>])")
ENTER, ESC, TAB, F2 = "\r", "\x1b", "\t", "\x1bOQ"


class Step(NamedTuple):
    """What is done once the step before has shown what it was to show."""

    name: str
    keys: tuple[str, ...]
    shows: str
    """What appears then, in one piece."""
    look_s: float
    """How long somebody who watches has to look at it."""


STEPS = (
    Step("home: sessions, and a prompt", (), "Vector databases", 3.0),
    Step("open what needs you", (ENTER,), "check before you approve", 4.0),
    Step("licences: open the form", ("j", "j", ENTER), "node licences", 1.5),
    Step("one more try", (TAB, TAB, TAB, TAB, "1"), "", 1.5),
    Step("propose it: a revision of yours", (F2,), "revision 2", 3.0),
    Step("what differs", ("v", "v", "v"), "retries", 3.0),
    Step("back to the graph", ("v",), "longest path", 1.5),
    Step("approve exactly this", ("A",), "runs outside the sandbox", 2.5),
    Step("yes", ("y",), "running", 9.0),
    Step("the timeline", ("6",), "a cell is", 4.0),
    Step("the pools: what holds things back", ("7",), "binds", 4.0),
    Step("back, and find a node", ("2", "/", *"prices", ENTER), "1 of 11", 1.5),
    Step("open it", (ENTER,), "Prompt", 2.0),
    Step("its attempts", (TAB, TAB), "outage", 3.0),
    Step("back; what needs you", (ESC, ESC, "a"), "Which region", 2.0),
    Step("open the question", (ENTER,), "answers with the marked one", 2.0),
    Step("eu", (ENTER,), "1 needs you", 2.0),
    Step("put the other one off", (ESC, ESC), "", 1.5),
    Step("into the past", ("H",), "live", 2.0),
    Step("to the first failure", (";", *"failure", ENTER), "", 4.0),
    Step("fork there", ("Y",), "Fork the session here", 3.0),
    Step("another session, with this past", (ENTER,), "forked", 4.0),
    Step("leave: both go on", ("q",), "goes on", 2.0),
)


class Recording:
    """What a terminal has shown, and when."""

    def __init__(self) -> None:
        self.events: list[tuple[float, str, str]] = []
        self._began = time.monotonic()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._since = ""

    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def wrote(self, data: bytes) -> None:
        """The program wrote `data`."""
        text, now = self._decoder.decode(data), self.now()
        self._since += text
        if self.events and self.events[-1][1] == "o" and now - self.events[-1][0] < TOGETHER_S:
            self.events[-1] = (self.events[-1][0], "o", self.events[-1][2] + text)
        else:
            self.events.append((now, "o", text))

    def step(self, name: str) -> None:
        """A mark: from here on only what is written after it is looked at."""
        self._since = ""
        self.events.append((self.now(), "m", name))

    def shows(self, text: str) -> bool:
        """Whether `text` was written since the last mark."""
        return text in _CODES.sub("", self._since)

    def seen(self) -> str:
        """What was written since the last mark."""
        return _CODES.sub("", self._since)


async def record(folder: Path, scrub: Callable[[str], str]) -> None:
    """Record the tour. Raises TimeoutError where a step does not show what it is to show."""
    launched("run", "tour.yaml", "--review")
    recording = Recording()
    terminal = await Terminal.start(SWARMTUI, dict(os.environ), COLUMNS, ROWS, str(Path.cwd()))

    async def listen() -> None:
        with suppress(OSError):
            while data := await terminal.read():
                recording.wrote(data)

    listening = asyncio.create_task(listen())
    try:
        for step in STEPS:
            recording.step(step.name)
            for key in step.keys:
                await terminal.write(key.encode())
                await asyncio.sleep(ALONE_S if key == ESC else TYPING_S)
            await _shown(recording, step)
            await asyncio.sleep(step.look_s)
    finally:
        listening.cancel()  # what a program says to a window that closes is no part of the tour
        await terminal.close()
    _save(recording, scrub)


async def _shown(recording: Recording, step: Step) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not recording.shows(step.shows):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{step.name}: {step.shows!r} was never shown:\n{recording.seen()[-3000:]}")
        await asyncio.sleep(0.05)


def lean(text: str) -> str:
    """`text` with less to say of its colours: a style that follows itself is left out, others are set in one go."""
    parts, at, active = [], 0, ""
    for found in _STYLE.finditer(text):
        between = text[at : found.start()]
        parts.append(between)
        active = "" if "\x1b[" in between else active
        parts.append("" if found[1] == active else f"\x1b[0;{found[1]}m")
        active, at = found[1], found.end()
    return "".join([*parts, text[at:]])


def _save(recording: Recording, scrub: Callable[[str], str]) -> None:
    header = {
        "version": 2,
        "width": COLUMNS,
        "height": ROWS,
        "title": "swarmtui on its built-in simulated model: the texts are made up",
        "env": {"TERM": "xterm-256color"},
    }
    lines = [
        json.dumps(header),
        *(json.dumps([round(at, 3), kind, lean(what)], ensure_ascii=False) for at, kind, what in recording.events),
    ]
    text = scrub("\n".join(lines) + "\n")
    if len(text) > LARGEST:
        raise ValueError(f"tour.cast has {len(text):,} bytes")
    (HERE / "tour.cast").write_text(text, encoding="utf-8")
    print(f"tour.cast: {recording.events[-1][0]:.0f} s", flush=True)  # noqa: T201
