"""The list of sessions, opened for a test: rows as ``ls --json`` prints them, and the app over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from textual.pilot import Pilot

from swarmtui.session.compare import Comparison, compare, output_diff
from swarmtui.tui.browser import RELOAD_S, Browser, Choice
from swarmtui.tui.view.glyphs import UNICODE, Glyphs
from swarmtui.tui.view.sessions import Looking, Row
from tests.tui.scripted_feed import START, finished, mid_run

HOUR = 3_600.0


def session(name: str, status: str, hours_ago: float, **more: Any) -> Row:
    """A row as ``ls --json`` prints it."""
    started = START - hours_ago * HOUR
    over = status in ("succeeded", "failed", "cancelled")
    row: dict[str, Any] = {
        "id": name, "title": f"Review {name}", "status": status, "reason": "", "started": started,
        "ended": started + 754 if over else None, "counts": {"succeeded": 31, "running": 17}, "cost_usd": 0.4210,
        "needs_you": 0, "host": "here", "parent": None, "simulated": False,
    }  # fmt: skip
    return {**row, **more}


def found() -> list[Row]:
    """Newest first."""
    return [
        session("q7m2xk", "running", 0.1),
        session("p2xq9c", "awaiting_approval", 0.4, needs_you=1, counts={"waiting": 9}, cost_usd=None),
        session("f31kqz", "succeeded", 1, parent={"id": "7f3ak2", "seq": 120}, counts={"succeeded": 48}, cost_usd=0.12),
        session("c9r8ta", "crashed", 3, counts={"succeeded": 3, "running": 2, "failed": 1}),
        session("7f3ak2", "failed", 20, counts={"succeeded": 46, "failed": 2}, title="Review payments-service"),
        session("sim4xy", "succeeded", 400, simulated=True, cost_usd=None, counts={"succeeded": 5}),
    ]


def as_tree(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    """Forks under their parents, one level deep."""
    ids = {row["id"] for row in rows}
    roots = [row for row in rows if (row.get("parent") or {}).get("id") not in ids]
    below = {id(root): [row for row in rows if (row.get("parent") or {}).get("id") == root["id"]] for root in roots}
    return [pair for root in roots for pair in [("", root), *(("└─ ", row) for row in below[id(root)])]]


async def held(first: str, second: str) -> tuple[Comparison, Any]:
    """A session that failed and one in which it went on."""
    a, b = finished(), mid_run()

    async def diff_of(node: str) -> list[str]:
        outputs = [feed.state.nodes[node].output if node in feed.state.nodes else None for feed in (a, b)]
        return output_diff(*("" if one is None else one.text for one in outputs))

    return compare(replace(a.state, id=first), replace(b.state, id=second)), diff_of


@asynccontextmanager
async def browsed(
    rows: Sequence[Row] | None = None,
    looking: Looking | None = None,
    size: tuple[int, int] = (120, 40),
    glyphs: Glyphs = UNICODE,
) -> AsyncIterator[Pilot[Choice]]:
    """The browser, running, the sessions read."""

    async def read() -> Sequence[Row]:
        return found() if rows is None else rows

    app = browser(read, looking, glyphs)
    async with app.run_test(size=size) as pilot:
        await rested(pilot)
        yield pilot


def browser(read: Any, looking: Looking | None = None, glyphs: Glyphs = UNICODE, reload_s: float = RELOAD_S) -> Browser:
    """The app."""
    kept = Looking() if looking is None else looking
    looks: dict[str, Any] = {"glyphs": glyphs, "theme": "swarm-dark"}
    return Browser(read, kept, as_tree=as_tree, compare=held, clock=lambda: START, reload_s=reload_s, **looks)


async def rested(pilot: Pilot[Choice]) -> None:
    """Until nothing is under way."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[Choice], *keys: str) -> None:
    """Press keys, of which the last may end the app."""
    for key in keys:
        await pilot.press(key)
        if pilot.app.is_running:
            await rested(pilot)
