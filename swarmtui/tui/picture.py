"""Pictures of the screen, as SVG files: what is on it as text, which no terminal obeys and no browser runs."""

from __future__ import annotations

import asyncio
import io
import os
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from textual.app import App

from swarmtui.safety.paths import places


async def take_picture(app: App[Any], called: str, folder: Path | None = None) -> Path:
    """A picture of the screen `called`, in `folder` (else the current one), or where that cannot be written to in the
    directory for state; its file. Raises OSError if it can be written nowhere."""
    console = _painted(app)
    return await asyncio.to_thread(_write, console, f"swarmtui-{called}-{time.strftime('%Y%m%d-%H%M%S')}", folder)


def svg_of(app: App[Any], title: str) -> str:
    """A picture of the screen, under `title`."""
    return _svg(_painted(app), title)


def _painted(app: App[Any]) -> Console:
    width, height = app.size
    console = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True, color_system="truecolor", record=True,
        legacy_windows=False, safe_box=False,
    )  # fmt: skip
    below = app._background_screens
    console.print(app.screen._compositor.render_update(full=True, screen_stack=below, simplify=True))
    return console


def _svg(console: Console, title: str) -> str:
    # Some viewers drop the spaces that a piece of text begins with, unbreakable ones too, unless they are told not to.
    return console.export_svg(title=title).replace("<svg ", '<svg xml:space="preserve" ', 1)


def _write(console: Console, name: str, folder: Path | None) -> Path:
    svg = _svg(console, "swarmtui")
    try:
        return write_new(folder or Path.cwd(), name, svg)
    except OSError:
        state = places().state
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return write_new(state, name, svg)


def write_new(folder: Path, name: str, svg: str) -> Path:
    """Write a file that was not there; a number after its name keeps it from being another's. Raises OSError."""
    for number in range(1, 100):
        path = folder / f"{name}{'' if number == 1 else f'-{number}'}.svg"
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(file, "w", encoding="utf-8", errors="replace") as opened:
            opened.write(svg)
        return path.absolute()
    raise FileExistsError(f"{folder}: a hundred pictures within a second")
