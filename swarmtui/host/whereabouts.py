"""What a session's host tells of itself in ``host.json``. It is believed in nothing: whether it lives, the lock says.

Imports little: who connects over ssh waits for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swarmtui.safety.paths import Places, places, socket_path

if TYPE_CHECKING:
    from swarmtui.session.folder import SessionFolder


def told(folder: SessionFolder) -> dict[str, Any]:
    """All of it; nothing where no host has told anything, or what is there makes no sense."""
    try:
        found = json.loads(folder.host_json.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def named_socket(folder: SessionFolder) -> Path | None:
    """Where the host says that it listens."""
    found = told(folder).get("socket")
    return Path(found) if isinstance(found, str) else None


def socket_of(folder: SessionFolder, where: Places | None = None) -> Path:
    """Where the session's host listens, if one lives. Raises PathRefused."""
    return named_socket(folder) or socket_path(folder.id, where or places())
