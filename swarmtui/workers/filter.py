"""Cleaning what a map brought: JSON repaired, structure and length judged, exact duplicates left out if wanted. Pure.

A line is a record: JSON of any sort, or ``{"item": n, "output": …}`` as the engine writes the results of a map, of
which the output is then what is judged. Each line of the input becomes exactly one :class:`Kept` or
:class:`Rejected`, in order. Cleaning what is clean changes nothing.

Memory is that of one record, and 16 bytes and an entry of a set per distinct record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.plan.repair import loads_lenient
from swarmtui.safety.text import one_line

_SHOWN = 120
_DECODER = json.JSONDecoder()
_LINE_BITS = 40
_FLAT = 60
"""With so few brackets nothing is nested too deep to be read again."""


@dataclass(frozen=True)
class Rules:
    """What a record must be. Lengths are characters: of a text itself, else of its compact JSON."""

    min_chars: int | None = None
    max_chars: int | None = None
    require: tuple[str, ...] = ()
    """Fields that an object must have, neither null nor blank; ``a.b`` is the field b of the field a."""
    schema: JSON = None
    structured: bool = False
    """Whether outputs must be JSON objects or arrays; `require` means it too."""
    unique: bool = False
    """Whether a record equal to an earlier one is left out; of results their outputs are compared."""

    @property
    def parses(self) -> bool:
        """Whether a text is read as JSON where it holds some."""
        return self.structured or bool(self.require) or self.schema is not None

    @cached_property
    def validator(self) -> Any:
        """For `schema`; it fetches nothing from elsewhere."""
        from jsonschema.validators import Draft202012Validator, validator_for
        from referencing.jsonschema import EMPTY_REGISTRY

        return validator_for(self.schema, default=Draft202012Validator)(self.schema, registry=EMPTY_REGISTRY)


@frozen
class Kept:
    """A clean record."""

    line: int
    value: JSON
    repaired: bool = False
    """Whether its JSON was mended or taken out of the text around it."""


@frozen
class Rejected:
    """A line that is left out, and why."""

    line: int
    reason: str
    text: str
    """The line as it was."""


class Cleaner:
    """Cleans one input after another by the same rules; a record of one repeats one of another."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._sources: list[str] = []
        self._seen: dict[bytes, int] = {}
        """Digest of a record -> where it was first: the number of its source in the high bits, its line in the low."""

    def clean(self, lines: Iterable[str], source: str = "") -> Iterator[Kept | Rejected]:
        """What becomes of each line, in order. `source` is how reasons call the input."""
        number = len(self._sources)
        self._sources.append(source)
        for line_number, line in enumerate(lines, 1):
            text = line.rstrip("\r\n")
            try:
                value, repaired = _read(text, self._rules)
                _judge(payload_of(value), self._rules)
                if self._rules.unique:
                    self._note(payload_of(value), number, line_number)
            except _Bad as bad:
                yield Rejected(line_number, str(bad), text)
            else:
                yield Kept(line_number, value, repaired)

    def _note(self, payload: JSON, source: int, line: int) -> None:
        digest = blake2b(_compact(payload, sort_keys=True).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        here = source << _LINE_BITS | line
        first = self._seen.setdefault(digest, here)
        if first != here:
            where = self._sources[first >> _LINE_BITS]
            within = f" of {where}" if first >> _LINE_BITS != source else ""
            raise _Bad(f"the same as line {first & (1 << _LINE_BITS) - 1}{within}")


def dumped(value: JSON) -> str:
    """A record as one line of a clean file."""
    return _compact(value)


class _Bad(Exception):
    """Why a line is left out."""


def _read(text: str, rules: Rules) -> tuple[JSON, bool]:
    """The record on a line, and whether it had to be mended."""
    if not text.strip():
        raise _Bad("the line is empty")
    value, repaired = _json(text)
    if repaired and _holds_several(text):
        raise _Bad("more than one value on the line: put each on a line of its own")
    if not _is_result(value):
        _refuse_failure(value)
        return value, repaired
    if value.get("truncated") is True:
        raise _Bad("the output was too large to be kept whole")
    output = value["output"]
    if not isinstance(output, str) or not rules.parses:
        return value, repaired
    try:
        inner, mended = _json(output)
    except _Bad as bad:
        if rules.structured or rules.require:
            raise _Bad(f"the output holds no JSON that can be read: {bad}") from None
        return value, repaired
    if not isinstance(inner, dict | list):
        return value, repaired
    return _rewrapped({**value, "output": inner}), repaired or mended


def _holds_several(text: str) -> bool:
    """Whether a line begins with an object or array and another one follows at once: nobody can tell which is meant."""
    start = text.lstrip("\ufeff \t")
    if not start.startswith(("{", "[")):
        return False
    try:
        _, end = _DECODER.raw_decode(start)
    except (ValueError, RecursionError):
        return False
    return start[end:].lstrip(" \t,;").startswith(("{", "["))


def _refuse_failure(value: JSON) -> None:
    """What the engine writes of an item that failed, or of an entry that was none, is no record; nor is what an earlier
    cleaning left out."""
    if not isinstance(value, dict) or "output" in value or not value.get("error"):
        return
    error = one_line(str(value["error"]), _SHOWN)
    if "item" in value:
        raise _Bad(f"the item failed: {error}")
    if value.keys() == {"line", "error"}:
        raise _Bad(f"line {value['line']} of the items is no item: {error}")
    if value.keys() == {"file", "line", "error", "text"}:
        raise _Bad(f"left out before: {error}")


def _rewrapped(value: JSON) -> JSON:
    """`value`, into which a text was unpacked. It must be one that can be read again."""
    line = dumped(value)
    if line.count("[") + line.count("{") > _FLAT:
        _json(line)
    return value


def _json(text: str) -> tuple[JSON, bool]:
    try:
        value = loads_lenient(text)
    except (ValueError, RecursionError) as error:
        raise _Bad(f"not JSON: {one_line(str(error), _SHOWN)}") from None
    try:
        return value, json.loads(text) != value
    except (ValueError, RecursionError):
        return value, True


def _is_result(value: JSON) -> bool:
    return isinstance(value, dict) and "item" in value and "output" in value


def payload_of(value: JSON) -> JSON:
    """What of a record is judged: the output of an item, else the record itself."""
    return value["output"] if _is_result(value) else value


def _judge(payload: JSON, rules: Rules) -> None:
    if rules.structured and not isinstance(payload, dict | list):
        raise _Bad("not a JSON object or array")
    for field in rules.require:
        _require(payload, field)
    if rules.schema is not None:
        _fit(payload, rules)
    if rules.min_chars is None and rules.max_chars is None:
        return
    size = len(payload.strip() if isinstance(payload, str) else _compact(payload))
    if rules.min_chars is not None and size < rules.min_chars:
        raise _Bad(f"{size} characters, fewer than {rules.min_chars}")
    if rules.max_chars is not None and size > rules.max_chars:
        raise _Bad(f"{size} characters, more than {rules.max_chars}")


def _require(payload: JSON, field: str) -> None:
    value = payload
    for part in field.split("."):
        if not isinstance(value, dict):
            raise _Bad(f"no field {field}: it is not an object")
        if part not in value:
            raise _Bad(f"no field {field}")
        value = value[part]
    if value is None or (isinstance(value, str) and not value.strip()):
        raise _Bad(f"field {field} is empty")


def _fit(payload: JSON, rules: Rules) -> None:
    from jsonschema.exceptions import UnknownType, best_match
    from referencing.exceptions import Unresolvable

    try:
        worst = best_match(rules.validator.iter_errors(payload))
    except (UnknownType, Unresolvable, re.error, RecursionError) as error:
        raise _Bad(f"the schema cannot be applied: {one_line(str(error), _SHOWN)}") from None
    if worst is not None:
        raise _Bad(f"does not fit the schema at {one_line(worst.json_path, 60)}: {one_line(worst.message, _SHOWN)}")


def _compact(payload: JSON, *, sort_keys: bool = False) -> str:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)
