"""What a session can be held against: its kin first, then all others, the newest first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.safety.text import one_line
from swarmtui.tui.view import format as say
from swarmtui.tui.view.sessions import key_of, origin_of, status_of
from swarmtui.tui.view.status import STATUS

if TYPE_CHECKING:
    from swarmtui.tui.view.sessions import Row

ORIGIN, FORK, SIBLING = "its origin", "its fork", "forked from the same"


@frozen
class Other:
    """A session that another one can be held against."""

    key: str
    told: str
    """How it is akin to the other one, how it stands, what it is about, how old it is."""
    older: bool
    """Whether it began before the other one, as far as is known."""


def others(rows: Sequence[Row], key: str, parent: str, now: float) -> list[Other]:
    """Those of `rows` that the session `key` can be held against, forked as it is from `parent`, if from any; `now` in
    seconds of the epoch. A machine that did not answer is not among them."""
    here = next((row for row in rows if "id" in row and key_of(row) == key), {})
    began = here.get("started") or now
    found: list[tuple[int, Other]] = []
    for row in rows:
        if "id" in row and key_of(row) != key:
            kin = _kin(row, key, parent)
            older = kin == ORIGIN or (kin != FORK and (row.get("started") or 0.0) <= began)
            rank = (ORIGIN, FORK, SIBLING, "").index(kin)
            found.append((rank, Other(key_of(row), ", ".join(_told(row, kin, now)), older)))
    return [other for _, other in sorted(found, key=lambda one: one[0])]


def _kin(row: Row, key: str, parent: str) -> str:
    if parent and key_of(row) == parent:
        return ORIGIN
    origin = origin_of(row)
    if origin == key:
        return FORK
    return SIBLING if parent and origin == parent else ""


def _told(row: Row, kin: str, now: float) -> Iterator[str]:
    if kin:
        yield kin
    if (status := status_of(row)) is not None:
        yield STATUS[status][0]
    tags = "".join(f" [{tag}]" for tag in ("simulated", "imported") if row.get(tag))
    title = one_line(str(row.get("title") or ""), 60)
    if title or tags:
        yield f"{title}{tags}".strip()
    if row.get("started"):
        yield f"{say.ago(now - row['started'])} ago"
