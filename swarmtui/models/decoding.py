"""Bodies of pages: taken out of their compression within a cap, and turned into text. Pure, whatever the bytes are."""

from __future__ import annotations

import re
import zlib

_META = re.compile(rb"""<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_XML = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}["']([A-Za-z0-9._:-]{1,40})""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_TEXT_CODEC = re.compile(
    r"utf[-_]?(8|16|32)([-_]?(le|be|sig))?|us[-_]?ascii|ascii|latin[-_]?[0-9]{1,2}|iso[-_]?8859[-_]?[0-9]{1,2}|"
    r"(windows|cp)[-_]?[0-9]{3,4}|koi8[-_][rtu]|gb(2312|k|18030)|big5([-_]?hkscs)?|(x[-_])?(euc|shift)[-_]?(jp|kr|jis)|sjis|"
    r"iso[-_]2022[-_](jp|kr)|tis[-_]?620|mac[-_]?(roman|cyrillic|greek|latin2)",
    re.IGNORECASE,
)
"""Codecs that browsers know. Python has others beside them, some of which take quadratic time."""
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class Undecodable(Exception):
    """A body is compressed in a way that was not asked for, or is broken."""


class Unpacker:
    """Undoes a content encoding, giving at most `cap` bytes; `full` tells that there was more."""

    def __init__(self, encoding: str, cap: int) -> None:
        """Raises Undecodable for anything but ``gzip``, ``deflate`` and none."""
        self._encoding = {"x-gzip": "gzip", "identity": ""}.get(encoding, encoding)
        if self._encoding not in ("gzip", "deflate", ""):
            raise Undecodable("it is compressed in a way that was not asked for")
        self._left = cap
        self._wire = cap
        self._stream: zlib._Decompress | None = None
        self.full = False

    def feed(self, data: bytes) -> bytes:
        """What `data`, the next bytes of the body, holds. Raises Undecodable."""
        self._wire -= len(data)
        out = bytearray()
        while data and not self.full:
            piece, data = self._unpack(data) if self._encoding else (data, b"")
            out += piece[: self._left]
            self.full = len(piece) > self._left
            self._left -= min(len(piece), self._left)
        self.full = self.full or self._wire < 0  # a stream that holds nothing may be without end too
        return bytes(out)

    def _unpack(self, data: bytes) -> tuple[bytes, bytes]:
        """At most a byte more than is left of the cap, and what of `data` has not been looked at."""
        if self._stream is None:
            self._stream = self._begin(data)
        stream = self._stream
        try:
            piece = stream.decompress(data, self._left + 1)
        except zlib.error:
            raise Undecodable("its compression is broken") from None
        if stream.eof:  # another member may follow
            self._stream = None
            return piece, stream.unused_data if stream.unused_data[:2] == b"\x1f\x8b" else b""
        return piece, stream.unconsumed_tail

    def _begin(self, data: bytes) -> zlib._Decompress:
        if self._encoding == "gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        # "deflate" means zlib's format, but some servers send the bare stream (RFC 9110, 8.4.1.2)
        wrapped = data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] << 8 | data[1]) % 31 == 0)
        return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def text_of(body: bytes, content_type: str) -> str:
    """`body` as text: by its byte order mark, else its content type, else what an HTML or XML head says, else UTF-8."""
    for mark, codec in _BOMS:
        if body.startswith(mark):
            return body.decode(codec, "replace")
    named = _CHARSET.search(content_type)
    if named is None:
        inner = _META.search(body[:2048]) or _XML.search(body[:256])
        codec = inner[1].decode("ascii") if inner else "utf-8"
    else:
        codec = named[1]
    if not _TEXT_CODEC.fullmatch(codec):
        codec = "utf-8"
    if codec.lower() in ("iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii"):
        codec = "windows-1252"  # what pages that say so are written in (WHATWG Encoding)
    try:
        return body.decode(codec, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")
