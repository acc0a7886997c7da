"""Carries an ``agent`` node out: a loop of model calls and tool calls, each recorded before anything depends on it.

What is next is decided in :mod:`swarmtui.agents.turns`; here it is done. An agent that is a program is passed on to the
worker for programs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import cache

from swarmtui.agents.actions import CallModel, CallTools, Fail, Finish, Ready, Record, Suspend, Work
from swarmtui.agents.calls import call_text
from swarmtui.agents.control_tools import OWN_TOOLS, Powers, is_program
from swarmtui.agents.thread import Thread
from swarmtui.agents.tools import AgentTool, ToolContext, ToolResult, ToolSource, ToolUnavailable
from swarmtui.agents.tools.results import shape
from swarmtui.agents.turns import entry_of, next_action
from swarmtui.engine.ports import Attempt, Delta, Done, Failed, Stepped, Suspended, ToolCalled
from swarmtui.engine.subagents import MOST_GENERATIONS
from swarmtui.frozen import mutable
from swarmtui.models.chat import (
    ChatModel,
    ChatRequest,
    ModelError,
    ReasoningDelta,
    Reply,
    TextDelta,
    model_error,
)
from swarmtui.models.told import complete_telling
from swarmtui.models.window import estimate_tokens
from swarmtui.plan.model import JSON, AgentSpec, ModelRef
from swarmtui.plan.schemas import BUILTIN_SCHEMAS
from swarmtui.plan.team import PROGRAMS, AgentDef, AgentLimits
from swarmtui.safety.permissions import Effect
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import NO_USAGE, ErrorInfo, ErrorKind, Usage
from swarmtui.workers.local import Course, Worker, WorkerFailed

SHOWN_ARGUMENTS = 2_000
"""Characters of a call's arguments that are recorded for display; the whole is in the thread."""

_AWAITED = (Effect.RUN, Effect.WRITE)
_SQUEEZE = 0.7
"""Of what a provider found too long, what is tried next where the model's window is not known."""


Sources = Callable[[Attempt], Sequence[ToolSource]]
"""Where the tools of an attempt come from."""


class AgentWorker:
    """Runs the agent of the attempt from where its thread stands, until it has answered or has to wait.

    `programs` carries out agents that are programs; without it they are refused.
    """

    def __init__(
        self, make_model: Callable[[ModelRef], ChatModel], sources: Sources, programs: Worker | None = None
    ) -> None:
        self._model = cache(make_model)
        self._sources = sources
        self._programs = programs

    async def __call__(self, attempt: Attempt, emit: Course) -> Done | Suspended:
        """The answer, or what there is to wait for. Raises WorkerFailed."""
        spec = attempt.spec
        if not isinstance(spec, AgentSpec):
            raise _failed(attempt, ErrorInfo(ErrorKind.INTERNAL, f"{attempt.node} is no agent"))
        agent = _agent(attempt, spec.agent)
        if is_program(agent):
            if self._programs is None:
                raise _failed(attempt, ErrorInfo(ErrorKind.INPUT, "no program can be an agent here"))
            return await self._programs(attempt, emit)
        return await _Run(self._model, self._sources(attempt), attempt, spec, emit).to_the_end()


