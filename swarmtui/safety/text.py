"""Makes text from outside safe to show on a terminal.

Whatever a model, a tool, a file name or a recorded session says may hold sequences which a terminal obeys: move the
cursor, set the clipboard, hide half of a command. :func:`clean` takes all of that out and keeps what people read.
The grammar of control sequences is ECMA-48 (5th edition, sections 5 and 8.3), in both its 7 and 8 bit forms; what is
invisible by design is Unicode's Default_Ignorable_Code_Point.

The result is a normal form: ``clean(clean(x)) == clean(x)``, and a :class:`Cleaner` that is fed the same text in any
pieces gives the same result. The raw text stays where it is recorded; cleaning happens on the way to a reader.
"""

from __future__ import annotations

import functools
import re
import unicodedata

MARKS = 8
"""Combining marks that one character may carry; more would be drawn over the lines above and below."""

_compiled = functools.cache(re.compile)
"""For the patterns that few texts need: every start would pay for all of them."""

_ZWJ = "\u200d"
_INTRODUCER = r"\x1b[\]PX^_k]|[\x90\x98\x9d-\x9f]"
_TERMINATOR = r"\x07|\x1b\\|[\x18\x1a\x9c]"
_CSI = r"(?:\x1b\[|\x9b)"
_STRING = rf"(?:{_INTRODUCER})[^\n\r\x07\x18\x1a\x1b\x9c]*"  # ends at a line break too: nothing hides what follows
_SEQUENCE = rf"({_STRING}(?:{_TERMINATOR})?|{_CSI}[0-?]*[ -/]*[@-~]?|\x1b[ -/]+[0-~]?|\x1b[0-~]?)"
_COMPLETE = rf"{_STRING}(?:{_TERMINATOR})|{_CSI}[0-?]*[ -/]*[@-~]|\x1b[ -/]+[0-~]|\x1b(?![\[\]PX^_k])[0-~]"

_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_BREAKS = r"\r\x85\u2028\u2029"
_NO_CHARACTERS = r"\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff" + "".join(
    f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17)
)
_EMOJI = (
    r"\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030"
    r"\u303d\u3297\u3299\U0001f000-\U0001faff"
)

_ASCII_SUSPECT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SUSPECT = re.compile(rf"[{_CONTROLS}{_INVISIBLE}{_BREAKS}{_NO_CHARACTERS}]")
_HAS_SEQUENCE = re.compile(r"[\x1b\x90\x98\x9b\x9d-\x9f]")
_DROPPED = rf"(?![\r\x85])[{_CONTROLS}{_INVISIBLE}]"
_BREAK = re.compile(r"\r\n?|[\x85\u2028\u2029]")
_NO_CHARACTER = rf"[{_NO_CHARACTERS}]"
_JOINERS = "\u200d\ufe0e\ufe0f"
_JOINER = re.compile(f"[{_JOINERS}]")
_JOINED = rf"([{_EMOJI}][\ufe0e\ufe0f]?(?:\u200d(?=[{_EMOJI}]))?|[0-9#*]\ufe0f)|[\u200d\ufe0e\ufe0f]"
_JOINS_NEXT = rf"[{_EMOJI}][\ufe0e\ufe0f]?\u200d\Z"
_MARK_RUN = re.compile(rf"[^\w\x00-\u02ff]{{{MARKS + 1},}}")  # no combining mark is \w, most letters are
_TAIL = MARKS + 2
_SPACE = re.compile(r"\s+")


def clean(text: str, *, keep_newlines: bool = True) -> str:
    """`text` without anything that a terminal obeys or that a reader cannot see.

    Control sequences, control characters, bidirectional controls, zero-width and tag characters go; joiners and
    variation selectors stay within emoji; line ends of every kind become ``\\n``; what is no character becomes U+FFFD;
    a character keeps at most :data:`MARKS` combining marks. Newline and tab stay, or become spaces without
    `keep_newlines`.
    """
    if not _is_clean_ascii(text):
        if not text.isascii() and not _SUSPECT.search(text):
            text = _finish(text)
        else:
            parts = _compiled(_SEQUENCE).split(text) if _HAS_SEQUENCE.search(text) else [text]
            text = _finish(_break_lines(_drop("".join(parts[::2]))))
    return text if keep_newlines else text.replace("\n", " ").replace("\t", " ")


