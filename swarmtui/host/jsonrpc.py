"""Newline-delimited JSON-RPC 2.0 without I/O: bytes to lines, lines to messages, messages to lines.

:class:`LineBuffer` turns bytes into lines, :func:`decode` a line into a message and :func:`encode` a message into a
line. A line is at most :data:`MAX_LINE` bytes on both sides. What the messages say is in
:mod:`swarmtui.host.protocol`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import field
from enum import IntEnum
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON

MAX_LINE = 1024 * 1024
"""Bytes of one line, its end included."""


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


@frozen
class Request:
    """A call that wants a reply."""

    id: int | str
    method: str
    params: dict[str, JSON] = field(default_factory=dict)


@frozen
class Notice:
    """A message without a reply."""

    method: str
    params: dict[str, JSON] = field(default_factory=dict)


@frozen
class Reply:
    """The result of the request with the same id."""

    id: int | str
    result: JSON


@frozen
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


def check_text(request: Request) -> None:
    """Raises ProtocolError where `request` has half a character, which JSON can write down and no file can hold."""
    try:
        json.dumps([request.method, request.params], ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ProtocolError(Code.PARAMS, "a text has half a character (a lone surrogate)", request.id) from error
    except RecursionError as error:
        raise ProtocolError(Code.PARAMS, "parameters are nested too deep", request.id) from error


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
