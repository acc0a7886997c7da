"""Bug patterns: what ruff's pyflakes, bugbear, pylint, asyncio and related rules find, and files that do not parse.

Where a rule is often right and often not, the syntax tree decides. In tests only what makes a test fail or say nothing
is told, one severity lower, and in scripts and examples everything is.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import syntax
from analysis import Finding, Project, finding_of, milder, ruff, rules_of

_FINE_IN_TESTS = {"B015", "T100", "RUF018"}
_OPTIONAL_IMPORT = "importlib.util.find_spec"  # ruff's advice where an import stands in try … except ImportError
_OLD_BUILTINS = set(
    "basestring buffer cmp execfile file long raw_input reduce unichr unicode xrange".split()  # noqa: SIM905
)
_FOR_BOTH = re.compile(r"version_info|\bPY[23]\b|NameError|\bsix\b|hexversion")
_DEFINES_BY_EXECUTION = re.compile(r"\bexec(file)?\s*\(|\bglobals\(\)|\b__getattr__\b|\blocals\(\)")
_UNDEFINED = re.compile(r"name `(\w+)`")
_BOUND = re.compile(r"`(?:[\w.]+ as )?(?:[\w.]+\.)?(\w+)` imported but unused")
_CALLED = re.compile(r"call `(?:[\w.]+\.)?(\w+)`")
_FROZEN_CLASS = re.compile(r"@[\w.]*dataclass\([^)]*frozen=True[^)]*\)\s*class (\w+)")
_SELF_ASSIGNED = re.compile(r"variable `(\w+)`")
_FIRST_DEFINED = re.compile(r"from line (\d+)")
_FROM_IMPORT = re.compile(r"^\s*from\s+([.\w]+)\s+import\s+(\([^)]*\)|.*)", re.MULTILINE)


def bugs(project: Project) -> Iterator[Finding]:
    """Findings on all files of the project."""
    broken: set[str] = set()
    strict = [code for code in rules_of("bugs", "high", "medium") if code not in _FINE_IN_TESTS]
    judge = Judge(project)
    parts = ((project.sources, rules_of("bugs")), (project.extras, rules_of("bugs")), (project.tests, strict))
    for files, rules in parts:
        source = files is project.sources
        for diagnostic in ruff(project, files, rules):
            if diagnostic["code"] == "invalid-syntax" or diagnostic["code"] is None:
                if diagnostic["path"] not in broken:  # the first error of a file; the others follow from it
                    broken.add(diagnostic["path"])
                    yield _syntax_error(diagnostic, "high" if source else "medium")
                continue
            found = judge.finding(diagnostic)
            if found is not None:
                yield found if source else {**found, "severity": milder(found["severity"])}


def _syntax_error(diagnostic: dict[str, Any], severity: str) -> Finding:
    message = f"this file does not parse, so that nothing else in it was reviewed: {diagnostic['message']}"
    return finding_of(diagnostic, "bugs", rule="syntax-error", message=message, severity=severity)


class Judge:
    """Decides of a diagnostic whether it is worth telling, and how bad it is."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._shared: dict[str, set[str]] | None = None
        self._frozen: set[str] | None = None

    def finding(self, diagnostic: dict[str, Any]) -> Finding | None:
        """The finding; None if the diagnostic is wrong here or not worth telling."""
        lines = self._project.lines(diagnostic["path"])
        if self._is_meant(diagnostic, lines):
            return None
        tree = syntax.parsed("\n".join(lines) + "\n")
        return finding_of(diagnostic, "bugs") if tree is None else _by_syntax(diagnostic, tree, lines)

    def _is_meant(self, diagnostic: dict[str, Any], lines: list[str]) -> bool:
        """Whether the text around it, or the rest of the project, shows that nothing is wrong."""
        match diagnostic["code"]:
            case "F401" | "F403":
                meant = self._is_for_others(diagnostic)
            case "F811":
                meant = _is_overload(diagnostic, lines)
            case "F821" | "F822":
                meant = _may_be_defined(diagnostic, lines)
            case "INT001" | "INT002" | "INT003":
                meant = not any("gettext" in line for line in lines)  # some other function called _
            case "RUF009":
                meant = self._makes_a_frozen_value(diagnostic)
            case "PLW0127":
                name = _SELF_ASSIGNED.search(diagnostic["message"])
                meant = name is not None and hasattr(builtins, name[1])
            case _:
                meant = False
        return meant

    def _is_for_others(self, diagnostic: dict[str, Any]) -> bool:
        """Whether an unused import may be there so that it can be imported, or to see whether it can be."""
        module = diagnostic["path"].rsplit("/", 1)[-1].removesuffix(".py")
        if module == "__init__" or "compat" in module or _OPTIONAL_IMPORT in diagnostic["message"]:
            return True
        name = _BOUND.search(diagnostic["message"])
        names = self._imported_from().get(module, set())
        return "*" in names or bool(name and name[1] in names)

    def _makes_a_frozen_value(self, diagnostic: dict[str, Any]) -> bool:
        """Whether the default that all instances share is of a class of the project that cannot be changed."""
        if self._frozen is None:
            texts = ("\n".join(self._project.lines(path)) for path in self._project.sources)
            self._frozen = {name for text in texts for name in _FROZEN_CLASS.findall(text)}
        called = _CALLED.search(diagnostic["message"])
        return called is not None and called[1] in self._frozen

    def _imported_from(self) -> dict[str, set[str]]:
        """What files of the project import from a module of this name."""
        if self._shared is None:
            self._shared = {}
            for path in (*self._project.sources, *self._project.tests, *self._project.extras):
                for module, names in _FROM_IMPORT.findall("\n".join(self._project.lines(path))):
                    told = set(re.findall(r"\w+|\*", re.sub(r"#.*|\bas\s+\w+", "", names)))
                    self._shared.setdefault(module.rsplit(".", 1)[-1], set()).update(told)
        return self._shared


