"""Findings as values: read from JSON, joined where they say the same, put in order.

Reading is lenient about form (a model may fence its JSON or wrap the list in an object) and strict about content: an
entry that is no finding is counted, never guessed at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.plan.schemas import SEVERITIES
from swarmtui.workers.rules import meaning_of

RANK: dict[str, int] = {severity: index for index, severity in enumerate(SEVERITIES)}
"""Severity -> its place, worst first."""

NEAR = 0.75
"""Share of words that two messages must have in common to be taken for one."""

_WINDOW = 100  # findings at one place to compare with: an input that puts thousands on one line stays linear
_FENCE = re.compile(r"```[\w-]*\n(.*?)\n?```", re.DOTALL)
_QUOTED = re.compile(r"[`'\"]([^`'\"]+)[`'\"]")
_WORD = re.compile(r"\w+")


@frozen
class Place:
    """Where: a file, or with `line` (from 1) a place in it."""

    path: str
    line: int | None = None
    end_line: int | None = None


@frozen
class Finding:
    """One thing said about one place. `path` None: about the project; `line` None: about the whole file."""

    path: str | None
    line: int | None
    severity: str
    rule: str
    message: str
    tools: tuple[str, ...]
    column: int | None = None
    end_line: int | None = None
    category: str | None = None
    fix: str | None = None
    related: tuple[Place, ...] = ()
    rules: tuple[str, ...] = ()
    """Further rules that said the same, each as ``tool rule``."""

    @property
    def place(self) -> str:
        """``path:line``, ``path``, or nothing."""
        if self.path is None:
            return ""
        return self.path if self.line is None else f"{self.path}:{self.line}"

    @property
    def is_fact(self) -> bool:
        """Whether it is something true of the project, with nothing to mend."""
        return self.path is None and self.severity == "info"


@frozen
class Read:
    """What was found in one input: findings, and how many entries were not readable as such."""

    findings: tuple[Finding, ...]
    unreadable: int = 0


def read_findings(value: JSON) -> Read | None:
    """The findings that `value` holds: a list of them, or an object with such a list under ``findings``.

    None if it is neither, or if the list has entries none of which is a finding.
    """
    entries = value.get("findings") if isinstance(value, dict) else value
    if not isinstance(entries, list):
        return None
    findings = [found for entry in entries if (found := finding_from_json(entry)) is not None]
    if entries and not findings:
        return None
    return Read(tuple(findings), len(entries) - len(findings))


def parse_json(text: str) -> JSON:
    """The JSON that `text` is, or that its only fenced block is; None if it is not JSON (nor is ``null``)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    blocks = _FENCE.findall(text) if len(text) < 5_000_000 else []
    if len(blocks) != 1:
        return None
    try:
        return json.loads(blocks[0])
    except (ValueError, RecursionError):
        return None


def finding_from_json(entry: JSON) -> Finding | None:
    """The finding that `entry` is, per the built-in schema; None if it is not one."""
    if not isinstance(entry, dict):
        return None
    path, severity, message = entry.get("path"), entry.get("severity"), entry.get("message")
    if not (isinstance(message, str) and message and isinstance(severity, str) and severity in RANK):
        return None
    if "path" not in entry or not (path is None or isinstance(path, str)):
        return None
    tools = entry.get("tools") or [entry.get("tool")]
    return Finding(
        path=path or None,
        line=_count(entry.get("line")),
        severity=severity,
        rule=_text(entry.get("rule")) or "note",
        message=message,
        tools=tuple(tool for tool in tools if isinstance(tool, str) and tool) or ("unknown",),
        column=_count(entry.get("column")),
        end_line=_count(entry.get("end_line")),
        category=_text(entry.get("category")),
        fix=_text(entry.get("fix")),
        related=_places(entry.get("related")),
        rules=tuple(rule for rule in entry.get("rules") or () if isinstance(rule, str)),
    )


