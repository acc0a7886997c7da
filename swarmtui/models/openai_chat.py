"""The OpenAI-compatible chat dialect: request and stream as pure functions and objects, and a thin shell over HTTP.

Spoken by OpenAI, DeepSeek, Moonshot, OpenRouter, Groq, Mistral, Together, by the compatible endpoints of Anthropic and
Gemini, and by Ollama, LM Studio, vLLM and llama.cpp. Where they differ, :class:`~swarmtui.models.catalog.Quirks` says
how; what they send is taken leniently, and whatever cannot be read is a ModelError, never another exception.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import field, replace

from swarmtui.frozen import mutable
from swarmtui.models.catalog import Quirks
from swarmtui.models.chat import (
    ChatRequest,
    Finished,
    FinishReason,
    Message,
    ModelError,
    ReasoningDelta,
    StreamItem,
    TextDelta,
    ToolCall,
    model_error,
    priced,
)
from swarmtui.models.failures import one_line, well_formed
from swarmtui.models.faults import MAX_TOOL_CALLS, Faults
from swarmtui.models.http_chat import HttpChat, added
from swarmtui.models.schemas import is_object, wish
from swarmtui.models.thoughts import ThinkSplitter, Thoughts, detail_text, given_back
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.safety.redact import Secret
from swarmtui.session.vocabulary import ErrorKind, Usage

_REASONS = {
    "stop": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.FILTERED,
}
_BROKE_OFF = {"error", "insufficient_system_resource", "network_error"}
"""Finish reasons by which OpenRouter, DeepSeek and others say that their backend failed."""


# -- request --------------------------------------------------------------------------------------------------


def build_request(request: ChatRequest, quirks: Quirks) -> dict[str, JSON]:
    """The body to post for `request`, as a provider with `quirks` wants it."""
    body: dict[str, JSON] = {"model": request.model.model, "messages": _messages(request, quirks), "stream": True}
    if quirks.stream_options:
        body["stream_options"] = {"include_usage": True}
    if request.max_tokens is not None:
        body[quirks.max_tokens_field] = request.max_tokens
    if request.temperature is not None and quirks.takes_temperature(request.model.model):
        body["temperature"] = request.temperature
    if request.seed is not None and quirks.seed_field:
        body[quirks.seed_field] = request.seed
    if request.tools:
        body["tools"] = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
            for t in request.tools
        ]
    if request.schema is not None:
        _ask_for_json(body, request.schema, quirks)
    for more in quirks.additions(request.model.model):
        added(body, more)
    return body


def _messages(request: ChatRequest, quirks: Quirks) -> list[dict[str, JSON]]:
    """The turns; thoughts go back with the answers to what the last user said, as far as these called tools."""
    asked = max((at for at, message in enumerate(request.messages) if message.role == "user"), default=-1)
    told = []
    for at, message in enumerate(request.messages):
        said = _message(message)
        thought = None if at < asked else given_back(message, request.model.model, quirks.give_back)
        if thought is not None:
            said[quirks.give_back] = thought
        told.append(said)
    return told


def _message(message: Message) -> dict[str, JSON]:
    said: dict[str, JSON] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        said["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
    return said


def _ask_for_json(body: dict[str, JSON], schema: JSON, quirks: Quirks) -> None:
    """Ask for `schema` by the provider's own means where it has some for it, and in words unless those are exact.

    The providers' means take objects only: a list would come back wrapped, so it is asked for in words alone.
    """
    if quirks.json == "schema" and is_object(schema):
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
        return
    if quirks.json == "object" and is_object(schema):
        body["response_format"] = {"type": "json_object"}
    messages = body["messages"]
    if messages and messages[0]["role"] == "system":
        messages[0]["content"] += "\n\n" + wish(schema)
    else:
        messages.insert(0, {"role": "system", "content": wish(schema)})


# -- stream ---------------------------------------------------------------------------------------------------


@mutable
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class ChatStream:
    """The stream as a pure object: the data of events in, items out, in order, :class:`Finished` last.

    :meth:`feed` and :meth:`finish` raise ModelError and nothing else, whatever they are given.
    """

    def __init__(
        self, model: ModelRef, quirks: Quirks, host: str, now: Callable[[], float] = time.time, tag: str = ""
    ) -> None:
        self._model = model
        self._quirks = quirks
        self._faults = Faults(model, host, now)
        self._tag = tag
        self._think = ThinkSplitter()
        self._thoughts = Thoughts(model.model, quirks.give_back)
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._refusal: list[str] = []
        self._usage = Usage(model=model.name)
        self._reasoning_tokens: int | None = None
        self._reason: FinishReason | None = None
        self._said_something = False
        self._over = False

    def feed(self, data: str) -> list[StreamItem]:
        """What the event with this `data` adds; with ``[DONE]`` the end."""
        if self._over:
            return []
        if data.startswith("[DONE]"):
            return self._end(cut=False)
        chunk = self._faults.parsed_object(data)
        if chunk.get("error") or chunk.get("object") == "error":
            raise self._error(chunk)
        items: list[StreamItem] = []
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if isinstance(choice, dict):
            self._choice(choice, items)
            if "usage" in choice:
                self._count(choice["usage"])
        groq = chunk.get("x_groq")
        self._count(chunk.get("usage") or (groq.get("usage") if isinstance(groq, dict) else None))
        return items

    def finish(self) -> list[StreamItem]:
        """The connection ended; without ``[DONE]`` and without a finish reason the reply was cut."""
        return [] if self._over else self._end(cut=self._reason is None)

    def whole(self, body: str) -> list[StreamItem]:
        """The items of a reply that came as one JSON document."""
        return [*self.feed(body), *self.feed("[DONE]")]

    def _choice(self, choice: dict[str, JSON], items: list[StreamItem]) -> None:
        if choice.get("index") not in (0, None):
            return
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta, items)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            if reason in _BROKE_OFF:
                raise model_error(ErrorKind.OUTAGE, f"{self._faults.host} broke the reply off ({reason})")
            self._reason = _REASONS.get(reason, FinishReason.OTHER)

    def _delta(self, delta: dict[str, JSON], items: list[StreamItem]) -> None:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        details = delta.get("reasoning_details")
        if thought or details:
            self._thought(thought, details, items)
        content = delta.get("content")
        if content:
            if isinstance(content, str):
                thought, text = self._think.feed(content)
                self._add(text, thought, items)
            elif isinstance(content, list):
                for part in content:
                    self._part(part, items)
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self._refusal.append(refusal)
        calls = delta.get("tool_calls")
        if calls and isinstance(calls, list):
            for position, call in enumerate(calls):
                if isinstance(call, dict):
                    self._call(position, call)

    def _thought(self, thought: JSON, details: JSON, items: list[StreamItem]) -> None:
        if not thought and isinstance(details, list):
            thought = "".join(map(detail_text, details))
        thought = thought if isinstance(thought, str) else ""
        self._add("", thought, items)
        self._thoughts.take(thought, details)

    def _part(self, part: JSON, items: list[StreamItem]) -> None:
        """A piece of a content that is a list, which Mistral sends for models that reason."""
        if not isinstance(part, dict):
            return
        if isinstance(part.get("text"), str):
            self._add(part["text"], "", items)
        elif isinstance(part.get("thinking"), list):
            for piece in part["thinking"]:
                if isinstance(piece, dict) and isinstance(piece.get("text"), str):
                    self._add("", piece["text"], items)

    def _add(self, text: str, thought: str, items: list[StreamItem]) -> None:
        if thought:
            items.append(ReasoningDelta(well_formed(thought)))
        if text:
            self._said_something = True
            items.append(TextDelta(well_formed(text)))

    def _call(self, position: int, delta: dict[str, JSON]) -> None:
        index = delta.get("index")
        index = index if isinstance(index, int) else position
        call_id = delta.get("id")
        call_id = call_id if isinstance(call_id, str) else ""
        call = self._by_index.get(index)
        if call is None or (call_id and call.id and call_id != call.id):
            if len(self._calls) >= MAX_TOOL_CALLS:
                raise self._faults.too_many_calls()
            call = self._by_index[index] = _Call()
            self._calls.append(call)
        call.id = call.id or well_formed(call_id)
        function = delta.get("function")
        if not isinstance(function, dict):
            return
        if isinstance(function.get("name"), str):
            call.name = call.name or well_formed(function["name"])
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            call.arguments.append(arguments)
        elif isinstance(arguments, dict):
            call.arguments.append(self._faults.dumped(arguments))

    def _count(self, usage: JSON) -> None:
        if not isinstance(usage, dict):  # most chunks say null
            return
        prompt = usage.get("prompt_tokens_details")
        completion = usage.get("completion_tokens_details")
        cached = _tokens(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None
        if cached is None:  # Moonshot's and DeepSeek's names for it
            cached = _tokens(usage.get("cached_tokens", usage.get("prompt_cache_hit_tokens")))
        if isinstance(completion, dict):
            self._reasoning_tokens = _tokens(completion.get("reasoning_tokens"))
        cost = usage.get("cost") if self._quirks.reports_cost else None
        self._usage = replace(
            self._usage,
            tokens_in=_tokens(usage.get("prompt_tokens")),
            tokens_out=_tokens(usage.get("completion_tokens")),
            tokens_cached=cached,
            cost_usd=float(cost) if isinstance(cost, int | float) and 0 <= cost < 1e6 else None,
        )

    def _end(self, *, cut: bool) -> list[StreamItem]:
        self._over = True
        items: list[StreamItem] = []
        thought, text = self._think.finish()
        self._add(text, thought, items)
        if self._refusal:
            said = one_line("".join(self._refusal))
            raise model_error(ErrorKind.REFUSED, f"{self._model.name} refuses to answer: {said}")
        if cut:
            raise self._faults.cut()
        if not self._said_something and not self._calls and self._reason is None:
            raise self._faults.malformed("sent a reply without any choice in it")
        for number, call in enumerate(self._calls):
            call_id = call.id or f"call_{self._tag}{number}"
            items.append(ToolCall(call_id, call.name, well_formed("".join(call.arguments)) or "{}"))
        default = FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP
        usage, extra = priced(self._usage, self._model), self._thoughts.extra() if self._calls else None
        items.append(Finished(usage, self._reason or default, self._reasoning_tokens, extra))
        return items

    def _error(self, chunk: dict[str, JSON]) -> ModelError:
        """An error in mid-stream: its code stands for the status that can no longer be sent."""
        holder = chunk["error"] if isinstance(chunk.get("error"), dict) else chunk
        status = next((holder[k] for k in ("code", "status") if isinstance(holder.get(k), int)), 500)
        status = status if 400 <= status < 600 else 500
        return self._faults.told(chunk, status)


def _tokens(value: JSON) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return int(value)


# -- shell ----------------------------------------------------------------------------------------------------


class OpenAIChat(HttpChat):
    """A model behind an OpenAI-compatible endpoint."""

    def address(self, model: ModelRef, base_url: str) -> str:
        """Where requests are posted."""
        return f"{base_url}/chat/completions"

    def key_header(self, key: Secret) -> tuple[str, Secret]:
        """The header that carries the key."""
        return "authorization", Secret(f"Bearer {key.reveal()}")

    def body(self, request: ChatRequest) -> dict[str, JSON]:
        """What is posted."""
        return build_request(request, self._quirks)

    def parser(self, request: ChatRequest, host: str, tag: str) -> ChatStream:
        """A parser of the reply."""
        return ChatStream(request.model, self._quirks, host, tag=tag)
