"""Carries a ``prompt`` node out: one call of a model, streamed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from swarmtui.engine.ports import Attempt, Delta, Done, Failed
from swarmtui.models.chat import (
    ChatModel,
    ChatRequest,
    FinishReason,
    Message,
    ModelError,
    ReasoningDelta,
    Reply,
    TextDelta,
    complete,
)
from swarmtui.plan.model import JSON, ModelRef, PromptSpec
from swarmtui.plan.schemas import BUILTIN_SCHEMAS
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Usage
from swarmtui.workers.local import WorkerFailed


class PromptWorker:
    """Asks the attempt's model and gives its answer as the output.

    Text is passed on as the model wrote it: whoever shows it cleans it. Reasoning goes to the channel ``reasoning`` and
    never becomes output. Cancelling the call closes its connection.
    """

    def __init__(self, make_model: Callable[[ModelRef], ChatModel]) -> None:
        self._make_model = make_model
        self._models: dict[ModelRef, ChatModel] = {}

    async def __call__(self, attempt: Attempt, emit: Callable[[Delta], None]) -> Done:
        """The attempt's result. Raises WorkerFailed, also when cancelled: it then holds the text that had come."""
        if not isinstance(attempt.spec, PromptSpec) or attempt.model is None:
            raise _failed(attempt, ErrorInfo(ErrorKind.INTERNAL, f"{attempt.node} is no prompt, or has no model"))
        said: list[str] = []
        spent = Usage(model=attempt.model.name, simulated=attempt.model.simulated)  # how much, only a whole reply tells

        def pass_on(delta: TextDelta | ReasoningDelta) -> None:
            if isinstance(delta, TextDelta):
                said.append(delta.text)
                emit(Delta(attempt.id, delta.text))
            else:
                emit(Delta(attempt.id, delta.text, "reasoning"))

        try:
            reply = await complete(self._model(attempt.model), _request(attempt, attempt.spec, attempt.model), pass_on)
        except ModelError as error:
            raise _failed(attempt, error.info, "".join(said), spent) from None
        except asyncio.CancelledError:
            stopped = ErrorInfo(ErrorKind.LOST, f"stopped while {attempt.model.name} answered")
            raise _failed(attempt, stopped, "".join(said), spent) from None
        problem = _problem(reply, attempt.model)
        if problem is not None:
            raise _failed(attempt, problem, reply.text, reply.usage)
        if reply.finish_reason is FinishReason.LENGTH:
            emit(Delta(attempt.id, "\n(cut off: the model reached its limit of output tokens)\n", "stderr"))
        return Done(attempt.id, reply.text, usage=reply.usage)

    def _model(self, ref: ModelRef) -> ChatModel:
        model = self._models.get(ref)
        if model is None:
            model = self._models[ref] = self._make_model(ref)
        return model


def _request(attempt: Attempt, spec: PromptSpec, model: ModelRef) -> ChatRequest:
    system = (Message("system", spec.system),) if spec.system else ()
    return ChatRequest(
        model,
        (*system, Message("user", spec.prompt)),
        max_tokens=spec.max_tokens,
        temperature=spec.temperature,
        schema=_schema(attempt),
    )


def _schema(attempt: Attempt) -> JSON:
    """The schema that the node's check will judge the answer by, so that the model is asked for it."""
    schema = attempt.check.schema if attempt.check is not None else None
    return BUILTIN_SCHEMAS.get(schema) if isinstance(schema, str) else schema


def _problem(reply: Reply, model: ModelRef) -> ErrorInfo | None:
    if reply.finish_reason is FinishReason.FILTERED:
        return ErrorInfo(ErrorKind.REFUSED, f"the provider of {model.name} withheld the reply for its content")
    if reply.text.strip():
        return None
    if reply.finish_reason is FinishReason.LENGTH:
        return ErrorInfo(
            ErrorKind.TOO_LONG, f"{model.name} used its whole output limit before it answered: raise max_tokens"
        )
    if reply.tool_calls:
        names = json.dumps([call.name for call in reply.tool_calls[:5]])
        return ErrorInfo(ErrorKind.MALFORMED, f"{model.name} called tools that it was not offered: {names}")
    return ErrorInfo(ErrorKind.MALFORMED, f"{model.name} gave an empty reply")


def _failed(attempt: Attempt, error: ErrorInfo, output: str = "", usage: Usage | None = None) -> WorkerFailed:
    return WorkerFailed(Failed(attempt.id, error, output, usage=usage or Usage()))