@mutable
class _Run:
    """One attempt at an agent node."""

    model: Callable[[ModelRef], ChatModel]
    sources: Sequence[ToolSource]
    attempt: Attempt
    spec: AgentSpec
    emit: Course
    thread: Thread = field(init=False)
    tools: dict[str, dict[str, AgentTool]] = field(default_factory=dict)
    """Agent -> its tools by the name that models call them by."""
    must_call: dict[str, frozenset[str]] = field(default_factory=dict)
    window: int | None = None
    """Set where a provider said that a request was too long for a model whose window is not known."""

    def __post_init__(self) -> None:
        tainted = self.attempt.tainted
        self.thread = Thread.of(self.spec.agent, self.spec.context, self.attempt.thread, tainted=tainted)

    async def to_the_end(self) -> Done | Suspended:
        """Act until there is an end. Raises WorkerFailed."""
        while True:
            match next_action(self.thread, await self._work()):
                case Record(entries):
                    for entry in entries:
                        self._step(entry)
                case CallModel() as asked:
                    await self._ask(asked)
                case CallTools(calls):
                    async with asyncio.TaskGroup() as group:
                        for call in calls:
                            group.create_task(self._call(call))
                case Suspend(assignments, inquiries):
                    return Suspended(self.attempt.id, assignments, inquiries)
                case Finish() as end:
                    return self._done(end)
                case Fail(error):
                    raise _failed(self.attempt, error)

    def _step(self, entry: JSON, usage: Usage = NO_USAGE) -> None:
        self.emit(Stepped(self.attempt.id, entry, usage))
        self.thread.take(entry)

    async def _work(self) -> Work:
        """What the agent whose turn it is has to work with. Raises WorkerFailed."""
        name = self.thread.caller
        agent = _agent(self.attempt, name)
        if name not in self.tools:
            self.tools[name] = await self._tools_of(name, agent)
        schema = self.attempt.check.schema if self.attempt.check is not None else None
        schema = BUILTIN_SCHEMAS.get(schema) if isinstance(schema, str) else schema
        limits = _agent(self.attempt, self.spec.agent).limits
        powers = Powers(name, self._within(agent, limits), self.attempt.team, self.attempt.may_wait, schema)
        window = self.window or self._ref(name, agent).context
        return Work(self.spec.prompt, powers, self.tools[name], window, limits, self.must_call[name])

    def _within(self, agent: AgentDef, first: AgentLimits) -> AgentDef:
        """The agent with no more subagents, and no more generations of them, than the engine lets the node make."""
        own = agent.limits
        depth = max(0, min(own.depth, first.depth, MOST_GENERATIONS - 1 - self.attempt.depth))
        return replace(agent, limits=replace(own, subagents=min(own.subagents, first.subagents), depth=depth))

    async def _tools_of(self, name: str, agent: AgentDef) -> dict[str, AgentTool]:
        found: dict[str, AgentTool] = {}
        must_call: set[str] = set()
        who = (self.attempt.acts_for if name == self.spec.agent else "") or name
        for wanted in agent.tools:
            if wanted in OWN_TOOLS:
                continue
            try:
                tools = [tool for source in self.sources for tool in await source.tools(wanted, who)]
            except ToolUnavailable as error:
                raise _failed(self.attempt, ErrorInfo(ErrorKind.INPUT, f"{name}: {error}")) from None
            if not tools:
                fix = f"check `tools` of the agent {name}"
                raise _failed(self.attempt, ErrorInfo(ErrorKind.INPUT, f"there is no tool {wanted}: {fix}"))
            for tool in tools:
                found.setdefault(tool.spec.name, tool)
            if wanted in agent.must_call:
                must_call.update(tool.spec.name for tool in tools)
        self.must_call[name] = frozenset(must_call)
        return found

    def _ref(self, name: str, agent: AgentDef) -> ModelRef:
        """Where the model of the agent answers. Raises WorkerFailed."""
        attempt = self.attempt
        first = name == self.spec.agent
        wanted = (self.spec.model if first else None) or agent.model
        ref = attempt.model if first else attempt.models.get(wanted, attempt.model)
        ref = ref or attempt.models.get(wanted)
        if ref is None:
            raise _failed(attempt, ErrorInfo(ErrorKind.INPUT, f"no model answers for {wanted} of the agent {name}"))
        return ref

    # -- the model ----------------------------------------------------------------------------------------------

    async def _ask(self, asked: CallModel) -> None:
        """One call of the active agent's model, and its answer recorded. Raises WorkerFailed."""
        name = self.thread.agent
        agent = _agent(self.attempt, name)
        ref = self._ref(name, agent)
        summing = asked.summary_before is not None
        request = ChatRequest(
            ref, asked.messages, agent.max_tokens, agent.temperature, tools=asked.tools, schema=asked.schema
        )
        said: list[str] = []
        try:
            reply = await self._reply(request, said, aloud=not summing)
        except ModelError as error:
            if error.info.kind is ErrorKind.TOO_LONG and ref.context is None and not summing and self._smaller(request):
                return
            raise _failed(self.attempt, error.info, "".join(said), _spent(ref)) from None
        entry = entry_of(self.thread, asked, reply)
        if isinstance(entry, ErrorInfo):
            told = replace(entry, message=f"{ref.name}: {entry.message}")
            raise _failed(self.attempt, told, "".join(said), reply.usage)
        self._step(entry, reply.usage)

    def _smaller(self, request: ChatRequest) -> bool:
        """Whether less can be sent than what the provider found too long."""
        before, self.window = self.window, int(estimate_tokens(request.messages, request.tools) * _SQUEEZE)
        return self.thread.steps > 1 and (before is None or self.window < before)

    async def _reply(self, request: ChatRequest, said: list[str], *, aloud: bool) -> Reply:
        """The reply, streamed to the pane, with the call's course told. Raises ModelError, also when cancelled."""
        attempt = self.attempt.id
        await self.emit.admitted(request.model.name)

        def pass_on(delta: TextDelta | ReasoningDelta) -> None:
            if isinstance(delta, TextDelta) and aloud:
                if not said and self.thread.steps:
                    self.emit(Delta(attempt, "\n\n"))
                said.append(delta.text)
                self.emit(Delta(attempt, delta.text))
            elif isinstance(delta, ReasoningDelta):
                self.emit(Delta(attempt, delta.text, "reasoning"))

        try:
            return await complete_telling(self.model(request.model), request, attempt, self.emit, pass_on)
        except asyncio.CancelledError:
            raise model_error(ErrorKind.LOST, f"stopped while {request.model.name} answered") from None

    # -- tools --------------------------------------------------------------------------------------------------

    async def _call(self, ready: Ready) -> None:
        """One tool call, told before and recorded after."""
        attempt, call, tool = self.attempt, ready.call, ready.tool
        name = tool.rule_name or tool.spec.name
        arguments = json.dumps(ready.arguments, ensure_ascii=False, default=str)
        told = ToolCalled(attempt.id, ready.agent, call.id, name, arguments[:SHOWN_ARGUMENTS], tool.effect, ready.why)
        if tool.effect in _AWAITED:
            await self.emit.recorded(told)
        else:
            self.emit(told)
        self._say(f"\n→ {one_line(call_text(name, ready.arguments), 200)}\n")
        result = await self._result(ready)
        entry = {
            "role": "tool",
            "call": call.id,
            "name": call.name,
            "content": shape(result.text),
            "ok": result.ok,
            "tainted": tool.untrusted,
        }
        if result.context:
            entry["context"] = dict(result.context)
        if result.agent is not None:
            entry |= self._handed_over(result.agent)
        self._step(entry)

    def _handed_over(self, name: str) -> JSON:
        """What a result says besides that hands over to the agent `name`."""
        known = self.attempt.team.agents.get(name)
        if known is None or is_program(known):
            return {"ok": False, "content": f"there is no agent {name} to hand over to: go on yourself"}
        return {"agent": name}

    async def _result(self, ready: Ready) -> ToolResult:
        attempt, tool = self.attempt, ready.tool
        item = "" if attempt.item is None else attempt.item
        context = ToolContext(
            session=attempt.session,
            node=attempt.node,
            agent=ready.agent,
            call=f"{attempt.node}/{item}/{ready.call.id}",
            cwd=attempt.cwd,
            folder=attempt.folder,
            task_folder=attempt.task_folder,
            trusted=attempt.trusted,
            variables=dict(self.thread.context),
            say=self._say,
        )
        try:
            async with asyncio.timeout(tool.timeout_s):
                return await tool.run(ready.arguments, context)
        except TimeoutError:
            return ToolResult(f"timed out after {tool.timeout_s:g} s", ok=False)
        except Exception as error:  # noqa: BLE001  # a tool that breaks is a result for the model, not our end
            return ToolResult(f"{type(error).__name__}: {one_line(str(error), 500)}", ok=False)

    def _say(self, text: str) -> None:
        self.emit(Delta(self.attempt.id, text, "stderr"))

    def _done(self, end: Finish) -> Done:
        turn = self.thread.turn
        if turn is not None and turn.calls:  # the answer was given by a call, which nobody has seen
            self.emit(Delta(self.attempt.id, f"\n\n{end.text}"))
        if end.stopped is not None:
            self._say(f"\n(stopped: {end.stopped})\n")
        if end.cut:
            self._say("\n(cut off: the model reached its limit of output tokens)\n")
        if not end.lacks:
            return Done(self.attempt.id, end.text)
        note = f"({self.thread.agent} answered without having called {' or '.join(end.lacks)}.)"
        self._say(f"\n{note}\n")
        of_a_shape = self.attempt.check is not None and self.attempt.check.schema is not None
        return Done(self.attempt.id, end.text if of_a_shape else f"{end.text}\n\n{note}")


def _agent(attempt: Attempt, name: str) -> AgentDef:
    """The definition of the agent called `name`. Raises WorkerFailed."""
    spec = attempt.spec
    if isinstance(spec, AgentSpec) and spec.own is not None and name == spec.agent:
        return spec.own
    known = attempt.team.agents.get(name)
    if known is not None:
        return known
    if name.removesuffix("-acp") in PROGRAMS:
        return AgentDef(program=name)
    agents: Mapping[str, AgentDef] = attempt.team.agents
    fix = f"there are {', '.join(agents)}" if agents else "define it under `agents`"
    raise _failed(attempt, ErrorInfo(ErrorKind.INPUT, f"there is no agent {name}: {fix}"))


def _spent(ref: ModelRef) -> Usage:
    """Of a call that failed: how much it was, only a whole reply tells."""
    return Usage(model=ref.name, simulated=ref.simulated)


def _failed(attempt: Attempt, error: ErrorInfo, output: str = "", usage: Usage = NO_USAGE) -> WorkerFailed:
    return WorkerFailed(Failed(attempt.id, error, output, usage=usage))
