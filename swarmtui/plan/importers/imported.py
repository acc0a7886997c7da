"""What an importer gives back."""

from __future__ import annotations

from pathlib import Path

from swarmtui.frozen import frozen
from swarmtui.plan.model import Task


@frozen
class Imported:
    """A task made of a file or folder of another system."""

    task: Task
    remarks: tuple[str, ...] = ()
    """One line each: what was taken otherwise than it was written, for the session's log and ``swarmtui validate``."""
    folder: Path | None = None
    """The folder that the session is written back to, if its system wants that."""
