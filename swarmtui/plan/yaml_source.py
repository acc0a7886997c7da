"""YAML text as plain data that remembers where each value stood, refusing what makes YAML unsafe or surprising.

The data is built here from the parser's event stream instead of by a YAML constructor, for three reasons: size and
depth are bounded before anything is built, every value keeps its line and column, and one pass does both (a file of
100,000 values takes well under a second). Refused are aliases and anchors, tags but the plain ones, duplicate keys,
merge keys, and plain scalars that YAML 1.1 reads otherwise than people do: ``no``, ``012``, ``12:30:45``, ``1e3``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from swarmtui.frozen import frozen, mutable
from swarmtui.plan.problems import Finding, Problem, TaskError, path_text, shown

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON

MAX_BYTES = 2_000_000
MAX_DEPTH = 32

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "seq", "map"))
_BARE_EXPONENT = re.compile(r"[-+]?\d[\d_]*(?:\.\d*)?[eE][-+]?\d+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-7_]+")


Place = tuple[int, int]
"""Line and column, from 0."""


@mutable
class Spot:
    """Where a mapping or list stands, and where its parts and keys do. A scalar's spot is its place alone."""

    place: Place
    parts: dict[str, Spot | Place] | list[Spot | Place]
    keys: dict[str, Place]


@frozen
class Source:
    """What a YAML text says, and where it says it."""

    file: str
    data: JSON
    spot: Spot | Place

    def at(self, path: Sequence[str | int], *, key: bool = False) -> Place:
        """Line and column, from 1, of the value at `path`, or of its key.

        Steps that are not in the text are passed over: where a short form stands for a long one, or where a key is
        missing, the place is that of the nearest thing that is there.
        """
        spot, key_place, found_last = self.spot, None, True
        for part in path:
            parts = spot.parts if isinstance(spot, Spot) else ()
            found_last = part in parts if isinstance(parts, dict) else part in range(len(parts))
            if found_last and isinstance(spot, Spot):
                key_place = spot.keys.get(str(part))
                spot = parts[part]  # type: ignore[index]
        place = spot.place if isinstance(spot, Spot) else spot
        if key_place is not None and (key or not found_last):
            place = key_place
        return place[0] + 1, place[1] + 1

    def locate(self, finding: Finding) -> Problem:
        """`finding` with the line and column it belongs to."""
        line, column = self.at(finding.path, key=finding.at_key)
        return Problem(self.file, line, column, finding.message, finding.fix, path_text(finding.path))


def read_yaml(text: str | bytes, file: str) -> tuple[Source, list[Problem]]:
    """What `text` says, and everything in it that is refused but did not keep the rest from being read.

    `file` is how messages call it. Raises TaskError where reading had to stop: not UTF-8, not YAML, too large (2 MB),
    too deep (32 levels), or nothing in it.
    """
    source = _decoded(text, file)
    reader = _Reader(file)
    try:
        for event in _events(source):
            reader.feed(event)
    except yaml.YAMLError as error:
        raise TaskError([*reader.problems, _syntax_problem(error, file, source)]) from None
    if reader.root is None:
        raise TaskError([Problem(file, 1, 1, "there is nothing in it", "a task file has at least `goal: …`")])
    return Source(file, reader.root[0], reader.root[1]), reader.problems


def _events(text: str) -> Iterator[Any]:
    loader = _LOADER(text)
    try:
        while type(event := loader.get_event()) is not yaml.StreamEndEvent:
            yield event
    finally:
        loader.dispose()


