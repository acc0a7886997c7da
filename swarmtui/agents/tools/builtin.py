"""The tools that swarmtui itself has: the web, the project's files, code in the sandbox, the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from swarmtui.agents.tools import AgentTool, ToolContext, ToolSource, ToolUnavailable
from swarmtui.agents.tools import files as of_files
from swarmtui.agents.tools.code import RunCode, python, shell
from swarmtui.agents.tools.crawl import crawl
from swarmtui.agents.tools.making import Arguments, made
from swarmtui.agents.tools.search import web_search
from swarmtui.models.public_net import PublicNet
from swarmtui.plan.team import Search

NAMES = (*("web_search", "crawl", "python", "shell", "list_files", "read_file", "search_files", "write_file", "now"),)
"""What an agent's ``tools`` may name."""


class BuiltinTools:
    """A :class:`~swarmtui.agents.tools.ToolSource` of them.

    `code` runs processes in the sandbox, or, where it is `bare`, without one: those calls need a rule or a yes.
    `servers` is where a tool of an MCP server comes from that `search` names.
    `clock` gives seconds since the epoch.
    """

    def __init__(
        self,
        search: Search,
        net: PublicNet,
        code: RunCode | None = None,
        servers: ToolSource | None = None,
        clock: Callable[[], float] = lambda: datetime.now(UTC).timestamp(),
        *,
        bare: bool = False,
    ) -> None:
        self._search = search
        self._net = net
        self._servers = servers
        self._code = code
        self._plain: dict[str, Callable[[], AgentTool]] = {
            "crawl": lambda: crawl(net),
            "list_files": of_files.list_files,
            "read_file": of_files.read_file,
            "search_files": of_files.search_files,
            "write_file": of_files.write_file,
            "now": lambda: now(clock),
        }
        self._running: dict[str, Callable[[RunCode], AgentTool]] = {
            "python": lambda run: python(run, bare=bare),
            "shell": lambda run: shell(run, bare=bare),
        }

    async def tools(self, name: str, agent: str) -> tuple[AgentTool, ...]:
        """The tool called `name`; none where there is no such one. Raises ToolUnavailable."""
        if name == "web_search":
            return (await web_search(self._search, self._net, self._servers, agent),)
        if name in self._running:
            if self._code is None:
                raise ToolUnavailable(f"{name}: code cannot be run here; leave the tool out of the agent's tools")
            return (self._running[name](self._code),)
        return (self._plain[name](),) if name in self._plain else ()

    async def close(self) -> None:
        """Nothing is kept open."""


def now(clock: Callable[[], float]) -> AgentTool:
    """Date and time."""

    async def act(arguments: Arguments, context: ToolContext) -> str:
        here = datetime.fromtimestamp(clock(), UTC).astimezone()
        return f"{here:%A} {here.isoformat(timespec='seconds')}"

    return made("now", "The date, the day of the week and the time, where the user is.", {}, act)
