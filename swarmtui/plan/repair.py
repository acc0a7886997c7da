"""JSON as models write it: wrapped in prose and fences, with comments and stray commas, or cut off in the middle.

Text that is JSON is read as JSON and never touched. Only when that fails is a value looked for in it, and only what
is unambiguous is mended: trailing and forgotten commas, comments, single and curly quotes, bare keys, ``None``,
``True`` and ``False``, raw line ends in texts, words without quotes after a quoted key, brackets and texts left open at
the end. Values that follow one another with nothing but blanks between them are a list of them.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON

_MAX_DEPTH = 64
_MAX_STARTS = 64
_MAX_FENCES = 64
_MAX_UNREAD = 256 * 1024
"""So many characters may be read in vain before no more starts are tried: nobody else is served meanwhile."""
_MAX_CHARS = 16 * 1024 * 1024

_THINKING = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*[\w.+-]*[ \t]*\r?\n?[ \t]*")
_OPEN = re.compile(r"[{\[]")
_SPACE = re.compile(r"(?:\s|//[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z))*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z_$][\w$-]*")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CUT_EXPONENT = re.compile(r"[eE][+-]?\Z")
_HEX4 = re.compile(r"[0-9a-fA-F]{4}")
_WORDS: dict[str, JSON] = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019"}
_PLAIN = {quote: re.compile(rf"[^{quote}\\]*") for quote in _QUOTES.values()}
_QUOTED_KEY = re.compile(r'"[^"\n]*"\s*:')
_BARE = re.compile(r"[^\W\d][^\"'`{}\[\],:\n]*")
"""A text that somebody forgot to quote: words, up to the next mark or the end of the line."""
_NO_TEXTS = frozenset({"NaN", "Infinity", "undefined"})
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _no_constant(name: str) -> JSON:
    raise ValueError(f"{name} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is too large a number")
    return value


_STRICT = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def loads_lenient(text: str) -> JSON:
    """The JSON value that `text` holds; of several objects or arrays in prose the one that covers most text.

    Raises ValueError if there is none, if what there is cannot be mended without guessing, or if it is nested more
    than 64 deep. Halves of surrogate pairs become U+FFFD, so that the value can be stored as UTF-8.
    """
    if len(text) > _MAX_CHARS:
        raise ValueError(f"too long to be read as JSON: {len(text)} characters, at most {_MAX_CHARS}")
    text = text.removeprefix("\ufeff")
    value = _find(text)
    if text.count("[") + text.count("{") > _MAX_DEPTH:
        _refuse_depth(value)
    return _whole(value) if "\\ud" in text.lower() or _SURROGATE.search(text) else value


def _find(text: str) -> JSON:
    try:
        return _STRICT.decode(text)
    except (ValueError, RecursionError):
        pass
    text = _THINKING.sub("", text)
    fences = _fences(text)
    for fence in fences:  # all of what a fence holds, and nothing after it: a text may hold brackets
        with suppress(ValueError, RecursionError):
            value, end = _STRICT.raw_decode(text, fence)
            if not text[end:].strip().strip("`~"):
                return value
    found = _containers(text)
    if found:
        return _listed(text, found) or max(found, key=lambda place: place.end - place.start).value
    for fence in fences:
        try:
            return _STRICT.raw_decode(text, fence)[0]
        except (ValueError, RecursionError):
            continue
    raise ValueError("there is no JSON in it")


def _fences(text: str) -> list[int]:
    """Where the insides of fences begin: of the first ones and of the last ones, since each look at one may take as
    long as the text is."""
    ends = [fence.end() for fence in _FENCE.finditer(text)]
    first = _MAX_FENCES // 2
    return ends[:first] + ends[first:][-first:]


@frozen
class _Place:
    """A value, and where it is."""

    start: int
    end: int
    value: JSON


def _listed(text: str, found: list[_Place]) -> JSON:
    """The values as a list, if the text is nothing but them, one after the other; None if it is not, or they are equal,
    which is one value that was said again."""
    ends = [0, *(place.end for place in found)]
    starts = [*(place.start for place in found), len(text)]
    between = [text[end:start].strip().strip("`") for end, start in zip(ends, starts, strict=True)]
    between[0] = between[0].removeprefix("json")
    if any(between) or all(place.value == found[0].value for place in found):
        return None
    return [place.value for place in found]


def _containers(text: str) -> list[_Place]:
    """Every object and array that is not part of another one."""
    found: list[_Place] = []
    at = unread = 0
    for _ in range(_MAX_STARTS):
        start = _OPEN.search(text, at)
        if start is None or unread > _MAX_UNREAD:
            break
        reader = _Reader(text, start.start())
        try:
            value, end = _read(reader)
        except _Unreadable:
            at = start.end()
            unread += reader.at - start.start()
            continue
        found.append(_Place(start.start(), end, value))
        at = end
    return found


def _read(reader: _Reader) -> tuple[JSON, int]:
    """The value at the place of `reader`, and where it ends. Raises _Unreadable, ValueError where it is too deep."""
    try:
        return _STRICT.raw_decode(reader.text, reader.at)
    except (ValueError, RecursionError):
        return reader.value(0), reader.at


def _refuse_depth(value: JSON) -> None:
    level = [value]
    for _ in range(_MAX_DEPTH):
        parts = (part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list))
        level = [inner for part in parts for inner in part if isinstance(inner, dict | list)]
        if not level:
            return
    raise ValueError(f"nested more than {_MAX_DEPTH} deep")


def _whole(value: JSON) -> JSON:
    """`value` without halves of surrogate pairs."""
    if isinstance(value, str):
        return _joined([value])
    if isinstance(value, dict):
        return {_joined([key]): _whole(part) for key, part in value.items()}
    return [_whole(part) for part in value] if isinstance(value, list) else value


class _Unreadable(ValueError):
    """What is here is not JSON, not even carelessly written."""


_NOTHING = object()
"""What the end of the text left of a value: no value at all."""


class _Reader:
    """Reads one value from `start` on, as carelessly as models write; `at` is then just behind it."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.at = start

    def value(self, depth: int) -> JSON:
        """The value at the place reached, or ``_NOTHING`` if the text ends before it says one."""
        char = self._next()
        if depth >= _MAX_DEPTH and char in ("{", "["):
            raise ValueError(f"nested more than {_MAX_DEPTH} deep")
        if char == "{":
            return self._object(depth)
        if char == "[":
            return self._array(depth)
        if char in _QUOTES:
            return self._string(_QUOTES[char])
        return self._atom() if char else _NOTHING

    def _next(self) -> str:
        """Skips blanks and comments; the character there, empty at the end of the text."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def _object(self, depth: int) -> JSON:
        self.at += 1
        result: dict[str, JSON] = {}
        while self._more("}"):
            quoted = self.text[self.at] in _QUOTES
            key = self._key()
            if self._next() != ":":
                if self.at >= len(self.text):
                    break
                raise _Unreadable("a key without a colon")
            self.at += 1
            value = self._bare() if quoted else None
            if value is None:
                value = self.value(depth + 1)
            if value is not _NOTHING:
                result[key] = value
            self._separator("}")
        return result

    def _array(self, depth: int) -> JSON:
        self.at += 1
        result: list[JSON] = []
        while self._more("]"):
            value = self.value(depth + 1)
            if value is not _NOTHING:
                result.append(value)
            self._separator("]")
        return result

    def _more(self, close: str) -> bool:
        """Whether another member follows; steps over `close`. The end of the text closes everything, and a bracket
        of the other sort closes this one and whatever it belongs to."""
        char = self._next()
        if char == close:
            self.at += 1
        return char not in ("", "}", "]")

    def _separator(self, close: str) -> None:
        """Steps over the comma after a member; it may be forgotten where a line ends, and before a quoted key."""
        before = self.at
        char = self._next()
        if char == ",":
            self.at += 1
        elif char not in ("", close, "}", "]") and not self._apart(before, close):
            raise _Unreadable("no comma between members")

    def _apart(self, before: int, close: str) -> bool:
        """Whether what follows is plainly another member, though no comma says so."""
        gap = self.text[before : self.at]
        return "\n" in gap or (close == "}" and gap != "" and _QUOTED_KEY.match(self.text, self.at) is not None)

    def _key(self) -> str:
        char = self._next()
        if char in _QUOTES:
            return self._string(_QUOTES[char])
        word = _WORD.match(self.text, self.at)
        if word is None:
            raise _Unreadable("no key")
        self.at = word.end()
        return word.group()

    def _bare(self) -> str | None:
        """A text without quotes, if that is what is here."""
        self._next()
        words = _BARE.match(self.text, self.at)
        if words is None or (words.end() < len(self.text) and self.text[words.end()] not in ",}]\n"):
            return None
        said = words.group().rstrip()
        cut = words.end() == len(self.text) and any(name.startswith(said) for name in _WORDS)
        if cut or said in _WORDS or said in _NO_TEXTS or re.search(r"//|/\*|#", said):
            return None
        self.at = words.end()
        return said

    def _atom(self) -> JSON:
        if number := _NUMBER.match(self.text, self.at):
            cut = _CUT_EXPONENT.match(self.text, number.end())
            self.at = cut.end() if cut else number.end()
            return _number(number.group())
        word = _WORD.match(self.text, self.at)
        if word and word.group() in _WORDS:
            self.at = word.end()
            return _WORDS[word.group()]
        rest = self.text[self.at :].rstrip()
        if len(rest) < 5 and (rest == "-" or any(name.startswith(rest) for name in _WORDS)):
            self.at = len(self.text)
            return _NOTHING
        raise _Unreadable("no value")

    def _string(self, quote: str) -> str:
        """A text that `quote` ends; one that the end of the text cuts off is kept as far as it goes."""
        text, at = self.text, self.at + 1
        parts: list[str] = []
        while at < len(text) and text[at] != quote:
            if text[at] == "\\":
                part, at = self._escape(at + 1)
                parts.append(part)
            else:
                plain = _PLAIN[quote].match(text, at)
                end = plain.end() if plain else at
                parts.append(text[at:end])
                at = end
        self.at = min(at + 1, len(text))
        return _joined(parts)

    def _escape(self, at: int) -> tuple[str, int]:
        """What the escape whose backslash is before `at` stands for, and where the text goes on."""
        char = self.text[at : at + 1]
        if char != "u":
            return _ESCAPES.get(char, char), at + 1
        digits = _HEX4.match(self.text, at + 1)
        if digits is None:
            return ("", len(self.text)) if len(self.text) < at + 5 else ("\\u", at + 1)
        return chr(int(digits.group(), 16)), digits.end()


def _number(text: str) -> JSON:
    try:
        return int(text) if text.lstrip("+-").isdigit() else _finite(text)
    except ValueError as error:  # Python reads no integers of more than 4,300 digits
        raise _Unreadable(str(error)) from None


def _joined(parts: list[str]) -> str:
    """The parts as one text; two escapes that together are one character become it, a lone half becomes U+FFFD."""
    text = "".join(parts)
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
