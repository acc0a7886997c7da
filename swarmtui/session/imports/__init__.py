"""Recordings from elsewhere as sessions of ours: our own JSON lines, and what other programs write.

What is imported is a past, to be looked at, replayed and forked; no host goes on with it. The file's ``imported`` meta
entry (:data:`IMPORTED`) says so, and from where it is. Whatever is in the file is hostile until it has been checked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

IMPORTED = "imported"
"""Key of the meta entry that an imported session has: ``{from, format, id, malformed, origin}``, of which
``origin`` is that of a session that had been imported before it was exported, else None."""


def imported_from(file: Path) -> dict[str, Any] | None:
    """What the session file at `file` says of where it was imported from; None if it ran here, or cannot be read."""
    from swarmtui.session.errors import LogError
    from swarmtui.session.reader import Reader

    try:
        with Reader(file) as reader:
            found = reader.meta(IMPORTED)
    except LogError:
        return None
    return found if isinstance(found, dict) else None
