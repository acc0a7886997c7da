"""A way to call a tool as an agent does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from swarmtui.agents.tools import AgentTool, ToolContext, ToolResult


def context(folder: Path, **fields: Any) -> ToolContext:
    """Who calls: the project is ``folder/project``, the attempt's own folder ``folder/attempt``."""
    project, attempt = folder / "project", folder / "attempt"
    project.mkdir(exist_ok=True)
    given = {
        "session": "s1",
        "node": "n1",
        "agent": "a1",
        "call": "c1",
        "cwd": str(project),
        "folder": str(attempt),
        "task_folder": str(project),
        "trusted": True,
    }
    return ToolContext(**(given | fields))


async def called(tool: AgentTool, where: ToolContext | Path, /, **arguments: Any) -> ToolResult:
    """What a call comes to."""
    return await tool.run(arguments, where if isinstance(where, ToolContext) else context(where))


async def text(tool: AgentTool, where: ToolContext | Path, /, **arguments: Any) -> str:
    """The text of a call that succeeds."""
    result = await called(tool, where, **arguments)
    assert result.ok, result.text
    return result.text


async def refusal(tool: AgentTool, where: ToolContext | Path, /, **arguments: Any) -> str:
    """The text of a call that does not."""
    result = await called(tool, where, **arguments)
    assert not result.ok, result.text
    return result.text
