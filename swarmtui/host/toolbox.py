"""The agents of a session with their tools: imported when the first of them is at work, for most sessions have none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from swarmtui.agents.mcp.source import McpTools
from swarmtui.agents.tools import ToolSource
from swarmtui.agents.tools.builtin import BuiltinTools
from swarmtui.agents.tools.functions import FunctionTools
from swarmtui.engine.ports import Attempt
from swarmtui.models.chat import ChatModel
from swarmtui.models.public_net import PublicNet
from swarmtui.plan.model import ModelRef
from swarmtui.plan.team import Server
from swarmtui.workers.agent import AgentWorker
from swarmtui.workers.cli_agents.configured import user_programs
from swarmtui.workers.cli_agents.worker import CliAgentWorker
from swarmtui.workers.orphans import MARK
from swarmtui.workers.process import Processes
from swarmtui.workers.tool_code import OwnChild, SandboxedCode


class Toolbox:
    """Where the tools of an attempt come from. Servers and fetched pages are shared by all attempts of the session.

    `folder` is the session's own: what servers say of themselves is logged there.
    """

    def __init__(self, folder: Path, processes: Processes, environ: Mapping[str, str], umask: int = -1) -> None:
        self._folder = folder
        self._code = SandboxedCode(processes)
        self._bare = processes.unsandboxed
        self._child = OwnChild(environ, umask)
        self._environ = environ
        self._umask = umask
        self._net = PublicNet()
        self._servers: dict[str, McpTools] = {}
        self._functions: dict[str, FunctionTools] = {}

    def __call__(self, attempt: Attempt) -> Sequence[ToolSource]:
        """The sources for the team of `attempt`."""
        servers = self._mcp(attempt, attempt.team.servers)
        functions = self._functions.get(attempt.task_folder)
        if functions is None:
            functions = FunctionTools(attempt.task_folder, self._child)
            self._functions[attempt.task_folder] = functions
        builtin = BuiltinTools(attempt.team.search, self._net, self._code, servers, bare=self._bare)
        return (builtin, servers, functions)

    def _mcp(self, attempt: Attempt, servers: Mapping[str, Server]) -> McpTools:
        """The connections to `servers`: one for the session, as long as the plan names the same."""
        key = json.dumps({name: asdict(server) for name, server in servers.items()}, sort_keys=True)
        known = self._servers.get(key)
        if known is None:
            known = self._servers[key] = McpTools(
                servers,
                self._folder / "servers",
                cwd=attempt.cwd,
                environ=self._environ,
                mark={MARK: f"{attempt.session}/servers"},
                umask=self._umask,
            )
        return known

    async def close(self) -> None:
        """Let go of everything; takes no longer than its slowest server may."""
        for functions in self._functions.values():
            await functions.close()
        await asyncio.gather(*(servers.closed() for servers in self._servers.values()))


def agent_worker(
    model: Callable[[ModelRef], ChatModel], toolbox: Toolbox, processes: Processes, environ: Mapping[str, str]
) -> AgentWorker:
    """The worker for agents, of models and of programs. Raises TaskError for a configuration of programs that is no
    good."""
    programs = CliAgentWorker(processes, user_programs(environ), environ=environ)
    return AgentWorker(model, toolbox, programs)
