"""Results taken over instead of paid again: what is equal work, and where an earlier success of it is.

Two attempts are equal work if what reaches the worker is equal: the spec with every lookup resolved, the model (not its
price), the check; for commands and code also the folder, the outputs of all needs, and the files that are named. Only
what does not change the world is ever taken over, and only what somebody has run again: a node carried out for the
first time asks nobody, so that equal nodes, and equal items of a map, remain independent samples. For the same reason
each earlier success is taken over at most once per run of the node. See docs/design/0003-live-edits.md.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from swarmtui.engine.dispatch import attempt_id
from swarmtui.engine.outputs import INLINE_BYTES, PREVIEW_CHARS
from swarmtui.engine.ports import Attempt
from swarmtui.engine.results import Live
from swarmtui.engine.reuse_store import ReuseStore
from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON, Check, Node, PromptSpec, PythonSpec, RunSpec
from swarmtui.session.events import AttemptSucceeded, Event
from swarmtui.session.log import Log
from swarmtui.session.rows import row_to_event
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import Output

logger = logging.getLogger(__name__)

Reach = Literal["session", "any", "none"]
"""Where results may be taken over from: this session, every session of the user, nowhere."""

PAGE_ROWS = 2_000
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_KEY = re.compile(r"[0-9a-f]{32}")
STORED_BYTES = 1024 * 1024
"""An output larger than this is not kept for other sessions."""


@frozen
class Earlier:
    """An earlier success of equal work."""

    output: Output
    ref: str
    """``SESSION/node/item/number``."""


def content_key(attempt: Attempt, node: Node, state: SessionState) -> str:
    """Hash of what `attempt` is made of; empty if what it comes to is never taken over."""
    if node.changes_world or not isinstance(attempt.spec, PromptSpec | RunSpec | PythonSpec):
        return ""
    model = attempt.model
    parts: list[JSON] = [
        _fields(attempt.spec),
        None if model is None else [model.provider, model.model, model.dialect, model.base_url],
        None if attempt.check is None else _fields(attempt.check),
    ]
    if not isinstance(attempt.spec, PromptSpec):
        parts += [attempt.cwd, attempt.trusted, list(_inputs(node, state)), list(_files(attempt))]
    return blake2b(_ENCODER.encode(parts).encode(), digest_size=16).hexdigest()


def _fields(value: PromptSpec | RunSpec | PythonSpec | Check) -> dict[str, JSON]:
    """The fields of a value, none of which is such a value itself."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _inputs(node: Node, state: SessionState) -> Iterator[JSON]:
    """What the needs came to: a command may read it by its path."""
    for need in node.needs:
        output = state.nodes[need].output
        if output is not None:
            sha = output.sha or blake2b(output.text.encode("utf-8", "replace"), digest_size=16).hexdigest()
            yield [need, sha, output.size]


def _files(attempt: Attempt) -> Iterator[JSON]:
    """Files that the command or the code names, as they are now."""
    spec = attempt.spec
    words = (
        spec.argv if isinstance(spec, RunSpec) else [spec.file] if isinstance(spec, PythonSpec) and spec.file else []
    )
    folder = Path(attempt.task_folder if isinstance(spec, PythonSpec) else attempt.cwd)
    for word in words:
        try:
            found = (folder / word).stat()
        except (OSError, ValueError):
            continue
        yield [word, found.st_size, found.st_mtime_ns]


