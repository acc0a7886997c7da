"""``swarmtui schema``: the JSON Schema of task files."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from swarmtui.cli.console import Console
from swarmtui.host.exits import Exit


def arguments(parser: ArgumentParser) -> None:
    """The command has none."""


def run(arguments: Namespace, console: Console) -> int:
    """Print it."""
    from swarmtui.plan.schema import task_schema

    console.raw(json.dumps(task_schema(), indent=2))
    return Exit.OK
