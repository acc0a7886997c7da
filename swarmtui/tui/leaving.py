"""Ways out of the workbench: exit codes, signals, the one line that a crash leaves. None of them stops the session."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from swarmtui.host.feed import FeedStatus, Link
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import FINAL, Status

if TYPE_CHECKING:
    from swarmtui.session.state import SessionState

CRASHED = 70
"""The workbench crashed."""
LOST = 6
"""The link was lost."""
GRACE_S = 3.0
"""How long leaving may take once the terminal is gone."""
_ENDING = signal.SIGTERM, signal.SIGHUP

Handler = Callable[[int, FrameType | None], Any] | int | None
"""As :mod:`signal` has it."""


def outcome(state: SessionState, status: FeedStatus) -> int:
    """The exit code on leaving (design section 12): 0 detached or succeeded, 1 finished with failures, 6 link lost."""
    if state.status in FINAL:
        return 0 if state.status is Status.SUCCEEDED else 1
    return LOST if status.link in (Link.RECONNECTING, Link.CRASHED, Link.CONNECTING) else 0


class Ending:
    """While it is entered, SIGHUP and SIGTERM have whatever is on the terminal leave in good order.

    That may not work: writing to a terminal that is gone can block a loop for good. So the handlers are not the loop's
    (they run even then), and the last word is a timer of the kernel's: it ends the process.

    One may be entered within another, as a session is looked at from the list of sessions: once the inner one is left,
    the outer one is told. Only on the main thread.
    """

    def __init__(self) -> None:
        self.wanted = False
        """Whether a signal has come: nothing more is to be shown."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave: Callable[[], object] = bool
        self._before: dict[int, Handler] = {}
        self._number = 0

    def __enter__(self) -> Self:
        for number, handler in ((signal.SIGALRM, self._alarmed), *((number, self._received) for number in _ENDING)):
            self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        for number in _ENDING:
            signal.signal(number, self._before[number])
        if not self.wanted:
            signal.signal(signal.SIGALRM, self._before[signal.SIGALRM])
            return
        outer = self._before[self._number]  # the timer goes on: the process is to end
        if callable(outer):
            outer(self._number, None)

    def watch(self, loop: asyncio.AbstractEventLoop, leave: Callable[[], object]) -> None:
        """From now on have `leave` called, on `loop`; at once, if it is too late to begin."""
        self._loop, self._leave = loop, leave
        if self.wanted:
            loop.call_soon(leave)

    def _received(self, number: int, frame: FrameType | None) -> None:
        self.wanted, self._number = True, number
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself just now
                self._loop.call_soon_threadsafe(self._leave)

    def _alarmed(self, number: int, frame: FrameType | None) -> None:
        """Leaving has taken too long; a timer that is not ours is that of whoever was asked before."""
        before = self._before[number]
        if self.wanted:
            _end()
        elif callable(before):
            before(number, frame)


def _end() -> None:
    os._exit(0)


def tell_left(problem: str) -> None:
    """Say below the shell's prompt what could not be kept, if something could not."""
    if problem:
        with suppress(OSError):  # the terminal may be gone
            print(f"swarmtui: {one_line(problem, 300)}", file=sys.stderr)  # noqa: T201 - the terminal is the shell's


def tell_crash(error: BaseException, session: str = "") -> None:
    """One line for a crash of the workbench: what, that the session goes on, how to get back. No values, no secrets."""
    from swarmtui.safety.redact import Redactor, secrets_from_env

    told = one_line(Redactor(secrets_from_env(os.environ)).redact(f"{type(error).__name__}: {error}"), 160)
    back = f"; the session goes on: swarmtui attach {one_line(session, 64)}" if session else ""
    tell_left(f"the workbench crashed ({told}){back}")
