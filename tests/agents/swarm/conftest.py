from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from swarmtui import Agent, Response
from tests.agents.swarm.scripted import USER, WAYS, Script


class Way:
    """One of the eight ways of carrying a run out: client awaited or not, `run` or `arun`, streamed or not."""

    def __init__(self, client: type[Script], run: Callable[..., Any]) -> None:
        self._client, self._run = client, run
        self.asked: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []

    def __call__(self, agent: Agent, *script: dict[str, Any], messages: Any = USER, **how: Any) -> Response:
        client = self._client(script)
        response, self.steps = self._run(client, agent, messages, **how)
        self.asked = client.asked
        return response


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0].__name__}-{way[1].__name__}")
def way(request: pytest.FixtureRequest) -> Way:
    return Way(*request.param)
