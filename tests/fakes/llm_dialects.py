"""The dialects that the fake provider speaks, told apart by the path of a request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from tests.fakes.llm_behaviours import Answer


class Dialect(Protocol):
    """How one kind of provider writes what a behaviour means."""

    name: str

    def stream(self, how: Answer, body: Mapping[str, Any], model: str) -> list[bytes]:
        """The events of the answer."""

    def words(self, count: int, model: str) -> bytes:
        """Events with which an answer of many words begins."""

    def whole(self, how: Answer, body: Mapping[str, Any], model: str) -> dict[str, Any]:
        """The answer as one document, for requests that want no stream."""

    def error(self, status: int) -> dict[str, Any]:
        """The body of a refusal."""

    def said(self, body: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(role, text) of all messages of a request, the system's first."""

    def wants_stream(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether the request asks for a stream."""

    def count(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a request that only asks how many tokens it has."""


def dialect_of(path: str) -> Dialect:
    """The dialect of a request to `path`; OpenAI's chat where nothing tells."""
    from tests.fakes.llm_anthropic import AnthropicMessages
    from tests.fakes.llm_gemini import Gemini
    from tests.fakes.llm_openai import OpenAIChat
    from tests.fakes.llm_responses import OpenAIResponses

    path = path.partition("?")[0]
    if path.endswith("/messages") or path.endswith("/messages/count_tokens"):
        return AnthropicMessages()
    if path.rpartition(":")[2] in ("streamGenerateContent", "generateContent", "countTokens"):
        return Gemini()
    return OpenAIResponses() if path.endswith("/responses") else OpenAIChat()


def only_counts(path: str) -> bool:
    """Whether a request to `path` wants a number of tokens and no answer."""
    path = path.partition("?")[0]
    return path.endswith(("/count_tokens", ":countTokens"))


def sse(data: Mapping[str, Any], name: str = "") -> bytes:
    """One event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def texts(content: Any) -> Iterator[str]:
    """All texts within a message's content, whatever its shape: what rules look at."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            yield from texts(part)
    elif isinstance(content, dict):
        for key, value in content.items():
            if key not in ("type", "role", "id", "tool_use_id", "call_id", "signature", "thoughtSignature"):
                yield from texts(value)


def text_of(content: Any) -> str:
    """The same as one text."""
    return "\n".join(texts(content))


def tokens(usage: Mapping[str, Any], *path: str) -> int:
    """A figure of a usage in OpenAI's words; 0 where it is not told."""
    value: Any = usage
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, int) else 0
