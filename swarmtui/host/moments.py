"""How a person names a moment of a session: by an event's number, by the time, or by a mark."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from swarmtui.frozen import frozen
from swarmtui.host.past import Past
from swarmtui.session.events import HostStopped, SessionFinished
from swarmtui.session.marks import Mark, MarkKind

END_S = 1.0
"""So much later than a session's end a time may be: people read times that are rounded."""
_SEQ = re.compile(r"\d{1,15}\Z")
_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,6}):(\d{1,2}(?:\.\d{1,6})?)\Z")
_UNITS = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,6})?)s)?\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?\Z")
_NUMBERED = re.compile(r"(.+):(\d{1,6})\Z")
FORMS = "an event's number (120), a time (90s, 5m, 1:02:03), or a mark (failure, retry:2, or the label of one of yours)"


class MomentMissing(ValueError):
    """There is no such moment; the text says what was looked for, and what there is."""


@frozen
class Moment:
    """A moment by exactly one of four names."""

    seq: int | None = None
    seconds: float | None = None
    """Since the first event, on the session's own clock."""
    ts: float | None = None
    """Epoch seconds, by the wall."""
    mark: str | None = None
    number: int = 1
    """Which of the marks of that name."""


def parse_moment(word: str) -> Moment:
    """What `word` means: see :data:`FORMS`, and a date and time as ISO 8601 has them, of this machine's time zone
    unless it names another. Whatever is no number and no time is the name of a mark."""
    if _SEQ.match(word):
        return Moment(seq=int(word))
    if _DATE.match(word):
        try:
            return Moment(ts=datetime.fromisoformat(word).timestamp())
        except (ValueError, OverflowError, OSError):  # there is no such day, or none that the machine can name
            return Moment(mark=word)
    time = word.removeprefix("+")
    found = _CLOCK.match(time) or (_UNITS.match(time) if time else None)
    if found is not None:
        hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return Moment(seconds=hours * 3600 + minutes * 60 + seconds)
    numbered = _NUMBERED.match(word)
    if numbered is not None and int(numbered[2]) > 0:
        return Moment(mark=numbered[1], number=int(numbered[2]))
    return Moment(mark=word)


def find_mark(marks: Sequence[Mark], moment: Moment) -> Mark:
    """The mark that `moment` names by its kind or, of a user's, by its label. Raises MomentMissing."""
    if moment.ts is not None:
        raise MomentMissing(f"a date is no moment here: give {FORMS}")
    name = moment.mark or ""
    of_name = [mark for mark in marks if mark.kind == name or (mark.kind is MarkKind.USER and mark.label == name)]
    if len(of_name) >= moment.number:
        return of_name[moment.number - 1]
    if of_name:
        raise MomentMissing(f"there are {len(of_name)} marks {name!r}, and no number {moment.number}")
    raise MomentMissing(f"{name!r} is no moment of this session: give {FORMS}; marks here: {_listed(marks)}")


async def find_moment(past: Past, moment: Moment) -> int:
    """The last event by then: its seq, no later than the head. Raises MomentMissing, and what the past raises."""
    if moment.seq is not None:
        head = await past.head()
        if not 1 <= moment.seq <= head:
            raise MomentMissing(f"there is no event {moment.seq}: this session has events 1 to {head}")
        return moment.seq
    if moment.seconds is not None:
        return await _by_its_clock(past, moment.seconds)
    if moment.ts is not None:
        return await _by_the_wall(past, moment.ts)
    return find_mark(await past.marks(), moment).seq


async def _by_its_clock(past: Past, seconds: float) -> int:
    """The last event up to then; of a session that has ended, its end is the last moment that there is."""
    first, last = await past.events(1, 1), await past.events(await past.head(), 1)
    begins_s = first[0].mono if first else 0.0
    if last and isinstance(last[0].body, SessionFinished | HostStopped):
        lasts_s = last[0].mono - begins_s
        if seconds > lasts_s + END_S:
            raise MomentMissing(f"there is no second {seconds:g}: this session ended after {lasts_s:.1f} s")
    return await past.seq_at(seconds + begins_s)


async def _by_the_wall(past: Past, ts: float) -> int:
    """The last event at or before `ts`, by halves; where the wall's clock was set back meanwhile, one of those."""
    low, high = 1, await past.head()
    first = await past.events(1, 1)
    if first and first[0].ts > ts:
        began = datetime.fromtimestamp(first[0].ts).astimezone().isoformat(" ", "seconds")
        raise MomentMissing(f"that is before the session began, which was {began}")
    while low < high:
        middle = (low + high + 1) // 2
        found = await past.events(middle, 1)
        low, high = (middle, high) if found and found[0].ts <= ts else (low, middle - 1)
    return low


def _listed(marks: Sequence[Mark]) -> str:
    counted = Counter(mark.kind.value for mark in marks)
    return ", ".join(f"{count} {kind}" for kind, count in counted.most_common()) or "none"
