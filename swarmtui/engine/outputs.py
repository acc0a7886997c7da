"""What becomes of an output before it is recorded: secrets out, a file for readers, a blob for what is too long.

All of it may block on the disk or take its time with megabytes, and so is done in a thread. Nothing here is recorded:
the event that tells of the output comes after its file is there, and what waits for the output comes after the event.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from swarmtui.engine.artefacts import Artefacts
from swarmtui.engine.ports import Done, Failed
from swarmtui.frozen import frozen
from swarmtui.safety.redact import Redactor
from swarmtui.session.events import Body, Noted, ReportWritten
from swarmtui.session.vocabulary import Output, place_of

logger = logging.getLogger(__name__)

INLINE_BYTES = 4_096
PREVIEW_CHARS = 1_024
BLOB_BYTES = 16 * 1024 * 1024
ASIDE_CHARS = 64 * 1024
"""Outputs up to this are looked at in the event loop, unless a file is to be written."""


@frozen
class KeptOutput:
    """An output that is ready to be recorded."""

    output: Output
    """Without the key of its blob."""
    blob: bytes | None = None
    """The whole, where the event does not hold it."""
    told: tuple[Body, ...] = ()
    """What is to be recorded besides: that a part is lost, what became of a report."""


class Outputs:
    """Keeps the outputs of one session's attempts. `out` is where the user wants a copy of the report."""

    def __init__(self, artefacts: Artefacts, redactor: Redactor, out: Path | None) -> None:
        self._artefacts = artefacts
        self._redactor = redactor
        self._out = out

    def needs_thread(self, event: Done | Failed, item: int | None) -> bool:
        """Whether :meth:`keep` would hold up an event loop."""
        if isinstance(event, Done) and (event.truncated or event.report):
            return True
        return len(event.output) > ASIDE_CHARS or self._needs_file(event, item)

    def keep(self, event: Done | Failed, node: str, number: int, item: int | None, foot: str = "") -> KeptOutput:
        """The output of attempt `number`, its file written where readers expect one; if it is a report, that with
        `foot` at its end. Blocks."""
        exit_code = event.exit_code if isinstance(event, Done) else event.error.exit_code
        path = None if event.path is None else self._artefacts.relative(event.path)
        text = self._redactor.redact(event.output)
        if isinstance(event, Done) and event.truncated:
            kept = self._from_file(event, node, text, path)
        else:
            if self._needs_file(event, item) and text:
                path = self._written(node, number, text)
            kept = self.kept(text, path)
        if exit_code is not None:
            kept = replace(kept, output=replace(kept.output, exit_code=exit_code))
        return replace(kept, told=tuple(self._told(node, event, item, foot))) if isinstance(event, Done) else kept

    def _told(self, node: str, event: Done, item: int | None, foot: str) -> Iterator[Body]:
        if event.lost is not None:
            yield Noted("warning", f"the output of {place_of(node, item)} is kept in part only: {event.lost}", node)
        if event.report:
            yield from self._report(node, event, foot)

    def kept(self, text: str, path: str | None) -> KeptOutput:
        """`text` as it is recorded, `path` being the file that holds it."""
        data = text.encode("utf-8", "replace")
        if len(data) <= INLINE_BYTES:
            return KeptOutput(Output(text, len(data), None, path))
        if len(data) > BLOB_BYTES:
            return KeptOutput(Output(text[:PREVIEW_CHARS], len(data), None, path, truncated=path is None))
        return KeptOutput(Output(text[:PREVIEW_CHARS], len(data), None, path), data)

    def of_file(self, path: Path) -> KeptOutput:
        """A file that we wrote, as it is recorded. Blocks. Raises OSError."""
        size, told = path.stat().st_size, self._artefacts.relative(path)
        if size > BLOB_BYTES:
            return KeptOutput(Output("", size, None, told))
        return self.kept(path.read_text("utf-8", "replace"), told)

    def _needs_file(self, event: Done | Failed, item: int | None) -> bool:
        whole = not (isinstance(event, Done) and event.truncated)
        return whole and item is None and event.path is None and bool(event.output)

    def _from_file(self, event: Done, node: str, text: str, path: str | None) -> KeptOutput:
        """What came with the event is only head and tail; the worker's file holds the whole."""
        size = event.size or len(text.encode("utf-8", "replace"))
        if event.path is None or event.lost is not None or size > BLOB_BYTES:
            lost = event.path is None or event.lost is not None
            return KeptOutput(Output(text[:PREVIEW_CHARS], size, None, path, truncated=lost))
        try:
            return self.kept(self._redactor.redact(Path(event.path).read_text("utf-8", "replace")), path)
        except OSError as error:
            logger.warning("the output of %s is recorded in part: %s", node, error)
            return KeptOutput(Output(text[:PREVIEW_CHARS], size, truncated=True))

    def _written(self, node: str, number: int, text: str) -> str | None:
        """The file for readers that now holds `text`; None if the disk takes none: the event has the output."""
        folder = self._artefacts.attempt_folder(node, number)
        try:
            return self._artefacts.relative(self._artefacts.write(folder, "output.txt", text))
        except OSError as error:
            logger.warning("the output of %s has no file: %s", node, error)
            return None

    def _report(self, node: str, event: Done, foot: str) -> Iterator[Body]:
        """Write the report that `node` made; the events that say where it is, or why not."""
        whole, copy = event.output, None
        try:
            if event.path is not None and event.truncated:
                whole = Path(event.path).read_text("utf-8", "replace")
            text = self._redactor.redact(_footed(whole, foot))
            path = self._artefacts.write_report(text)
        except OSError as error:
            yield Noted("error", f"the report could not be written: {error}", node)
            return
        try:
            copy = None if self._out is None else str(self._artefacts.copy_report(text, self._out))
        except OSError as error:
            yield Noted("error", f"the report could not be copied to {self._out}: {error}", node)
        yield ReportWritten(self._artefacts.relative(path), node, copy)


def _footed(text: str, foot: str) -> str:
    """A report with what is known of the session that made it at its end."""
    return f"{text.rstrip()}\n\n{foot}\n" if foot else text
