"""Named points at which a test can have the host die or its disk fail: nothing but a call when off.

``SWARMTUI_FAULT=NAME:ACTION[:NTH]`` (several with commas) arms a point; the host process reads it once, at its start,
and hands the :class:`Faults` on. The NTH time (from 1) that the point is reached, the action is carried out, once.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Mapping

from swarmtui.frozen import mutable

VARIABLE = "SWARMTUI_FAULT"

POINTS: Mapping[str, str] = {
    "create.made": "a new file is whole and has not got its name yet",
    "create.named": "a new file has its name and no event yet",
    "log.opened": "the file is open for writing and nothing of this host in it",
    "commit.before": "events wait to be committed",
    "commit.written": "events are written and not committed",
    "commit.after": "events are committed and nobody has been told",
    "sync.before": "commits are about to be synced to the disk",
    "head.before": "the host lets go and is about to note where the chain ends",
    "head.after": "that is noted and the file still open",
    "host.begun": "the host has recorded that it took over",
    "intent.recorded": "an attempt is recorded as started and not committed",
    "intent.committed": "an attempt is committed and not handed over",
    "attempt.launched": "an attempt was handed over",
    "result.received": "a worker has reported an end and nothing is recorded",
    "result.recorded": "the end of an attempt is recorded and not committed",
    "step.received": "a worker has told a step of an agent and nothing is recorded",
    "step.recorded": "a step is recorded and not committed",
    "call.recorded": "the call of a tool is recorded and not committed",
    "call.committed": "the call of a tool is committed and the worker has not been told",
    "snapshot.taken": "a snapshot is about to be written",
    "results.written": "the file of a map's results is written and the map not finished",
    "migrate.copied": "the copy of an older file is made and the file itself as it was",
    "migrate.stepped": "an older file is changed and nothing committed",
    "migrate.committed": "an older file is brought up to date",
}
"""Every point there is -> what is the case when it is reached."""

_ERRORS = {"full": "database or disk is full", "io": "disk I/O error", "locked": "database is locked"}
ACTIONS = ("kill", "throw", *_ERRORS)


class FaultThrown(Exception):
    """What the action ``throw`` raises."""


@mutable
class _Armed:
    action: str
    left: int


class Faults:
    """Points that are armed, each counted down as it is reached."""

    def __init__(self, armed: Mapping[str, tuple[str, int]] | None = None) -> None:
        """`armed` maps a point to (action, nth). Raises ValueError for what is not one."""
        self._armed: dict[str, _Armed] = {}
        for point, (action, nth) in (armed or {}).items():
            if point not in POINTS:
                raise ValueError(f"{VARIABLE}: there is no point {point!r}: one of {', '.join(POINTS)}")
            if action not in ACTIONS or nth < 1:
                raise ValueError(f"{VARIABLE}: {action}:{nth} is no action: one of {', '.join(ACTIONS)}, from 1")
            self._armed[point] = _Armed(action, nth)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Faults:
        """What the variable asks for. Raises ValueError if that cannot be read."""
        armed: dict[str, tuple[str, int]] = {}
        for word in filter(None, environ.get(VARIABLE, "").split(",")):
            point, _, rest = word.partition(":")
            action, _, nth = rest.partition(":")
            if nth and not nth.isdecimal():
                raise ValueError(f"{VARIABLE}: {word!r}: write NAME:ACTION[:NTH]")
            armed[point] = (action, int(nth or 1))
        return cls(armed)

    def at(self, point: str) -> None:
        """Reach `point`. Raises sqlite3.OperationalError, FaultThrown, or does not come back, if it is armed so."""
        if self._armed:
            self._reach(point)

    def _reach(self, point: str) -> None:
        armed = self._armed.get(point)
        if armed is None:
            return
        armed.left -= 1
        if armed.left:
            return
        del self._armed[point]
        if armed.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if armed.action == "throw":
            raise FaultThrown(point)
        raise sqlite3.OperationalError(_ERRORS[armed.action])
