"""Problems of a task file or plan: what is wrong, where, and how to mend it; all of them reported at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from swarmtui.frozen import frozen

Path = tuple[str | int, ...]
"""Where a value is within a document: keys and indices from the top."""


@frozen
class Problem:
    """One mistake. As text: ``file:line:column: what: how to mend it``, always one line."""

    file: str | None
    line: int | None
    """From 1; None where there is no text with lines, as with a planner's JSON."""
    column: int | None
    message: str
    fix: str = ""
    path: str = ""
    """Where in the data, such as ``nodes.scan.needs[0]``; printed where there is no line."""

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        path = self.path if self.line is None else ""
        return ": ".join(part for part in (where, path, self.message, self.fix) if part)


class TaskError(Exception):
    """A task file or plan cannot be used; `problems` is everything that is wrong with it, in order of place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@frozen
class Finding:
    """A problem before its place is known in lines: where in the data, and whether the key itself is at fault."""

    path: Path
    message: str
    fix: str = ""
    at_key: bool = False


def path_text(path: Sequence[str | int]) -> str:
    """`path` as people write it: ``nodes.scan.needs[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return shown(text, 200) if text else "the plan"


def shown(text: str, limit: int = 60) -> str:
    """`text` on one line for a message: cut at `limit` characters, what cannot be printed escaped."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


class Nearest:
    """Finds the known word that was probably meant. It stops guessing once `budget` comparisons are spent.

    So a file with thousands of wrong names among thousands of known ones is checked as fast as a right one.
    """

    def __init__(self, budget: int = 20_000) -> None:
        self._budget = budget

    def hint(self, word: str, known: Iterable[str], otherwise: str = "") -> str:
        """``did you mean X?`` for the nearest of `known`, else `otherwise`."""
        meant = self.meant(word, known)
        return otherwise if meant is None else f"did you mean {shown(meant)}?"

    def meant(self, word: str, known: Iterable[str]) -> str | None:
        """The nearest of `known`; None if none is near."""
        words = {other.casefold(): other for other in known}
        self._budget -= len(words)
        if self._budget < 0 or len(word) > 100:
            return None
        close = get_close_matches(word.casefold(), list(words), n=1, cutoff=0.6)
        return words[close[0]] if close else None


def listed(words: Iterable[str], limit: int = 12) -> str:
    """`words` for a message, the first `limit` of them."""
    names = [shown(word) for word in words]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
