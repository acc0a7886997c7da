"""Missing tests and documentation: what no test so much as names, and what is public without a docstring."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from analysis import Finding, Project, about_project, fact, finding_of, plural, ruff, rules_of, words

MANY = 40
"""Files of one folder that are told one by one; more of them are one finding on the folder."""

_DEFINED = re.compile(r"\b(?:def|class)\s+(\w+)")
_NOT_TESTED = {"version", "setup"}


def documentation(project: Project) -> Iterator[Finding]:
    """One finding per source file with public names that have no docstring, and their number in the project."""
    missing: dict[str, list[dict[str, Any]]] = {}
    for diagnostic in ruff(project, project.sources, rules_of("documentation")):
        if diagnostic["code"] != "invalid-syntax":
            missing.setdefault(diagnostic["path"], []).append(diagnostic)
    total = 0
    findings = []
    for path, diagnostics in missing.items():
        lines = project.lines(path)
        members = [(row, name) for diagnostic in diagnostics if (name := _defined(lines, row := _row(diagnostic)))]
        if members:  # a module without a docstring of its own, but with all others, is no news
            total += len(members)
            findings.append(_undocumented(diagnostics[0], members))
    yield from _by_folder(findings, "have public definitions without a docstring")
    if total:
        yield fact(
            f"{plural(total, 'public definition')} without a docstring in the sources", "docstrings", "documentation"
        )


def _row(diagnostic: dict[str, Any]) -> int:
    return int(diagnostic["location"]["row"])


def _defined(lines: list[str], row: int) -> str:
    """The name of the function or class at a line; empty for a module, and for what Python itself calls."""
    match = _DEFINED.search(lines[row - 1]) if row <= len(lines) else None
    return "" if match is None or match[1].startswith("__") else match[1]


def _undocumented(diagnostic: dict[str, Any], members: list[tuple[int, str]]) -> Finding:
    names = [f"`{name}` ({row})" for row, name in members]
    told = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return finding_of(
        diagnostic,
        "documentation",
        line=members[0][0],
        rule="missing-docstring",
        end_line=None,
        message=f"{plural(len(members), 'public definition')} without a docstring: {told}",
    )


def tests(project: Project) -> Iterator[Finding]:
    """Source modules of which no test names the module or anything public in it."""
    if not project.tests:
        yield about_project("there are no tests: no folder tests, no test_*.py", "no-tests", "medium", "tests")
        return
    named: set[str] = set()
    for path in project.tests:
        named |= words("\n".join(project.lines(path)))
    bare = []
    for path in project.sources:
        stem = path.rsplit("/", 1)[-1].removesuffix(".py")
        public = _public_names("\n".join(project.lines(path)))
        if (
            not stem.startswith("_")
            and stem not in _NOT_TESTED
            and public
            and stem not in named
            and named.isdisjoint(public)
        ):
            bare.append(_untested(path, public))
    yield from _by_folder(bare, "are not named, nor is anything public in them, by any test")
    share = f"{len(project.sources) - len(bare):,} of {plural(len(project.sources), 'source file')}"
    yield fact(f"{plural(len(project.tests), 'test file')}; they name something of {share}", "tests", "tests")


def _by_folder(findings: list[Finding], what: str) -> Iterator[Finding]:
    """`findings`, with those of a folder that has more than :data:`MANY` of them told as one."""
    folders: dict[str, list[Finding]] = {}
    for finding in findings:
        folders.setdefault(finding["path"].rpartition("/")[0], []).append(finding)
    for folder, group in folders.items():
        if len(group) <= MANY:
            yield from group
        else:
            message = f"{plural(len(group), 'module')} of `{folder or '.'}` {what}"
            places = [{"path": finding["path"], "line": finding["line"]} for finding in group[1:]]
            yield {**group[0], "message": message, "related": places}


def _public_names(text: str) -> list[str]:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # told by the bug patterns
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in body if isinstance(node, kinds) and not node.name.startswith("_")]


def _untested(path: str, public: list[str]) -> Finding:
    named = ", ".join(f"`{name}`" for name in public[:3]) + (", …" if len(public) > 3 else "")
    return {
        "path": path,
        "line": 1,
        "severity": "low",
        "rule": "untested-module",
        "message": f"no test names this module or anything public in it ({named})",
        "tool": "inventory",
        "category": "tests",
    }


_project = Project.load(globals()["inputs"]["inventory"])
result = [*tests(_project), *documentation(_project)]
