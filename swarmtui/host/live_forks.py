"""Forks that are asked for over the wire of a host, which goes on with its own session meanwhile.

A long past is copied by a process of its own, ``python -m swarmtui.host.live_forks``: a thread would take the time of
the host's event loop. That process reads what is wanted as one line of JSON, answers with one, and leaves nothing
behind if whoever asked, host or machine, goes before it is done.
"""

from __future__ import annotations

import _thread
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from swarmtui.engine.commands import INVALID_PARAMS, REFUSED, Refused
from swarmtui.plan.model import JSON
from swarmtui.session.folder import SessionFolder

LONG = 5_000
"""So many events are copied by a thread by the time that a process has begun."""
_DEFAULTS: dict[str, JSON] = {"at_seq": None, "edits": [], "retry_failed": False, "name": None, "start": True}


async def fork_live(folder: SessionFolder, params: Mapping[str, Any], *, actor: str | None = None) -> dict[str, JSON]:
    """``fork {at_seq, edits?, retry_failed?, name?, start?}``: fork the session in `folder`, whether or not a host runs
    it; the reply, which comes when the fork is on the disk. With `start`, which it does unless told otherwise, a host
    is started over it, and the reply has its `pid`; over one whose past was recorded elsewhere none is.

    Every event up to `at_seq` must be in the file. Raises Refused; nothing is left then, unless the host alone failed.
    """
    wanted = _checked(params)
    start = wanted.pop("start")
    make = _by_process if wanted["at_seq"] > LONG else _by_thread
    reply = await make(folder, {**wanted, "actor": actor})
    if start and not reply["foreign"]:
        reply |= await asyncio.to_thread(_start, SessionFolder(folder.path.with_name(reply["id"])))
    return reply


def _checked(params: Mapping[str, Any]) -> dict[str, JSON]:
    """What is wanted, with all that was left out. Raises Refused."""
    wanted = {key: params.get(key, default) for key, default in _DEFAULTS.items()}
    wanted["edits"] = edits = wanted["edits"] or []
    if not isinstance(wanted["at_seq"], int) or isinstance(wanted["at_seq"], bool):
        raise Refused("at_seq is missing or not a number", INVALID_PARAMS)
    if not (isinstance(edits, list) and all(isinstance(edit, dict) for edit in edits)):
        raise Refused("edits is a list of {ops: […]} or {text: …}", INVALID_PARAMS)
    if not isinstance(wanted["name"], str | None):
        raise Refused("name is not text", INVALID_PARAMS)
    for key in ("start", "retry_failed"):
        if not isinstance(wanted[key], bool):
            raise Refused(f"{key} is true or false", INVALID_PARAMS)
    return wanted


def _made(folder: SessionFolder, wanted: Mapping[str, Any]) -> dict[str, JSON]:
    """Make the fork; the reply. Raises Refused. Blocks."""
    from swarmtui.host.forking import ForkSpec, fork
    from swarmtui.safety.paths import PathRefused
    from swarmtui.session.errors import LogError
    from swarmtui.session.placing import NameRefused

    spec = ForkSpec(wanted["at_seq"], tuple(wanted["edits"]), wanted["retry_failed"], wanted["name"], wanted["actor"])
    try:
        return fork(folder, spec).to_json()
    except (NameRefused, PathRefused, LogError) as error:
        raise Refused(str(error), INVALID_PARAMS if isinstance(error, NameRefused) else REFUSED) from error
    except OSError as error:
        raise Refused(f"the fork cannot be made: {error.strerror or error}") from error


def _start(folder: SessionFolder) -> dict[str, JSON]:
    """Start a host over the fork; what the reply says of it. Raises Refused. Blocks."""
    from swarmtui.host.launch import LaunchFailed, start_host

    try:
        launched = start_host(folder)
    except (LaunchFailed, OSError) as error:
        how = f"session {folder.id} was made; `swarmtui resume {folder.id}` starts it"
        raise Refused(f"{error}: {how}") from error
    threading.Thread(target=_reap, args=(launched.pid,), name=f"reap {launched.pid}", daemon=True).start()
    return {"pid": launched.pid, "socket": launched.socket}


def _reap(pid: int) -> None:
    """Take the exit code of a host that this process started, so that nothing is left of it while we live on."""
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


# -- by a thread, or a process of its own -------------------------------------------------------------------------


async def _by_thread(folder: SessionFolder, wanted: Mapping[str, Any]) -> dict[str, JSON]:
    return await asyncio.to_thread(_made, folder, wanted)


async def _by_process(folder: SessionFolder, wanted: Mapping[str, Any]) -> dict[str, JSON]:
    # -P: the folder in which the user works must not supply modules.
    argv = [sys.executable, "-P", "-m", __name__, str(folder.path)]
    child = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    stdin, stdout = cast("asyncio.StreamWriter", child.stdin), cast("asyncio.StreamReader", child.stdout)
    try:
        stdin.write(json.dumps(wanted).encode() + b"\n")
        told = json.loads(await stdout.read() or b"{}")
    finally:
        stdin.close()  # which ends one that is not done
        await child.wait()
    if "made" in told:
        return dict(told["made"])
    raise Refused(told.get("refused", f"the fork broke: {folder.host_log} says where"), told.get("code", REFUSED))


def main() -> int:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wanted = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_until_let_go, name="let go", daemon=True).start()
    try:
        told: dict[str, JSON] = {"made": _made(SessionFolder(Path(sys.argv[1])), wanted)}
    except Refused as refused:
        told = {"refused": str(refused), "code": refused.code}
    except KeyboardInterrupt:
        return 1
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    return 0


def _until_let_go() -> None:
    """Interrupt the work once nobody waits for it any more."""
    os.read(0, 1)
    _thread.interrupt_main()


if __name__ == "__main__":
    sys.exit(main())
