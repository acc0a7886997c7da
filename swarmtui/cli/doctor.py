"""``swarmtui doctor``: what works on this machine, and how to mend what does not."""

from __future__ import annotations

import asyncio
import os
import platform
import shlex
import shutil
import sqlite3
import stat
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import swarmtui
from swarmtui.cli.console import Console
from swarmtui.frozen import frozen
from swarmtui.host.exits import Exit
from swarmtui.plan.team import PROGRAMS
from swarmtui.safety.paths import PathRefused, data_dir, ensure_private, places
from swarmtui.safety.text import one_line

if TYPE_CHECKING:
    from swarmtui.models.catalog import Catalog
    from swarmtui.models.net import Net
    from swarmtui.models.probe import Probe
    from swarmtui.plan.model import JSON, ModelRef

WAL_RESET_FIXED = (3, 51, 3)

Verdict = Literal["ok", "note", "bad"]


@frozen
class Check:
    """One thing that was looked at. `bad` means that swarmtui does not work, `note` that something is worse for it."""

    name: str
    verdict: Verdict
    detail: str
    more: Mapping[str, JSON] = field(default_factory=dict)
    """What programs are told beside that."""

    @property
    def fields(self) -> dict[str, JSON]:
        """All of it, for programs."""
        return {"name": self.name, "verdict": self.verdict, "detail": self.detail, **self.more}


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "model",
        nargs="*",
        metavar="MODEL",
        help="ask this model whether it answers and what it can do (PROVIDER/MODEL, or a tier); costs a few tokens",
    )
    parser.add_argument("--models", action="store_true", help="ask the model of each tier; costs a few tokens")
    parser.add_argument("--json", action="store_true", help="one JSON object per check")


def run(arguments: Namespace, console: Console) -> int:
    """Look at everything, or ask models; exit code 1 if something that is needed, or was asked, does not work.

    Raises UsageError for a model that is not known.
    """
    bad = False
    asked = arguments.models or arguments.model
    for check in model_checks(tuple(arguments.model), tiers=arguments.models) if asked else checks():
        bad = bad or check.verdict == "bad"
        if console.json:
            console.emit({"type": "check", **check.fields})
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
    yield _logging_out()
    yield _ssh()
    yield from asyncio.run(_programs())
    yield from asyncio.run(_models())


async def _programs() -> list[Check]:
    """The programs that can be agents, as far as they are installed."""
    from swarmtui.workers.cli_agents.programs import load_programs
    from swarmtui.workers.cli_agents.survey import survey

    programs = load_programs()
    found = await survey(filter(None, map(programs.get, PROGRAMS)))
    there = [one for one in found if one.path is not None]
    if not there:
        return [Check("programs", "note", f"none is installed that could be an agent: {', '.join(PROGRAMS)}")]
    return [
        Check(
            f"program {one.program.name}",
            "note" if one.problem else "ok",
            one.problem or f"{one.version} at {one.path}",
        )
        for one in there
    ]


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
            written = " (with config.yaml)" if (folder / "config.yaml").exists() else ""
            yield Check(name, "ok", f"{folder}{written}")
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
    from swarmtui.host.confinement import find_sandbox
    from swarmtui.safety.sandbox import Blocked, Sandbox

    found = find_sandbox()
    if isinstance(found, Blocked):
        return Check("sandbox", "note", f"commands and code of plans that are not your own will not run: {found}")
    if isinstance(found, Sandbox):
        filtered = "" if found.filter else ", without a filter of system calls: none is known for this machine"
        return Check("sandbox", "ok", f"strict: bubblewrap at {found.bwrap}{filtered}")
    return Check("sandbox", "note", f"partial ({found.tier}), as your configuration accepts: {found.partial}")


def _terminal() -> Check:
    if not sys.stdout.isatty():
        return Check(
            "terminal", "note", "standard output is no terminal: commands print lines instead of the workbench"
        )
    size = shutil.get_terminal_size()
    small = size.columns < 80 or size.lines < 24
    text = f"{os.environ.get('TERM', 'unknown')}, {size.columns}x{size.lines}, {sys.stdout.encoding}"
    return Check("terminal", "note" if small else "ok", f"{text}{': the workbench needs 80x24' if small else ''}")


def _logging_out() -> Check:
    from swarmtui.host.lodging import ends_at_logout

    ends = ends_at_logout()
    more: dict[str, JSON] = {"sessions_survive": not ends}
    return Check("logging out", "note" if ends else "ok", ends or "sessions go on when you log out", more)


