"""What the user's own ``config.yaml`` says of programs: known ones that are called in another way.

The file is in the directory for configuration (``swarmtui doctor`` names it)::

    programs:
      claude: {home: /home/me/agents, env: [ANTHROPIC_BASE_URL]}

The keys are those of ``programs.yaml`` beside this file. A program that is not known there is written as the `command`
of an agent in the task file, where it is approved.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import TYPE_CHECKING

from swarmtui.models.configuration import FILE
from swarmtui.plan.problems import Problem, TaskError
from swarmtui.plan.team import PROGRAMS
from swarmtui.safety.paths import places
from swarmtui.safety.text import one_line
from swarmtui.workers.cli_agents.programs import ProgramError, Programs, load_programs

if TYPE_CHECKING:
    from swarmtui.plan.yaml_source import Source

_FIX = "the comment in programs.yaml says what each key means"


def user_programs(environ: Mapping[str, str] = os.environ) -> Programs:
    """The known programs as the user has them. Raises TaskError with every problem in the file, each with its place."""
    from swarmtui.plan.yaml_source import read_yaml

    path = places(environ).config / FILE
    try:
        found = path.stat()
        text = path.read_bytes()
    except FileNotFoundError:
        return load_programs()
    except OSError as error:
        raise TaskError([Problem(str(path), 1, 1, f"cannot be read: {error.strerror}", "make it readable")]) from None
    if all(not line.strip() or line.lstrip().startswith(b"#") for line in text.splitlines()):
        return load_programs()
    source, problems = read_yaml(text, str(path))
    entries = source.data.get("programs") if isinstance(source.data, dict) else None
    if entries is None and not problems:
        return load_programs()
    if problems:
        raise TaskError(problems)
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & stat.S_IWOTH:
        raise TaskError(
            [_problem(source, "programs", "others may write this file, and it names commands", "chmod go-w")]
        )
    return _changed(source, entries)


def _changed(source: Source, entries: object) -> Programs:
    """The known programs with the file's `entries`. Raises TaskError."""
    if not isinstance(entries, dict):
        raise TaskError([_problem(source, "programs", "programs must be a mapping of programs", _FIX)])
    unknown = [name for name in entries if name not in PROGRAMS]
    if unknown:
        fix = "write it as `command: [...]` of an agent in the task file"
        told = f"only {', '.join(PROGRAMS)} can be changed here"
        raise TaskError([_problem(source, f"programs.{one_line(str(name), 60)}", told, fix) for name in unknown])
    try:
        return load_programs(entries)
    except ProgramError as error:
        found = (line.partition(": ") for line in str(error).splitlines())
        raise TaskError([_problem(source, at, f"{at}: {what}", _FIX) for at, _, what in found]) from None


def _problem(source: Source, at: str, what: str, fix: str) -> Problem:
    line, column = source.at(at.split("."))
    return Problem(source.file, line, column, what, fix)
