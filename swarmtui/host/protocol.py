"""The wire between a host and its viewers, and the only definition of it: newline-delimited JSON-RPC 2.0.

No I/O in here: framing is in :mod:`swarmtui.host.jsonrpc`. Whatever weighs more than :data:`MAX_BODY` (a snapshot, a
huge event, an output) travels as a reference in its place and is fetched in pages with ``blob.read`` from the
:class:`~swarmtui.host.bodies.Bodies` that the connection keeps.

A viewer first sends ``initialize``; then ``snapshot`` and ``subscribe`` in any order, and commands. A method that is
not listed in :class:`Method` is a command and goes to the engine as it is, with `client_cmd_id` taken out of its
parameters: repeating a command with the same id has no second effect.

Version 2 adds to version 1 and changes nothing of it: methods and notices that the other side may not know, and fields
that it ignores. What a host can do beyond version 1 it names in ``Welcome.caps``, so that a viewer can say what an
older host lacks; a viewer of version 1 is sent nothing that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from swarmtui.frozen import frozen
from swarmtui.host.jsonrpc import Code, ProtocolError
from swarmtui.plan.model import JSON

if TYPE_CHECKING:
    from pydantic import TypeAdapter

PROTOCOL_MIN = 1
PROTOCOL_MAX = 2
"""Versions of this protocol that this program speaks."""

CAPS: dict[str, str] = {
    "past": "go back to what the session was before",
    "marks": "list the session's marks",
    "fork": "fork the session",
    "lag": "tell how far behind this viewer is",
    "viewers": "tell in its snapshot who watches",
}
"""What hosts of version 2 can do and those of version 1 cannot, in words for a message."""

MAX_BODY = 256 * 1024
"""Bytes above which a value is sent as a reference to a body."""
PAGE = 192 * 1024
"""Bytes of a body in one ``blob.read``: as base64 they weigh 256 KiB."""
BATCH_EVENTS = 64

HANDSHAKE_S = 10.0
HEARTBEAT_S = 5.0
SILENCE_S = 15.0
"""A viewer that has heard nothing for so long takes the link for dead."""
STALLED_S = 60.0
"""A host drops a viewer that has accepted no byte for so long."""
RESYNC_EVENTS = 50_000
"""A viewer that is so far behind is offered a snapshot instead of the events in between."""
LAG_S = 10.0
"""So is one that has been behind for so long, by LAG_EVENTS at least."""
LAG_EVENTS = 2_000
"""A viewer that is so far behind is told so, once a second."""

ID_CHARS = 128
"""The longest id of a command: the session keeps them."""


class Method(StrEnum):
    """Requests that the host answers itself."""

    INITIALIZE = "initialize"
    SNAPSHOT = "snapshot"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    PING = "ping"
    EVENTS_PAGE = "events.page"
    BLOB_READ = "blob.read"
    OUTPUT_READ = "output.read"
    LOG_TAIL = "log.tail"
    MARKS = "marks"
    SEQ_AT = "seq.at"
    ITEMS_PAGE = "items.page"
    FILES_LIST = "files.list"
    FILE_READ = "file.read"
    FORK = "fork"
    """Makes another session (:mod:`swarmtui.host.live_forks`), for who controls; repeated by id as commands."""


class Topic(StrEnum):
    """Notifications of the host."""

    EVENT = "event"
    EVENTS = "events"
    STREAM = "stream"
    HEARTBEAT = "heartbeat"
    VIEWERS = "viewers"
    RESYNC = "resync"
    TROUBLE = "trouble"
    LAGGING = "lagging"
    BYE = "bye"


def encode_events(lines: list[str]) -> bytes:
    """One event, or several at once, which are JSON text already."""
    if len(lines) == 1:
        return f'{{"jsonrpc":"2.0","method":"{Topic.EVENT}","params":{lines[0]}}}\n'.encode()
    return f'{{"jsonrpc":"2.0","method":"{Topic.EVENTS}","params":{{"batch":[{",".join(lines)}]}}}}\n'.encode()


def batches(lines: Iterable[str], weight: int = MAX_BODY) -> Iterator[list[str]]:
    """`lines` in groups of at most BATCH_EVENTS and `weight` characters; a heavier line goes alone."""
    group: list[str] = []
    held = 0
    for line in lines:
        if group and (len(group) == BATCH_EVENTS or held + len(line) > weight):
            yield group
            group, held = [], 0
        group.append(line)
        held += len(line)
    if group:
        yield group


# -- parameters and results ----------------------------------------------------------------------------------

Role = Literal["observe", "control"]


@frozen
class Span:
    """A range of protocol versions, both ends included."""

    min: int = PROTOCOL_MIN
    max: int = PROTOCOL_MAX


@frozen
class ClientInfo:
    """Who a viewer says it is; for people, never for permission."""

    name: str
    version: str = ""
    pid: int | None = None
    host: str = ""
    user: str = ""
    tty: tuple[int, int] | None = None
    """Columns and rows of its terminal."""


@frozen
class Initialize:
    """Parameters of ``initialize``."""

    protocol: Span
    client: ClientInfo
    role: Role = "control"


@frozen
class ServerInfo:
    """Which program the host runs."""

    version: str
    pid: int
    argv0: str
    started: float
    host: str
    program: str = ""
    """The swarmtui command that belongs to it, as a shell takes it."""


@frozen
class Welcome:
    """Result of ``initialize``. `log_id` names the log: events of two connections fit together only if it is equal."""

    protocol: int
    server: ServerInfo
    session: str
    client_id: int
    role: Role
    head_seq: int
    log_id: str
    caps: tuple[str, ...] = ()
    first_seq: int = 1
    status: str = ""
    """The session's status as it is seen; ``crashed`` where it is `recorded` and its host went without a word."""
    title: str = ""
    boot_id: str = ""
    recorded: bool = False
    """No host lives: everything comes from the file, and nobody can act."""


