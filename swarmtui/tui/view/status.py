"""How a session stands: how its status looks, and why nobody can act on it, where that is so. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.host.feed import FILES_GONE, Link
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import FINAL, Status
from swarmtui.tui.actions.names import verbatim

if TYPE_CHECKING:
    from swarmtui.host.feed import FeedStatus
    from swarmtui.session.state import SessionState
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.lines import Role, Span

STATUS: dict[Status, tuple[str, str, Role]] = {
    Status.PLANNING: ("planning", "◌", "running"),
    Status.AWAITING_APPROVAL: ("awaits approval", "?", "ask"),
    Status.RUNNING: ("running", "●", "running"),
    Status.PAUSED: ("paused", "‖", "held"),
    Status.SUCCEEDED: ("succeeded", "✓", "succeeded"),
    Status.FAILED: ("failed", "✗", "failed"),
    Status.CANCELLED: ("cancelled", "⊘", "cancelled"),
    Status.CRASHED: ("crashed", "!", "failed"),
}

HOST_CRASHED = "the host has crashed: {resume} resumes the session first"
IMPORTED = "this is a recording: nobody can act on it"
LEFT = "no host lives that could do it: {resume} has one go on with the session first"
REPLAYED = "this is the past, which nobody can change ({end} leads to the end)"
RECORDED = "this is a recording, at its end: nobody can change it"


def status_told(status: Status, glyphs: Glyphs) -> Span:
    """Sign and word of a status; in ASCII the word alone, which says as much."""
    word, icon, role = STATUS[status]
    return word if glyphs.ascii else f"{icon} {word}", role


def replayed(status: FeedStatus) -> str:
    """Why nothing can be done in a replay: this is the past, or the end of what there is."""
    play = status.play
    return RECORDED if play is not None and not play.live and play.seq >= play.head_seq else REPLAYED


def crashed(state: SessionState, status: FeedStatus) -> bool:
    """Whether its host is gone without a word: a crash is seen, never recorded."""
    seen = status.seen is Status.CRASHED or status.link is Link.CRASHED
    return seen and status.link is not Link.REPLAY and state.status not in FINAL


def can_go_on(status: Status) -> bool:
    """Whether a session that nobody hosts any more can be resumed: all but those that succeeded or were cancelled."""
    return status not in FINAL or status is Status.FAILED


def nobody_there(state: SessionState, status: FeedStatus, *, stops: bool = False) -> str | None:
    """Why nothing that is asked can be carried out or recorded, as :func:`can_act` says it; None if it may be."""
    if status.gone:
        return None if stops and status.link is Link.LIVE else FILES_GONE
    return HOST_CRASHED if crashed(state, status) else None


def can_act(state: SessionState, status: FeedStatus, *, stops: bool = False, imported: bool = False) -> str | None:
    """Why the user can do nothing now, with ``{its_id}`` for the key of an action; None if they can. What only `stops`
    something can be done though nothing of it can be recorded."""
    if status.link is Link.CONNECTING:
        return "not connected yet"
    if status.link is Link.RECONNECTING:
        return "the link is lost; it is being set up again"
    if status.link is Link.REPLAY:
        fork = f"`swarmtui fork {verbatim(one_line(state.id, 64))} --at {state.seq}`"
        return f"{replayed(status)}; {{fork}} or {fork} begins another session from here"
    if (why := nobody_there(state, status, stops=stops)) is not None:
        return why
    if status.link in (Link.ENDED, Link.ARCHIVE):
        return IMPORTED if imported or not can_go_on(state.status) else LEFT
    if status.role != "control":
        return "you only watch (attached read-only)"
    return None
