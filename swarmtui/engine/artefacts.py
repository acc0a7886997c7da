"""The plain folder beside the session file: output and log per node, results of maps, report, status.

The session file is the truth; what lies here is for people, commands and agents to read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from swarmtui.plan.model import JSON
from swarmtui.safety.paths import write_atomic
from swarmtui.safety.text import clean, one_line
from swarmtui.session.state import SessionState


class Artefacts:
    """Writes into one session's folder."""

    def __init__(self, session: Path, root: Path) -> None:
        """`session` is the session's folder, `root` the folder of artefacts in it."""
        self._session = session
        self._root = root

    def attempt_folder(self, node: str, attempt: int, *, map_item: bool = False) -> Path:
        """Where an attempt keeps its files: the node's folder, or one below it for later attempts."""
        folder = self._root / node
        return folder if attempt == 1 or map_item else folder / f"attempt-{attempt}"

    def relative(self, path: str | Path) -> str:
        """`path` relative to the session's folder, as events name it; as it is if it lies elsewhere."""
        path = Path(path)
        return str(path.relative_to(self._session)) if path.is_relative_to(self._session) else str(path)

    def absolute(self, path: str) -> Path:
        """The inverse of :meth:`relative`."""
        return self._session / path

    def write(self, folder: Path, name: str, text: str) -> Path:
        """Write one private text file, replacing what was there."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        write_atomic(path, text.encode("utf-8", "replace"))
        return path

    def write_lines(self, node: str, name: str, lines: Iterable[JSON]) -> Path:
        """Write JSON lines into a node's folder."""
        folder = self._root / node
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        with path.open("w", encoding="utf-8", errors="replace") as file:
            path.chmod(0o600)
            for line in lines:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        return path

    def write_report(self, text: str, out: Path | None) -> tuple[Path, Path | None]:
        """Write ``report.md`` and, if the user named a folder, a copy there; returns both paths."""
        path = self.write(self._root, "report.md", text)
        if out is None:
            return path, None
        out.mkdir(parents=True, exist_ok=True)
        copy = out / "report.md"
        write_atomic(copy, text.encode("utf-8", "replace"), mode=0o644)
        return path, copy

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
            detail = node.error.message if node.error else f"because of {node.cause}" if node.cause else ""
            cell = one_line(clean(detail), 160).replace("|", "\\|")
            lines.append(f"| {node.id} | {node.state.value} | {node.attempts} | {cell} |")
        self.write(self._root, "status.md", "\n".join(lines) + "\n")
