"""Who watches the session, and what its host cannot do for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.host.feed import FeedStatus, Link
from swarmtui.safety.text import one_line

if TYPE_CHECKING:
    from swarmtui.tui.view.lines import Line

_TOLD = ("past", "marks", "fork")
"""What of :data:`swarmtui.host.protocol.CAPS` a user can miss."""


def lacking(status: FeedStatus) -> str:
    """What a live host cannot do that this viewer would ask of it, in words; empty if there is no such thing."""
    from swarmtui.host.protocol import CAPS

    if status.link is not Link.LIVE:
        return ""
    return ", ".join(CAPS[cap] for cap in _TOLD if cap not in status.caps)


def company(status: FeedStatus) -> str:
    """In a line: who watches, where that is more than this viewer."""
    if status.link is not Link.LIVE or len(status.viewers) < 2:
        return ""
    named = ", ".join(
        one_line(viewer.name, 40) + ("" if viewer.role == "control" else " (read-only)") for viewer in status.viewers
    )
    return f"watching: {named}"


def watchers(status: FeedStatus) -> list[Line]:
    """Lines for the help: each viewer with its role, and what the host lacks."""
    if not status.viewers:
        return []
    lines: list[Line] = [(("Watching", "strong"),)]
    for viewer in status.viewers:
        role = "can act" if viewer.role == "control" else "only watches"
        lines.append(((f"  {one_line(viewer.name, 48)}", "text"), (f"  {role}", "muted")))
    lack = lacking(status)
    if lack:
        lines.append(((f"  the host is older, it cannot {lack}", "warn"),))
    return lines
