"""The sessions there are, as rows of a table: a tree of forks, or sorted and filtered. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from swarmtui.frozen import mutable
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import DONE, Status
from swarmtui.tui.view import format as say
from swarmtui.tui.view.chosen_columns import unknown
from swarmtui.tui.view.column import Column, chosen
from swarmtui.tui.view.lines import Role, Span
from swarmtui.tui.view.lines import cells as cells_of
from swarmtui.tui.view.matching import filter_of
from swarmtui.tui.view.order import natural
from swarmtui.tui.view.status import STATUS

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.moment import Moment

Row = Mapping[str, Any]
"""A session as ``ls --json`` prints it; or a machine that did not answer, with its ``error``."""
AsTree = Callable[[Sequence[Row]], list[tuple[str, Row]]]
"""Rows in the order of a tree, each with what is drawn before it."""

LONG_AGO_S = 300 * 86_400
_ASCII_TREE = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-"})
COLUMNS: tuple[Column, ...] = (
    Column("status", "status", 18, 10),
    Column("id", "session", 12, 8),
    Column("title", "title", 0, 10),
    Column("host", "host", 12, 1),
    Column("started", "started", 11, 4),
    Column("took", "took", 7, 6, right=True),
    Column("nodes", "done", 9, 7, right=True),
    Column("items", "items", 13, 5, right=True),
    Column("failed", "fail", 4, 7, right=True),
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
    "failed": lambda row: row.get("status") in (Status.FAILED, Status.CRASHED) or bool(counts_of(row).get("failed")),
    "running": lambda row: row.get("status") in _LIVE,
}
"""Choices of which sessions are shown, gone through with one key."""


def goes_on(row: Row) -> bool:
    """Whether anything of a session can happen by itself: not where it is paused or nobody has approved its plan."""
    return row.get("status") in (Status.RUNNING, Status.PLANNING)


@mutable
class Looking:
    """How somebody looks at the sessions; kept from screen to screen, and from one time to the next."""

    words: str = ""
    """Words that must occur; ``!word`` must not."""
    shown: str = "all"
    sort: tuple[str, bool] = ("", False)
    tree: bool = True
    """Whether forks stand under their origin, where nothing is sorted by."""
    selected: str = ""
    marked: set[str] = field(default_factory=set)
    """Keys of the sessions that actions are about; not kept."""

    def kept(self) -> dict[str, JSON]:
        """What is remembered of it."""
        sort: list[JSON] = list(self.sort)
        return {"words": self.words, "shown": self.shown, "sort": sort, "tree": self.tree, "selected": self.selected}

    @staticmethod
    def recalled(kept: Mapping[str, JSON]) -> Looking:
        """What was remembered, as far as it makes sense."""
        looking = Looking()
        for name in ("words", "selected"):
            if isinstance(found := kept.get(name), str):
                setattr(looking, name, one_line(found, 500))
        if isinstance(shown := kept.get("shown"), str) and shown in SHOWN:
            looking.shown = shown
        match kept.get("sort"):
            case [str() as key, bool() as descending] if not key or key in _RANKS:
                looking.sort = key, descending
        looking.tree = kept.get("tree") is not False
        return looking


def key_of(row: Row) -> str:
    """What to call a session by: its ID, or ``HOST/ID``; a machine by its name."""
    if "id" not in row:
        return f"{row.get('host')}/"
    return f"{row['host']}/{row['id']}" if row.get("far") else str(row["id"])


def unknown_columns(wanted: Sequence[str]) -> list[str]:
    """Of the names of columns that a user wants, those that there are not."""
    return unknown(COLUMNS, wanted)


@mutable
class SessionRows:
    """The sessions as rows."""

    looking: Looking = field(default_factory=Looking)
    as_tree: AsTree = field(default=lambda rows: [("", row) for row in rows])
    wanted: Sequence[str] = ()
    """Columns that the user wants, in order; none: those for which there is something to show."""
    rows: list[tuple[str, Row]] = field(default_factory=list)
    """Those that are shown, in order, with what is drawn before each."""
    total: int = 0
    _columns: tuple[Column, ...] = COLUMNS
    _by_key: dict[str, Row] = field(default_factory=dict)
    _found: Sequence[Row] = ()
    _how: tuple[object, ...] = ()

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
        """The row of that key, shown or not."""
        return self._by_key.get(key)

    def shown(self) -> list[str]:
        """The sessions that are shown."""
        return [key_of(row) for _, row in self.rows if "error" not in row]

    def marked(self) -> list[Row]:
        """The sessions that are marked, shown or not, newest first."""
        return [row for key, row in self._by_key.items() if key in self.looking.marked]

    def take(self, found: Sequence[Row]) -> None:
        """Choose from all sessions, newest first, those that are shown, and put them in order."""
        looking = self.looking
        how = looking.words, looking.shown, looking.sort, looking.tree
        same = len(found) == len(self._found) and all(map(_same, found, self._found))
        if same and how == self._how:
            return  # the very same rows, looked at in the same way; what goes on by itself is drawn from them
        self._how, self._found, self._by_key = how, found, {key_of(row): row for row in found}
        looking.marked &= {key for key, row in self._by_key.items() if "error" not in row}
        self.total = len(found)
        test, fits = SHOWN[looking.shown], filter_of(looking.words)
        kept = [row for row in found if "error" not in row and test(row) and fits(_said(row))]
        key, descending = looking.sort
        if key:
            self.rows = [("", row) for row in sorted(kept, key=_RANKS[key], reverse=descending)]
        else:
            self.rows = list(self.as_tree(kept)) if looking.tree else [("", row) for row in kept]
        self.rows += [("", row) for row in found if "error" in row]
        self._measure()

    def _measure(self) -> None:
        """Columns as wide as the longest name asks for, which is known only now; none for what no row has."""
        rows = [row for _, row in self.rows]
        needless = {
            key for key in ("items", "failed", "cost", "viewers", "needs") if not any(_has(row, key) for row in rows)
        }
        if len({row.get("host") for row in rows}) < 2:
            needless.add("host")
        names = [cells_of(head + _name(row)) for head, row in self.rows]
        wide = {
            "id": min(34, max([8, *names])),
            "nodes": max([4, *(len(_done(row)) for row in rows)]),
            "items": max([5, *(len(_items(row)) for row in rows)]),
            "cost": max([4, *(len(_cost(row)) for row in rows)]),
            "status": 3 + max(map(cells_of, {_word(row) for row in rows}), default=6),
            "host": min(20, max(map(cells_of, {str(row.get("host") or "") for row in rows}), default=4)),
        }
        kept = [column for column in COLUMNS if column.key not in needless]
        if self.wanted and not unknown_columns(self.wanted):
            kept = list(chosen(COLUMNS, self.wanted))
        self._columns = tuple(replace(column, width=wide.get(column.key, column.width)) for column in kept)

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one session."""
        head, row = self.rows[at]
        if "error" in row:
            return _silent(row, moment)
        status = status_of(row)
        word = _word(row)
        _, icon, role = STATUS[status] if status and not row.get("again") else ("", " ", "muted")
        counts = counts_of(row)
        failed, needs = counts.get("failed", 0), int(row.get("needs_you") or 0)
        sign = ("*" if glyphs.ascii else "◆") if self.key(at) in self.looking.marked else " "
        title = one_line(str(row.get("title") or row.get("reason") or ""), 200)
        tags = [tag for tag in ("simulated", "imported") if row.get(tag)]
        name = head.translate(_ASCII_TREE) if glyphs.ascii else head
        took = took_s(row, moment.wall)
        return {
            "status": (f"{sign}{'' if glyphs.ascii else icon + ' '}{word}", role),
            "id": (name + _name(row), "text"),
            "title": (title + "".join(f" [{tag}]" for tag in tags), "text"),
            "host": (one_line(str(row.get("host") or ""), 40), "muted"),
            "started": (_when(row.get("started"), moment.wall), "muted"),
            "took": ("" if took is None else say.clock(took), "text"),
            "nodes": (_done(row), "text"),
            "items": (_items(row), "text"),
            "failed": (str(failed) if failed else "", "failed"),
            "cost": (_cost(row), "text"),
            "viewers": (_watching(row), "muted"),
            "needs": (str(needs) if needs else "", "ask"),
        }


