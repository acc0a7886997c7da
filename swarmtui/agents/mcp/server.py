"""One MCP server in one session: started when first used, shared by all, started again when it dies, within reason.

A server that dies is started again once. If that one dies too before it has answered any call, the server is left
alone for a minute: what is broken is not started over and over, and what was mended is found to work.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from swarmtui.agents.mcp.answers import read_answer
from swarmtui.agents.mcp.offers import Offer, Offers, Pins, identity
from swarmtui.agents.tools import ToolContext, ToolResult, ToolUnavailable
from swarmtui.plan.model import JSON
from swarmtui.plan.team import Server
from swarmtui.safety.text import one_line

if TYPE_CHECKING:
    from mcp.shared.dispatcher import ProgressFnT

    from swarmtui.agents.mcp.link import Link

RESTARTS = 1
"""How often a server is started again without having answered a call since."""
COOL_S = 60.0
"""After this time, a server that was given up is tried once more."""
PROBE_S = 5.0
"""Time that a server has to answer anything, once it has not answered a call in time."""
KILL_S = 2.0
"""Time in which what was killed has to be gone."""
_PROGRESS = 1000

logger = logging.getLogger(__name__)

Connect = Callable[[], "Link"]


class GivenUp(Exception):
    """The server has ended once too often; the message says how."""


class ServerUse:
    """What the agents of a session share of one server. `connect` begins to open a connection; `hint` ends messages."""

    def __init__(
        self,
        name: str,
        server: Server,
        pins: Pins,
        connect: Connect,
        *,
        clock: Callable[[], float],
        probe_s: float = PROBE_S,
        hint: str = "",
    ) -> None:
        self.name = name
        self.server = server
        self._identity = identity(name, server)
        self._pins = pins
        self._connect = connect
        self._clock = clock
        self._probe_s = probe_s
        self._hint = hint
        self._link: Link | None = None
        self._ending: dict[asyncio.Task[None], Link] = {}
        self._deaths = 0
        self._why = ""
        self._died_at = 0.0
        self._closed = False

    async def offers(self) -> Offers:
        """What it offers now and may be called: started if need be. Raises ToolUnavailable."""
        from swarmtui.agents.mcp.link import Gone, Refused, Slow

        try:
            link = await self._up()
            if link.stale:
                await link.refresh(self.server.timeout_s)
        except (Gone, Slow, Refused, GivenUp) as error:
            raise ToolUnavailable(self._told(f"cannot be used: {error}")) from None
        offers = link.offers
        self._pins.take(self._identity, offers, self.server.tools)
        refused = {
            name: why for name, offer in offers.fit.items() if (why := self._pins.objection(self._identity, offer))
        }
        fit = {name: offer for name, offer in offers.fit.items() if name not in refused}
        return Offers(fit, {**offers.unfit, **refused})

    async def call(self, offer: Offer, arguments: Mapping[str, JSON], context: ToolContext) -> ToolResult:
        """Calls a tool; repeated once if the server dies over it and the user says that it changes nothing."""
        from swarmtui.agents.mcp.link import Gone, Refused, Slow

        try:
            sendable = _sendable(arguments)
        except (ValueError, TypeError, RecursionError):
            return ToolResult("the arguments are no JSON, or nested too deep", ok=False)
        sent = False
        for last in (False, True):
            try:
                link = await self._up()
                if objection := await self._objection(link, offer):
                    return ToolResult(f"{offer.rule_name} {objection}: it was not called", ok=False)
                sent = True
                return await self._ask(link, offer, sendable, context)
            except Refused as error:
                return ToolResult(f"the server answered with an error: {error}", ok=False)
            except Slow as error:
                return ToolResult(self._told(f"is too slow: {error}"), ok=False)
            except GivenUp as error:
                return ToolResult(self._told(f"cannot be used: {error}"), ok=False)
            except Gone as error:
                if sent and not is_read_only(self.server, offer.name):
                    told = self._told(f"ended before it answered: {error}")
                    return ToolResult(f"{told}. Whether the call took effect is not known: not repeated", ok=False)
                if last:
                    return ToolResult(self._told(f"ended again: {error}"), ok=False)
        raise AssertionError("unreachable")

    def approve(self) -> None:
        """What it offers by now is approved."""
        self._pins.approve(self._identity)

    def end(self) -> None:
        """Begins to close the connection, and lets no other one be opened."""
        self._closed = True
        if self._link is not None:
            self._retire(self._link)
            self._link = None

    async def ended(self, within_s: float) -> None:
        """Waits until all that was begun is closed; what is not after `within_s` is killed."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=within_s)
        for link in self._ending.values():
            link.end(kill=True)
        if self._ending:
            await asyncio.wait(self._ending, timeout=KILL_S)
        for owner in self._ending:
            owner.cancel()

    async def _up(self) -> Link:
        """The connection, opened. Raises Gone, GivenUp."""
        link = self._current()
        await link.opened()
        self._pins.take(self._identity, link.offers, self.server.tools)
        return link

    def _current(self) -> Link:
        """The connection that is there, or a new one in place of a lost one. Raises GivenUp."""
        if self._closed:
            raise GivenUp("the session is over")
        if self._link is not None and self._link.lost is not None:
            self._deaths += 1
            self._why = self._link.lost
            self._died_at = self._clock()
            self._retire(self._link)
            self._link = None
        if self._link is None:
            if self._deaths > RESTARTS:
                if self._clock() - self._died_at < COOL_S:
                    raise GivenUp(f"it has ended again ({self._why}), and is left alone for {COOL_S:g} s")
                self._deaths = RESTARTS
            self._link = self._connect()
        return self._link

    def _retire(self, link: Link) -> None:
        link.end()
        self._ending[link.owner] = link
        link.owner.add_done_callback(lambda owner: self._ending.pop(owner, None))

    async def _objection(self, link: Link, offer: Offer) -> str:
        """Why the tool may not be called as things are; empty where it may."""
        if link.stale:
            await link.refresh(self.server.timeout_s)
            self._pins.take(self._identity, link.offers, self.server.tools)
        now = link.offers.fit.get(offer.name)
        if now is None:
            return f"is not offered any more ({link.offers.unfit.get(offer.name, 'the server took it back')})"
        return self._pins.objection(self._identity, now)

    async def _ask(self, link: Link, offer: Offer, arguments: Mapping[str, JSON], context: ToolContext) -> ToolResult:
        """One request. Raises Gone, Slow, Refused."""
        from swarmtui.agents.mcp.link import Gone, Refused, Slow

        try:
            answer = await link.call(offer.name, arguments, _progress(context), self.server.timeout_s)
        except Refused:
            self._deaths = 0
            raise
        except Slow as slow:
            if await link.answers(self._probe_s):
                raise
            link.end(f"{slow}, nor to anything else", kill=True)
            raise Gone(str(link.lost)) from None
        self._deaths = 0
        return await asyncio.to_thread(read_answer, answer)

    def _told(self, what: str) -> str:
        """A sentence about the server, for the model and the user."""
        return f"the MCP server {self.name} {one_line(what, 500)}{self._hint}"


def is_read_only(server: Server, tool: str) -> bool:
    """Whether the user says that `tool` changes nothing; what the server says of it does not count."""
    return "*" in server.read_only or tool in server.read_only


def _sendable(arguments: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """The arguments without what no JSON text can hold, such as half of a surrogate pair."""
    text = json.dumps(dict(arguments), ensure_ascii=False)
    sendable: dict[str, JSON] = json.loads(text.encode("utf-8", "replace"))
    return sendable


def _progress(context: ToolContext) -> ProgressFnT:
    """Passes on what a server says of its progress, within reason."""
    count = 0

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        nonlocal count
        count += 1
        if count <= _PROGRESS:
            amount = f"{progress:g}" if total is None else f"{progress:g}/{total:g}"
            context.say(one_line(f"{amount} {message or ''}", 200) + "\n")

    return tell
