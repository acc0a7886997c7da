"""Agents, results and responses as users of OpenAI Swarm handle them; and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

import swarmtui
from swarmtui import Agent, Response, Result


def wave():
    return "waves"


def test_agents_have_the_defaults_of_openai_swarm_and_share_nothing():
    agent = Agent()
    assert agent.model_dump() == {
        "name": "Agent",
        "model": "gpt-4o",
        "instructions": "You are a helpful agent.",
        "functions": [],
        "tool_choice": None,
        "parallel_tool_calls": True,
    }
    agent.functions.append(wave)
    assert Agent().functions == []
    assert agent.functions == [wave]


def test_agents_are_changed_copied_and_compared_like_any_model():
    agent = Agent(name="A", functions=[wave])
    copy = agent.model_copy(update={"name": "B"})
    assert (copy.name, copy.functions, agent.name) == ("B", [wave], "A")
    agent.name = "B"
    assert agent == copy
    assert Agent(**agent.model_dump()) == agent


def test_a_result_keeps_the_very_agent_that_it_was_given():
    agent = Agent()
    assert Result(agent=agent).agent is agent
    assert Response(agent=agent).agent is agent
    assert Result() == Result(value="", agent=None, context_variables={})
    assert Response(messages=[{"role": "user"}], context_variables={1: 2}).context_variables == {1: 2}


def test_what_is_no_function_is_refused():
    with pytest.raises(ValidationError):
        Agent(functions=["wave"])


def test_importing_swarmtui_loads_none_of_it():
    heavy = "{'pydantic', 'httpx', 'textual', 'yaml', 'asyncio'}"
    code = (
        f"import sys, swarmtui; assert not {heavy} & set(sys.modules); swarmtui.Agent; assert 'pydantic' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert all(getattr(swarmtui, name) is not None for name in swarmtui.__all__)
