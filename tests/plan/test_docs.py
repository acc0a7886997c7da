"""What the reference of the task file shows is true."""

from __future__ import annotations

import re
from pathlib import Path

from swarmtui.plan.language import MODELS_BY_PATH, known_keys
from swarmtui.plan.taskfile import parse_task

TEXT = (Path(__file__).parents[2] / "docs" / "task-file.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def test_every_example_of_the_reference_is_valid():
    whole, models, agents, nodes = BLOCKS
    assert parse_task(agents.replace("prompts/researcher.md", "You research.")).team.servers["time"].timeout_s == 30
    assert parse_task(whole).plan is not None
    assert parse_task("goal: g\n" + models).models
    indented = "".join(f"  {line}\n" for line in nodes.splitlines())
    assert parse_task("goal: g\nnodes:\n  scan: {run: [ls]}\n" + indented).plan is not None


def test_the_reference_names_every_key():
    for path in MODELS_BY_PATH:
        for key in known_keys(path):
            assert re.search(rf"\b{key}\b", TEXT), f"{path}: {key}"
