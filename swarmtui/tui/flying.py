"""Fetches what happened to attempts before we came, in pages, while nothing else is to be done."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from swarmtui.session.events import Event

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench
    from swarmtui.tui.view.flights import Flights

PAGE = 500
"""Events asked for, and taken in, at a time."""


class PastFlights:
    """Completes the :class:`Flights` of a workbench from the past of its session."""

    def __init__(self, app: Workbench, flights: Flights) -> None:
        self._app, self._flights = app, flights
        self._given_up: tuple[str, int] | None = None
        """Session, and the event up to which something is missing that could not be had."""

    def fetch(self) -> None:
        """Begin to fetch what is missing, unless that is under way; called whenever it would be drawn."""
        state, flights = self._app.state, self._flights
        if self._app.feed is None or flights.session not in ("", state.id):
            flights.forget(state.id)
        gap = self._gap()
        running = any(worker.group == "flights" and worker.is_running for worker in self._app.workers)
        if gap is not None and not running and self._given_up != (state.id, gap[1]):
            self._app.run_worker(self._fetch(), group="flights", exclusive=True)

    def _gap(self) -> tuple[int, int] | None:
        """What is missing; what the feed has gathered and not been asked for yet comes by itself."""
        return None if self._app.taking.is_under_way else self._flights.missing(self._app.handed_out)

    async def _fetch(self) -> None:
        while (gap := self._gap()) is not None:
            feed = self._app.feed
            if feed is None:
                return
            first, last = gap
            fetched: list[Event] = []
            with contextlib.suppress(ConnectionError):
                fetched = await self._page(first, last)
            if not fetched:
                self._given_up = (self._app.state.id, last)
                return
            for at in range(0, len(fetched), PAGE):
                self._flights.put(fetched[at : at + PAGE], self._app.state)
                await asyncio.sleep(0)
        self._app.draw_if_due()

    async def _page(self, first: int, last: int) -> list[Event]:
        """Events that join on to what is known: the latest page of what came before it, or all of what came after."""
        feed, found = self._app.feed, list[Event]()
        after = last > self._flights.last
        while feed is not None:
            page = await feed.events_before(last + 1, min(PAGE, last - first + 1))
            page = [event for event in page if first <= event.seq <= last]
            found[:0] = page
            if not page or not after or page[0].seq <= first:
                break
            last = page[0].seq - 1
        return found
