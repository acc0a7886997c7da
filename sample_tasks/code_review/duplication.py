"""Duplicated code, as pylint's similarity checker sees it: comments, docstrings, imports and signatures do not count.

The checker compares every pair of files, which takes hours for thousands of files. So it is given only files that
share lines: those that have a run of :data:`SHARED` lines in common with another, found by hashing.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from analysis import Finding, Project, plural, require

SMALLEST = 12
"""Lines of code that two files must share in one piece."""
SHARED = 5
"""Lines in a row that make two files worth comparing; fewer than SMALLEST, since what is ignored may lie between."""
COMMON = 20
"""A run of lines in more files than this is a table, a licence or a habit, and not looked into."""

_HEADER = re.compile(r"(\d+) similar lines in (\d+) files")
_PLACE = re.compile(r"==(\d+):\[(\d+):(\d+)\]")


def duplication(project: Project) -> Iterator[Finding]:
    """One finding per duplicated piece, at its first place, with the others as related."""
    require("pylint")
    texts = {path: "\n".join(project.lines(path)) for path in project.sources}
    for group in _candidates({path: text for path, text in texts.items() if _parses(text)}):
        names = sorted(group)
        for number, places in _similarities(names, [texts[name] for name in names]):
            yield _finding(number, places)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _candidates(texts: dict[str, str]) -> list[set[str]]:
    """Groups of files, each of which shares lines with another of its group."""
    holders: dict[int, set[str]] = {}
    for path, text in texts.items():
        code = [line for raw in text.splitlines() if len(line := raw.strip()) > 3 and not line.startswith("#")]
        for start in range(len(code) - SHARED + 1):
            holders.setdefault(hash(tuple(code[start : start + SHARED])), set()).add(path)
    shared: dict[tuple[str, str], int] = {}
    for paths in holders.values():
        if 1 < len(paths) <= COMMON:
            first, *others = sorted(paths)
            for other in others:
                shared[first, other] = shared.get((first, other), 0) + 1
    return _connected(pair for pair, runs in shared.items() if runs > 2)


def _connected(pairs: Iterable[tuple[str, str]]) -> list[set[str]]:
    group_of: dict[str, set[str]] = {}
    for one, other in pairs:
        joined = group_of.get(one, {one}) | group_of.get(other, {other})
        for path in joined:
            group_of[path] = joined
    return list({id(group): group for group in group_of.values()}.values())


def _similarities(names: list[str], texts: list[str]) -> Iterator[tuple[int, list[tuple[str, int, int]]]]:
    """Number of lines and places (path, first line, last line) of each similar piece."""
    from pylint.checkers.symilar import Symilar

    checker = Symilar(
        SMALLEST, ignore_comments=True, ignore_docstrings=True, ignore_imports=True, ignore_signatures=True
    )
    for index, text in enumerate(texts):
        checker.append_stream(str(index), io.StringIO(text))
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        checker.run()
    lines = iter(output.getvalue().split("\n"))
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header:
            found = [_PLACE.fullmatch(next(lines)) for _ in range(int(header[2]))]
            places = [(names[int(match[1])], int(match[2]) + 1, int(match[3])) for match in found if match]
            yield int(header[1]), sorted(places)


def _finding(number: int, places: list[tuple[str, int, int]]) -> Finding:
    (path, first, last), *others = places
    return {
        "path": path,
        "line": first,
        "end_line": last,
        "severity": "medium" if number > 60 else "low",
        "rule": "duplicate-code",
        "message": f"{plural(number, 'line')} of code are repeated in {plural(len(others), 'other place')}",
        "tool": "pylint",
        "category": "duplication",
        "related": [{"path": other, "line": start, "end_line": end} for other, start, end in others],
    }


result = list(duplication(Project.load(globals()["inputs"]["inventory"])))
