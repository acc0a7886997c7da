"""Keeps secrets out of everything that is written or shown.

A secret is carried as a :class:`Secret`, which prints as ``***``. What the program writes passes a :class:`Redactor`,
which knows the secrets of this session and the shapes of well-known keys. It is the second line of defence: a key with
neither a known value nor a known shape passes, so that nothing should rely on it alone.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

JSON = Any
"""A value as ``json.loads`` returns it."""

MASK = "***"
SHORTEST = 8
"""Shorter secrets are not searched for: they would be found in ordinary text."""

_DEEPEST = 100
_HELD = 64 * 1024
_WORD = "".join(map(chr, range(0x21, 0x7F)))
"""What a known shape of key is made of: printable ASCII without the space."""
_OPENING = "-----BEGIN"
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_SECRET_FIELD = re.compile(
    r"(?:x[-_])?(?:api[-_]?key|authorization|proxy-authorization|password|passwd|secret|client[-_]secret|"
    r"(?:access|refresh|auth|id)[-_]token|private[-_]key)",
    re.IGNORECASE,
)
_BEGUN = r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[A-Za-z0-9+/=\s\\:,]|-(?!----))*"
_PRIVATE_KEY = re.compile(rf"{_BEGUN}(?:-----END [A-Z ]*PRIVATE KEY-----)?")
_ENDING_KEY = re.compile(rf"{_BEGUN}-----(?:E|EN|END(?: [A-Z ]*-{{0,4}})?)?\Z")
"""A private key of which the last line has come in part: what has the shape of a key stops before it."""


def _key(literal: str, rest: str) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """A key that starts with `literal` at the start of a word. The literal comes first: `re` skips to it quickly."""
    return (literal,), re.compile(rf"{literal}(?<![A-Za-z0-9_-]{literal}){rest}")


_SHAPES: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    _key("sk-", r"(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{16,}"),
    _key("AIza", r"[A-Za-z0-9_-]{35}"),
    *(_key(f"gh{kind}_", r"[A-Za-z0-9]{20,}") for kind in "pousr"),
    _key("github_pat_", r"[A-Za-z0-9_]{20,}"),
    _key("xox", r"[a-z]-[A-Za-z0-9-]{10,}"),
    _key("AKIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _key("ASIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _key("eyJ", r"[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    (("earer ",), re.compile(r"(?P<kept>earer[ ]+)(?=[A-Za-z._~+/-]*[0-9])[A-Za-z0-9._~+/-]{16,}=*")),
    (
        ("ey=", "oken=", "ecret=", "assword=", "ignature=", "sig=", "auth="),
        re.compile(
            r"(?P<kept>[?&;](?:[A-Za-z]+[-_])*(?:api|access|auth)?(?:[Kk]ey|[Tt]oken|[Ss]ecret|[Pp]assword|[Ss]ignature|sig|"
            r"auth)=)[^&;\s\"'<>#*][^&;\s\"'<>#]*"
        ),
    ),
    (("://",), re.compile(r"(?P<kept>://[^/\s:@\"']{0,64}:)[^/\s:@\"'*][^/\s@\"']{0,512}(?=@)")),
    (("PRIVATE KEY",), _PRIVATE_KEY),
)
"""(hints, shape): a text without any of the hints cannot hold the shape, and looking for them is cheap."""


class Secret:
    """A value that no log, traceback, crash screen or event shows; :meth:`reveal` gives it to who must send it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: for a request's header, nothing else."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never serialised")


