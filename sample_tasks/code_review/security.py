"""Security patterns: ruff's rules that come from bandit, without those that are seldom right.

A comment in the source that suppresses a rule is the author's word, not the reviewer's: the finding is kept, as info.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from analysis import Finding, Project, finding_of, milder, ruff, rules_of

_PASSWORD_RULES = ("S105", "S106", "S107")
_SUPPRESSED = re.compile(r"#.*\b(noqa|nosec)\b", re.IGNORECASE)
_STRING = re.compile(r"""(["'])((?:\\.|(?!\1).)*)\1""")
_SECRET_WORDS = re.compile(r"token|passw|secret|nonce|salt|csrf|otp|session_?id|api_?key|private_?key", re.IGNORECASE)
_QUERY = re.compile(r"execut|query|cursor|sql|\braw\(", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"change|example|dummy|test|your|xxx|todo|placeholder|secret|pass", re.IGNORECASE)


def security(project: Project) -> Iterator[Finding]:
    """Findings on sources, and on scripts and examples one severity lower; tests are left out."""
    for files in (project.sources, project.extras):
        for diagnostic in ruff(project, files, rules_of("security"), noqa=False):
            if diagnostic["code"] == "invalid-syntax":
                continue  # told by the bug patterns
            found = _judged(project, diagnostic)
            if found is not None:
                yield found if files is project.sources else {**found, "severity": milder(found["severity"])}


def _judged(project: Project, diagnostic: dict[str, Any]) -> Finding | None:
    lines = project.lines(diagnostic["path"])
    first, last = diagnostic["location"]["row"] - 1, diagnostic["end_location"]["row"]
    code, text = diagnostic["code"], "\n".join(lines[first:last])
    if _is_wrong(code, text, lines[first], diagnostic["location"]["column"] - 1):
        return None
    if any(map(_SUPPRESSED.search, lines[first:last])):
        told = f"{diagnostic['message']} (suppressed in the source)"
        return finding_of(diagnostic, "security", severity="info", message=told)
    if code == "S608" and not _QUERY.search("\n".join(lines[max(0, first - 1) : last + 2])):
        return finding_of(diagnostic, "security", severity="low")  # text about SQL as likely as SQL
    if code == "S311":
        return finding_of(diagnostic, "security", severity="medium")
    return finding_of(diagnostic, "security")


def _is_wrong(code: str, text: str, line: str, column: int) -> bool:
    """Whether the source around a diagnostic shows that it is not what the rule is after."""
    if code in _PASSWORD_RULES:
        return not _looks_like_a_secret(text, column)
    mistaken = {
        "S202": "filter=" in text,
        "S311": not _SECRET_WORDS.search(line),
        "S610": "objects" not in text and "queryset" not in text.lower(),  # some other method called extra
    }
    return mistaken.get(code, False)


def _looks_like_a_secret(text: str, column: int) -> bool:
    """Whether the string there could be a real password or key: neither a word, a name, a path nor a placeholder."""
    match = _STRING.search(text, column) or _STRING.search(text)
    value = match[2] if match else ""
    if len(value) < 8 or re.search(r"[\s{}%<>/]", value) or _PLACEHOLDER.search(value):
        return False
    return bool(re.search(r"\d", value) and re.search(r"[A-Za-z]", value))


result = list(security(Project.load(globals()["inputs"]["inventory"])))
