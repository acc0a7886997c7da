"""Whether a model really answers, and what it can do: three short calls, which a paid provider bills."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import aclosing

from swarmtui.frozen import frozen
from swarmtui.models.catalog import Catalog
from swarmtui.models.chat import (
    ChatModel,
    ChatRequest,
    Finished,
    Message,
    ModelError,
    ReasoningDelta,
    TextDelta,
    Tool,
    add_usage,
    complete,
)
from swarmtui.models.configuration import user_catalog
from swarmtui.models.discover import make_model
from swarmtui.models.net import Net
from swarmtui.models.structured import structured
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.session.vocabulary import ErrorKind, Usage

_TOKENS = 1_024
"""Of each answer at most: enough for a model that thinks first."""
_LIMIT_S = 120.0
_COLOUR: JSON = {
    "type": "object",
    "properties": {"colour": {"type": "string"}},
    "required": ["colour"],
    "additionalProperties": False,
}
_TOOL = Tool("report_colour", "Reports the colour that was asked for.", _COLOUR)


@frozen
class Probe:
    """What came of asking a model. What could not be tried is None."""

    model: ModelRef
    reachable: bool | None
    authorised: bool | None
    detail: str
    """In one line: what is wrong, or that it answers."""
    first_token_s: float | None = None
    streams: bool | None = None
    """Whether the answer came in pieces."""
    tools: bool | None = None
    """Whether it called a tool that it was asked to call."""
    structured: bool | None = None
    """Whether it gave JSON of a schema at once."""
    asked_by: str = ""
    """How it is asked for JSON."""
    usage: Usage | None = None
    """What the calls consumed together."""

    @property
    def works(self) -> bool:
        """Whether it answers."""
        return self.first_token_s is not None


async def probe_model(ref: ModelRef, net: Net, environ: Mapping[str, str], catalog: Catalog | None = None) -> Probe:
    """Ask `ref` for a few words, for a call of a tool, and for JSON. Raises nothing of what may go wrong with it."""
    catalog = catalog or user_catalog(environ)
    try:
        model = make_model(ref, net, environ, catalog)
        async with asyncio.timeout(_LIMIT_S):
            first_token_s, pieces, usage = await _words(model, ref)
    except ModelError as error:
        return _unanswered(ref, error)
    except TimeoutError:
        return Probe(ref, reachable=True, authorised=None, detail=f"had not answered after {_LIMIT_S:g} s")
    if first_token_s is None:
        return Probe(ref, reachable=True, authorised=True, detail="gives an empty answer", usage=usage)
    tools, of_tools = await _bounded(_calls(model, ref))
    shaped, of_shape = await _bounded(_shapes(model, ref))
    for more in (of_tools, of_shape):
        usage = usage if more is None else add_usage(usage, more)
    return Probe(
        ref,
        reachable=True,
        authorised=True,
        detail="built in: its answers are made up" if ref.simulated else "answers",
        first_token_s=first_token_s,
        streams=pieces > 1,
        tools=tools,
        structured=shaped,
        asked_by=asked_by(ref, catalog),
        usage=usage,
    )


def asked_by(ref: ModelRef, catalog: Catalog) -> str:
    """By which means `ref` is asked for JSON of a schema, in words."""
    means = {"schema": "by schema", "tool": "by a tool that it has to call", "object": "by JSON mode and in words"}
    return means.get(catalog.quirks(ref).json, "in words")


def _unanswered(ref: ModelRef, error: ModelError) -> Probe:
    kind = error.info.kind
    unasked = kind is ErrorKind.REFUSED and error.status is None
    reachable = None if unasked else kind is not ErrorKind.OUTAGE or error.status is not None
    refused = error.status in (401, 403) or unasked
    known = kind in (ErrorKind.THROTTLED, ErrorKind.TOO_LONG, ErrorKind.MALFORMED) or error.status in (400, 404, 422)
    return Probe(ref, reachable, False if refused else True if known else None, error.info.message)


async def _words(model: ChatModel, ref: ModelRef) -> tuple[float | None, int, Usage]:
    """(seconds to the first token, pieces of text, usage). Raises ModelError."""
    clock = asyncio.get_running_loop().time
    ask = Message("user", "Count from one to ten in words, separated by spaces, and say nothing else.")
    began, first, pieces = clock(), None, 0
    usage = Usage(model=ref.name)
    async with aclosing(model.stream(ChatRequest(ref, (ask,), max_tokens=_TOKENS))) as items:
        async for item in items:
            if isinstance(item, TextDelta | ReasoningDelta):
                first = clock() - began if first is None else first
                pieces += 1
            elif isinstance(item, Finished):
                usage = item.usage
    return first, pieces, usage


async def _calls(model: ChatModel, ref: ModelRef) -> tuple[bool, Usage]:
    ask = Message("user", "What colour is grass? Do not answer in words: call report_colour with it.")
    reply = await complete(model, ChatRequest(ref, (ask,), max_tokens=_TOKENS, tools=(_TOOL,)))
    return any(call.name == _TOOL.name for call in reply.tool_calls), reply.usage


async def _shapes(model: ChatModel, ref: ModelRef) -> tuple[bool, Usage]:
    ask = Message("user", "What colour is the sky on a clear day?")
    found = await structured(ChatRequest(ref, (ask,), max_tokens=_TOKENS, schema=_COLOUR), model)
    return not found.repaired, found.usage


async def _bounded(trial: Awaitable[tuple[bool, Usage]]) -> tuple[bool | None, Usage | None]:
    """What a trial found: False where the provider refuses it, None where that was by chance."""
    try:
        async with asyncio.timeout(_LIMIT_S):
            return await trial
    except ModelError as error:
        by_chance = error.info.kind in (ErrorKind.OUTAGE, ErrorKind.THROTTLED)
        return (None if by_chance else False), None
    except TimeoutError:
        return None, None
