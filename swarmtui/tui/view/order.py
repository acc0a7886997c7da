"""The order in which names stand wherever they are sorted: as people count, ``n22`` before ``n218``. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

Rank = tuple[tuple[str | int, ...], str]
_DIGITS = re.compile(r"(\d{1,18})")


@lru_cache(16_384)
def natural(name: str) -> Rank:
    """What to sort `name` by: figures in it by their value, letters whatever their case; no two names rank the same."""
    parts: list[str | int] = list(_DIGITS.split(name.casefold()))
    parts[1::2] = [int(part) for part in parts[1::2]]
    return tuple(parts), name
