"""A call of a model whose course is told, so that the pacer of its account learns from it, whoever makes the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from swarmtui.engine.ports import CallAccepted, CallEnded, CallSent, CallSignal
from swarmtui.models.chat import (
    Accepted,
    ChatModel,
    ChatRequest,
    ModelError,
    ReasoningDelta,
    Reply,
    TextDelta,
    complete,
)
from swarmtui.session.vocabulary import ErrorKind

Tell = Callable[[CallSignal], None]


async def complete_telling(
    model: ChatModel,
    request: ChatRequest,
    attempt: str,
    tell: Tell,
    on_delta: Callable[[TextDelta | ReasoningDelta], None] | None = None,
) -> Reply:
    """As :func:`complete`; `tell` hears when the call of `attempt` goes, is accepted and ends. Raises ModelError."""
    headers: dict[str, str] = {}

    def accepted(item: Accepted) -> None:
        headers.update(item.headers)
        tell(CallAccepted(attempt))

    tell(CallSent(attempt, request.model.name))
    try:
        reply = await complete(model, request, on_delta, accepted)
    except asyncio.CancelledError:
        tell(CallEnded(attempt, None))
        raise
    except ModelError as error:
        status, fault = outcome(error)
        tell(CallEnded(attempt, status, {**headers, **error.headers}, fault=fault))
        raise
    usage = reply.usage
    tell(CallEnded(attempt, 200, headers, usage.tokens_in or 0, usage.tokens_out or 0))
    return reply


def outcome(error: ModelError) -> tuple[int | None, str | None]:
    """(status, fault) of the call that failed: what it says of the provider."""
    if error.status is not None:
        return error.status, None
    match error.info.kind:
        case ErrorKind.OUTAGE:
            return 0, None
        case ErrorKind.THROTTLED:
            return 429, None
        case ErrorKind.MALFORMED:
            return 200, "malformed"
        case _:
            return None, None
