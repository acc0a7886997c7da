"""Carries a ``prompt`` node out: one call of a model, or a conversation of several turns, streamed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import cache

from swarmtui.engine.ports import Attempt, Delta, Done, Failed, Signal
from swarmtui.models.chat import (
    ChatModel,
    ChatRequest,
    FinishReason,
    Message,
    ModelError,
    ReasoningDelta,
    Reply,
    TextDelta,
    add_usage,
    model_error,
)
from swarmtui.models.structured import Shape, repair_request, repairable
from swarmtui.models.told import complete_telling
from swarmtui.plan.model import JSON, ModelRef, PromptSpec
from swarmtui.plan.schemas import BUILTIN_SCHEMAS
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Usage
from swarmtui.workers.conversation import Conversation
from swarmtui.workers.local import WorkerFailed


class PromptWorker:
    """Asks the attempt's model and gives its answer as the output.

    Text is passed on as the model wrote it: whoever shows it cleans it. Reasoning goes to the channel ``reasoning`` and
    never becomes output. Cancelling the call closes its connection.
    """

    def __init__(self, make_model: Callable[[ModelRef], ChatModel]) -> None:
        self._model = cache(make_model)

    async def __call__(self, attempt: Attempt, emit: Callable[[Signal], None]) -> Done:
        """The attempt's result. Raises WorkerFailed, also when cancelled: it then holds the text that had come."""
        spec, model = attempt.spec, attempt.model
        if not isinstance(spec, PromptSpec) or model is None:
            raise _failed(attempt, ErrorInfo(ErrorKind.INTERNAL, f"{attempt.node} is no prompt, or has no model"))
        said: list[str] = []

        def pass_on(delta: TextDelta | ReasoningDelta) -> None:
            if isinstance(delta, TextDelta):
                said.append(delta.text)
                emit(Delta(attempt.id, delta.text))
            else:
                emit(Delta(attempt.id, delta.text, "reasoning"))

        conversation = Conversation(_messages(spec), spec.turns)
        usage: Usage | None = None  # of the turns that were answered
        while True:
            request = _request(attempt, spec, model, conversation)
            try:
                reply = await self._ask(attempt.id, request, pass_on, emit)
            except ModelError as error:
                spent = Usage(model=model.name, simulated=model.simulated)  # how much, only a whole reply tells
                raise _failed(attempt, error.info, "".join(said), _sum(usage, spent)) from None
            usage = _sum(usage, reply.usage)
            problem = _problem(reply, model, conversation)
            if problem is not None:
                raise _failed(attempt, problem, "".join(said), usage)
            conversation.take(reply)
            if conversation.over:
                break
            pass_on(TextDelta(f"\n\n--- turn {conversation.answered + 1} ---\n\n"))
        reply, usage = await self._mended(attempt, request, reply, usage, pass_on, emit)
        if reply.finish_reason is FinishReason.LENGTH:
            emit(Delta(attempt.id, "\n(cut off: the model reached its limit of output tokens)\n", "stderr"))
        return Done(attempt.id, reply.text if spec.turns == 1 else conversation.output, usage=usage)

    async def _mended(
        self,
        attempt: Attempt,
        request: ChatRequest,
        reply: Reply,
        usage: Usage,
        pass_on: Callable[[TextDelta | ReasoningDelta], None],
        emit: Callable[[Signal], None],
    ) -> tuple[Reply, Usage]:
        """`reply`, or the model's second try where it has not the shape that the check asks for, and the usage of both.

        The check has the last word: here an answer is given back once, with what is wrong with it.
        """
        if request.schema is None or not repairable(reply):
            return reply, usage
        _, errors = Shape(request.schema).read(reply.text)
        if not errors:
            return reply, usage
        pass_on(TextDelta("\n\n--- not the JSON that was asked for: once more ---\n\n"))
        try:
            again = await self._ask(attempt.id, repair_request(request, reply, errors), pass_on, emit)
        except ModelError as error:
            spent = add_usage(usage, Usage(model=request.model.name, simulated=request.model.simulated))
            raise _failed(attempt, error.info, reply.text, spent) from None
        return (again if again.text.strip() else reply), add_usage(usage, again.usage)

    async def _ask(
        self,
        attempt: str,
        request: ChatRequest,
        pass_on: Callable[[TextDelta | ReasoningDelta], None],
        emit: Callable[[Signal], None],
    ) -> Reply:
        """The reply, with the call's course told on the way. Raises ModelError, also when cancelled."""
        try:
            return await complete_telling(self._model(request.model), request, attempt, emit, pass_on)
        except asyncio.CancelledError:
            raise model_error(ErrorKind.LOST, f"stopped while {request.model.name} answered") from None


def _messages(spec: PromptSpec) -> list[Message]:
    system = [Message("system", spec.system)] if spec.system else []
    return [*system, Message("user", spec.prompt)]


def _request(attempt: Attempt, spec: PromptSpec, model: ModelRef, conversation: Conversation) -> ChatRequest:
    return ChatRequest(
        model,
        tuple(conversation.messages),
        max_tokens=spec.max_tokens,
        temperature=spec.temperature,
        schema=_schema(attempt) if spec.turns == 1 else None,  # of several turns the check judges the conversation
    )


def _sum(before: Usage | None, now: Usage) -> Usage:
    return now if before is None else add_usage(before, now)


def _schema(attempt: Attempt) -> JSON:
    """The schema that the node's check will judge the answer by, so that the model is asked for it."""
    schema = attempt.check.schema if attempt.check is not None else None
    return BUILTIN_SCHEMAS.get(schema) if isinstance(schema, str) else schema


def _problem(reply: Reply, model: ModelRef, conversation: Conversation) -> ErrorInfo | None:
    if reply.finish_reason is FinishReason.FILTERED:
        return ErrorInfo(ErrorKind.REFUSED, f"the provider of {model.name} withheld the reply for its content")
    if reply.text.strip():
        return None
    if reply.finish_reason is FinishReason.LENGTH:
        return ErrorInfo(
            ErrorKind.TOO_LONG, f"{model.name} used its whole output limit before it answered: raise max_tokens"
        )
    if reply.tool_calls and conversation.turns > 1:
        return None
    if reply.tool_calls:
        names = json.dumps([call.name for call in reply.tool_calls[:5]])
        return ErrorInfo(ErrorKind.MALFORMED, f"{model.name} called tools that it was not offered: {names}")
    return ErrorInfo(ErrorKind.MALFORMED, f"{model.name} gave an empty reply")


def _failed(attempt: Attempt, error: ErrorInfo, output: str = "", usage: Usage | None = None) -> WorkerFailed:
    return WorkerFailed(Failed(attempt.id, error, output, usage=usage or Usage()))
