"""The session that is viewed: the feed it comes by, and how it stands by that."""

from __future__ import annotations

import time
from functools import cached_property

from swarmtui.host.feed import Feed, FeedStatus
from swarmtui.session.state import SessionState
from swarmtui.tui.actions.action import Mode, mode_of
from swarmtui.tui.dressed import Dressed
from swarmtui.tui.view.cut import LastSeen
from swarmtui.tui.view.figures import HERE, Origin


class Viewing(Dressed[int]):
    """Part of the workbench."""

    feed: Feed | None = None
    """What is drawn comes from it; None before there is any."""
    origin: Origin = HERE
    """Where the session is."""

    @property
    def state(self) -> SessionState:
        """The session as far as it is known; of what was under way when its host died, as interrupted."""
        return (
            self._nothing
            if self.feed is None
            else self._last_seen.of(self.feed.state, self.status, imported=self.origin.imported)
        )

    @property
    def status(self) -> FeedStatus:
        """How the feed stands."""
        return FeedStatus() if self.feed is None else self.feed.status

    @property
    def mode(self) -> Mode:
        """The mode that keys are in."""
        return mode_of(self.status)

    def clock(self) -> float:
        """Epoch seconds to draw with; they stand still with a session that is over, and are the past's in a replay."""
        return time.time() if self.feed is None else self.feed.clock()

    @cached_property
    def _nothing(self) -> SessionState:
        return SessionState()

    @cached_property
    def _last_seen(self) -> LastSeen:
        return LastSeen()
