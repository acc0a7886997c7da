"""The line under the header while something is not as it should be: what, and what happens next."""

from __future__ import annotations

from math import ceil

from swarmtui.host.feed import FeedStatus, Link

_NOTES: dict[Link, str] = {
    Link.RECONNECTING: "The link to the session is lost and is being set up again; the session goes on",
    Link.CRASHED: "The host has crashed; what is recorded is safe. Quit, then: swarmtui resume",
}
_QUIET = (Link.LIVE, Link.ENDED, Link.ARCHIVE)


def banner(status: FeedStatus, now: float, *, tries: bool = False) -> str:
    """The banner at `now` (seconds of ``time.monotonic``), empty where all is well; `tries`: r tries the link now."""
    note = status.note or _NOTES.get(status.link, "")
    if status.link in _QUIET:
        return status.trouble
    if status.retry_at is None:
        return note
    when = f"trying again in {max(0, ceil(status.retry_at - now))} s"
    return f"{note}; {when}{', r tries now' if tries else ''}" if note else when
