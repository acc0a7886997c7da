"""A client that answers from a script, in every way in which clients answer; and the ways of carrying a run out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from swarmtui import Agent, Response, Swarm

USER = [{"role": "user", "content": "hello"}]


def calls(*named: tuple[str, Any], content: str = "") -> dict[str, Any]:
    """A message that calls functions; arguments that are text go as they are."""
    listed = [
        {
            "id": f"c{number}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for number, (name, given) in enumerate(named)
    ]
    return {"role": "assistant", "content": content, "tool_calls": listed}


def says(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": None}


def whole(message: dict[str, Any]) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def parts(text: str) -> list[str]:
    step = max(len(text) // 5, 1)
    return [text[at : at + step] for at in range(0, len(text), step)]


def pieces(message: dict[str, Any]) -> list[dict[str, Any]]:
    """`message` as a provider streams it: the role first, text and arguments in small parts, usage without a choice."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": part} for part in parts(message["content"])]
    for index, call in enumerate(message["tool_calls"] or ()):
        function = call["function"]
        deltas.append({"tool_calls": [{**call, "index": index, "function": {"name": function["name"]}}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in parts(function["arguments"])
        ]
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    return [*chunks, {"choices": [], "usage": {"total_tokens": 3}}]


@dataclass
class Script:
    """An OpenAI-style client, without any await; `asked` is what it was called with."""

    messages: Iterable[dict[str, Any]]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = iter(self.messages)
        self.chat = self.completions = self

    def create(self, **parameters: Any) -> Any:
        self.asked.append(parameters)
        message = next(self._left)
        return iter(pieces(message)) if parameters["stream"] else whole(message)


class AsyncScript(Script):
    """The same, to be awaited."""

    async def create(self, **parameters: Any) -> Any:
        await asyncio.sleep(0)
        reply = super().create(**parameters)
        return _later(reply) if parameters["stream"] else reply


async def _later(chunks: Iterable[Any]) -> Any:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


Run = Callable[..., tuple[Response, list[dict[str, Any]]]]


def at_once(client: Any, agent: Agent, messages: list[Any], **how: Any) -> tuple[Response, list[dict[str, Any]]]:
    return Swarm(client).run(agent, messages, **how), []


def streamed(client: Any, agent: Agent, messages: list[Any], **how: Any) -> tuple[Response, list[dict[str, Any]]]:
    steps = list(Swarm(client).run(agent, messages, stream=True, **how))
    return steps[-1]["response"], steps[:-1]


def awaited(client: Any, agent: Agent, messages: list[Any], **how: Any) -> tuple[Response, list[dict[str, Any]]]:
    return asyncio.run(Swarm(client).arun(agent, messages, **how)), []


def awaited_streamed(
    client: Any, agent: Agent, messages: list[Any], **how: Any
) -> tuple[Response, list[dict[str, Any]]]:
    async def collect() -> list[dict[str, Any]]:
        return [step async for step in Swarm(client).arun(agent, messages, stream=True, **how)]

    steps = asyncio.run(collect())
    return steps[-1]["response"], steps[:-1]


WAYS = [(client, run) for client in (Script, AsyncScript) for run in (at_once, streamed, awaited, awaited_streamed)]
