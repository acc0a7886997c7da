"""The plain folder beside the session file: output and log per node, results of maps, report, status.

The session file is the truth; what lies here is for people, commands and agents to read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from swarmtui.plan.model import JSON
from swarmtui.safety.paths import PathRefused, inside, write_atomic
from swarmtui.safety.text import clean, one_line
from swarmtui.session import item_results
from swarmtui.session.items import Items
from swarmtui.session.reader import Reader
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import why_skipped


class Artefacts:
    """Writes into one session's folder."""

    def __init__(self, session: Path, root: Path) -> None:
        """`session` is the session's folder, `root` the folder of artefacts in it."""
        self._session = session
        self._root = root
        self._root_text = str(root)

    def attempt_folder(self, node: str, attempt: int, *, map_item: bool = False) -> Path:
        """Where an attempt keeps its files: the node's folder, or one below it for later attempts."""
        folder = self._root / node
        return folder if attempt == 1 or map_item else folder / f"attempt-{attempt}"

    def attempt_path(self, node: str, attempt: int, *, map_item: bool = False) -> str:
        """:meth:`attempt_folder` as a text, which every attempt is told."""
        folder = f"{self._root_text}/{node}"
        return folder if attempt == 1 or map_item else f"{folder}/attempt-{attempt}"

    def node_folder(self, node: str) -> Path:
        """The folder of a node; it need not be there."""
        return self._root / node

    def relative(self, path: str | Path) -> str:
        """`path` relative to the session's folder, as events name it; as it is if it lies elsewhere."""
        path = Path(path)
        return str(path.relative_to(self._session)) if path.is_relative_to(self._session) else str(path)

    def absolute(self, path: str) -> Path | None:
        """The inverse of :meth:`relative`; None if that leads out of the session: events may have been imported."""
        try:
            return inside(self._session, path)
        except PathRefused:
            return None

    def write(self, folder: Path, name: str, text: str) -> Path:
        """Write one private text file, replacing what was there."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        write_atomic(path, text.encode("utf-8", "replace"))
        return path

    def write_lines(self, node: str, name: str, lines: Iterable[JSON]) -> Path:
        """Write JSON lines into a node's folder as they come; the file is there once it is whole. Raises OSError."""
        folder = self.node_folder(node)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path, fresh = folder / name, folder / f".{name}.new"
        try:
            with fresh.open("w", encoding="utf-8", errors="replace") as file:
                fresh.chmod(0o600)
                for line in lines:
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except BaseException:
            with suppress(OSError):
                fresh.unlink()
            raise
        return path

    def write_report(self, text: str) -> Path:
        """Write ``report.md``; where it is. Raises OSError."""
        return self.write(self._root, "report.md", text)

    def copy_report(self, text: str, out: Path) -> Path:
        """Write a copy to the folder that the user named; where it is. Raises OSError."""
        out.mkdir(parents=True, exist_ok=True)
        copy = out / "report.md"
        write_atomic(copy, text.encode("utf-8", "replace"), mode=0o644)
        return copy

    def write_status(self, state: SessionState) -> None:
        """Write ``status.md``: one table of all nodes."""
        label = " (simulated model: nothing in here is a result)" if state.simulated else ""
        lines = [
            f"# {one_line(state.title or state.goal, 120)}{label}",
            "",
            f"Session {state.id}: {state.status.value}{': ' + one_line(state.reason, 200) if state.reason else ''}",
            "",
            "| node | state | attempts | detail |",
            "|---|---|---|---|",
        ]
        for node in state.nodes.values():
            detail = node.error.message if node.error else why_skipped(node.cause) or ""
            cell = one_line(clean(detail), 160).replace("|", "\\|")
            lines.append(f"| {node.id} | {node.state.value} | {node.attempts} | {cell} |")
        self.write(self._root, "status.md", "\n".join(lines) + "\n")


def write_map_files(session_file: Path, artefacts: Artefacts, node: str, items: Items, *, inputs: bool = False) -> Path:
    """Write ``results.jsonl`` and ``failures.jsonl`` of a map, in item order; the first one's path.

    With `inputs` their lines hold the items too. Blocks for as long as that takes. Raises OSError, and LogError if the
    session file cannot be read.
    """
    with Reader(session_file) as reader:
        path = artefacts.write_lines(node, "results.jsonl", item_results.results(reader, items, inputs=inputs))
        artefacts.write_lines(node, "failures.jsonl", item_results.failures(reader, items, inputs=inputs))
    return path
