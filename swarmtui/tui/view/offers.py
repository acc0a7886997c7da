"""What the command palette offers, and in which order for what was typed. Pure; a keystroke costs what it finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from typing import NamedTuple

from swarmtui.frozen import frozen
from swarmtui.tui.view.glyphs import Glyphs
from swarmtui.tui.view.lines import Line, Role, Span, cells, fit, pad, shorten
from swarmtui.tui.view.matching import lit

_BETWEEN = re.compile(r"\W+")
MOST = 10_000
"""Things that are searched; a filter (/) searches all."""
SHOWN = 200
"""Offers that are kept of those that fit: nobody looks further down than to type on."""
KEPT = 12
"""What was chosen lately, as far as it is remembered."""
_BEHIND = {"action": 0.0, "theme": 0.02, "setting": 0.02}
"""How far a kind comes after an action that fits as well; names come after all of these."""
_A_THING = 0.01
_LATELY = 0.04
_AMISS = 0.005


@frozen
class Offer:
    """One thing that can be done or gone to."""

    kind: str
    """action, node, session, theme, setting."""
    id: str
    name: str
    go: Callable[[], None]
    description: str = ""
    keys: str = ""
    """As they are printed."""
    why_not: str = ""
    at_first: bool = True
    """Whether it is listed before anything was typed."""
    tell: Callable[[], str] | None = None
    """What to say of it where that is worth working out for what is on the screen alone."""
    also: str = ""
    """Other words by which it is found."""

    @property
    def key(self) -> str:
        """What it is remembered by."""
        return f"{self.kind}:{self.id}"


class Offers:
    """Everything there is to offer, and what was chosen lately."""

    def __init__(self, found: Iterable[Offer], lately: Sequence[str] = ()) -> None:
        self.all: list[Offer] = []
        self._read: list[_Told] = []
        self._lately = {key: at for at, key in enumerate(lately)}
        self.add(found)

    def add(self, found: Iterable[Offer]) -> None:
        """Offer these, too: a few microseconds each."""
        for one in found:
            self.all.append(one)
            told = f"{one.description} {one.id} {one.also}" if one.kind == "action" else one.description
            self._read.append(_read(one.name, told))

    def best(self, typed: str) -> list[Offer]:
        """The offers for what was typed, the best first; before anything was, what was chosen lately comes first."""
        whole = typed.casefold().strip()
        words = tuple(whole.split())
        if not words:
            return self._first()
        found: list[tuple[float, int]] = []
        for at, told in enumerate(self._read):
            if all(word in told.text for word in words):  # whatever fits at all holds all the words
                found.append((self._after(self.all[at]) - told.closeness(whole, words), at))
        return [self.all[at] for _, at in nsmallest(SHOWN, found)]

    def _first(self) -> list[Offer]:
        ranked = [
            (self._lately.get(one.key, KEPT), bool(one.why_not), at)
            for at, one in enumerate(self.all)
            if one.at_first or one.key in self._lately
        ]
        return [self.all[at] for *_, at in sorted(ranked)[:SHOWN]]

    def _after(self, offer: Offer) -> float:
        """How far it stands back behind others that fit as well."""
        lately = _LATELY if offer.key in self._lately else 0.0
        return _BEHIND.get(offer.kind, _A_THING) + (_AMISS if offer.why_not else 0.0) - lately


class _Told(NamedTuple):
    """The texts of an offer as they are searched: made once, so that a keystroke costs little."""

    name: str
    text: str
    name_words: str
    """Each word with a space before it."""
    text_words: str

    def closeness(self, whole: str, words: tuple[str, ...]) -> float:
        """As :func:`swarmtui.tui.view.matching.closeness` has it, for what holds all the words."""
        if whole == self.name:
            return 1.0
        if self.name.startswith(whole):
            return 0.9
        if _begin(words, self.name_words, self.name):
            return 0.8
        if whole in self.name:
            return 0.7
        return 0.6 if _begin(words, self.text_words, self.text) else 0.5


def _read(name: str, description: str) -> _Told:
    folded = name.casefold()
    begun = f" {_BETWEEN.sub(' ', folded)}"
    if not description:
        return _Told(folded, folded, begun, begun)
    told = description.casefold()
    return _Told(folded, f"{folded} {told}", begun, f"{begun} {_BETWEEN.sub(' ', told)}")


def _begin(words: tuple[str, ...], begun: str, text: str) -> bool:
    return all(f" {word}" in begun or (not word.isalnum() and word in text) for word in words)


def remembered(lately: Sequence[object], chosen: str) -> list[str]:
    """What was chosen lately, now that `chosen` was, too: the last first, each once."""
    return list(dict.fromkeys([chosen, *(one for one in lately if isinstance(one, str))]))[:KEPT]


def offer_line(offer: Offer, typed: str, width: int, glyphs: Glyphs, *, marked: bool) -> Line:
    """An offer in `width` cells: its name, what it does or why it cannot be done, and its keys or its kind."""
    right = offer.keys or ("" if offer.kind == "action" else offer.kind)
    right_role: Role = "accent" if offer.keys and not offer.why_not else "faint"
    room = width - cells(right) - 3
    plain = not (offer.tell or offer.description or offer.why_not)
    name_room = room if plain else max(12, min(22, width // 3))
    name = shorten(offer.name, min(name_room, room), glyphs.cut)
    name_role: Role = "faint" if offer.why_not else "strong"
    told_role: Role = "faint" if offer.why_not else "muted"
    cursor: Span = (glyphs.cursor if marked else " ", "accent")
    if cells(name) > room - 10:
        body: Line = ((fit(name, room, ellipsis=glyphs.cut), name_role),)
    else:
        wide = max(name_room, cells(name)) + 1
        told = offer.tell() if offer.tell is not None else offer.description
        if offer.why_not:
            told = offer.why_not
        body = ((fit(name, wide), name_role), (fit(told, max(0, room - wide), ellipsis=glyphs.cut), told_role))
    return (cursor, *pad(lit((typed,), body, "accent"), room), ("  ", "text"), (right, right_role))
