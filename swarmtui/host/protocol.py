"""The wire between a host and its viewers, and the only definition of it: newline-delimited JSON-RPC 2.0.

No I/O in here. :class:`LineBuffer` turns bytes into lines, :func:`decode` a line into a message and :func:`encode` a
message into a line. A line is at most :data:`MAX_LINE` bytes on both sides. Whatever weighs more than
:data:`MAX_BODY` (a snapshot, a huge event, an output) travels as ``{"$blob": {"sha", "size"}}`` in its place and is
fetched in pages with ``blob.read`` from the :class:`Bodies` that the connection keeps.

A viewer first sends ``initialize``; then ``snapshot`` and ``subscribe`` in any order, and commands. A method that is
not listed in :class:`Method` is a command and goes to the engine as it is, with `client_cmd_id` taken out of its
parameters: repeating a command with the same id has no second effect.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from swarmtui.plan.model import JSON
from swarmtui.session.rows import blob_sha

if TYPE_CHECKING:
    from pydantic import TypeAdapter

PROTOCOL_MIN = 1
PROTOCOL_MAX = 1
"""Versions of this protocol that this program speaks."""

MAX_LINE = 1024 * 1024
"""Bytes of one line, its end included."""
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


class Code(IntEnum):
    """Error codes of replies."""

    PARSE = -32700
    INVALID = -32600
    METHOD = -32601
    PARAMS = -32602
    INTERNAL = -32603
    REFUSED = -32000
    """The session does not take the command as it stands."""
    HANDSHAKE = -32002
    """``initialize`` comes first, once."""
    FORBIDDEN = -32003
    """The viewer only observes, or is not the user."""
    MISSING = -32004
    """No such blob, node or output."""
    VERSION = -32010
    LOG_CHANGED = -32011
    """The viewer's events are of another log: take a snapshot."""
    AHEAD = -32012
    """`from_seq` lies beyond the end: take a snapshot."""
    STALE_PLAN = -32021
    """Somebody decided on this revision first."""


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
    BYE = "bye"


# -- messages ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """A call that wants a reply."""

    id: int | str
    method: str
    params: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message without a reply."""

    method: str
    params: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of the request with the same id."""

    id: int | str
    result: JSON


@dataclass(frozen=True, slots=True)
class Fault:
    """The error of a request; without an id it concerns the connection, which is closed after it."""

    id: int | str | None
    code: int
    message: str
    data: dict[str, JSON] = field(default_factory=dict)


Message = Request | Notice | Reply | Fault


class ProtocolError(Exception):
    """The other side sent what is no message of this protocol. `code` and `id` are for the answer."""

    def __init__(self, code: Code, message: str, id: int | str | None = None, data: dict[str, JSON] | None = None):
        super().__init__(message)
        self.code = code
        self.id = id
        self.data = data or {}

    @property
    def fault(self) -> Fault:
        """What to answer."""
        return Fault(self.id, self.code, str(self), self.data)


class LineTooLong(ProtocolError):
    """A line passed MAX_LINE: nothing after it can be read."""

    def __init__(self) -> None:
        super().__init__(Code.INVALID, f"a line is longer than {MAX_LINE} bytes; larger bodies go through blob.read")


class LineBuffer:
    """Bytes in, whole lines out. What is left when the stream ends is no line and is dropped."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that `data` completes, without their ends; to be exhausted. Raises LineTooLong."""
        *ends, rest = data.split(b"\n")
        for end in ends:
            line = b"".join((*self._parts, end))
            self._parts.clear()
            self._held = 0
            if len(line) >= self._limit:
                raise LineTooLong
            yield line
        if rest:
            self._parts.append(rest)
            self._held += len(rest)
        if self._held >= self._limit:
            raise LineTooLong


def decode(line: bytes) -> Message:
    """The message on `line`. Raises ProtocolError with the code and id to answer with."""
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise ProtocolError(Code.PARSE, "a line is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ProtocolError(Code.PARSE, "a line is not JSON") from error
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise ProtocolError(Code.INVALID, 'a message is an object with "jsonrpc": "2.0"')
    id = value.get("id")
    if id is not None and (isinstance(id, bool) or not isinstance(id, int | str)):
        raise ProtocolError(Code.INVALID, "the id of a message is a number or a string")
    if "method" in value:
        return _decode_call(value, id)
    if "error" in value:
        return _decode_fault(value["error"], id)
    if "result" in value and id is not None:
        return Reply(id, value["result"])
    raise ProtocolError(Code.INVALID, "a message has a method, or an id with a result or an error", id)


def _decode_call(value: dict[str, JSON], id: int | str | None) -> Request | Notice:
    method, params = value["method"], value.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        raise ProtocolError(Code.INVALID, "a method is a string and its parameters are an object", id)
    return Notice(method, params) if id is None else Request(id, method, params)


def _decode_fault(error: JSON, id: int | str | None) -> Fault:
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        raise ProtocolError(Code.INVALID, "an error has a code and a message", id)
    data = error.get("data")
    return Fault(id, error["code"], str(error.get("message", "")), data if isinstance(data, dict) else {})


def encode(message: Message) -> bytes:
    """`message` as one line with its end."""
    match message:
        case Request():
            value: dict[str, JSON] = {"id": message.id, "method": message.method, "params": message.params}
        case Notice():
            value = {"method": message.method, "params": message.params}
        case Reply():
            value = {"id": message.id, "result": message.result}
        case Fault():
            error: dict[str, JSON] = {"code": int(message.code), "message": message.message}
            if message.data:
                error["data"] = message.data
            value = {"id": message.id, "error": error}
    return f"{dump({'jsonrpc': '2.0', **value})}\n".encode()


def dump(value: JSON) -> str:
    """`value` as compact JSON in ASCII."""
    return json.dumps(value, separators=(",", ":"))


def encode_reply(id: int | str, result: str) -> bytes:
    """A reply whose result is JSON text already."""
    return f'{{"jsonrpc":"2.0","id":{dump(id)},"result":{result}}}\n'.encode()


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


# -- bodies --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
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
class Bye:
    """Parameters of ``bye``: the host leaves in good order. `reason` is ``finished``, ``signal`` or ``idle``."""

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
