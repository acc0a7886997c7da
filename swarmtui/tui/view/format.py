"""Figures as people read them: durations, money, counts. Unknown is never shown as zero."""

from __future__ import annotations

import time
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.session.spent import Spent

UNKNOWN = "n/a"
MOST_TS = 2.0**40
"""Epoch seconds that are a time: what is beyond was never measured."""
SOON_S = 0.5
"""What is due in less is due."""


def clock(seconds: float) -> str:
    """``0:12``, ``4:12``, ``1:02:03``; negative times count as none."""
    whole = int(max(0.0, seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def again(seconds: float) -> str:
    """When what was sent back goes again: ``again in 0:12``; what is due waits for a place."""
    return f"again in {clock(ceil(seconds))}" if seconds >= SOON_S else "waits for a place"


def took(seconds: float) -> str:
    """A finished duration: tenths below ten seconds (``1.8s``), else as :func:`clock`."""
    return f"{max(0.0, seconds):.1f}s" if seconds < 9.95 else clock(seconds)


def ago(seconds: float) -> str:
    """An age in one unit: ``12s``, ``4m``, ``3h``, ``2d``."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(max(0.0, seconds))}s"


def moment(ts: float) -> str:
    """A moment of the wall clock, to the minute: ``2026-11-22 01:09``."""
    return stamp(ts, "%Y-%m-%d %H:%M")


def second(ts: float) -> str:
    """A moment of the wall clock, to the second."""
    return stamp(ts, "%Y-%m-%d %H:%M:%S")


def time_of_day(ts: float) -> str:
    """``12:04:31`` in the user's time zone."""
    return stamp(ts, "%H:%M:%S")


def stamp(ts: float, pattern: str) -> str:
    """A moment of the wall clock as `pattern` has it; ``n/a`` for what no calendar has: a file may say anything."""
    return time.strftime(pattern, time.localtime(ts)) if 0 <= ts < MOST_TS else UNKNOWN


def count(number: int) -> str:
    """``1,220``."""
    return f"{number:,}"


def nodes(number: int) -> str:
    """``1 node``, ``1,220 nodes``."""
    return f"{number:,} node{'' if number == 1 else 's'}"


def sessions(number: int) -> str:
    """``1 session``, ``2,000 sessions``."""
    return f"{number:,} session{'' if number == 1 else 's'}"


def need_you(number: int) -> str:
    """``1 needs you``, ``2 need you``."""
    return f"{number:,} need{'s' if number == 1 else ''} you"


def short(number: float) -> str:
    """A count in at most five characters: ``842``, ``2.1k``, ``1.3M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size * 0.9995:
            scaled = number / size
            return f"{scaled:.1f}{unit}" if scaled < 99.95 else f"{scaled:.0f}{unit}"
    return f"{number:.0f}"


def size(number: int) -> str:
    """Bytes: ``812 B``, ``4.0 kB``, ``2.5 GB``."""
    scaled = short(number)
    return f"{number} B" if number < 1_000 else f"{scaled[:-1]} {scaled[-1]}B"


def usd(amount: float) -> str:
    """``$0.42``; small amounts keep two digits that say something: ``$0.0042``."""
    if amount and amount < 0.1:
        return f"${amount:.4f}" if amount >= 0.0001 else "<$0.0001"
    return f"${amount:,.2f}"


def money(spent: Spent, *, ascii_only: bool = False) -> str:
    """What was spent. Empty before the first attempt, and where all was simulated; ``n/a`` if no price is known; ``≥``
    if only some are."""
    if spent.simulated == spent.attempts:
        return ""
    if spent.unpriced and not spent.cost_usd:
        return UNKNOWN
    return f"{'>=' if ascii_only else '≥'}{usd(spent.cost_usd)}" if spent.unpriced else usd(spent.cost_usd)


def percent(part: int, whole: int) -> str:
    """``61%``; 100 only when all is done."""
    if whole <= 0:
        return "0%"
    return f"{min(99, part * 100 // whole) if part < whole else 100}%"
