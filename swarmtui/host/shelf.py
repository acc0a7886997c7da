"""What lies beside a session's events and is fetched when somebody looks: recorded texts by key, files of nodes."""

from __future__ import annotations

from typing import Protocol

from swarmtui.frozen import frozen

BLOB_LIMIT = 8 * 1024 * 1024
"""Bytes of one recorded text that are fetched at most."""
FILE_LIMIT = 4 * 1024 * 1024
"""Bytes of one file that are fetched at most."""
FILES_LIMIT = 500
"""Files of one node that are listed at most."""


@frozen
class NodeFile:
    """A file among a node's artefacts."""

    name: str
    """Relative to the node's folder."""
    size: int
    """Bytes."""
    ts: float
    """When it was changed last, epoch seconds."""


class Shelf(Protocol):
    """Recorded texts and files of one session. All raise as :func:`swarmtui.host.feed.fetching` does."""

    async def blob(self, sha: str, limit: int = BLOB_LIMIT) -> bytes | None:
        """The first `limit` bytes of the recorded text that goes by `sha`; None if there is none."""

    async def files(self, node: str) -> list[NodeFile]:
        """The files of a node, by name, FILES_LIMIT of them at most."""

    async def file(self, node: str, name: str, limit: int = FILE_LIMIT) -> bytes:
        """The first `limit` bytes of one of them."""


class EmptyShelf:
    """A :class:`Shelf` of what has neither."""

    async def blob(self, sha: str, limit: int = BLOB_LIMIT) -> bytes | None:
        """None."""
        return None

    async def files(self, node: str) -> list[NodeFile]:
        """None."""
        return []

    async def file(self, node: str, name: str, limit: int = FILE_LIMIT) -> bytes:
        """Nothing."""
        return b""
