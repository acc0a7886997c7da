"""The header: one line that says whether the session is well and whether it needs the user."""

from __future__ import annotations

from dataclasses import dataclass

from swarmtui.host.feed import FeedStatus, Link
from swarmtui.safety.text import one_line
from swarmtui.session.pools import in_flight, total_limit
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import FINAL, State, Status
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import Glyphs
from swarmtui.tui.view.lines import Line, Role, Span, cells, shorten, spread, width

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

_LINKS: dict[Link, tuple[str, Role]] = {
    Link.CONNECTING: ("connecting", "warn"),
    Link.RECONNECTING: ("link lost", "bad"),
    Link.ENDED: ("ended", "muted"),
    Link.CRASHED: ("", "bad"),  # the status says so already
    Link.ARCHIVE: ("recorded", "muted"),
    Link.REPLAY: ("replay", "accent"),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a session is, and where it is from, as whoever opens it knows."""

    machine: str = ""
    """The other machine that it is on; empty of one that is here."""
    imported: bool = False
    """Whether it is a recording that was made elsewhere: nothing of it ran here."""


HERE = Origin()


@dataclass(frozen=True, slots=True)
class Figures:
    """What the header tells. `elapsed_s` stops when the session ends."""

    title: str
    status: Status
    reason: str
    elapsed_s: float
    done: int
    total: int
    failed: int
    interrupted: int
    """Nodes that a crash caught: whether they got done nobody knows."""
    needs_you: int
    cost: str
    budget_usd: float | None
    approved: bool
    in_flight: int
    limit: int
    auto: bool
    """Whether `limit` is swarmtui's choice and not the user's."""
    binding: str
    """What of a provider holds starts back, ``outage`` before all else; empty if nothing does."""
    simulated: bool
    link: Link
    ended_ts: float | None
    now: float = 0.0
    watching: int = 1
    """Viewers, this one among them."""
    read_only: bool = False
    """Whether this viewer may not act, though others may."""
    origin: Origin = HERE


def session_time(state: SessionState, now: float) -> float:
    """The session's own clock at wall time `now`: it stands still once the session has ended."""
    if state.status in FINAL:
        return state.mono
    return state.mono + max(0.0, now - state.ts)


HOST_CRASHED = "the host has crashed: r resumes the session first"
REPLAYED = "this is the past, which nobody can change (G leads to the end)"
RECORDED = "this is a recording, at its end: nobody can change it"


def replayed(status: FeedStatus) -> str:
    """Why nothing can be done in a replay: this is the past, or the end of what there is."""
    play = status.play
    return RECORDED if play is not None and not play.live and play.seq >= play.head_seq else REPLAYED


def crashed(state: SessionState, status: FeedStatus) -> bool:
    """Whether its host is gone without a word: a crash is seen, never recorded."""
    seen = status.seen is Status.CRASHED or status.link is Link.CRASHED
    return seen and status.link is not Link.REPLAY and state.status not in FINAL


def can_act(state: SessionState, status: FeedStatus) -> str | None:
    """Why the user can do nothing now, or None if they can."""
    if status.link is Link.CONNECTING:
        return "not connected yet"
    if status.link is Link.RECONNECTING:
        return "the link is lost; it is being set up again"
    if status.link is Link.REPLAY:
        fork = f"`swarmtui fork {one_line(state.id, 64)} --at {state.seq}`"
        return f"{replayed(status)}; Y or {fork} begins another session from here"
    if crashed(state, status):
        return HOST_CRASHED
    if status.link in (Link.ENDED, Link.ARCHIVE):
        return "this is a recording: nobody can act on it"
    if status.role != "control":
        return "you only watch (attached read-only)"
    return None


def figures(
    state: SessionState, status: FeedStatus, now: float, *, origin: Origin = HERE, ascii_only: bool = False
) -> Figures:
    """The header's figures at wall time `now`."""
    ended = state.ended_ts
    shown, interrupted = state.status, state.counts.get(State.INTERRUPTED, 0)
    if crashed(state, status):
        shown, ended = Status.CRASHED, state.ts
    return Figures(
        title=one_line(state.title or state.goal or state.id or "session", 80),
        status=shown,
        reason=_reason(state),
        elapsed_s=max(0.0, (ended or now) - state.created_ts) if state.created_ts else 0.0,
        done=state.counts.get(State.SUCCEEDED, 0),
        total=len(state.nodes),
        failed=state.counts.get(State.FAILED, 0),
        interrupted=interrupted,
        needs_you=len(state.pending) + (0 if shown is Status.CRASHED else interrupted),
        cost=say.money(state.spent, ascii_only=ascii_only),
        budget_usd=state.limits.usd,
        approved=bool(state.approved_rev),
        in_flight=in_flight(state),
        limit=total_limit(state),
        auto=state.limits.concurrency is None,
        binding=_binding(state),
        simulated=state.simulated,
        link=status.link,
        ended_ts=ended,
        now=now,
        watching=len(status.viewers) if status.link is Link.LIVE else 1,
        read_only=status.link is Link.LIVE and status.role != "control",
        origin=origin,
    )


def _binding(state: SessionState) -> str:
    told = {paced.binding for pool, paced in state.paced.items() if pool in state.pools_used}
    by_weight = ("outage", "user", "machine", "rpm", "tpm", "wall", "latency")
    return next((binding for binding in by_weight if binding in told), "")


def _reason(state: SessionState) -> str:
    if state.cancelling:
        return "stopping"
    if state.status is Status.PAUSED and state.budget is not None:
        budget = state.budget
        spent = say.usd(budget.spent) if budget.kind == "usd" else say.short(budget.spent)
        return f"{budget.kind} budget reached ({spent})"
    return one_line(state.reason, 60) if state.reason not in ("", "user") else ""


def header(shown: Figures, size: int, glyphs: Glyphs) -> Line:
    """The header in `size` cells. What matters least goes first where room is short."""
    word, icon, role = STATUS[shown.status]
    text = f"{'' if glyphs.ascii else icon + ' '}{word}"
    if shown.reason:
        text += f" ({shown.reason})"
    machine = shorten(one_line(shown.origin.machine, 60), max(8, size // 5), glyphs.cut)
    lead: list[Span] = [(" ", "text")]
    if machine:
        lead += [(f"{machine}:", "accent"), (" ", "text")]
    badges = _badges(shown)
    tail = _tail(shown, glyphs)
    mid: list[Span] = [(text, role), (" ", "text"), (say.clock(shown.elapsed_s), "strong")]
    fixed = sum(cells(part) for part, _ in (*lead, *mid, *badges)) + 5
    while tail and fixed + width(_join(tail)) + min(12, cells(shown.title)) > size:
        tail.remove(min(tail, key=lambda part: part[0]))
    room = size - fixed - width(_join(tail))
    title = shorten(shown.title, max(6, room), glyphs.cut)
    left: Line = (*lead, (title, "strong"), ("  ", "text"), *mid, *badges)
    return spread(left, (*_join(tail), (" ", "text")), size)


Part = tuple[int, Line]
"""Importance and what is shown."""


def _tail(shown: Figures, glyphs: Glyphs) -> list[Part]:
    parts: list[Part] = []
    if shown.total and not shown.approved:
        parts.append((9, ((str(shown.total), "strong"), (" nodes", "muted"))))
    elif shown.total:
        parts.append((9, ((f"{shown.done}/{shown.total}", "strong"), (" ok", "muted"))))
    if shown.failed:
        parts.append((8, ((f"{shown.failed} failed", "failed"),)))
    if shown.interrupted:
        parts.append((7, ((f"{shown.interrupted} interrupted", "failed"),)))
    if shown.needs_you:
        key = "" if shown.link is Link.REPLAY or shown.status is Status.CRASHED else " [a]"
        parts.append((10, ((f"{shown.needs_you} needs you{key}", "ask"),)))
    if shown.cost or shown.budget_usd is not None:
        cost = shown.cost or "$0.00"
        text = cost if cost != say.UNKNOWN else f"cost {say.UNKNOWN}"
        budget = f"/{say.usd(shown.budget_usd)}" if shown.budget_usd is not None else ""
        parts.append((6, ((text, "text"), (budget, "muted"))))
    if shown.watching > 1:
        parts.append((3, ((str(shown.watching), "text"), (" watch", "muted"))))
    if shown.status not in (*FINAL, Status.CRASHED) and shown.approved:
        limit = f"/{shown.limit}{' auto' if shown.auto else ''}"
        bound: Line = ((f" {shown.binding}", "muted"),) if shown.binding not in ("", "outage") else ()
        parts.append((4, (("w ", "muted"), (str(shown.in_flight), "text"), (limit, "muted"), *bound)))
        if shown.binding == "outage":
            parts.append((8, (("provider down", "bad"),)))
    return parts


def _badges(shown: Figures) -> list[Span]:
    told: list[Span] = []
    if shown.simulated:
        told.append((" SIMULATED ", "badge"))
    if shown.origin.imported:
        told.append(("[imported]", "warn"))
    if shown.read_only:
        told.append(("[read-only]", "warn"))
    if shown.link in _LINKS:
        word, role = _LINKS[shown.link]
        if shown.link is Link.REPLAY:
            word = f"{word} {say.second(shown.now)}"
        elif shown.ended_ts is not None:
            word = f"{word} {say.moment(shown.ended_ts)}".strip()
        if word:
            told.append((f"[{word}]", role))
    apart: Span = ("  ", "text")
    return [span for badge in told for span in (apart, badge)]


def _join(parts: list[Part]) -> Line:
    spans: list[Span] = []
    for _, line in parts:
        if spans:
            spans.append(("   ", "text"))
        spans.extend(line)
    return tuple(spans)
