"""What the workbench over one session does beside it: its page is written, it is held against another one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.tui.beside import Beside

if TYPE_CHECKING:
    from swarmtui.cli.following import Place
    from swarmtui.host.address import Address
    from swarmtui.session.compare import Comparison
    from swarmtui.tui.comparing import DiffOf
    from swarmtui.tui.view.sessions import Row

FAR_S = 8.0
"""How long another machine may take to list its sessions."""
WRITTEN = "It is written to {}; what is there under that name is replaced."


def beside(place: Place) -> Beside:
    """The ways of the session at `place`. What it takes is imported when it is asked for."""
    from swarmtui.host.locate import sessions_root
    from swarmtui.session.folder import SessionFolder

    if not isinstance(place, SessionFolder):
        return _there(place.address)
    path = place.path.absolute()  # of a file in the current folder, the path names no folder
    page = page_of(path.name or "session")

    async def export() -> str:
        from swarmtui.cli.export import write_page

        return written(page, await asyncio.to_thread(write_page, place, page))

    if path.parent.resolve() != sessions_root().resolve():
        return Beside(export, WRITTEN.format(page), loose=str(place.db))
    return Beside(export, WRITTEN.format(page), held, _listed)


def _there(address: Address) -> Beside:
    async def export() -> str:
        from swarmtui.cli.bulk import act
        from swarmtui.tui.view.bulk import Verb

        return await act(Verb.EXPORT, {"id": address.id, "host": address.machine, "far": True})

    async def sessions() -> Sequence[Row]:
        there, here = await asyncio.gather(far_sessions(address.machine), _listed())
        return [*({**row, "far": True, "host": address.machine} for row in there), *here]

    return Beside(export, WRITTEN.format(page_of(address.id)), held, sessions)


async def _listed() -> Sequence[Row]:
    from swarmtui.host.locate import list_sessions

    return await asyncio.to_thread(list_sessions)


def page_of(id: str) -> Path:
    """Where the page of a session is written."""
    return Path.cwd() / f"{id}.html"


def written(path: Path, size: int) -> str:
    """What is said of a page once it is there; `size` in bytes."""
    return f"{path}: {size:,} bytes"


async def held(first: str, second: str) -> tuple[Comparison, DiffOf]:
    """As :func:`swarmtui.cli.comparing.held`, which is imported by the first one who compares."""
    from swarmtui.cli.comparing import held

    return await held(first, second)


async def far_sessions(name: str) -> Sequence[Row]:
    """Those of the machine `name`, or one row that says why there are none."""
    from swarmtui.host.address import parse_machine
    from swarmtui.host.fleet import list_hosts

    return await list_hosts([parse_machine(name)], timeout_s=FAR_S)
