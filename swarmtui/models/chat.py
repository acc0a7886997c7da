"""What a chat with a model is, whatever dialect the provider speaks: requests, stream items, errors.

A model is anything with :meth:`ChatModel.stream`. A stream yields :class:`Accepted`, then deltas and whole tool calls,
and last, exactly once, :class:`Finished`; when it cannot, it raises :class:`ModelError`. Whoever stops iterating early
closes the connection.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import field, replace
from enum import StrEnum
from typing import Literal, Protocol

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Usage

Role = Literal["system", "user", "assistant", "tool"]


@frozen
class ToolCall:
    """The model wants a tool called; `arguments` is the JSON text as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str


@frozen
class Message:
    """One turn. `tool_calls` belong to the assistant; `tool_call_id` says which call a ``tool`` message answers."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    extra: JSON = None
    """Of the assistant: the :attr:`Reply.extra` of the answer that this turn was, as it came. Some providers want it
    back with the results of the tools; what another model said is not given to this one."""


@frozen
class Tool:
    """A function that the model may ask for; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: JSON


class Purpose(StrEnum):
    """What a reply is for. Providers never see it; the simulated model answers accordingly."""

    WORK = "work"
    PLAN = "plan"
    TALK = "talk"
    """With the user, before anything runs."""


@frozen
class ChatRequest:
    """One call of a model. `schema` asks for a reply that is JSON of that schema, as far as the provider can."""

    model: ModelRef
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    tools: tuple[Tool, ...] = ()
    schema: JSON | None = None
    seed: int | None = None
    purpose: Purpose = Purpose.WORK


