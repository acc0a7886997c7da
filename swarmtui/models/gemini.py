"""Gemini's dialect: request and stream as pure functions and objects, and a thin shell over HTTP.

What differs from the OpenAI-compatible one: turns are ``contents`` of ``parts``; each event is a whole response with
more parts, and there is no end marker; calls of functions may have no ids and are answered by name, in order; JSON is
asked for with a subset of JSON Schema; thoughts may be signed, on the parts that follow them, and are wanted back so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from swarmtui.frozen import mutable
from swarmtui.models.chat import (
    ChatRequest,
    Finished,
    FinishReason,
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
from swarmtui.models.gemini_request import build_request
from swarmtui.models.http_chat import HttpChat, versioned
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.safety.redact import Secret
from swarmtui.session.vocabulary import ErrorKind, Usage

_REASONS = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"), FinishReason.FILTERED
    ),
}
_UNUSABLE = ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE")
"""Reasons by which it says that what the model wrote is nothing that can be passed on."""
_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


# -- stream ---------------------------------------------------------------------------------------------------


@mutable
class _Part:
    """A text or a call of the answer, thoughts left out."""

    text: list[str]
    call: ToolCall | None = None
    signature: str = ""


class GenerateStream:
    """The stream as a pure object: the data of events in, items out, in order, :class:`Finished` last.

    :meth:`feed`, :meth:`finish` and :meth:`whole` raise ModelError and nothing else, whatever they are given.
    """

    def __init__(self, model: ModelRef, host: str, *, now: Callable[[], float] = time.time, tag: str = "") -> None:
        self._model = model
        self._faults = Faults(model, host, now)
        self._tag = tag
        self._parts: list[_Part] = []
        self._calls: dict[str, ToolCall] = {}
        self._theirs: list[str] = []
        """Ids of calls that the model gave itself."""
        self._usage = Usage(model=model.name)
        self._reasoning_tokens: int | None = None
        self._reason: FinishReason | None = None
        self._over = False

    def feed(self, data: str) -> list[StreamItem]:
        """What the event with this `data` adds."""
        if self._over:
            return []
        if data.startswith("[DONE]"):
            return self._end(cut=False)
        items: list[StreamItem] = []
        self._take(self._faults.parsed(data), items)
        return items

    def finish(self) -> list[StreamItem]:
        """The connection ended; without a finish reason the reply was cut."""
        return [] if self._over else self._end(cut=self._reason is None)

    def whole(self, body: str) -> list[StreamItem]:
        """The items of a reply that came as one JSON document: a response, or a list of what would be events."""
        read = self._faults.parsed(body, "a reply")
        items: list[StreamItem] = []
        for response in read if isinstance(read, list) else [read]:
            self._take(response, items)
        return [*items, *self.finish()]

    def _take(self, response: JSON, items: list[StreamItem]) -> None:
        if not isinstance(response, dict):
            raise self._faults.malformed("sent an event that is not an object")
        if response.get("error"):
            raise self._error(response)
        feedback = response.get("promptFeedback")
        if isinstance(feedback, dict) and isinstance(feedback.get("blockReason"), str):
            reason = one_line(feedback["blockReason"], 40)
            told = f"{self._faults.host} refuses what it was asked for its content ({reason}): word it differently"
            raise model_error(ErrorKind.REFUSED, told)
        self._count(response.get("usageMetadata"))
        candidates = response.get("candidates")
        candidate = candidates[0] if isinstance(candidates, list) and candidates else None
        if not isinstance(candidate, dict) or candidate.get("index") not in (0, None):
            return
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else []:
            if isinstance(part, dict):
                self._part(part, items)
        self._stop(candidate.get("finishReason"))

    def _part(self, part: dict[str, JSON], items: list[StreamItem]) -> None:
        text, call = part.get("text"), part.get("functionCall")
        signature = part.get("thoughtSignature")
        signature = well_formed(signature) if isinstance(signature, str) else ""
        if isinstance(call, dict):
            self._parts.append(_Part([], self._call(call), signature))
            return
        if not isinstance(text, str):
            return
        if part.get("thought") is True:
            if text:
                items.append(ReasoningDelta(well_formed(text)))
            return
        if text:
            items.append(TextDelta(well_formed(text)))
        last = self._parts[-1] if self._parts else None
        if last is not None and last.call is None and not last.signature:
            last.text.append(text)
            last.signature = signature
        elif text or signature:
            self._parts.append(_Part([text], None, signature))

    def _call(self, call: dict[str, JSON]) -> ToolCall:
        if len(self._calls) >= MAX_TOOL_CALLS:
            raise self._faults.too_many_calls()
        name, given, call_id = call.get("name"), call.get("args"), call.get("id")
        call_id = well_formed(call_id) if isinstance(call_id, str) else ""
        if call_id and call_id not in self._calls:
            self._theirs.append(call_id)
        else:
            call_id = self._free_id()
        written = given if isinstance(given, str) else self._faults.dumped(given or {})
        made = ToolCall(call_id, well_formed(name) if isinstance(name, str) else "", well_formed(written))
        self._calls[call_id] = made
        return made

    def _free_id(self) -> str:
        number = len(self._calls)
        while f"call_{self._tag}{number}" in self._calls:
            number += 1
        return f"call_{self._tag}{number}"

    def _stop(self, reason: JSON) -> None:
        if not isinstance(reason, str) or not reason or reason == "FINISH_REASON_UNSPECIFIED":
            return
        if reason in _UNUSABLE:
            raise self._faults.malformed(f"says that {self._model.name} wrote a call that is none ({reason})")
        self._reason = _REASONS.get(reason, FinishReason.OTHER)

    def _count(self, usage: JSON) -> None:
        """Take what is told of usage: each word on it replaces the one before. Thoughts count as output."""
        if not isinstance(usage, dict):
            return
        given, tools = _tokens(usage.get("promptTokenCount")), _tokens(usage.get("toolUsePromptTokenCount"))
        said, thoughts = _tokens(usage.get("candidatesTokenCount")), _tokens(usage.get("thoughtsTokenCount"))
        self._reasoning_tokens = thoughts
        self._usage = Usage(
            tokens_in=None if given is None else given + (tools or 0),
            tokens_out=None if said is None and thoughts is None else (said or 0) + (thoughts or 0),
            tokens_cached=_tokens(usage.get("cachedContentTokenCount")),
            model=self._model.name,
        )

    def _end(self, *, cut: bool) -> list[StreamItem]:
        self._over = True
        if cut:
            raise self._faults.cut()
        if not self._parts and self._reason is None:
            raise self._faults.malformed("sent a reply without any content in it")
        reason = self._reason or FinishReason.STOP
        if self._calls and reason is FinishReason.STOP:
            reason = FinishReason.TOOL_CALLS
        usage = priced(self._usage, self._model)
        return [*self._calls.values(), Finished(usage, reason, self._reasoning_tokens, self._extra())]

    def _extra(self) -> JSON:
        """Ids that the model gave, and its parts where some are signed; None for an answer without calls."""
        if not self._calls:
            return None
        extra: dict[str, JSON] = {"gemini": self._model.model, "ids": list(self._theirs)}
        if any(part.signature for part in self._parts):
            extra["parts"] = [_written(part) for part in self._parts]
        return extra

    def _error(self, response: dict[str, JSON]) -> ModelError:
        """An error in mid-stream: its code stands for the status that can no longer be sent."""
        error = response.get("error")
        told = error.get("code") if isinstance(error, dict) else None
        word = error.get("status") if isinstance(error, dict) else None
        status = told if isinstance(told, int) and 400 <= told < 600 else _STATUS.get(str(word), 500)
        return self._faults.told(response, status)


def _written(part: _Part) -> dict[str, JSON]:
    told: dict[str, JSON] = {"call": part.call.id} if part.call else {"text": well_formed("".join(part.text))}
    return {**told, "signature": part.signature} if part.signature else told


def _tokens(value: JSON) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**12:
        return None
    return value


# -- shell ----------------------------------------------------------------------------------------------------


class GeminiChat(HttpChat):
    """A model behind an endpoint that speaks as Gemini does."""

    def address(self, model: ModelRef, base_url: str) -> str:
        """Where requests are posted."""
        name = quote(model.model.removeprefix("models/"), safe="")
        return f"{versioned(base_url, 'v1beta')}/models/{name}:streamGenerateContent?alt=sse"

    def key_header(self, key: Secret) -> tuple[str, Secret]:
        """The header that carries the key."""
        return "x-goog-api-key", key

    def body(self, request: ChatRequest) -> dict[str, JSON]:
        """What is posted."""
        return build_request(request, self._quirks)

    def parser(self, request: ChatRequest, host: str, tag: str) -> GenerateStream:
        """A parser of the reply."""
        return GenerateStream(request.model, host, tag=tag)