def finding_to_json(finding: Finding) -> dict[str, JSON]:
    """The finding per the built-in schema, with ``tools`` and ``rules`` beside the first of each."""
    entry: dict[str, JSON] = {
        "path": finding.path,
        "line": finding.line,
        "severity": finding.severity,
        "rule": finding.rule,
        "message": finding.message,
        "tool": finding.tools[0],
    }
    optional = {"column": finding.column, "end_line": finding.end_line, "category": finding.category}
    entry |= {name: value for name, value in optional.items() if value is not None}
    if finding.fix:
        entry["fix"] = finding.fix
    if len(finding.tools) > 1:
        entry["tools"] = list(finding.tools)
    if finding.rules:
        entry["rules"] = list(finding.rules)
    if finding.related:
        entry["related"] = [
            {"path": place.path, "line": place.line, "end_line": place.end_line} for place in finding.related
        ]
    return entry


def dedupe(findings: Iterable[Finding]) -> list[Finding]:
    """`findings` with those joined that say the same about the same path and line, in the order of their first."""
    groups: dict[tuple[str | None, int | None], list[Finding]] = {}
    order: list[tuple[tuple[str | None, int | None], int]] = []
    for finding in findings:
        key = (finding.path, finding.line)
        group = groups.setdefault(key, [])
        for index in range(max(0, len(group) - _WINDOW), len(group)):
            if same(group[index], finding):
                group[index] = join(group[index], finding)
                break
        else:
            order.append((key, len(group)))
            group.append(finding)
    return [groups[key][index] for key, index in order]


def same(one: Finding, other: Finding) -> bool:
    """Whether two findings at one place say the same.

    Within one tool that takes equal words, or rules that measure the same thing; a tool that reports twice by one rule
    means two things (two unused names in one import). Between tools equal meaning of the rules is enough unless they
    quote other names, or messages that hardly differ and quote the same names.
    """
    if one.message == other.message:
        return True
    shared = not _meanings(one).isdisjoint(_meanings(other))
    if set(one.tools) & set(other.tools):
        return shared and set(_rule_names(one)).isdisjoint(_rule_names(other))
    if shared:
        names, other_names = _quoted(one.message), _quoted(other.message)
        return not (names and other_names and names.isdisjoint(other_names))
    return _near(one.message, other.message)


def join(one: Finding, other: Finding) -> Finding:
    """One finding for two that say the same: the worse severity with its words, every tool and rule."""
    first, second = (one, other) if RANK[one.severity] <= RANK[other.severity] else (other, one)
    rules = dict.fromkeys((*first.rules, *_rule_names(second)))
    rules.pop(_rule_names(first)[0], None)
    return replace(
        first,
        tools=tuple(dict.fromkeys((*first.tools, *second.tools))),
        rules=tuple(rules),
        column=first.column or second.column,
        end_line=first.end_line or second.end_line,
        category=first.category or second.category,
        fix=first.fix or second.fix,
        related=tuple(dict.fromkeys((*first.related, *second.related))),
    )


def rank(findings: Sequence[Finding], by: Literal["severity", "path", "none"]) -> list[Finding]:
    """`findings` in order: worst first, then by place; or by place alone; or as they came."""
    if by == "none":
        return list(findings)
    if by == "path":
        return sorted(findings, key=_place_key)
    return sorted(findings, key=lambda finding: (RANK[finding.severity], *_place_key(finding)))


def _place_key(finding: Finding) -> tuple[bool, str, int, int, str]:
    return (finding.path is None, finding.path or "", finding.line or 0, finding.column or 0, finding.rule)


def _rule_names(finding: Finding) -> tuple[str, ...]:
    return (f"{finding.tools[0]} {finding.rule}", *finding.rules)


def _meanings(finding: Finding) -> set[str]:
    return {meaning_of(*name.split(" ", 1)) for name in _rule_names(finding) if " " in name}


def _quoted(message: str) -> set[str]:
    return set(_QUOTED.findall(message))


def _near(one: str, other: str) -> bool:
    names, other_names = _quoted(one), _quoted(other)
    if names and other_names and names != other_names:
        return False
    words, other_words = set(_WORD.findall(one.casefold())), set(_WORD.findall(other.casefold()))
    if not words or not other_words:
        return False
    return len(words & other_words) / len(words | other_words) >= NEAR


def _count(value: JSON) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 1 else None


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) and value else None


def _places(value: JSON) -> tuple[Place, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        Place(entry["path"], _count(entry.get("line")), _count(entry.get("end_line")))
        for entry in value
        if isinstance(entry, dict) and isinstance(entry.get("path"), str) and entry["path"]
    )
