"""OpenAI's responses, as the fake provider speaks them: what the codex program needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.fakes.llm_behaviours import Answer, pieces
from tests.fakes.llm_dialects import sse, text_of, tokens


class OpenAIResponses:
    """``/responses``: named and numbered events, output in items, all of it again in the last event."""

    name = "openai-responses"

    def stream(self, how: Answer, body: Mapping[str, Any], model: str) -> list[bytes]:
        """The events of the answer."""
        told: list[tuple[str, dict[str, Any]]] = [("response.created", {"response": _response("in_progress", model)})]
        items = _items(how)
        for index, item in enumerate(items):
            told += _item_events(index, item)
        if how.done:
            status = "incomplete" if how.reason == "length" else "completed"
            final = {**_response(status, model), "output": items, "usage": _usage(how.usage or {})}
            if status == "incomplete":
                final["incomplete_details"] = {"reason": "max_output_tokens"}
            told.append((f"response.{status}", {"response": final}))
        return [
            sse({"type": name, "sequence_number": number, **fields}, name) for number, (name, fields) in enumerate(told)
        ]

    def words(self, count: int, model: str) -> bytes:
        """Events with which an answer of many words begins."""
        events = self.stream(Answer("".join(f"word{number} " for number in range(count)), done=False), {}, model)
        return b"".join(events[: 3 + count])

    def whole(self, how: Answer, body: Mapping[str, Any], model: str) -> dict[str, Any]:
        """The answer as one document."""
        return {**_response("completed", model), "output": _items(how), "usage": _usage(how.usage or {})}

    def error(self, status: int) -> dict[str, Any]:
        """The body of a refusal."""
        return {"error": {"message": f"told to answer {status}", "type": "fake_error", "code": f"e{status}"}}

    def said(self, body: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(role, text) of all messages, the instructions first."""
        told = [("system", str(body["instructions"]))] if body.get("instructions") else []
        given = body.get("input", [])
        if isinstance(given, str):
            return [*told, ("user", given)]
        for item in given:
            role = "tool" if str(item.get("type", "")).endswith("_output") else str(item.get("role", "assistant"))
            told.append((role, text_of(item)))
        return told

    def wants_stream(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether the request asks for a stream."""
        return bool(body.get("stream"))

    def count(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a request that only asks how many tokens it has."""
        return {"input_tokens": len(text_of(body)) // 4}


def _response(status: str, model: str) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": model, "output": []}


def _items(how: Answer) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if how.reasoning:
        summary = [{"type": "summary_text", "text": how.reasoning}]
        items.append(
            {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": how.signature or None}
        )
    if how.words:
        content = [{"type": "output_text", "text": "".join(how.words), "annotations": []}]
        items.append({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content})
    for at, call in enumerate(how.calls):
        items.append(
            {
                "type": "function_call",
                "id": f"fc_{at}",
                "call_id": call.id or f"call_{at}",
                "name": call.name,
                "arguments": call.text,
                "status": "completed",
            }
        )
    return items


def _item_events(index: int, item: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(event, fields) of one item of the output, as it comes."""
    at = {"item_id": item["id"], "output_index": index}
    match item["type"]:
        case "message":
            part = item["content"][0]
            empty = {**part, "text": ""}
            begun = {**item, "status": "in_progress", "content": []}
            middle = [("response.content_part.added", {**at, "content_index": 0, "part": empty})]
            for word in pieces(part["text"]):
                middle.append(("response.output_text.delta", {**at, "content_index": 0, "delta": word}))
            middle.append(("response.output_text.done", {**at, "content_index": 0, "text": part["text"]}))
            middle.append(("response.content_part.done", {**at, "content_index": 0, "part": part}))
        case "function_call":
            begun = {**item, "status": "in_progress", "arguments": ""}
            middle = [
                ("response.function_call_arguments.delta", {**at, "delta": item["arguments"]}),
                ("response.function_call_arguments.done", {**at, "arguments": item["arguments"]}),
            ]
        case _:
            begun = {**item, "summary": []}
            text = item["summary"][0]["text"]
            middle = [("response.reasoning_summary_text.delta", {**at, "summary_index": 0, "delta": text})]
    added = ("response.output_item.added", {"output_index": index, "item": begun})
    return [added, *middle, ("response.output_item.done", {"output_index": index, "item": item})]


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    given, made = tokens(usage, "prompt_tokens"), tokens(usage, "completion_tokens")
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": tokens(usage, "prompt_tokens_details", "cached_tokens")},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": tokens(usage, "completion_tokens_details", "reasoning_tokens")},
        "total_tokens": given + made,
    }
