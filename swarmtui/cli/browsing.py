"""The browser of sessions in a terminal: its rows, and what becomes of a choice."""

from __future__ import annotations

import asyncio
import io
import sys
from contextlib import redirect_stderr, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

from swarmtui.host.exits import Exit
from swarmtui.safety.text import one_line
from swarmtui.tui.browser import Ways, run_browser

if TYPE_CHECKING:
    from swarmtui.host.listing import Listing
    from swarmtui.tui.browser import Choice

FIRST_S, HERE_S = 0.2, 1.5
"""How long one reading of the sessions may open files, the first one and those that follow: with thousands of them the
newest are shown meanwhile."""
MOST_HEARD = 300
"""Characters of what a command said last that are shown."""


def browse() -> int:
    """Show the sessions of this machine, and of those that the user lists, until the user leaves."""
    from swarmtui.cli.beside import WRITTEN, far_sessions, held, page_of
    from swarmtui.cli.bulk import act
    from swarmtui.cli.ssh_names import ssh_names
    from swarmtui.cli.talking import prompting
    from swarmtui.cli.tree import as_tree

    reading = _Reading()

    async def rows() -> list[dict[str, Any]]:
        return await asyncio.to_thread(reading.rows)

    ways = Ways(
        act=act,
        exports_to=WRITTEN.format(page_of("ID")),
        far=far_sessions,
        names_of=ssh_names,
        behind=lambda: reading.behind,
        samples=_samples,
        warm=_warm,
    )
    return run_browser(rows, _carry_out, as_tree=as_tree, compare=held, prompting=prompting(), ways=ways)


class _Reading:
    """This machine's sessions. What reads their files is loaded by the first reading, and so on its thread, while the
    first frame stands."""

    def __init__(self) -> None:
        self._listing: Listing | None = None

    @property
    def behind(self) -> bool:
        """Whether the last reading has left sessions to the next one."""
        return self._listing is not None and self._listing.behind

    def rows(self) -> list[dict[str, Any]]:
        """All there are, newest first. Blocks."""
        from swarmtui.host.listing import Listing

        if self._listing is None:
            self._listing = Listing()
        return self._listing.read(HERE_S if self._listing.behind else FIRST_S)


def _samples() -> list[tuple[str, str]]:
    """The samples, with their goals."""
    from yaml import YAMLError, safe_load

    from swarmtui.cli.targets import read_task_file, sample_names

    found: list[tuple[str, str]] = []
    for name, path in sample_names().items():
        with suppress(OSError, YAMLError):
            task = safe_load(read_task_file(path))
            if isinstance(task, dict):
                found.append((name, str(task.get("goal") or "")))
    return found


def _warm() -> None:
    """Import what opening a session takes: half a second that nobody has to wait for then."""
    for name in ("attach", "following", "headless", "origin", "main"):
        import_module(f"swarmtui.cli.{name}")
    import_module("swarmtui.tui.app")


def _carry_out(choice: Choice) -> str:
    """Run the command that the choice stands for; why it failed, if it did."""
    from swarmtui.cli.main import main

    match choice.verb:
        case "open":
            argv = ["attach", choice.session]
        case "replay":
            argv = ["replay", choice.session]
        case "fork":
            argv = ["fork", choice.session, f"--at={choice.at}"]
        case "run":
            argv = list(choice.argv)
    heard = Heard(sys.stderr)
    try:
        with redirect_stderr(heard):
            code = main(argv)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else Exit.USAGE
    what = f"{choice.verb} {choice.session}".rstrip()
    if code == Exit.INTERRUPTED:
        return f"{what}: left by ctrl+c"
    if code in (Exit.OK, Exit.FAILED):
        return ""
    return f"{what}: {heard.last}" if heard.last else f"{what} ended with code {code}: q leads to what it said"


class Heard(io.TextIOBase):
    """Hands on to `stream`, and knows the last line that was written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._line = stream, ""
        self.last = ""
        """Without the name of the program, and without what a terminal would obey; empty before there is one."""

    def write(self, text: str) -> int:
        """As the stream does."""
        for part in text.splitlines(keepends=True):
            self._line = (self._line + part)[-MOST_HEARD:]
            said = one_line(self._line.strip().removeprefix("swarmtui: "), MOST_HEARD)
            self.last = said or self.last
            if part.endswith("\n"):
                self._line = ""
        return self._stream.write(text)

    def flush(self) -> None:
        """As the stream does."""
        self._stream.flush()

    def isatty(self) -> bool:
        """As the stream is."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The stream's."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The stream's."""
        return self._stream.encoding
