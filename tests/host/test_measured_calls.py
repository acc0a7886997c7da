"""The figures of a session beside the provider's own ledger: whatever went wrong, they tell the same."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import swarmtui
from swarmtui.session.metrics import metrics
from tests.fakes.llm import Answer, Cut, FakeLLM, Status

GOOD = Answer('{"n": 1}', usage={"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110})

TASK = """\
goal: measure
models:
  worker: {{dialect: openai-chat, base_url: "{base_url}", model: m, price: {{in: 1.0, out: 2.0}}}}
limits: {{concurrency: 4}}
nodes:
  m:
    map: {{items: {items}, as: n, tolerate: 1.0}}
    prompt: "item {{{{ n }}}}."
    retries: {{limit: 2, base: 0.01, cap: 0.01}}
    check: {{schema: {{type: object, properties: {{n: {{type: integer}}}}, required: [n]}}}}
  talk:
    prompt: talk at length
    turns: 3
    retries: {{limit: 1, base: 0.01, cap: 0.01}}
  said:
    prompt: say the word
    check: {{regex: "word"}}
  cmd: {{run: ["true"]}}
"""


@pytest.fixture
async def llm() -> AsyncIterator[FakeLLM]:
    async with FakeLLM(GOOD) as server:
        yield server


def answered(llm: FakeLLM, status: int) -> int:
    return sum(asked.status == status for asked in llm.ledger if asked.path.endswith("/completions"))


async def measured(llm: FakeLLM, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("SWARMTUI_HOME", str(folder / "home"))
    task = folder / "task.yaml"
    task.write_text(TASK.format(base_url=llm.base_url, items=json.dumps(list(range(20)))))
    session = await swarmtui.run(task)
    assert session.state.status in (session.state.status.SUCCEEDED, session.state.status.FAILED)
    return metrics(session.state)


async def test_calls_refusals_and_tokens_are_those_of_the_ledger(
    llm: FakeLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm.when(r"item 3\.", Status(500), times=1)
    llm.when(r"item 4\.", Status(429, headers={"retry-after": "0.05"}), times=2)
    llm.when(r"item 5\.", Answer("no json"), times=1)
    llm.when(r"item 6\.", Answer('{"n": "x"}'))
    llm.when(r"item 7\.", Cut(2), times=1)
    llm.when("talk.*simulated|talk.*Continue.*Continue", Status(503), times=1)
    llm.when("say the", Answer("a word"))
    found = await measured(llm, tmp_path, monkeypatch)
    success, retry = found["success"], found["retry"]
    calls = [asked for asked in llm.ledger if asked.path.endswith("/completions")]
    assert retry["refused"] == answered(llm, 429) == 2
    assert success["requests"]["n"] + retry["refused"] == len(calls)
    broken = answered(llm, 500) + answered(llm, 503) + sum(asked.ended == "faulty" for asked in calls)
    assert broken == 3
    assert success["requests"]["ok"] == success["requests"]["n"] - broken
    assert (success["schema"]["n"], success["schema"]["ok"]) == (22, 19)  # item 5 was mended within its attempt
    assert (success["check"]["n"], success["check"]["ok"]) == (1, 1)
    assert (success["per_item"]["n"], success["per_item"]["ok"]) == (20, 19)
    assert (success["per_node"]["n"], success["per_node"]["ok"]) == (3, 3)
    assert retry["errors"] == {"outage": 3, "schema": 3}
    assert retry["given_up_after"] == {"3": 1}
    assert found["retries"] == 5
    assert found["calls_without_tokens"] == broken
    whole = [asked for asked in calls if asked.status == 200 and asked.ended == "whole"]
    again = sum(asked.body["messages"][-2]["role"] == "assistant" for asked in whole if "item" in asked.text)
    assert again == 1 + 3  # "no json" and three times "x" were given back once
    odd = 1 + 2 * 3 + 1  # "no json", "x" in both calls of three attempts, "a word": 11 and 7 tokens each
    assert found["tokens_in"] == 100 * (len(whole) - odd) + 11 * odd
    assert found["tokens_out"] == 10 * (len(whole) - odd) + 7 * odd
    assert found["cost_usd"] == pytest.approx((found["tokens_in"] + 2 * found["tokens_out"]) / 1e6)
    assert found["latency"]["service"]["n"] == success["call"]["n"]
    assert found["retry"]["usd_lost"] > 0


async def test_tokens_of_reasoning_are_counted_as_far_as_they_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"prompt_tokens": 10, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 6}}
    silent = {"prompt_tokens": 10, "completion_tokens": 9}
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    task = tmp_path / "task.yaml"
    nodes = "nodes: {a: {prompt: think}, b: {prompt: be quick}, talk: {prompt: think twice, turns: 2}}\n"
    async with FakeLLM(Answer("1", usage=told)) as llm:
        llm.when("be quick", Answer("2", usage=silent))
        worker = f'{{dialect: openai-chat, base_url: "{llm.base_url}", model: m}}'
        task.write_text(f"goal: think\nmodels: {{worker: {worker}}}\n{nodes}")
        state = (await swarmtui.run(task)).state
    assert state.status is state.status.SUCCEEDED
    assert [node.spent.tokens_reasoning for node in state.nodes.values()] == [6, 0, 12]
    assert metrics(state)["tokens_reasoning"] == state.spent.tokens_reasoning == 18
