"""What this machine's sessions know of provider accounts: what was learned of each, and who is at work on it.

One folder in the user's state directory per account. ``learned.json`` is what the last pacer knew, a warm start for
the next. A file named after a session is locked for as long as its host uses the account, so that it counts as no one's
once the host is gone, however it ended. Hosts that share an account learn its limits separately: each sees the
provider's refusals and settles beside the others; the view says how many they are.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from hashlib import blake2b
from pathlib import Path

from swarmtui.engine.pacing.memory import PacerMemory
from swarmtui.safety.paths import PathRefused, ensure_private, write_atomic

logger = logging.getLogger(__name__)

_LEARNED = "learned.json"
_MOST_BYTES = 64 * 1024


class Accounts:
    """One host's view of the accounts that it uses. Nothing here stops a session: what cannot be read is not known."""

    def __init__(self, folder: Path, session: str) -> None:
        self._folder = folder
        self._session = session
        self._held: dict[str, int] = {}

    def recall(self, account: str, wall_s: float) -> PacerMemory | None:
        """What was learned of `account` less than a day before `wall_s` (seconds since the epoch)."""
        try:
            with (self._place(account) / _LEARNED).open("rb") as file:
                memory = PacerMemory.from_json(json.loads(file.read(_MOST_BYTES)))
        except (OSError, ValueError, RecursionError):
            return None
        return None if memory is None else memory.fresh(wall_s)

    def remember(self, account: str, memory: PacerMemory) -> None:
        """Keep what was learned for the sessions that follow."""
        try:
            place = ensure_private(self._place(account))
            write_atomic(place / _LEARNED, json.dumps(memory.as_json()))
        except (OSError, PathRefused) as error:
            logger.warning("what was learned of %s could not be kept: %s", account, error)

    def join(self, account: str) -> None:
        """From now until :meth:`close` this host counts as one that uses `account`."""
        if account in self._held:
            return
        try:
            place = ensure_private(self._place(account))
            fd = os.open(place / f"{self._session}.host", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except (OSError, PathRefused) as error:
            logger.warning("other sessions are not told that %s is in use: %s", account, error)
            return
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # a host that is just being asked about, or the one before us that has not quite gone
            os.close(fd)
            return
        self._held[account] = fd

    def others(self, account: str) -> int:
        """How many other hosts of this machine use `account` now; files that dead ones left are removed."""
        try:
            claims = [path for path in self._place(account).iterdir() if path.suffix == ".host"]
        except OSError:
            return 0
        return sum(self._lives(path) for path in claims if path.stem != self._session)

    def close(self) -> None:
        """Let go of every account."""
        for account, fd in self._held.items():
            (self._place(account) / f"{self._session}.host").unlink(missing_ok=True)
            os.close(fd)
        self._held.clear()

    def _place(self, account: str) -> Path:
        return self._folder / blake2b(account.encode(), digest_size=8).hexdigest()

    @staticmethod
    def _lives(path: Path) -> bool:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            path.unlink(missing_ok=True)
            return False
        finally:
            os.close(fd)
