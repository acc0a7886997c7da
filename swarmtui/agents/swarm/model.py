"""The three values of a swarm: who answers (Agent), what a function gave back (Result), what a run came to (Response).

They are pydantic models, as users of OpenAI Swarm expect: keyword construction, attributes that can be set,
``model_copy`` and ``model_dump``. Agents are compared by value and never copied on the way through a run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

AgentFunction = Callable[..., Any]
"""A function that the model may call. It returns a :class:`Result`, an :class:`Agent` to hand over to, or any value,
of which ``str()`` is told to the model. It may be async."""

DEFAULT_MODEL = "gpt-4o"


class Agent(BaseModel):
    """Instructions and the functions that go with them.

    `instructions` may be a function, of the context variables or of nothing, that is called before each model call.
    `model` is what the client calls it, or ``provider/model`` where swarmtui itself answers.
    """

    name: str = "Agent"
    model: str = DEFAULT_MODEL
    instructions: str | Callable[..., str] = "You are a helpful agent."
    functions: list[AgentFunction] = Field(default_factory=list)
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool = True


class Result(BaseModel):
    """What a function gives back when a text alone does not say it: also who goes on, and what is known from now on."""

    value: str = ""
    agent: Agent | None = None
    context_variables: dict[Any, Any] = Field(default_factory=dict)


class Response(BaseModel):
    """What a run came to: the messages that it added, the agent that spoke last, and the context variables."""

    messages: list[Any] = Field(default_factory=list)
    agent: Agent | None = None
    context_variables: dict[Any, Any] = Field(default_factory=dict)
