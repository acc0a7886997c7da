"""A model that says what a test wrote, tools that note their calls, and an engine that keeps what it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from swarmtui.agents.tools import AgentTool, ToolContext, ToolResult, ToolUnavailable
from swarmtui.engine.ports import (
    Attempt,
    Delta,
    Done,
    Failed,
    NodeResult,
    Signal,
    Stepped,
    Suspended,
    ToolCalled,
)
from swarmtui.models.chat import (
    Accepted,
    ChatModel,
    ChatRequest,
    Finished,
    FinishReason,
    ModelError,
    ReasoningDelta,
    StreamItem,
    TextDelta,
    Tool,
    ToolCall,
)
from swarmtui.plan.model import JSON, AgentSpec, Check, ModelRef
from swarmtui.plan.team import AgentDef, AgentLimits, Team
from swarmtui.safety.permissions import Effect, Rule
from swarmtui.session.vocabulary import State, Usage
from swarmtui.workers.agent import AgentWorker
from swarmtui.workers.local import Worker, WorkerFailed

REF = ModelRef("acme", "m")


@dataclass(frozen=True)
class Says:
    """One reply: text, and calls as (tool, arguments); arguments that are text go as they are."""

    text: str = ""
    calls: tuple[tuple[str, JSON], ...] = ()
    finish: FinishReason | None = None
    reasoning: str = ""
    ids: tuple[str, ...] = ()

    def items(self, number: int) -> Iterable[StreamItem]:
        yield Accepted()
        if self.reasoning:
            yield ReasoningDelta(self.reasoning)
        if self.text:
            yield TextDelta(self.text)
        for place, (name, arguments) in enumerate(self.calls):
            written = arguments if isinstance(arguments, str) else json.dumps(arguments)
            yield ToolCall(self.ids[place] if self.ids else f"c{number}_{place}", name, written)
        reason = FinishReason.TOOL_CALLS if self.calls else FinishReason.STOP
        yield Finished(Usage(10, 5, model=REF.name), self.finish or reason)


def calls(*made: tuple[str, JSON], text: str = "") -> Says:
    return Says(text, made)


Script = Callable[[ChatRequest], Says | str | ModelError]


class ScriptedModel:
    """Says the replies in turn, or what a function makes of the request."""

    def __init__(self, replies: Sequence[Says | str | ModelError] | Script) -> None:
        self._replies = replies
        self.requests: list[ChatRequest] = []

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamItem, None]:
        number = len(self.requests)
        self.requests.append(request)
        reply = self._replies(request) if callable(self._replies) else self._replies[number]
        if isinstance(reply, ModelError):
            raise reply
        for item in (Says(reply) if isinstance(reply, str) else reply).items(number):
            yield item


class Toolbox:
    """Tools of a test: each call is noted, and answered by the text or what a function makes of the arguments."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, dict[str, JSON]]] = []
        self.contexts: list[ToolContext] = []
        self._tools: dict[str, AgentTool] = {}
        self.missing: dict[str, str] = {}
        self.closed = False

    def add(
        self,
        name: str,
        answer: str | Callable[[Mapping[str, JSON]], Awaitable[ToolResult] | ToolResult] = "fine",
        effect: Effect = Effect.NONE,
        **more: Any,
    ) -> Toolbox:
        async def run(arguments: Mapping[str, JSON], context: ToolContext) -> ToolResult:
            self.ran.append((name, dict(arguments)))
            self.contexts.append(context)
            if isinstance(answer, str):
                return ToolResult(answer)
            result = answer(arguments)
            return result if isinstance(result, ToolResult) else await result

        parameters = more.pop("parameters", {"type": "object", "properties": {}})
        self._tools[name] = AgentTool(Tool(name, f"does {name}", parameters), effect, run, **more)
        return self

    async def tools(self, name: str, agent: str) -> tuple[AgentTool, ...]:
        if name in self.missing:
            raise ToolUnavailable(self.missing[name])
        return (self._tools[name],) if name in self._tools else ()

    async def close(self) -> None:
        self.closed = True


class Crash(BaseException):
    """The machine goes down."""


