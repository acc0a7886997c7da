"""What is known of one session from its row alone: for the pane beside the list. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import FINAL, State, why_so
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import MARKS, Glyphs
from swarmtui.tui.view.lines import Line, Role, Span, crop, shares, wrap
from swarmtui.tui.view.sessions import Row, counts_of, key_of, parent_of, status_of, took_s
from swarmtui.tui.view.status import status_told

GOAL_LINES = 4
FORKS_SHOWN = 5
LABEL = 9
_ORDER = (
    State.SUCCEEDED, State.RUNNING, State.RETRYING, State.THROTTLED, State.READY, State.HELD, State.INTERRUPTED,
    State.FAILED, State.CANCELLED, State.SKIPPED, State.STALE, State.WAITING,
)  # fmt: skip
"""Of a bar: what is done at the left, what is to come at the right."""


def detail_lines(row: Row | None, all_rows: Sequence[Row], now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """The lines of the pane, in `width` cells, at the time `now` (epoch seconds)."""
    if row is None:
        return [((" nothing is selected", "faint"),)]
    if "error" in row:
        return [*_words("machine", str(row.get("host")), width), *_words("why", str(row["error"]), width, "bad")]
    room = max(8, width - 2)
    goal: list[Line] = [
        ((" " + part, "strong"),) for part in wrap(one_line(str(row.get("title") or "no goal yet"), 600), room)
    ]
    lines: list[Line] = [*goal[:GOAL_LINES], _standing(row, now, glyphs)]
    lines += _nodes(row, room, glyphs)
    lines += _trouble(row, width)
    lines += _words("where", _where(row), width)
    lines += _family(row, all_rows, width)
    return [crop(line, width) for line in lines]


def _standing(row: Row, now: float, glyphs: Glyphs) -> Line:
    status = status_of(row)
    word, role = status_told(status, glyphs) if status else ("?", "muted")
    took = took_s(row, now)
    started = row.get("started")
    parts: list[Span] = [(f" {word}", role)]
    if took is not None:
        parts.append((f"  {say.clock(took)}", "text"))
    if isinstance(started, int | float) and started:
        parts.append((f"  began {say.ago(now - started)} ago", "muted"))
    cost = row.get("cost_usd")
    if isinstance(cost, int | float) and cost:
        parts.append((f"  {say.usd(cost)}", "text"))
    if row.get("simulated"):
        parts.append(("  simulated", "muted"))
    if row.get("needs_you"):
        parts.append((f"  {say.need_you(int(row['needs_you']))}", "ask"))
    return tuple(parts)


def _nodes(row: Row, room: int, glyphs: Glyphs) -> list[Line]:
    """A bar of as many cells as fit, and below it what its parts are."""
    counts = counts_of(row)
    known = [(state, counts[state]) for state in _ORDER if isinstance(counts.get(state), int) and counts[state] > 0]
    total = sum(count for _, count in known)
    if not total:
        return [((" no nodes yet", "faint"),)]
    size = min(room, 60)
    bar: list[Span] = [(" ", "text")]
    for (state, _), cells in zip(known, shares([count for _, count in known], size), strict=True):
        rest = state in (State.WAITING, State.READY)
        bar.append(((glyphs.empty if rest else glyphs.full) * cells, MARKS[state].role))
    told: list[Line] = []
    line: list[Span] = [(" ", "text")]
    taken = 1
    for state, count in known:
        mark = MARKS[state]
        word = f"{count:,} {mark.word}" if glyphs.ascii else f"{mark.glyph} {count:,} {mark.word}"
        if taken + len(word) + 2 > room and len(line) > 1:
            told.append(tuple(line))
            line, taken = [(" ", "text")], 1
        line.append((word + "  ", mark.role))
        taken += len(word) + 2
    items = row.get("items")
    if isinstance(items, Mapping) and isinstance(items.get("done"), int) and isinstance(items.get("total"), int):
        line.append((f"items {items['done']:,}/{items['total']:,}", "muted"))
    return [tuple(bar), *told, tuple(line)]


def _trouble(row: Row, width: int) -> list[Line]:
    """What failed last, and why it stands as it does."""
    lines: list[Line] = []
    failure = row.get("last_failure")
    if isinstance(failure, Mapping):
        told = f"{failure.get('node')}: {failure.get('error') or 'failed'}"
        lines += _words("failed", told, width, "bad")
    reason = why_so(status_of(row), str(row.get("reason") or ""))
    return lines + (_words("because", reason, width, "warn") if reason else [])


def _where(row: Row) -> str:
    if row.get("imported"):
        return f"a recording ({row['imported']}), imported on {row.get('host') or 'this machine'}"
    hosted = row.get("hosted")
    runs = ""
    if isinstance(hosted, bool) and status_of(row) not in FINAL:
        runs = "a host runs it" if hosted else "no host runs it"
    watched = f"{row['viewers']} watch" if row.get("viewers") else ""
    again = "asked again how it stands; all else is of before" if row.get("again") else ""
    return ", ".join(part for part in (str(row.get("host") or "this machine"), again or runs, watched) if part)


def _family(row: Row, all_rows: Sequence[Row], width: int) -> list[Line]:
    """What it was forked from, and what was forked from it, on the same machine."""
    lines: list[Line] = []
    parent = row.get("parent")
    if parent_of(row) and isinstance(parent, Mapping):
        at = f" at event {parent['seq']:,}" if isinstance(parent.get("seq"), int) else ""
        lines += _words("fork of", f"{parent_of(row)}{at}", width)
    forks = [
        key_of(other)
        for other in all_rows
        if "error" not in other and parent_of(other) == row.get("id") and other.get("host") == row.get("host")
    ]
    if forks:
        more = f" and {len(forks) - FORKS_SHOWN:,} more" if len(forks) > FORKS_SHOWN else ""
        lines += _words("forks", ", ".join(forks[:FORKS_SHOWN]) + more, width)
    return lines


def _words(label: str, told: str, width: int, role: Role = "text") -> list[Line]:
    """A label, and beside it a text of up to three lines."""
    parts = wrap(one_line(told, 400), max(8, width - LABEL - 2))[:3]
    heads = [label, *[""] * (len(parts) - 1)]
    return [((f" {head:<{LABEL}}", "muted"), (part, role)) for head, part in zip(heads, parts, strict=True)]
