"""Commands about a session on another machine that are carried out there: its files and its programs are there.

What such a command prints, and the code that it ends with, are passed on. Those that start a host start it there, and
then watch it from here.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.host.address import Address, BadAddress, parse_address
from swarmtui.host.dialling import Unreachable
from swarmtui.host.exits import Exit
from swarmtui.host.ssh import SSH_CODES
from swarmtui.session.folder import is_session_id

if TYPE_CHECKING:
    from swarmtui.cli.console import Console

FAR: dict[str, tuple[str, ...]] = {
    "show": ("id",),
    "events": ("id",),
    "graph": ("what",),
    "forecast": ("task",),
    "resume": ("id",),
    "fork": ("id",),
    "compare": ("first", "second"),
    "export": ("id",),
    "rm": ("ids",),
}
"""Command -> its arguments that name a session. The commands that are not here reach another machine by themselves."""

FILES = (".yaml", ".yml", ".json", ".jsonl", ".db")
"""A word that ends so is a file's name, not ``HOST/ID``."""
WATCHING = ("--headless", "--json")
LAUNCHING = ("resume", "fork")


def delegated(name: str, arguments: Namespace, argv: Sequence[str], console: Console) -> int | None:
    """Carry the command out where its session is; the exit code, or None if that is here.

    `argv` are the words that `arguments` were made of. Raises BadAddress, UsageError, Unreachable.
    """
    if name == "events" and arguments.follow:
        return None
    far = [address for word in _named(name, arguments) if (address := _address(word)) is not None]
    if not far:
        return None
    if len(far) < len(_named(name, arguments)) or len({address.machine for address in far}) > 1:
        raise BadAddress(f"{name} needs sessions of one machine: give all of them as HOST/ID, with the same HOST")
    words = list(argv)
    for address, word in zip(far, _named(name, arguments), strict=True):
        words[words.index(word)] = address.id
    if name in LAUNCHING and not _is_short(arguments):
        return _launched_there(far[0], words, arguments, console)
    if name == "export":
        return _exported(far[0], arguments, console)
    if name == "rm" and not arguments.force and console.interactive:
        return _asked_there(far[0], words)
    return _there(far[0], words, arguments).code


def _named(name: str, arguments: Namespace) -> list[str]:
    found: list[str] = []
    for field in FAR.get(name, ()):
        value = getattr(arguments, field)
        found += value if isinstance(value, list) else [value]
    return found


def _address(word: str) -> Address | None:
    return None if word.endswith(FILES) or Path(word).exists() else parse_address(word)


def _is_short(arguments: Namespace) -> bool:
    """Whether nothing is watched afterwards."""
    return any(getattr(arguments, flag, False) for flag in ("detach", "paused", "dry_run"))


@frozen
class _Done:
    """What came of a command: its exit code, and what it printed where that was kept."""

    code: int
    said: str = ""


def _launched_there(address: Address, words: list[str], arguments: Namespace, console: Console) -> int:
    """Have a host started there, then watch its session from here."""
    words = [word for word in words if word not in WATCHING]
    done = _there(address, [*words, "--detach"], arguments, keep=True)
    if done.code:
        return done.code
    try:
        id = json.loads(done.said.splitlines()[-1])["id"]
        if not is_session_id(id):  # it becomes a word of command lines, here too
            raise ValueError(id)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise Unreachable(f"{address.machine}: what its swarmtui says cannot be read", Exit.LOST) from None
    from dataclasses import replace

    from swarmtui.cli import attach

    lines = arguments.headless or arguments.json or not console.can_draw
    watched = Namespace(
        id=replace(address, id=id).name,
        read_only=False,
        headless=lines,
        json=arguments.json,
        from_seq=1,
        max_wait=None,
    )
    return attach.run(watched, console)


def _exported(address: Address, arguments: Namespace, console: Console) -> int:
    """Have it written there, into a file here. Raises UsageError, Unreachable, OSError."""
    from swarmtui.cli import export
    from swarmtui.cli.failures import UsageError

    form = arguments.form or export.form_of(arguments.file)
    columns, rows = arguments.size
    words = ["export", address.id, "--as", form, "--size", f"{columns}x{rows}"]
    words += ["--fps", str(arguments.fps), "--speed", str(arguments.speed)]
    words += ["--no-files"] if arguments.no_files else []
    if arguments.file in (None, "-"):
        if sys.stdout.isatty() and form in export.FOR_FILES:
            raise UsageError(f"{form} is not for a terminal: give -o FILE, or a pipe")
        return _there(address, words, arguments).code
    path = Path(arguments.file)
    code: int = Exit.OK
    with suppress(_NotMade), export.destination(path) as file:
        code = _there(address, words, arguments, into=file.fileno()).code
        if code:
            raise _NotMade
    if not code:
        export.tell_written(path, console)
    return code


