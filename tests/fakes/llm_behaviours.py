"""What a fake provider does with a request, well-behaved or not, in no dialect in particular."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVENT_STREAM = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Call:
    """A tool call, as every dialect can tell it."""

    name: str
    arguments: Any = field(default_factory=dict)
    """What the model gives, or text that is sent as it is."""
    id: str = ""

    @property
    def text(self) -> str:
        """The arguments as text."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True)
class Answer:
    """A stream of `text`, or of `tokens` one-word pieces."""

    text: str = ""
    tokens: int = 0
    latency_s: float = 0.0
    tokens_per_s: float = 0.0
    """0: as fast as it goes."""
    reasoning: str = ""
    reasoning_field: str = "reasoning_content"
    finish_reason: str | None = "stop"
    tool_calls: tuple[dict[str, Any], ...] = ()
    """``delta.tool_calls`` entries of the OpenAI chat dialect, one chunk each, for what only that can tell."""
    calls: tuple[Call, ...] = ()
    """Tool calls in any dialect. The finish reason ``stop`` becomes that of a tool call."""
    signature: str = ""
    """Of the reasoning, where the dialect has such."""
    usage: Mapping[str, Any] | None = field(
        default_factory=lambda: {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    )
    keep_alives: int = 0
    """Comment lines before the first event, one each `keep_alive_s`."""
    keep_alive_s: float = 0.05
    done: bool = True
    batch: int = 1
    """Events per packet."""

    @property
    def words(self) -> list[str]:
        """The text in the pieces in which it is sent."""
        return [f"tok{number} " for number in range(self.tokens)] or pieces(self.text)

    @property
    def reason(self) -> str | None:
        """Why it stops, in the words of OpenAI."""
        return "tool_calls" if self.calls and self.finish_reason == "stop" else self.finish_reason


def pieces(text: str) -> list[str]:
    """`text` word by word, with the space between."""
    return re.findall(r"\s*\S+\s*", text)


@dataclass(frozen=True)
class Status:
    """An error with a body, JSON unless `body` is text."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"


@dataclass(frozen=True)
class SlowHeaders:
    """The status line comes, the rest of the head does not, for `wait_s`."""

    wait_s: float = 3600.0


@dataclass(frozen=True)
class Silence:
    """The request is taken and nothing ever said; with `after` words, silence follows these."""

    after: int = 0


@dataclass(frozen=True)
class Drip:
    """One byte each `every_s`, never a whole line; with `comments` whole comment lines, and never an event."""

    every_s: float = 0.02
    comments: bool = False


@dataclass(frozen=True)
class Reset:
    """RST after `after` words."""

    after: int = 3


@dataclass(frozen=True)
class Cut:
    """The chunked body ends in the middle; with `clean` it ends in good order but without finish reason and DONE."""

    after: int = 3
    clean: bool = False


@dataclass(frozen=True)
class Raw:
    """Any bytes as the body."""

    body: bytes
    content_type: str = EVENT_STREAM
    status: int = 200
    pieces: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Huge:
    """A body of `size` bytes: one endless line, or endless events."""

    size: int = 1 << 30
    events: bool = False


Behaviour = Answer | Status | SlowHeaders | Silence | Drip | Reset | Cut | Raw | Huge
BEHAVIOURS: dict[str, type] = {kind.__name__: kind for kind in Behaviour.__args__}


@dataclass
class Rule:
    """Requests whose messages match `when` get `do`, `times` times (None: always)."""

    when: str
    do: Behaviour
    times: int | None = None


def behaviour_from_json(data: Mapping[str, Any]) -> Behaviour:
    """A behaviour as ``rules.json`` has it: its name as ``kind``, and its fields."""
    fields = dict(data)
    kind = BEHAVIOURS[fields.pop("kind")]
    if kind is Raw:
        fields["body"] = fields["body"].encode()
    if "calls" in fields:
        fields["calls"] = tuple(Call(**call) for call in fields["calls"])
    behaviour: Behaviour = kind(**fields)
    return behaviour


def rule_from_json(data: Mapping[str, Any]) -> Rule:
    """A rule as ``rules.json`` has it."""
    return Rule(data.get("when", ""), behaviour_from_json(data["do"]), data.get("times"))
