"""What to check before approving: each names its node, and picking it leads there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swarmtui.plan.model import Limits, ModelRef, Node, Plan, PromptSpec
from swarmtui.plan.taskfile import parse_task
from swarmtui.tui.view.plan_checks import Check, checks, grave
from swarmtui.tui.widgets.checks import CheckList
from tests.tui.opening import notices, opened, press
from tests.tui.scripted_feed import MODELS, SIMULATED, awaiting_approval, begun, prompt


def found_in(text: str, **more: object) -> list[Check]:
    plan = parse_task(text).plan
    assert plan is not None
    return checks(begun(plan, **more).state)  # type: ignore[arg-type]


def one(found: list[Check], words: str) -> Check:
    return next(check for check in found if words in check.text)


def test_a_chain_for_nothing_names_the_node_that_waits() -> None:
    found = found_in("goal: g\nnodes:\n  a: {prompt: x}\n  b: {needs: a, prompt: y}\n")
    assert one(found, "reads nothing of it").node == "b"


def test_an_output_that_misses_the_end_names_its_node() -> None:
    found = found_in("goal: g\nnodes:\n  a: {prompt: x}\n  b: {prompt: y}\n  c: {needs: a, merge: true}\n")
    assert one(found, "does not reach c").node == "b"


def test_what_reaches_the_network_says_which_hosts() -> None:
    found = found_in("goal: g\nnodes:\n  a: {agent: {instructions: i, tools: [crawl]}, prompt: x}\n")
    check = one(found, "reaches the network")
    assert (check.node, "any public address" in check.text) == ("a", True)


def test_a_key_in_a_prompt_stops() -> None:
    found = found_in("goal: g\nnodes:\n  a: {prompt: x}\n  b: {prompt: 'use sk-" + "a1" * 16 + "'}\n")
    assert (found[0].kind, found[0].node) == ("stop", "b")
    assert "a1a1" not in found[0].text
    assert grave(found)[0] == 1


def test_a_prompt_over_the_window_stops() -> None:
    plan = Plan("g", (Node("a", PromptSpec("x" * 9_000)),))
    models = {**MODELS, "worker": replace(MODELS["worker"], context=2_000)}
    found = checks(begun(plan, models=models).state)
    assert (found[0].kind, found[0].node) == ("stop", "a")
    assert "2.2k tokens, and its model reads 2.0k" in found[0].text


def test_a_model_that_nobody_knows_and_one_without_a_price_are_told() -> None:
    found = found_in("goal: g\nnodes:\n  a: {prompt: x, model: far/away}\n")
    assert one(found, "knows no model far/away").node == "a"
    models = {"worker": ModelRef("far", "cheap")}
    plan = Plan("g", (prompt("a"),))
    assert one(checks(begun(plan, models=models).state), "no price is known of far/cheap").node == "a"
    told = checks(begun(plan, models=models, limits=Limits()).state)
    assert not [check for check in told if "no price" in check.text]


@pytest.mark.chaos
async def test_picking_a_check_selects_its_node() -> None:
    async with opened(awaiting_approval()) as pilot:
        listed = pilot.app.screen.query_one(CheckList)
        listed.focus()
        await press(pilot, "j", "enter")
        assert pilot.app.selected == listed.checks[1].node == "publish"  # type: ignore[attr-defined]
        await press(pilot, "G", "k", "enter")
        assert "the plan as a whole" in notices(pilot)[-1]


def test_a_check_of_a_model_names_the_first_node_that_asks_it() -> None:
    found = found_in("goal: g\nnodes:\n  a: {prompt: x}\n  b: {prompt: y}\n", models=SIMULATED)
    assert one(found, "simulated model").node == "a"
