"""Searches the text of files: in this process for plain text, in one of its own for a regular expression.

A regular expression may take for ever, and Python lets nothing else run meanwhile: the process that tries it is ended
when its time is over, and what it had found by then is kept.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from swarmtui.agents.tools.own_files import walk
from swarmtui.frozen import frozen
from swarmtui.safety.paths import PathRefused, open_inside

MATCHES = 200
"""Lines that one search gives at most."""
LIMIT_S = 10.0
_FILE_BYTES = 5_000_000
_LINE = 300
_MEMORY_BYTES = 1 << 30
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from swarmtui.agents.tools.grep import serve; serve()"
)


@frozen
class Hunt:
    """What to look for, and where."""

    root: str
    under: str
    query: str
    regex: bool
    pattern: str
    """Of the paths to look into; empty: all."""
    limit_s: float = LIMIT_S


@frozen
class Caught:
    """What was found."""

    lines: tuple[str, ...]
    """``path:line: text`` each."""
    whole: bool
    """Whether all was looked at."""


async def hunt(wanted: Hunt) -> Caught:
    """What is found in time. Raises Refused where there is no such folder, and ValueError for what is no regex."""
    if not wanted.regex:
        return await asyncio.to_thread(_hunt_here, wanted)
    try:
        re.compile(wanted.query)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-X", "utf8", "-c", _CHILD, json.dumps(sys.path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        start_new_session=True,
    )
    try:
        said, _ = await child.communicate(json.dumps(asdict(wanted)).encode())
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    found = [json.loads(line) for line in said.splitlines(keepends=True) if line.endswith(b"\n")]
    lines = tuple(line for line in found if isinstance(line, str))
    return Caught(lines, whole=True in found)


def serve() -> None:
    """What the child does: a request on stdin, a line for each match, and ``true`` once all was looked at."""
    wanted = Hunt(**json.loads(sys.stdin.buffer.read()))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(_MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    signal.setitimer(signal.ITIMER_REAL, wanted.limit_s)  # ends the process: a regex at work hears of no other signal
    for number, line in enumerate(_matches(wanted, re.compile(wanted.query).search)):
        if number == MATCHES:
            return
        print(json.dumps(line), flush=True)  # noqa: T201 - the protocol
    print("true", flush=True)  # noqa: T201


def fits(path: str, pattern: str) -> bool:
    """Whether `path` fits a pattern as shells know them, as a whole or by its name; ``**/`` is any folders."""
    pattern = pattern.replace("**/", "*")
    return not pattern or fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path.rpartition("/")[2], pattern)


def _hunt_here(wanted: Hunt) -> Caught:
    until = time.monotonic() + wanted.limit_s
    query = wanted.query.lower()
    lines: list[str] = []
    for line in _matches(wanted, lambda text: query in text.lower(), lambda: time.monotonic() > until):
        if len(lines) == MATCHES:
            return Caught(tuple(lines), whole=False)
        lines.append(line)
    return Caught(tuple(lines), whole=time.monotonic() <= until)


def _matches(wanted: Hunt, matches: Callable[[str], Any], over: Callable[[], bool] = lambda: False) -> Iterator[str]:
    root = Path(wanted.root)
    for entry in walk(root, wanted.under):
        if over():
            return
        if entry.is_folder or entry.size > _FILE_BYTES or not fits(entry.path, wanted.pattern):
            continue
        for number, line in enumerate(_lines(root, entry.path), 1):
            if matches(line):
                yield f"{entry.path}:{number}: {line.strip()[:_LINE]}"


def _lines(root: Path, path: str) -> list[str]:
    """The lines of a text file; none of another one."""
    try:
        with os.fdopen(open_inside(root, path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            data = file.read(_FILE_BYTES)
    except (OSError, PathRefused):
        return []
    return [] if b"\0" in data[:8192] else data.decode("utf-8", "replace").splitlines()


def parameters() -> Mapping[str, Any]:
    """The arguments of a search, as JSON Schema."""
    return {
        "query": {"type": "string", "description": "Text to find, whatever its case; or a regular expression"},
        "regex": {"type": "boolean", "description": "Whether query is a regular expression (Python's)"},
        "path": {"type": "string", "description": "Folder to search in; the whole project if left out"},
        "pattern": {"type": "string", "description": "Only files that fit, such as *.py or src/**/*.ts"},
    }
