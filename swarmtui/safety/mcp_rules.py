"""What the entry of an MCP server may say: its command, address, variables and headers. Pure.

Nothing here makes a server safe: it is a program with the rights of the user, or somebody else's machine. The rules
keep out what nobody means to write, and what would have one thing approved and another one started: variables that
decide which code a program loads, a second command within an argument, a password in an address. What is left is
shown, exactly, by :func:`spelled` when the plan is approved.

A task file that is the user's own may name any program. For entries that came from elsewhere (an imported
configuration) `own` is false, and only launchers of packages are allowed, without paths into the machine.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from swarmtui.safety.text import visible

LAUNCHERS = ("node", "npx", "python", "python3", "docker", "uvx", "uv", "deno", "bun")
"""Programs that an entry which is not the user's own may start."""
LONGEST_ARGUMENT = 1000
LONGEST_VALUE = 10_000
TIMEOUT_S = (1.0, 3600.0)

LOADER_VARIABLES = frozenset(
    (
        *("PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GCONV_PATH"),
        *("DYLD_INSERT_LIBRARIES", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH", "PYTHONPATH", "PYTHONHOME"),
        *("PYTHONSTARTUP", "NODE_OPTIONS", "NODE_PATH", "RUBYLIB", "RUBYOPT", "PERL5LIB", "PERL5OPT"),
        *("JAVA_TOOL_OPTIONS", "CLASSPATH"),
    )
)
"""Variables that decide which code a program runs; compared without regard to case."""
TRANSPORT_HEADERS = frozenset(
    (
        *("host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"),
        *("content-type", "accept", "accept-encoding", "last-event-id", "mcp-session-id", "mcp-protocol-version"),
    )
)
"""Headers that the connection itself sets."""

_SHELL = re.compile(r"[;&|`$<>\n\r]")
_SHELL_OF_OTHERS = re.compile(r"[;&|`$<>\n\r(){}\[\]]")
_ADDRESS = re.compile(r"https?://[^\s;|`$<>\\]*")
_TRAVERSAL = re.compile(r"(?:^|[/\\=])\.\.(?:[/\\]|$)")
_ELSEWHERE = re.compile(r"/|~[/\\]|~$|[A-Za-z]:|\\\\")
_LOADED = re.compile(r"(?i)\.(?:exe|dll|so|dylib|bat|cmd|ps1|sh|bash|zsh|env|pem|key|crt|p12|pfx)$")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_NOT_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f\\]")


class Fault(NamedTuple):
    """One thing that is wrong with a server's entry: where in it (``command[1]``, ``env.PATH``), what, how to mend."""

    where: str
    message: str
    fix: str


def server_faults(
    *,
    command: Sequence[str] = (),
    url: str | None = None,
    env: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 60.0,
    own: bool = True,
) -> list[Fault]:
    """All that is wrong with a server's entry, in the order of its keys; empty where it may be used."""
    faults = [
        *_kind_faults(command, url, env or {}, headers or {}),
        *command_faults(command, own=own),
        *(url_faults(url) if url is not None else ()),
        *env_faults(env or {}),
        *header_faults(headers or {}),
    ]
    low, high = TIMEOUT_S
    if not low <= timeout_s <= high:  # also true of NaN
        faults.append(Fault("timeout", f"{timeout_s:g} s is out of range", f"give {low:g} to {high:g} seconds"))
    return faults


def _kind_faults(
    command: Sequence[str], url: str | None, env: Mapping[str, str], headers: Mapping[str, str]
) -> Iterator[Fault]:
    if command and url is not None:
        yield Fault("url", "a server has a command or an address, not both", "remove one of `command` and `url`")
    if not command and url is None:
        yield Fault("", "it has neither a command nor an address", "give `command: [program, argument]` or `url`")
    if env and not command and url is not None:
        yield Fault("env", "variables are for a command", "send `headers` to an address")
    if headers and url is None:
        yield Fault("headers", "headers are for an address", "give variables to a command with `env`")


def command_faults(command: Sequence[str], *, own: bool = True) -> Iterator[Fault]:
    """What is wrong with the words of `command`."""
    for number, word in enumerate(command):
        where = f"command[{number}]"
        fault = _word_fault(where, word, own)
        if fault is not None:
            yield fault
        elif number == 0:
            yield from _program_faults(where, word, own)
        elif not own:
            yield from _path_faults(where, word)


def _word_fault(where: str, word: str, own: bool) -> Fault | None:
    if "\0" in word:
        return Fault(where, "it holds a NUL character", "remove it")
    if len(word) > LONGEST_ARGUMENT:
        return Fault(where, f"it has more than {LONGEST_ARGUMENT:,} characters", "put it in a file, and give its name")
    found = (_SHELL if own else _SHELL_OF_OTHERS).search(word)
    if found is None or (found[0] == "&" and _ADDRESS.fullmatch(word)):
        return None
    fix = "no shell reads it: give each word as an argument of its own"
    if found[0] == "$":
        fix = "no shell fills it in: pass it as a variable (`env: {NAME: $NAME}`)"
    return Fault(where, f"it holds {visible(found[0])!r}, which is for a shell", fix)