def _silent(row: Row, moment: Moment) -> dict[str, Span]:
    """A machine that has not answered: since when, and why."""
    nothing: Span = ("", "faint")
    cells = {column.key: nothing for column in COLUMNS}
    role: Role = "bad" if row["error"] else "muted"
    return cells | {
        "status": (f" {_word(row)}", role),
        "id": (_name(row), role),
        "host": (_name(row), role),
        "title": (one_line(str(row["error"] or "no answer yet"), 300), role),
        "took": (say.clock(moment.wall - float(row["since"])) if row.get("since") else "", role),
    }


def _name(row: Row) -> str:
    """What its row calls it: as commands do, but for the slash that tells a machine."""
    return one_line(key_of(row).removesuffix("/"), 60)


def _same(one: Row, other: Row) -> bool:
    """Whether nothing has changed; the row of a silent machine is made anew each time."""
    return one is other or ("error" in one and one == other)


def status_of(row: Row) -> Status | None:
    """The status of a session; None for one that this version does not know."""
    try:
        return Status(str(row.get("status")))
    except ValueError:
        return None


def _word(row: Row) -> str:
    """What the status is called."""
    if "error" in row:
        return "no answer" if row["error"] else "asked"
    if row.get("again"):
        return "asked again"
    status = status_of(row)
    return STATUS[status][0] if status else "?"


