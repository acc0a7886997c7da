"""What is posted in Anthropic's messages dialect. Pure."""

from __future__ import annotations

import re

from swarmtui.models.catalog import Quirks
from swarmtui.models.chat import (
    ChatRequest,
    Message,
    ToolCall,
)
from swarmtui.models.http_chat import added
from swarmtui.models.schemas import is_object, wish
from swarmtui.models.turns import EMPTY, arguments_object, something, system_texts, turns
from swarmtui.plan.model import JSON, ModelRef

REPLY_TOOL = "reply"
"""The tool that a model has to call where that is how JSON is asked for; its input is the answer."""


def build_request(request: ChatRequest, quirks: Quirks) -> dict[str, JSON]:
    """The body to post for `request`, as an endpoint with `quirks` wants it."""
    body: dict[str, JSON] = {
        "model": request.model.model,
        "max_tokens": request.max_tokens or quirks.default_max_tokens,
        "messages": _turns(request),
        "stream": True,
    }
    system = system_texts(request.messages)
    if request.temperature is not None and quirks.takes_temperature(request.model.model):
        body["temperature"] = min(request.temperature, 1.0)
    if request.tools:
        body["tools"] = [_tool(tool.name, tool.description, tool.parameters) for tool in request.tools]
    for more in quirks.additions(request.model.model):
        added(body, more)
    if request.schema is not None:
        system += _ask_for_json(body, request, quirks)
    if system:
        body["system"] = [_text("\n\n".join(system))]
    if quirks.cache and request.tools:
        _keep(body)
    return body


def _tool(name: str, description: str, schema: JSON) -> dict[str, JSON]:
    whole = schema if isinstance(schema, dict) else {}
    return {"name": name, "description": description, "input_schema": {"type": "object", **whole}}


def reply_tool(request: ChatRequest, quirks: Quirks) -> bool:
    """Whether the answer to `request` comes as the input of a tool: not beside other tools, of which the model is to
    choose, nor where it thinks first, which a forced call excludes."""
    thinks = any("thinking" in more for more in quirks.additions(request.model.model))
    return quirks.json == "tool" and is_object(request.schema) and not request.tools and not thinks


def _ask_for_json(body: dict[str, JSON], request: ChatRequest, quirks: Quirks) -> list[str]:
    """Ask for the schema by the endpoint's own means where it has some, else give the words for it."""
    if reply_tool(request, quirks):
        body["tools"] = [_tool(REPLY_TOOL, "Gives the whole answer.", request.schema)]
        body["tool_choice"] = {"type": "tool", "name": REPLY_TOOL}
        return []
    if quirks.json == "schema" and is_object(request.schema):
        body["output_config"] = {"format": {"type": "json_schema", "schema": request.schema}}
        return []
    return [wish(request.schema)]


def _keep(body: dict[str, JSON]) -> None:
    """Mark up to where the agent's next call will say the same: after tools and system, and after the turns."""
    mark = {"type": "ephemeral"}
    fixed = body.get("system") or body["tools"]
    fixed[-1] = {**fixed[-1], "cache_control": mark}
    if body["messages"][-1]["role"] == "user":  # thoughts, which may end the other side's turn, take no mark
        last = body["messages"][-1]["content"]
        last[-1] = {**last[-1], "cache_control": mark}


def _turns(request: ChatRequest) -> list[dict[str, JSON]]:
    ids = _Ids()
    told = turns(request.messages, lambda message: _blocks(message, request.model, ids), _text(EMPTY))
    return [{"role": "assistant" if side == "model" else side, "content": content} for side, content in told]


class _Ids:
    """Ids of calls as this API takes them; other providers' may have other characters."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, call_id: str) -> str:
        """The id for `call_id`: the same for the same, another for another."""
        if call_id not in self._known:
            plain = re.sub(r"[^A-Za-z0-9_-]", "_", call_id) or "call"
            name, number = plain, 1
            while name in self._taken:
                number += 1
                name = f"{plain}_{number}"
            self._known[call_id] = name
            self._taken.add(name)
        return self._known[call_id]


def _blocks(message: Message, model: ModelRef, ids: _Ids) -> list[dict[str, JSON]]:
    if message.role == "tool":
        told = something(message.content)
        return [{"type": "tool_result", "tool_use_id": ids.of(message.tool_call_id or ""), "content": told}]
    text = message.content.rstrip() if message.role == "assistant" else message.content
    if message.role == "user":
        return [_text(something(text))]
    calls = {call.id: _tool_use(call, ids) for call in message.tool_calls}
    signed = _signed(message, model, calls)
    if signed is not None:
        return signed
    said = [_text(text)] if text.strip() else []
    return [*said, *calls.values()]


def _text(text: str) -> dict[str, JSON]:
    return {"type": "text", "text": text}


def _tool_use(call: ToolCall, ids: _Ids) -> dict[str, JSON]:
    return {"type": "tool_use", "id": ids.of(call.id), "name": call.name, "input": arguments_object(call)}


def _signed(message: Message, model: ModelRef, calls: dict[str, dict[str, JSON]]) -> list[dict[str, JSON]] | None:
    """The blocks of an answer as they came, with its thoughts, if this model gave it and it says the same still."""
    extra = message.extra
    if (
        not isinstance(extra, dict)
        or extra.get("anthropic") != model.model
        or not isinstance(extra.get("blocks"), list)
    ):
        return None
    blocks: list[dict[str, JSON]] = []
    called: list[str] = []
    for block in extra["blocks"]:
        if isinstance(block, dict) and block.get("type") == "tool_use":
            if block.get("id") not in calls:
                return None
            called.append(block["id"])
            blocks.append(calls[block["id"]])
        elif isinstance(block, dict):
            blocks.append(block)
    said = "".join(str(block.get("text")) for block in blocks if block.get("type") == "text")
    return blocks if called == list(calls) and said == message.content else None
