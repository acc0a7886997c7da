"""Ways out of the workbench: exit codes, signals, the one line that a crash leaves. None of them stops the session."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

from swarmtui.host.feed import FeedStatus, Link
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import FINAL, Status

CRASHED = 70
"""The workbench crashed."""
LOST = 6
"""The link was lost."""
GRACE_S = 3.0
"""How long leaving may take once the terminal is gone."""


def outcome(state: SessionState, status: FeedStatus) -> int:
    """The exit code on leaving (design section 12): 0 detached or succeeded, 1 finished with failures, 6 link lost."""
    if state.status in FINAL:
        return 0 if state.status is Status.SUCCEEDED else 1
    return LOST if status.link in (Link.RECONNECTING, Link.CRASHED, Link.CONNECTING) else 0


def leave_on_signals(loop: asyncio.AbstractEventLoop, leave: Callable[[], None]) -> None:
    """Have SIGHUP and SIGTERM leave in good order, and end the process if that has not worked after a while.

    It may not work: writing to a terminal that is gone can block the loop for good. So the handlers are not the loop's
    (they run even then), and the last word is a timer of the kernel's.
    """

    def received(number: int, frame: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)
        loop.call_soon_threadsafe(leave)

    signal.signal(signal.SIGALRM, lambda number, frame: os._exit(0))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, received)


def crash_line(error: BaseException, session: str) -> str:
    """One line for a crash of the workbench: what, that the session goes on, how to get back. No values, no secrets."""
    from swarmtui.safety.redact import Redactor, secrets_from_env
    from swarmtui.safety.text import one_line

    told = one_line(Redactor(secrets_from_env(os.environ)).redact(f"{type(error).__name__}: {error}"), 160)
    back = f"; the session goes on: swarmtui attach {one_line(session, 64)}" if session else ""
    return f"swarmtui: the workbench crashed ({told}){back}"
