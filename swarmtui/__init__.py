"""swarmtui: a workbench in the terminal for swarms of LLM agents. The public Python API, re-exported, nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from swarmtui.agents.swarm.functions import function_to_json
    from swarmtui.agents.swarm.model import Agent, Response, Result
    from swarmtui.agents.swarm.repl import run_demo_loop
    from swarmtui.agents.swarm.run import Swarm
    from swarmtui.host.api import Session, run
    from swarmtui.plan.model import Node, Plan
    from swarmtui.plan.taskfile import load_task

_HOMES = {
    "Agent": "swarmtui.agents.swarm.model",
    "Node": "swarmtui.plan.model",
    "Plan": "swarmtui.plan.model",
    "Response": "swarmtui.agents.swarm.model",
    "Result": "swarmtui.agents.swarm.model",
    "Session": "swarmtui.host.api",
    "Swarm": "swarmtui.agents.swarm.run",
    "function_to_json": "swarmtui.agents.swarm.functions",
    "load_task": "swarmtui.plan.taskfile",
    "run": "swarmtui.host.api",
    "run_demo_loop": "swarmtui.agents.swarm.repl",
}

__all__ = [
    "Agent",
    "Node",
    "Plan",
    "Response",
    "Result",
    "Session",
    "Swarm",
    "__version__",
    "function_to_json",
    "load_task",
    "run",
    "run_demo_loop",
]


def __getattr__(name: str) -> Any:
    """Import on first use: `import swarmtui` is part of every command's start-up time."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'swarmtui' has no attribute {name!r}")