class FinishReason(StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"  # max_tokens or the window was reached: the text is cut
    TOOL_CALLS = "tool_calls"
    FILTERED = "filtered"  # the provider withheld the rest
    OTHER = "other"


@frozen
class Accepted:
    """The provider took the call: its reply has begun. Comes before all other items, at most once."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """What the head of the reply says of limits: :func:`limit_headers` of it."""


@frozen
class TextDelta:
    """More of the answer."""

    text: str


@frozen
class ReasoningDelta:
    """More of what the model thinks before it answers; never part of the output."""

    text: str


@frozen
class Finished:
    """The last item of every stream."""

    usage: Usage
    finish_reason: FinishReason = FinishReason.STOP
    reasoning_tokens: int | None = None
    """How many of the output tokens were reasoning, where the provider says so."""
    extra: JSON = None
    """What the model wants to see again in :attr:`Message.extra`: signed thoughts of an answer that calls tools."""


StreamItem = Accepted | TextDelta | ReasoningDelta | ToolCall | Finished


class ChatModel(Protocol):
    """Somebody who answers."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[StreamItem, None]:
        """The reply as it comes. Raises ModelError; closing the generator or cancelling its task ends the call."""


class ModelError(Exception):
    """A call of a model failed. `info` is what the user is told; its kind decides whether it is tried again.

    `status` is the provider's HTTP status where it refused the call, with what its `headers` say of limits.
    """

    def __init__(self, info: ErrorInfo, status: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(info.message)
        self.info = info
        self.status = status
        self.headers = limit_headers(headers or {})


def limit_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of a reply's headers that say something of limits, with lower-case names, and its date, from which some of
    them count: no others are passed on."""
    return {
        name.lower(): value[:200]
        for name, value in headers.items()
        if "ratelimit" in (low := name.lower()) or low.startswith("retry-after") or low == "date"
    }


def model_error(kind: ErrorKind, message: str, retry_after_s: float | None = None) -> ModelError:
    """A ModelError of `kind` that says `message`."""
    return ModelError(ErrorInfo(kind, message, retry_after_s=retry_after_s))


@frozen
class Reply:
    """A whole answer."""

    text: str
    usage: Usage
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = FinishReason.STOP
    reasoning: str = ""
    reasoning_tokens: int | None = None
    extra: JSON = None
    """For :attr:`Message.extra` of the turn; opaque, and JSON that can be recorded."""

    def message(self) -> Message:
        """The answer as a turn of the conversation that goes on."""
        return Message("assistant", self.text, self.tool_calls, extra=self.extra)


async def complete(
    model: ChatModel,
    request: ChatRequest,
    on_delta: Callable[[TextDelta | ReasoningDelta], None] | None = None,
    on_accepted: Callable[[Accepted], None] | None = None,
) -> Reply:
    """The whole reply to `request`. Raises ModelError.

    `on_accepted` is told when the reply begins, `on_delta` gets each piece of text as it comes.
    """
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    finished: Finished | None = None
    async with aclosing(model.stream(request)) as items:
        async for item in items:
            match item:
                case TextDelta():
                    text.append(item.text)
                    if on_delta is not None:
                        on_delta(item)
                case ReasoningDelta():
                    reasoning.append(item.text)
                    if on_delta is not None:
                        on_delta(item)
                case ToolCall():
                    calls.append(item)
                case Accepted():
                    if on_accepted is not None:
                        on_accepted(item)
                case Finished():
                    finished = item
    if finished is None:
        raise model_error(ErrorKind.MALFORMED, f"the stream of {request.model.name} ended without an end")
    usage = finished.usage
    if finished.reasoning_tokens is not None:
        usage = replace(usage, tokens_reasoning=finished.reasoning_tokens)
    return Reply(
        "".join(text),
        usage,
        tuple(calls),
        finished.finish_reason,
        "".join(reasoning),
        finished.reasoning_tokens,
        finished.extra,
    )


def priced(usage: Usage, model: ModelRef) -> Usage:
    """`usage` with its cost in US dollars at the prices of `model`, or as it is where a figure is unknown.

    Cached input tokens are charged in full where their own price is not known, so that the figure is never below what
    the provider bills.
    """
    if usage.cost_usd is not None:
        return usage
    tokens_in, tokens_out, price_in, price_out = usage.tokens_in, usage.tokens_out, model.price_in, model.price_out
    if tokens_in is None or tokens_out is None or price_in is None or price_out is None:
        return usage
    cached = min(usage.tokens_cached or 0, tokens_in)
    less = 0.0 if model.price_cached is None else cached * (price_in - model.price_cached)
    return replace(usage, cost_usd=(tokens_in * price_in + tokens_out * price_out - less) / 1e6)


def add_usage(one: Usage, other: Usage) -> Usage:
    """What both consumed together. Of calls that told nothing, which fail before they do, it says how many they are:
    what the others consumed is known all the same. Any other unknown part makes its sum unknown, but for reasoning:
    most models have none and do not say so."""
    untold = _untold(one) + _untold(other)
    calls = one.requests + other.requests
    if _tells_nothing(one) or _tells_nothing(other):
        known = other if _tells_nothing(one) else one
        return replace(known, calls=calls, untold=untold if untold < calls else 0)

    def total(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else a + b

    def count(a: int | None, b: int | None) -> int | None:
        return None if a is None or b is None else a + b

    return Usage(
        tokens_in=count(one.tokens_in, other.tokens_in),
        tokens_out=count(one.tokens_out, other.tokens_out),
        tokens_cached=count(one.tokens_cached, other.tokens_cached),
        cost_usd=total(one.cost_usd, other.cost_usd),
        model=one.model or other.model,
        first_token_s=one.first_token_s if one.first_token_s is not None else other.first_token_s,
        simulated=one.simulated or other.simulated,
        calls=calls,
        untold=untold,
        tokens_reasoning=_known(one.tokens_reasoning, other.tokens_reasoning),
    )


def _known(one: int | None, other: int | None) -> int | None:
    """The sum of what is known."""
    return other if one is None else one + (other or 0)


def _tells_nothing(usage: Usage) -> bool:
    return usage.tokens_in is None and usage.tokens_out is None and usage.cost_usd is None


def _untold(usage: Usage) -> int:
    """Calls of `usage` that told nothing of what they consumed."""
    return usage.requests if _tells_nothing(usage) else usage.untold
