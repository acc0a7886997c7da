"""Answers that are JSON of a schema: asked for, read leniently, validated, and asked for once more where they are not.

How the schema is told is each dialect's own (by the provider's means where it has some, else in words); here is what
comes after. The check is of the shape alone, in a time that grows with schema and answer: a schema may come from a
planner. Whoever needs its patterns checked as well does so where a slow one stops nothing, as a node's ``check`` does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.models.chat import ChatModel, ChatRequest, FinishReason, Message, Reply, add_usage, complete, model_error
from swarmtui.models.failures import one_line
from swarmtui.models.schemas import TooLarge, shape_of
from swarmtui.plan.model import JSON
from swarmtui.plan.repair import loads_lenient
from swarmtui.session.vocabulary import ErrorKind, Usage

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MOST_ERRORS = 12
"""Of so many a model is told."""
_MOST_CHARS = 512 * 1024
"""A longer answer is not validated here."""

Ask = Callable[[ChatRequest], Awaitable[Reply]]
"""Makes one call. Raises ModelError."""


@frozen
class Structured:
    """An answer that has the shape that was asked for."""

    value: JSON
    reply: Reply
    """The answer that holds it, with the usage of all calls."""
    repaired: bool = False
    """Whether the first answer had not the shape."""

    @property
    def usage(self) -> Usage:
        """What all calls consumed."""
        return self.reply.usage


class Shape:
    """What an answer has to be like."""

    def __init__(self, schema: JSON) -> None:
        self._validator = _validator(schema)

    def read(self, text: str) -> tuple[JSON, list[str]]:
        """(the value in `text`, what is wrong with it); the second is empty where the value has the shape."""
        if len(text) > _MOST_CHARS:
            return None, []
        try:
            value = loads_lenient(text)
        except ValueError as error:
            return None, [f"it is not JSON: {one_line(str(error), 200)}"]
        return value, self._errors(value)

    def _errors(self, value: JSON) -> list[str]:
        if self._validator is None:
            return []
        from jsonschema.exceptions import UnknownType

        found: list[str] = []
        try:
            for error in self._validator.iter_errors(value):
                found.append(f"{one_line(error.json_path, 80)}: {one_line(error.message, 200)}")
                if len(found) == MOST_ERRORS:
                    break
        except (UnknownType, RecursionError, TypeError, ValueError, AttributeError, ArithmeticError):
            return []  # the schema is at fault, of which no answer can be better than another
        return found


def _validator(schema: JSON) -> Validator | None:
    """A validator of the shape; None where the schema is none, or too large."""
    from jsonschema.validators import Draft202012Validator

    try:
        shape = shape_of(schema)
    except TooLarge:
        return None
    return Draft202012Validator(shape) if isinstance(shape, dict | bool) else None


def repair_prompt(errors: list[str]) -> str:
    """What a model is told whose answer has not the shape."""
    listed = "\n".join(f"- {error}" for error in errors[:MOST_ERRORS])
    return (
        f"Your answer does not match the JSON Schema that was asked for:\n{listed}\n\n"
        "Give the whole answer again, mended, as JSON only."
    )


def repair_request(request: ChatRequest, reply: Reply, errors: list[str]) -> ChatRequest:
    """`request` again, with the answer and what is wrong with it."""
    said = reply.text if reply.text.strip() else "(nothing)"
    talk = (*request.messages, Message("assistant", said), Message("user", repair_prompt(errors)))
    return replace(request, messages=talk)


def repairable(reply: Reply) -> bool:
    """Whether asking again may help: an answer that was withheld or cut off would be so again."""
    return reply.finish_reason not in (FinishReason.FILTERED, FinishReason.LENGTH)


async def structured(request: ChatRequest, model: ChatModel | Ask) -> Structured:
    """The answer to `request`, which has a `schema`, as a value of that shape.

    An answer without it is given back once with the list of errors. Raises ModelError of the calls, and MALFORMED with
    the first error where the second answer is no better. Usage is that of both calls.
    """
    if request.schema is None:
        raise ValueError("the request has no schema")
    ask = model if callable(model) else _asking(model)
    shape = Shape(request.schema)
    reply = await ask(request)
    value, errors = shape.read(reply.text)
    if not errors:
        return Structured(value, reply)
    if repairable(reply):
        again = await ask(repair_request(request, reply, errors))
        reply = replace(again, usage=add_usage(reply.usage, again.usage))
        value, errors = shape.read(reply.text)
        if not errors:
            return Structured(value, reply, repaired=True)
    if reply.finish_reason is FinishReason.FILTERED:
        raise model_error(ErrorKind.REFUSED, f"the provider of {request.model.name} withheld the reply for its content")
    cut = " (the answer was cut off: raise max_tokens)" if reply.finish_reason is FinishReason.LENGTH else ""
    told = f"{request.model.name} gave no JSON of the schema that was asked for: {errors[0]}{cut}"
    raise model_error(ErrorKind.MALFORMED, told)


def _asking(model: ChatModel) -> Ask:
    async def ask(request: ChatRequest) -> Reply:
        return await complete(model, request)

    return ask
