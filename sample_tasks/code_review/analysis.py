"""What the steps of the review share: the files to look at, how an analyser is run, and what a finding is.

The project under review is somebody else's and may be hostile: nothing of it is imported or executed, its own
configuration of the analysers is not read, and analysers run outside its folder.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NoReturn

from swarmtui.workers.rules import RUFF_RULES, severity_of

NEWEST_PYTHON = "py314"
"""Newer syntax than this is a syntax error to the review; older one never is."""

_ARGUMENT_BYTES = 100_000  # of file names per command; the least that a POSIX system grants is a little more
_BUILTINS = '["_", "ngettext", "reveal_type"]'  # names that programs find without defining them
_TIMEOUT_S = 900

Finding = dict[str, Any]


@dataclass(frozen=True)
class Project:
    """The files under review, as paths relative to `root` with ``/`` between their parts."""

    root: Path
    sources: tuple[str, ...]
    tests: tuple[str, ...]
    extras: tuple[str, ...]
    """Examples, documentation, scripts and packaging: code that nobody imports."""

    @classmethod
    def load(cls, inventory: str) -> Project:
        """The project that the inventory step described in the file `inventory`."""
        data = json.loads(Path(inventory).read_text(encoding="utf-8"))
        return cls(Path(data["root"]), *(tuple(data[kind]) for kind in ("sources", "tests", "extras")))

    def lines(self, path: str) -> list[str]:
        """The lines of a file, as Python counts them; what is no UTF-8 in it is replaced."""
        return _lines(self.root / path)


@lru_cache(maxsize=16)
def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace").removeprefix("\ufeff")  # turns every line end into \n
    return text.removesuffix("\n").split("\n")


def stop(message: str) -> NoReturn:
    """End this step as failed; `message` is what the user reads."""
    print(message, file=sys.stderr)  # noqa: T201
    raise SystemExit(1)


def require(*modules: str) -> None:
    """Stop unless the analysers are installed."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        stop(f"{' and '.join(missing)} is not installed: pip install 'swarmtui[samples]'")


def run(argv: Sequence[str], ok_exit: Iterable[int] = (0, 1)) -> subprocess.CompletedProcess[str]:
    """A module of this Python as a program, in an empty folder; stops if it ends with another code than `ok_exit`."""
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(  # -P: nothing is imported from the folder it runs in
            [sys.executable, "-P", "-m", *argv],
            cwd=empty,
            env={name: value for name, value in os.environ.items() if not name.startswith(("RUFF_", "PYTHONPATH"))},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    if done.returncode not in ok_exit:
        stop(f"{argv[0]} failed with exit code {done.returncode}: {done.stderr.strip()[-1000:]}")
    return done


def ruff(
    project: Project, files: Sequence[str], rules: Iterable[str], *options: str, noqa: bool = True
) -> Iterator[dict[str, Any]]:
    """Ruff's diagnostics on `files`, each with ``path`` relative to the project, in ruff's order.

    With `noqa` false also those that a comment in the source suppresses. ``invalid-syntax`` is always among them.
    """
    require("ruff")
    selection = ",".join(code for code in rules if code in _rules_of_this_ruff())
    for batch in _batches(str(project.root / path) for path in files):
        argv = ["ruff", "check", "--isolated", "--no-cache", "--quiet", "--output-format", "json"]
        argv += ["--target-version", NEWEST_PYTHON, "--config", f"builtins={_BUILTINS}", "--select", selection]
        argv += [*options, *(() if noqa else ("--ignore-noqa",)), "--", *batch]
        for diagnostic in json.loads(run(argv).stdout or "[]"):
            yield {**diagnostic, "path": Path(diagnostic["filename"]).relative_to(project.root).as_posix()}


@cache
def _rules_of_this_ruff() -> frozenset[str]:
    """The rules that the installed ruff has: one that it dropped would be an error to ask for."""
    known = json.loads(run(["ruff", "rule", "--all", "--output-format", "json"]).stdout)
    return frozenset(rule["code"] for rule in known if "Removed" not in str(rule.get("status")))


def finding_of(diagnostic: dict[str, Any], category: str, **changes: object) -> Finding:
    """The finding that one of ruff's diagnostics is, with `changes` to it."""
    code, message = diagnostic["code"], diagnostic["message"]
    found = {
        "path": diagnostic["path"],
        "line": diagnostic["location"]["row"],
        "column": diagnostic["location"]["column"],
        "end_line": diagnostic["end_location"]["row"],
        "severity": severity_of("ruff", code, message) or "low",
        "rule": code,
        "message": message,
        "tool": "ruff",
        "category": category,
    }
    return {**found, **changes}


def fact(message: str, rule: str, category: str | None = None) -> Finding:
    """Something true of the whole project, which nobody needs to mend."""
    return about_project(message, rule, "info", category)


def about_project(message: str, rule: str, severity: str, category: str | None) -> Finding:
    """A finding without a place."""
    return {
        "path": None,
        "line": None,
        "severity": severity,
        "rule": rule,
        "message": message,
        "tool": "inventory",
        "category": category,
    }


def rules_of(category: str, *severities: str) -> list[str]:
    """Ruff's rules for a category that are worth reporting, of the given severities or of all."""
    return [
        code
        for code, (severity, about) in RUFF_RULES.items()
        if about == category and severity in (severities or (severity,))
    ]


def milder(severity: str) -> str:
    """The next lower severity, but for ``info``."""
    return {"critical": "high", "high": "medium", "medium": "low"}.get(severity, severity)


def plural(number: int, noun: str) -> str:
    """``1 file``, ``2,000 files``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def words(text: str) -> set[str]:
    """The identifiers in `text`."""
    return set(re.findall(r"[^\W\d]\w*", text))


def _batches(paths: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for path in paths:
        length = len(os.fsencode(path)) + 1
        if batch and size + length > _ARGUMENT_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += length
    if batch:
        yield batch
