"""How a viewer gets at a host: something to read and write, what lets go of it, and why it came to nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import swarmtui
from swarmtui.frozen import frozen
from swarmtui.host.exits import Exit
from swarmtui.host.jsonrpc import Code
from swarmtui.host.whereabouts import named_socket

if TYPE_CHECKING:
    from swarmtui.host import protocol as wire
    from swarmtui.host.connection import CallFailed
    from swarmtui.session.folder import SessionFolder

NOT_INSTALLED = 127
"""What a shell says of a command that it does not find."""
FINAL_CODES: frozenset[int] = frozenset(
    {Code.VERSION, Code.FORBIDDEN, Exit.NO_SESSION, Exit.PERMISSION, Exit.VERSION, NOT_INSTALLED}
)


class Unreachable(ConnectionError):
    """The host could not be reached, or will not talk to this viewer; the text says what to do.

    `code` is one of the wire (VERSION, FORBIDDEN), an exit code of the program that dials, or None.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code

    @property
    def final(self) -> bool:
        """Whether trying again is in vain."""
        return self.code in FINAL_CODES


async def _nothing() -> None:
    """Let go of nothing."""


def _no_word() -> Unreachable | None:
    return None


@frozen
class Dialled:
    """A way to a host."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    end: Callable[[], Awaitable[None]] = _nothing
    """Lets go of whatever carries the bytes, frozen or not; called once, when the writer has been closed."""
    why: Callable[[], Unreachable | None] = _no_word
    """Asked once the link is lost and :attr:`end` has returned: what whoever dialled knows of it. A final one ends the
    feed; None, or one that is not, is tried again."""


Dial = Callable[[], Awaitable[Dialled]]
"""Makes one connection. Raises OSError and its like when there is none, Unreachable where it knows why."""


def dial_unix(path: Path) -> Dial:
    """Connections to the socket at `path`."""

    async def dial() -> Dialled:
        return Dialled(*await asyncio.open_unix_connection(str(path)))

    return dial


def dial_session(folder: SessionFolder, path: Path) -> Dial:
    """Connections to whatever host runs the session by then: at the socket that it names, else at `path`."""

    async def dial() -> Dialled:
        return Dialled(*await asyncio.open_unix_connection(str(named_socket(folder) or path)))

    return dial


def introduction(name: str) -> wire.ClientInfo:
    """Who this process is, as a viewer."""
    from swarmtui.host import protocol as wire

    try:
        size = os.get_terminal_size()
        tty = (size.columns, size.lines)
    except (OSError, ValueError):
        tty = None
    user = os.environ.get("USER", "")
    return wire.ClientInfo(name, swarmtui.__version__, os.getpid(), socket.gethostname(), user, tty)


def refusal(error: CallFailed, session: str, destination: str) -> Unreachable:
    """What to tell a user whom the host has sent away; `destination` is what ssh calls its machine, if it is another.

    Where the programs do not understand each other it says which they are, and how to look with the host's own.
    """
    if error.code != Code.VERSION:
        return Unreachable(str(error), error.code)
    version, argv0 = error.data.get("server_version", "of an unknown version"), error.data.get("argv0", "")
    program = error.data.get("program") or "swarmtui"
    own = f"{program} attach {session or 'ID'}"
    if destination:
        own = f"ssh -t {destination} {own}"
    text = f"{error}; the host runs swarmtui {version}{f' ({argv0})' if argv0 else ''}, this is {swarmtui.__version__}"
    return Unreachable(f"{text}: `{own}` watches it with the host's own program", Code.VERSION)


def lacking(version: str, what: str) -> str:
    """What to tell a user whose host, of `version` or of an unknown one, cannot do `what`."""
    known = version or "of an unknown version"
    return f"the host runs swarmtui {known}, which cannot {what}: a session that it lets go of, a newer one resumes"


def refused(version: str, method: str, error: CallFailed) -> str:
    """What to tell a user whose request the host, of `version`, has refused."""
    if error.code == Code.METHOD and version != swarmtui.__version__:
        return f"the host runs swarmtui {version}, which lacks {method!r}: {error}"
    return str(error)


def own_program() -> str:
    """The swarmtui command that belongs to this Python, in words for a shell that start with an absolute path."""
    import shlex
    import sys

    beside = Path(sys.executable).with_name("swarmtui")
    found = str(beside) if beside.exists() else shutil.which("swarmtui")
    return shlex.quote(found) if found else f"{shlex.quote(sys.executable)} -m swarmtui"
