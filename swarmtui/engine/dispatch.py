"""From a decision to an attempt that a worker can carry out: lookups resolved, items read, results gathered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from swarmtui.engine import items as item_sources
from swarmtui.engine.artefacts import Artefacts
from swarmtui.engine.items import ItemReader, ItemsError, ItemStore
from swarmtui.engine.ports import Attempt, NodeResult
from swarmtui.engine.scarcity import scarce_error, scarcity_of
from swarmtui.engine.values import ValueMissing, Values
from swarmtui.plan.lookup import LookupFailed, render, render_spec
from swarmtui.plan.model import JSON, Author, MapSpec, MergeSpec, Node, PromptSpec
from swarmtui.session.events import AttemptSucceeded
from swarmtui.session.log import Log
from swarmtui.session.pools import model_of
from swarmtui.session.rows import row_to_event
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Chunk, ErrorInfo, ErrorKind, State

PAGE_ROWS = 2_000


def attempt_id(node: str, item: int | None, number: int) -> str:
    """``node/item/number``, or ``node//number``: unique in a session."""
    return f"{node}/{'' if item is None else item}/{number}"


@dataclass(frozen=True, slots=True)
class FoundItems:
    """The items of a map, as the session file holds them."""

    total: int
    chunks: tuple[Chunk, ...]
    malformed: tuple[tuple[int, str], ...]


class Dispatcher:
    """Prepares attempts of one session."""

    def __init__(self, state: SessionState, log: Log, artefacts: Artefacts, task_folder: Path) -> None:
        self._state = state
        self._log = log
        self._artefacts = artefacts
        self._task_folder = task_folder
        self._values = Values(state, artefacts, log.blob)
        self._items = ItemStore(log.blob)

    def forget_plan(self) -> None:
        """The plan was replaced."""
        self._values.forget_plan()

    async def prepare(self, node_id: str, item: int | None, number: int) -> Attempt | ErrorInfo:
        """The attempt with every lookup resolved, or why it cannot be made."""
        state = self._state
        node, plan_node = state.nodes[node_id], state.plan_nodes[node_id]
        ref = model_of(state, plan_node)
        if ref is None and isinstance(plan_node.spec, PromptSpec):
            known = ", ".join(state.models) or "none"
            return ErrorInfo(ErrorKind.INPUT, f"no model {plan_node.spec.model!r} in this session; it has {known}")
        try:
            value = None
            if item is not None and node.items is not None:
                value = await self._items.item(node.items.chunks, item)
            values = await self._values.of(plan_node, value)
            spec = render_spec(plan_node.spec, values)
            results: tuple[NodeResult, ...] = ()
            if isinstance(spec, MergeSpec):
                results = await self._values.results(plan_node)
        except (ValueMissing, LookupFailed, ItemsError) as error:
            return ErrorInfo(ErrorKind.INPUT, str(error))
        except OSError as error:
            scarcity = scarcity_of(error)
            if scarcity is not None:
                return scarce_error(scarcity)
            return ErrorInfo(ErrorKind.INPUT, f"an output could not be written for {node_id}: {error}")
        folder = self._artefacts.attempt_folder(node_id, number, map_item=item is not None)
        return Attempt(
            id=attempt_id(node_id, item, number),
            session=state.id,
            node=node_id,
            item=item,
            number=number,
            key=self._key(plan_node, item, number),
            spec=spec,
            cwd=state.cwd,
            folder=str(folder),
            task_folder=str(self._task_folder),
            trusted=state.plan is not None and state.plan.author is Author.USER,
            model=ref,
            check=plan_node.check,
            timeout_s=plan_node.timeout_s,
            results=results,
            title=state.title or state.goal,
        )

    def _key(self, node: Node, item: int | None, number: int) -> str:
        text = f"{self._state.id}/{attempt_id(node.id, item, number)}/{self._state.plan_rev}"
        return blake2b(text.encode(), digest_size=16).hexdigest()

    # -- maps ---------------------------------------------------------------------------------------------

    async def read_items(self, node_id: str) -> FoundItems | ErrorInfo:
        """Read a map's items into the session file, chunk by chunk; the file is read in a thread."""
        plan_node = self._state.plan_nodes[node_id]
        spec = plan_node.map
        if spec is None:
            return ErrorInfo(ErrorKind.INTERNAL, f"{node_id} is no map")
        try:
            reader = ItemReader(await self._source(spec), spec.limit)
            chunks: list[Chunk] = []
            while (found := await asyncio.to_thread(reader.next_chunk)) is not None:
                data, count = found
                chunks.append(Chunk(self._log.put_blob(data), count))
        except (ItemsError, ValueMissing, LookupFailed) as error:
            return ErrorInfo(ErrorKind.INPUT, str(error))
        except OSError as error:
            return ErrorInfo(ErrorKind.INPUT, f"cannot read the items of {node_id}: {error}")
        return FoundItems(reader.total, tuple(chunks), tuple(reader.malformed))

    async def _source(self, spec: MapSpec) -> Iterator[tuple[int, JSON | ValueError]]:
        if spec.values is not None:
            return item_sources.from_values(spec.values)
        if spec.node is not None:
            node = self._state.nodes[spec.node]
            if node.output is not None and not node.output.whole and node.output.path is not None:
                return item_sources.from_text(
                    await asyncio.to_thread(self._artefacts.absolute(node.output.path).read_text, "utf-8", "replace"),
                    f"the output of {spec.node}",
                )
            return item_sources.from_text(await self._values.output(node), f"the output of {spec.node}")
        path = Path(render(spec.path or "", self._state.inputs))
        for base in (self._task_folder, Path(self._state.cwd)):
            if (base / path).is_file():
                return item_sources.from_file(base / path)
        raise ItemsError(f"{path}: no such file beside the task file or in {self._state.cwd}")

    async def write_results(self, node_id: str) -> tuple[Path, int]:
        """Write a map's ``results.jsonl`` (item order) and ``failures.jsonl``; the first one's path and bytes."""
        node = self._state.nodes[node_id]
        items = node.items
        if items is None:
            raise ValueMissing(f"{node_id} has no items")
        outputs: dict[int, Mapping[str, JSON]] = {}
        async for body in self._successes(node_id):
            if body.item is not None and items.state(body.item) is State.SUCCEEDED:
                text = body.output.text if body.output.whole else await self._blob_text(body.output.sha)
                outputs[body.item] = {"item": body.item, "output": text}
        results = await asyncio.to_thread(
            self._artefacts.write_lines, node_id, "results.jsonl", (outputs[item] for item in sorted(outputs))
        )
        failures = (
            {"item": item, "state": items.state(item).value, "error": error.message}
            for item, error in sorted(items.errors.items())
        )
        await asyncio.to_thread(self._artefacts.write_lines, node_id, "failures.jsonl", failures)
        return results, results.stat().st_size

    async def _successes(self, node_id: str) -> AsyncIterator[AttemptSucceeded]:
        seq = 1
        while rows := await self._log.rows(seq, PAGE_ROWS):
            for row in rows:
                if row.node == node_id and row.type == AttemptSucceeded.TYPE:
                    body = row_to_event(row).body
                    if isinstance(body, AttemptSucceeded):
                        yield body
            seq = rows[-1].seq + 1

    async def _blob_text(self, sha: str | None) -> str:
        data = None if sha is None else await self._log.blob(sha)
        return "" if data is None else data.decode("utf-8", "replace")
