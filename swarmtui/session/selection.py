"""Which items of a map a command means: a filter over what is known of them, resolved to indices."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from swarmtui.frozen import frozen
from swarmtui.session.vocabulary import ENDED, ErrorInfo, ErrorKind, State

if TYPE_CHECKING:
    from swarmtui.session.items import Items

RETRYABLE_STATES: frozenset[State] = frozenset(
    {State.FAILED, State.CANCELLED, State.SKIPPED, State.INTERRUPTED, State.SUCCEEDED, State.STALE}
)
"""States in which an item may be asked to run again."""
BAD: frozenset[State] = frozenset({State.FAILED, State.CANCELLED, State.SKIPPED, State.INTERRUPTED})
TEXT_CHARS = 300
PATTERN_CHARS = 200
_REPEATS, _WAYS = 2, 32
PATIENCE_S = 2.0
"""What looking for a regular expression in all messages may take."""


class FilterError(ValueError):
    """A filter that cannot be used; the text says why and what would do."""


@frozen
class ItemFilter:
    """What an item must be to be meant; every part that is set must hold."""

    states: frozenset[State] = BAD
    kinds: frozenset[ErrorKind] = frozenset()
    """Kinds of its last error; empty: any, or none."""
    matching: str | None = None
    """A regular expression that its last error's message holds (its first 300 characters)."""
    ranges: tuple[tuple[int, int], ...] = field(default=())
    """Items from and to, both included; empty: all."""


def item_filter(where: Mapping[str, Any]) -> ItemFilter:
    """The filter that a command's ``where`` describes: ``{state?, kind?, error?, items?}``.

    `state` and `kind` are a name or a list of names, `error` is a regular expression, `items` is a list of numbers and
    of ranges such as ``"10-19"``, or one such text with commas. Raises FilterError.
    """
    unknown = set(where) - {"state", "kind", "error", "items"}
    if unknown:
        raise FilterError(
            f"a filter has no {', '.join(sorted(map(str, unknown)))}: it has state, kind, error and items"
        )
    states = frozenset(_named(State, name, "state") for name in _names(where.get("state"), "state"))
    kinds = frozenset(_named(ErrorKind, name, "kind") for name in _names(where.get("kind"), "kind"))
    matching = where.get("error")
    if matching is not None:
        if not isinstance(matching, str):
            raise FilterError("error is a regular expression")
        _compiled(matching)
    if states - ENDED - {State.INTERRUPTED}:
        raise FilterError("state is one in which an item has ended: " + ", ".join(sorted(RETRYABLE_STATES)))
    return ItemFilter(states or BAD, kinds, matching, _ranges(where.get("items")))


def select_items(items: Items, chosen: ItemFilter) -> tuple[int, ...]:
    """Indices of the items that are meant, ascending. Raises FilterError if its regular expression is of no use."""
    pattern = None if chosen.matching is None else _compiled(chosen.matching)
    spans = chosen.ranges or ((0, items.total - 1),)
    found = {index for state in chosen.states for index in items.where(state) if _within(index, spans)}
    if not chosen.kinds and pattern is None:
        return tuple(sorted(found))
    matched: dict[str, bool] = {}  # of a hundred thousand failures most say the same
    meant = []
    until = time.monotonic() + PATIENCE_S
    for index in sorted(found):
        error = items.errors.get(index)
        if error is None or (chosen.kinds and error.kind not in chosen.kinds):
            continue
        if pattern is not None:
            text = error.message[:TEXT_CHARS]
            if text not in matched:
                matched[text] = pattern.search(text) is not None
                if time.monotonic() > until:
                    raise FilterError("the regular expression takes too long on these messages: write a plainer one")
            if not matched[text]:
                continue
        meant.append(index)
    return tuple(meant)


def meets(chosen: ItemFilter, state: State, error: ErrorInfo | None) -> bool:
    """Whether a node that is no map is meant, by its state and its last error. Raises FilterError."""
    if state not in chosen.states or chosen.ranges:
        return False
    if not chosen.kinds and chosen.matching is None:
        return True
    if error is None or (chosen.kinds and error.kind not in chosen.kinds):
        return False
    return chosen.matching is None or _compiled(chosen.matching).search(error.message[:TEXT_CHARS]) is not None


def _within(index: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(first <= index <= last for first, last in spans)


def _names(value: Any, what: str) -> list[str]:
    if value is None:
        return []
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FilterError(f"{what} is a name or a list of names")
    return [name.strip() for name in names if name.strip()]


def _named(kind: type[StrEnum], name: str, what: str) -> Any:
    try:
        return kind(name)
    except ValueError:
        raise FilterError(f"no {what} is called {name[:40]!r}: there are {', '.join(kind)}") from None


def _ranges(value: Any) -> tuple[tuple[int, int], ...]:
    if value is None:
        return ()
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise FilterError('items is a list of numbers and ranges, such as "0-99,250"')
    return tuple(_range(part) for part in parts)


def _range(part: Any) -> tuple[int, int]:
    if isinstance(part, int) and not isinstance(part, bool) and part >= 0:
        return part, part
    found = re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", part) if isinstance(part, str) else None
    if found is None:
        raise FilterError(f'items is a list of numbers and ranges, such as "0-99,250": {part!r} is none')
    first = int(found[1])
    last = first if found[2] is None else int(found[2])
    if last < first:
        raise FilterError(f"the range {part!r} ends before it begins")
    return first, last


@lru_cache(maxsize=16)
def _compiled(pattern: str) -> re.Pattern[str]:
    """`pattern`, if it is of so plain a kind that it cannot take long on a short text: the host must not wait for it.

    Refused are repeated groups, references back, conditions and flags within, more than a few repeats, and many
    choices: of what is left the work grows with the length of the text to the power of the repeats and one, no faster.
    """
    if len(pattern) > PATTERN_CHARS:
        raise FilterError(f"the regular expression is longer than {PATTERN_CHARS} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # that sets may once mean something else
            compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise FilterError(f"not a regular expression: {error}") from error
    if not _is_plain(pattern):
        raise FilterError(
            f"the regular expression could take for ever: have at most {_REPEATS} repeats, each of a single character "
            "or set and none of a group, and few choices"
        )
    return compiled


_PARTS = re.compile(
    r"""(?P<set> \[\^?\]? (?: [^\]\\] | \\. )* \] )        # a first bracket in a set is a character of it
      | (?P<refused> \\[1-9] | \(\?(?!:) | \) (?= [*+{] ) )   # references back, groups that are more, repeated ones
      | (?P<opened> \( (?: \?: )? )
      | (?P<closed> \) )
      | (?P<choice> \| )
      | (?P<repeat> (?: [*+] | \{ [^{}]* \} | \{ ) [?+]? )
      | (?P<optional> \? [?+]? )
      | \\. | .""",
    re.VERBOSE | re.DOTALL,
)


def _is_plain(pattern: str) -> bool:
    """Whether a valid pattern is one of those that :func:`_compiled` lets pass. A brace that is no repeat is taken for
    one: what is refused needlessly can be written otherwise.

    Choices within groups and what is optional multiply the ways in which a text can be tried; choices of the whole
    pattern are tried one after the other.
    """
    repeats, ways = 0, 1
    choices: list[int] = []
    for part in _PARTS.finditer(pattern):
        match part.lastgroup:
            case "refused":
                return False
            case "repeat":
                repeats += 1
            case "optional":
                ways *= 2
            case "opened":
                choices.append(1)
            case "choice" if choices:
                choices[-1] += 1
            case "closed" if choices:
                ways *= choices.pop()
            case _:
                pass
    return repeats <= _REPEATS and ways <= _WAYS
