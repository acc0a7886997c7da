"""What is loaded before the first frame: what it shows, and nothing that waits for a session, a key or an answer."""

from __future__ import annotations

import subprocess
import sys

import pytest

HOME = """
import swarmtui.cli.main, swarmtui.cli.home, swarmtui.cli.browsing, swarmtui.cli.bulk
import swarmtui.cli.ssh_names, swarmtui.cli.tree
from swarmtui.cli.talking import prompting
from swarmtui.tui.browser import Browser
async def rows(): return []
Browser(rows, prompting=prompting({}))
import swarmtui.tui.screens.sessions
"""
RUN = """
import swarmtui.cli.main, swarmtui.cli.attach, swarmtui.cli.following, swarmtui.cli.origin
import swarmtui.tui.app
"""
LATER = (
    "httpx", "pydantic", "jsonschema", "mcp", "aiosqlite", "sqlite3", "markdown_it", "textual.widgets._markdown",
    "swarmtui.host.protocol", "swarmtui.host.connection", "swarmtui.host.client", "swarmtui.host.archive",
    "swarmtui.host.history", "swarmtui.host.listing", "swarmtui.host.launch", "swarmtui.host.ssh_call",
    "swarmtui.session.codec", "swarmtui.session.fold", "swarmtui.session.log", "swarmtui.session.reader",
    "swarmtui.plan.patch", "swarmtui.plan.render", "swarmtui.plan.risks", "swarmtui.plan.taskfile",
    "swarmtui.models.catalog", "swarmtui.agents", "swarmtui.engine", "swarmtui.workers",
    "swarmtui.tui.screens.asking", "swarmtui.tui.screens.bulk", "swarmtui.tui.screens.columns",
    "swarmtui.tui.screens.compare", "swarmtui.tui.screens.dialogs", "swarmtui.tui.screens.hosts",
    "swarmtui.tui.screens.jump", "swarmtui.tui.screens.keys", "swarmtui.tui.screens.node",
    "swarmtui.tui.screens.palette", "swarmtui.tui.screens.plan", "swarmtui.tui.screens.queue",
    "swarmtui.tui.screens.theme_choice", "swarmtui.tui.screens.tour",
)  # fmt: skip
"""What no first frame takes."""
OF_A_SESSION = ("swarmtui.session.events", "swarmtui.session.state", "swarmtui.plan.model", "swarmtui.tui.app")
"""What home has no use for until a session is opened or read."""


def loaded_by(code: str) -> set[str]:
    """The modules that a process has loaded after `code`."""
    run = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    return set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(("code", "later"), [(HOME, (*LATER, *OF_A_SESSION)), (RUN, LATER)], ids=["home", "run"])
def test_a_first_frame_takes_what_it_shows_alone(code: str, later: tuple[str, ...]) -> None:
    assert sorted(loaded_by(code) & set(later)) == []
