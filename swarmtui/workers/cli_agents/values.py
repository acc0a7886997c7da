"""Values out of JSON that anybody may have written: what is not of the kind that is looked for is not there."""

from __future__ import annotations

import math
from typing import Any


def at(value: object, *path: str) -> Any:
    """What `path` leads to in nested objects; None if it leads nowhere."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text_of(value: object) -> str:
    """A text that can be written anywhere: a half of a surrogate pair cannot."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def count_of(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 50 else None


def money_of(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        cost = float(value)
    except OverflowError:
        return None
    return cost if math.isfinite(cost) and 0 <= cost < 1e9 else None


def blocks_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    content = at(event, "message", "content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def flat(value: object) -> object:
    """The texts of a list of content blocks."""
    if isinstance(value, list):
        return " ".join(text_of(at(block, "text")) for block in value)
    return value


def shallow(value: object) -> str:
    """The texts and numbers right within `value`, for a line."""
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, list):
        return ", ".join(text_of(at(part, "path")) or text_of(part) for part in value[:20])
    if isinstance(value, dict):
        few = [(name, part) for name, part in list(value.items())[:20] if isinstance(part, str | int | float)]
        told = [
            text_of(part) or str(part) if len(few) == 1 else f"{text_of(name)}={text_of(part) or part}"
            for name, part in few
        ]
        return ", ".join(told)
    return ""