@dataclass
class Course:
    """What the engine gets: signals, and the thread that it keeps. Goes down where it would keep one too many."""

    thread: list[JSON] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    crash_at: int | None = None
    admissions: list[str] = field(default_factory=list)

    def __call__(self, signal: Signal) -> None:
        self.signals.append(signal)
        if isinstance(signal, Stepped):
            self.keep(json.loads(json.dumps(signal.entry)))
        elif isinstance(signal, ToolCalled):
            self.keep({"role": "called", "call": signal.call, "name": signal.tool})

    def keep(self, entry: JSON) -> None:
        if self.crash_at is not None and len(self.thread) >= self.crash_at:
            raise Crash
        self.thread.append(entry)

    async def recorded(self, signal: ToolCalled) -> None:
        self(signal)
        await asyncio.sleep(0)

    async def admitted(self, model: str = "") -> None:
        self.admissions.append(model)

    @property
    def entries(self) -> list[JSON]:
        return [signal.entry for signal in self.signals if isinstance(signal, Stepped)]

    @property
    def called(self) -> list[ToolCalled]:
        return [signal for signal in self.signals if isinstance(signal, ToolCalled)]

    def text(self, channel: str = "output") -> str:
        return "".join(s.text for s in self.signals if isinstance(s, Delta) and s.channel == channel)


@dataclass
class World:
    """An agent node with its model and tools, and an engine that answers what the agent waits for."""

    model: ScriptedModel
    tools: Toolbox = field(default_factory=Toolbox)
    agents: dict[str, AgentDef] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    prompt: str = "do it"
    context: dict[str, JSON] = field(default_factory=dict)
    check: Check | None = None
    may_wait: bool = True
    ref: ModelRef = REF
    models: dict[str, ModelRef] = field(default_factory=dict)
    programs: Worker | None = None
    course: Course = field(default_factory=Course)
    suspended: list[Suspended] = field(default_factory=list)
    answers: Mapping[str, str] | Callable[[str], str] = field(default_factory=dict)
    """Tool or ``ask_user`` -> what the person says."""
    number: int = 1
    agent: str = "a"
    depth: int = 0
    tainted: bool = False

    def attempt(self) -> Attempt:
        return Attempt(
            id=f"n//{self.number}",
            session="s",
            node="n",
            item=None if self.may_wait else 3,
            number=self.number,
            key="k",
            spec=AgentSpec(self.agent, self.prompt, context=self.context),
            cwd="/nonexistent",
            folder="/nonexistent",
            task_folder="/nonexistent",
            trusted=True,
            model=self.ref,
            check=self.check,
            thread=tuple(self.course.thread),
            team=Team(self.agents, rules=self.rules),
            models=self.models,
            may_wait=self.may_wait,
            depth=self.depth,
            tainted=self.tainted or self.depth > 0,
        )

    async def once(self) -> Done | Suspended | Failed:
        """One attempt."""
        worker = AgentWorker(self._make, lambda attempt: [self.tools], self.programs)
        try:
            end = await worker(self.attempt(), self.course)
        except WorkerFailed as failed:
            end_: Done | Suspended | Failed = failed.failed
        else:
            end_ = end
        self.number += 1
        return end_

    def _make(self, ref: ModelRef) -> ChatModel:
        return self.model

    async def to_the_end(self) -> Done | Failed:
        """Attempts until there is an end; each wait is answered at once."""
        while True:
            end = await self.once()
            if not isinstance(end, Suspended):
                return end
            self.suspended.append(end)
            self.answer(end)

    def answer(self, end: Suspended) -> None:
        """What an engine records once all that `end` asks for is there."""
        results = []
        for number, assignment in enumerate(end.assignments):
            node = f"{assignment.name}_{assignment.call}_{number}"
            self.course.keep({"role": "assigned", "call": assignment.call, "nodes": [node]})
            result = NodeResult(node, State.SUCCEEDED, assignment.name)
            results.append({**_as_json(result), "output": f"done: {assignment.prompt}"})
        for inquiry in end.inquiries:
            said = self.answers
            name = inquiry.kind
            content = said(inquiry.question) if callable(said) else said[name]
            self.course.keep({"role": "answer", "call": inquiry.call, "content": content})
        if results:
            self.course.keep({"role": "results", "nodes": results})

    @property
    def messages(self) -> list[tuple[str, str]]:
        """What the model was sent last."""
        return [(message.role, message.content) for message in self.model.requests[-1].messages]


def _as_json(result: NodeResult) -> dict[str, JSON]:
    return {
        "node": result.node,
        "state": result.state.value,
        "title": result.title,
        "path": result.path,
        "error": result.error,
    }


def agent(*tools: str, **more: Any) -> AgentDef:
    return AgentDef(tools=tools, **more)


def world(*replies: Says | str | ModelError, tools: Toolbox | None = None, **more: Any) -> World:
    """A world with one agent `a` that has all of its tools, and the model's replies in turn."""
    box = tools or Toolbox()
    agents = more.pop("agents", None) or {"a": agent(*box._tools, **more.pop("agent", {}))}
    return World(ScriptedModel(replies), box, agents, **more)


def limited(definition: AgentDef, **limits: int) -> AgentDef:
    return replace(definition, limits=AgentLimits(**limits))
