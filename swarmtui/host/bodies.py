"""Bodies too heavy for a line: they travel as ``{"$blob": {"sha", "size"}}`` and are fetched in pages."""

from __future__ import annotations

from dataclasses import asdict

from swarmtui.frozen import frozen
from swarmtui.host.protocol import parse
from swarmtui.plan.model import JSON
from swarmtui.session.rows import blob_sha


@frozen
class Blob:
    """A reference to a body: the key by which ``blob.read`` finds it, and its length in bytes."""

    sha: str
    size: int

    def to_json(self) -> dict[str, JSON]:
        """What stands in the body's place."""
        return {"$blob": asdict(self)}


def blob_in(value: JSON) -> Blob | None:
    """The reference that `value` is; None if it is a value of its own. Raises ProtocolError if it is half of one."""
    if not isinstance(value, dict) or value.keys() != {"$blob"}:
        return None
    return parse(Blob, value["$blob"])


class Bodies:
    """What one connection has promised its viewer: bodies by key, bounded in number and weight.

    A body goes when its last page has been read. When too much is held the oldest goes first, and its viewer gets
    MISSING and asks again.
    """

    def __init__(self, most: int = 8, weight: int = 256 * 1024 * 1024) -> None:
        self._most = most
        self._weight = weight
        self._held: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._held)

    def put(self, text: str) -> Blob:
        """Keep `text` (as UTF-8) for the viewer."""
        data = text.encode()
        blob = Blob(blob_sha(data), len(data))
        self._held.pop(blob.sha, None)
        self._held[blob.sha] = data
        while len(self._held) > 1 and (
            len(self._held) > self._most or sum(map(len, self._held.values())) > self._weight
        ):
            del self._held[next(iter(self._held))]
        return blob

    def read(self, sha: str, offset: int, length: int) -> bytes | None:
        """One page; None if there is no such body (any more)."""
        data = self._held.get(sha)
        if data is None:
            return None
        page = data[offset : offset + length]
        if offset + length >= len(data):
            del self._held[sha]
        return page
