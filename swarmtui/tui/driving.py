"""What the apps reach the terminal with: one that has gone away takes all that is written; nothing waits for it.

What comes from the terminal is read here too, on systems that have terminals as files: Textual takes parts of a paste
for keys.
"""

from __future__ import annotations

import os
import selectors
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from textual.driver import Driver
from textual.message import Message

from swarmtui.tui.pasting import Pasting

READ_BYTES = 1 << 16
LOOK_S = 0.1
"""How often it is looked whether reading is over, and whether what has come is all of a key."""


class Enduring:
    """A file that is written to until that fails, and then into nothing.

    Textual's writer ends with the first error, and whoever writes the thirtieth line after that waits for good.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.gone = False
        """Whether the terminal has gone away."""
        with suppress(OSError):  # what is no real file has no such flag
            os.set_blocking(file.fileno(), True)  # programs that went before may have left it otherwise

    def write(self, text: str) -> int:
        """Write it, as long as there is a terminal."""
        if not self.gone:
            try:
                return self._file.write(text)
            except BlockingIOError:
                self._wait_for_it()
            except OSError:
                self._give_up()
        return len(text)

    def flush(self) -> None:
        """As :meth:`write`."""
        if not self.gone:
            try:
                self._file.flush()
            except BlockingIOError:
                self._wait_for_it()
            except OSError:
                self._give_up()

    def _wait_for_it(self) -> None:
        """Another program has left the terminal, which all share, so that it takes only what it has room for: slow is
        not gone. What is buffered follows."""
        os.set_blocking(self._file.fileno(), True)
        self.flush()

    def _give_up(self) -> None:
        """What is buffered goes into nothing, too: Python would try it again at its end, and end with 120."""
        self.gone = True
        with suppress(OSError), Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), self._file.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


if sys.platform == "win32":
    _Reading = None
else:
    from textual.drivers.linux_driver import LinuxDriver

    class _Reading(LinuxDriver):
        """Textual's, but that a paste is one paste."""

        def run_input_thread(self) -> None:
            """Hand on what is typed and pasted, until `exit_event` is set."""
            pasting = Pasting(debug=self._debug)
            decode = getincrementaldecoder("utf-8")(errors="replace").decode
            with selectors.SelectSelector() as selector:
                selector.register(self.fileno, selectors.EVENT_READ)
                while not self.exit_event.is_set():
                    if selector.select(LOOK_S):
                        data = os.read(self.fileno, READ_BYTES)
                        if not data:  # the terminal has gone: it is said again and again
                            self.exit_event.wait(LOOK_S)
                        self._hand_on(pasting.feed(decode(data)))
                    else:
                        self._hand_on(pasting.tick())
            self._hand_on(pasting.close())

        def _hand_on(self, messages: Iterable[Message]) -> None:
            for message in messages:
                self.process_message(message)


def _terminal_among(*files: IO[str] | None) -> IO[str]:
    """The first of `files` that is a terminal: Textual draws on standard error, whatever that was turned into."""
    there = [file for file in files if file is not None]
    return next((file for file in there if file.isatty()), there[0])


def enduring(kind: type[Driver]) -> type[Driver]:
    """A driver as `kind`, whichever that is on this system, that goes on without its terminal until the app ends."""
    if _Reading is not None and kind is _Reading.__base__:
        kind = _Reading

    class EnduringDriver(kind):  # type: ignore[misc, valid-type]
        """What the app is started with."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            told = getattr(self, "_get_terminal_size", None)
            if told is not None and getattr(self, "_size", None) is None:
                # where the terminal tells none, Rich guesses another one, and the two chase each other for good
                self._size: Any = told()
            if hasattr(self, "_file"):
                self._file: Any = Enduring(_terminal_among(self._file, sys.__stdout__))

    return EnduringDriver
