"""The sessions there are, as rows of a table: a tree of forks, or sorted and filtered. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import Status
from swarmtui.tui.view import format as say
from swarmtui.tui.view.figures import STATUS
from swarmtui.tui.view.glyphs import Glyphs
from swarmtui.tui.view.lines import Span
from swarmtui.tui.view.lines import cells as cells_of
from swarmtui.tui.view.nodes import Moment
from swarmtui.tui.view.table import Column

Row = Mapping[str, Any]
"""A session as ``ls --json`` prints it; or a machine that did not answer, with its ``error``."""
AsTree = Callable[[Sequence[Row]], list[tuple[str, Row]]]
"""Rows in the order of a tree, each with what is drawn before it."""

LONG_AGO_S = 300 * 86_400
DONE = ("succeeded", "failed", "skipped", "cancelled", "stale")
_ASCII_TREE = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-"})
COLUMNS: tuple[Column, ...] = (
    Column("status", "status", 18, 10),
    Column("id", "session", 12, 9),
    Column("title", "title", 0, 8),
    Column("host", "host", 12, 1),
    Column("started", "started", 11, 4),
    Column("took", "took", 7, 6, right=True),
    Column("nodes", "done", 9, 7, right=True),
    Column("items", "items", 13, 7, right=True),
    Column("failed", "fail", 4, 5, right=True),
    Column("cost", "cost", 7, 3, right=True),
    Column("viewers", "watch", 5, 2, right=True),
    Column("needs", "you", 3, 9, right=True),
)
SORTS: tuple[str, ...] = ("", "status", "started", "ended", "took", "failed", "cost", "title")
"""``ended`` has no column of its own: what is over, the last one first."""

_LIVE = (Status.RUNNING, Status.PLANNING, Status.AWAITING_APPROVAL, Status.PAUSED)
SHOWN: dict[str, Callable[[Row], bool]] = {
    "all": lambda row: True,
    "not finished ok": lambda row: row.get("status") != Status.SUCCEEDED,
    "needs you": lambda row: bool(row.get("needs_you")),
    "failed": lambda row: row.get("status") in (Status.FAILED, Status.CRASHED) or bool(_counts(row).get("failed")),
    "running": lambda row: row.get("status") in _LIVE,
}
"""Choices of which sessions are shown, gone through with one key."""


@dataclass(slots=True)
class Looking:
    """How somebody looks at the sessions; kept from screen to screen."""

    words: str = ""
    """Words that must occur; ``!word`` must not."""
    shown: str = "all"
    sort: tuple[str, bool] = ("", False)
    marked: str = ""
    """Key of the session that another one is to be compared with."""
    selected: str = ""


def key_of(row: Row) -> str:
    """What to call a session by: its ID, or ``HOST/ID``."""
    return f"{row['host']}/{row['id']}" if row.get("host") and row.get("far") else str(row.get("id") or row.get("host"))


@dataclass(slots=True)
class SessionRows:
    """The sessions as rows."""

    looking: Looking = field(default_factory=Looking)
    as_tree: AsTree = field(default=lambda rows: [("", row) for row in rows])
    rows: list[tuple[str, Row]] = field(default_factory=list)
    """Those that are shown, in order, with what is drawn before each."""
    total: int = 0
    _columns: tuple[Column, ...] = COLUMNS

    @property
    def columns(self) -> Sequence[Column]:
        """Columns of a session; of hosts only where there are several."""
        return self._columns

    @property
    def sort(self) -> tuple[str, bool]:
        """By what column."""
        return self.looking.sort

    def __len__(self) -> int:
        return len(self.rows)

    def key(self, at: int) -> str:
        """See :func:`key_of`."""
        return key_of(self.rows[at][1])

    def row(self, key: str) -> Row | None:
        """The row of that key."""
        return next((row for _, row in self.rows if key_of(row) == key), None)

    def take(self, found: Sequence[Row]) -> None:
        """Choose from all sessions, newest first, those that are shown, and put them in order."""
        self.total = len(found)
        test, words = SHOWN[self.looking.shown], self.looking.words.casefold().split()
        chosen = [row for row in found if "error" in row or (test(row) and _matches(row, words))]
        key, descending = self.looking.sort
        if key:
            self.rows = [("", row) for row in sorted(chosen, key=_RANKS[key], reverse=descending)]
        else:
            self.rows = self.as_tree(chosen)
        self._measure()

    def _measure(self) -> None:
        """Columns as wide as the longest name asks for, which is known only now; none for what no row has."""
        rows = [row for _, row in self.rows]
        needless = {
            key for key in ("items", "failed", "cost", "viewers", "needs") if not any(_has(row, key) for row in rows)
        }
        if len({row.get("host") for row in rows}) < 2:
            needless.add("host")
        names = [cells_of(head + one_line(str(row.get("id") or ""), 40)) for head, row in self.rows]
        wide = {
            "id": min(30, max(8, *names, 0)),
            "status": 3 + max((cells_of(_word(row)) for row in rows), default=6),
        }
        kept = [column for column in COLUMNS if column.key not in needless]
        self._columns = tuple(replace(column, width=wide.get(column.key, column.width)) for column in kept)

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one session."""
        head, row = self.rows[at]
        if "error" in row:
            nothing: Span = ("", "faint")
            cells = {column.key: nothing for column in COLUMNS}
            told = one_line(f"{row.get('host')}: {row['error']}", 200)
            return cells | {"status": ("no answer", "bad"), "title": (told, "bad")}
        status = _status(row)
        word = _word(row)
        _, icon, role = STATUS[status] if status else ("", "", "muted")
        counts = _counts(row)
        failed, needs = counts.get("failed", 0), int(row.get("needs_you") or 0)
        sign = ("*" if glyphs.ascii else "◆") if self.key(at) == self.looking.marked else " "
        title = one_line(str(row.get("title") or row.get("reason") or ""), 200)
        tags = [tag for tag in ("simulated", "imported") if row.get(tag)]
        name = head.translate(_ASCII_TREE) if glyphs.ascii else head
        took = _took(row, moment.wall)
        return {
            "status": (f"{sign}{'' if glyphs.ascii else icon + ' '}{word}", role),
            "id": (name + one_line(str(row["id"]), 40), "text"),
            "title": (title + "".join(f" [{tag}]" for tag in tags), "text"),
            "host": (one_line(str(row.get("host") or ""), 40), "muted"),
            "started": (_when(row.get("started"), moment.wall), "muted"),
            "took": ("" if took is None else say.clock(took), "text"),
            "nodes": (f"{sum(counts.get(state, 0) for state in DONE)}/{sum(counts.values())}", "text"),
            "items": (_items(row), "text"),
            "failed": (str(failed) if failed else "", "failed"),
            "cost": (_cost(row), "text"),
            "viewers": (_watching(row), "muted"),
            "needs": (str(needs) if needs else "", "ask"),
        }


