"""What was typed, held against names: whole words and beginnings before all else, scattered letters never. Pure.

Letters that merely occur in the right order make ``fork`` of "one worker fewer", and enter acts on what stands first:
what is offered must be what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from swarmtui.tui.view.lines import Line, Role, Span, spans_of

_WORD = re.compile(r"\w+")


def wanted(typed: str) -> list[tuple[str, bool]]:
    """The words of a filter, and whether each must not occur: ``!word``."""
    return [(word.lstrip("!"), word.startswith("!")) for word in typed.casefold().split() if word.lstrip("!")]


def filter_of(typed: str) -> Callable[[str], bool]:
    """A test for what a row says, as every filter has it: each word must occur in it, ``!word`` must not."""
    words = wanted(typed)

    def fits(said: str) -> bool:
        told = said.casefold()
        return all((word in told) != negated for word, negated in words)

    return fits


def closeness(typed: str, name: str, description: str = "") -> float:
    """How well `name` and `description` fit what was typed: from 1, it is the name, to 0, not at all."""
    typed, name = typed.casefold().strip(), name.casefold()
    if not typed:
        return 0.0
    told = f"{name} {description.casefold()}"
    words = typed.split()
    for worth, fits in (
        (1.0, typed == name),
        (0.9, name.startswith(typed)),
        (0.8, _begin_words_of(words, name)),
        (0.7, typed in name),
        (0.6, _begin_words_of(words, told)),
        (0.5, all(word in told for word in words)),
    ):
        if fits:
            return worth
    return 0.0


def _begin_words_of(words: list[str], text: str) -> bool:
    begun = _WORD.findall(text)
    return all(any(one.startswith(word) for one in begun) or (not word.isalnum() and word in text) for word in words)


def places(typed: str, text: str) -> list[tuple[int, int]]:
    """Where in `text` the words that were typed stand, each once, as (start, end): at the beginning of a word if they
    do stand there."""
    found: list[tuple[int, int]] = []
    for word in typed.casefold().split():
        begun = re.search(rf"\b{re.escape(word)}", text, re.IGNORECASE) if word[0].isalnum() else None
        place = begun or re.search(re.escape(word), text, re.IGNORECASE)
        if place is not None:
            found.append(place.span())
    return found


def rows_with(words: Sequence[str], lines: Sequence[Line], at: int) -> int:
    """How many lines from `at` on it takes to have all of the folded `words`: 1, or 2 where they stand on both sides
    of a break, as those of a wrapped sentence may; else 0."""
    told = _folded(lines[at])
    if all(word in told for word in words):
        return 1
    after = _folded(lines[at + 1]) if at + 1 < len(lines) else ""
    if all(word in after for word in words):
        return 0  # that line has them
    return 2 if after and all(word in told or word in after for word in words) else 0


def _folded(line: Line) -> str:
    return "".join(part for part, _ in line).strip().casefold()


def lit(words: Sequence[str], line: Line, role: Role = "ask") -> Line:
    """`line` with the words in it told apart by `role`."""
    return tuple(part for span in line for part in _lit(words, span, role)) if words else line


def _lit(words: Sequence[str], span: Span, lit_role: Role) -> list[Span]:
    text, role = span
    roles = [role] * len(text)
    for start, end in (place for word in words for place in places(word, text)):
        roles[start:end] = [lit_role] * (end - start)
    return spans_of(text, roles)
