"""Who may use the page. Pure.

A server on loopback is reached by every web site that the user visits and by every user of the machine. So each
request must name loopback as its host (a site whose name was pointed at 127.0.0.1 does not), and a connection that
types must come from the page itself and bring the key. The key is in the part of the link that browsers send nowhere
(cookies would go to every other port of the machine); the page keeps it for its own origin alone.
"""

from __future__ import annotations

import secrets
from dataclasses import field

from swarmtui.frozen import frozen

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
OUTSIDE = "only this machine's own pages may connect: open the link that swarmtui serve printed"
NO_KEY = "the link's key is missing or wrong: open the whole link that swarmtui serve printed"


@frozen
class Gate:
    """Opens to those who have the key."""

    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def typing_refusal(self, host: str, origin: str | None, given: str) -> str | None:
        """Why a connection that can press keys is refused; None if it is not.

        `host` and `origin` are the headers of those names; browsers name the origin of every such connection.
        """
        if refusal(host) is not None or origin != f"http://{host}":
            return OUTSIDE
        return None if secrets.compare_digest(given.encode(), self.key.encode()) else NO_KEY


def refusal(host: str) -> str | None:
    """Why a request is refused, by the header that names its host; None if it is not."""
    return None if name_of(host) in LOOPBACK else OUTSIDE


def name_of(host: str) -> str:
    """The name in a Host header, without the port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()
