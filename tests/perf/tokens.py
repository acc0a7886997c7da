"""What a streamed token costs the host, from the socket to the executor's batch and on to what viewers are sent."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import httpx

from swarmtui.engine.ports import Attempt, Delta
from swarmtui.engine.streams import StreamBoard
from swarmtui.models.discover import make_model
from swarmtui.models.net import Net
from swarmtui.plan.model import ModelRef, PromptSpec
from swarmtui.safety.redact import Redactor
from swarmtui.workers.local import LocalExecutor
from swarmtui.workers.prompt import PromptWorker

STREAMS, TOKENS = 40, 400
BUDGET_US = 60
HTTPX_US = 19
"""What a token costs httpx alone on the machine for which the budget was set."""


@asynccontextmanager
async def provider(rate: int) -> AsyncIterator[str]:
    """The address of a provider in a process of its own that sends each stream `rate` tokens a second (0: at once)."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.llm", "--tokens", str(TOKENS), "--rate", str(rate)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    yield json.loads(await process.stdout.readline())["base_url"]
    await process.communicate(b"")


def _attempt(number: int, model: ModelRef) -> Attempt:
    folder = str(Path.cwd())
    return Attempt(
        f"n/{number}/1", "s", "n", number, 1, "k", PromptSpec("go"), folder, folder, folder, trusted=True, model=model
    )


async def cpu_per_token(base_url: str) -> float:
    """Seconds of CPU per token of ours: socket, executor, secrets taken out, kept for viewers."""
    model = ModelRef("acme", "m", base_url=base_url)
    board = StreamBoard(Redactor())
    async with Net() as net:
        executor = LocalExecutor({"prompt": PromptWorker(lambda ref: make_model(ref, net, {}))})
        await executor.submit(_attempt(-1, model))  # imports and the first connection are not counted
        ended = 0
        began = 0.0
        async for batch in executor.events():
            for event in batch:
                if isinstance(event, Delta):
                    node, item, number = event.attempt.split("/")
                    board.add(node, int(item), int(number), event.channel, event.text)
            ended += _ends(batch)
            if ended == 1 and not began:
                began = time.process_time()
                for number in range(STREAMS):
                    await executor.submit(_attempt(number, model))
            if ended == STREAMS + 1:
                break
        cost = (time.process_time() - began) / (STREAMS * TOKENS)
        await executor.close()
    return cost


def _ends(batch: Sequence[object]) -> int:
    return sum(type(event).__name__ in ("Done", "Failed", "Stopped") for event in batch)


async def cpu_per_token_of_httpx(base_url: str) -> float:
    """The least that any client over httpx costs: read, split at lines, parse."""
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None)) as client:

        async def read() -> None:
            body = {"model": "m", "stream": True, "messages": []}
            async with client.stream("POST", f"{base_url}/chat/completions", json=body) as response:
                held = b""
                async for chunk in response.aiter_raw():
                    *lines, held = (held + chunk).split(b"\n")
                    for line in lines:
                        if line.startswith(b"data: {"):
                            json.loads(line[6:])

        await read()
        began = time.process_time()
        await asyncio.gather(*(read() for _ in range(STREAMS)))
        return (time.process_time() - began) / (STREAMS * TOKENS)


async def costs(rate: int) -> tuple[float, float]:
    """Microseconds of CPU per token: ours and httpx alone, measured in turns."""
    async with provider(rate) as base_url:
        runs = [(await cpu_per_token(base_url), await cpu_per_token_of_httpx(base_url)) for _ in range(3)]
    ours, bare = (median(column) * 1e6 for column in zip(*runs, strict=True))
    return ours, bare


def token() -> list[dict[str, object]]:
    """One token as fast as they come, and at a pace at which each comes alone.

    The budget of 60 µs was set where httpx alone takes 19; on any machine it is 60 / 19 times what httpx takes there.
    """
    results: list[dict[str, object]] = []
    for rate in (0, 200):
        ours, bare = asyncio.run(costs(rate))
        results.append(
            {
                "tokens_per_s_and_stream": rate or "as fast as they come",
                "cpu_us_per_token": round(ours, 1),
                "httpx_us_per_token": round(bare, 1),
                "ratio": round(ours / bare, 2),
                "budget": round(BUDGET_US / HTTPX_US, 2),
                "met_in_us": ours <= BUDGET_US,
            }
        )
    return results
