"""The user's terminal, lent to a program that has to ask something there."""

from __future__ import annotations

import contextlib
import os
import signal
import termios
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def terminal_lent(group: int) -> Iterator[None]:
    """Within the block the controlling terminal belongs to the process group `group`, so that it can ask there."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        yield
        return
    with os.fdopen(terminal, "rb", buffering=0), _unstopped():
        looks = _looks(terminal)
        try:
            with contextlib.suppress(OSError):  # it may have ended already
                os.tcsetpgrp(terminal, group)
                os.killpg(group, signal.SIGCONT)  # it may have asked before it was allowed to
            yield
        finally:
            with contextlib.suppress(OSError, termios.error):  # the terminal may be gone
                os.tcsetpgrp(terminal, os.getpgrp())
                if looks is not None:
                    termios.tcsetattr(terminal, termios.TCSADRAIN, looks)


@contextlib.contextmanager
def _unstopped() -> Iterator[None]:
    """Within the block the terminal can be taken back from the background."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTTOU, before)


def _looks(terminal: int) -> list[Any] | None:
    """How the terminal is set; None for one that cannot say."""
    try:
        return termios.tcgetattr(terminal)
    except termios.error:
        return None


def has_terminal() -> bool:
    """Whether a person may be asked: there is a terminal, and it is ours to use now."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
