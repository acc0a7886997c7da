"""A node's time, told apart: what of it was waiting for a place, what for a provider, and what was work.

Times are session seconds. What comes after the moment that is looked at is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from swarmtui.session.pools import QUESTIONS
from swarmtui.session.vocabulary import State

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState
    from swarmtui.tui.view.flights import Attempt

Kind = Literal["queue", "throttle", "backoff", "away", "idle", "run", "ok", "failed", "refused", "cut", "asks"]


class Part(NamedTuple):
    """A stretch of a node's time."""

    kind: Kind
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


WORK: frozenset[Kind] = frozenset({"run", "ok", "failed", "refused", "cut", "asks"})
_HOW: dict[str, Kind] = {"": "run", "ok": "ok", "failed": "failed", "refused": "refused", "cut": "cut", "away": "ok"}


def parts(attempts: Sequence[Attempt], node: NodeState, now: float) -> list[Part]:
    """The node's time from when it was first ready to its end or to `now`, in order and without holes: what comes
    after the first attempt and is neither wait nor work is ``idle``."""
    found: list[Part] = []
    before: Attempt | None = None
    at = 0.0
    for attempt in attempts:
        start = min(now, max(at, attempt.start or 0.0))
        if before is None:
            at = max(0.0, start - attempt.queue_s - attempt.throttle_s)
            _waited(found, at, start, attempt)
        else:
            at = _between(found, before, at, start)
            _waited(found, at, start, attempt)
        end = now if attempt.end is None else max(start, min(now, attempt.end))
        how = attempt.how if attempt.end is not None and attempt.end <= now else ""
        _put(found, "asks" if node.pool == QUESTIONS else _HOW[how], start, end)
        before, at = attempt, end
        if not how:
            return found
    _since(found, before, at, node, now)
    return found


def _put(found: list[Part], kind: Kind, start: float, end: float) -> float:
    if end > start or kind in WORK:
        found.append(Part(kind, start, max(start, end)))
    return max(start, end)


def _between(found: list[Part], before: Attempt, at: float, start: float) -> float:
    """What the wait after an attempt is, up to where that for a place begins; where that is."""
    if before.how == "refused":
        return at  # all of it is the provider's, but for what was waited for a place
    if before.how == "failed" and before.wait_s:
        return _put(found, "backoff", at, min(start, at + before.wait_s))
    if before.how == "away":
        return _put(found, "away", at, start)
    return at


def _waited(found: list[Part], at: float, start: float, attempt: Attempt) -> None:
    """The wait before an attempt, from `at` on: for a place, for the provider; what is left over was neither."""
    room = start - at
    refused = bool(found) and found[-1].kind == "refused"
    queue = min(max(0.0, attempt.queue_s), room)
    throttle = room - queue if refused else min(max(0.0, attempt.throttle_s), room - queue)
    at = _put(found, "idle", at, start - queue - throttle)
    at = _put(found, "throttle", at, min(start, at + throttle)) if refused else at
    at = _put(found, "queue", at, min(start, at + queue))
    if at < start:
        _put(found, "throttle", at, start)


def _since(found: list[Part], before: Attempt | None, at: float, node: NodeState, now: float) -> None:
    """What goes on since the last attempt ended, or before the first one."""
    if node.ended or now <= at:
        return
    if before is not None:
        due = at + (before.wait_s or 0.0)
        if node.state is State.THROTTLED or (before.how == "refused" and node.state is State.READY):
            _put(found, "throttle", at, now)
            return
        if before.how == "failed" and before.wait_s:
            at = _put(found, "backoff", at, min(now, due))
        elif before.how == "away":
            _put(found, "away", at, now)
            return
    if node.state is State.READY and node.ready_mono is not None and now > max(at, node.ready_mono):
        since = max(at, node.ready_mono)
        if before is not None:
            _put(found, "idle", at, since)
        _put(found, "queue", since, now)
