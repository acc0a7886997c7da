"""Asking the session for something, and saying what became of it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from textual.worker import WorkerCancelled, WorkerFailed

from swarmtui.host.feed import CommandRefused, Link
from swarmtui.session.vocabulary import STOPPING
from swarmtui.tui import commands, content
from swarmtui.tui.view.status import nobody_there

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench
    from swarmtui.tui.mirror import Mirror

ASKING = "asking"
"""Group of the workers that carry commands to the session."""
LAST_WORDS_S = 2.0
"""How long leaving waits for commands that are on their way."""
SLOW_S = 1.0
"""How long an answer may take before the user is told that it is waited for."""


class Sending:
    """What one workbench asks of its session; `mirror` learns which of what happens is its own work."""

    def __init__(self, app: Workbench, mirror: Mirror) -> None:
        self._app = app
        self._mirror = mirror
        self._answered = 0
        """The last event that a command of this viewer took effect at."""
        self._stepped = 0, 0
        """How many at once there were before the steps that are under way, and how many these lead to."""

    def change_concurrency(self, step: int) -> None:
        """One more or one fewer at once; what was asked for just now counts, though it may not be in the state yet."""
        from swarmtui.session.pools import total_limit  # which needs plans: not before the first frame

        now = total_limit(self._app.state)
        first, last = self._stepped
        if self._is_settled or not min(first, last) <= now <= max(first, last):
            first = last = now
        self._stepped = first, max(1, last + step)
        self.send(commands.change_concurrency(last, step))

    @property
    def _is_settled(self) -> bool:
        """Whether all that was asked for has been answered, and what came of it is in the state."""
        asked = any(worker.group == ASKING and not worker.is_finished for worker in self._app.workers)
        return not asked and self._app.state.seq >= self._answered

    def send(self, request: commands.Request) -> None:
        """Ask for something, and say what became of it."""
        self._app.run_worker(self._send(request), group=ASKING)

    async def _send(self, request: commands.Request) -> None:
        refused = await self.refusal_of(request)
        if refused is None:
            content.notice(self._app, request.done)
        else:
            content.notice(self._app, refused, "error")

    async def refusal_of(self, request: commands.Request) -> str | None:
        """Ask for something; why it was not done, or None."""
        feed = self._app.feed
        if feed is None:
            return "there is no session yet"
        if (why := nobody_there(self._app.state, self._app.status, stops=request.method in STOPPING)) is not None:
            return self._app.with_keys(f"not sent: {why}")
        self._tell_lost()
        self._mirror.asked += 1
        seq: int | None = None
        slow = asyncio.get_running_loop().call_later(SLOW_S, self._tell_slow)
        try:
            seq = await feed.command(request.method, request.params)
            self._answered = max(self._answered, seq)
        except CommandRefused as error:
            return str(error)
        except ConnectionError:
            return f"the link broke: whether this took effect is not known yet ({request.done})"
        finally:
            slow.cancel()
            self._mirror.answered(seq)
        return None

    def _tell_lost(self) -> None:
        if self._app.status.link is Link.RECONNECTING:
            content.notice(self._app, "the link is lost: this will be sent once it is back", "warning")

    def _tell_slow(self) -> None:
        if self._app.status.link is Link.RECONNECTING:
            return  # it has not been sent, and the banner says why
        content.notice(self._app, "sent; the host has not answered yet", "warning")

    async def last_words(self) -> None:
        """Until what was asked for is answered, but not for long."""
        asked = [worker for worker in self._app.workers if worker.group == ASKING]
        if asked:
            with contextlib.suppress(TimeoutError, WorkerFailed, WorkerCancelled):
                async with asyncio.timeout(LAST_WORDS_S):
                    await self._app.workers.wait_for_complete(asked)