def _program_faults(where: str, word: str, own: bool) -> Iterator[Fault]:
    if not word.strip():
        yield Fault(where, "it is empty", "name the program to start")
    elif not own:
        name = word.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
        if name not in LAUNCHERS:
            yield Fault(where, f"{visible(name)[:60]} may not be started", f"use one of {', '.join(LAUNCHERS)}")


def _path_faults(where: str, word: str) -> Iterator[Fault]:
    if _TRAVERSAL.search(word):
        yield Fault(where, "it leads out of a folder with `..`", "name a package, or a file below the folder")
    elif _ELSEWHERE.match(word):
        yield Fault(where, "it is a path into the machine", "name a package, or a file below the folder")
    elif _LOADED.search(word):
        suffix = PurePosixPath(word).suffix
        yield Fault(where, f"files that end in {suffix} may not be named", "name a package")


def env_faults(env: Mapping[str, str]) -> Iterator[Fault]:
    """What is wrong with the variables for a command."""
    for name, value in env.items():
        where = f"env.{visible(name)[:60]}"
        if not _VARIABLE.fullmatch(name):
            yield Fault(where, "it is no name of a variable", "use letters, digits and _")
        elif name.upper() in LOADER_VARIABLES or name.upper().startswith("SWARMTUI_"):
            why = "it decides which code runs" if name.upper() in LOADER_VARIABLES else "it is swarmtui's own"
            yield Fault(where, f"{name} may not be set: {why}", "remove it; give the program's whole path in `command`")
        elif "\0" in value:
            yield Fault(where, "its value holds a NUL character", "remove it")
        elif len(value) > LONGEST_VALUE:
            yield Fault(where, f"its value has more than {LONGEST_VALUE:,} characters", "put it in a file")
        else:
            yield from _reference_faults(where, value)


def _reference_faults(where: str, value: str) -> Iterator[Fault]:
    if value.startswith("$") and not _REFERENCE.fullmatch(value):
        yield Fault(where, "only a whole value can be a variable's", "write $NAME, without braces, and nothing beside")


def url_faults(url: str) -> Iterator[Fault]:
    """What is wrong with the address of a server: http for this machine alone, and nothing secret within."""
    if _NOT_IN_URL.search(url) or len(url) > LONGEST_ARGUMENT:
        yield Fault("url", "it holds characters that no address has, or is too long", "write it as a browser shows it")
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        yield Fault("url", "it is no address", "write https://host/path")
        return
    if parts.scheme not in ("http", "https"):
        yield Fault("url", f"{parts.scheme or 'nothing'} is no protocol for it", "write https://host/path")
    elif not host:
        yield Fault("url", "it names no host", "write https://host/path")
    elif parts.username is not None or parts.password is not None:
        yield Fault("url", "it holds a name or password", "send it as a header: `headers: {Authorization: $NAME}`")
    elif parts.scheme == "http" and not is_loopback(parts):
        yield Fault("url", "anybody on the way can read and change http", "write https, or use an address of this host")


def is_loopback(parts: SplitResult) -> bool:
    """Whether an address is of this machine by its form; no name but ``localhost`` is looked up."""
    host = parts.hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def header_faults(headers: Mapping[str, str]) -> Iterator[Fault]:
    """What is wrong with the headers for an address."""
    for name, value in headers.items():
        where = f"headers.{visible(name)[:60]}"
        if not _TOKEN.fullmatch(name):
            yield Fault(where, "it is no name of a header", "use letters, digits and -, on one line")
        elif name.lower() in TRANSPORT_HEADERS:
            yield Fault(where, f"{name} is set by the connection itself", "remove it")
        elif _NOT_IN_VALUE.search(value) or not value.isascii():
            yield Fault(where, "its value holds a line break or other characters that no header has", "remove them")
        elif len(value) > LONGEST_VALUE:
            yield Fault(where, f"its value has more than {LONGEST_VALUE:,} characters", "shorten it")
        else:
            yield from _reference_faults(where, value)


def spelled(
    *,
    command: Sequence[str] = (),
    url: str | None = None,
    env: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    """What will be started or called, on one line with nothing hidden, for an approval.

    Values of variables and headers are shown only where they are references (``$NAME``): others may be secrets.
    """

    def pair(name: str, value: str, sign: str) -> str:
        return f"{visible(name)}{sign}{value if _REFERENCE.fullmatch(value) else '***'}"

    if url is not None:
        with_headers = [pair(name, value, ": ") for name, value in (headers or {}).items()]
        return " ".join((visible(url), *(f"[{header}]" for header in with_headers)))
    variables = [pair(name, value, "=") for name, value in (env or {}).items()]
    return " ".join((*variables, *(visible(shlex.quote(word)) for word in command)))
