"""Which sessions there are on this machine and how they stand, without folding any of them.

What reads their files is loaded when one is read: who only looks for a session waits for none of that.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.host.whereabouts import socket_of, told
from swarmtui.safety.paths import Places, places
from swarmtui.session.errors import LogError
from swarmtui.session.folder import SessionFolder, find_session, session_folders
from swarmtui.session.imports import IMPORTED
from swarmtui.session.vocabulary import FINAL, Status

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON
    from swarmtui.session.reader import Reader

__all__ = [
    "list_sessions",
    "locate",
    "newest_first",
    "seen_status",
    "session_row",
    "sessions_root",
    "socket_of",
    "viewers_of",
]

FOLDED_EVENTS = 1_000


def sessions_root(where: Places | None = None) -> Path:
    """The folder that holds every session's folder; it need not exist."""
    return (where or places()).state / "sessions"


def locate(prefix: str, where: Places | None = None) -> SessionFolder:
    """The session whose ID is or uniquely begins with `prefix`. Raises SessionMissing."""
    return find_session(sessions_root(where), prefix)


def seen_status(folder: SessionFolder, recorded: Status) -> Status:
    """The status as it is: a session that has not ended and whose host went without a word has crashed."""
    from swarmtui.session.reader import Reader

    if recorded in FINAL or folder.owned():
        return recorded
    with Reader(folder.db) as reader:
        return _without_host(reader, recorded)


def _without_host(reader: Reader, recorded: Status) -> Status:
    """The status of a session that has not ended and that no host runs."""
    from swarmtui.session.events import HostStopped

    if not (_last_type(reader) == HostStopped.TYPE or _never_hosted(reader)):
        return Status.CRASHED if not isinstance(reader.meta(IMPORTED), dict) else Status.PAUSED
    return recorded if recorded in (Status.PAUSED, Status.AWAITING_APPROVAL) else Status.PAUSED


def _last_type(reader: Reader) -> str | None:
    found = reader.query("SELECT type FROM events ORDER BY seq DESC LIMIT 1")
    return str(found[0][0]) if found else None


def _never_hosted(reader: Reader) -> bool:
    """Whether it is a fork that no host has run yet: nothing of its own was recorded since it was made."""
    made = reader.meta("forked")
    return isinstance(made, dict) and made.get("rests_at") == reader.last_seq()


def list_sessions(where: Places | None = None) -> list[dict[str, JSON]]:
    """One summary per session, newest first; a file that cannot be read gives a row that says so in `reason`."""
    return newest_first(session_row(folder) for folder in session_folders(sessions_root(where)))


def newest_first(rows: Iterable[dict[str, JSON]]) -> list[dict[str, JSON]]:
    """The order of lists; what began at the same moment goes by its ID, so that no two readings differ."""
    return sorted(rows, key=lambda row: (-float(row["started"] or 0.0), str(row["id"])))


def session_row(folder: SessionFolder, *, fold: bool = True) -> dict[str, JSON]:
    """What lists show of one session. Without `fold` the figures that a living host keeps are taken as they are."""
    from swarmtui.session.reader import Reader

    hosted = folder.owned()
    try:
        with Reader(folder.db) as reader:
            found = _figures(folder, reader, as_kept=hosted and not fold)
            row: dict[str, JSON] = found or _unknown(folder, "nothing was recorded yet")
            recorded = Status(str(row.get("status")))
            row["status"] = (recorded if hosted or recorded in FINAL else _without_host(reader, recorded)).value
            imported = reader.meta(IMPORTED)
        row["imported"] = imported.get("format") if isinstance(imported, dict) else None
        if row["imported"] is not None:
            row["needs_you"] = 0  # of a recording nobody is asked any more
    except LogError as error:
        row = _unknown(folder, str(error))
    except ValueError as error:
        row = _unknown(folder, f"{folder.db}: its summary cannot be read: {error}")
    row["id"] = folder.id  # a recovered session keeps its events, which name the one it was
    row["host"] = socket.gethostname()
    row["viewers"] = viewers_of(folder)
    row["hosted"] = hosted
    return row


def _figures(folder: SessionFolder, reader: Reader, *, as_kept: bool) -> dict[str, JSON] | None:
    """The summary that the file keeps, which may be a second old; else, since a short file costs nothing, a new one."""
    from swarmtui.host.history import History
    from swarmtui.session.summary import summary

    found = reader.meta("summary")
    kept = dict(found) if isinstance(found, dict) else None
    if kept is not None and (as_kept or kept.get("status") in FINAL):
        return kept
    seq = reader.last_seq()
    if not 0 < seq <= FOLDED_EVENTS or (kept is not None and kept.get("head_seq") == seq):
        return kept
    return summary(History(folder).state())


def viewers_of(folder: SessionFolder) -> int:
    """How many watch the session, as its host has told; none where no host lives."""
    viewers = told(folder).get("viewers")
    return viewers if isinstance(viewers, int) and folder.owned() else 0


def _unknown(folder: SessionFolder, reason: str) -> dict[str, JSON]:
    status = Status.PLANNING if folder.owned() else Status.CRASHED
    return {
        "id": folder.id,
        "title": "",
        "status": status.value,
        "reason": reason,
        "started": folder.path.stat().st_mtime,
        "ended": None,
        "counts": {},
        "cost_usd": None,
        "simulated": False,
        "needs_you": 0,
        "host": None,
        "parent": None,
    }
