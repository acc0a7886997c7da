"""What a streamed token costs the host, from the socket to the executor's batch (budget: 60 µs of CPU)."""

import asyncio
import json
import sys
import time
from pathlib import Path

import httpx
import pytest

from swarmtui.engine.ports import Attempt, Delta
from swarmtui.models.discover import make_model
from swarmtui.models.net import Net
from swarmtui.plan.model import ModelRef, PromptSpec
from swarmtui.workers.local import LocalExecutor
from swarmtui.workers.prompt import PromptWorker

STREAMS, TOKENS = 40, 400


def attempt(number: int, model: ModelRef) -> Attempt:
    folder = str(Path.cwd())
    return Attempt(
        f"n/{number}/1", "s", "n", number, 1, "k", PromptSpec("go"), folder, folder, folder, trusted=True, model=model
    )


async def cpu_per_token(base_url: str) -> float:
    model = ModelRef("acme", "m", base_url=base_url)
    async with Net() as net:
        executor = LocalExecutor({"prompt": PromptWorker(lambda ref: make_model(ref, net, {}))})
        await executor.submit(attempt(-1, model))  # imports and the first connection are not counted
        ended = 0
        began = 0.0
        async for batch in executor.events():
            ended += sum(not isinstance(event, Delta) for event in batch)
            if ended == 1 and not began:
                began = time.process_time()
                for number in range(STREAMS):
                    await executor.submit(attempt(number, model))
            if ended == STREAMS + 1:
                break
        cost = (time.process_time() - began) / (STREAMS * TOKENS)
        await executor.close()
    return cost


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


@pytest.mark.perf
@pytest.mark.parametrize("rate", [0, 200])
async def test_cpu_per_streamed_token(rate: int, capsys: pytest.CaptureFixture[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.llm", "--tokens", str(TOKENS), "--rate", str(rate)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    base_url = json.loads(await process.stdout.readline())["base_url"]
    ours = min([await cpu_per_token(base_url) for _ in range(3)]) * 1e6
    bare = min([await cpu_per_token_of_httpx(base_url) for _ in range(3)]) * 1e6
    await process.communicate(b"")
    pace = f"{rate} tokens/s each" if rate else "as fast as they come"
    with capsys.disabled():
        print(f"\n{STREAMS} streams of {TOKENS} tokens, {pace}: {ours:.1f} µs of CPU per token, socket to executor;")
        print(f"bare httpx {bare:.1f} µs; ratio {ours / bare:.2f}")
