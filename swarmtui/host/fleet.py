"""The sessions of several machines at once: each is asked over ssh, and one that does not answer costs the others
nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from swarmtui.host.address import Address
from swarmtui.host.dialling import Unreachable
from swarmtui.host.ssh import failure_of
from swarmtui.host.ssh_call import SshCall
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
    threads = ThreadPoolExecutor(max(1, len(machines)), "ls")
    calls: list[SshCall] = []
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.gather(
            *(loop.run_in_executor(threads, _listed, machine, timeout_s, environ, calls) for machine in machines)
        )
    finally:
        for call in calls:
            call.abandon()  # of one that has ended nothing is left to end
        threads.shutdown(wait=False, cancel_futures=True)
    return [row for rows in found for row in rows]


def _listed(
    machine: Address, timeout_s: float, environ: Mapping[str, str], calls: list[SshCall]
) -> list[dict[str, JSON]]:
    """The rows of one machine. ssh and whatever it has started is ended within `timeout_s`. Blocks."""
    deadline = time.monotonic() + timeout_s
    try:
        with SshCall(machine, ["ls", "--json"], batch=True, environ=environ) as call:
            calls.append(call)
            call.give(b"")
            call.heard(timeout_s)
            said = bytearray()
            for data in call.said(deadline - time.monotonic()):
                said += data
                del said[:-MAX_BYTES]
            code = call.code(max(0.0, deadline - time.monotonic()))
            failure = failure_of(code, call.complaint, machine, batch=True)
    except TimeoutError:
        return [_failed(machine, f"no answer within {timeout_s:g} s")]
    except Unreachable as error:
        late = time.monotonic() >= deadline
        return [_failed(machine, f"no answer within {timeout_s:g} s" if late else str(error))]
    return [_failed(machine, str(failure))] if failure is not None else _rows(machine, bytes(said))


def _rows(machine: Address, said: bytes) -> list[dict[str, JSON]]:
    """What is a session; a line that is none, of a version to come, is passed over."""
    rows: list[dict[str, JSON]] = []
    for line in said.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            row = json.loads(line)
            if isinstance(row, dict) and is_session_id(str(row.get("id"))) and isinstance(row.get("status"), str):
                rows.append({**row, **_sound(row), "status": one_line(row["status"], 40), "host": machine.machine})
    return rows


def _sound(row: dict[str, JSON]) -> dict[str, JSON]:
    """What lists rely on, each of the kind that they rely on: another machine may say whatever it likes."""
    counts, parent, items = row.get("counts"), row.get("parent"), row.get("items")
    counts = counts if isinstance(counts, dict) else {}
    items = items if isinstance(items, dict) else None
    return {
        **{name: row[name] if isinstance(row.get(name), str) else "" for name in ("title", "reason")},
        **{name: _number(row.get(name)) for name in ("started", "ended", "cost_usd")},
        **{name: int(_number(row.get(name)) or 0) for name in ("needs_you", "viewers")},
        "items": items and {name: int(_number(items.get(name)) or 0) for name in ("done", "total")},
        "counts": {str(state): int(_number(count) or 0) for state, count in counts.items()},
        "parent": parent if isinstance(parent, dict) and isinstance(parent.get("id"), str) else None,
    }


def _number(value: JSON) -> float | None:
    """A number that can be a time or a sum."""
    return value if isinstance(value, int | float) and 0 <= value < MAX_NUMBER else None


def _failed(machine: Address, why: str) -> dict[str, JSON]:
    return {"host": machine.machine, "error": why}
