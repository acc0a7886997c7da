"""Functions that are too complex, too long or take too many arguments by position: one finding per function."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from analysis import Finding, Project, finding_of, ruff, rules_of

LIMITS = {
    "lint.mccabe.max-complexity": 15,
    "lint.pylint.max-branches": 20,
    "lint.pylint.max-statements": 60,
    "lint.pylint.max-positional-args": 8,
}
"""What is still fine. McCabe's own limit is 10; most code between 10 and 15 reads well all the same."""

_ALARMING = {"C901": 40, "PLR0912": 45, "PLR0915": 150, "PLR0917": 1_000}  # above: medium
_TOLD = {
    "C901": "complexity {}",
    "PLR0912": "{} branches",
    "PLR0915": "{} statements",
    "PLR0917": "{} positional arguments",
}
_FIGURE = re.compile(r"\((\d+) ?[>/] ?\d+\)")
_NAME = re.compile(r"\bdef\s+(\w+)")


def complexity(project: Project) -> Iterator[Finding]:
    """Findings on sources and scripts, in order of their files; the worst measure gives the rule."""
    options = [part for name, limit in LIMITS.items() for part in ("--config", f"{name}={limit}")]
    functions: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for files in (project.sources, project.extras):
        for diagnostic in ruff(project, files, rules_of("complexity"), *options):
            if diagnostic["code"] in _TOLD:
                functions.setdefault((diagnostic["path"], diagnostic["location"]["row"]), []).append(diagnostic)
    for (path, row), measures in functions.items():
        yield _told(project.lines(path), row, measures)


def _told(lines: list[str], row: int, measures: list[dict[str, Any]]) -> Finding:
    figures = {measure["code"]: int(match[1]) for measure in measures if (match := _FIGURE.search(measure["message"]))}
    name = _NAME.search(lines[row - 1]) if row <= len(lines) else None
    told = ", ".join(_TOLD[code].format(figure) for code, figure in sorted(figures.items()))
    alarming = any(figure > _ALARMING[code] for code, figure in figures.items())
    return finding_of(
        measures[0],
        "complexity",
        severity="medium" if alarming else "low",
        message=f"`{name[1] if name else 'this function'}` has {told or measures[0]['message']}",
    )


result = list(complexity(Project.load(globals()["inputs"]["inventory"])))
