"""Gemini's generateContent, as the fake provider speaks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.fakes.llm_behaviours import Answer, Call, pieces
from tests.fakes.llm_dialects import sse, text_of, tokens

_REASONS = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_ERRORS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


class Gemini:
    """``:streamGenerateContent?alt=sse``: unnamed events, each a whole response with more parts; no end marker."""

    name = "gemini"

    def stream(self, how: Answer, body: Mapping[str, Any], model: str) -> list[bytes]:
        """The events of the answer."""
        parts = _parts(how, [*pieces(how.reasoning)], how.words)
        events = [sse(_response([part], model)) for part in parts]
        if how.reason is not None or how.done:
            last = _response([{"text": ""}], model)
            if how.reason is not None:
                last["candidates"][0]["finishReason"] = _REASONS.get(how.reason, how.reason)
            if how.usage is not None:
                last["usageMetadata"] = _usage(how.usage)
            events.append(sse(last))
        return events

    def words(self, count: int, model: str) -> bytes:
        """Events with which an answer of many words begins."""
        return b"".join(sse(_response([{"text": f"word{number} "}], model)) for number in range(count))

    def whole(self, how: Answer, body: Mapping[str, Any], model: str) -> dict[str, Any]:
        """The answer as one document."""
        parts = _parts(how, [how.reasoning] if how.reasoning else [], ["".join(how.words)] if how.words else [])
        response = _response(parts, model)
        response["candidates"][0]["finishReason"] = _REASONS.get(how.reason or "", how.reason)
        return {**response, "usageMetadata": _usage(how.usage or {})}

    def error(self, status: int) -> dict[str, Any]:
        """The body of a refusal."""
        told = {"code": status, "message": f"told to answer {status}", "status": _ERRORS.get(status, "INTERNAL")}
        return {"error": told}

    def said(self, body: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(role, text) of all messages, the system's first."""
        system = body.get("systemInstruction") or body.get("system_instruction")
        first = [("system", text_of(system))] if system else []
        return first + [
            ("assistant" if c.get("role") == "model" else str(c.get("role", "user")), text_of(c.get("parts")))
            for c in body.get("contents", [])
        ]

    def wants_stream(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether the request asks for a stream."""
        return ":streamGenerateContent" in path

    def count(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a request that only asks how many tokens it has."""
        return {"totalTokens": len(text_of(body)) // 4}


def _parts(how: Answer, thoughts: list[str], words: list[str]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": thought, "thought": True} for thought in thoughts]
    parts += [{"text": word} for word in words]
    for at, call in enumerate(how.calls):
        part: dict[str, Any] = {"functionCall": {"name": call.name, "args": _arguments(call)}}
        if call.id:
            part["functionCall"]["id"] = call.id
        if how.signature and at == 0:
            part["thoughtSignature"] = how.signature
        parts.append(part)
    return parts


def _arguments(call: Call) -> Any:
    if not isinstance(call.arguments, str):
        return call.arguments
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments


def _response(parts: list[dict[str, Any]], model: str) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    return {"candidates": [candidate], "modelVersion": model, "responseId": "r1"}


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    thoughts = tokens(usage, "completion_tokens_details", "reasoning_tokens")
    return {
        "promptTokenCount": tokens(usage, "prompt_tokens"),
        "candidatesTokenCount": tokens(usage, "completion_tokens") - thoughts,
        "thoughtsTokenCount": thoughts,
        "cachedContentTokenCount": tokens(usage, "prompt_tokens_details", "cached_tokens"),
        "totalTokenCount": tokens(usage, "prompt_tokens") + tokens(usage, "completion_tokens"),
    }
