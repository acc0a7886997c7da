"""Where a session is: on this machine, or on another one that ssh reaches.

An address becomes words of a command line, here and on the other machine. So hosts, users and IDs are made of the
characters that names are made of, and of nothing that a shell or ssh takes for anything else.
"""

from __future__ import annotations

import re

from swarmtui.frozen import frozen
from swarmtui.session.folder import is_session_id

SCHEME = "ssh://"

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@-]{0,127}\Z")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}\Z")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,15})?\Z")


class BadAddress(ValueError):
    """Not an address; the text says what is wrong with it and what one looks like."""


@frozen
class Address:
    """A machine as ssh knows it, with a session on it unless `id` is empty."""

    host: str
    id: str = ""
    user: str | None = None
    port: int | None = None

    @property
    def destination(self) -> str:
        """``[user@]host``, as ssh takes it."""
        return self.host if self.user is None else f"{self.user}@{self.host}"

    @property
    def machine(self) -> str:
        """The machine as the user may write it: ``[user@]host``, as a URL only where it has to be one."""
        if self.port is None and ":" not in self.host:
            return self.destination
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = "" if self.user is None else f"{self.user}@"
        return f"{SCHEME}{user}{host}{'' if self.port is None else f':{self.port}'}"

    @property
    def name(self) -> str:
        """The session as the user may write it: ``HOST/ID``."""
        return f"{self.machine}/{self.id}"

    @property
    def ssh_words(self) -> str:
        """What a user gives ssh to reach the machine: ``[-p PORT] [USER@]HOST``."""
        return self.destination if self.port is None else f"-p {self.port} {self.destination}"

    @property
    def by_hand(self) -> str:
        """How a user reaches the machine without swarmtui."""
        return f"ssh {self.ssh_words}"


def parse_address(word: str) -> Address | None:
    """What ``ssh://[user@]host[:port]/ID`` or ``[user@]host/ID`` means; None for a plain ID or a path.

    Raises BadAddress.
    """
    if not word.startswith(SCHEME) and ("/" not in word or word[0] in "./~"):
        return None
    machine, _, session = word.removeprefix(SCHEME).partition("/")
    session = session.removesuffix("/")
    if not is_session_id(session):
        raise BadAddress(f"{word!r}: {session!r} is no session ID; write HOST/ID, with an ID that `swarmtui ls` shows")
    return _machine(machine, word, session, url=word.startswith(SCHEME))


def parse_machine(word: str) -> Address:
    """What ``host``, ``user@host`` or ``ssh://user@host:port`` means. Raises BadAddress."""
    return _machine(word.removeprefix(SCHEME).removesuffix("/"), word, "", url=word.startswith(SCHEME))


def _machine(text: str, word: str, session: str, *, url: bool) -> Address:
    user, at, place = text.rpartition("@")
    if at and not _USER.match(user):
        raise BadAddress(f"{word!r}: {user!r} is no name of a user")
    host, port = _host_and_port(place, word) if url else (place, None)
    if not (_HOST.match(host) or (":" in host and _IPV6.match(host))):
        hint = "; a port is given as ssh://host:port/ID" if ":" in host else ""
        raise BadAddress(f"{word!r}: {host!r} is no name of a machine that ssh reaches{hint}")
    if ":" in host and not url:
        raise BadAddress(f"{word!r}: write ssh://host:port/ID, or ssh://[{host}]/ID for an IPv6 address")
    return Address(host, session, user or None, port)


def _host_and_port(place: str, word: str) -> tuple[str, int | None]:
    if place.startswith("["):
        host, closed, rest = place[1:].partition("]")
        if not closed or ":" not in host or (rest and not rest.startswith(":")):
            raise BadAddress(f"{word!r}: write an IPv6 address as ssh://[ADDRESS]:PORT/ID")
        number = rest[1:]
    else:
        host, colon, number = place.partition(":")
        rest = colon
    if not rest:
        return host, None
    if not (number.isascii() and number.isdecimal() and len(number) <= 5 and 0 < int(number) < 65_536):
        raise BadAddress(f"{word!r}: {number!r} is no port: a number from 1 to 65535")
    return host, int(number)
