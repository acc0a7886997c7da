"""Differences between plans, node by node and word by word."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.plan.diff import diff
from swarmtui.plan.model import Node, Plan, PromptSpec, Retry
from swarmtui.tui.view.lines import Line, width
from swarmtui.tui.view.plan_diff import comparison, marked, places
from tests.plan.strategies import plans
from tests.tui.scripted_feed import REVIEW


def shown(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def edited(**changes: object) -> Plan:
    nodes = tuple(replace(node, **changes) if node.id == "speed" else node for node in REVIEW.nodes)  # type: ignore[arg-type]
    return replace(REVIEW, nodes=nodes)


def test_words_that_are_gone_and_new_carry_signs() -> None:
    told = "".join(text for text, _ in marked("Find the slow parts", "Find all slow parts quickly"))
    assert told == "Find [-the-]{+all+} slow parts{+ quickly+}"


def test_a_changed_node_shows_each_field_that_differs() -> None:
    found = shown(comparison(REVIEW, edited(spec=PromptSpec("be quick"), retry=Retry(5)), 80))
    assert found[0] == "~ speed"
    assert any(line.startswith("  prompt       [-Look-]{+be+}") for line in found)
    assert "  retries      [-2-]{+5+}" in found


def test_added_and_removed_nodes_are_shown_whole() -> None:
    more = replace(REVIEW, nodes=(*REVIEW.nodes[:-1], Node("more", PromptSpec("say more"), ("scan",))))
    found = shown(comparison(REVIEW, more, 80))
    assert "+ more" in found
    assert "- publish" in found
    assert any("say more" in line for line in found)


def test_a_node_counts_as_one_place_however_much_of_it_differs() -> None:
    plan = edited(spec=PromptSpec("be quick"), needs=("scan", "lint"), retry=Retry(5))
    assert places(diff(REVIEW, plan)) == 1
    assert places(diff(REVIEW, replace(plan, title="Another"))) == 2
    assert shown(comparison(REVIEW, REVIEW, 40)) == ["nothing is different"]
    turned = replace(REVIEW, nodes=REVIEW.nodes[::-1])
    assert (places(diff(REVIEW, turned)), shown(comparison(REVIEW, turned, 40))) == (1, ["~ order of the nodes"])


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_without_what_is_marked_as_gone_the_new_text_is_left_and_the_other_way_round(old: str, new: str) -> None:
    spans = marked(old, new)
    if old and new:
        kept = [(text[2:-2] if role != "text" else text, role) for text, role in spans]
        assert "".join(text for text, role in kept if role != "bad") == new
        assert "".join(text for text, role in kept if role != "ok") == old


@settings(max_examples=10, deadline=None)
@given(plans(3), plans(3), st.integers(30, 90))
def test_whatever_the_plans_lines_fit(old: Plan, new: Plan, size: int) -> None:
    assert all(width(line) <= size for line in comparison(old, new, size))
