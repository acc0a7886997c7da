"""Makes forecasts of a live or recorded session: counts the items of maps that have not been read, then simulates.

A plan that somebody is asked about gets the whole table. One that runs unasked gets a short forecast, to be held
against fact afterwards, if that is cheap: nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from swarmtui.engine.forecast import EFFORT, Learned, simulate, table
from swarmtui.engine.outlook import KnownDurations, outlook
from swarmtui.engine.paced import AccountStore, NoStore, recalled
from swarmtui.plan.lookup import LookupFailed, render
from swarmtui.session.events import Body, Event, Forecasted
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import FINAL

logger = logging.getLogger(__name__)

COUNTED_BYTES = 256 * 1024 * 1024
"""A file of items is counted up to here, and taken to go on like that."""
_BLOCK = 1024 * 1024
MOST_TOLD = 5_000
"""Nodes of a plan up to which each is foretold by itself, for people to read."""
SHORT_NODES, SHORT_EFFORT = 200, 2_000
"""Nodes up to which a forecast is cheap, and what it may then cost."""


class Foresight:
    """Records forecasts of one session."""

    def __init__(
        self,
        state: SessionState,
        task_folder: Path,
        known: KnownDurations,
        record: Callable[[Body], Event],
        accounts: AccountStore | None = None,
    ) -> None:
        self._state = state
        self._task_folder = task_folder
        self._known = known
        self._accounts = accounts
        self._record = record

    async def tell(self, *, whole: bool) -> None:
        """Make a forecast of the plan that stands and record it, unless it has been replaced meanwhile."""
        await self.forecast(whole=whole)

    async def forecast(self, *, whole: bool) -> int | None:
        """The same; the seq of what was recorded, None if nothing was."""
        state = self._state
        rev = state.plan_rev
        if state.plan is None or (not whole and len(state.plan.nodes) > SHORT_NODES):
            return None
        rows, effort = (None, EFFORT) if whole else ((None,), SHORT_EFFORT)
        try:
            made = await foresee(
                state, self._task_folder, self._known, self._accounts, concurrencies=rows, effort=effort
            )
        except ArithmeticError as error:  # figures out of all bounds: the session can do without
            logger.warning("no forecast: %s", error)
            return None
        if state.plan_rev == rev and state.status not in FINAL:
            if not whole or len(made.nodes) > MOST_TOLD:
                made = replace(made, nodes={})
            return self._record(made).seq
        return None


async def foresee(
    state: SessionState,
    task_folder: Path,
    known: KnownDurations | None = None,
    accounts: AccountStore | None = None,
    *,
    concurrencies: tuple[int | None, ...] | None = None,
    effort: int = EFFORT,
) -> Forecasted:
    """A forecast of what remains of `state`. What takes long is done in a thread, on a copy of what matters."""
    paths = item_files(state, task_folder)
    items = await asyncio.to_thread(lambda: {node: count_lines(path) for node, path in paths.items()}) if paths else {}
    ahead = outlook(state, known, items)
    rows, basis = table(state, ahead, concurrencies, learned_of(state, accounts or NoStore(), time.time()))
    return await asyncio.to_thread(simulate, ahead, rows, basis=basis, effort=effort)


def learned_of(state: SessionState, accounts: AccountStore, wall_s: float) -> Learned:
    """Pool -> what earlier sessions found its provider to allow, of pools that this session has not yet used."""
    found = {}
    for name, ref in state.models.items():
        pool = state.model_pools.get(name, ref.name)
        memory = None if ref.simulated or pool in state.paced else recalled(accounts, ref, wall_s)
        if memory is not None:
            found[pool] = memory
    return found


def item_files(state: SessionState, task_folder: Path) -> dict[str, Path]:
    """Node -> the file with the items of its map, of maps that have not read it and whose file has a line per item."""
    found: dict[str, Path] = {}
    for node in state.plan_nodes.values():
        if node.map is None or node.map.path is None or state.nodes[node.id].items is not None:
            continue
        try:
            name = Path(render(node.map.path, state.inputs))
        except LookupFailed:
            continue
        path = next((base / name for base in (task_folder, Path(state.cwd)) if (base / name).is_file()), None)
        if path is not None and path.suffix.lower() != ".json":
            found[node.id] = path
    return found


def count_lines(path: Path) -> int:
    """Items of a file with one in each line; 0 if it cannot be read. A CSV's header is none. Blocks on the file."""
    try:
        with path.open("rb") as file:
            lines, read, last = 0, 0, b"\n"
            while read < COUNTED_BYTES and (block := file.read(_BLOCK)):
                lines += block.count(b"\n")
                read += len(block)
                last = block[-1:]
            size = path.stat().st_size
    except OSError:
        return 0
    lines += last != b"\n"
    lines -= lines > 0 and path.suffix.lower() == ".csv"
    return lines if read >= size else round(lines * size / read)
