"""A provider that refuses, breaks, stalls and hangs up, and knows what it was asked; in a process of its own.

With a number as its argument it answers so many requests at once, and all of them well. Prints ``{"base_url": …}`` as
its first line. At the end of its input it prints its ledger and stops::

    {"asked": {item: requests}, "answered": {item: whole answers}, "statuses": {status: replies}, "most": at once}
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from zlib import crc32

from tests.fakes.llm import Answer, Asked, Behaviour, Cut, FakeLLM, Reset, Silence
from tests.fakes.llm import Status as Reply

IN_FLIGHT = 32
"""Requests that the provider answers at once; more are refused."""
LATENCY_S = 0.25
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
    """Whether the provider answers this item well in none of its tries."""
    return item % 997 == 500


def answer_to(item: int) -> str:
    """What a good answer says."""
    return f"the whole answer to {item} is that it makes {item * item}"


def number_in(prompt: str) -> int:
    """The item that a prompt is about."""
    found = re.search(r"<(\d+)>", prompt)
    assert found is not None
    return int(found[1])


class Unreliable(FakeLLM):
    """Answers most requests, refuses what is too much at once, and does something else now and then."""

    def __init__(self, most: int = IN_FLIGHT, *, faults: bool = True) -> None:
        super().__init__()
        self._most = most
        self._faults = faults
        self.asked: Counter[int] = Counter()
        self.answered: Counter[int] = Counter()

    def _choose(self, asked: Asked) -> Behaviour:
        if asked.path.endswith("/models"):
            return super()._choose(asked)
        item = number_in(asked.prompt)
        self.asked[item] += 1
        if self._answering > self._most:
            return Reply(429, headers={"retry-after": "0.05"})
        fault = self._fault(item) if self._faults else None
        if fault is not None:
            return fault
        self.answered[item] += 1
        return Answer(answer_to(item), latency_s=LATENCY_S)

    def _fault(self, item: int) -> Behaviour | None:
        if never(item):
            return NEVER[item % len(NEVER)]
        how = crc32(f"{item}/{self.asked[item]}".encode()) % 1_000
        return next((behaviour for below, behaviour in FAULTS if how < below), None)

    def told(self) -> dict[str, object]:
        """The ledger, as it is printed."""
        statuses = Counter(asked.status for asked in self.ledger)
        return {"asked": self.asked, "answered": self.answered, "statuses": statuses, "most": self.most_open}


async def serve(most: int = IN_FLIGHT, *, faults: bool = True) -> None:
    """Serve until the input ends."""
    async with Unreliable(most, faults=faults) as llm:
        print(json.dumps({"base_url": llm.base_url}), flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)
        print(json.dumps(llm.told()), flush=True)


if __name__ == "__main__":
    asyncio.run(serve() if len(sys.argv) < 2 else serve(int(sys.argv[1]), faults=False))
