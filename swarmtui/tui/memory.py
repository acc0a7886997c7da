"""What the workbench remembers from one time to the next: layouts, filters, order, the theme that was chosen last.

A small JSON object in the directory for state. It holds nothing that cannot be lost: a file that is damaged or of
another version is passed over, and what two workbenches write at once, the last one wins, key by key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from swarmtui.safety.paths import PathRefused, ensure_private, places, write_atomic

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON

FILE = "workbench.json"
MAX_BYTES = 256_000

T = TypeVar("T", bool, int, float, str, "list[JSON]", "dict[str, JSON]")


class Memory:
    """Values by name; kept in a file once :meth:`save` is called."""

    def __init__(self, path: Path | None = None) -> None:
        """Without a path nothing outlives the object."""
        self._path = path
        self._values = _read(path)
        self._changed: set[str] = set()
        self._lock = Lock()

    @property
    def lasts(self) -> bool:
        """Whether anything outlives the object."""
        return self._path is not None

    def get(self, name: str, default: T) -> T:
        """What was put under `name`, if it is of the kind of `default`."""
        value = self._values.get(name)
        return value if type(value) is type(default) else default

    def put(self, name: str, value: JSON) -> None:
        """Remember `value`."""
        with self._lock:
            if self._values.get(name) != value:
                self._values[name] = value
                self._changed.add(name)

    def begin_with(self, values: Mapping[str, JSON]) -> None:
        """Have `values` in place of what was remembered. They are not remembered for that."""
        self._values.update(values)

    def save(self) -> str:
        """Write what has changed; why it could not be, if so. Blocks for a moment: on a thread, or on leaving."""
        with self._lock:  # what is put from now on is written the next time
            changed = {name: self._values[name] for name in self._changed}
            self._changed.clear()
        if self._path is None or not changed:
            return ""
        merged = {**_read(self._path), **changed}
        try:
            ensure_private(self._path.parent)
            write_atomic(self._path, json.dumps(merged, indent=1, sort_keys=True))
        except (OSError, PathRefused) as error:
            with self._lock:
                self._changed |= changed.keys()
            return f"layout and filters were not kept: {error}"
        return ""


def remembered() -> Memory:
    """What this user's workbench remembers."""
    return Memory(places().state / FILE)


def _read(path: Path | None) -> dict[str, JSON]:
    if path is None:
        return {}
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
