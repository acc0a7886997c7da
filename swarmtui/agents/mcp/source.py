"""MCP servers of a session as a source of tools for its agents. See :class:`McpTools`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.agents.mcp.log import ServerLog
from swarmtui.agents.mcp.offers import Offer, Offers, Pins, offered_name
from swarmtui.agents.mcp.server import PROBE_S, ServerUse, is_read_only
from swarmtui.agents.mcp.settings import check, command_env, request_headers, secrets
from swarmtui.agents.mcp.wire import Wire
from swarmtui.agents.tools import AgentTool, ToolContext, ToolResult, ToolUnavailable
from swarmtui.plan.model import JSON
from swarmtui.plan.problems import Nearest, listed
from swarmtui.plan.team import Server
from swarmtui.safety.paths import write_atomic
from swarmtui.safety.permissions import Effect
from swarmtui.safety.redact import Redactor, secrets_from_env
from swarmtui.safety.text import one_line

if TYPE_CHECKING:
    from swarmtui.agents.mcp.link import Link

START_S = 60.0
"""Time in which a server has to be ready; one that is installed as it starts needs the most."""
CLOSE_S = 3.5
"""Time in which servers may end by themselves, once they are asked to."""
_PINS = "pins.json"
_LOGGED = {"httpx2": logging.WARNING, "mcp": logging.CRITICAL, "client": logging.CRITICAL}
"""What goes to the host's log of these: no addresses, which may hold keys, and nothing that a server can write."""

logger = logging.getLogger(__name__)


