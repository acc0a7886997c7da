"""What lookups find: inputs, the item, and how needs ended; gathered before an attempt is handed to a worker."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from swarmtui.engine.artefacts import Artefacts
from swarmtui.engine.ports import NodeResult
from swarmtui.plan.lookup import GoesBy, Lookup, references, texts
from swarmtui.plan.model import JSON, Node
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import Output, State, why_skipped

CACHED_OUTPUTS = 8
TOLD_CHARS = 16_000
"""Of the output of each of its subagents an agent is told so much."""


class ValueMissing(Exception):
    """A value that the attempt needs cannot be had; the text says which and why."""


class Values:
    """Finds the values that a node's lookups name."""

    def __init__(
        self, state: SessionState, artefacts: Artefacts, blob: Callable[[str], Awaitable[bytes | None]]
    ) -> None:
        self._state = state
        self._artefacts = artefacts
        self._blob = blob
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lookups: dict[str, tuple[Lookup, ...]] = {}

    def forget_plan(self) -> None:
        """The plan was replaced: what was read from it no longer holds."""
        self._lookups.clear()

    async def of(self, node: Node, item: JSON = None) -> Mapping[str, JSON]:
        """Values by name for all lookups of `node`. Raises ValueMissing."""
        values: dict[str, JSON] = dict(self._state.inputs)
        if node.map is not None:
            field = node.map.field
            goes_by = field is not None and isinstance(item, dict) and field in item
            values[node.map.name] = GoesBy(item, field) if goes_by and field is not None else item
        return await self.for_lookups(self._references(node), values)

    async def for_lookups(self, lookups: Sequence[Lookup], values: dict[str, JSON] | None = None) -> Mapping[str, JSON]:
        """Values by name for these lookups, beside those that are known. Raises ValueMissing."""
        values = dict(self._state.inputs) if values is None else values
        for lookup in lookups:
            known = self._state.nodes.get(lookup.name)
            if known is not None:
                entry = values.setdefault(lookup.name, {"state": known.state.value})
                field = lookup.path[0] if lookup.path else "output"
                if field not in entry:
                    entry[field] = await self._field(known, field)
        return values

    def _references(self, node: Node) -> tuple[Lookup, ...]:
        found = self._lookups.get(node.id)
        if found is None:
            found = tuple(lookup for _, text in texts(node.spec) if "{{" in text for lookup in references(text))
            self._lookups[node.id] = found
        return found

    async def _field(self, node: NodeState, field: str) -> JSON:
        output = node.output
        match field:
            case "output":
                return await self.output(node)
            case "path":
                return str(await self.path(node)) if output is not None else None
            case "error":
                return node.error.message if node.error else None
            case "exit_code":
                return output.exit_code if output else node.error.exit_code if node.error else None
            case "items":
                return node.items.total if node.items else None
            case _:
                return None

    async def output(self, node: NodeState) -> str:
        """The whole output of a node. Raises ValueMissing when it is too large to be put into a text."""
        output = node.output
        if output is None:
            return ""
        if output.whole:
            return output.text
        if output.truncated:
            raise _kept_in_part(node.id, output)
        if output.sha is None:
            size = output.size / 1e6
            raise ValueMissing(
                f"the output of {node.id} has {size:.1f} MB, too much for a text: "
                f"use its file, {{{{ {node.id}.path }}}}"
            )
        key = (node.id, output.sha)
        text = self._texts.get(key)
        if text is None:
            text = await self._load(node.id, output)
            self._texts[key] = text
            while len(self._texts) > CACHED_OUTPUTS:
                self._texts.popitem(last=False)
        return text

    async def _load(self, node: str, output: Output) -> str:
        data = await self._blob(output.sha or "")
        if data is None:
            raise ValueMissing(f"the session file lacks the output of {node}")
        return data.decode("utf-8", "replace")

    async def path(self, node: NodeState) -> Path:
        """A file with the whole output, written now if there is none."""
        output = node.output
        if output is not None and output.truncated:
            raise _kept_in_part(node.id, output)
        if output is not None and output.path is not None:
            path = self._artefacts.absolute(output.path)
            if path is not None and path.exists():
                return path
        folder = self._artefacts.attempt_folder(node.id, max(1, node.attempts), map_item=node.items is not None)
        return self._artefacts.write(folder, "output.txt", await self.output(node))

    async def results(self, node: Node) -> tuple[NodeResult, ...]:
        """How each need of `node` ended, for workers that join results."""
        found: list[NodeResult] = []
        for need in node.needs:
            state = self._state.nodes[need]
            plan_node = self._state.plan_nodes[need]
            path = str(await self.path(state)) if state.output is not None else None
            error = state.error.message if state.error else why_skipped(state.cause)
            found.append(NodeResult(need, state.state, plan_node.title or "", path, error))
        return tuple(found)

    async def told(self, names: Sequence[str]) -> list[JSON]:
        """How nodes ended, as the entry ``results`` of a thread holds it: what an agent is told of its subagents."""
        return [await self._told(name) for name in names]

    async def _told(self, name: str) -> JSON:
        state, plan_node = self._state.nodes.get(name), self._state.plan_nodes.get(name)
        if state is None or plan_node is None:
            return {"node": name, "state": State.CANCELLED.value, "error": "it was removed from the plan", "output": ""}
        error = state.error.message if state.error else why_skipped(state.cause)
        output = state.output
        path = None if output is None or output.path is None else self._artefacts.absolute(output.path)
        try:
            text = await self.output(state)
        except ValueMissing:  # too large for a text, or kept in part: what there is of it, and its file
            text = "" if output is None else output.text
        told = {"node": name, "state": state.state.value, "title": plan_node.title or "", "error": error}
        return {**told, "path": path and str(path), "output": _middle_cut(text)}


def _middle_cut(text: str) -> str:
    """Head and tail of what is too long to be told."""
    if len(text) <= TOLD_CHARS:
        return text
    half = TOLD_CHARS // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"


def _kept_in_part(node: str, output: Output) -> ValueMissing:
    return ValueMissing(
        f"the output of {node} had {output.size / 1e6:,.0f} MB and is kept in part only: "
        "let it write what others need to a file of its own, and print less"
    )
