"""A small file of JSON lines in the user's directory for state: what was typed, what was said. Bounded, 0600, without
secrets. It holds nothing that cannot be lost: lines that cannot be read are passed over."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.safety.paths import PathRefused, ensure_private, write_atomic
from swarmtui.safety.redact import Redactor

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON

MOST_BYTES = 1_000_000


class Kept:
    """One file. Its methods block for a moment: call them on a thread."""

    def __init__(self, path: Path | None, most: int, redactor: Redactor | None = None) -> None:
        """`most` lines are kept, the last ones. Without a path nothing is."""
        self._path, self._most = path, most
        self._turn = threading.Lock()
        """Held from reading to writing: two that are added at once must both be there."""
        self.cleared = 0
        """How often all of it was forgotten."""
        self.redactor = redactor or Redactor()

    def read(self) -> list[dict[str, JSON]]:
        """Its lines, the oldest first."""
        if self._path is None:
            return []
        try:
            with self._path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError:
            return []
        found: list[dict[str, JSON]] = []
        for line in data.splitlines() if len(data) <= MOST_BYTES else ():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                found.append(value)
        return found[-self._most :]

    def add(
        self,
        value: dict[str, JSON],
        same: Callable[[dict[str, JSON]], bool] = lambda other: False,
        *,
        cleared: int | None = None,
    ) -> str:
        """Put `value` last, in place of those that are the `same`; why it could not be kept, if so.

        With `cleared` only where nothing was forgotten since :attr:`cleared` was that.
        """
        kept = self.redactor.redact_json(value)
        with self._turn:
            if cleared not in (None, self.cleared):
                return ""
            return self._write([*(one for one in self.read() if one != kept and not same(one)), kept])

    def clear(self) -> str:
        """Keep nothing any more; why that could not be done, if so."""
        with self._turn:
            self.cleared += 1
            return self._write([])

    def _write(self, values: list[dict[str, JSON]]) -> str:
        if self._path is None:
            return ""
        lines = [json.dumps(value, ensure_ascii=True) for value in values[-self._most :]]
        size = sum(len(line) + 1 for line in lines)
        while lines and size > MOST_BYTES:
            size -= len(lines.pop(0)) + 1
        try:
            ensure_private(self._path.parent)
            write_atomic(self._path, "".join(f"{line}\n" for line in lines))
        except (OSError, PathRefused) as error:
            return f"{self._path.name} was not kept: {error}"
        return ""
