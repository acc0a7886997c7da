"""A node as the fields of a form, and what was written there as operations: without a screen."""

from __future__ import annotations

import pytest

from swarmtui.plan.model import JSON
from swarmtui.plan.problems import Problem
from swarmtui.tui.view.node_fields import (
    SHOWN_ITEMS,
    Unreadable,
    Values,
    at_fields,
    document_of,
    merged,
    new_name,
    operations,
    values_of,
)

PROMPT: dict[str, JSON] = {
    "prompt": "Look at {{ scan.output }}", "model": "small", "system": "be brief", "needs": ["scan"], "pool": "mine",
}  # fmt: skip


def written(base: dict[str, JSON], **changes: str | tuple[str, ...]) -> dict[str, JSON]:
    values: Values = {**values_of("n", base), **changes}
    return document_of(base, values)


def test_what_nobody_touches_stays_as_it_is() -> None:
    for base in (PROMPT, {"run": ["ls", "-l"]}, {"ask": {"question": "which?", "choices": ["a"]}}, {"merge": True}):
        assert written(base) == base
        assert operations("n", base, values_of("n", base)) == []


def test_of_retries_only_their_number_is_changed() -> None:
    base: dict[str, JSON] = {"prompt": "x", "retries": {"limit": 2, "base_s": 3}}
    assert written(base, retries="5")["retries"] == {"limit": 5, "base_s": 3}
    assert "retries" not in written(base, retries="")
    assert written({"prompt": "x"}, retries="5")["retries"] == 5


def test_another_kind_takes_away_what_only_the_first_one_has() -> None:
    assert written(PROMPT, kind="ask", body="Which one?") == {"ask": "Which one?", "needs": ["scan"], "pool": "mine"}


def test_what_was_written_meanwhile_stands_where_nobody_touched_the_field() -> None:
    first, now = {"body": "a", "model": "small"}, {"body": "a", "model": "large"}
    assert merged(first, {"body": "b", "model": "small"}, now) == {"body": "b", "model": "large"}


def test_a_long_list_of_items_is_left_alone_and_another_file_is_another_file() -> None:
    many: dict[str, JSON] = {"prompt": "p", "map": {"items": ["x" * 9] * SHOWN_ITEMS}}
    assert values_of("n", many)["items"] == "(2,000 items, left as they are)"
    assert written(many, **{"as": "doc"})["map"] == {"items": ["x" * 9] * SHOWN_ITEMS, "as": "doc"}
    assert written(many, items="(old) docs.jsonl")["map"] == {"items": "(old) docs.jsonl"}
    assert written({"prompt": "p"}, items="(old) docs.jsonl")["map"] == {"items": "(old) docs.jsonl"}
    assert written(many, items="[a, 2]")["map"] == {"items": ["a", 2]}


@pytest.mark.parametrize(
    ("field", "text"),
    [("retries", "many"), ("items", "[a"), ("check", "]"), ("items", ""), ("name", " ")],
)
def test_what_says_nothing_is_refused_at_its_field(field: str, text: str) -> None:
    changes: Values = {**values_of("n", PROMPT), field: text}
    if field == "items" and not text:
        changes["as"] = "doc"
    with pytest.raises(Unreadable) as refused:
        operations("n", PROMPT, changes)
    assert refused.value.field == field


def test_problems_stand_at_their_fields_and_those_of_other_nodes_name_them() -> None:
    def problem(path: str, message: str) -> Problem:
        return Problem(None, None, None, message, "mend it", path)

    found = at_fields(
        [
            problem("nodes.n.prompt", "no such input"), problem("nodes.n.agent.tools[0]", "no such tool"),
            problem("nodes.other.needs", "needs what is gone"),
            problem("nodes.other.needs", "n and other wait for each other"),
            problem("limits", "too few"),
        ],
        "n",
    )  # fmt: skip
    assert found["body"] == "no such input: mend it"
    assert found["tools"] == "no such tool: mend it"
    assert found["needs"] == "n and other wait for each other: mend it"
    assert found[""] == "other: needs what is gone: mend it\ntoo few: mend it"


def test_a_new_name_is_one_that_no_node_has_whatever_its_case() -> None:
    assert new_name(["Step-1", "step-2", "x"]) == "step-3"
