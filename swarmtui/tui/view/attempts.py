"""A node's attempts, one line each, from its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swarmtui.safety.text import one_line
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.session.spent import Spent
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import MARKS, Glyphs
from swarmtui.tui.view.lines import Line, fit, shorten
from swarmtui.tui.view.logs import time_of_day
from swarmtui.tui.view.nodes import Moment

LIMIT = 1_000


@dataclass(slots=True)
class _Attempt:
    item: int | None
    number: int
    started_ts: float | None = None
    state: State = State.RUNNING
    took_s: float | None = None
    usage: vocab.Usage = vocab.Usage()
    words: str = ""


def attempt_lines(events: Iterable[ev.Event], moment: Moment, glyphs: Glyphs, width: int) -> list[Line]:
    """A head and a line per attempt, the newest first."""
    found = _gather(events)
    if not found:
        return [(("it has not been tried yet", "faint"),)]
    mapped = any(attempt.item is not None for attempt in found)
    head = f"{'item':>7} " if mapped else ""
    lines: list[Line] = [((f"{head}try  {'state':<13} {'started':<9} {'took':>7} {'tokens':>7} {'cost':>9}", "muted"),)]
    lines.extend(_line(attempt, moment, glyphs, width, mapped=mapped) for attempt in found[-LIMIT:][::-1])
    return lines


def _gather(events: Iterable[ev.Event]) -> list[_Attempt]:
    found: dict[tuple[int | None, int, int], _Attempt] = {}
    rounds: dict[tuple[int | None, int], int] = {}
    for event in events:
        body = event.body
        number = getattr(body, "attempt", None)
        if number is None:
            continue
        item: int | None = getattr(body, "item", None)
        if isinstance(body, ev.AttemptStarted):
            rounds[item, number] = rounds.get((item, number), 0) + 1
        key = (item, number, rounds.get((item, number), 0))
        attempt = found.setdefault(key, _Attempt(item, number))
        _take(attempt, body, event.ts)
    return list(found.values())


def _take(attempt: _Attempt, body: ev.Body, ts: float) -> None:
    match body:
        case ev.AttemptStarted():
            attempt.started_ts = ts
        case ev.AttemptSucceeded(took_s=took, usage=usage, output=output):
            attempt.state, attempt.took_s, attempt.usage = State.SUCCEEDED, took, usage
            attempt.words = say.size(output.size)
        case ev.AttemptFailed(took_s=took, usage=usage, error=error, retry_in_s=again):
            attempt.state = State.FAILED if again is None else State.RETRYING
            attempt.took_s, attempt.usage = took, usage
            attempt.words = one_line(f"{error.kind.value}: {error.message}", 300)
        case ev.AttemptThrottled(message=message, retry_in_s=again):
            attempt.state = State.THROTTLED
            attempt.words = one_line(f"again in {say.took(again)} {message}", 300)
        case ev.AttemptCancelled(usage=usage):
            attempt.state, attempt.usage = State.CANCELLED, usage
        case ev.AttemptInterrupted():
            attempt.state = State.INTERRUPTED


def _line(attempt: _Attempt, moment: Moment, glyphs: Glyphs, width: int, *, mapped: bool) -> Line:
    mark = MARKS[attempt.state]
    took = attempt.took_s
    if took is None and attempt.started_ts is not None and attempt.state is State.RUNNING:
        took = moment.wall - attempt.started_ts
    spent = Spent()
    spent.add(attempt.usage)
    head: Line = ((f"{attempt.item if attempt.item is not None else '':>7} ", "muted"),) if mapped else ()
    label = mark.word if glyphs.ascii else f"{mark.glyph} {mark.word}"
    started = time_of_day(attempt.started_ts) if attempt.started_ts is not None else ""
    figures = (
        f"{started:<9} {say.took(took) if took is not None else '':>7} "
        f"{say.short(spent.tokens) if spent.tokens else '':>7} {say.money(spent, ascii_only=glyphs.ascii):>9}  "
    )
    taken = (8 if mapped else 0) + 5 + 14 + len(figures)
    words = shorten(attempt.words, max(0, width - taken), glyphs.cut)
    return (*head, (f"{attempt.number:>3}  ", "text"), (fit(label, 14), mark.role), (figures, "text"), (words, "muted"))
