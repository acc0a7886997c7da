"""What a server's answer to a call means for the model that made it. Pure: result of ``tools/call`` to ToolResult."""

from __future__ import annotations

import json
from collections.abc import Iterator

from swarmtui.agents.mcp.lines import LONGEST
from swarmtui.agents.mcp.offers import depth
from swarmtui.agents.tools import ToolResult
from swarmtui.agents.tools.results import head, shape
from swarmtui.plan.model import JSON
from swarmtui.safety.text import one_line

DEEPEST = 64
"""Levels of nesting in an answer, at most."""
_CLEANED = 1_000_000
"""Characters that are looked through for what has no place on a screen; more than a model gets in any case."""


def read_answer(answer: JSON) -> ToolResult:
    """The result of a call as the model is told of it: texts as they are, data as JSON, of the rest what it was."""
    if not isinstance(answer, dict):
        return ToolResult("the server's answer is no object", ok=False)
    if answer.get("resultType", "complete") != "complete":
        return ToolResult("the server wants to ask something before it answers, which is not supported here", ok=False)
    if depth(answer, DEEPEST) > DEEPEST:
        return ToolResult(f"the server's answer is nested more than {DEEPEST} deep, and was not read", ok=False)
    blocks = answer.get("content")
    texts = [text for block in (blocks if isinstance(blocks, list) else ()) for text in _block(block)]
    data = answer.get("structuredContent")
    if data is not None and not _says_it_already(texts, data):
        texts.append(json.dumps(data, ensure_ascii=False))
    text = "\n".join(texts)
    if len(text) > LONGEST:
        return ToolResult(f"the server's answer is larger than {LONGEST:,} characters, and was not read", ok=False)
    failed = answer.get("isError") is True
    told = shape(head(text, _CLEANED))
    return ToolResult(told or ("it failed without a word" if failed else "(nothing)"), ok=not failed)


def _block(block: JSON) -> Iterator[str]:
    """A content block as text."""
    if not isinstance(block, dict):
        return
    match block.get("type"):
        case "text":
            if text := _text(block.get("text")):
                yield text
        case "image" | "audio" as kind:
            yield f"[{kind} left out: {_mime(block)}, {_size(block.get('data'))}]"
        case "resource_link":
            words = (one_line(_text(block.get(key)), 300) for key in ("name", "uri", "description"))
            yield f"[link: {', '.join(word for word in words if word)}]"
        case "resource":
            yield from _resource(block.get("resource"))
        case kind:
            yield f"[{one_line(str(kind), 40)} left out]"


def _resource(resource: JSON) -> Iterator[str]:
    if not isinstance(resource, dict):
        return
    uri = one_line(_text(resource.get("uri")), 300)
    if isinstance(resource.get("text"), str):
        yield f"[resource: {uri}]\n{resource['text']}"
    else:
        yield f"[resource left out: {uri}, {_mime(resource)}, {_size(resource.get('blob'))}]"


def _says_it_already(texts: list[str], data: JSON) -> bool:
    """Whether the text blocks are the same data, as servers are asked to send for clients that know texts alone.

    Servers in Python wrap what is no object as ``{"result": ...}``, and send a list as a block for each entry.
    """
    values = [data["result"], data] if isinstance(data, dict) and list(data) == ["result"] else [data]
    said = [_parsed(text) for text in texts]
    return any(value in (said, *said, *texts) for value in values)


def _parsed(text: str) -> JSON:
    """What a text says, if it is JSON, else itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _mime(block: JSON) -> str:
    return one_line(_text(block.get("mimeType")), 60) or "of unknown type"


def _size(data: JSON) -> str:
    """Bytes that base64 text stands for."""
    count = len(_text(data)) * 3 // 4 - _text(data)[-2:].count("=")
    return f"{max(count, 0):,} bytes"
