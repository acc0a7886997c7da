"""Python functions of the user as tools: ``file.py:function``, each call in an interpreter of its own.

The file is the user's own, beside their task file: its code runs as they would run it, outside the sandbox. Never in
the host's process though: what it breaks, prints or leaves behind stays in the child. Whoever wrote the plan, the team
and its functions are the user's own: what a planner adds names agents, never functions.

A function may say what it can do by an attribute, ``function.swarmtui_effect = "read"`` (``none``, ``read``,
``network``, ``run`` or ``write``); without one it is taken for one that may change the world, so that calls of it need
a rule or a person's yes. What it gives back counts as text from outside, which anybody may have written, unless its
effect is ``none`` or it says otherwise by ``function.swarmtui_untrusted = False``.

Its parameter ``context_variables`` is filled with those of the agent. It gives back a value, a ``swarmtui.Result`` or a
dict with any of ``value``, ``agent`` and ``context_variables``, or a ``swarmtui.Agent`` to hand over to.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from swarmtui.agents.tools import AgentTool, ToolContext, ToolResult, ToolUnavailable
from swarmtui.agents.tools.code import CodeBlocked
from swarmtui.agents.tools.results import shape
from swarmtui.frozen import frozen
from swarmtui.models.chat import Tool
from swarmtui.plan.model import JSON
from swarmtui.safety.permissions import Effect
from swarmtui.safety.text import one_line

CALL_S = 300.0
_DESCRIBE_S = 60.0
_NAME = re.compile(r"(?P<file>[^\x00]{1,500}\.py):(?P<function>[A-Za-z_][A-Za-z0-9_]{0,63})")
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from swarmtui.agents.tools.function_child import serve; serve()"
)


@frozen
class ChildRan:
    """How a child process ended."""

    exit_code: int
    output: str
    stderr: str
    timed_out: bool = False


class RunChild(Protocol):
    """Runs a process of the user's own, outside the sandbox, with their environment but for its secrets."""

    async def __call__(self, argv: Sequence[str], *, cwd: str, mark: str, stdin: str, timeout_s: float) -> ChildRan:
        """How it ended; `mark` is unique among what runs. Raises CodeBlocked where it cannot be started."""


class FunctionTools:
    """A :class:`~swarmtui.agents.tools.ToolSource` of functions in files below `task_folder`."""

    def __init__(self, task_folder: str | Path, run: RunChild) -> None:
        self._folder = Path(task_folder)
        self._run = run
        self._known: dict[tuple[str, int], AgentTool] = {}

    async def tools(self, name: str, agent: str) -> tuple[AgentTool, ...]:
        """The function that `name` means; none where it is no ``file.py:function``. Raises ToolUnavailable."""
        found = _NAME.fullmatch(name)
        if found is None:
            return ()
        path = self._folder / found["file"]
        try:
            key = name, path.stat().st_mtime_ns
        except OSError as error:
            raise ToolUnavailable(f"{name}: {path}: {error.strerror}") from None
        if key not in self._known:
            self._known[key] = await self._described(name, path, found["function"])
        return (self._known[key],)

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _described(self, name: str, path: Path, function: str) -> AgentTool:
        asked = {"do": "describe", "file": str(path), "function": function}
        told = await self._ask(asked, f"describe {name} {token_hex(4)}", _DESCRIBE_S)
        if isinstance(told, str):
            raise ToolUnavailable(f"{name}: {one_line(told, 500)}")
        spec = Tool(function, str(told["description"]), told["parameters"])
        effect = Effect(str(told["effect"]))

        async def run(arguments: Mapping[str, JSON], context: ToolContext) -> ToolResult:
            return await self._called(path, function, arguments, context)

        return AgentTool(spec, effect, run, told["untrusted"] is not False, CALL_S + 30, name)

    async def _called(
        self, path: Path, function: str, arguments: Mapping[str, JSON], context: ToolContext
    ) -> ToolResult:
        asked: dict[str, JSON] = {
            "do": "call",
            "file": str(path),
            "function": function,
            "arguments": dict(arguments),
            "context": dict(context.variables),
        }
        told = await self._ask(asked, f"{context.session}/{context.node}/{context.call}", CALL_S, context.cwd)
        if isinstance(told, str):
            return ToolResult(shape(told), ok=False)
        agent, variables = told.get("agent"), told.get("context")
        return ToolResult(
            shape(str(told["value"])),
            agent=agent if isinstance(agent, str) else None,
            context=variables if isinstance(variables, dict) else {},
        )

    async def _ask(
        self, asked: Mapping[str, JSON], mark: str, limit_s: float, cwd: str | None = None
    ) -> dict[str, JSON] | str:
        """The child's answer, or what went wrong."""
        argv = [sys.executable, "-X", "utf8", "-P", "-c", _CHILD, json.dumps(sys.path)]
        try:
            ran = await self._run(
                argv, cwd=cwd or str(self._folder), mark=mark, stdin=json.dumps(asked), timeout_s=limit_s
            )
        except CodeBlocked as blocked:
            return str(blocked)
        if ran.timed_out:
            return f"it took longer than {limit_s:g} s, and was ended"
        answer = _answer(ran.output)
        if answer is None:
            said = ran.stderr.strip().splitlines()
            return f"its process ended with exit code {ran.exit_code}: {one_line(said[-1] if said else 'no word', 300)}"
        problem = answer.get("problem")
        return problem if isinstance(problem, str) else answer


def _answer(output: str) -> dict[str, JSON] | None:
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError):
        return None
    return (
        answer
        if isinstance(answer, dict) and ("problem" in answer or "value" in answer or "effect" in answer)
        else None
    )
