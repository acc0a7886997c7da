"""Thousands of items over real HTTP against a provider that refuses, breaks, stalls and hangs up.

Every item succeeds or has failed with a cause, and what the session recorded is what the provider's own ledger says.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from zlib import crc32

import pytest

from swarmtui.models.net import Net
from swarmtui.models.openai_chat import OpenAIChat
from swarmtui.plan.model import Check, Limits, MapSpec, ModelRef, Node, Plan, PromptSpec, Retry
from swarmtui.session import fold
from swarmtui.session.events import AttemptStarted, AttemptThrottled, PlanProposed, SessionCreated
from swarmtui.session.log import Log
from swarmtui.session.vocabulary import FINAL, ErrorKind, State, Status
from swarmtui.workers.local import LocalExecutor
from swarmtui.workers.prompt import PromptWorker
from tests.engine.world import host
from tests.fakes.llm import Answer, Asked, Behaviour, Cut, FakeLLM, Reset, Silence
from tests.fakes.llm import Status as Reply

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1_800)]

ITEMS = int(os.environ.get("SWARMTUI_CHAOS_ITEMS", "2000"))
"""Twenty thousand in a long run."""


class Unreliable(FakeLLM):
    """Answers most requests, refuses what is too much at once, and does something else now and then.

    Some items it never answers well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[int] = Counter()
        self.answered: Counter[int] = Counter()

    def _choose(self, asked: Asked) -> Behaviour:
        if asked.path.endswith("/models"):
            return super()._choose(asked)
        item = number_in(asked.prompt)
        self.asked[item] += 1
        if self._answering > IN_FLIGHT:
            return Reply(429, headers={"retry-after": "0.05"})
        if never(item):
            return NEVER[item % len(NEVER)]
        how = crc32(f"{item}/{self.asked[item]}".encode()) % 1_000
        for below, behaviour in FAULTS:
            if how < below:
                return behaviour
        self.answered[item] += 1
        return Answer(answer_to(item), latency_s=0.25)


IN_FLIGHT = 32
"""Requests that the provider answers at once; more are refused."""
FAULTS: tuple[tuple[int, Behaviour], ...] = (
    (2, Reply(429, headers={"retry-after": "0.05"})),
    (12, Reply(500)),
    (17, Reply(503, headers={"retry-after": "0.02"})),
    (25, Cut(after=2)),
    (29, Cut(after=2, clean=True)),
    (35, Reset(after=1)),
    (37, Silence()),
    (39, Silence(after=2)),
)
"""Of a thousand requests, how many end so: not so many that the provider would pass for down."""
NEVER: tuple[Behaviour, ...] = (Reply(400), Answer("not what was asked for"))


def never(item: int) -> bool:
    return item % 997 == 500


def number_in(prompt: str) -> int:
    found = re.search(r"<(\d+)>", prompt)
    assert found is not None
    return int(found[1])


def answer_to(item: int) -> str:
    return f"the whole answer to {item} is that it makes {item * item}"


async def test_every_item_succeeds_or_has_a_cause_and_the_counts_are_the_providers_own(tmp_path: Path) -> None:
    with (tmp_path / "docs.jsonl").open("w") as file:
        for item in range(ITEMS):
            file.write(json.dumps({"id": item}) + "\n" + ("" if item % 1_000 else "not json\n"))
    malformed = -(-ITEMS // 1_000)
    async with Unreliable() as llm, Net() as net:
        ref = ModelRef("custom", "fake-small", base_url=llm.base_url)
        node = Node(
            "m",
            PromptSpec("What of <{{ doc.id }}>?"),
            map=MapSpec(name="doc", path="docs.jsonl", tolerate=0.05),
            retry=Retry(limit=8, base_s=0.02, cap_s=0.3),
            check=Check(min_chars=24),
            timeout_s=6.0,
        )
        log, state = await Log.create(tmp_path / "session.db", "test"), fold.empty()
        limits = Limits(concurrency=64)
        for body in (
            SessionCreated("chaos", "g", "g", "/", "0", limits=limits, models={"worker": ref}),
            PlanProposed(1, Plan("g", (node,))),
        ):
            fold.apply(state, log.append(body))
        executor = LocalExecutor({"prompt": PromptWorker(lambda _: OpenAIChat(net, {}))}, grace_s=0.5)
        async with host(tmp_path, log, state, executor=executor) as world:  # type: ignore[arg-type]
            while state.status not in FINAL:
                await log.after(log.committed_seq)
            assert state.status is Status.SUCCEEDED, state.reason
            items = state.nodes["m"].items
            assert items is not None
            recorded = await world.recorded()

            hopeless = {item for item in range(ITEMS) if never(item)}
            assert items.count(State.SUCCEEDED) == ITEMS - len(hopeless)
            assert set(items.where(State.FAILED)) == hopeless
            assert items.malformed == malformed
            kinds = {item: items.errors[item].kind for item in hopeless}
            wanted = (ErrorKind.REFUSED, ErrorKind.CHECK)
            assert kinds == {item: wanted[item % len(wanted)] for item in hopeless}
            assert all(items.errors[item].message for item in hopeless)

            started = Counter(e.body.item for e in recorded if isinstance(e.body, AttemptStarted))
            assert started == llm.asked, "an attempt is a request, and a request is an attempt"
            assert {item: items.attempts[item] for item in range(ITEMS)} == dict(llm.asked)
            refused = sum(isinstance(e.body, AttemptThrottled) for e in recorded)
            assert refused == sum(asked.status == 429 for asked in llm.ledger)
            assert all(count == 1 for count in llm.answered.values()), "no answer was paid for twice"

            results = [json.loads(line) for line in results_of(tmp_path, "results.jsonl")]
            assert [line["item"] for line in results] == sorted(set(range(ITEMS)) - hopeless)
            assert all(line["output"].strip() == answer_to(line["item"]) for line in results)
            failures = [json.loads(line) for line in results_of(tmp_path, "failures.jsonl")]
            assert {line["item"] for line in failures} == hopeless
            assert all(line["error"] and line["attempts"] == llm.asked[line["item"]] for line in failures)
            assert len(results_of(tmp_path, "malformed.jsonl")) == malformed


def results_of(folder: Path, name: str) -> list[str]:
    return (folder / "artefacts" / "m" / name).read_text().splitlines()
