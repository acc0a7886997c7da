"""How far a map is, how fast it goes, and when it will be through: from its state alone, the same on every machine.

The rate is that of the last minute or of the last thirty ends, whichever is longer (the fold keeps no more, see
:attr:`Items.marks`). The range around the time left takes ends for independent of each other: with n of them in the
window the rate is known to about 1.64 / sqrt(n) of itself, nine times in ten.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.session.vocabulary import State

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON
    from swarmtui.session.items import Items
    from swarmtui.session.state import NodeState, SessionState

FEWEST = 3
"""Ends in the window from which on a rate is told."""
_Z = 1.64


@frozen
class Progress:
    """The figures of one map."""

    total: int
    done: int
    """Gone through, with whatever result; what was cancelled is not."""
    ended: int
    """Done or cancelled."""
    failed: int
    skipped: int
    cancelled: int
    running: int
    per_s: float | None = None
    """Items that ended per second of late; None: too few to say, or nothing runs."""
    left_s: float | None = None
    """Seconds until all have ended, at that rate."""
    range_s: tuple[float, float] | None = None
    """Between which `left_s` lies, nine times in ten, if the rate stays as it is."""


def progress(node: NodeState, mono: float) -> Progress | None:
    """The progress of `node` at session second `mono`; None if it is no map or its items are not known yet."""
    items = node.items
    if items is None:
        return None
    counted = Progress(
        total=items.total,
        done=items.done,
        ended=items.ended,
        failed=items.count(State.FAILED),
        skipped=items.count(State.SKIPPED),
        cancelled=items.count(State.CANCELLED),
        running=items.count(State.RUNNING),
    )
    if node.ended or not (node.running or items.count(State.THROTTLED)):  # between two tries it goes on all the same
        return counted
    return _with_rate(counted, items, mono)


def _with_rate(counted: Progress, items: Items, mono: float) -> Progress:
    if not items.marks:
        return counted
    since, before = items.marks[0]
    ends, span = items.ended - before, mono - since
    if ends < FEWEST or span <= 0:
        return counted
    rate, left = ends / span, items.total - items.ended
    spread = _Z / math.sqrt(ends)
    range_s = (left / (rate * (1 + spread)), left / (rate * max(1 - spread, 0.05)))
    return replace(counted, per_s=rate, left_s=left / rate, range_s=range_s)


def words(told: Progress) -> str:
    """The progress in a line: ``1,204 of 20,000 items, 3 failed, 41/s, 7 min left (6 min to 8 min)``."""
    parts = [f"{told.done:,} of {told.total:,} items"]
    if told.failed:
        parts.append(f"{told.failed:,} failed")
    if told.skipped:
        parts.append(f"{told.skipped:,} skipped")
    if told.cancelled:
        parts.append(f"{told.cancelled:,} cancelled")
    return ", ".join([*parts, *pace(told)])


def pace(told: Progress, *, short: bool = False) -> list[str]:
    """Rate and time left, each a few words; empty where they are not known. `short` leaves the range out."""
    if told.per_s is None or told.left_s is None or told.range_s is None:
        return []
    if short:
        return [rate(told.per_s), f"{span(told.left_s)} left"]
    low, high = (span(seconds) for seconds in told.range_s)
    around = "" if low == high else f" ({low} to {high})"
    return [rate(told.per_s), f"{span(told.left_s)} left{around}"]


def rate(per_s: float) -> str:
    """Items per second, or per minute or hour where that is less than one."""
    for scale, unit in ((1.0, "s"), (60.0, "min"), (3600.0, "h")):
        number = per_s * scale
        if number >= 1.0 or unit == "h":
            return f"{number:,.0f}/{unit}" if number >= 10 else f"{number:.1f}/{unit}"
    raise AssertionError


def span(seconds: float) -> str:
    """A time in its largest fitting unit, as coarse as a forecast is."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"


def progress_json(node: NodeState, mono: float) -> JSON:
    """:func:`progress` for scripts, with :func:`words` as ``text``; None for what is no map."""
    told = progress(node, mono)
    if told is None:
        return None
    low, high = told.range_s or (None, None)
    return {
        "total": told.total,
        "done": told.done,
        "ended": told.ended,
        "per_s": told.per_s,
        "left_s": told.left_s,
        "left_low_s": low,
        "left_high_s": high,
        "text": words(told),
    }


def tries_told(state: SessionState, node: NodeState) -> int:
    """How often the node was tried, as it is shown. An agent's attempts are parts of one try where it waited and went
    on, or a provider sent it back."""
    plan_node = state.plan_nodes.get(node.id)
    if not node.attempts or node.items is not None or plan_node is None or plan_node.kind not in ("agent", "plan"):
        return node.attempts
    return max(1, node.tries)
