import json
from pathlib import Path

import pytest

from swarmtui.plan.model import JSON, Check
from swarmtui.session.vocabulary import ErrorKind
from swarmtui.workers.check import problem

FINDING = {"path": "a.py", "line": 3, "severity": "high", "rule": "R1", "message": "m", "tool": "t"}
POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


@pytest.mark.parametrize(
    ("check", "output"),
    [
        (Check(), ""),
        (Check(min_chars=2, max_chars=3), "abc"),
        (Check(regex=r"^\d+$"), "text\n12\n".splitlines()[1]),
        (Check(schema=POINT), '{"x": 1}'),
        (Check(schema=POINT), 'Here you are:\n```json\n{"x": 1,}\n```\nAnything else?'),
        (Check(schema="findings"), json.dumps([FINDING])),
        (Check(schema="findings"), "[]"),
        (Check(schema={"$schema": "http://json-schema.org/draft-07/schema#", "type": "array"}), "[1]"),
    ],
)
def test_a_good_output_passes(check: Check, output: str) -> None:
    assert problem(output, check) is None


@pytest.mark.parametrize(
    ("check", "output", "told", "kind"),
    [
        (Check(min_chars=3), "ab", "2 characters, fewer than the 3", ErrorKind.CHECK),
        (Check(max_chars=1), "ab", "2 characters, more than the 1", ErrorKind.CHECK),
        (Check(regex=r"\d"), "ab", r"does not match the regex of check: \d; it begins: ab", ErrorKind.CHECK),
        (Check(regex="("), "ab", "is not one", ErrorKind.INPUT),
        (Check(schema=POINT), "no JSON at all", "it begins: no JSON at all", ErrorKind.SCHEMA),
        (Check(schema=POINT), " ", "it is empty", ErrorKind.SCHEMA),
        (Check(schema=POINT), '{"x": "1"}', "at $.x: '1' is not of type 'integer'", ErrorKind.SCHEMA),
        (
            Check(schema="findings"),
            json.dumps([FINDING, FINDING | {"severity": "awful"}]),
            "at $[1].severity: 'awful'",
            ErrorKind.SCHEMA,
        ),
        (Check(schema="nonsense"), "[]", "unknown schema: nonsense (known: findings)", ErrorKind.INPUT),
        (
            Check(schema={"type": "string", "maxLength": 3}),
            json.dumps("x\x1b[31m\n" * 9999),
            "at $: ",
            ErrorKind.SCHEMA,
        ),
    ],
)
def test_a_bad_output_is_told_in_one_line_and_by_its_kind(
    check: Check, output: str, told: str, kind: ErrorKind
) -> None:
    wrong = problem(output, check)
    assert wrong is not None
    said = wrong.message
    assert told in said
    assert "\n" not in said
    assert "\x1b" not in said
    assert len(said) < 400
    assert wrong.kind is kind


def test_a_schema_reads_nothing_from_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "anything.json"
    elsewhere.write_text("true")
    wrong = problem('"x"', Check(schema={"$ref": elsewhere.as_uri()}))
    assert wrong is not None
    assert "the schema of check cannot be applied" in wrong.message


@pytest.mark.parametrize("schema", [{"$ref": "#/nowhere"}, {"$ref": "#"}, {"pattern": "("}, {"type": "nonsense"}])
def test_a_schema_that_cannot_be_applied_is_told(schema: JSON) -> None:
    wrong = problem('"x"', Check(schema=schema))
    assert wrong is not None
    assert wrong.kind is ErrorKind.INPUT
    assert "the schema of check cannot be applied" in wrong.message
    assert "\n" not in wrong.message
