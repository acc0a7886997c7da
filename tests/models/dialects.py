"""The three dialects against the fake provider, and the streams that a sick or a hostile one may send."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from swarmtui.models.anthropic import MessageStream
from swarmtui.models.catalog import Quirks, load_catalog
from swarmtui.models.chat import ChatModel
from swarmtui.models.discover import make_model
from swarmtui.models.gemini import GenerateStream
from swarmtui.models.http_chat import Parser
from swarmtui.models.net import Net
from swarmtui.models.openai_chat import ChatStream
from swarmtui.plan.model import ModelRef
from tests.fakes.llm import Answer, Call, FakeLLM
from tests.fakes.llm_dialects import Dialect, dialect_of

KEY = "sk-canary-0123456789abcdef"
ENV = {"ACME_API_KEY": KEY}
NAMES = ("openai-chat", "anthropic", "gemini")
PATHS = {
    "openai-chat": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/m:streamGenerateContent",
}
QUIRKS = {
    "openai-chat": Quirks(json="schema"),
    "anthropic": Quirks(json="tool"),
    "gemini": Quirks(json="schema"),
}


@dataclass(frozen=True)
class Spoken:
    """One dialect, from both sides."""

    name: str

    def ref(self, llm: FakeLLM) -> ModelRef:
        """A model of the user's own that speaks it."""
        url = llm.base_url if self.name == "openai-chat" else llm.root_url
        return ModelRef("acme", "m-1", self.name, url, "ACME_API_KEY")

    def model(self, net: Net, llm: FakeLLM) -> ChatModel:
        """The same, ready to answer, where the catalogue knows what it can do."""
        entry = {"dialect": self.name, "base_url": self.ref(llm).base_url, "quirks": {"json": QUIRKS[self.name].json}}
        return make_model(self.ref(llm), net, ENV, load_catalog({"acme": entry}))

    @property
    def fake(self) -> Dialect:
        """How the fake provider writes it."""
        return dialect_of(PATHS[self.name])

    def parser(self) -> Parser:
        """A parser of it."""
        ref = ModelRef("acme", "m-1", self.name, price_in=1.0, price_out=2.0)
        made: dict[str, Callable[[], Parser]] = {
            "openai-chat": lambda: ChatStream(ref, Quirks(give_back="reasoning_details"), "h"),
            "anthropic": lambda: MessageStream(ref, "h"),
            "gemini": lambda: GenerateStream(ref, "h"),
        }
        return made[self.name]()

    def good(self) -> bytes:
        """A stream with thoughts, text and parallel calls."""
        calls = (Call("look", {"at": "é😀", "n": 1}, id="c-1"), Call("now", {}, id="c-2"))
        answer = Answer("one two three", reasoning="let me see", calls=calls, signature="c2lnbmVk")
        return b"".join(self.fake.stream(answer, {"stream_options": {"include_usage": True}}, "m-1"))

    def event(self, data: str) -> bytes:
        """One event with any data, framed as the dialect does."""
        head = "event: content_block_delta\n" if self.name == "anthropic" else ""
        return f"{head}data: {data}\n\n".encode()


SPOKEN = tuple(Spoken(name) for name in NAMES)

_ODD: tuple[object, ...] = (
    *(None, True, -1, 1e308, 10**40, "", "\ud83d", "\x1b]0;evil\x07", [], {}, [[]], [None], {"": None}),
    *({"text": 3}, {"index": "x"}, [{"index": -1}], {"parts": [3, {"text": None}]}, "x" * 5000),
)


def odd_events(spoken: Spoken) -> list[bytes]:
    """Events in which each place that means something holds what it should not."""
    made: list[object] = list(_ODD)
    for odd in _ODD:
        match spoken.name:
            case "openai-chat":
                keys = ("content", "reasoning_content", "reasoning_details", "tool_calls", "refusal", "role")
                made += [{"choices": [{"index": 0, "delta": {key: odd}}]} for key in keys]
                made += [
                    {"choices": [{"delta": {"tool_calls": [{"index": 0, key: odd}]}}]} for key in ("id", "function")
                ]
                functions = ({"name": odd}, {"arguments": odd})
                made += [{"choices": [{"delta": {"tool_calls": [{"function": one}]}}]} for one in functions]
                made += [{"choices": [{"delta": {"reasoning_details": [{"type": odd, "text": odd, "index": odd}]}}]}]
                made += [{key: odd} for key in ("choices", "usage", "error", "x_groq", "object")]
                made += [{"usage": {"prompt_tokens": odd, "completion_tokens_details": odd, "cost": odd}}]
                made += [{"choices": [odd]}, {"choices": [{"finish_reason": odd, "delta": odd, "index": odd}]}]
            case "anthropic":
                starts = ("text", "thinking", "tool_use", "redacted_thinking")
                made += [
                    {"type": "content_block_start", "index": odd, "content_block": {"type": kind, kind: odd, "id": odd}}
                    for kind in starts
                ]
                made += [
                    {"type": "content_block_start", "content_block": {"type": "tool_use", "name": odd, "input": odd}}
                ]
                parts = (("text_delta", "text"), ("thinking_delta", "thinking"), ("signature_delta", "signature"))
                made += [
                    {"type": "content_block_delta", "index": odd, "delta": {"type": kind, key: odd}}
                    for kind, key in (*parts, ("input_json_delta", "partial_json"))
                ]
                made += [{"type": kind, "index": 0, "delta": odd} for kind in ("content_block_delta", "message_delta")]
                made += [
                    {"type": "content_block_start", "content_block": odd},
                    {"type": "message_start", "message": odd},
                ]
                made += [{"type": "message_start", "message": {"usage": {"input_tokens": odd}}}, {"type": odd}]
                made += [{"type": "message_delta", "delta": {"stop_reason": odd}, "usage": odd}]
                made += [{"type": "error", "error": odd}, {"error": odd}]
            case _:
                made += [{key: odd} for key in ("candidates", "usageMetadata", "promptFeedback", "error")]
                made += [{"candidates": [odd]}, {"candidates": [{"content": odd, "finishReason": odd}]}]
                keys = ("text", "functionCall", "thoughtSignature", "thought")
                made += [{"candidates": [{"content": {"parts": [{key: odd}]}}]} for key in keys]
                calls = ({"name": odd}, {"name": "f", "args": odd}, {"name": "f", "id": odd})
                made += [{"candidates": [{"content": {"parts": [{"functionCall": one}]}}]} for one in calls]
                made += [{"candidates": [{"content": {"parts": [{"text": "x", "thoughtSignature": odd}]}}]}]
                made += [{"promptFeedback": {"blockReason": odd}}, {"usageMetadata": {"promptTokenCount": odd}}]
    deep = "[" * 600 + "]" * 600
    text = [f'{{"{key}": {deep}}}' for key in ("choices", "candidates", "delta", "error", "usage", "type")]
    hostile = ["NaN", '{"a":1}{"b":2}', "{" * 100_000, '{"error": {"detail": ' + deep + "}}", "\x00", "data: x"]
    return [spoken.event(one) for one in [*map(json.dumps, made), *text, *hostile]]
