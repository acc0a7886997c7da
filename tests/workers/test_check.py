import json
from pathlib import Path

import pytest

from swarmtui.plan.model import JSON, Check
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
    ("check", "output", "told"),
    [
        (Check(min_chars=3), "ab", "2 characters, fewer than the 3"),
        (Check(max_chars=1), "ab", "2 characters, more than the 1"),
        (Check(regex=r"\d"), "ab", r"does not match the regex of check: \d"),
        (Check(regex="("), "ab", "is not one"),
        (Check(schema=POINT), "no JSON at all", "is not the JSON that check asks for"),
        (Check(schema=POINT), '{"x": "1"}', "at $.x: '1' is not of type 'integer'"),
        (Check(schema="findings"), json.dumps([FINDING, FINDING | {"severity": "awful"}]), "at $[1].severity: 'awful'"),
        (Check(schema="nonsense"), "[]", "unknown schema: nonsense (known: findings)"),
        (Check(schema={"type": "string", "maxLength": 3}), json.dumps("x\x1b[31m\n" * 9999), "at $: "),
    ],
)
def test_a_bad_output_is_told_in_one_line(check: Check, output: str, told: str) -> None:
    said = problem(output, check)
    assert said is not None
    assert told in said
    assert "\n" not in said
    assert "\x1b" not in said
    assert len(said) < 400


def test_a_schema_reads_nothing_from_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "anything.json"
    elsewhere.write_text("true")
    told = problem('"x"', Check(schema={"$ref": elsewhere.as_uri()}))
    assert told is not None
    assert "the schema of check cannot be applied" in told


@pytest.mark.parametrize("schema", [{"$ref": "#/nowhere"}, {"$ref": "#"}, {"pattern": "("}, {"type": "nonsense"}])
def test_a_schema_that_cannot_be_applied_is_told(schema: JSON) -> None:
    told = problem('"x"', Check(schema=schema))
    assert told is not None
    assert "the schema of check cannot be applied" in told
    assert "\n" not in told
