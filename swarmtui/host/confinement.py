"""Which sandbox the commands of a session run in that are not the user's own, and what the user is told of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from swarmtui.plan.model import AgentSpec, Author, PlanSpec
from swarmtui.plan.problems import TaskError
from swarmtui.safety.paths import places
from swarmtui.safety.sandbox import AnySandbox, Blocked, probe
from swarmtui.session.state import SessionState

UNSAFE = "--unsafe-no-sandbox"
"""What the user types, each time, to have commands that are not their own run without a sandbox."""
FILE = "config.yaml"
"""The user's configuration; the part `sandbox` of it is read here."""


def find_sandbox(environ: Mapping[str, str] = os.environ) -> AnySandbox | Blocked:
    """The best sandbox that works here and that the user accepts. Blocks for some 50 ms.

    A partial one is used only where the configuration says ``sandbox: landlock``; nothing that comes with a project
    can say so.
    """
    found = probe()
    if not isinstance(found, Blocked) or not accepts_partial(environ):
        return found
    from swarmtui.safety import landlock

    partial = landlock.probe()
    return Blocked(f"{found.reason}, and {partial.reason}", found.fix) if isinstance(partial, Blocked) else partial


def accepts_partial(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the user's own configuration accepts a partial sandbox. What cannot be read accepts nothing."""
    from swarmtui.plan.yaml_source import read_yaml

    path = places(environ).config / FILE
    try:
        if not _ours(path):
            return False
        source, problems = read_yaml(path.read_bytes(), str(path))
    except (OSError, TaskError):
        return False
    return not problems and isinstance(source.data, dict) and source.data.get("sandbox") == "landlock"


def may_need_sandbox(state: SessionState) -> bool:
    """Whether something other than the user may come to say what is run: a planner, or an agent."""
    plan = state.plan
    if plan is None or plan.author is not Author.USER:
        return True
    return any(isinstance(node.spec, AgentSpec | PlanSpec) for node in plan.nodes)


def remarks(found: AnySandbox | Blocked, *, unsandboxed: bool) -> list[str]:
    """What the user is told when the host begins."""
    if unsandboxed:
        return [
            f"UNSAFE ({UNSAFE}): commands and code that are not your own run without a sandbox, and can do "
            "whatever you can"
        ]
    if isinstance(found, Blocked):
        return [f"no sandbox works here, so that commands and code that are not your own do not run: {found}"]
    return [f"the sandbox is a partial one ({found.tier}): {found.partial}"] if found.partial else []


def _ours(path: Path) -> bool:
    found = path.stat()
    return found.st_uid in (0, os.geteuid()) and not found.st_mode & stat.S_IWOTH
