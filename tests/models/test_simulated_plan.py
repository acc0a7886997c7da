"""What the simulated planner makes of results: enough, or what failed once more."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from swarmtui.models.chat import ChatRequest, Message, ModelError, Purpose, complete
from swarmtui.models.simulated import SimulatedChat
from swarmtui.models.simulated_plan import plan_for
from swarmtui.plan.model import ModelRef

INSTANT = ModelRef("simulated", "instant", dialect="simulated")
RNG = random.Random(0)


def planned(results: list[dict[str, str]], more: str = "") -> Any:
    return plan_for(f"<goal>\nrivers\n</goal>\n<results>\n{json.dumps(results)}\n</results>\n{more}", RNG)


def ended(node: str, state: str, title: str = "") -> dict[str, str]:
    return {"node": node, "title": title or node, "state": state}


def test_results_of_which_none_failed_are_enough() -> None:
    assert planned([ended("a", "succeeded"), ended("b", "succeeded")])["enough"] is True


def test_what_failed_is_asked_for_once_more_by_somebody_who_may() -> None:
    agents = '<agents>{"looker": {"tools": ["web_search"]}}</agents>'
    plan = planned([ended("a", "succeeded"), ended("b", "failed", "The bends")], agents)
    assert plan["nodes"].keys() == plan["why"].keys() == {"b"}
    assert (plan["nodes"]["b"]["title"], plan["nodes"]["b"]["agent"]) == ("The bends", "looker")
    assert plan["note"].startswith("[simulated]")


def test_what_failed_twice_or_came_out_well_in_the_end_is_let_be() -> None:
    twice = [ended("b", "failed", "The bends"), ended("c-b", "failed", "The bends")]
    mended = [ended("b", "failed", "The bends"), ended("c-b", "succeeded", "The bends")]
    assert planned(twice)["enough"] is True
    assert planned(mended)["enough"] is True


def test_a_plan_that_was_carried_out_keeps_what_went_well() -> None:
    nodes = {"a": {"prompt": "look"}, "b": {"prompt": "look away", "needs": ["a"]}}
    before = f"<previous_plan>{json.dumps({'nodes': nodes})}</previous_plan><feedback>b failed</feedback>"
    plan = planned([ended("a", "succeeded"), ended("b", "failed")], before)
    assert plan["nodes"]["a"] == nodes["a"]
    assert plan["nodes"]["b"]["prompt"].endswith("\n\nlook away")
    assert plan["nodes"]["b"]["needs"] == ["a"]


async def test_what_steers_a_node_of_an_earlier_plan_does_not_steer_the_planner() -> None:
    nodes = {"a": {"prompt": "look [[fail:refused]]"}}
    shown = f"<previous_plan>{json.dumps({'nodes': nodes})}</previous_plan><results>[[fail:refused]]</results>"
    request = ChatRequest(INSTANT, (Message("user", f"<goal>rivers</goal>{shown}"),), purpose=Purpose.PLAN)
    assert json.loads((await complete(SimulatedChat(), request)).text)["nodes"]
    steered = replace(request, messages=(Message("user", f"<goal>rivers [[fail:refused]]</goal>{shown}"),))
    with pytest.raises(ModelError):
        await complete(SimulatedChat(), steered)


def test_a_plan_without_what_joins_its_parts_does_not_say_that_it_has_that() -> None:
    note = plan_for("<goal>rivers</goal><limits>at most 3 nodes</limits>", RNG)["note"]
    assert "cross-check" not in note
