"""Which key a click on a dialog's line of keys means."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_CLAUSE = re.compile(r"(?:^|[;,.]\s+|\n\s*)(?=\S)")
_WORD = re.compile(r"\S+")


def key_at(told: str, lines: Sequence[str], x: int, y: int, names: Collection[str]) -> str | None:
    """The name of the key that is clicked at the character `x` of line `y`, or None.

    `told` is what the hint says (``y: do it; n: leave it``), `lines` how it stands on the screen, folded. A clause
    begins with the names of its keys; a click anywhere on it means its key. Where it has several, a click has to be on
    one of them.
    """
    at = _offset(told, lines, x, y)
    if at is None:
        return None
    start = max((found.end() for found in _CLAUSE.finditer(told) if found.end() <= at), default=0)
    keys: list[tuple[int, int, str]] = []
    for word in _WORD.finditer(told, start):
        name = word.group() if word.group() in names else word.group().rstrip(":,;.")
        if name not in names:
            break
        keys.append((word.start(), word.start() + len(name), name))
        if word.group() != name:
            break
    if len(keys) == 1:
        return keys[0][2]
    return next((name for begin, end, name in keys if begin <= at < end), None)


def _offset(told: str, lines: Sequence[str], x: int, y: int) -> int | None:
    """Where in `told` that place is."""
    begun = 0
    for at, line in enumerate(lines):
        words = line.strip()
        begun = told.find(words, begun)
        if begun < 0:
            return None
        if at == y:
            inside = x - (len(line) - len(line.lstrip()))
            return begun + inside if 0 <= inside < len(words) else None
        begun += len(words)
    return None