def _decoded(text: str | bytes, file: str) -> str:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        fix = "put long lists into a JSONL file and long prompts into inputs"
        raise TaskError([Problem(file, 1, 1, f"larger than {MAX_BYTES // 1_000_000} MB ({len(data):,} bytes)", fix)])
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = len(data[data.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8", "replace")) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise TaskError([Problem(file, line, column, message, "save the file as UTF-8")]) from None


def _syntax_problem(error: yaml.YAMLError, file: str, text: str) -> Problem:
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if isinstance(error, yaml.MarkedYAMLError) and mark is not None:
        return _marked_problem(error, mark, file, text)
    bad = next((at for at, char in enumerate(text) if not (char.isprintable() or char in "\t\n\r\x85")), 0)
    line, column = text.count("\n", 0, bad) + 1, bad - text.rfind("\n", 0, bad)
    return Problem(file, line, column, f"character {text[bad : bad + 1]!a} is not allowed", "remove it, or escape it")


def _marked_problem(error: yaml.MarkedYAMLError, mark: Any, file: str, text: str) -> Problem:
    """In our words where YAML's would lead astray: a tab is not seen, and a quote that is never closed is noticed at
    the end of the file alone."""
    begun: Any = error.context_mark or mark
    while_, what = error.context or "", error.problem or ""
    if "".join(text.splitlines()[mark.line : mark.line + 1])[mark.column :].startswith("\t"):
        return Problem(file, mark.line + 1, mark.column + 1, "not YAML: a tab", "indent with spaces")
    if "quoted scalar" in while_ and "end of stream" in what:
        told = "not YAML: the quote that begins here has no end"
        return Problem(file, begun.line + 1, begun.column + 1, told, "close it, or remove it")
    begins = f" that begins at {begun.line + 1}:{begun.column + 1}" if "flow" in while_ else ""
    told = shown(": ".join(part for part in (what, while_) if part), 160) + begins
    return Problem(file, mark.line + 1, mark.column + 1, f"not YAML: {told}", _syntax_fix(what))


def _syntax_fix(what: str) -> str:
    if "start any token" in what:
        return "quote texts that begin with a special character"
    if "mapping values are not allowed" in what:
        return "quote a text that holds a colon, and check the indentation"
    return "check quotes, brackets and indentation at this place and just before it"


_NO_KEY: Any = object()


class _Open:
    """A mapping or list that is being read; `key` is the mapping's key that waits for its value."""

    __slots__ = ("data", "key", "key_at", "spot")

    def __init__(self, data: JSON, spot: Spot) -> None:
        self.data = data
        self.spot = spot
        self.key: Any = _NO_KEY
        self.key_at: Place = (0, 0)


class _Reader:
    """Builds data and places from events; `root` is the document once it has been read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.root: tuple[JSON, Spot | Place] | None = None
        self._stack: list[_Open] = []
        self._plain: dict[str, JSON] = {}

    def feed(self, event: Any) -> None:
        """Take the next event. Raises TaskError where nothing more can be made of the rest."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            mark = event.start_mark
            self._put(self._scalar(event), (mark.line, mark.column))
        elif issubclass(kind, yaml.CollectionStartEvent):
            self._open(event)
        elif issubclass(kind, yaml.CollectionEndEvent):
            done = self._stack.pop()
            self._put(done.data, done.spot)
        elif kind is yaml.AliasEvent:
            self._problem(event, f"alias *{shown(event.anchor)} is not allowed", "write the value out")
            self._put(None, _place(event))
        elif kind is yaml.DocumentStartEvent and self.root is not None:
            self._problem(event, "a second document", "a task file is one document: remove the `---`")
            raise TaskError(self.problems)

    def _open(self, event: Any) -> None:
        if event.anchor is not None or event.tag is not None:
            self._check_node(event)
        if len(self._stack) >= MAX_DEPTH:
            self._problem(event, f"nested more than {MAX_DEPTH} levels deep", "make it flatter")
            raise TaskError(self.problems)
        is_map = isinstance(event, yaml.MappingStartEvent)
        self._stack.append(_Open({} if is_map else [], Spot(_place(event), {} if is_map else [], {})))

    def _put(self, value: JSON, spot: Spot | Place) -> None:
        """Add a finished value to what it is part of: as an item, as a key, or as the value of the key before."""
        if not self._stack:
            self.root = (value, spot)
            return
        top = self._stack[-1]
        parts = top.spot.parts
        if type(parts) is list:
            top.data.append(value)
            parts.append(spot)
        elif top.key is _NO_KEY:
            top.key, top.key_at = value, spot.place if isinstance(spot, Spot) else spot
        else:
            key, top.key = top.key, _NO_KEY
            if not isinstance(key, str) or key in top.data:
                if not self._usable_key(key, top):
                    return
                key = _key_text(key)
            top.data[key] = value
            top.spot.keys[key] = top.key_at
            parts[key] = spot  # type: ignore[call-overload]

    def _usable_key(self, key: JSON, top: _Open) -> bool:
        """Report what is wrong with `key`; whether its value can be kept all the same, under the key as text."""
        at = top.key_at
        if isinstance(key, str):
            fix = f"it was set in line {top.spot.keys[key][0] + 1}: remove one of the two"
            self._problem_at(at, f"key `{shown(key)}` is there twice", fix)
        elif isinstance(key, dict | list):
            self._problem_at(at, "a key is a mapping or a list", "quote a key that begins with { or [")
        else:
            text = _key_text(key)
            self._problem_at(at, f"key `{text}` is not text", f'quote it: "{text}"')
            return text not in top.data
        return False

    def _check_node(self, event: Any) -> None:
        if event.anchor is not None:
            self._problem(event, f"anchor &{shown(event.anchor)} is not allowed", "remove it and write values out")
        if event.tag is not None and event.tag != "!" and event.tag not in _PLAIN_TAGS:
            self._problem(event, f"tag {shown(event.tag)} is not allowed", "remove it: only plain values are read")

    def _scalar(self, event: Any) -> JSON:
        if event.anchor is not None or event.tag is not None:
            self._check_node(event)
        text: str = event.value
        if event.style or not event.implicit[0]:
            return text if event.tag in (None, "!", _TAG + "str") else self._tagged(event, text)
        if text in self._plain:
            return self._plain[text]
        value, trap = plain_value(text)
        if trap:
            self._problem(event, *trap)
        else:
            self._plain[text] = value
        return value

    def _tagged(self, event: Any, text: str) -> JSON:
        value, trap = plain_value(text)
        if trap:
            self._problem(event, *trap)
        return value

    def _problem(self, event: Any, message: str, fix: str) -> None:
        self._problem_at(_place(event), message, fix)

    def _problem_at(self, place: Place, message: str, fix: str) -> None:
        self.problems.append(Problem(self.file, place[0] + 1, place[1] + 1, message, fix))


def _place(event: Any) -> Place:
    return event.start_mark.line, event.start_mark.column


def _key_text(key: JSON) -> str:
    return "null" if key is None else str(key).lower() if isinstance(key, bool) else str(key)


Trap = tuple[str, str] | None
"""What is wrong with an unquoted scalar, and how to mend it."""


def plain_value(text: str) -> tuple[JSON, Trap]:
    """What an unquoted scalar means; where it is a trap, its text instead and what to say about it."""
    tag = next((tag for tag, pattern in _RESOLVERS.get(text[:1], ()) if pattern.match(text)), "")
    reader = _READERS.get(tag.removeprefix(_TAG))
    if reader is not None:
        return reader(text)
    if _BARE_EXPONENT.fullmatch(text):
        return text, (f"`{text}` would be read as text", f'write {float(text.replace("_", ""))!r}, or "{text}"')
    return text, None


def _boolean(text: str) -> tuple[JSON, Trap]:
    word = "true" if text.lower() in ("true", "yes", "on") else "false"
    if text.lower() in ("true", "false"):
        return word == "true", None
    return text, (f"`{text}` would be read as {word}", f'write {word}, or "{text}"')


def _integer(text: str) -> tuple[JSON, Trap]:
    digits = text.replace("_", "")
    if ":" in text or _LEADING_ZERO.fullmatch(text):
        return text, (f"`{shown(text)}` would be read as another number", f'quote it: "{shown(text)}"')
    try:
        return int(digits, 0), None
    except ValueError:
        return text, (f"`{shown(text)}` is too long a number", "quote it")


def _float(text: str) -> tuple[JSON, Trap]:
    if ":" in text:
        return text, (f"`{shown(text)}` would be read as another number", f'quote it: "{shown(text)}"')
    digits = text.replace("_", "").lower()
    value = math.nan if digits.endswith(("inf", "nan")) else float(digits)
    if not math.isfinite(value):
        return text, (f"`{shown(text)}` is not a number that can be used", f'quote it: "{shown(text)}"')
    return value, None


_READERS: dict[str, Callable[[str], tuple[JSON, Trap]]] = {
    "null": lambda _: (None, None),
    "bool": _boolean,
    "int": _integer,
    "float": _float,
    "merge": lambda text: (text, ("merge keys (<<) are not allowed", "write the values out")),
}
"""How plain scalars of each kind are read; what has no kind here is text, dates too."""


def in_order(reading: Iterable[Problem], meaning: Iterable[Problem]) -> list[Problem]:
    """All problems by place. One of `meaning` at the place of one of `reading` follows from it and is left out."""
    unread = {(problem.line, problem.column): problem for problem in reading}
    rest = dict.fromkeys(problem for problem in meaning if (problem.line, problem.column) not in unread)
    return sorted([*unread.values(), *rest], key=lambda problem: (problem.line or 0, problem.column or 0))
