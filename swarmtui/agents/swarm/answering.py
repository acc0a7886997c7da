"""swarmtui's own models behind the one call that a swarm makes: ``client.chat.completions.create``.

Who answers, by the name that an agent (or ``model_override``) gives:

1. ``provider/model``, a provider or a tier that swarmtui knows: that one;
2. any other name, such as the default ``gpt-4o``: the model that the swarm was made with, if it was made with one;
3. else OpenAI, if it has a key and SWARMTUI_MODEL says nothing else;
4. else what ``swarmtui doctor`` finds: SWARMTUI_MODEL, a key, a local server, at last the simulated model, whose
   replies are marked. A log line says, once per name, that another model answers than the one that was named.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from swarmtui.agents.swarm.replies import Plain, plain_message
from swarmtui.models.catalog import PROFILES, TIER_ENV, TIERS, load_catalog, resolve
from swarmtui.models.chat import (
    Accepted,
    ChatModel,
    ChatRequest,
    Finished,
    Message,
    ModelError,
    ReasoningDelta,
    Role,
    StreamItem,
    TextDelta,
    Tool,
    ToolCall,
    complete,
)
from swarmtui.models.discover import discover, make_model
from swarmtui.models.net import Net
from swarmtui.plan.model import ModelRef
from swarmtui.session.vocabulary import ErrorKind

logger = logging.getLogger(__name__)

_TRIES = 3
_LONGEST_WAIT_S = 30.0
_BY_CHANCE = frozenset({ErrorKind.THROTTLED, ErrorKind.OUTAGE, ErrorKind.MALFORMED})
_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}

Sleep = Callable[[float], Awaitable[None]]


class Models:
    """Who answers for a name. It remembers, and asks local servers once at most."""

    def __init__(self, given: str | ModelRef | ChatModel | None, environ: Mapping[str, str]) -> None:
        self._given = given
        self._environ = environ
        self._refs: dict[str, ModelRef] = {}
        self._made: dict[ModelRef, ChatModel] = {}

    async def find(self, name: str, net: Net) -> tuple[ChatModel, ModelRef]:
        """(model, where it answers) for `name`. Raises CatalogError and ModelError in words for the user."""
        if name not in self._refs:
            self._refs[name] = await self._where(name, net)
        ref = self._refs[name]
        if self._given is not None and not isinstance(self._given, str | ModelRef):
            return self._given, ref
        if not ref.simulated:
            return make_model(ref, net, self._environ), ref
        if ref not in self._made:  # the simulated one remembers what it was asked
            self._made[ref] = make_model(ref, net, self._environ)
        return self._made[ref], ref

    async def _where(self, name: str, net: Net) -> ModelRef:
        given, known = self._given, self._is_known(name)
        if known:
            return await self._resolved(name, net)
        if isinstance(given, ModelRef):
            return given
        if isinstance(given, str):
            return await self._resolved(given, net)
        return ModelRef("custom", name) if given is not None else await self._found(name, net)

    def _is_known(self, name: str) -> bool:
        return name in TIERS or name in PROFILES or load_catalog().get(name.partition("/")[0]) is not None

    async def _resolved(self, name: str, net: Net) -> ModelRef:
        if name in TIERS or name in PROFILES:
            return (await discover(self._environ, net)).tiers[PROFILES.get(name, name)]
        return resolve(name, {}, self._environ)

    async def _found(self, name: str, net: Net) -> ModelRef:
        openai = load_catalog().get("openai")
        wanted = self._environ.get(TIER_ENV["worker"], "").strip()
        if openai is not None and openai.has_key(self._environ) and not wanted:
            return openai.ref(name, self._environ)
        ref = (await discover(self._environ, net)).tiers["worker"]
        if ref.simulated:
            mend = "set a provider's key, or start Ollama"
            logger.warning("nobody answers for %s here: replies are made up and marked [simulated]; %s", name, mend)
        else:
            why = f"{TIER_ENV['worker']} is set" if wanted else "there is no OPENAI_API_KEY"
            logger.warning("%s answers for %s (%s); name it provider/model to choose", ref.name, name, why)
        return ref


class ModelClient:
    """The part of an OpenAI client that a swarm uses, answered by `models`. Use it in one event loop, and close it."""

    def __init__(self, models: Models, sleep: Sleep = asyncio.sleep) -> None:
        self.chat = self.completions = self
        self._models = models
        self._net = Net()
        self._sleep = sleep

    async def create(
        self,
        *,
        model: str,
        messages: Sequence[Any],
        tools: Sequence[Plain] | None = None,
        tool_choice: str | Plain | None = None,
        parallel_tool_calls: bool = True,
        stream: bool = False,
    ) -> Plain | AsyncIterator[Plain]:
        """A completion, or its chunks, as plain dicts. Raises ModelError, CatalogError, ValueError.

        `tool_choice` "none" offers no tools, and a function's name only that one; without `parallel_tool_calls` a
        reply has one call at most. What fails by chance is tried again, as OpenAI's client does.
        """
        chat, ref = await self._models.find(model, self._net)
        request = ChatRequest(ref, tuple(map(_message, messages)), tools=_offered(tools or (), tool_choice))
        patient = _Patient(chat, self._sleep)
        if stream:
            return _chunks(patient, request, 128 if parallel_tool_calls else 1)
        reply = await complete(patient, request)
        calls = reply.tool_calls if parallel_tool_calls else reply.tool_calls[:1]
        message: Plain = {
            "role": "assistant",
            "content": reply.text,
            "tool_calls": [_call(one) for one in calls] or None,
        }
        return {"model": ref.name, "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason}]}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._net.close()


class _Patient:
    """A model that is asked again after what fails by chance, as long as nothing of a reply was passed on."""

    def __init__(self, model: ChatModel, sleep: Sleep) -> None:
        self._model = model
        self._sleep = sleep

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamItem, None]:
        for tries_left in reversed(range(_TRIES)):
            begun = False
            try:
                async with aclosing(self._model.stream(request)) as items:
                    async for item in items:
                        begun = begun or not isinstance(item, Accepted)
                        yield item
                return
            except ModelError as error:
                if begun or not tries_left or error.info.kind not in _BY_CHANCE:
                    raise
                asked = error.info.retry_after_s
                wait = random.uniform(0.5, 2.0 ** (_TRIES - tries_left)) if asked is None else asked  # noqa: S311
            await self._sleep(min(wait, _LONGEST_WAIT_S))


async def _chunks(model: ChatModel, request: ChatRequest, most_calls: int) -> AsyncIterator[Plain]:
    """The reply as chunks of chat completions; tool calls come whole."""
    called = 0
    async with aclosing(model.stream(request)) as items:
        async for item in items:
            match item:
                case TextDelta():
                    yield _chunk({"content": item.text})
                case ReasoningDelta():
                    yield _chunk({"reasoning_content": item.text})
                case ToolCall() if called < most_calls:
                    yield _chunk({"tool_calls": [{"index": called, **_call(item)}]})
                    called += 1
                case Finished():
                    yield _chunk({}, item.finish_reason)


def _chunk(delta: Plain, finish_reason: str | None = None) -> Plain:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _call(call: ToolCall) -> Plain:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _message(message: Any) -> Message:
    plain = plain_message(message)
    role = _ROLES.get(plain["role"] or "")
    if role is None:
        raise ValueError(f"a message has the role {plain['role']!r}: it must be one of {', '.join(_ROLES)}")
    calls = tuple(
        ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in plain["tool_calls"] or ()
    )
    return Message(role, _text(plain["content"]), calls, plain.get("tool_call_id"))


def _text(content: Any) -> str:
    """The text of a message's content, which may be a list of parts."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return "" if content is None else str(content)


def _offered(tools: Sequence[Plain], choice: str | Plain | None) -> tuple[Tool, ...]:
    if choice == "none":
        return ()
    chosen = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    functions = [tool["function"] for tool in tools]
    return tuple(
        Tool(one["name"], one["description"], one["parameters"]) for one in functions if chosen in (None, one["name"])
    )
