"""Anthropic's messages, as the fake provider speaks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.fakes.llm_behaviours import Answer, pieces
from tests.fakes.llm_dialects import sse, text_of, tokens

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class AnthropicMessages:
    """``/v1/messages``: named events, content in numbered blocks, usage at both ends."""

    name = "anthropic"

    def stream(self, how: Answer, body: Mapping[str, Any], model: str) -> list[bytes]:
        """The events of the answer."""
        events = [_start(model, how.usage)]
        for index, (block, deltas) in enumerate(_blocks(how)):
            events.append(_event("content_block_start", index=index, content_block=block))
            events += [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
            events.append(_event("content_block_stop", index=index))
        if how.reason is not None:
            delta = {"stop_reason": _REASONS.get(how.reason, how.reason), "stop_sequence": None}
            usage = {} if how.usage is None else {"usage": {"output_tokens": tokens(how.usage, "completion_tokens")}}
            events.append(_event("message_delta", delta=delta, **usage))
        return [*events, _event("message_stop")] if how.done else events

    def words(self, count: int, model: str) -> bytes:
        """Events with which an answer of many words begins."""
        start = _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        deltas = ({"type": "text_delta", "text": f"word{number} "} for number in range(count))
        return (
            _start(model, {})
            + start
            + b"".join(_event("content_block_delta", index=0, delta=delta) for delta in deltas)
        )

    def whole(self, how: Answer, body: Mapping[str, Any], model: str) -> dict[str, Any]:
        """The answer as one document."""
        content: list[dict[str, Any]] = []
        if how.reasoning:
            content.append({"type": "thinking", "thinking": how.reasoning, "signature": how.signature})
        if how.words:
            content.append({"type": "text", "text": "".join(how.words)})
        for at, call in enumerate(how.calls):
            content.append(
                {"type": "tool_use", "id": call.id or f"toolu_{at}", "name": call.name, "input": call.arguments}
            )
        return {
            **_message(model, how.usage or {}),
            "content": content,
            "stop_reason": _REASONS.get(how.reason or "", how.reason),
        }

    def error(self, status: int) -> dict[str, Any]:
        """The body of a refusal."""
        kind = _ERRORS.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": f"told to answer {status}"}}

    def said(self, body: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(role, text) of all messages, the system's first."""
        system = [("system", text_of(body["system"]))] if body.get("system") else []
        return system + [(str(m.get("role")), text_of(m.get("content"))) for m in body.get("messages", [])]

    def wants_stream(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether the request asks for a stream."""
        return bool(body.get("stream"))

    def count(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a request that only asks how many tokens it has."""
        return {"input_tokens": len(text_of(body)) // 4}


def _blocks(how: Answer) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """(block as it begins, its deltas) of each."""
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if how.reasoning:
        deltas = [{"type": "thinking_delta", "thinking": part} for part in pieces(how.reasoning)]
        deltas.append({"type": "signature_delta", "signature": how.signature})
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, deltas))
    if how.words:
        blocks.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in how.words]))
    for at, call in enumerate(how.calls):
        half = len(call.text) // 2
        parts = ("", call.text[:half], call.text[half:])
        block = {"type": "tool_use", "id": call.id or f"toolu_{at}", "name": call.name, "input": {}}
        blocks.append((block, [{"type": "input_json_delta", "partial_json": part} for part in parts]))
    return blocks


def _event(name: str, **fields: Any) -> bytes:
    return sse({"type": name, **fields}, name)


def _start(model: str, usage: Mapping[str, Any] | None) -> bytes:
    return _event("message_start", message=_message(model, usage or {})) + _event("ping")


def _message(model: str, usage: Mapping[str, Any]) -> dict[str, Any]:
    cached = tokens(usage, "prompt_tokens_details", "cached_tokens")
    told = {
        "input_tokens": tokens(usage, "prompt_tokens") - cached,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": tokens(usage, "completion_tokens"),
    }
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": told,
    }
