"""OpenAI's chat completions, as the fake provider speaks them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.fakes.llm_behaviours import Answer, pieces

END = b"data: [DONE]\n\n"


class OpenAIChat:
    """``/chat/completions``: unnamed events up to ``[DONE]``."""

    name = "openai-chat"

    def stream(self, how: Answer, body: Mapping[str, Any], model: str) -> list[bytes]:
        """The events of the answer."""
        events = [_event({"role": "assistant", "content": ""}, model)]
        events += [_event({how.reasoning_field: part}, model) for part in pieces(how.reasoning)]
        events += [_event({"content": word}, model) for word in how.words]
        events += [_event({"tool_calls": [call]}, model) for call in [*how.tool_calls, *_fragments(how)]]
        if how.reason is not None:
            events.append(_event({}, model, how.reason))
        if how.usage is not None and (body.get("stream_options") or {}).get("include_usage"):
            events.append(_data({"choices": [], "usage": how.usage}, model))
        return [*events, END] if how.done else events

    def words(self, count: int, model: str) -> bytes:
        """Events with which an answer of many words begins."""
        return b"".join(_event({"content": f"word{number} "}, model) for number in range(count))

    def whole(self, how: Answer, body: Mapping[str, Any], model: str) -> dict[str, Any]:
        """The answer as one document."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(how.words)}
        if how.reasoning:
            message[how.reasoning_field] = how.reasoning
        if how.calls:
            message["tool_calls"] = _whole_calls(how)
        choice = {"index": 0, "message": message, "finish_reason": how.reason}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": model,
            "choices": [choice],
            "usage": how.usage,
        }

    def error(self, status: int) -> dict[str, Any]:
        """The body of a refusal."""
        return {"error": {"message": f"told to answer {status}", "type": "fake_error", "code": f"e{status}"}}

    def said(self, body: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(role, text) of all messages."""
        return [(str(m.get("role")), _text(m.get("content"))) for m in body.get("messages", [])]

    def wants_stream(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether the request asks for a stream."""
        return bool(body.get("stream"))

    def count(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """No such request exists here."""
        return {}


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in content)
    return str(content)


def _event(delta: Mapping[str, Any], model: str, finish_reason: str | None = None) -> bytes:
    return _data({"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}, model)


def _data(fields: Mapping[str, Any], model: str) -> bytes:
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, **fields}
    return f"data: {json.dumps(whole)}\n\n".encode()


def _whole_calls(how: Answer) -> list[dict[str, Any]]:
    return [
        {"id": call.id or f"call_{at}", "type": "function", "function": {"name": call.name, "arguments": call.text}}
        for at, call in enumerate(how.calls)
    ]


def _fragments(how: Answer) -> list[dict[str, Any]]:
    """The calls as they stream: the name first, and the arguments in two halves, the calls' halves interleaved."""
    named = [
        {"index": at, **call, "function": {**call["function"], "arguments": ""}}
        for at, call in enumerate(_whole_calls(how))
    ]
    halves = [(call.text[: len(call.text) // 2], call.text[len(call.text) // 2 :]) for call in how.calls]
    parts = [
        {"index": at, "function": {"arguments": half[part]}} for part in range(2) for at, half in enumerate(halves)
    ]
    return [*named, *parts]
