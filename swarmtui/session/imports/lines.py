"""Lines of a file from elsewhere, one by one, with bounds on everything that could be made endless."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import field
from typing import BinaryIO, NoReturn

from swarmtui.frozen import mutable
from swarmtui.plan.model import JSON

LINE_BYTES = 64 * 1024 * 1024
"""A longer line is told and passed over."""
FILE_BYTES = 512 * 1024 * 1024
"""A file of another program that is larger is refused: it has to be known as a whole."""
DEEPEST = 200
"""JSON values that are nested deeper are refused."""
NAMES, NAME_CHARS = 24, 40
"""Of what is passed over, so many names are told, each so long."""
TOLD = 50
"""Of so many problems the text is kept; the rest are counted."""


class BadInput(Exception):
    """The file cannot be imported; the text is one line per problem, each with the file and, where known, the line."""


@mutable
class Problems:
    """What is wrong with a file, with its lines."""

    file: str
    told: list[str] = field(default_factory=list)
    total: int = 0

    def add(self, line: int, what: str) -> None:
        """Note that `what` is wrong with line `line`."""
        self.total += 1
        if self.total <= TOLD:
            self.told.append(f"{self.file}:{line}: {what}")

    def lines(self) -> list[str]:
        """All of it, to be read."""
        more = self.total - len(self.told)
        return [*self.told, f"{self.file}: and {more} more like these"] if more else list(self.told)


def numbered(file: BinaryIO, limit: int = LINE_BYTES) -> Iterator[tuple[int, bytes | None]]:
    """(number, line without its end) of each line; None for one of more than `limit` bytes. No more is held at once."""
    number = 0
    while line := file.readline(limit + 1):
        number += 1
        if len(line) > limit and not line.endswith(b"\n"):
            while (rest := file.readline(1024 * 1024)) and not rest.endswith(b"\n"):
                pass
            yield number, None
            continue
        line = line.rstrip(b"\r\n")
        yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def text_of(line: bytes | None) -> str:
    """The line's text. Raises ValueError, with a reason to show."""
    if line is None:
        raise ValueError(f"is longer than {LINE_BYTES >> 20} MiB")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is no UTF-8 (byte {error.start + 1})") from None


def loads(text: str) -> JSON:
    """The JSON value that `text` is. Raises ValueError, with a reason to show, also for what is no JSON but passes as
    such elsewhere (NaN), and for what is nested without end."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(f"is nested more than {DEEPEST} deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON ({error.msg}, column {error.colno})") from None
    except ValueError as error:  # a number with thousands of digits, or _refuse's
        raise ValueError(f"is no JSON ({str(error).partition(';')[0]})") from None
    if text.count("[") + text.count("{") > DEEPEST and _depth(value) > DEEPEST:
        raise ValueError(f"is nested more than {DEEPEST} deep")
    return value


class Passed:
    """What was passed over, by name, and how often each: as many names as a person would read, the rest as one."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()
        self._more = 0

    def add(self, name: str) -> None:
        """Once more `name`."""
        name = name[:NAME_CHARS]
        if name in self._found or len(self._found) < NAMES:
            self._found[name] += 1
        else:
            self._more += 1

    def __bool__(self) -> bool:
        return bool(self._found)

    def __str__(self) -> str:
        told = [f"{name} ({count})" for name, count in self._found.most_common()]
        return ", ".join([*told, f"others ({self._more})"] if self._more else told)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _depth(value: JSON) -> int:
    """How deep lists and objects are nested, without recursion."""
    level, deep = [value], 0
    while level:
        inner = [one for one in level if isinstance(one, dict | list)]
        deep += bool(inner)
        level = [part for one in inner for part in (one.values() if isinstance(one, dict) else one)]
    return deep
