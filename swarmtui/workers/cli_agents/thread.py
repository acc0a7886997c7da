"""What the attempts of a node record of a program's session, so that the next one goes on with it.

It is a :class:`swarmtui.engine.ports.Stepped` entry with the role ``session``: ``program``, ``id`` (none: forget what
was recorded), ``cwd`` (where the program ran), ``tree`` and ``base`` (its working copy and the commit that this began
at), ``changes`` (the file with what it had changed when it failed), ``totals`` (tokens of the whole session by then),
``ended`` (whether it came to a good end: then there is nothing to go on with).
"""

from __future__ import annotations

import re
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from swarmtui.engine.ports import Attempt
from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.workers.cli_agents.streams import NO_TOTALS, Totals, is_session_id

ROLE = "session"
TREE = "tree-"
"""What the names of working copies begin with."""


@frozen
class SessionEntry:
    """One entry; see the module."""

    program: str
    id: str
    cwd: str
    tree: Path | None = None
    base: str | None = None
    changes: Path | None = None
    totals: Totals = NO_TOTALS

    def as_json(self, *, ended: bool = False) -> dict[str, JSON]:
        """The entry to record."""
        totals = {name: value for name, value in asdict(self.totals).items() if value is not None}
        entry: dict[str, JSON] = {
            "role": ROLE,
            "program": self.program,
            "id": self.id,
            "cwd": self.cwd,
            "tree": str(self.tree) if self.tree else None,
            "base": self.base,
            "changes": str(self.changes) if self.changes else None,
            "totals": totals or None,
            "ended": ended or None,
        }
        return {name: value for name, value in entry.items() if value is not None}


def forgotten(program: str) -> dict[str, JSON]:
    """The entry that tells the next attempt to begin anew."""
    return {"role": ROLE, "program": program, "id": None}


def session_to_resume(attempt: Attempt, program: str) -> SessionEntry | None:
    """The session that the earlier attempts left, if `program` can go on with it.

    A session file may be of somebody else's making: what an entry names must be the node's own.
    """
    for entry in reversed(attempt.thread):
        if isinstance(entry, dict) and entry.get("role") == ROLE:
            return None if entry.get("ended") else _read(entry, attempt, program)
    return None


def _read(entry: dict[str, Any], attempt: Attempt, program: str) -> SessionEntry | None:
    id_, cwd, tree, base, changes = (entry.get(name) for name in ("id", "cwd", "tree", "base", "changes"))
    if entry.get("program") != program or not isinstance(cwd, str) or not is_session_id(id_):
        return None
    found = SessionEntry(program, str(id_), cwd, totals=_totals(entry.get("totals")))
    if tree is None:
        return found if cwd == attempt.cwd else None
    if not isinstance(base, str) or not re.fullmatch(r"[0-9a-f]{40,64}", base):
        return None
    place = _own(tree, attempt)
    kept = _own(changes, attempt)
    if place is None or not place.name.startswith(TREE) or (changes is not None and kept is None):
        return None
    return replace(found, tree=place, base=base, changes=kept)


def _own(path: object, attempt: Attempt) -> Path | None:
    """`path`, if it is within the folder of the attempt's node."""
    folder = Path(attempt.folder)
    node = folder.parent if folder.name == f"attempt-{attempt.number}" else folder
    if not isinstance(path, str) or ".." in Path(path).parts:
        return None
    return Path(path) if Path(path).is_relative_to(node) else None


def _totals(value: object) -> Totals:
    if not isinstance(value, dict):
        return NO_TOTALS
    counts = (value.get(field.name) for field in fields(Totals))
    return Totals(*(count if isinstance(count, int) and count >= 0 else None for count in counts))