class Cleaner:
    """:func:`clean` for a stream: the pieces of a sequence that is split over chunks leave no debris.

    It holds back at most a few characters, never text that could be shown already; a sequence which never ends takes
    no memory.
    """

    __slots__ = ("_after_return", "_joiner", "_open", "_stray", "_tail")

    def __init__(self) -> None:
        self._open = ""  # shortest text that leaves the grammar where the last chunk left it
        self._after_return = False
        self._joiner = ""
        self._stray = False  # the last character was a joiner that joined nothing: none that follow it join either
        self._tail = ""

    def feed(self, chunk: str) -> str:
        """What may be shown once `chunk` has come."""
        if not (self._open or self._joiner or self._after_return) and _is_clean_ascii(chunk):
            self._tail = chunk[-_TAIL:] or self._tail
            self._stray = self._stray and not chunk
            return chunk
        text = _drop(self._take_sequences(self._open + chunk))
        if not text:
            return ""
        if self._after_return and text[0] == "\n":
            text = text[1:]
        self._after_return = text[-1:] == "\r"
        return self._emit(self._joiner + _break_lines(text))

    def flush(self) -> str:
        """What is left to show at the end of the stream; afterwards the cleaner is as new."""
        self._open, self._after_return, self._joiner, self._stray, self._tail = "", False, "", False, ""
        return ""

    def _take_sequences(self, text: str) -> str:
        self._open = ""
        if not _HAS_SEQUENCE.search(text):
            return text
        parts = _compiled(_SEQUENCE).split(text)
        if len(parts) > 1 and not parts[-1]:
            self._open = _shortest(parts[-2])
        return "".join(parts[::2])

    def _emit(self, text: str) -> str:
        self._joiner = ""
        if self._stray:
            text = text.lstrip(_JOINERS)
            if not text:
                return ""
            self._stray = False
        if text.isascii():
            self._tail = (self._tail + text)[-_TAIL:]
            return text
        whole = self._tail + text
        if whole.endswith(_ZWJ) and _compiled(_JOINS_NEXT).search(whole, max(0, len(whole) - 3)):
            self._joiner = _ZWJ
            whole = whole[:-1]
        raw, whole = whole, _finish(whole)
        self._stray = _JOINER.match(raw, len(raw) - 1) is not None and _finish(raw[:-1]) == whole
        shown = whole[len(_finish(self._tail)) :]  # the tail may begin with what only its lost neighbour allowed
        self._tail = whole[-_TAIL:]
        return shown


def one_line(text: str, limit: int = 120) -> str:
    """`text` for a title or a cell: clean, white space as single spaces, at most `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # nearly all that is shown, and tens of thousands of times a second
    line = _SPACE.sub(" ", clean(text[: 16 * limit + 1024], keep_newlines=False)).strip()
    # a joiner at the cut would join the ellipsis: widths would be wrong, and a second cleaning would take it away
    return line if len(line) <= limit else line[: max(0, limit - 1)].rstrip(" " + _JOINERS) + "…"


def visible(text: str) -> str:
    r"""`text` with nothing hidden, for approvals: whatever is not plainly visible is shown as an escape.

    Escapes are Python's (``\n``, ``\x1b``, ``\u202e``) and a backslash is doubled, so that no text can fake one.
    """
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    shown: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        plain = char.isprintable() and char != "\\" and marks <= 2 and not _is_hidden(char)
        shown.append(char if plain else char.encode("unicode_escape", "surrogatepass").decode("ascii"))
    return "".join(shown)


def _is_hidden(char: str) -> bool:
    return _SUSPECT.match(char) is not None or _JOINER.match(char) is not None


def _is_clean_ascii(text: str) -> bool:
    return text.isascii() and (text.isprintable() or not _ASCII_SUSPECT.search(text))


def _drop(text: str) -> str:
    text = _compiled(_DROPPED).sub("", text)
    return text if text.isascii() else _compiled(_NO_CHARACTER).sub("\ufffd", text)


def _break_lines(text: str) -> str:
    if text.isascii():
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    return _BREAK.sub("\n", text)


def _finish(text: str) -> str:
    """Settles what depends on neighbours: joiners and runs of marks. Nothing else hidden is left in `text`."""
    if _JOINER.search(text):
        text = _compiled(_JOINED).sub(r"\1", text)
    return _MARK_RUN.sub(_cap_marks, text)


def _cap_marks(run: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for char in run[0]:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks <= MARKS:
            kept.append(char)
    return "".join(kept)


def _shortest(sequence: str) -> str:
    """The shortest text from which the rest of `sequence` is read the same way; nothing if it is over."""
    if _compiled(_COMPLETE).fullmatch(sequence):
        return ""
    if _compiled(_INTRODUCER).match(sequence):
        return "\x1b]"
    if _compiled(_CSI).match(sequence):
        return "\x1b[ " if " " <= sequence[-1] <= "/" else "\x1b["
    return sequence[:2]
