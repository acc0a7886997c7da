"""From what a worker reports to the event that records it: pure but for the files and blobs that hold large outputs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from swarmtui.engine import retry
from swarmtui.engine.artefacts import Artefacts
from swarmtui.engine.ports import Done, Failed, Stopped, Terminal
from swarmtui.safety.redact import Redactor
from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptSucceeded,
    AttemptThrottled,
    Body,
    Noted,
    ReportWritten,
)
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import ErrorKind, Output

logger = logging.getLogger(__name__)

INLINE_BYTES = 4_096
PREVIEW_CHARS = 1_024
BLOB_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class Live:
    """An attempt between its AttemptStarted and its end."""

    node: str
    item: int | None
    number: int
    seq: int
    """Of its AttemptStarted: the attempt may have effects once that is committed."""
    started: float
    """Session second."""
    submitted: bool = False
    stop: bool = False
    """It was asked to stop."""
    hold: bool = False
    """When stopped it goes back to where it was instead of being over."""


class Results:
    """Turns the ends of attempts into events of one session."""

    def __init__(
        self,
        state: SessionState,
        artefacts: Artefacts,
        put_blob: Callable[[bytes], str],
        redactor: Redactor,
        random: Random,
        out: Path | None,
    ) -> None:
        self._state = state
        self._artefacts = artefacts
        self._put_blob = put_blob
        self._redactor = redactor
        self._random = random
        self._out = out
        self._throttles: dict[tuple[str, int | None], int] = {}

    def body(self, live: Live, event: Terminal, took_s: float) -> Body:
        """The event that records how `live` ended after `took_s` seconds."""
        match event:
            case Done():
                self._throttles.pop((live.node, live.item), None)
                output = self._output(live, event)
                return AttemptSucceeded(live.node, live.number, output, live.item, took_s, event.usage)
            case Stopped():
                hold = live.hold or not live.stop
                return AttemptCancelled(live.node, live.number, live.item, hold, event.usage)
            case Failed():
                return self._failed(live, event, took_s)

    def _failed(self, live: Live, event: Failed, took_s: float) -> Body:
        node = self._state.nodes[live.node]
        error = replace(event.error, message=self._redactor.redact(event.error.message))
        if live.stop:
            return AttemptCancelled(live.node, live.number, live.item, live.hold, event.usage)
        if error.kind is ErrorKind.THROTTLED:
            key = (live.node, live.item)
            self._throttles[key] = self._throttles.get(key, 0) + 1
            wait_s = retry.throttled_in_s(error, self._throttles[key], self._random)
            return AttemptThrottled(live.node, live.number, wait_s, node.pool, live.item, error.message)
        tries = node.tries if live.item is None or node.items is None else node.items.tries.get(live.item, 1)
        policy = self._state.plan_nodes[live.node].retry
        retry_s = retry.retry_in_s(policy, error, tries, self._random)
        output = self._output(live, event) if event.output or event.path else None
        return AttemptFailed(live.node, live.number, error, live.item, took_s, retry_s, event.usage, output)

    def _output(self, live: Live, event: Done | Failed) -> Output:
        text = self._redactor.redact(event.output)
        size = len(text.encode("utf-8", "replace"))
        exit_code = event.exit_code if isinstance(event, Done) else event.error.exit_code
        path = None if event.path is None else self._artefacts.relative(event.path)
        if isinstance(event, Done) and event.truncated:
            # What came with the event is only head and tail; the worker's file holds the whole.
            size = event.size or size
            if event.path is None or size > BLOB_BYTES:
                return Output(text[:PREVIEW_CHARS], size, None, path, event.path is None, exit_code)
            try:
                text = self._redactor.redact(Path(event.path).read_text("utf-8", "replace"))
            except OSError as error:
                logger.warning("the output of %s is recorded in part: %s", live.node, error)
                return Output(text[:PREVIEW_CHARS], size, None, None, True, exit_code)
            return self._record(text, len(text.encode("utf-8", "replace")), path, exit_code)
        if path is None and text and live.item is None:
            path = self._written(live, text)
        return self._record(text, size, path, exit_code)

    def _written(self, live: Live, text: str) -> str | None:
        """The file for readers that now holds `text`; None if the disk takes none: the event has the output."""
        folder = self._artefacts.attempt_folder(live.node, live.number)
        try:
            return self._artefacts.relative(self._artefacts.write(folder, "output.txt", text))
        except OSError as error:
            logger.warning("the output of %s has no file: %s", live.node, error)
            return None

    def _record(self, text: str, size: int, path: str | None, exit_code: int | None = None) -> Output:
        if size <= INLINE_BYTES:
            return Output(text, size, None, path, False, exit_code)
        if size > BLOB_BYTES:
            return Output(text[:PREVIEW_CHARS], size, None, path, path is None, exit_code)
        sha = self._put_blob(text.encode("utf-8", "replace"))
        return Output(text[:PREVIEW_CHARS], size, sha, path, False, exit_code)

    async def file_output(self, path: Path, size: int) -> Output:
        """The recorded form of a result file that we wrote."""
        text = "" if size > BLOB_BYTES else await asyncio.to_thread(path.read_text, "utf-8", "replace")
        return self._record(text, size, self._artefacts.relative(path))

    def report(self, node: str, event: Done) -> Body:
        """Write the report that `node` made; the event that says where it is, or why not."""
        whole = event.output
        try:
            if event.path is not None and event.truncated:
                whole = Path(event.path).read_text("utf-8", "replace")
            path, copy = self._artefacts.write_report(self._redactor.redact(whole), self._out)
        except OSError as error:
            return Noted("error", f"the report could not be written: {error}", node)
        return ReportWritten(self._artefacts.relative(path), node, None if copy is None else str(copy))
