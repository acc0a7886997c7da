"""A conversation of several turns with one model, as a pure object: what to ask next, when it is over, what it was.

The model goes on until it says ``task_complete`` (the word, or ``"task_complete": true`` in JSON) or the turns are
used up. Where an answer asks for a tool it is given a simulated response, labelled as such, since no tool is run;
else it is asked to continue. Nothing a model says here has any effect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import field

from swarmtui.frozen import mutable
from swarmtui.models.chat import Message, Reply, ToolCall
from swarmtui.plan.model import JSON
from swarmtui.plan.repair import loads_lenient

CONTINUE = "Continue. Say task_complete once the task is done."
SIMULATED_RESPONSE = "[simulated tool response]"
"""How every simulated response begins."""

_COMPLETE = re.compile(r"\btask_complete\b(?![\"']?\s*[:=]\s*[\"']?(?:false|no|none|null|0)\b)", re.IGNORECASE)
_TOOL_KEYS = ("tool_call", "tool_calls", "function_call")
_MARKED = re.compile(r"<tool_call>|\"(?:tool|tool_name|tool_calls?|function_call)\"", re.IGNORECASE)
_NAME_CHARS = 80


@mutable
class Conversation:
    """One conversation. `messages` is what the model is sent next."""

    messages: list[Message]
    turns: int
    """The most answers."""
    answered: int = 0
    complete: bool = False
    """Whether an answer said that the task is complete."""
    _said: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether nothing more is asked."""
        return self.complete or self.answered >= self.turns

    def take(self, reply: Reply) -> None:
        """Add the model's answer, and unless the conversation is over what is said to it next."""
        self.answered += 1
        self._said.append(reply.text)
        self.complete = says_complete(reply.text)
        tool = tool_asked_for(reply.text, reply.tool_calls)
        text = reply.text if reply.text.strip() else f"(calls {tool})"
        self.messages.append(Message("assistant", text))
        if not self.over:
            self.messages.append(Message("user", CONTINUE if tool is None else simulated_response(tool)))

    @property
    def output(self) -> str:
        """The conversation as JSON: ``answer`` (the last one), ``task_complete``, ``turns`` and ``messages``."""
        record: dict[str, JSON] = {
            "answer": self._said[-1] if self._said else "",
            "task_complete": self.complete,
            "turns": self.answered,
            "messages": [{"role": message.role, "content": message.content} for message in self.messages],
        }
        return json.dumps(record, ensure_ascii=False)


def says_complete(answer: str) -> bool:
    """Whether `answer` says that the task is complete; ``task_complete: false`` does not."""
    return _COMPLETE.search(answer) is not None


def tool_asked_for(answer: str, calls: Sequence[ToolCall] = ()) -> str | None:
    """The name of the tool that an answer asks for, by a call proper or by JSON in its text; else None."""
    if calls:
        return calls[0].name[:_NAME_CHARS] or "a tool"
    if not _MARKED.search(answer):
        return None
    try:
        value = loads_lenient(answer)
    except ValueError:
        return "a tool" if "<tool_call>" in answer.lower() else None
    return _named(value)


def _named(value: JSON) -> str | None:
    """The tool that JSON names, in any of the shapes in which models write calls."""
    if isinstance(value, list):
        return _named(value[0]) if value else None
    if not isinstance(value, dict):
        return None
    for key in _TOOL_KEYS:
        if value.get(key):
            return _named(value[key]) or "a tool"
    if isinstance(value.get("function"), dict):
        return _named(value["function"])
    name = next((value[key] for key in ("tool", "tool_name", "name") if isinstance(value.get(key), str)), None)
    return None if name is None else " ".join(name.split())[:_NAME_CHARS]


def simulated_response(tool: str) -> str:
    """What the model is told when it asked for `tool`."""
    return (
        f"{SIMULATED_RESPONSE} No tool was run. Go on as if {tool} had answered plausibly, mark what rests on it as "
        "simulated, and say task_complete once the task is done."
    )
