"""``swarmtui doctor``: what works on this machine, and how to mend what does not."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
import stat
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import swarmtui
from swarmtui.cli.console import Console
from swarmtui.host.exits import Exit
from swarmtui.safety.paths import PathRefused, data_dir, ensure_private, places

WAL_RESET_FIXED = (3, 51, 3)

Verdict = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `bad` means that swarmtui does not work, `note` that something is worse for it."""

    name: str
    verdict: Verdict
    detail: str


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON object per check")


def run(arguments: Namespace, console: Console) -> int:
    """Look at everything; exit code 1 if something that swarmtui needs does not work."""
    bad = False
    for check in checks():
        bad = bad or check.verdict == "bad"
        if console.json:
            console.emit({"type": "check", **asdict(check)})
        else:
            console.say(f"{check.verdict:<4}  {check.name:<16}  {check.detail}")
    return Exit.FAILED if bad else Exit.OK


def checks() -> Iterator[Check]:
    """Every check, as it is made."""
    yield Check("swarmtui", "ok", f"{swarmtui.__version__} at {Path(swarmtui.__file__).parent}")
    yield Check("python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield _sqlite()
    yield from _directories()
    yield _samples()
    yield _sandbox()
    yield _terminal()
    yield _ssh()
    yield from asyncio.run(_models())


def _sqlite() -> Check:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
        fixed = ".".join(map(str, WAL_RESET_FIXED))
        text = f"{version}: before {fixed} two writers of one WAL file could corrupt it; swarmtui has only ever one"
        return Check("sqlite", "ok", text)
    return Check("sqlite", "ok", version)


def _directories() -> Iterator[Check]:
    where = places()
    for name in ("state", "runtime", "config"):
        folder: Path = getattr(where, name)
        if not folder.exists():
            above = next(one for one in folder.parents if one.exists())
            if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
                yield Check(name, "ok", f"{folder} (made when needed)")
            else:
                yield Check(
                    name, "bad", f"{folder}: cannot be made: {above} takes nothing; set SWARMTUI_HOME elsewhere"
                )
            continue
        if name == "config":
            yield Check(name, "ok", str(folder))
            continue
        try:
            ensure_private(folder)
            free = shutil.disk_usage(folder).free
        except (PathRefused, OSError) as error:
            yield Check(name, "bad", str(error))
            continue
        mode = stat.S_IMODE(folder.stat().st_mode)
        verdict: Verdict = "ok" if free > 256 * 1024 * 1024 else "note"
        yield Check(name, verdict, f"{folder} (mode {mode:04o}, {free // 1024**2:,} MiB free)")


def _samples() -> Check:
    try:
        return Check("data", "ok", f"samples in {data_dir('sample_tasks')}, themes in {data_dir('themes')}")
    except FileNotFoundError as error:
        return Check("data", "bad", str(error.strerror))


def _sandbox() -> Check:
    from swarmtui.safety.sandbox import Blocked, probe

    found = probe()
    if isinstance(found, Blocked):
        return Check("sandbox", "note", f"commands and code of plans that are not your own will not run: {found}")
    return Check("sandbox", "ok", f"bubblewrap at {found.bwrap}")


def _terminal() -> Check:
    if not sys.stdout.isatty():
        return Check(
            "terminal", "note", "standard output is no terminal: commands print lines instead of the workbench"
        )
    size = shutil.get_terminal_size()
    small = size.columns < 80 or size.lines < 24
    text = f"{os.environ.get('TERM', 'unknown')}, {size.columns}x{size.lines}, {sys.stdout.encoding}"
    return Check("terminal", "note" if small else "ok", f"{text}{': the workbench needs 80x24' if small else ''}")


def _ssh() -> Check:
    program = shutil.which(os.environ.get("SWARMTUI_SSH", "ssh").split()[0])
    if program is None:
        return Check("ssh", "note", "not found: sessions on other machines cannot be attached to")
    return Check("ssh", "ok", program)


async def _models() -> list[Check]:
    from swarmtui.models.catalog import CatalogError
    from swarmtui.models.discover import discover
    from swarmtui.models.net import Net

    async with Net() as net:
        try:
            found = await discover(os.environ, net, everything=True)
        except CatalogError as error:
            return [Check("models", "bad", str(error))]
    looked = [Check(finding.name, "ok", finding.detail) for finding in found.findings if finding.found]
    absent = ", ".join(finding.name for finding in found.findings if not finding.found)
    if absent:
        looked.append(Check("not found", "note", absent))
    for tier, ref in found.tiers.items():
        if ref.simulated:
            text = "only the simulated model, whose answers are made up: set a provider's key, or start Ollama"
            looked.append(Check(f"tier {tier}", "note", text))
        elif not any(check.name == f"tier {tier}" for check in looked):
            looked.append(Check(f"tier {tier}", "ok", ref.name))
    return looked
