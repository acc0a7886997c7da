"""SARIF logs, made by hand after the standard and by a real analyser."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.workers.findings import Finding, Place
from swarmtui.workers.sarif import is_sarif, path_of_uri, read_sarif

RULE = {"id": "X1", "shortDescription": {"text": "a short word"}}


def log(*results: dict[str, Any], tool: str = "Analyser", rules: Any = (RULE,), **run: Any) -> dict[str, Any]:
    driver = {"name": tool, "rules": list(rules)}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results), **run}]}


def result(uri: str = "src/a.py", line: int = 7, **changes: Any) -> dict[str, Any]:
    region = {"startLine": line, "startColumn": 3, "endLine": line + 1}
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
    return {"ruleId": "X1", "message": {"text": "says"}, "locations": [place], **changes}


def only(value: dict[str, Any]) -> Finding:
    [found] = read_sarif(value).findings
    return found


def test_a_result_is_a_finding_at_its_first_location() -> None:
    found = only(log(result()))
    assert (found.path, found.line, found.column, found.end_line) == ("src/a.py", 7, 3, 8)
    assert (found.rule, found.message, found.tools) == ("X1", "says", ("Analyser",))


@pytest.mark.parametrize(
    ("changes", "rule", "severity"),
    [
        ({"level": "error"}, {}, "high"),
        ({"level": "note"}, {}, "low"),
        ({"level": "none"}, {}, "info"),
        ({}, {}, "medium"),
        ({}, {"defaultConfiguration": {"level": "error"}}, "high"),
        ({"level": "note"}, {"properties": {"security-severity": "9.8"}}, "critical"),
        ({"level": "note"}, {"properties": {"security-severity": 7}}, "high"),
        ({"properties": {"security-severity": "4.0"}}, {"properties": {"security-severity": "9.8"}}, "medium"),
        ({"properties": {"security-severity": "no number"}, "level": "error"}, {}, "high"),
        ({"level": "error", "properties": {"issue_severity": "LOW"}}, {}, "low"),
    ],
)
def test_severity_is_the_score_then_the_tools_own_word_then_the_level(
    changes: dict[str, Any], rule: dict[str, Any], severity: str
) -> None:
    assert only(log(result(**changes), rules=[{**RULE, **rule}])).severity == severity


def test_ruff_which_calls_everything_an_error_is_graded_by_its_rules() -> None:
    graded = [only(log(result(ruleId=code, level="error"), tool="ruff")).severity for code in ("S602", "B006", "F401")]
    assert graded == ["high", "medium", "low"]


def test_rule_and_message_may_be_given_by_index_and_arguments() -> None:
    rules = [RULE, {"id": "X2", "messageStrings": {"m": {"text": "{0} shadows {1}{2}"}}}]
    given = {"ruleId": None, "ruleIndex": 1, "message": {"id": "m", "arguments": ["a", "b"]}}
    found = only(log(result(**given), rules=rules))
    assert (found.rule, found.message) == ("X2", "a shadows b{2}")


def test_a_result_without_words_takes_those_of_its_rule() -> None:
    assert only(log(result(message={}))).message == "a short word"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("src/a%20b.py", "src/a b.py"),
        ("./a.py", "a.py"),
        ("file:///home/u/a.py", "/home/u/a.py"),
        ("file:///C:/x/a.py", "C:/x/a.py"),
        ("src\\a.py", "src/a.py"),
        ("https://example.org/a.py", "https://example.org/a.py"),
    ],
)
def test_uris_become_paths(uri: str, path: str) -> None:
    assert path_of_uri(uri) == path


def test_a_location_may_name_an_artefact_by_index_and_a_base_within_the_project() -> None:
    location = {"physicalLocation": {"artifactLocation": {"index": 0}}}
    artefacts = [{"location": {"uri": "b.py", "uriBaseId": "LIB"}}]
    found = only(log(result(locations=[location]), artifacts=artefacts, originalUriBaseIds={"LIB": {"uri": "lib/"}}))
    assert (found.path, found.line) == ("lib/b.py", None)


def test_the_folder_of_another_machine_is_not_put_before_a_path() -> None:
    location = {"physicalLocation": {"artifactLocation": {"uri": "a.py", "uriBaseId": "ROOT"}}}
    found = only(log(result(locations=[location]), originalUriBaseIds={"ROOT": {"uri": "file:///runner/job/"}}))
    assert found.path == "a.py"


def test_results_that_are_none_are_left_out_and_suppressed_ones_counted() -> None:
    read = read_sarif(
        log(
            result(kind="pass"),
            result(baselineState="absent"),
            result(suppressions=[{"kind": "inSource"}]),
            result(suppressions=[{"kind": "external", "status": "rejected"}]),
            {"ruleId": "X9"},
        )
    )
    assert (len(read.findings), read.suppressed, read.unreadable) == (1, 1, 1)


def test_related_places_and_the_fix_are_kept() -> None:
    related = result("b.py", 9)["locations"]
    found = only(log(result(relatedLocations=related, fixes=[{"description": {"text": "quote it"}}])))
    assert found.related == (Place("b.py", 9, 10),)
    assert found.fix == "quote it"


_KEYS = (
    *("runs", "version", "results", "tool", "driver", "rules", "locations", "message", "text", "ruleIndex", "uri"),
    *("physicalLocation", "artifactLocation", "region", "startLine", "index", "properties", "level", "fixes"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(_JSON)
def test_no_log_however_odd_breaks_the_reader(value: Any) -> None:
    odd = {"version": "2.1.0", "runs": [value, {"results": [value, {"message": {"text": "m"}, "locations": value}]}]}
    assert is_sarif(odd)
    for found in read_sarif(odd).findings:
        assert found.severity in ("critical", "high", "medium", "low", "info")


def test_what_ruff_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\n\n\ndef f(x=[]):\n    x.append(1)\n    return eval('1')\n")
    argv = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--output-format", "sarif"]
    done = subprocess.run(
        [*argv, "--select", "F401,B006,S307", str(tmp_path)], capture_output=True, text=True, check=False
    )
    value = json.loads(done.stdout)
    assert is_sarif(value)
    found = {one.rule: one for one in read_sarif(value).findings}
    assert {rule: (one.line, one.severity) for rule, one in found.items()} == {
        "F401": (1, "low"),
        "B006": (4, "medium"),
        "S307": (6, "medium"),
    }
    assert found["S307"].category == "security"
    assert found["F401"].path == str(tmp_path / "a.py")
