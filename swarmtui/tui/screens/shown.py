"""What a key that turns something round was pressed by."""

from __future__ import annotations

from typing import NamedTuple

from swarmtui.session.vocabulary import Status


class Shown(NamedTuple):
    """As it was drawn last: others may have turned it round meanwhile."""

    status: Status
    node: str
    """The node that actions are about; empty if there is none."""
    held: bool
    """Whether it is held."""
