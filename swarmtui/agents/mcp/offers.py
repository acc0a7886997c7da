"""What a server offers, made fit for a model: names, descriptions, schemas. Pure; what a server says is hostile.

An offer is known by its digest. The digests of what was offered when the server was first used in a session are its
*pins*: a tool whose description or schema is another one later is not the tool that was approved.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from swarmtui.frozen import frozen
from swarmtui.models.chat import Tool
from swarmtui.plan.model import JSON
from swarmtui.plan.team import Server
from swarmtui.safety.text import clean, one_line

NAME_CHARS = 64
DESCRIPTION_CHARS = 4000
SCHEMA_BYTES = 64 * 1024
SCHEMA_DEPTH = 32
MOST = 512
"""Tools that one server may offer."""

_TOOL_NAME = re.compile(r"[A-Za-z0-9_.\-/]{1,128}")
_PLAIN = re.compile(r"[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_-]")
_VALUES = frozenset(("default", "const", "enum", "examples"))
_REFERENCES = frozenset(("$ref", "$dynamicRef", "$recursiveRef"))


class Unfit(Exception):
    """A tool cannot be offered to a model; the message says why."""


@frozen
class Offer:
    """One tool of a server."""

    server: str
    name: str
    """As the server knows it."""
    description: str
    schema: JSON
    digest: str
    """Of its name, description and schema as the server gave them."""

    @property
    def rule_name(self) -> str:
        """What permission rules and task files call it."""
        return f"{self.server}/{self.name}"

    def spec(self) -> Tool:
        """The tool as a model is told of it."""
        told = f"Tool of the MCP server {one_line(self.server, 60)}. {self.description}".strip()
        return Tool(offered_name(self.server, self.name), told, self.schema)


@frozen
class Offers:
    """All that a server offers; `unfit` says of the rest why it is left out."""

    fit: Mapping[str, Offer] = field(default_factory=dict)
    unfit: Mapping[str, str] = field(default_factory=dict)


def offered_name(server: str, tool: str) -> str:
    """The name by which models call a tool: letters, digits, ``_`` and ``-``, at most 64; no two tools share one.

    ``server__tool`` where that says which is which, else with a part of a hash at its end.
    """
    name = f"{server}__{tool}"
    if len(name) <= NAME_CHARS and _PLAIN.fullmatch(server) and _PLAIN.fullmatch(tool):
        return name
    mark = hashlib.sha256(f"{server}/{tool}".encode("utf-8", "replace")).hexdigest()[:10]
    return f"{_NOT_PLAIN.sub('_', name)[: NAME_CHARS - 12]}__{mark}"


def read_offers(server: str, listed: Iterable[JSON]) -> Offers:
    """What the entries of a server's ``tools/list`` offer."""
    fit: dict[str, Offer] = {}
    unfit: dict[str, str] = {}
    for number, entry in enumerate(listed):
        name = entry.get("name") if isinstance(entry, dict) else None
        shown = one_line(str(name), 80)
        if number >= MOST:
            unfit[shown] = f"the server offers more than {MOST} tools"
            break
        try:
            offer = read_offer(server, entry)
        except Unfit as why:
            unfit[shown] = str(why)
            continue
        if offer.name in fit:
            unfit[offer.name] = "the server offers two tools of this name"
        fit[offer.name] = offer
    return Offers({name: offer for name, offer in fit.items() if name not in unfit}, unfit)


