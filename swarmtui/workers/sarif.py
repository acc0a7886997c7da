"""SARIF 2.1.0, the format in which most analysers can report, read as findings.

The standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/. Of a result are taken: rule, message, first location,
related locations, severity and the description of its first fix. Results that passed, that are absent from this run
or that the project has suppressed are left out; how many were suppressed is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.workers.findings import RANK, Finding, Place, Read
from swarmtui.workers.rules import category_of, severity_of

_LEVELS = {"error": "high", "warning": "medium", "note": "low", "none": "info"}
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_NOT_RESULTS = ("pass", "notApplicable", "open", "informational")


@frozen
class SarifRead(Read):
    """What one SARIF log held; `suppressed` results are not among the findings."""

    suppressed: int = 0


def is_sarif(value: JSON) -> bool:
    """Whether `value` is a SARIF log."""
    return isinstance(value, dict) and isinstance(value.get("runs"), list) and "version" in value


def read_sarif(value: JSON) -> SarifRead:
    """The findings of every run of a log for which :func:`is_sarif` holds."""
    findings: list[Finding] = []
    unreadable = suppressed = 0
    for run in map(_object, _array(value.get("runs"))):
        reader = _Run(run)
        for result in map(_object, _array(run.get("results"))):
            if result.get("kind") in _NOT_RESULTS or result.get("baselineState") == "absent":
                continue
            if _is_suppressed(result):
                suppressed += 1
                continue
            finding = reader.finding(result)
            if finding is None:
                unreadable += 1
            else:
                findings.append(finding)
    return SarifRead(tuple(findings), unreadable, suppressed)


class _Run:
    """One run: its tool, rules, artefacts and base folders, by which its results are understood."""

    def __init__(self, run: dict[str, JSON]) -> None:
        driver = _object(_object(run.get("tool")).get("driver"))
        self.tool = _string(driver.get("name")) or "unknown"
        self.rules = [_object(rule) for rule in _array(driver.get("rules"))]
        self.by_id = {rule["id"]: rule for rule in self.rules if isinstance(rule.get("id"), str)}
        self.artefacts = [_object(artefact) for artefact in _array(run.get("artifacts"))]
        self.bases = _object(run.get("originalUriBaseIds"))

    def finding(self, result: dict[str, JSON]) -> Finding | None:
        rule = self._rule(result)
        name = _string(result.get("ruleId")) or _string(rule.get("id")) or "note"
        message = self._message(_object(result.get("message")), rule) or _text(rule.get("shortDescription"))
        if not message:
            return None
        physical = next(self._places(result.get("locations")), None)
        place, column = physical or (None, None)
        return Finding(
            path=place.path if place else None,
            line=place.line if place else None,
            column=column,
            end_line=place.end_line if place else None,
            severity=self._severity(result, rule, name, message),
            rule=name,
            message=message,
            tools=(self.tool,),
            category=category_of(self.tool, name) or _category(rule),
            fix=_fix(result),
            related=tuple(other for other, _ in self._places(result.get("relatedLocations"))),
        )

    def _rule(self, result: dict[str, JSON]) -> dict[str, JSON]:
        reference = _object(result.get("rule"))
        name = result.get("ruleId") or reference.get("id")
        if isinstance(name, str) and name in self.by_id:
            return self.by_id[name]
        index = result.get("ruleIndex", reference.get("index"))
        if isinstance(index, int) and 0 <= index < len(self.rules):
            return self.rules[index]
        return {}

    def _message(self, message: dict[str, JSON], rule: dict[str, JSON]) -> str:
        text = _text(message)
        if not text:
            text = _text(_object(rule.get("messageStrings")).get(str(message.get("id"))))
        arguments = [str(argument) for argument in _array(message.get("arguments"))]

        def fill(match: re.Match[str]) -> str:
            index = int(match[1])
            return arguments[index] if index < len(arguments) else match[0]

        return _PLACEHOLDER.sub(fill, text) if arguments else text

    def _severity(self, result: dict[str, JSON], rule: dict[str, JSON], name: str, message: str) -> str:
        properties, rule_properties = _object(result.get("properties")), _object(rule.get("properties"))
        score = _score(properties.get("security-severity")) or _score(rule_properties.get("security-severity"))
        if score is not None:
            return score
        own = str(properties.get("issue_severity") or properties.get("severity") or "").casefold()
        if own in RANK:
            return own
        known = severity_of(self.tool, name, message)
        if known is not None:
            return known
        default = _object(rule.get("defaultConfiguration")).get("level")
        level = result.get("level") or default or "warning"
        return _LEVELS.get(str(level), "medium")

    def _places(self, locations: JSON) -> Iterator[tuple[Place, int | None]]:
        for location in map(_object, _array(locations)):
            physical = _object(location.get("physicalLocation"))
            path = self._path(_object(physical.get("artifactLocation")))
            if path:
                region = _object(physical.get("region"))
                place = Place(path, _positive(region.get("startLine")), _positive(region.get("endLine")))
                yield place, _positive(region.get("startColumn"))

    def _path(self, location: dict[str, JSON]) -> str:
        uri = _string(location.get("uri"))
        index = location.get("index")
        if not uri and isinstance(index, int) and 0 <= index < len(self.artefacts):
            location = _object(self.artefacts[index].get("location"))
            uri = _string(location.get("uri"))
        if not uri:
            return ""
        if not urlsplit(uri).scheme:
            base = _string(_object(self.bases.get(str(location.get("uriBaseId")))).get("uri"))
            # a base is where the project lay on the machine that ran the tool; only one within it says anything
            if base and not urlsplit(base).scheme:
                uri = base.rstrip("/") + "/" + uri
        return path_of_uri(uri)


def path_of_uri(uri: str) -> str:
    """The path that a ``file:`` or relative URI means, with ``/`` between its parts."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        path = unquote(parts.path)
        return path[1:] if re.match(r"/[A-Za-z]:", path) else path
    if parts.scheme and len(parts.scheme) > 1:
        return uri
    path = unquote(uri).replace("\\", "/")
    return path.removeprefix("./")


def _is_suppressed(result: dict[str, JSON]) -> bool:
    states = [_object(entry).get("status", "accepted") for entry in _array(result.get("suppressions"))]
    return bool(states) and all(state == "accepted" for state in states)


def _score(value: JSON) -> str | None:
    """Severity of a CVSS-like score, by the bands that GitHub's code scanning uses."""
    try:
        score = float(value) if isinstance(value, str | int | float) else 0.0
    except ValueError:
        return None
    for least, severity in ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low")):
        if score >= least:
            return severity
    return None


def _category(rule: dict[str, JSON]) -> str | None:
    tags = _array(_object(rule.get("properties")).get("tags"))
    return "security" if "security" in tags else None


def _fix(result: dict[str, JSON]) -> str | None:
    fixes = _array(result.get("fixes"))
    return _text(_object(fixes[0]).get("description")) or None if fixes else None


def _text(value: JSON) -> str:
    message = _object(value)
    return _string(message.get("text")) or _string(message.get("markdown"))


def _object(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def _array(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _string(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _positive(value: JSON) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 1 else None
