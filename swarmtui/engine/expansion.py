"""Reads the items of a map into the session file, in a thread and in memory that does not grow with them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from swarmtui.engine import sources
from swarmtui.engine.artefacts import Artefacts
from swarmtui.engine.items import ItemReader, ReadChunk, Reports
from swarmtui.engine.scarcity import scarcity_of
from swarmtui.engine.sources import Entries, ItemsError
from swarmtui.engine.values import ValueMissing, Values
from swarmtui.frozen import frozen
from swarmtui.plan.lookup import LookupFailed, render
from swarmtui.plan.model import MapSpec
from swarmtui.session.items import MOST_ITEMS
from swarmtui.session.log import Log
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Chunk, ErrorInfo, ErrorKind

CHUNKS_IN_MEMORY = 8


@frozen
class FoundItems:
    """The items of a map, as the session file holds them; fields as in MapExpanded."""

    total: int
    chunks: tuple[Chunk, ...]
    malformed: tuple[tuple[int, str], ...] = ()
    duplicates: tuple[tuple[int, int], ...] = ()
    malformed_total: int = 0
    duplicates_total: int = 0
    skipped: tuple[int, ...] = ()


class Expansion:
    """Finds and reads the items of one session's maps."""

    def __init__(self, state: SessionState, log: Log, artefacts: Artefacts, task_folder: Path, values: Values) -> None:
        self._state = state
        self._log = log
        self._artefacts = artefacts
        self._task_folder = task_folder
        self._values = values

    async def read(self, node_id: str) -> FoundItems | ErrorInfo:
        """Read a map's items chunk by chunk, or why that cannot be done.

        Raises what the machine was short of (see :mod:`swarmtui.engine.scarcity`) as OSError or ItemsError.
        """
        spec = self._state.plan_nodes[node_id].map
        if spec is None:
            return ErrorInfo(ErrorKind.INTERNAL, f"{node_id} is no map")
        try:
            source = await self._source(spec)
            with Reports(self._artefacts.node_folder(node_id)) as reports:
                reader = ItemReader(source, reports, spec.limit, skip_duplicates=spec.duplicates == "skip")
                chunks = await self._chunks(reader)
                return FoundItems(
                    reader.total,
                    chunks,
                    tuple(reports.malformed),
                    tuple(reports.duplicates),
                    reports.malformed_total,
                    reports.duplicates_total,
                    tuple(reader.skipped),
                )
        except (ItemsError, ValueMissing, LookupFailed) as error:
            if scarcity_of(error) is not None:
                raise
            return ErrorInfo(ErrorKind.INPUT, str(error))
        except OSError as error:
            if scarcity_of(error) is not None:
                raise
            return ErrorInfo(ErrorKind.INPUT, f"cannot read the items of {node_id}: {error}")

    async def _chunks(self, reader: ItemReader) -> tuple[Chunk, ...]:
        chunks: list[Chunk] = []
        while (found := await asyncio.to_thread(reader.next_chunk)) is not None:
            if reader.total > MOST_ITEMS:
                raise ItemsError(f"more than {MOST_ITEMS:,} items: give a `limit`, or make several maps of them")
            chunks.append(self._kept(found))
            if len(chunks) % CHUNKS_IN_MEMORY == 0:
                await self._log.blobs_flushed()  # a file may be read faster than the disk takes it
        return tuple(chunks)

    def _kept(self, found: ReadChunk) -> Chunk:
        sha = self._log.put_blob(found.data)
        lines = None if found.lines is None else self._log.put_blob(found.lines)
        return Chunk(sha, found.count, found.line, lines)

    async def _source(self, spec: MapSpec) -> Entries:
        if spec.values is not None:
            return sources.from_values(spec.values)
        if spec.node is not None:
            return await self._output(spec.node)
        path = Path(render(spec.path or "", self._state.inputs))
        for base in (self._task_folder, Path(self._state.cwd)):
            if (base / path).is_file():
                return sources.from_file(base / path)
        raise ItemsError(f"{path}: no such file beside the task file or in {self._state.cwd}")

    async def _output(self, node_id: str) -> Entries:
        node = self._state.nodes[node_id]
        name = f"the output of {node_id}"
        output = node.output
        if output is not None and not output.whole:
            if output.path is not None and not output.truncated:
                path = self._artefacts.absolute(output.path)
                if path is not None and path.is_file():
                    return sources.from_output(path, name)
            if output.sha is None:
                size = output.size / 1e6
                raise ItemsError(f"{name} had {size:.1f} MB, of which only a part was kept: have it write a file")
        return sources.from_output(await self._values.output(node), name)
