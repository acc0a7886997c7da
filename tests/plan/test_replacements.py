"""Models that take over on a retry: they exist, and the node has a model at all, or nothing runs."""

from __future__ import annotations

import pytest

from swarmtui.plan.problems import TaskError
from swarmtui.plan.taskfile import parse_task

TASK = """
goal: test
models: {{strong: acme/large}}
nodes:
  a:
    {what}
    retries: {{limit: 2, models: [{model}]}}
"""


def test_a_replacement_may_be_a_tier_a_name_of_the_task_or_a_model() -> None:
    task = parse_task(TASK.format(what="prompt: hello", model="planner, strong, acme/larger"), file="t.yaml")
    assert task.plan is not None
    assert task.plan.nodes[0].retry.models == ("planner", "strong", "acme/larger")


def test_a_replacement_that_does_not_exist_is_an_error_with_its_place_and_the_nearest_name() -> None:
    with pytest.raises(TaskError, match=r"t.yaml:7:.*no model `stronk`.*strong"):
        parse_task(TASK.format(what="prompt: hello", model="stronk"), file="t.yaml")


@pytest.mark.parametrize("what", ["run: ['true']", "ask: which?"])
def test_a_node_without_a_model_can_have_none_that_takes_over(what: str) -> None:
    with pytest.raises(TaskError, match="no model answers for `a`"):
        parse_task(TASK.format(what=what, model="strong"), file="t.yaml")
