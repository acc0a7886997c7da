"""The line under the header while something is not as it should be: what, and what happens next."""

from __future__ import annotations

from math import ceil, inf

from swarmtui.host.feed import FeedStatus, Link
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import Status
from swarmtui.tui.actions.names import verbatim

_NOTES: dict[Link, str] = {
    Link.RECONNECTING: "The link to the session is lost and is being set up again; the session goes on",
}
_QUIET = (Link.LIVE, Link.ENDED, Link.ARCHIVE)


def banner(status: FeedStatus, now: float, session: str, *, tries: bool = False) -> str:
    """The banner at `now` (seconds of ``time.monotonic``), empty where all is well; `tries`: the link can be tried now.

    `session`: what commands call it. For the key of an action ``{its_id}`` stands.
    """
    if status.gone:
        return verbatim(status.trouble)
    if status.link is Link.CRASHED or (status.seen is Status.CRASHED and status.link is not Link.REPLAY):
        command = f"swarmtui resume {verbatim(one_line(session, 80))}"
        return f"the host has crashed: {{resume}} resumes the session, as does {command}; what is recorded is safe"
    note = verbatim(status.note) or _NOTES.get(status.link, "")
    if status.link in _QUIET:
        return verbatim(status.trouble)
    if status.retry_at is None:
        return note
    if status.retry_at == inf:
        return f"{note}; {{detach}} leaves{', {retry_link} tries again' if tries else ''}"
    when = f"trying again in {max(0, ceil(status.retry_at - now))} s"
    return f"{note}; {when}{', {retry_link} tries now' if tries else ''}" if note else when