def _status(row: Row) -> Status | None:
    try:
        return Status(str(row.get("status")))
    except ValueError:
        return None


def _word(row: Row) -> str:
    """What the status is called."""
    if "error" in row:
        return "no answer"
    status = _status(row)
    return STATUS[status][0] if status else "?"


def _has(row: Row, key: str) -> bool:
    """Whether there is something to show in a column that few rows need."""
    match key:
        case "failed":
            return bool(_counts(row).get("failed"))
        case "cost":
            return bool(_cost(row))
        case "items":
            return bool(_items(row))
        case "viewers":
            return bool(_watching(row))
        case _:
            return bool(row.get("needs_you"))


def _watching(row: Row) -> str:
    """How many watch it; nothing where nobody does, or where an older version does not tell."""
    return str(row["viewers"]) if row.get("viewers") else ""


def _counts(row: Row) -> Mapping[str, int]:
    counts = row.get("counts")
    return counts if isinstance(counts, Mapping) else {}


def _items(row: Row) -> str:
    """``315/2,000``: how far its maps are; of what is over, or where an older version does not tell, nothing."""
    items = row.get("items")
    if not isinstance(items, Mapping) or row.get("ended"):
        return ""
    done, total = items.get("done"), items.get("total")
    return f"{done:,}/{total:,}" if isinstance(done, int) and isinstance(total, int) else ""


def _took(row: Row, now: float) -> float | None:
    """To its end; of one that goes on, to now; unknown of one that stopped without an end."""
    started, ended = row.get("started"), row.get("ended")
    if not started:
        return None
    if ended:
        return float(ended) - float(started)
    return max(0.0, now - float(started)) if row.get("status") in _LIVE else None


def _when(ts: object, now: float) -> str:
    """Day and time; of what is long ago, the date alone."""
    if not isinstance(ts, int | float) or not ts:
        return ""
    return time.strftime("%m-%d %H:%M" if abs(now - ts) < LONG_AGO_S else "%Y-%m-%d", time.localtime(ts))


def _cost(row: Row) -> str:
    cost = row.get("cost_usd")
    if isinstance(cost, int | float):
        return say.usd(cost) if cost else ""
    began = any(_counts(row).get(state) for state in ("succeeded", "failed", "running"))
    return say.UNKNOWN if began and not row.get("simulated") else ""


def _matches(row: Row, words: Sequence[str]) -> bool:
    told = " ".join(str(row.get(key) or "") for key in ("id", "title", "status", "host", "reason")).casefold()
    told += " needs you" if row.get("needs_you") else ""
    return all((word[1:] not in told) if word.startswith("!") and word[1:] else word in told for word in words)


_RANKS: dict[str, Callable[[Row], Any]] = {
    "status": lambda row: str(row.get("status")),
    "started": lambda row: row.get("started") or 0.0,
    "ended": lambda row: row.get("ended") or 0.0,
    "took": lambda row: _took(row, row.get("started") or 0.0) or 0.0,
    "failed": lambda row: _counts(row).get("failed", 0),
    "cost": lambda row: row.get("cost_usd") or 0.0,
    "title": lambda row: str(row.get("title") or "").casefold(),
    "nodes": lambda row: sum(_counts(row).values()),
    "items": lambda row: row["items"]["done"] if _items(row) else 0,
    "needs": lambda row: row.get("needs_you") or 0,
    "viewers": lambda row: row.get("viewers") or 0,
    "id": lambda row: str(row.get("id")),
    "host": lambda row: str(row.get("host")),
}


def parent_of(row: Row) -> str | None:
    """The session that it was forked from."""
    parent = row.get("parent")
    return str(parent["id"]) if isinstance(parent, Mapping) and parent.get("id") else None
