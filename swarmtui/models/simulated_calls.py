"""Which tools the simulated model calls: those that the text tells it to, else one that fits. Pure and seeded."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping

from swarmtui.models.chat import ChatRequest, Tool, ToolCall
from swarmtui.models.example import example_of
from swarmtui.models.simulated_text import label, topics
from swarmtui.plan.model import JSON

_START = re.compile(r"\[\[(?:call:([\w./-]+)|set:)\s*")
_END = re.compile(r"\s*\]\]")
_OWN = ("ask_user", "create_subagent", "assign_task", "final_answer")
"""Tools that are called when told to, or last: they ask, hand over, or end."""
_FIRST = ("web_search", "search", "list_files", "now")
_ADDRESS = "https://example.com/"

Told = tuple[str, JSON, int, int]
"""(tool, arguments, start, end) of one ``[[call:…]]``; of one ``[[set:…]]`` the tool is empty."""


def calls_of(request: ChatRequest, asked: str, rng: random.Random) -> tuple[ToolCall, ...]:
    """The calls of the next reply; none where it is to be an answer."""
    offered = {tool.name: tool for tool in request.tools}
    if not offered:
        return ()
    turn = sum(bool(message.tool_calls) for message in request.messages)
    told = [[one for one in line if one[0] in offered] for line in _lines(_said(request))]
    if turn < len(told) and told[turn]:
        return tuple(_call(name, arguments, rng) for name, arguments, *_ in told[turn])
    answered = request.messages[-1].role == "tool"
    fitting = [tool for tool in request.tools if tool.name not in _OWN and not tool.name.startswith("transfer_to_")]
    if fitting and not told and not answered:
        tool = min(fitting, key=lambda one: _FIRST.index(one.name) if one.name in _FIRST else len(_FIRST))
        return (_call(tool.name, _arguments(tool, asked), rng),)
    if "final_answer" in offered:
        schema = offered["final_answer"].parameters
        return (_call("final_answer", _arguments(offered["final_answer"], asked) | fields_of(request, schema), rng),)
    return ()


def fields_of(request: ChatRequest, schema: JSON) -> dict[str, JSON]:
    """The fields of an answer of `schema` whose values the text gives."""
    known = schema.get("properties") if isinstance(schema, Mapping) else None
    given: dict[str, JSON] = {}
    for name, fields, *_ in _told(_said(request)):
        if not name and isinstance(fields, dict):
            given |= {key: value for key, value in fields.items() if isinstance(known, Mapping) and key in known}
    return given


def _said(request: ChatRequest) -> str:
    return "\n".join(message.content for message in request.messages if message.role in ("system", "user"))


def without_calls(text: str) -> str:
    """`text` without the calls that it tells the simulated model to make, and the fields that it gives it."""
    for _, _, start, end in reversed(list(_told(text))):
        text = text[:start] + text[end:]
    return text


def _lines(text: str) -> list[list[Told]]:
    """The calls of `text`, those on one line together."""
    lines: list[list[Told]] = []
    before = -1
    for one in _told(text):
        if not one[0]:
            continue
        if lines and "\n" not in text[before : one[2]]:
            lines[-1].append(one)
        else:
            lines.append([one])
        before = one[3]
    return lines


def _told(text: str) -> Iterator[Told]:
    decoder = json.JSONDecoder()
    at = 0
    while (start := _START.search(text, at)) is not None:
        at = start.end()
        arguments: JSON = {}
        if text.startswith("{", at):
            try:
                arguments, at = decoder.raw_decode(text, at)
            except (ValueError, RecursionError):
                continue
        end = _END.match(text, at)
        if end is not None:
            at = end.end()
            yield start[1] or "", arguments, start.start(), at


def _call(name: str, arguments: JSON, rng: random.Random) -> ToolCall:
    return ToolCall(f"call_{rng.getrandbits(32):08x}", name, json.dumps(arguments, ensure_ascii=False))


def _arguments(tool: Tool, asked: str) -> dict[str, JSON]:
    """Arguments that the tool takes, made from the words of the request."""
    words = " ".join(topics(asked)[:4]) or "an argument"
    found = example_of(tool.parameters, label(words))
    if isinstance(found, dict):
        return {key: _fitting(key, value) for key, value in found.items()}
    return {}


def _fitting(name: str, value: JSON) -> JSON:
    """`value`, where the parameter's name says that it has to be of some form, in that form."""
    if not isinstance(value, str):
        return value
    if name in ("url", "address"):
        return _ADDRESS
    return f"print({value!r})" if name == "code" else value
