"""Terminals that go away."""

from __future__ import annotations

from typing import Any

import pexpect


def close_window(terminal: pexpect.spawn[Any]) -> None:
    """Close `terminal` as a window is closed: whatever runs in it goes on until it is told so; it is not awaited."""
    process = terminal.ptyproc  # type: ignore[attr-defined]
    process.fileobj.close()
    terminal.closed = process.closed = True  # else its number is closed once more, whosever it is by then