def secrets_from_env(environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """The values of variables whose names speak of keys, tokens, secrets or passwords.

    Paths and numbers are left out: they name or count such things and are ordinary text elsewhere.
    """
    return tuple(
        Secret(value)
        for name, value in environ.items()
        if _SECRET_NAME.search(name) and len(value) >= SHORTEST and not value.startswith("/") and not value.isdigit()
    )


class Redactor:
    """Replaces secrets in text with ``***``: those it was given, and whatever has the shape of a well-known key."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._values: tuple[str, ...] = ()
        self._phrases: tuple[str, ...] = ()
        self.longest = 0
        """Length of the longest known secret, in characters."""
        self.learn(*secrets)

    def learn(self, *secrets: Secret) -> None:
        """Look for these too from now on, in streams that are under way as well. Safe while other threads redact."""
        values = {secret.reveal() for secret in secrets}
        forms = {form for value in values if len(value) >= SHORTEST for form in (value, quote(value, safe=""))}
        known = sorted({*self._values, *forms}, key=len, reverse=True)  # a secret that holds another one goes first
        self.longest = max(map(len, known), default=0)
        self._phrases = tuple(value for value in known if value.strip(_WORD))
        self._values = tuple(known)  # whole at once: who redacts reads it once

    def redact(self, text: str) -> str:
        """`text` with every secret replaced; the very same object if there is none."""
        for value in self._values:
            if value in text:
                text = text.replace(value, MASK)
        for hints, shape in _SHAPES:
            for hint in hints:
                if hint in text:
                    text = shape.sub(_mask, text)
                    break
        return text

    def redact_json(self, value: JSON) -> JSON:
        """The same for all strings within a JSON value, keys included; fields named like secrets lose their text."""
        return self._redact_value(value, _DEEPEST)

    def stream(self, *, live: bool = False) -> RedactedStream:
        """A redactor for text that comes in pieces; `live` for what is watched word by word."""
        return RedactedStream(self, live=live)

    def _redact_value(self, value: JSON, depth: int) -> JSON:
        if isinstance(value, str):
            return self.redact(value)
        if not isinstance(value, dict | list | tuple):
            return value
        if not depth:
            return MASK
        if isinstance(value, dict):
            return {self._redact_key(key): self._redact_field(key, item, depth - 1) for key, item in value.items()}
        return [self._redact_value(item, depth - 1) for item in value]

    def _redact_key(self, key: JSON) -> JSON:
        return self.redact(key) if isinstance(key, str) else key

    def _redact_field(self, key: JSON, item: JSON, depth: int) -> JSON:
        if isinstance(item, str) and item and isinstance(key, str) and _SECRET_FIELD.fullmatch(key):
            return MASK
        return self._redact_value(item, depth)


class RedactedStream:
    """Redacts text that comes in pieces; a secret that is split over them is found all the same.

    Text is held back until its line is whole, or with `live` until its word is. A line longer than 64 KiB is let go in
    parts, cut where no secret is.
    """

    def __init__(self, redactor: Redactor, *, live: bool = False) -> None:
        self._redactor = redactor
        self._live = live
        self._held = ""

    def feed(self, chunk: str) -> str:
        """What may be written once `chunk` has come."""
        text = self._held + chunk
        cut = self._cut(text)
        self._held = text[cut:]
        return self._redactor.redact(text[:cut])

    def flush(self) -> str:
        """The rest, at the end of the stream."""
        text, self._held = self._held, ""
        return self._redactor.redact(text)

    def _cut(self, text: str) -> int:
        cut = self._word_cut(text) if self._live else text.rfind("\n") + 1
        if "PRIVATE KEY" in text:
            cut = _before(_PRIVATE_KEY.finditer(text), cut)
            cut = min(cut, *(found.start() for found in _ENDING_KEY.finditer(text)), len(text))
        if len(text) - cut <= _HELD:
            return cut
        whole = len(text)
        cut = whole - self._redactor.longest - 4096
        for _hints, shape in _SHAPES:
            cut = _before(shape.finditer(text), cut) or whole  # a "key" of 64 KiB is none: let it go, masked
        for value in self._redactor._values:
            start = text.find(value, max(0, cut - len(value) + 1))
            if 0 <= start < cut:
                cut = start
        return cut

    def _word_cut(self, text: str) -> int:
        """Where the last word begins, with what makes a secret of it before it."""
        before = text.rstrip(_WORD)
        cut = len(before)
        if before.endswith(" ") and (said := before.rstrip(" ")).endswith("earer"):
            cut = len(said) - len("earer")
        opening = text.rfind(_OPENING)
        if 0 <= opening < cut and not text[opening + len(_OPENING) :].strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ -"):
            cut = opening
        for phrase in self._redactor._phrases:
            overlap = next((n for n in range(min(len(phrase) - 1, len(text)), 0, -1) if text.endswith(phrase[:n])), 0)
            cut = min(cut, len(text) - overlap)
        return cut


class RedactingFormatter(logging.Formatter):
    """Formats log records, tracebacks included, and redacts the result."""

    def __init__(self, redactor: Redactor, fmt: str | None = None) -> None:
        super().__init__(fmt)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """The record's text without secrets."""
        return self._redactor.redact(super().format(record))


def _before(shapes: Iterable[re.Match[str]], cut: int) -> int:
    """`cut`, or the start of the shape which it would split."""
    for found in shapes:
        if found.start() < cut <= found.end():
            return found.start()
    return cut


def _mask(found: re.Match[str]) -> str:
    return found.groupdict().get("kept", "") + MASK
