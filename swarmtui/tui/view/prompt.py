"""What is typed at home: a task file or a goal; what it can be completed to; what was typed before. Pure.

A first word that is a task file or a known name, with nothing but options and inputs behind it, means that task. All
else is a goal, word by word as it was typed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import field
from enum import StrEnum

from swarmtui.frozen import frozen, mutable
from swarmtui.safety.text import clean, one_line
from swarmtui.tui.view.matching import closeness

SUFFIXES = (".yaml", ".yml")
SET = "--set"
MOST_OFFERS = 50
MOST_TYPED = 300
"""Prompts that are kept."""
MOST_CHARS = 8_000
"""Characters of one prompt that are kept."""
_INPUT = re.compile(r"[A-Za-z_][\w.-]*=")
_AS_TYPED_IN_A_SHELL = re.compile(r"\s*swarmtui\s+run\s+")
_PLAIN = re.compile(r"[\w@%+:,./~-]+")


class Kind(StrEnum):
    """What an entry is."""

    FILE = "file"
    FOLDER = "folder"
    SAMPLE = "sample"
    RECENT = "recent"
    INPUT = "input"
    TYPED = "typed before"


@frozen
class Entry:
    """Something that a word can be completed to."""

    name: str
    kind: Kind
    told: str = ""
    """What stands beside it: a title, an age."""

    @property
    def usable(self) -> bool:
        """Whether the name can stand in a line of text as it is: one with control characters cannot."""
        return bool(self.name) and clean(self.name, keep_newlines=False) == self.name and "\ufffd" not in self.name


@frozen
class InputTold:
    """An input of a task."""

    name: str
    default: str = ""
    """As it would be typed; empty where there is none."""
    told: str = ""


@frozen
class Word:
    """A word as a shell reads it: `text` without quotes, and where in the line it stands."""

    start: int
    end: int
    text: str


def words(text: str) -> list[Word]:
    """The words of `text`; a quote that is never closed ends with the text."""
    found: list[Word] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start, said = at, ""
        while at < len(text) and not text[at].isspace():
            part, at = _part(text, at)
            said += part
        found.append(Word(start, at, said))
    return found


def _part(text: str, at: int) -> tuple[str, int]:
    """What the quotes, the backslash or the character at `at` stand for, and where the next one is."""
    char = text[at]
    if char == "\\" and at + 1 < len(text):
        return text[at + 1], at + 2
    if char not in "'\"":
        return char, at + 1
    end = text.find(char, at + 1)
    return (text[at + 1 :], len(text)) if end < 0 else (text[at + 1 : end], end + 1)


@frozen
class Meaning:
    """What was typed: a task with the options that follow it, or a goal."""

    task: str = ""
    options: tuple[str, ...] = ()
    goal: str = ""

    @property
    def argv(self) -> tuple[str, ...]:
        """The command that it stands for."""
        if not self.task:
            return ("run", *(("--",) if self.goal.startswith("-") else ()), self.goal)
        return ("run", f"./{self.task}" if self.task.startswith("-") else self.task, *self.options)


def meaning(text: str, names: Collection[str] = ()) -> Meaning | None:
    """What `text` means; None where it says nothing. `names` are those of samples and of files that are known."""
    head = _AS_TYPED_IN_A_SHELL.match(text)
    said = (text[head.end() :] if head else text).strip()
    if not said:
        return None
    if said in names and "\n" not in said:
        return Meaning(task=said)
    typed = words(said)
    first, rest = typed[0].text, [word.text for word in typed[1:]]
    if not is_task(first, names) or not _are_options(rest):
        return Meaning(goal=said)
    options: list[str] = []
    for at, word in enumerate(rest):
        bare = _INPUT.match(word) and (not at or not rest[at - 1].startswith("--") or "=" in rest[at - 1])
        options += [SET, word] if bare else [word]
    return Meaning(task=first, options=tuple(options))


def is_task(word: str, names: Collection[str]) -> bool:
    """Whether `word` names a task, and is no word of a goal."""
    return word in names or word.endswith(SUFFIXES)


def _are_options(rest: Sequence[str]) -> bool:
    """Whether words after a task are its options: the first is one, or all of them are inputs."""
    return not rest or rest[0].startswith("--") or all(_INPUT.match(word) for word in rest)


def command(argv: Sequence[str]) -> str:
    """The very command line that `argv` is."""
    return shlex.join(["swarmtui", *argv])


# -- completion -------------------------------------------------------------------------------------------------------


@frozen
class Offer:
    """One way to complete a line: `put` takes the place of what stands from `start` to `end`."""

    start: int
    end: int
    put: str
    shown: str
    told: str
    kind: Kind
    usable: bool = True


def offers(
    text: str, cursor: int, entries: Iterable[Entry], inputs: Sequence[InputTold] = (), names: Collection[str] = ()
) -> list[Offer]:
    """What the word at `cursor` can become: of the first word a task, of those behind a task its inputs."""
    typed = words(text)
    at = next((n for n, word in enumerate(typed) if word.start <= cursor <= word.end), None)
    before = [word for word in typed if word.end < cursor]
    word = typed[at] if at is not None else Word(cursor, cursor, "")
    if not before:
        later = [one.text for one in typed if one.start > cursor]
        ends = "\n" in text[:cursor] or (later and not _are_options(later))
        return [] if ends else _tasks(text, word, entries)
    if not is_task(before[0].text, names):
        return []
    rest = [one.text for one in typed[1:] if one is not word]
    return _inputs(word, before, inputs, rest) if not rest or _are_options(rest) else []


def _tasks(text: str, word: Word, entries: Iterable[Entry]) -> list[Offer]:
    scored: list[tuple[float, int, Entry]] = []
    seen: set[str] = set()
    for order, entry in enumerate(entries):
        score = fitting(word.text, entry.name, entry.told) if word.text else 1.0
        if score and entry.name not in seen:
            seen.add(entry.name)
            scored.append((-score, order, entry))
    scored.sort(key=lambda one: one[:2])
    behind = text[word.end : word.end + 1]
    return [_task(entry, word, behind) for _, _, entry in scored[:MOST_OFFERS]]


def _task(entry: Entry, word: Word, behind: str) -> Offer:
    space = "" if entry.kind is Kind.FOLDER or behind.isspace() else " "
    put = quoted(entry.name) + space
    told = entry.told if entry.usable else "its name has characters that no line can hold: rename it"
    return Offer(word.start, word.end, put, one_line(entry.name, 120), one_line(told, 120), entry.kind, entry.usable)


def _inputs(word: Word, before: Sequence[Word], inputs: Sequence[InputTold], rest: Sequence[str]) -> list[Offer]:
    """Names of inputs that have no value yet; behind ``name=`` its default."""
    after_set = before[-1].text == SET
    glued = word.text.startswith(f"{SET}=")
    said = word.text.removeprefix(f"{SET}=") if glued else word.text
    head = f"{SET}=" if glued else "" if after_set else f"{SET} "
    name, equals, value = said.partition("=")
    found: list[Offer] = []
    for one in inputs:
        if equals:
            if name == one.name and not value and one.default:
                put = (head if glued else "") + f"{name}={quoted(one.default)} "
                found.append(Offer(word.start, word.end, put, put.strip(), "the default", Kind.INPUT))
            continue
        given = any(other.removeprefix(f"{SET}=").startswith(f"{one.name}=") for other in rest)
        typed = "" if SET.startswith(said) else said
        if not given and _begins(typed, one):
            told = "; ".join(part for part in (one.told, f"else {one.default}" if one.default else "") if part)
            found.append(Offer(word.start, word.end, f"{head}{one.name}=", one.name, one_line(told, 120), Kind.INPUT))
    return found


def _begins(typed: str, one: InputTold) -> bool:
    return not typed or bool(fitting(typed, one.name))


def applied(text: str, offer: Offer) -> tuple[str, int]:
    """`text` with the offer taken, and where the cursor stands then. What stands around the word stays as it is."""
    whole = text[: offer.start] + offer.put + text[offer.end :]
    return whole, offer.start + len(offer.put)


def quoted(name: str) -> str:
    """`name` as one word of the line."""
    if _PLAIN.fullmatch(name):
        return name
    if "'" not in name:
        return f"'{name}'"
    return '"' + name + '"' if '"' not in name else re.sub(r"([\s'\"\\])", r"\\\1", name)


def fitting(typed: str, name: str, told: str = "") -> float:
    """How well `name` fits what was typed, from 1 to 0: words and beginnings first, scattered letters last."""
    close = closeness(typed, name) or closeness(typed, name.rpartition("/")[2] or name)
    if close:
        return 0.4 + 0.6 * close
    if len(typed) < 2:
        return 0.0
    at, first, wanted, low = -1, -1, typed.casefold(), name.casefold()
    for char in wanted:
        at = low.find(char, at + 1)
        if at < 0:
            return 0.3 if told and closeness(typed, "", told) else 0.0
        first = at if first < 0 else first
    return 0.35 * len(wanted) / (at - first + 1)


# -- what was typed before --------------------------------------------------------------------------------------------


@mutable
class Typed:
    """Prompts of earlier, the newest first, each once, :data:`MOST_TYPED` at most; and where somebody goes through
    them. What stood in the prompt before that comes back behind the newest."""

    entries: list[str] = field(default_factory=list)
    _at: int = -1
    _draft: str = ""

    def __post_init__(self) -> None:
        kept = self.entries
        self.entries = []
        for text in reversed(kept):
            self.add(text)

    def add(self, text: str) -> bool:
        """Keep `text` as the newest; False where it says nothing or is too long to be kept."""
        self._at = -1
        said = clean(text).strip()
        if not said or len(said) > MOST_CHARS:
            return False
        self.entries = [said, *(one for one in self.entries if one != said)][:MOST_TYPED]
        return True

    def older(self, now: str) -> str | None:
        """The next older one than what the prompt shows; None where there is none."""
        if self._at + 1 >= len(self.entries):
            return None
        if self._at < 0:
            self._draft = now
        self._at += 1
        return self.entries[self._at]

    def newer(self) -> str | None:
        """The next newer one, at last what stood there before; None where that is what stands there."""
        if self._at < 0:
            return None
        self._at -= 1
        return self._draft if self._at < 0 else self.entries[self._at]

    def rest(self) -> None:
        """Somebody types: what is in the prompt is no entry any more."""
        self._at = -1

    def found(self, said: str, text: str) -> list[Offer]:
        """Those that have all words of `said` in them, as offers in place of the whole `text`."""
        wanted = said.casefold().split()
        fits = [one for one in self.entries if all(word in one.casefold() for word in wanted)]
        return [Offer(0, len(text), one, one_line(one, 200), "", Kind.TYPED) for one in fits[:MOST_OFFERS]]
