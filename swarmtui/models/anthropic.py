"""Anthropic's messages dialect: request and stream as pure functions and objects, and a thin shell over HTTP.

What differs from the OpenAI-compatible one: the system's words are outside the turns; results of tools are parts of a
user's turn, so that several in a row are one turn; content comes in numbered blocks; usage is told at both ends, with
what was read from the cache beside what was not; an answer that thought before it called tools wants its signed
thoughts back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import field, replace

from swarmtui.frozen import mutable
from swarmtui.models.anthropic_request import REPLY_TOOL, build_request, reply_tool
from swarmtui.models.chat import (
    ChatRequest,
    Finished,
    FinishReason,
    ModelError,
    ReasoningDelta,
    StreamItem,
    TextDelta,
    ToolCall,
    priced,
)
from swarmtui.models.failures import well_formed
from swarmtui.models.faults import MAX_TOOL_CALLS, Faults
from swarmtui.models.http_chat import HttpChat, versioned
from swarmtui.models.sse import SSEvent
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.safety.redact import Secret
from swarmtui.session.vocabulary import Usage

_MAX_BLOCKS = 4_096
_WRITTEN_MORE = 0.25
"""What writing a token to the cache costs more than reading it for the first time."""
_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.FILTERED,
}
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Kind of an error in the stream -> the status that it would have had before."""


# -- stream ---------------------------------------------------------------------------------------------------


@mutable
class _Block:
    kind: str
    text: list[str] = field(default_factory=list)
    """Of text, thoughts, or the JSON of a call's input."""
    id: str = ""
    name: str = ""
    signature: list[str] = field(default_factory=list)
    data: str = ""
    given: str = ""
    """The input that came with the start of the block, as JSON."""