def read_offer(server: str, entry: JSON) -> Offer:
    """One entry of ``tools/list``. Raises Unfit."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise Unfit("it has no name")
    name, description, schema = entry["name"], entry.get("description"), entry.get("inputSchema")
    if not _TOOL_NAME.fullmatch(name):
        raise Unfit("its name holds other characters than letters, digits, _, -, . and /, or is too long")
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise Unfit("the schema of its arguments is not one of an object")
    check_schema(schema)
    text = description if isinstance(description, str) else ""
    raw = json.dumps([name, text, schema], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(raw.encode()).hexdigest()
    return Offer(server, name, _cut(text, DESCRIPTION_CHARS), {"type": "object", **_cleaned(schema)}, digest)


def check_schema(schema: JSON) -> None:
    """Raises Unfit for a schema that is too deep or too large, or refers to something outside of itself."""
    if depth(schema, SCHEMA_DEPTH) > SCHEMA_DEPTH:
        raise Unfit(f"the schema of its arguments is nested more than {SCHEMA_DEPTH} deep")
    if len(json.dumps(schema)) > SCHEMA_BYTES:
        raise Unfit(f"the schema of its arguments is larger than {SCHEMA_BYTES // 1024} KiB")
    for reference in _references(schema):
        if not reference.startswith("#"):
            raise Unfit(f"the schema of its arguments refers to {one_line(reference, 80)}, which is not part of it")


def depth(value: JSON, most: int) -> int:
    """How deep a JSON value is nested; a number above `most` as soon as it is more than that. A scalar has depth 0."""
    level, values = 0, [value]
    while values := [v for v in values if isinstance(v, dict | list)]:
        level += 1
        if level > most:
            break
        values = [inner for v in values for inner in (v.values() if isinstance(v, dict) else v)]
    return level


def _references(value: JSON) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _REFERENCES and isinstance(inner, str):
                yield inner
            elif key not in _VALUES:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _cleaned(schema: JSON) -> JSON:
    """The schema with its texts for readers made safe; what values have to match stays as it is."""
    if isinstance(schema, list):
        return [_cleaned(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: inner
        if key in _VALUES
        else _cut(inner, DESCRIPTION_CHARS)
        if key in ("description", "title", "$comment") and isinstance(inner, str)
        else _cleaned(inner)
        for key, inner in schema.items()
    }


def _cut(text: str, limit: int) -> str:
    cleaned = clean(text[: 4 * limit]).strip()
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def identity(name: str, server: Server) -> str:
    """What a server is known by: its name, and a digest of what is started or called. Another command under the same
    name, which only a newly approved plan can bring, is another server."""
    raw = json.dumps([server.command, server.url])
    return f"{name} {hashlib.sha256(raw.encode()).hexdigest()[:16]}"


class Pins:
    """The digests of what was offered when each server was first used. A server is known by its :func:`identity`."""

    def __init__(self, digests: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._digests = {server: dict(tools) for server, tools in (digests or {}).items()}

    def take(self, identity: str, offers: Offers, named: Iterable[str] = ()) -> bool:
        """Pins what a server offers, if that is the first time; later only tools that the user's own entry names in
        `named` and that were not there. Returns whether something was pinned."""
        known = self._digests.get(identity)
        if known is None:
            self._digests[identity] = {name: offer.digest for name, offer in offers.fit.items()}
            return True
        new = {name: offers.fit[name].digest for name in named if name in offers.fit and name not in known}
        known |= new
        return bool(new)

    def objection(self, identity: str, offer: Offer) -> str:
        """Why `offer` is not what was approved; empty where it is."""
        pinned = self._digests.get(identity, {}).get(offer.name)
        if pinned == offer.digest:
            return ""
        if pinned is None:
            return "appeared since the plan was approved"
        return "changed since the plan was approved (its description or the schema of its arguments)"

    def approve(self, identity: str) -> None:
        """Forgets the pins of a server: what it offers next is approved."""
        self._digests.pop(identity, None)

    def as_json(self) -> JSON:
        """For a file."""
        return self._digests

    @classmethod
    def from_json(cls, value: JSON) -> Pins:
        """Of a file; what is no pin is left out."""
        if not isinstance(value, dict):
            return cls()
        return cls(
            {
                server: {name: digest for name, digest in tools.items() if isinstance(digest, str)}
                for server, tools in value.items()
                if isinstance(tools, dict)
            }
        )
