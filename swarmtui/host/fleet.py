"""The sessions of several machines at once: each is asked over ssh, and one that does not answer costs the others
nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping, Sequence

from swarmtui.host.address import Address
from swarmtui.host.ssh import STDERR_BYTES, failure_of, ssh_argv
from swarmtui.plan.model import JSON
from swarmtui.safety.text import one_line
from swarmtui.session.folder import is_session_id

TIMEOUT_S = 5.0
MAX_BYTES = 16 * 1024 * 1024
MAX_NUMBER = 2.0**36
"""More than any number in a row can be: as a time it is in the year 4147."""


async def list_hosts(
    machines: Sequence[Address], *, timeout_s: float = TIMEOUT_S, environ: Mapping[str, str] = os.environ
) -> list[dict[str, JSON]]:
    """The rows of ``swarmtui ls --json`` on each machine, in the order given, `host` being what reaches it from here.

    A machine that does not answer within `timeout_s`, or with an error, has one row ``{host, error}``.
    """
    found = await asyncio.gather(*(_listed(machine, timeout_s, environ) for machine in machines))
    return [row for rows in found for row in rows]


async def _listed(machine: Address, timeout_s: float, environ: Mapping[str, str]) -> list[dict[str, JSON]]:
    argv = ssh_argv(machine, ["ls", "--json"], batch=True, environ=environ)
    try:
        ssh = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        return [_failed(machine, f"{argv[0]} cannot be run: {error.strerror}")]
    try:
        async with asyncio.timeout(timeout_s):
            said, complaint = await _both(ssh)
            code = await ssh.wait()
    except TimeoutError:
        return [_failed(machine, f"no answer within {timeout_s:g} s")]
    finally:
        if ssh.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                ssh.kill()
            await ssh.wait()
    failure = failure_of(code, complaint.decode("utf-8", "replace"), machine, batch=True)
    return [_failed(machine, str(failure))] if failure is not None else _rows(machine, said)


async def _both(ssh: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """What is said on standard output, and the end of what is said on standard error."""

    async def all_of(stream: asyncio.StreamReader | None, most: int) -> bytes:
        held = b""
        while stream is not None and (data := await stream.read(65_536)):
            held = (held + data)[-most:]
        return held

    said, complaint = await asyncio.gather(all_of(ssh.stdout, MAX_BYTES), all_of(ssh.stderr, STDERR_BYTES))
    return said, complaint


def _rows(machine: Address, said: bytes) -> list[dict[str, JSON]]:
    """What is a session; a shell's start-up files may have printed other things before."""
    rows: list[dict[str, JSON]] = []
    for line in said.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            row = json.loads(line)
            if isinstance(row, dict) and is_session_id(str(row.get("id"))) and isinstance(row.get("status"), str):
                rows.append({**row, **_sound(row), "status": one_line(row["status"], 40), "host": machine.machine})
    return rows


def _sound(row: dict[str, JSON]) -> dict[str, JSON]:
    """What lists rely on, each of the kind that they rely on: another machine may say whatever it likes."""
    counts, parent = row.get("counts"), row.get("parent")
    counts = counts if isinstance(counts, dict) else {}
    return {
        **{name: row[name] if isinstance(row.get(name), str) else "" for name in ("title", "reason")},
        **{name: _number(row.get(name)) for name in ("started", "ended", "cost_usd")},
        "needs_you": int(_number(row.get("needs_you")) or 0),
        "counts": {str(state): int(_number(count) or 0) for state, count in counts.items()},
        "parent": parent if isinstance(parent, dict) and isinstance(parent.get("id"), str) else None,
    }


def _number(value: JSON) -> float | None:
    """A number that can be a time or a sum."""
    return value if isinstance(value, int | float) and 0 <= value < MAX_NUMBER else None


def _failed(machine: Address, why: str) -> dict[str, JSON]:
    return {"host": machine.machine, "error": why}
