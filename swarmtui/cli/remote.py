"""Commands about a session on another machine that are carried out there: its files and its programs are there.

What such a command prints, and the code that it ends with, are passed on. Those that start a host start it there, and
then watch it from here.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.host.address import Address, BadAddress, parse_address
from swarmtui.host.exits import Exit

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
    if len(far) < len(_named(name, arguments)) or len({address.destination for address in far}) > 1:
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


@dataclass(frozen=True, slots=True)
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
        id = str(json.loads(done.said.splitlines()[-1])["id"])
    except (ValueError, KeyError, TypeError, IndexError):
        id = address.id
    from dataclasses import replace

    from swarmtui.cli import attach

    lines = arguments.headless or arguments.json or not console.interactive
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
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.touch(0o600, exist_ok=False)  # a session is nobody else's to read
        with beside.open("wb") as file:
            code = _there(address, words, arguments, into=file.fileno()).code
        if code == Exit.OK:
            beside.replace(path)
            console.warn(f"{path}: {path.stat().st_size:,} bytes")
        return code
    finally:
        beside.unlink(missing_ok=True)


def _asked_there(address: Address, words: Sequence[str]) -> int:
    """Run it in a terminal over there, since it asks something."""
    from swarmtui.host.ssh import ssh_argv

    return subprocess.call(ssh_argv(address, words, batch=False, terminal=True))


def _there(
    address: Address, words: Sequence[str], arguments: Namespace, *, keep: bool = False, into: int | None = None
) -> _Done:
    """Run ``swarmtui WORDS`` there, with the file of an edit. Raises as :func:`_carried_out` does; UsageError."""
    words, given = _with_edit(words, arguments)
    return _carried_out(address, words, given, keep=keep, into=into)


def carried_out(address: Address, words: Sequence[str], *, given: bytes | None = None) -> int:
    """The exit code of ``swarmtui WORDS`` on the other machine, which is `given` something to read, or nothing.

    What it prints is passed on. Raises Unreachable if that came to nothing.
    """
    return _carried_out(address, words, given).code


def _carried_out(
    address: Address, words: Sequence[str], given: bytes | None, *, keep: bool = False, into: int | None = None
) -> _Done:
    """What it prints is kept, written `into` a file, or passed on. Raises Unreachable if that came to nothing."""
    from swarmtui.host import asking
    from swarmtui.host.ssh import SSH_CODES, failure_of, ssh_argv
    from swarmtui.host.ssh_call import Tail

    batch = not asking.has_terminal()
    read_end, write_end = os.pipe()
    tail = Tail(read_end, echo=not batch)
    with os.fdopen(write_end, "wb") as stderr:
        # What another machine prints is not for a terminal as it is; into a file or a pipe it goes unchanged.
        ssh = subprocess.Popen(
            ssh_argv(address, words, batch=batch),
            stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL if sys.stdin.isatty() else None,
            stdout=into if into is not None else subprocess.PIPE if keep or sys.stdout.isatty() else None,
            stderr=stderr,
        )
    with ssh:
        _give(ssh, given)
        said = _printed(ssh, keep=keep)
    tail.wait()
    failed = ssh.returncode < 0 or ssh.returncode in (*SSH_CODES, Exit.NO_SESSION)
    if failed or _is_unknown_there(ssh.returncode, tail.text):
        failure = failure_of(ssh.returncode, tail.text, address, batch=batch)
        if failure is not None:
            raise failure
    tail.say()
    return _Done(ssh.returncode, said)


def _give(ssh: subprocess.Popen[bytes], given: bytes | None) -> None:
    """Have it read what it is given. One that ends before it has is not a reader of ours that has had enough."""
    if ssh.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            ssh.stdin.write(given or b"")
        with contextlib.suppress(BrokenPipeError):
            ssh.stdin.close()


def _is_unknown_there(code: int, said: str) -> bool:
    """Whether its swarmtui, being older, does not know a command or an option, both of which are known here."""
    return code == Exit.USAGE and any(words in said for words in ("invalid choice:", "unrecognized arguments:"))


def _printed(ssh: subprocess.Popen[bytes], *, keep: bool) -> str:
    """What the command prints: kept, or shown as it comes without what a terminal would obey."""
    from swarmtui.safety.text import Cleaner

    if ssh.stdout is None:
        return ""
    if keep:
        return ssh.stdout.read().decode("utf-8", "replace")
    cleaner, decoder = Cleaner(), codecs.getincrementaldecoder("utf-8")("replace")
    while data := os.read(ssh.stdout.fileno(), 65_536):
        sys.stdout.write(cleaner.feed(decoder.decode(data)))
        sys.stdout.flush()
    return ""


def _with_edit(words: Sequence[str], arguments: Namespace) -> tuple[list[str], bytes | None]:
    """The words, and what the command is to read: a file of an edit is here, so that it is sent along.

    Raises UsageError, OSError.
    """
    from swarmtui.cli.failures import UsageError

    edit = getattr(arguments, "edit", None)
    if edit is None or edit == "-":
        return list(words), None
    if not edit:
        raise UsageError("the plan is on the other machine: give --edit the FILE with the plan as it is to be")
    sent = ["--edit=-" if word == f"--edit={edit}" else "-" if word == edit else word for word in words]
    return sent, Path(edit).read_bytes()