def _is_overload(diagnostic: dict[str, Any], lines: list[str]) -> bool:
    first = _FIRST_DEFINED.search(diagnostic["message"])
    above = lines[max(0, int(first[1]) - 4) : int(first[1])] if first else []
    return any(re.match(r"\s*@.*(overload|register|setter|getter|deleter)\b", line) for line in above)


def _may_be_defined(diagnostic: dict[str, Any], lines: list[str]) -> bool:
    """Whether the name comes from where ruff does not look: executed code, or a Python 2 that the file asks for."""
    text, name = "\n".join(lines), _UNDEFINED.search(diagnostic["message"])
    if _DEFINES_BY_EXECUTION.search(text):
        return True
    return name is not None and name[1] in _OLD_BUILTINS and bool(_FOR_BOTH.search(text))


def _is_handled(tree: Any, row: int, _: int) -> bool:
    return not syntax.drops_the_exception(tree, row) or syntax.only_tidies_up(tree, row)


_REFUTED: dict[str, Callable[[Any, int, int], bool]] = {
    "BLE001": _is_handled,
    "S110": _is_handled,
    "S112": _is_handled,
    "E722": lambda tree, row, _: syntax.raises_again(tree, row) or syntax.only_tidies_up(tree, row),
    "SIM115": lambda tree, row, column: not syntax.leaks_the_file(tree, row, column),
    "B018": syntax.is_attribute,
    "F821": lambda tree, row, _: syntax.in_try_for(tree, row, "NameError"),
    "B023": lambda tree, row, column: not syntax.outlives_the_turn(tree, row, column),
}
"""Rule -> whether the syntax tree shows that it is wrong here."""

_HARMLESS: dict[str, Callable[[Any, int, int], bool]] = {
    "B006": lambda tree, row, column: not syntax.default_is_shared(tree, row, column),
    "F821": syntax.in_annotation,
}
"""Rule -> whether the syntax tree shows that nothing comes of it."""


def _by_syntax(diagnostic: dict[str, Any], tree: Any, lines: list[str]) -> Finding | None:
    code, row = diagnostic["code"], diagnostic["location"]["row"]
    prefix = lines[row - 1][: diagnostic["location"]["column"] - 1] if row <= len(lines) else ""
    place = (tree, row, len(prefix.encode()))  # the tree counts bytes
    if code in _REFUTED and _REFUTED[code](*place):
        return None
    if code in _HARMLESS and _HARMLESS[code](*place):
        return finding_of(diagnostic, "bugs", severity="low")
    return finding_of(diagnostic, "bugs")


result = list(bugs(Project.load(globals()["inputs"]["inventory"])))
