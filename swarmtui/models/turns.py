"""What the dialects share that know two sides by turns and no system among them: Anthropic's and Gemini's. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from swarmtui.models.chat import Message, ToolCall
from swarmtui.models.failures import read_json
from swarmtui.plan.model import JSON

EMPTY = "(nothing)"
"""In place of a text that is empty, which these APIs refuse."""


class Turn(NamedTuple):
    """All that one side says in a row: what the user and the tools do, or what the model does."""

    side: Literal["user", "model"]
    content: list[dict[str, JSON]]


def turns(
    messages: Iterable[Message], written: Callable[[Message], list[dict[str, JSON]]], empty: dict[str, JSON]
) -> list[Turn]:
    """The sides by turns, the user's first, if need be with no more than `empty`.

    `written` gives the parts of each message but the system's, and is called in their order.
    """
    told: list[Turn] = []
    for message in messages:
        if message.role == "system":
            continue
        parts = written(message)
        side: Literal["user", "model"] = "model" if message.role == "assistant" else "user"
        if told and told[-1].side == side:
            told[-1].content.extend(parts)
        elif parts:
            told.append(Turn(side, parts))
    if not told or told[0].side != "user":
        told.insert(0, Turn("user", [empty]))
    return told


def system_texts(messages: Iterable[Message]) -> list[str]:
    """What the system says, which goes beside the turns."""
    return [message.content for message in messages if message.role == "system" and message.content.strip()]


def something(text: str) -> str:
    """`text`, or EMPTY where nothing can be seen of it."""
    return text if text.strip() else EMPTY


def arguments_object(call: ToolCall) -> dict[str, JSON]:
    """The arguments of `call`, parsed: these APIs take nothing but an object, so whatever else stands in one."""
    try:
        given = read_json(call.arguments)
    except ValueError:
        given = None
    return given if isinstance(given, dict) else {"arguments": call.arguments}
