"""The two steps of a map that are work of their own: reading its items, and writing its results when all have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from swarmtui.engine.dispatch import Dispatcher
from swarmtui.engine.expansion import FoundItems
from swarmtui.engine.items import DUPLICATES_FILE, MALFORMED_FILE
from swarmtui.engine.results import Results
from swarmtui.engine.scarcity import scarcity_of
from swarmtui.engine.sources import ItemsError
from swarmtui.plan.model import MapSpec
from swarmtui.session.events import AttemptFailed, AttemptStarted, Body, Event, MapExpanded, MapFinished, Noted
from swarmtui.session.log import Log
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ErrorInfo, Output, State

LINES_TOLD = 3
AGAIN_S = 5.0


def lines_told(found: FoundItems) -> list[str]:
    """What the log says of entries that could not be read or were there before: the first few, then how many."""
    told = ["the map has no items: nothing is carried out"] if not found.total and not found.malformed_total else []
    told += [f"items, line {line}: {message}" for line, message in found.malformed[:LINES_TOLD]]
    if found.malformed_total > LINES_TOLD:
        told.append(f"items: {found.malformed_total} entries could not be read: all are in {MALFORMED_FILE}")
    told += [f"items, line {line}: the same as line {first}" for line, first in found.duplicates[:LINES_TOLD]]
    if found.duplicates_total > LINES_TOLD:
        told.append(f"items: {found.duplicates_total} are the same as an earlier one: all are in {DUPLICATES_FILE}")
    return told


Wanted = tuple[MapSpec, float | None]


def to_expand(state: SessionState, node_id: str) -> Wanted | None:
    """What tells one reading of a map's items from another: how it is told to, and since when it is ready to.

    None if it does not wait for its items: it has them, or is over, or a need of it is run again.
    """
    node = state.nodes.get(node_id)
    spec = None if node is None else state.plan_nodes[node_id].map
    if node is None or spec is None or node.ended or node.unmet or node.items is not None:
        return None
    return spec, node.ready_mono


def may_finish(state: SessionState, node_id: str) -> NodeState | None:
    """The map all of whose items have ended, if that is still so."""
    node = state.nodes.get(node_id)
    if node is None or node.items is None or node.ended or node.running or node.items.ended < node.items.total:
        return None
    return node


class MapWork:
    """Expands and finishes the maps of one session. `step` is called after what happened here was recorded."""

    def __init__(
        self,
        state: SessionState,
        log: Log,
        dispatcher: Dispatcher,
        results: Results,
        record: Callable[[Body], Event],
        step: Callable[[], None],
    ) -> None:
        self._state = state
        self._log = log
        self._dispatcher = dispatcher
        self._results = results
        self._record = record
        self._step = step
        self._finishing = asyncio.Lock()
        self._reading: dict[str, Wanted] = {}

    async def expand(self, node_id: str) -> None:
        """Read the map's items and record what was found, unless the map was changed or removed meanwhile."""
        wanted = to_expand(self._state, node_id)
        if wanted is None or self._reading.get(node_id) == wanted:
            return
        self._reading[node_id] = wanted
        try:
            found = await self._read(node_id)
        finally:
            if self._reading.get(node_id) == wanted:
                del self._reading[node_id]
        node = self._state.nodes.get(node_id)
        if node is None or to_expand(self._state, node_id) != wanted:
            return
        if isinstance(found, ErrorInfo):
            self._record(AttemptStarted(node_id, node.attempts + 1))
            self._record(AttemptFailed(node_id, node.attempts, found))
        else:
            self._record(
                MapExpanded(
                    node_id,
                    found.total,
                    found.chunks,
                    found.malformed,
                    found.duplicates,
                    found.malformed_total,
                    found.duplicates_total,
                    found.skipped,
                )
            )
            for told in lines_told(found):
                self._record(Noted("warning", told, node_id))
        self._step()

    async def _read(self, node_id: str) -> FoundItems | ErrorInfo:
        """The map's items, once the machine has room for them."""
        told = False
        while True:
            try:
                return await self._dispatcher.read_items(node_id)
            except (OSError, ItemsError) as error:
                scarcity = scarcity_of(error)
                if scarcity is None:
                    raise
                if not told:
                    self._record(Noted("warning", f"the items wait to be read: {scarcity.value}", node_id))
                told = True
            await asyncio.sleep(AGAIN_S)

    async def finish(self, node_id: str) -> None:
        """Write the map's result files and record its end; one map at a time."""
        async with self._finishing:
            await self._write_and_finish(node_id)

    async def _write_and_finish(self, node_id: str) -> None:
        await self._log.flushed()
        node, plan_node = may_finish(self._state, node_id), self._state.plan_nodes.get(node_id)
        items = None if node is None else node.items
        if node is None or plan_node is None or items is None:
            return
        seen = (node.attempts, bytes(items.codes))
        output = await self._written(node_id)
        if node.ended or node.items is not items or (node.attempts, bytes(items.codes)) != seen:
            return  # items were retried meanwhile: once they have ended the map is finished with their results
        good = items.count(State.SUCCEEDED)
        bad = items.total - good - items.count(State.SKIPPED) + items.malformed
        tolerated = (plan_node.map.tolerate if plan_node.map else 0.0) * (items.total + items.malformed)
        ok = output is not None and bad <= tolerated and not node.cancelled
        self._record(MapFinished(node_id, good, bad, ok, output or Output("", 0)))
        self._step()

    async def _written(self, node_id: str) -> Output | None:
        """The map's result file, once there is room for it; None if it cannot be written."""
        told = False
        while True:
            try:
                path = await self._dispatcher.write_results(node_id)
                self._log.faults.at("results.written")
                return await self._results.file_output(path)
            except OSError as error:
                scarcity = scarcity_of(error)
                if scarcity is None:
                    text = f"the results could not be written: {error}: mend it and retry"
                    self._record(Noted("error", text, node_id))
                    return None
                if not told:
                    self._record(Noted("warning", f"the results wait to be written: {scarcity.value}", node_id))
                told = True
            await asyncio.sleep(AGAIN_S)
