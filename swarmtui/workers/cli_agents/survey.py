"""Which programs that are agents are installed here, and whether they will do: for ``swarmtui doctor``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from swarmtui.frozen import frozen
from swarmtui.workers.cli_agents.ends import installed_version
from swarmtui.workers.cli_agents.programs import Program
from swarmtui.workers.command import child_env


@frozen
class Standing:
    """One program, as it is found on this machine."""

    program: Program
    path: str | None
    """None: it is not on PATH."""
    version: str = ""
    """In its own words."""
    problem: str = ""
    """Why it will not do, with how to mend it; empty if it will."""


async def survey(programs: Iterable[Program]) -> tuple[Standing, ...]:
    """How each of `programs` stands; those that are there are asked for their version, all at once (some seconds)."""
    return tuple(await asyncio.gather(*(_look(program) for program in programs)))


async def _look(program: Program) -> Standing:
    path = program.located(child_env()["PATH"])
    if path is None:
        return Standing(program, None, problem=program.missing().message)
    told = await installed_version(program)
    if not told and program.version:
        return Standing(program, path, problem=f"{program.name} did not tell its version; start it once and see")
    return Standing(program, path, told, program.too_old(told) or "")
