"""What can be asked of a session's past, wherever it lies: in a file, or behind the wire of a live host."""

from __future__ import annotations

from typing import Protocol

from swarmtui.host.feed import Gap
from swarmtui.host.shelf import Shelf
from swarmtui.session.events import Event
from swarmtui.session.marks import Mark
from swarmtui.session.state import SessionState

PAGE = 500
"""Events that are asked of the past at a time."""
GAP_S = 60.0
"""How long a time without events is, at least, that counts as a gap."""


class Past(Protocol):
    """The recorded past of one session. All calls belong to one event loop; none of them blocks it for long."""

    @property
    def shelf(self) -> Shelf:
        """Recorded texts, and files as they are at the head."""

    async def head(self) -> int:
        """Seq of the last event that is recorded by now."""

    async def state_at(self, seq: int) -> SessionState:
        """The state after event `seq`; the caller's own, to fold more into. Raises IndexError beyond the head."""

    async def events(self, from_seq: int, limit: int) -> list[Event]:
        """Up to `limit` events from `from_seq` on, in order; fewer only at the head."""

    async def marks(self, from_seq: int = 1) -> list[Mark]:
        """All marks from `from_seq` on, in order."""

    async def gaps(self, from_seq: int = 1) -> list[Gap]:
        """Times without events of :data:`GAP_S` and more that end at `from_seq` or later, in order; none where the past
        cannot tell."""

    async def seq_at(self, mono: float) -> int:
        """Seq of the last event at or before `mono` on the session's own clock; 1 before the first."""

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole recorded output of a node or item as it is at the head, not cleaned."""

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """The last `limit` bytes of the node's log file, not cleaned; empty if there is none."""

    async def close(self) -> None:
        """Let go of it."""
