"""What a connection to a server runs over. Without imports of the ``mcp`` package at run time."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

BROKEN = -32099
"""Code of the error, made by the wire itself, that stands for an answer which never came."""


class WireFailed(Exception):
    """A server could not be started; the message is one line for the user."""


class Wire(Protocol):
    """Messages to and from a server."""

    lost: str | None
    """Why nothing comes over it any more; None as long as something may."""
    patient: bool
    """Whether the server is given time to end by itself."""

    def open(self) -> AbstractAsyncContextManager[TransportStreams]:
        """Starts it, for as long as the context lasts; closing takes as long as the server takes, within bounds.
        Raises WireFailed."""

    def kill(self) -> None:
        """Ends the server's process, if it is ours, at once."""
