"""Programs of this machine that take text for a clipboard."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping

from swarmtui.frozen import frozen

TOOL_S = 2.0
"""How long a clipboard program may take."""


@frozen
class ClipboardTool:
    """A program that takes text for a clipboard of this machine."""

    name: str
    argv: tuple[str, ...]


def clipboard_tool(
    environ: Mapping[str, str] = os.environ,
    which: Callable[[str], str | None] = shutil.which,
    platform: str = sys.platform,
) -> ClipboardTool | None:
    """The program that fits where we run, if there is one: a desktop's own, else tmux's buffer."""
    wanted = (
        ("wl-copy", ("wl-copy",), bool(environ.get("WAYLAND_DISPLAY"))),
        ("xclip", ("xclip", "-selection", "clipboard"), bool(environ.get("DISPLAY"))),
        ("xsel", ("xsel", "--clipboard", "--input"), bool(environ.get("DISPLAY"))),
        ("pbcopy", ("pbcopy",), platform == "darwin"),
        ("tmux", ("tmux", "load-buffer", "-w", "-"), bool(environ.get("TMUX"))),
    )
    return next((ClipboardTool(name, argv) for name, argv, fits in wanted if fits and which(argv[0])), None)


def hand_to(tool: ClipboardTool, text: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `tool` took `text`. Blocks for TOOL_S at most."""
    try:
        ended = subprocess.run(
            tool.argv, input=text.encode("utf-8", "replace"), env=dict(environ), timeout=TOOL_S, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0
