"""Who does a session's work: its workers, the planner, and the tools that agents have."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from swarmtui.agents.mcp.source import McpTools
from swarmtui.agents.planner import LlmPlanner
from swarmtui.agents.tools import ToolSource
from swarmtui.agents.tools.builtin import BuiltinTools
from swarmtui.agents.tools.functions import FunctionTools
from swarmtui.engine.ports import Attempt
from swarmtui.models.chat import ChatModel
from swarmtui.models.discover import make_model
from swarmtui.models.net import Net
from swarmtui.models.public_net import PublicNet
from swarmtui.plan.model import ModelRef
from swarmtui.plan.team import Server
from swarmtui.safety.redact import Redactor
from swarmtui.workers.agent import AgentWorker
from swarmtui.workers.cli_agents.configured import user_programs
from swarmtui.workers.cli_agents.worker import CliAgentWorker
from swarmtui.workers.judge import OutputJudge
from swarmtui.workers.local import LocalExecutor, Worker
from swarmtui.workers.merge import MergeWorker
from swarmtui.workers.orphans import MARK
from swarmtui.workers.planned import PlanWorker
from swarmtui.workers.process import Processes
from swarmtui.workers.prompt import PromptWorker
from swarmtui.workers.python import PythonWorker
from swarmtui.workers.run import RunWorker
from swarmtui.workers.summary import summarise_with
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


@contextlib.asynccontextmanager
async def workforce(
    folder: Path, net: Net, environ: Mapping[str, str], processes: Processes, redactor: Redactor, umask: int = -1
) -> AsyncIterator[tuple[LocalExecutor, LlmPlanner]]:
    """The executor and the planner of the session in `folder`; their tools are let go of at the end. Raises TaskError
    where the user's configuration of programs is no good."""
    programs = CliAgentWorker(processes, user_programs(environ), environ=environ)

    def model(ref: ModelRef) -> ChatModel:
        return make_model(ref, net, environ)

    planner = LlmPlanner(model)
    toolbox = Toolbox(folder, processes, environ, umask)
    workers: dict[str, Worker] = {
        "prompt": PromptWorker(model),
        "run": RunWorker(processes),
        "python": PythonWorker(processes),
        "merge": MergeWorker(summarise_with(model)),
        "agent": AgentWorker(model, toolbox, programs),
    }
    workers["plan"] = PlanWorker(planner)
    try:
        yield LocalExecutor(workers, OutputJudge(processes)), planner
    finally:
        await toolbox.close()
