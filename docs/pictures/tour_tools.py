"""The tool of the tour's agent. It changes nothing, but says nowhere that it does not: so its calls are asked for."""

from __future__ import annotations


def announce(channel: str, text: str) -> str:
    """Tell everybody in a channel."""
    return f"told in {channel}: {text}"