def _ssh() -> Check:
    words = shlex.split(os.environ.get("SWARMTUI_SSH") or "ssh")
    program = shutil.which(words[0]) if words else None
    if program is None:
        called = " (SWARMTUI_SSH)" if os.environ.get("SWARMTUI_SSH") else ""
        return Check("ssh", "note", f"not found{called}: sessions on other machines cannot be attached to")
    remote = os.environ.get("SWARMTUI_REMOTE")
    there = f"; swarmtui on other machines: {one_line(remote, 100)}" if remote else ""
    return Check("ssh", "ok", f"{shlex.join([program, *words[1:]])}{there}")


async def _models() -> list[Check]:
    from swarmtui.models.catalog import CatalogError
    from swarmtui.models.discover import discover
    from swarmtui.models.net import Net

    async with Net() as net:
        try:
            found = await discover(os.environ, net, everything=True)
        except CatalogError as error:
            return [Check("models", "bad", line) for line in str(error).splitlines()]
    looked = [Check(finding.name, "ok", finding.detail) for finding in found.findings if finding.found]
    absent = ", ".join(finding.name for finding in found.findings if not finding.found)
    if absent:
        looked.append(Check("not found", "note", absent))
    for tier, ref in found.tiers.items():
        if ref.simulated:
            text = "only the simulated model, whose answers are made up: set a provider's key, or start Ollama"
            looked.append(Check(f"tier {tier}", "note", text))
        elif not any(check.name == f"tier {tier}" for check in looked):
            looked.append(Check(f"tier {tier}", "ok", f"{ref.name}; `swarmtui doctor {ref.name}` asks it"))
    return looked


# -- models that are asked ------------------------------------------------------------------------------------


def model_checks(names: tuple[str, ...], *, tiers: bool) -> list[Check]:
    """One check of each model that is named, and with `tiers` of each tier's. Raises UsageError."""
    return asyncio.run(_ask_models(names, tiers=tiers))


async def _ask_models(names: tuple[str, ...], *, tiers: bool) -> list[Check]:
    from swarmtui.cli.failures import UsageError
    from swarmtui.models.catalog import CatalogError
    from swarmtui.models.configuration import user_catalog
    from swarmtui.models.net import Net
    from swarmtui.models.probe import probe_model

    async with Net() as net:
        try:
            catalog = user_catalog(os.environ)
            asked = await _named(names, catalog, net, tiers=tiers)
        except CatalogError as error:
            raise UsageError(str(error)) from None
        probes = await asyncio.gather(*(probe_model(ref, net, os.environ, catalog) for ref in asked))
    return [told(probe) for probe in probes]


async def _named(names: tuple[str, ...], catalog: Catalog, net: Net, *, tiers: bool) -> list[ModelRef]:
    """Where those models answer, each once. Raises CatalogError."""
    from swarmtui.models.catalog import PROFILES, TIERS, resolve
    from swarmtui.models.discover import discover

    known: dict[str, str | ModelRef] = {}
    if tiers or {*TIERS, *PROFILES} & {*names}:
        known.update((await discover(os.environ, net, catalog)).tiers)
    wanted = [*names, *(TIERS if tiers else ())]
    return list(dict.fromkeys(resolve(name, known, os.environ, catalog) for name in wanted))


def told(probe: Probe) -> Check:
    """What came of asking a model, in one line."""
    more: dict[str, JSON] = {
        "model": probe.model.name,
        "reachable": probe.reachable,
        "authorised": probe.authorised,
        "first_token_s": None if probe.first_token_s is None else round(probe.first_token_s, 3),
        "streams": probe.streams,
        "tools": probe.tools,
        "structured_output": probe.structured,
    }
    if not probe.works:
        return Check(probe.model.name, "bad", probe.detail, more)
    usage = probe.usage
    more |= {"cost_usd": usage.cost_usd if usage else None, "tokens_out": usage.tokens_out if usage else None}
    can = [
        f"first token after {probe.first_token_s:.2f} s",
        "streams" if probe.streams else "does not stream",
        f"tools: {_word(probe.tools)}",
        f"structured output ({probe.asked_by}): {_word(probe.structured)}",
    ]
    whole = probe.tools and probe.structured and probe.streams and not probe.model.simulated
    return Check(probe.model.name, "ok" if whole else "note", f"{probe.detail}; {', '.join(can)}", more)


def _word(can: bool | None) -> str:
    return "not known" if can is None else "yes" if can else "no"
