"""What a screen over a session tells of where the session is, and where it is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.session.folder import SessionFolder
from swarmtui.session.imports import imported_from
from swarmtui.tui.view.figures import Origin

if TYPE_CHECKING:
    from swarmtui.host.ssh_dial import SshDial


def origin_of(place: SessionFolder | SshDial) -> Origin:
    """The machine, where it is another one; whether it is a recording from elsewhere, where its file can be asked."""
    if isinstance(place, SessionFolder):
        return Origin(imported=imported_from(place.db) is not None)
    return Origin(machine=place.address.machine)
