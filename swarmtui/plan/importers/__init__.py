"""Reads what other systems call a task, unchanged, as tasks of ours: DeepSwarm files, DeerFlow plans, ``.orchestrator``
folders.

Each importer gives an :class:`Imported`: a task that is like any other from there on, and remarks on what was taken
otherwise than its author may expect. What cannot be taken is a TaskError with file, line and column, all at once.
"""

from __future__ import annotations

from swarmtui.plan.importers.deepswarm import import_deepswarm, seeds_path
from swarmtui.plan.importers.deepswarm_keys import is_deepswarm
from swarmtui.plan.importers.deerflow import import_deerflow
from swarmtui.plan.importers.imported import Imported
from swarmtui.plan.importers.orchestrator import find_folder, import_folder

__all__ = [
    "Imported",
    "find_folder",
    "import_deepswarm",
    "import_deerflow",
    "import_folder",
    "is_deepswarm",
    "seeds_path",
]
