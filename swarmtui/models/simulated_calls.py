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
"""Tools that are no first guess: they ask, make others work, or end."""
_HANDOFF = "transfer_to_"
_WORD = re.compile(r"[^\W\d_][\w-]{3,}")
_FIRST = ("web_search", "search", "list_files", "now")
_ADDRESS = "https://example.com/"

Told = tuple[str, JSON, int, int]
"""(tool, arguments, start, end) of one ``[[call:…]]``; of one ``[[set:…]]`` the tool is empty."""


def calls_of(request: ChatRequest, asked: str, rng: random.Random) -> tuple[ToolCall, ...]:
    """The calls of the next reply; none where it is to be an answer."""
    offered = {tool.name: tool for tool in request.tools}
    if not offered:
        return ()
    made = [call.name for message in request.messages for call in message.tool_calls]
    turn = sum(bool(message.tool_calls) for message in request.messages)
    told = [[one for one in line if one[0] in offered] for line in _lines(_said(request))]
    if turn < len(told) and told[turn]:
        return tuple(_call(name, arguments, rng) for name, arguments, *_ in told[turn])
    chosen = None if told else _next(request, asked, made)
    if chosen is not None:
        name, arguments = chosen
        return (_call(name, _arguments(offered[name], asked) if arguments is None else arguments, rng),)
    if "final_answer" in offered:
        schema = offered["final_answer"].parameters
        return (_call("final_answer", _arguments(offered["final_answer"], asked) | fields_of(request, schema), rng),)
    return ()


def _next(request: ChatRequest, asked: str, made: list[str]) -> tuple[str, JSON] | None:
    """The call that fits by itself, with its arguments if they are not made up: handing over to whom the request is
    for, having each thing of a list looked at by a subagent, or one tool, as long as none has answered."""
    offered = [tool.name for tool in request.tools]
    handed_over = bool(made) and made[-1].startswith(_HANDOFF)
    handoff = _handoff(request, asked, made)
    if handoff is not None and (handed_over or not made):
        return handoff, {}
    things = _things(asked)
    if things and {"create_subagent", "assign_task"} <= set(offered) and "assign_task" not in made:
        if "create_subagent" not in made:
            prompt = label("You look at one thing at a time and say what there is to it.")
            return "create_subagent", {"name": "looker", "system_prompt": prompt}
        about = " ".join(topics(asked)[:4])
        return "assign_task", {"agent": "looker", "prompt": f"{label(about)}: {{{{ item }}}}", "items": things}
    fitting = [name for name in offered if name not in _OWN and not name.startswith(_HANDOFF)]
    if not fitting or (request.messages[-1].role == "tool" and not handed_over) or "assign_task" in made:
        return None
    return min(fitting, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST)), None


def _handoff(request: ChatRequest, asked: str, made: list[str]) -> str | None:
    """The handoff whose description has most words of the request, of those that were not made yet."""
    words = {word.casefold() for word in topics(asked)}
    best, most = None, 0
    for tool in request.tools:
        if tool.name.startswith(_HANDOFF) and tool.name not in made:
            shared = len(words & {word.casefold() for word in _WORD.findall(tool.description)})
            best, most = (tool.name, shared) if shared > most else (best, most)
    return best


def _things(asked: str) -> list[JSON]:
    """The first list of texts in `asked`, as JSON; empty where there is none of two or more different ones."""
    decoder = json.JSONDecoder()
    for start in re.finditer(r'\[\s*"', asked):
        try:
            found, _ = decoder.raw_decode(asked, start.start())
        except (ValueError, RecursionError):
            continue
        if all(isinstance(one, str) for one in found) and 1 < len(found) == len(set(found)):
            return list(found)
    return []


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
