"""The wire between a host and its viewers, and the only definition of it: newline-delimited JSON-RPC 2.0.

No I/O in here: framing is in :mod:`swarmtui.host.jsonrpc`. Whatever weighs more than :data:`MAX_BODY` (a snapshot, a
huge event, an output) travels as a reference in its place and is fetched in pages with ``blob.read`` from the
:class:`~swarmtui.host.bodies.Bodies` that the connection keeps.

A viewer first sends ``initialize``; then ``snapshot`` and ``subscribe`` in any order, and commands. A method that is
not listed in :class:`Method` is a command and goes to the engine as it is, with `client_cmd_id` taken out of its
parameters: repeating a command with the same id has no second effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from swarmtui.host.jsonrpc import Code, ProtocolError
from swarmtui.plan.model import JSON

if TYPE_CHECKING:
    from pydantic import TypeAdapter

PROTOCOL_MIN = 1
PROTOCOL_MAX = 1
"""Versions of this protocol that this program speaks."""

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


class Topic(StrEnum):
    """Notifications of the host."""

    EVENT = "event"
    EVENTS = "events"
    STREAM = "stream"
    HEARTBEAT = "heartbeat"
    VIEWERS = "viewers"
    RESYNC = "resync"
    TROUBLE = "trouble"
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


@dataclass(frozen=True, slots=True)
class Span:
    """A range of protocol versions, both ends included."""

    min: int = PROTOCOL_MIN
    max: int = PROTOCOL_MAX


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """Who a viewer says it is; for people, never for permission."""

    name: str
    version: str = ""
    pid: int | None = None
    host: str = ""


@dataclass(frozen=True, slots=True)
class Initialize:
    """Parameters of ``initialize``."""

    protocol: Span
    client: ClientInfo
    role: Role = "control"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Which program the host runs."""

    version: str
    pid: int
    argv0: str
    started: float
    host: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """Result of ``initialize``. `log_id` names the log: events of two connections fit together only if it is equal."""

    protocol: int
    server: ServerInfo
    session: str
    client_id: int
    role: Role
    head_seq: int
    log_id: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Parameters of ``subscribe``. Without `resync` every event comes, however far behind the viewer is."""

    from_seq: int
    log_id: str
    stream: bool = True
    resync: bool = True


@dataclass(frozen=True, slots=True)
class EventsPage:
    """Parameters of ``events.page``: up to `limit` events before `before`, of one node if given."""

    before: int
    limit: int
    node: str | None = None


@dataclass(frozen=True, slots=True)
class BlobRead:
    """Parameters of ``blob.read``: `len` bytes from `offset`, as base64 in the result's `data`."""

    sha: str
    offset: int = 0
    len: int = PAGE


@dataclass(frozen=True, slots=True)
class OutputRead:
    """Parameters of ``output.read``."""

    node: str
    item: int | None = None


@dataclass(frozen=True, slots=True)
class LogTail:
    """Parameters of ``log.tail``: the last `limit` bytes."""

    node: str
    limit: int = 65_536


@dataclass(frozen=True, slots=True)
class ViewerInfo:
    """One viewer, in the ``viewers`` notice."""

    id: int
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Viewers:
    """Parameters of ``viewers``: everybody who watches, after somebody came or went."""

    viewers: tuple[ViewerInfo, ...]


@dataclass(frozen=True, slots=True)
class StreamPiece:
    """New text of a running attempt; a gap before `offset` means that some was dropped."""

    node: str
    item: int | None
    attempt: int
    channel: str
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Stream:
    """Parameters of ``stream``."""

    pieces: tuple[StreamPiece, ...]


@dataclass(frozen=True, slots=True)
class TroubleTold:
    """Parameters of ``trouble``: the host cannot write the session file for now, so that no event can tell of it.

    `kind` is ``disk_full``, ``io`` or ``locked``; None: it can again.
    """

    kind: str | None
    message: str = ""
    since: float = 0.0
    """Epoch seconds."""


@dataclass(frozen=True, slots=True)
class Bye:
    """Parameters of ``bye``: the host leaves. `reason` is ``finished``, ``signal``, ``idle`` or ``disk``."""

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