def _has(row: Row, key: str) -> bool:
    """Whether there is something to show in a column that few rows need."""
    match key:
        case "failed":
            return bool(counts_of(row).get("failed"))
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


def counts_of(row: Row) -> Mapping[str, int]:
    """Nodes per state; none of a row that does not tell."""
    counts = row.get("counts")
    return counts if isinstance(counts, Mapping) else {}


def _done(row: Row) -> str:
    """``31/48``: nodes that were gone through, of all."""
    counts = counts_of(row)
    return f"{sum(counts.get(state, 0) for state in DONE)}/{sum(counts.values())}" if "error" not in row else ""


def _items(row: Row) -> str:
    """``315/2,000``: how far its maps are; of what is over, or where an older version does not tell, nothing."""
    items = row.get("items")
    if not isinstance(items, Mapping) or row.get("ended"):
        return ""
    done, total = items.get("done"), items.get("total")
    return f"{done:,}/{total:,}" if isinstance(done, int) and isinstance(total, int) else ""


def took_s(row: Row, now: float) -> float | None:
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
    return say.stamp(ts, "%m-%d %H:%M" if abs(now - ts) < LONG_AGO_S else "%Y-%m-%d")


def _cost(row: Row) -> str:
    cost = row.get("cost_usd")
    if isinstance(cost, int | float):
        return say.usd(cost) if cost else ""
    began = any(counts_of(row).get(state) for state in ("succeeded", "failed", "running"))
    return say.UNKNOWN if began and not row.get("simulated") else ""


def _said(row: Row) -> str:
    """What a filter looks at."""
    told = " ".join(str(row.get(key) or "") for key in ("id", "title", "status", "host", "reason"))
    return told + (" needs you" if row.get("needs_you") else "")


_RANKS: dict[str, Callable[[Row], Any]] = {
    "status": lambda row: str(row.get("status")),
    "started": lambda row: row.get("started") or 0.0,
    "ended": lambda row: row.get("ended") or 0.0,
    "took": lambda row: took_s(row, row.get("started") or 0.0) or 0.0,
    "failed": lambda row: counts_of(row).get("failed", 0),
    "cost": lambda row: row.get("cost_usd") or 0.0,
    "title": lambda row: natural(str(row.get("title") or "")),
    "nodes": lambda row: sum(counts_of(row).values()),
    "items": lambda row: row["items"]["done"] if _items(row) else 0,
    "needs": lambda row: row.get("needs_you") or 0,
    "viewers": lambda row: row.get("viewers") or 0,
    "id": lambda row: natural(str(row.get("id"))),
    "host": lambda row: natural(str(row.get("host"))),
}


def parent_of(row: Row) -> str | None:
    """The session that it was forked from."""
    parent = row.get("parent")
    return str(parent["id"]) if isinstance(parent, Mapping) and parent.get("id") else None


def origin_of(row: Row) -> str | None:
    """The key of the session that it was forked from, which is on the same machine."""
    parent = parent_of(row)
    return f"{row['host']}/{parent}" if parent and row.get("far") else parent
