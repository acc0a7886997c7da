"""What an OpenAI-style client gives back, read into plain dicts: replies and chunks, objects, dicts and mocks alike.

A message keeps whatever else its provider put into it; what the run itself reads has one form: ``role``, ``content``,
and ``tool_calls`` as None or a list of ``{"id", "type", "function": {"name", "arguments"}}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal

from pydantic import BaseModel

Plain = dict[str, Any]
_Form = Literal["whole", "pieces"]

_MOST_CALLS = 128
_TEXTS = ("role", "content", "refusal", "reasoning_content")


class BadReply(ValueError):
    """The client gave something that is no chat completion; one line that says what."""


class Streamed:
    """A message that comes in chunks: each :meth:`feed` says what to pass on, :meth:`finish` gives the whole."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._begun = False
        self._texts: dict[str, list[str]] = {}
        self._calls: list[Plain] = []
        self._by_index: dict[int, Plain] = {}

    def feed(self, chunk: Any) -> Plain | None:
        """The delta of `chunk`; None where it has none, as a last one with usage. The first names role and sender, and
        so does any other with a role. Raises BadReply."""
        choices = _get(chunk, "choices")
        choice = _first(choices)
        if choice is None:
            if choices is None:
                raise BadReply(f"the client's stream gave a {type(chunk).__name__} without choices")
            return None
        delta = _plain(_get(choice, "delta"), calls="pieces")
        if not self._begun or delta["role"] == "assistant":
            delta["role"], delta["sender"] = "assistant", self._sender
        self._begun = True
        for name in _TEXTS[1:]:
            if isinstance(delta.get(name), str):
                self._texts.setdefault(name, []).append(delta[name])
        for position, piece in enumerate(delta["tool_calls"] or ()):
            self._add(piece, position)
        return delta

    def _add(self, piece: Plain, position: int) -> None:
        index = piece["index"] if piece["index"] is not None else position
        call = self._by_index.get(index)
        if call is None or (piece["id"] and call["id"] and piece["id"] != call["id"]):
            if len(self._calls) >= _MOST_CALLS:
                raise BadReply(f"the model asked for more than {_MOST_CALLS} tool calls at once")
            call = self._by_index[index] = {"function": {"arguments": "", "name": ""}, "id": "", "type": "function"}
            self._calls.append(call)
        for name, value in piece.items():
            if name not in ("id", "index", "function") and value is not None:
                call[name] = value
        call["id"] = call["id"] or piece["id"] or ""
        call["function"]["name"] = call["function"]["name"] or piece["function"]["name"] or ""
        call["function"]["arguments"] += piece["function"]["arguments"] or ""

    def finish(self) -> Plain:
        """The message, in the form of :func:`message_of`."""
        texts = {name: "".join(parts) for name, parts in self._texts.items()}
        whole = {"content": "", "sender": self._sender, "role": "assistant", "function_call": None, **texts}
        return {**whole, "tool_calls": self._calls or None}


def message_of(reply: Any) -> Plain:
    """The message of a whole `reply`: its first choice. Raises BadReply."""
    choice = _first(_get(reply, "choices"))
    message = None if choice is None else _get(choice, "message")
    if message is None:
        raise BadReply(f"the client's reply has no choices[0].message: it is a {type(reply).__name__}")
    plain = _plain(message, calls="whole")
    return {**plain, "role": plain["role"] or "assistant"}


def plain_message(message: Any) -> Plain:
    """`message` of a history, which may be an object of some client's, as a dict."""
    return _plain(message, calls="whole")


def _get(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _first(choices: Any) -> Any:
    """The first of `choices`, which a mock may stand for; None where there is none."""
    try:
        return choices[0]
    except (TypeError, IndexError, KeyError):
        return None


def _plain(message: Any, calls: _Form) -> Plain:
    """`message`, or a delta, as a dict with at least role, content and tool_calls.

    Of what is neither a mapping nor a pydantic model only texts and tool calls are taken: a mock has any attribute.
    """
    if isinstance(message, Mapping):
        plain = deepcopy(dict(message))
    elif isinstance(message, BaseModel):
        plain = message.model_dump(mode="json")
    else:
        found = {name: getattr(message, name, None) for name in _TEXTS}
        plain = {name: value for name, value in found.items() if isinstance(value, str)}
    for name in ("role", "content", "function_call", "refusal"):
        plain.setdefault(name, None)
    listed = _get(message, "tool_calls")
    listed = listed if isinstance(listed, list | tuple) else ()
    plain["tool_calls"] = [_call(one, calls) for one in listed] or None
    return plain


def _call(call: Any, form: _Form) -> Plain:
    """One tool call, with whatever else its provider wants to see again."""
    if isinstance(call, Mapping):
        plain = deepcopy(dict(call))
    else:
        plain = call.model_dump(mode="json") if isinstance(call, BaseModel) else {}
    function = _get(call, "function")
    arguments = _get(function, "arguments")
    if isinstance(arguments, Mapping):
        arguments = json.dumps(dict(arguments))
    absent = "" if form == "whole" else None
    plain["id"] = _text(_get(call, "id"), absent)
    plain["function"] = {"arguments": _text(arguments, absent), "name": _text(_get(function, "name"), absent)}
    plain["type"] = _text(_get(call, "type"), "function" if form == "whole" else None)
    index = _get(call, "index")
    plain.pop("index", None)
    if form == "pieces":
        plain["index"] = index if isinstance(index, int) else None
    return plain


def _text(value: Any, absent: str | None) -> str | None:
    return value if isinstance(value, str) else absent
