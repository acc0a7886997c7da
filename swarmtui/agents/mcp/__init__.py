"""MCP servers as a source of tools: :class:`McpTools`. The ``mcp`` package is imported when the first one is used."""

from swarmtui.agents.mcp.source import McpTools

__all__ = ["McpTools"]