class Reuse:
    """Finds earlier successes for one session. `store` is asked for and told of those of other sessions."""

    def __init__(
        self, state: SessionState, log: Log, reach: Reach = "session", store: ReuseStore | None = None
    ) -> None:
        self._state = state
        self._log = log
        self._reach = reach
        self._store = store if reach == "any" else None
        self._index: dict[bytes, list[tuple[int, str]]] | None = None
        self._looked: dict[tuple[str, int, str], int] = {}
        """Of a node since it was reset, and a key: how many of the successes with it are used or out of question."""
        self._taken: dict[str, int] = {}

    def key(self, attempt: Attempt) -> str:
        """The content key of an attempt; empty where nothing is taken over."""
        node = self._state.plan_nodes[attempt.node]
        return "" if self._reach == "none" else content_key(attempt, node, self._state)

    async def find(self, live: Live) -> Earlier | None:
        """The earlier success that `live` may be spared for; None if there is none."""
        node = self._state.nodes[live.node]
        if not live.key or self._reach == "none":
            return None
        if node.reset_seq > node.fresh_since:
            found = await self._in_session(live.key, node)
            if found is not None:
                return found
        if self._store is not None and (node.fresh_since == 0 or node.reset_seq > node.fresh_since):
            return await self._elsewhere(live.key)
        return None

    def note(self, event: Event) -> None:
        """Take note of a success that was recorded."""
        if self._index is not None and isinstance(event.body, AttemptSucceeded):
            _add(self._index, event.seq, event.body.node, event.body.key)

    def shares(self, body: AttemptSucceeded) -> bool:
        """Whether a success is kept for other sessions."""
        own = bool(body.key) and body.reused_from is None
        return self._store is not None and own and body.output.size <= STORED_BYTES

    async def offer(self, body: AttemptSucceeded) -> None:
        """Keep a success for other sessions."""
        text = await self._text(body.output)
        if self._store is not None and text is not None:
            ref = f"{self._state.id}/{attempt_id(body.node, body.item, body.attempt)}"
            await self._store.put(body.key, self._state.id, ref, text, body.output.exit_code)

    # -- this session ---------------------------------------------------------------------------------------

    async def _in_session(self, key: str, node: NodeState) -> Earlier | None:
        index = await self._indexed()
        candidates, place = index.get(bytes.fromhex(key), ()), (node.id, node.reset_seq, key)
        while (at := self._looked.get(place, 0)) < len(candidates):
            seq, owner = candidates[at]
            if seq > node.reset_seq:
                break
            self._looked[place] = at + 1
            if seq <= node.fresh_since or (owner != node.id and owner in self._state.plan_nodes):
                continue  # another node of this plan is equal on purpose
            found = await self._read(seq)
            if found is not None:
                return found
        return None

    async def _indexed(self) -> dict[bytes, list[tuple[int, str]]]:
        """Key -> successes with it, in order; read from the log when it is first asked for."""
        if self._index is None:
            index: dict[bytes, list[tuple[int, str]]] = {}
            seq = 1
            while seq <= self._state.seq:
                await self._log.committed(self._state.seq)
                rows = await self._log.rows(seq, PAGE_ROWS)
                for row in rows:
                    if row.type == AttemptSucceeded.TYPE and row.node is not None:
                        _add(index, row.seq, row.node, json.loads(row.data).get("key", ""))
                seq = rows[-1].seq + 1 if rows else self._state.seq + 1
            self._index = index
        return self._index

    async def _read(self, seq: int) -> Earlier | None:
        await self._log.committed(seq)
        rows = await self._log.rows(seq, 1)
        body = row_to_event(rows[0]).body if rows else None
        if not isinstance(body, AttemptSucceeded) or body.output.truncated:
            return None
        if not body.output.whole and body.output.sha is None:
            return None  # only a file holds it, which anybody may have changed
        ref = body.reused_from or f"{self._state.id}/{attempt_id(body.node, body.item, body.attempt)}"
        return Earlier(body.output, ref)

    async def _text(self, output: Output) -> str | None:
        if output.whole:
            return output.text
        data = None if output.sha is None else await self._log.blob(output.sha)
        return None if data is None else data.decode("utf-8", "replace")

    # -- other sessions -------------------------------------------------------------------------------------

    async def _elsewhere(self, key: str) -> Earlier | None:
        if self._store is None:
            return None
        nth = self._taken.get(key, 0)
        found = await self._store.get(key, self._state.id, nth)
        if found is None:
            return None
        self._taken[key] = nth + 1
        data = found.text.encode("utf-8", "replace")
        if len(data) <= INLINE_BYTES:
            return Earlier(Output(found.text, len(data), exit_code=found.exit_code), found.ref)
        sha = self._log.put_blob(data)
        return Earlier(Output(found.text[:PREVIEW_CHARS], len(data), sha, exit_code=found.exit_code), found.ref)


def _add(index: dict[bytes, list[tuple[int, str]]], seq: int, node: str, key: str) -> None:
    if _KEY.fullmatch(key):
        index.setdefault(bytes.fromhex(key), []).append((seq, node))
