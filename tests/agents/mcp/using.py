"""How tests use MCP servers: the fake one with what it is told, and agents that call its tools."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from swarmtui.agents.mcp import McpTools
from swarmtui.agents.tools import AgentTool, ToolContext, ToolResult
from swarmtui.plan.team import Server

FAKE = Path(__file__).parents[2] / "fakes" / "mcp_server.py"


def fake(*options: str, **fields: Any) -> Server:
    """An entry for the fake server; all of its tools change nothing, unless `fields` say otherwise."""
    command = (sys.executable, "-I", "-S", str(FAKE), *options)
    return Server(command=command, **{"read_only": ("*",), "timeout_s": 30.0, **fields})


class Session:
    """Servers in use, as by the agents of one session."""

    def __init__(self, folder: Path, servers: Mapping[str, Server], **settings: Any) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.source = McpTools(servers, folder / "mcp", cwd=folder, **settings)

    def context(self, call: str = "1") -> ToolContext:
        where = str(self.folder)
        return ToolContext("session", "node", "agent", call, where, where, where, trusted=True, say=self.said.append)

    async def tool(self, name: str, agent: str = "agent") -> AgentTool:
        (tool,) = await self.source.tools(name, agent)
        return tool

    async def names(self, name: str, agent: str = "agent") -> set[str]:
        return {tool.rule_name for tool in await self.source.tools(name, agent)}

    async def call(self, name: str, text: str = "") -> ToolResult:
        tool = await self.tool(name)
        return await tool.run({"text": text}, self.context())


@asynccontextmanager
async def using(folder: Path, server: Server | None = None, **settings: Any) -> AsyncIterator[Session]:
    """A session with one server, named ``fake``, closed at the end."""
    session = Session(folder, {"fake": server or fake()}, **settings)
    try:
        yield session
    finally:
        await session.source.closed()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
