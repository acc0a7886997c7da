"""Pasts for tests: events of one's own, in memory, and clocks that stand still until they are told."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence

from swarmtui.host.feed import Gap
from swarmtui.host.past import GAP_S
from swarmtui.host.shelf import EmptyShelf, Shelf
from swarmtui.host.tempo import gap_between
from swarmtui.plan.model import Node, Plan, PromptSpec, plan_hash
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptStarted,
    AttemptSucceeded,
    Body,
    Event,
    HostStarted,
    PlanApproved,
    PlanProposed,
    SessionCreated,
    SessionFinished,
)
from swarmtui.session.marks import Mark, mark_of
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Output, Usage

BEGAN = 1_000_000.0
"""Epoch second at which these sessions begin, and second 0 on their clock."""


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class MemoryPast:
    """A past that is a list; it counts how often a state was made."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.recorded = list(events)
        self.made = 0
        self.closed = False

    @property
    def shelf(self) -> Shelf:
        return EmptyShelf()

    async def head(self) -> int:
        return len(self.recorded)

    async def state_at(self, seq: int) -> SessionState:
        if not 1 <= seq <= len(self.recorded):
            raise IndexError(seq)
        await asyncio.sleep(0)
        self.made += 1
        return fold.fold(self.recorded[:seq])

    async def events(self, from_seq: int, limit: int) -> list[Event]:
        await asyncio.sleep(0)
        return self.recorded[from_seq - 1 : from_seq - 1 + limit]

    async def marks(self, from_seq: int = 1) -> list[Mark]:
        return [mark for mark in map(mark_of, self.recorded[from_seq - 1 :]) if mark is not None]

    async def gaps(self, from_seq: int = 1) -> list[Gap]:
        pairs = zip(self.recorded, self.recorded[1:], strict=False)
        found = [Gap(event.seq, gap_between(before, event)) for before, event in pairs if event.seq >= from_seq]
        return [gap for gap in found if gap.seconds >= GAP_S]

    async def seq_at(self, mono: float) -> int:
        return max(1, bisect_right(self.recorded, mono, key=lambda event: event.mono))

    async def output(self, node: str, item: int | None = None) -> str:
        return ""

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        return f"log of {node}"

    async def close(self) -> None:
        self.closed = True


def recorded(*bodies: tuple[float, Body]) -> list[Event]:
    """Events, each so many seconds after the one before."""
    events: list[Event] = []
    mono = 0.0
    for gap, body in bodies:
        mono += gap
        events.append(Event(len(events) + 1, BEGAN + mono, mono, body))
    return events


def beginning(*nodes: str) -> list[tuple[float, Body]]:
    """A session up to where its nodes, which need nothing, may start: seq 1 to 4, all at second 0."""
    plan = Plan("a goal", tuple(Node(node, PromptSpec("say")) for node in nodes))
    return [
        (0.0, SessionCreated("abcdefgh", "a goal", "title", "/", "test")),
        (0.0, HostStarted(1, "boot", "test")),
        (0.0, PlanProposed(1, plan)),
        (0.0, PlanApproved(1, plan_hash(plan))),
    ]


def worked(node: str, text: str, took_s: float, gap: float = 0.0) -> list[tuple[float, Body]]:
    """One node from its start, `gap` seconds after what was before, to its success."""
    output = Output(text, len(text.encode()))
    return [
        (gap, AttemptStarted(node, 1)),
        (took_s, AttemptSucceeded(node, 1, output, took_s=took_s, usage=Usage(1, 1, cost_usd=0.25))),
    ]


def ended() -> list[tuple[float, Body]]:
    """The last event of a session that succeeded."""
    return [(0.0, SessionFinished("succeeded"))]
