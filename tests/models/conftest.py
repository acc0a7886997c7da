"""A fake provider and a client for it."""

from collections.abc import AsyncIterator

import pytest

from swarmtui.models.net import Net
from tests.fakes.llm import FakeLLM


@pytest.fixture
async def llm() -> AsyncIterator[FakeLLM]:
    async with FakeLLM() as server:
        yield server


@pytest.fixture
async def net() -> AsyncIterator[Net]:
    async with Net() as client:
        yield client
