"""What this user's earlier sessions have shown, for forecasts and warm starts: how long attempts took, and what
providers' accounts allow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from swarmtui.engine.durations import Earlier, read
from swarmtui.host.accounts import Accounts
from swarmtui.safety.paths import places

_DURATIONS = "durations.db"
_ACCOUNTS = "accounts"


def durations_file(environ: Mapping[str, str]) -> Path:
    """Beside the sessions: how long attempts took."""
    return places(environ).state / _DURATIONS


def accounts_of(session: str, environ: Mapping[str, str]) -> Accounts:
    """The accounts of providers as `session` sees them; every other host that is at work counts as another."""
    return Accounts(places(environ).state / _ACCOUNTS, session)


def earlier(environ: Mapping[str, str]) -> Earlier:
    """What is known of durations now. Blocks on a small file."""
    return Earlier(read(durations_file(environ)))
