"""swarmtui: a workbench in the terminal for swarms of LLM agents. The public Python API, re-exported, nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from swarmtui.host.api import Session, run
    from swarmtui.plan.model import Node, Plan
    from swarmtui.plan.taskfile import load_task

_HOMES = {
    "Node": "swarmtui.plan.model",
    "Plan": "swarmtui.plan.model",
    "Session": "swarmtui.host.api",
    "load_task": "swarmtui.plan.taskfile",
    "run": "swarmtui.host.api",
}

__all__ = ["Node", "Plan", "Session", "__version__", "load_task", "run"]


def __getattr__(name: str) -> Any:
    """Import on first use: `import swarmtui` is part of every command's start-up time."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'swarmtui' has no attribute {name!r}")
