"""What went wrong with a program, as the user is told it: what, and how to mend it."""

from __future__ import annotations

import asyncio
import subprocess

from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from swarmtui.workers.cli_agents.programs import Program
from swarmtui.workers.cli_agents.streams import Outcome
from swarmtui.workers.command import Ran, child_env
from swarmtui.workers.process import exit_error

VERSION_S = 20.0
"""What a program may take to tell its version."""

_STATUS = {401: ErrorKind.REFUSED, 402: ErrorKind.REFUSED, 403: ErrorKind.REFUSED, 413: ErrorKind.TOO_LONG}


def error_of(name: str, program: Program, outcome: Outcome, ran: Ran | None) -> ErrorInfo:
    """Why `outcome` is no success. `ran` is None where the program had to be ended."""
    code = ran.exit_code if ran and ran.exit_code else None
    if program.format == "text" and ran is not None:
        error = exit_error(ran)
        said = error.message
    else:
        said = outcome.problem
        stderr = ran.stderr.strip() if ran else ""
        if stderr and not outcome.ended:
            said = f"{said}: {' / '.join(line for line in stderr.splitlines()[-3:] if line.strip())}"
    meaning = program.meaning(said, code)
    kind = _kind(outcome, code)
    if meaning is not None:
        kind = ErrorKind(meaning.kind)
        said = f"{said}; {meaning.say}" if meaning.say else said
    if kind is ErrorKind.THROTTLED and outcome.acted:  # it is not simply to be done again: it may have changed things
        kind = ErrorKind.OUTAGE
    return ErrorInfo(kind, one_line(f"{name}: {said}", 500), code)


def _kind(outcome: Outcome, code: int | None) -> ErrorKind:
    status = outcome.status
    if status == 429:
        return ErrorKind.THROTTLED
    if status in _STATUS:
        return _STATUS[status]
    if status is not None and status >= 500:
        return ErrorKind.OUTAGE
    if code is not None:
        return ErrorKind.EXIT
    return ErrorKind.OUTAGE if outcome.ended else ErrorKind.MALFORMED


async def version_problem(program: Program) -> str | None:
    """Why the program that is installed is too old, if it is. For when it said nothing that could be understood."""
    told = await installed_version(program)
    return program.too_old(told) if told else None


async def installed_version(program: Program) -> str:
    """What the program tells of its version; nothing if it tells none or is not there."""
    if not program.version:
        return ""

    def ask() -> str:
        try:
            ran = subprocess.run(
                program.version,
                env=child_env(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=VERSION_S,
                start_new_session=True,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return one_line(ran.stdout.decode("utf-8", "replace").strip(), 200)

    return await asyncio.to_thread(ask)
