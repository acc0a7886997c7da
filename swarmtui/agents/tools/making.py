"""How the built-in tools are made: their arguments as models give them, and their refusals as results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from swarmtui.agents.tools import AgentTool, ToolContext, ToolResult
from swarmtui.agents.tools.results import shape
from swarmtui.models.chat import Tool
from swarmtui.plan.model import JSON
from swarmtui.safety.permissions import Effect
from swarmtui.safety.text import one_line


class Refused(Exception):
    """A call comes to nothing; the message tells the model why, and what to do instead."""


class Arguments:
    """The arguments of a call. Each reader raises Refused for what is not as the tool says."""

    def __init__(self, given: Mapping[str, JSON]) -> None:
        self._given = given

    def __contains__(self, name: str) -> bool:
        return self._given.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """Text; needed unless there is a default."""
        value = self._given.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise Refused(f"{name}: give a text")
        return value

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from `low`, and at most `high`: a higher one is taken for that."""
        value = self._given.get(name, default)
        if value is None:
            return default
        if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise Refused(f"{name}: give a whole number from {low}")
        return min(value, high)

    def flag(self, name: str) -> bool:
        """True or false; false if it is not given."""
        value = self._given.get(name)
        if value is None:
            return False
        if value in ("true", "True", "false", "False"):
            return value in ("true", "True")
        if not isinstance(value, bool):
            raise Refused(f"{name}: give true or false")
        return value

    def words(self, name: str) -> list[str]:
        """A list of words, at least one."""
        value = self._given.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
            raise Refused(f"{name}: give a list of words")
        return [str(word) for word in value]


Act = Callable[[Arguments, ToolContext], Awaitable[str]]
"""Carries a call out and returns its result's text. Raises Refused."""


def made(
    name: str,
    description: str,
    properties: dict[str, JSON],
    act: Act,
    *,
    required: tuple[str, ...] = (),
    effect: Effect = Effect.NONE,
    untrusted: bool = False,
    timeout_s: float = 120.0,
) -> AgentTool:
    """A tool whose results are shaped, and whose refusals are results."""
    schema: JSON = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }

    async def run(given: Mapping[str, JSON], context: ToolContext) -> ToolResult:
        unknown = [key for key in given if key not in properties]
        try:
            if unknown:
                known = ", ".join(properties) or "none"
                raise Refused(f"{one_line(unknown[0], 60)}: {name} has no such argument; it has: {known}")
            text = await act(Arguments(given), context)
        except Refused as refused:
            return ToolResult(shape(str(refused)), ok=False)
        return ToolResult(shape(text))

    return AgentTool(Tool(name, description, schema), effect, run, untrusted, timeout_s)
