"""What is posted in Gemini's dialect. Pure."""

from __future__ import annotations

import json

from swarmtui.models.catalog import Quirks
from swarmtui.models.chat import (
    ChatRequest,
    Message,
    Tool,
    ToolCall,
)
from swarmtui.models.http_chat import added
from swarmtui.models.schemas import TooLarge, gemini_schema, wish
from swarmtui.models.turns import EMPTY, arguments_object, something, system_texts, turns
from swarmtui.plan.model import JSON, ModelRef


def build_request(request: ChatRequest, quirks: Quirks) -> dict[str, JSON]:
    """The body to post for `request`, as an endpoint with `quirks` wants it."""
    body: dict[str, JSON] = {"contents": _contents(request)}
    system = system_texts(request.messages)
    config: dict[str, JSON] = {}
    if request.max_tokens is not None:
        config["maxOutputTokens"] = request.max_tokens
    if request.temperature is not None and quirks.takes_temperature(request.model.model):
        config["temperature"] = request.temperature
    if request.seed is not None and quirks.seed_field:
        config["seed"] = request.seed
    if request.schema is not None and not _asked_for_json(config, request, quirks):
        system.append(wish(request.schema))
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
    if system:
        body["systemInstruction"] = {"parts": [{"text": "\n\n".join(system)}]}
    if config:
        body["generationConfig"] = config
    for more in quirks.additions(request.model.model):
        added(body, more)
    return body


def _asked_for_json(config: dict[str, JSON], request: ChatRequest, quirks: Quirks) -> bool:
    """Whether the schema could be asked for by the endpoint's own means; beside tools it takes none."""
    if quirks.json not in ("schema", "object") or request.tools:
        return False
    config["responseMimeType"] = "application/json"
    if quirks.json != "schema":
        return False
    try:
        config["responseSchema"] = gemini_schema(request.schema)
    except TooLarge:
        return False
    return True


def _declaration(tool: Tool) -> dict[str, JSON]:
    told: dict[str, JSON] = {"name": tool.name, "description": tool.description}
    try:
        parameters = gemini_schema({"type": "object", **(tool.parameters if isinstance(tool.parameters, dict) else {})})
    except TooLarge:
        return {**told, "description": f"{tool.description}\n{json.dumps(tool.parameters, ensure_ascii=False)}"}
    if parameters.get("properties"):  # a function without any must not have an empty object
        told["parameters"] = parameters
    return told


def _contents(request: ChatRequest) -> list[dict[str, JSON]]:
    known: dict[str, tuple[str, bool]] = {}  # id of a call -> its name, and whether the model gave the id itself
    told = turns(request.messages, lambda message: _parts(message, request.model, known), {"text": EMPTY})
    return [{"role": side, "parts": content} for side, content in told]


def _parts(message: Message, model: ModelRef, known: dict[str, tuple[str, bool]]) -> list[dict[str, JSON]]:
    if message.role == "tool":
        name, theirs = known.get(message.tool_call_id or "", ("unknown", False))
        answer: dict[str, JSON] = {"name": name, "response": {"output": message.content}}
        return [{"functionResponse": {"id": message.tool_call_id, **answer} if theirs else answer}]
    if message.role == "user":
        return [{"text": something(message.content)}]
    extra = _of_this_model(message, model)
    theirs_ids = extra.get("ids") if extra else None
    theirs_ids = theirs_ids if isinstance(theirs_ids, list) else []
    for call in message.tool_calls:
        known[call.id] = (call.name, call.id in theirs_ids)
    calls = {call.id: _function_call(call, theirs=call.id in theirs_ids) for call in message.tool_calls}
    signed = _signed(message, extra, calls) if extra else None
    if signed is not None:
        return signed
    said: list[dict[str, JSON]] = [{"text": message.content}] if message.content.strip() else []
    return [*said, *calls.values()]


def _function_call(call: ToolCall, *, theirs: bool) -> dict[str, JSON]:
    told: dict[str, JSON] = {"name": call.name, "args": arguments_object(call)}
    return {"functionCall": {"id": call.id, **told} if theirs else told}


def _of_this_model(message: Message, model: ModelRef) -> dict[str, JSON] | None:
    extra = message.extra
    return extra if isinstance(extra, dict) and extra.get("gemini") == model.model else None


def _signed(
    message: Message, extra: dict[str, JSON], calls: dict[str, dict[str, JSON]]
) -> list[dict[str, JSON]] | None:
    """The parts of an answer as they came, with their signatures, if it says the same still."""
    written = extra.get("parts")
    if not isinstance(written, list):
        return None
    parts: list[dict[str, JSON]] = []
    called: list[str] = []
    said: list[str] = []
    for part in written:
        if not isinstance(part, dict):
            return None
        call_id = part.get("call")
        if isinstance(call_id, str):
            if call_id not in calls:
                return None
            called.append(call_id)
            whole = dict(calls[call_id])
        else:
            said.append(str(part.get("text", "")))
            whole = {"text": said[-1]}
        if part.get("signature"):
            whole["thoughtSignature"] = part["signature"]
        parts.append(whole)
    return parts if called == list(calls) and "".join(said) == message.content else None