class MessageStream:
    """The stream as a pure object: the data of events in, items out, in order, :class:`Finished` last.

    :meth:`feed`, :meth:`finish` and :meth:`whole` raise ModelError and nothing else, whatever they are given. With
    `replies` the answer is the input of REPLY_TOOL.
    """

    def __init__(
        self,
        model: ModelRef,
        host: str,
        *,
        replies: bool = False,
        now: Callable[[], float] = time.time,
        tag: str = "",
    ) -> None:
        self._model = model
        self._faults = Faults(model, host, now)
        self._replies = replies
        self._tag = tag
        self._blocks: list[_Block] = []
        self._at: dict[int, _Block] = {}
        """Number -> the block that is added to under it."""
        self._calls = 0
        self._counted: dict[str, int] = {}
        self._reason: FinishReason | None = None
        self._over = False

    def feed(self, data: str) -> list[StreamItem]:
        """What the event with this `data` adds; with ``message_stop`` the end."""
        if self._over:
            return []
        event = self._faults.parsed_object(data)
        items: list[StreamItem] = []
        match event.get("type"):
            case "message_start":
                message = event.get("message")
                self._count(message.get("usage") if isinstance(message, dict) else None)
            case "content_block_start":
                self._start(event.get("index"), event.get("content_block"), items)
            case "content_block_delta":
                self._delta(event.get("index"), event.get("delta"), items)
            case "message_delta":
                delta = event.get("delta")
                self._stop(delta.get("stop_reason") if isinstance(delta, dict) else None)
                self._count(event.get("usage"))
            case "message_stop":
                return self._end(cut=False)
            case "error":
                raise self._error(event)
            case None if event.get("error"):
                raise self._error(event)
        return items

    def finish(self) -> list[StreamItem]:
        """The connection ended; without ``message_stop`` and without a reason to stop the reply was cut."""
        return [] if self._over else self._end(cut=self._reason is None)

    def whole(self, body: str) -> list[StreamItem]:
        """The items of a reply that came as one JSON document."""
        message = self._faults.parsed_object(body)
        if message.get("type") == "error" or message.get("error"):
            raise self._error(message)
        items: list[StreamItem] = []
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else []):
            self._start(index, block, items)
        self._stop(message.get("stop_reason"))
        self._count(message.get("usage"))
        return [*items, *self.finish()]

    # -- blocks -----------------------------------------------------------------------------------------------

    def _start(self, index: JSON, block: JSON, items: list[StreamItem]) -> None:
        if not isinstance(block, dict):
            return
        made = self._block(index, str(block.get("type")), fresh=True)
        match made.kind:
            case "text":
                self._text(made, block.get("text"), items)
            case "thinking":
                self._thought(made, block.get("thinking"), items)
                self._sign(made, block.get("signature"))
            case "redacted_thinking":
                data = block.get("data")
                made.data = well_formed(data) if isinstance(data, str) else ""
            case "tool_use":
                made.id, made.name = _name(block.get("id")), _name(block.get("name"))
                if block.get("input"):
                    made.given = self._faults.dumped(block["input"])
                    if self._is_reply(made):
                        self._text(made, made.given, items)

    def _delta(self, index: JSON, delta: JSON, items: list[StreamItem]) -> None:
        if not isinstance(delta, dict):
            return
        match delta.get("type"):
            case "text_delta":
                self._text(self._block(index, "text"), delta.get("text"), items)
            case "thinking_delta":
                self._thought(self._block(index, "thinking"), delta.get("thinking"), items)
            case "signature_delta":
                self._sign(self._block(index, "thinking"), delta.get("signature"))
            case "input_json_delta":
                block, part = self._block(index, "tool_use"), delta.get("partial_json")
                if self._is_reply(block):
                    self._text(block, part, items)
                elif isinstance(part, str):
                    block.text.append(part)

    def _block(self, index: JSON, kind: str, *, fresh: bool = False) -> _Block:
        """The block with this number; what adds to one of another kind, or to none, begins a new one."""
        at = index if isinstance(index, int) else 0
        known = self._at.get(at)
        if known is not None and not fresh and known.kind == kind:
            return known
        if len(self._blocks) >= _MAX_BLOCKS:
            raise self._faults.malformed(f"sent more than {_MAX_BLOCKS:,} blocks of content")
        self._calls += kind == "tool_use"
        if self._calls > MAX_TOOL_CALLS:
            raise self._faults.too_many_calls()
        made = self._at[at] = _Block(kind)
        self._blocks.append(made)
        return made

    def _is_reply(self, block: _Block) -> bool:
        return self._replies and block.name == REPLY_TOOL

    def _text(self, block: _Block, text: JSON, items: list[StreamItem]) -> None:
        if text and isinstance(text, str):
            block.text.append(text)
            items.append(TextDelta(well_formed(text)))

    def _thought(self, block: _Block, text: JSON, items: list[StreamItem]) -> None:
        if text and isinstance(text, str):
            block.text.append(text)
            items.append(ReasoningDelta(well_formed(text)))

    def _sign(self, block: _Block, signature: JSON) -> None:
        if signature and isinstance(signature, str):
            block.signature.append(signature)

    # -- the end ----------------------------------------------------------------------------------------------

    def _stop(self, reason: JSON) -> None:
        if isinstance(reason, str) and reason:
            self._reason = _REASONS.get(reason, FinishReason.OTHER)

    def _count(self, usage: JSON) -> None:
        """Take what is told of usage; later figures replace earlier ones."""
        if isinstance(usage, dict):
            for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
                value = usage.get(name)
                if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12:
                    self._counted[name] = value

    def _usage(self) -> Usage:
        """Input tokens are all of them, cached or not; what was written to the cache costs more."""
        counted = self._counted
        plain, out = counted.get("input_tokens"), counted.get("output_tokens")
        cached = counted.get("cache_read_input_tokens")
        written = counted.get("cache_creation_input_tokens", 0)
        total = None if plain is None else plain + (cached or 0) + written
        usage = priced(
            Usage(tokens_in=total, tokens_out=out, tokens_cached=cached, model=self._model.name), self._model
        )
        if usage.cost_usd is None or not written:
            return usage
        return replace(usage, cost_usd=usage.cost_usd + written * (self._model.price_in or 0) * _WRITTEN_MORE / 1e6)

    def _end(self, *, cut: bool) -> list[StreamItem]:
        self._over = True
        if cut:
            raise self._faults.cut()
        if not self._blocks and self._reason is None:
            raise self._faults.malformed("sent a reply without any content in it")
        calls = self._tool_calls()
        reason = self._reason or (FinishReason.TOOL_CALLS if calls else FinishReason.STOP)
        if reason is FinishReason.TOOL_CALLS and not calls and self._replies:
            reason = FinishReason.STOP
        extra = self._extra(calls) if calls else None
        return [*calls.values(), Finished(self._usage(), reason, None, extra)]

    def _tool_calls(self) -> dict[int, ToolCall]:
        """The calls by the place of their block, with ids that differ."""
        calls: dict[int, ToolCall] = {}
        taken: set[str] = set()
        for at, block in enumerate(self._blocks):
            if block.kind != "tool_use" or self._is_reply(block):
                continue
            call_id = block.id if block.id and block.id not in taken else f"call_{self._tag}{len(calls)}"
            taken.add(call_id)
            written = well_formed("".join(block.text))
            calls[at] = ToolCall(call_id, block.name, written or block.given or "{}")
        return calls

    def _extra(self, calls: dict[int, ToolCall]) -> JSON:
        """The blocks in their order, where there are signed thoughts among them; calls stand for themselves."""
        if not any(block.signature or block.data for block in self._blocks):
            return None
        return {"anthropic": self._model.model, "blocks": list(self._written(calls))}

    def _written(self, calls: dict[int, ToolCall]) -> Iterable[dict[str, JSON]]:
        for at, block in enumerate(self._blocks):
            text = well_formed("".join(block.text))
            if block.kind == "thinking" and block.signature:
                yield {"type": "thinking", "thinking": text, "signature": well_formed("".join(block.signature))}
            elif block.kind == "redacted_thinking" and block.data:
                yield {"type": "redacted_thinking", "data": block.data}
            elif block.kind == "text" and text.strip():
                yield {"type": "text", "text": text}
            elif at in calls:
                yield {"type": "tool_use", "id": calls[at].id}

    def _error(self, event: dict[str, JSON]) -> ModelError:
        """An error in mid-stream: its kind stands for the status that can no longer be sent."""
        error = event.get("error")
        kind = error.get("type") if isinstance(error, dict) else None
        status = _STATUS.get(kind, 500) if isinstance(kind, str) else 500
        return self._faults.told(event, status)


def _name(value: JSON) -> str:
    return well_formed(value) if isinstance(value, str) else ""


# -- shell ----------------------------------------------------------------------------------------------------


class AnthropicChat(HttpChat):
    """A model behind an endpoint that speaks as Anthropic does."""

    def address(self, model: ModelRef, base_url: str) -> str:
        """Where requests are posted."""
        return f"{versioned(base_url, 'v1')}/messages"

    def key_header(self, key: Secret) -> tuple[str, Secret]:
        """The header that carries the key."""
        return "x-api-key", key

    def body(self, request: ChatRequest) -> dict[str, JSON]:
        """What is posted."""
        return build_request(request, self._quirks)

    def parser(self, request: ChatRequest, host: str, tag: str) -> MessageStream:
        """A parser of the reply."""
        return MessageStream(request.model, host, replies=reply_tool(request, self._quirks), tag=tag)

    def is_end(self, event: SSEvent) -> bool:
        """Whether nothing comes after `event`."""
        return event.name == "message_stop"
