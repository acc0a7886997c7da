"""What the host's socket needs of the session behind it, live or recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from swarmtui.engine.streams import StreamBoard
from swarmtui.plan.model import JSON
from swarmtui.session.rows import Head, Row
from swarmtui.session.state import SessionState
from swarmtui.session.trouble import Trouble


class Recording(Protocol):
    """What the server needs of a log: that of a live session, or a file that nobody writes any more."""

    @property
    def head(self) -> Head: ...
    @property
    def committed_seq(self) -> int: ...
    @property
    def closing(self) -> bool: ...
    @property
    def trouble(self) -> Trouble | None: ...
    def watch_trouble(self, tell: Callable[[Trouble | None], None]) -> None: ...
    async def committed(self, seq: int) -> None: ...
    async def after(self, seq: int) -> None: ...
    async def rows(self, from_seq: int, limit: int) -> Sequence[Row]: ...
    async def lines(self, from_seq: int, limit: int) -> list[str]: ...


class Conducted(Protocol):
    """What the server needs of a conductor."""

    @property
    def state(self) -> SessionState: ...
    @property
    def log(self) -> Recording: ...
    @property
    def streams(self) -> StreamBoard: ...

    async def command(self, method: str, params: dict[str, JSON], *, actor: str | None, command_id: str | None) -> int:
        """The seq at which the command took effect, once that is in the log."""