@frozen
class Snapshot:
    """Parameters of ``snapshot``: the state after event `seq`; None: as it is."""

    seq: int | None = None


@frozen
class Subscribe:
    """Parameters of ``subscribe``. Without `resync` every event comes, however far behind the viewer is."""

    from_seq: int
    log_id: str
    stream: bool = True
    resync: bool = True


@frozen
class EventsPage:
    """Parameters of ``events.page``: up to `limit` events before `before`, or from `from_seq` on; of one node if given.

    A page holds less than `limit` when it would be too heavy, one event at least.
    """

    before: int = 0
    limit: int = 0
    node: str | None = None
    from_seq: int | None = None


@frozen
class BlobRead:
    """Parameters of ``blob.read``: `len` bytes from `offset`, as base64 in the result's `data`."""

    sha: str
    offset: int = 0
    len: int = PAGE


@frozen
class OutputRead:
    """Parameters of ``output.read``."""

    node: str
    item: int | None = None


@frozen
class LogTail:
    """Parameters of ``log.tail``: the last `limit` bytes."""

    node: str
    limit: int = 65_536


@frozen
class MarksFrom:
    """Parameters of ``marks``; its result: ``{marks, head_seq, next_seq?}``, the marks from `from_seq` to the head.

    Where there are more than fit, `next_seq` says where to ask on.
    """

    from_seq: int = 1
    limit: int | None = None
    """How many events may be looked at for a page, at most; a host decides where a viewer does not say."""


@frozen
class SeqAt:
    """Parameters of ``seq.at``: the last event at or before a moment, of the session's own clock or of the wall's."""

    mono: float | None = None
    ts: float | None = None


@frozen
class ItemsPage:
    """Parameters of ``items.page``: up to `limit` items of a map after number `after`; of one state if given.

    The result is ``{items: [{item, state, attempts, error?}], counts, total}``.
    """

    node: str
    after: int = -1
    limit: int = 100
    where: str | None = None


@frozen
class FilesList:
    """Parameters of ``files.list``: the artefacts of a node. The result is ``{files: [{name, size, ts}]}``."""

    node: str


@frozen
class FileRead:
    """Parameters of ``file.read``: `len` bytes from `offset` of one of them, as base64 in the result's `data`."""

    node: str
    name: str
    offset: int = 0
    len: int = PAGE


@frozen
class Lagging:
    """Parameters of ``lagging``: how far behind the viewer is; no event behind: it no longer is."""

    behind: int
    seconds: float = 0.0


@frozen
class ViewerInfo:
    """One viewer, in the ``viewers`` notice."""

    id: int
    name: str
    role: Role


@frozen
class Viewers:
    """Parameters of ``viewers``: everybody who watches, after somebody came or went."""

    viewers: tuple[ViewerInfo, ...]


@frozen
class StreamPiece:
    """New text of a running attempt; a gap before `offset` means that some was dropped."""

    node: str
    item: int | None
    attempt: int
    channel: str
    offset: int
    text: str


@frozen
class Stream:
    """Parameters of ``stream``."""

    pieces: tuple[StreamPiece, ...]


@frozen
class TroubleTold:
    """Parameters of ``trouble``: the host cannot write the session file for now, so that no event can tell of it.

    `kind` is ``disk_full``, ``io``, ``locked`` or ``gone``; None: it can again.
    """

    kind: str | None
    message: str = ""
    since: float = 0.0
    """Epoch seconds."""

    @property
    def gone(self) -> bool:
        """Whether the session's files were removed."""
        return self.kind == "gone"


@frozen
class Bye:
    """Parameters of ``bye``: the host leaves. `reason` is finished, signal, idle, disk or kicked."""

    reason: str
    exit_code: int = 0


Parameters = TypeVar("Parameters")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def parse(kind: type[Parameters], params: Mapping[str, JSON], id: int | str | None = None) -> Parameters:
    """`params` as a `kind`; unknown fields are ignored. Raises ProtocolError, for the request `id`, if they are not."""
    from pydantic import ValidationError

    target: Any = kind
    try:
        parsed: Parameters = _adapter(target).validate_python(params)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(Code.PARAMS, f"{where or 'params'}: {first['msg']}", id) from error
    return parsed


def to_json(value: Any) -> dict[str, JSON]:
    """Parameters or a result as JSON values."""
    dumped: dict[str, JSON] = asdict(value)
    return dumped


def negotiate(wanted: Span) -> int:
    """The version to speak with a viewer that speaks `wanted`. Raises ProtocolError with VERSION if there is none."""
    version = min(wanted.max, PROTOCOL_MAX)
    if version < max(wanted.min, PROTOCOL_MIN):
        raise ProtocolError(
            Code.VERSION,
            f"the viewer speaks protocol {wanted.min} to {wanted.max}, this host {PROTOCOL_MIN} to {PROTOCOL_MAX}",
            data={"supported": asdict(Span())},
        )
    return version
