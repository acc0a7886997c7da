"""When something is looked at. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen

if TYPE_CHECKING:
    from swarmtui.session.measures import Place
    from swarmtui.tui.view.flights import Refusal


@frozen
class Moment:
    """When something is looked at: `wall` epoch seconds, `session` the session's own seconds."""

    wall: float
    session: float
    refused: Mapping[Place, Refusal] = field(default_factory=dict)
    """What was said to those that were sent back and wait."""