class McpTools:
    """The tools of `servers`, one connection to each for the whole session. A ToolSource.

    `folder` is the session's own: the servers' logs are written there, and ``pins.json``, which says what each offered
    when it was first used. Commands start in `cwd` with a few variables of `environ`, those that their entry names,
    and `mark`, by which the processes of a session that died are found.
    """

    def __init__(
        self,
        servers: Mapping[str, Server],
        folder: Path,
        *,
        cwd: str | Path,
        environ: Mapping[str, str] = os.environ,
        mark: Mapping[str, str] | None = None,
        umask: int = -1,
        start_s: float = START_S,
        probe_s: float = PROBE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers = dict(servers)
        self._folder = folder
        self._cwd = str(cwd)
        self._environ = environ
        self._mark = dict(mark or {})
        self._umask = umask
        self._start_s = start_s
        self._probe_s = probe_s
        self._clock = clock
        self._pins = Pins.from_json(_read_json(folder / _PINS))
        self._saved = json.dumps(self._pins.as_json(), sort_keys=True)
        self._saving = asyncio.Lock()
        self._uses: dict[str, ServerUse] = {}
        self._logs: dict[str, ServerLog] = {}

    async def tools(self, name: str, agent: str) -> tuple[AgentTool, ...]:
        """The tools that ``server`` or ``server/tool`` means for `agent`; none where `name` is of no server here.

        The server is started if it is not running. Raises ToolUnavailable.
        """
        server_name, _, tool = name.partition("/")
        server = self._servers.get(server_name)
        if server is None:
            return ()
        if server.agents and agent not in server.agents:
            where = f"servers.{server_name}.agents"
            raise ToolUnavailable(f"{where}: the agent {one_line(agent)} is not among them; add it there")
        if tool and server.tools and tool not in server.tools:
            raise ToolUnavailable(f"servers.{server_name}.tools: {one_line(tool)} is not among them; add it there")
        use = await self._use(server_name, server)
        offers = await use.offers()
        await self._save()
        if tool:
            return (self._tool(use, self._wanted(server_name, tool, offers)),)
        allowed = [offer for offer in offers.fit.values() if not server.tools or offer.name in server.tools]
        if not allowed:
            why = next(iter(offers.unfit.values()), "")
            told = f"the MCP server {server_name} offers {_said(offers)}: none that may be used"
            raise ToolUnavailable(f"{told} ({why}){self._mend(why)}" if why else told)
        return tuple(self._tool(use, offer) for offer in allowed)

    def approve(self, server: str) -> None:
        """The person has approved what `server` offers by now, even if that is not what it offered at first."""
        if server in self._uses:
            self._uses[server].approve()

    async def close(self) -> None:
        """Begins to close all connections, in the background; :meth:`closed` waits for that."""
        for use in self._uses.values():
            use.end()

    async def closed(self, within_s: float = CLOSE_S) -> None:
        """Closes all connections and waits until that is done; a server that takes longer than `within_s` is killed."""
        await self.close()
        await asyncio.gather(*(use.ended(within_s) for use in self._uses.values()))
        for log in self._logs.values():
            log.close()

    async def _use(self, name: str, server: Server) -> ServerUse:
        """The session's use of a server. Raises ToolUnavailable."""
        if name not in self._uses:
            check(name, server)
            await asyncio.to_thread(_load)
        if name not in self._uses:  # nobody else had it loaded meanwhile
            self._uses[name] = self._first_use(name, server)
        return self._uses[name]

    def _first_use(self, name: str, server: Server) -> ServerUse:
        log_path = self._folder / f"{_file_name(name)}.log"
        known = (*secrets_from_env(self._environ), *secrets(server, self._environ))
        log = ServerLog(log_path, Redactor(known))
        env = command_env(name, server, self._environ) | self._mark
        headers = request_headers(name, server, self._environ)

        def connect() -> Link:
            from swarmtui.agents.mcp.link import Link

            return Link(name, wire(), start_s=self._start_s)

        def wire() -> Wire:
            if server.url is not None:
                from swarmtui.agents.mcp.wire_http import HttpWire

                return HttpWire(server.url, headers)
            from swarmtui.agents.mcp.wire_stdio import StdioWire

            log.forget()
            return StdioWire(server.command, self._cwd, env, log, umask=self._umask)

        self._logs[name] = log
        hint = f"; its log is {log_path}" if server.command else ""
        return ServerUse(name, server, self._pins, connect, clock=self._clock, probe_s=self._probe_s, hint=hint)

    def _tool(self, use: ServerUse, offer: Offer) -> AgentTool:
        async def run(arguments: Mapping[str, JSON], context: ToolContext) -> ToolResult:
            try:
                return await use.call(offer, arguments, context)
            except Exception:
                logger.exception("a call of %s failed", offer.rule_name)
                return ToolResult("the call failed within swarmtui; its log says how", ok=False)

        return AgentTool(
            offer.spec(),
            Effect.READ if is_read_only(use.server, offer.name) else Effect.WRITE,
            run,
            untrusted=True,
            timeout_s=2 * (self._start_s + use.server.timeout_s) + self._probe_s,
            rule_name=offer.rule_name,
        )

    def _wanted(self, server: str, tool: str, offers: Offers) -> Offer:
        """The one tool that is named. Raises ToolUnavailable."""
        if tool in offers.fit:
            return offers.fit[tool]
        name = f"{server}/{one_line(tool, 80)}"
        why = offers.unfit.get(tool)
        if why is not None:
            raise ToolUnavailable(f"{name}: {why}{self._mend(why)}")
        hint = Nearest().hint(tool, offers.fit, f"it offers {_said(offers)}")
        raise ToolUnavailable(f"{name}: the server has no such tool; {hint}")

    def _mend(self, why: str) -> str:
        """What a person may do about a tool that is not what was approved; no model is told."""
        return f"; to approve it, remove {self._folder / _PINS} and resume" if "was approved" in why else ""

    async def _save(self) -> None:
        """Writes down what was pinned since."""
        async with self._saving:
            now = json.dumps(self._pins.as_json(), sort_keys=True)
            if now == self._saved:
                return
            try:
                await asyncio.to_thread(_write, self._folder / _PINS, now)
            except OSError as error:
                logger.warning("what the MCP servers offer cannot be written down: %s", error)
            self._saved = now


def _load() -> None:
    """Imports what speaks the protocol: most of a second. Raises ToolUnavailable."""
    try:
        from swarmtui.agents.mcp import link, wire_http, wire_stdio  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("mcp", "mcp_types", "httpx2"):
            raise
        raise ToolUnavailable("MCP servers need the mcp package: pip install 'swarmtui[mcp]'") from None
    for name, level in _LOGGED.items():
        logging.getLogger(name).setLevel(level)


def _said(offers: Offers) -> str:
    return listed(sorted(offers.fit)) or "no tool"


def _file_name(server: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", server)[:60]
    return plain if plain == server else offered_name(server, "")


def _read_json(path: Path) -> JSON:
    """What `path` holds; None where it is missing or no JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(path, text)