class _NotMade(Exception):
    """What was to be written is not there: nothing takes its place."""


def _asked_there(address: Address, words: Sequence[str]) -> int:
    """Run it in a terminal over there, since it asks something."""
    from swarmtui.host.ssh import in_terminal

    return in_terminal(address, words)


def _there(
    address: Address, words: Sequence[str], arguments: Namespace, *, keep: bool = False, into: int | None = None
) -> _Done:
    """Run ``swarmtui WORDS`` there, with the file of an edit. Raises as :func:`_carried_out` does; UsageError."""
    words, given = _with_edit(words, arguments)
    return _carried_out(address, words, given, keep=keep, into=into)


def carried_out(address: Address, words: Sequence[str], *, given: bytes = b"") -> int:
    """The exit code of ``swarmtui WORDS`` on the other machine, which is `given` something to read.

    What it prints is passed on. Raises Unreachable if that came to nothing.
    """
    return _carried_out(address, words, given).code


def _carried_out(
    address: Address, words: Sequence[str], given: bytes, *, keep: bool = False, into: int | None = None
) -> _Done:
    """What it prints is kept, written `into` a file, or passed on. Raises Unreachable if that came to nothing."""
    from swarmtui.host.ssh import failure_of
    from swarmtui.host.ssh_dial import called

    with called(address, words) as call:
        call.give(given)
        said = _printed(call.said(), keep=keep, into=into)
        code = call.code()
        complaint, unsaid = call.complaint, call.unsaid()
    if code < 0 or code in (*SSH_CODES, Exit.NO_SESSION) or _is_unknown_there(code, complaint):
        failure = failure_of(code, complaint, address, batch=call.batch)
        if failure is not None:
            raise failure
    sys.stderr.write(_as_seen_from_here(unsaid, address))
    sys.stderr.flush()
    return _Done(code, said)


def _is_unknown_there(code: int, said: str) -> bool:
    """Whether its swarmtui, being older, does not know a command or an option, both of which are known here."""
    return code == Exit.USAGE and any(words in said for words in ("invalid choice:", "unrecognized arguments:"))


def _printed(said: Iterable[bytes], *, keep: bool, into: int | None) -> str:
    """What the command prints: kept, or passed on as it comes; to a terminal, without what that would obey."""
    from swarmtui.safety.text import Cleaner

    if keep:
        return b"".join(said).decode("utf-8", "replace")
    sys.stdout.flush()
    out = sys.stdout.fileno() if into is None else into
    cleaner, decoder = Cleaner(), codecs.getincrementaldecoder("utf-8")("replace")
    shown = into is None and sys.stdout.isatty()
    for data in said:
        left = memoryview(cleaner.feed(decoder.decode(data)).encode() if shown else data)
        while left:
            left = left[os.write(out, left) :]
    return ""


def _as_seen_from_here(told: str, address: Address) -> str:
    """Commands that are named to the user, as they are to be given here: with the machine of the session."""
    told = told.replace("`swarmtui ls`", f"`swarmtui ls --host {address.machine}`")
    return re.sub(rf"(`swarmtui [a-z]+ )(?={re.escape(address.id)})", rf"\g<1>{address.machine}/", told)


def _with_edit(words: Sequence[str], arguments: Namespace) -> tuple[list[str], bytes]:
    """The words, and what the command is to read: a file of an edit is here, so that it is sent along.

    Raises UsageError, OSError.
    """
    from swarmtui.cli.failures import UsageError

    edit = getattr(arguments, "edit", None)
    if edit is None:
        return list(words), b""
    if edit == "-":
        return list(words), sys.stdin.buffer.read()
    if not edit:
        raise UsageError("the plan is on the other machine: give --edit the FILE with the plan as it is to be")
    sent = ["--edit=-" if word == f"--edit={edit}" else "-" if word == edit else word for word in words]
    return sent, Path(edit).read_bytes()
