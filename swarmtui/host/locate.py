"""Which sessions there are on this machine and how they stand, without folding any of them."""

from __future__ import annotations

import socket
from pathlib import Path

from swarmtui.host.history import History
from swarmtui.host.whereabouts import socket_of, told
from swarmtui.plan.model import JSON
from swarmtui.safety.paths import Places, places
from swarmtui.session.events import HostStopped
from swarmtui.session.folder import SessionFolder, find_session, session_folders
from swarmtui.session.imports import IMPORTED, imported_from
from swarmtui.session.log import LogError
from swarmtui.session.reader import Reader
from swarmtui.session.summary import summary
from swarmtui.session.vocabulary import FINAL, Status

__all__ = ["list_sessions", "locate", "seen_status", "sessions_root", "socket_of", "viewers_of"]

FOLDED_EVENTS = 1_000


def sessions_root(where: Places | None = None) -> Path:
    """The folder that holds every session's folder; it need not exist."""
    return (where or places()).state / "sessions"


def locate(prefix: str, where: Places | None = None) -> SessionFolder:
    """The session whose ID is or uniquely begins with `prefix`. Raises SessionMissing."""
    return find_session(sessions_root(where), prefix)


def seen_status(folder: SessionFolder, recorded: Status) -> Status:
    """The status as it is: a session that has not ended and whose host went without a word has crashed."""
    if recorded in FINAL or folder.owned():
        return recorded
    if not (History(folder).last_type() == HostStopped.TYPE or _never_hosted(folder)):
        return Status.CRASHED if imported_from(folder.db) is None else Status.PAUSED
    return recorded if recorded in (Status.PAUSED, Status.AWAITING_APPROVAL) else Status.PAUSED


def _never_hosted(folder: SessionFolder) -> bool:
    """Whether it is a fork that no host has run yet: nothing of its own was recorded since it was made."""
    with Reader(folder.db) as reader:
        made = reader.meta("forked")
        return isinstance(made, dict) and made.get("rests_at") == reader.last_seq()


def list_sessions(where: Places | None = None) -> list[dict[str, JSON]]:
    """One summary per session, newest first; a file that cannot be read gives a row that says so in `reason`."""
    rows = [_row(folder) for folder in session_folders(sessions_root(where))]
    return sorted(rows, key=lambda row: float(row["started"] or 0.0), reverse=True)


def _row(folder: SessionFolder) -> dict[str, JSON]:
    try:
        with Reader(folder.db) as reader:
            found = reader.meta("summary")
            imported = reader.meta(IMPORTED)
            recorded = found["status"] if isinstance(found, dict) else None
            if recorded not in FINAL and 0 < reader.last_seq() <= FOLDED_EVENTS:
                found = summary(
                    History(folder).state()
                )  # the kept one may be a second old, and a short file costs nothing
        row: dict[str, JSON] = dict(found) if isinstance(found, dict) else _unknown(folder, "nothing was recorded yet")
        row["status"] = seen_status(folder, Status(row["status"])).value
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
    return row


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
