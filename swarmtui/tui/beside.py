"""What can be done with a session while it stands on the screen, as whoever opened it hands it in."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen

if TYPE_CHECKING:
    from swarmtui.tui.comparing import Compare
    from swarmtui.tui.view.sessions import Row


async def _nobody() -> Sequence[Row]:
    return ()


@frozen
class Beside:
    """What can be done with the session while it stands on the screen, as whoever opened it hands it in. What is not
    handed in is shown as a command."""

    export: Callable[[], Awaitable[str]] | None = None
    """Writes the session's page; where, and how large it is. Whatever it raises is told."""
    exports_to: str = ""
    """Where that is, for the question before."""
    compare: Compare | None = None
    sessions: Callable[[], Awaitable[Sequence[Row]]] = _nobody
    """All there are that it can be held against, the newest first."""
    clock: Callable[[], float] = time.time
    """Seconds of the epoch now, wherever a replay stands."""
    loose: str = ""
    """The path of a session file by itself, which commands find by no ID; empty of all others."""


ALONE = Beside()
"""Nothing is handed in."""
