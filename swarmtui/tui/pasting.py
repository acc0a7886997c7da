"""What a terminal sends, as keys and pastes: what stands between the marks of a paste is one paste, whatever it holds.

Textual's parser looks for escape sequences in a paste too: at the first one it takes what follows for keys. Here it is
given the keys alone. And it names alt with a sign as the sign alone, with a letter not: here it is named in both cases.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator

from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message

from swarmtui.safety.text import clean

START, END = "\x1b[200~", "\x1b[201~"
"""The marks of a paste (xterm control sequences, "Bracketed Paste Mode")."""
MOST_CHARS = 1_000_000
"""Of one paste; what is behind them is dropped."""
QUIET_S = 3.0
"""A paste whose end has not come when nothing has come for this long is taken for complete."""
_TELLS = len("\x1b[2")
"""So much of a start is no key, nor how a user begins to type one: the rest is awaited."""


class KeyParser(XTermParser):
    """Textual's, which would lose the alt of what is no letter or digit."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        for key in super()._sequence_to_key_events(sequence, alt):
            lost = alt and key.is_printable and not key.key.startswith("alt+")
            yield events.Key(f"alt+{key.key}", key.character) if lost else key

    def _parse_extended_key(self, sequence: str) -> list[events.Key] | None:  # type: ignore[override]
        """Textual keeps what it gave for a thousand of them, by parser: that would keep the parser, and with it the
        app that its keys went to."""
        return super()._parse_extended_key.__wrapped__(self, sequence)


class Pasting:
    """The input of one terminal. However it is cut into pieces, the keys and pastes are the same."""

    def __init__(self, *, debug: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._parser = KeyParser(debug)
        self._clock = clock
        self._begun = ""
        """What has come of a mark that may have begun: of a start, or in a paste of an end."""
        self._held: list[str] | None = None
        """The paste that is coming; None outside of one."""
        self._room = 0
        self._since = 0.0

    def feed(self, text: str) -> Iterator[Message]:
        """What `text` says, with what came before it."""
        self._since = self._clock()
        while text:
            text = yield from (self._read_keys(text) if self._held is None else self._read_paste(text))

    def tick(self) -> Iterator[Message]:
        """What it says that nothing has come for a moment; to be asked a few times a second while nothing comes."""
        if self._held is not None:
            if self._clock() - self._since >= QUIET_S:
                yield from self.close()
        elif len(self._begun) < _TELLS:
            yield from self._parser.tick()

    def close(self) -> Iterator[Message]:
        """What there is of a paste, if nothing more comes."""
        if self._held is not None:
            self._hold(self._begun)
            yield from self._end()

    def _read_keys(self, text: str) -> Generator[Message, None, str]:
        """Read up to the start of a paste; gives what is behind that."""
        whole = self._begun + text
        at, passed = whole.find(START), len(self._begun)
        if at < 0:
            self._begun = _begins(whole, START)
            yield from self._parser.feed(text)
            return ""
        if at >= passed:  # its first character says of what came before that it has ended
            passed = at + 1
            yield from self._parser.feed(whole[len(self._begun) : passed])
        behind = at + len(START)
        self._drop(whole[passed:behind])
        self._begun, self._held, self._room = "", [], MOST_CHARS
        return whole[behind:]

    def _read_paste(self, text: str) -> Generator[Message, None, str]:
        """Read up to the end of the paste; gives what is behind that."""
        whole = self._begun + text
        at = whole.find(END)
        if at < 0:
            self._begun = _begins(whole, END)
            self._hold(whole[: len(whole) - len(self._begun)])
            return ""
        self._hold(whole[:at])
        yield from self._end()
        return whole[at + len(END) :]

    def _hold(self, text: str) -> None:
        if self._held is not None and self._room and text:
            self._held.append(text[: self._room])
            self._room = max(0, self._room - len(text))

    def _end(self) -> Iterator[Message]:
        text = clean("".join(self._held or ()))
        self._begun, self._held = "", None
        self._drop(END)
        if text:
            yield events.Paste(text)

    def _drop(self, mark: str) -> None:
        """Have the parser know of a mark. If it took part of it for keys as the rest came late, the rest is none."""
        for _ in self._parser.feed(mark):
            pass


def _begins(text: str, mark: str) -> str:
    """The end of `text` that `mark` begins with."""
    sizes = range(min(len(mark) - 1, len(text)), 0, -1)
    return next((mark[:size] for size in sizes if text.endswith(mark[:size])), "")
