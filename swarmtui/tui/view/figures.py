"""The header: one line that says whether the session is well and whether it needs the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.host.feed import FeedStatus, Link
from swarmtui.safety.text import one_line
from swarmtui.session.budgets import spent
from swarmtui.session.caught import caught
from swarmtui.session.pools import in_flight, total_limit
from swarmtui.session.vocabulary import FINAL, State, Status, why_so
from swarmtui.tui.view import format as say
from swarmtui.tui.view.budget import Outlook, Part, header_parts, outlook
from swarmtui.tui.view.lines import Line, Role, Span, cells, shorten, spread, width
from swarmtui.tui.view.status import crashed, status_told

if TYPE_CHECKING:
    from swarmtui.session.state import SessionState
    from swarmtui.tui.view.glyphs import Glyphs

_LINKS: dict[Link, tuple[str, Role]] = {
    Link.CONNECTING: ("connecting", "warn"),
    Link.RECONNECTING: ("link lost", "bad"),
    Link.ENDED: ("ended", "muted"),
    Link.CRASHED: ("", "bad"),  # the status says so already
    Link.ARCHIVE: ("recorded", "muted"),
    Link.REPLAY: ("replay", "accent"),
}


LEGIBLE, SHORTEST = 12, 6
"""Cells that the title is left as a rule, and at the least."""
NOT_TO_BE_MISSED = 7
"""From this weight on a part is worth a shorter title."""
GRAVE = 9
"""From this weight on it is worth shorter badges, and the machine's name."""


@frozen
class Origin:
    """Where a session is, and where it is from, as whoever opens it knows."""

    machine: str = ""
    """The other machine that it is on; empty of one that is here."""
    imported: bool = False
    """Whether it is a recording that was made elsewhere: nothing of it ran here."""


HERE = Origin()
_NO_LEAD: tuple[Span, ...] = ((" ", "text"),)


@frozen
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
    outlook: Outlook
    """Of the budget, and when it will be done."""
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
    fork_of: str = ""
    """The session that this one was forked from."""
    spent: bool = False
    """Whether it stands still since its budget is used up, and this viewer can raise that."""


def session_time(state: SessionState, now: float) -> float:
    """The session's own clock at wall time `now`: it stands still once the session has ended."""
    if state.status in FINAL:
        return state.mono
    return state.mono + max(0.0, now - state.ts)


def figures(
    state: SessionState, status: FeedStatus, now: float, *, origin: Origin = HERE, ascii_only: bool = False
) -> Figures:
    """The header's figures at wall time `now`."""
    ended = state.ended_ts
    shown, interrupted, reason = state.status, state.counts.get(State.INTERRUPTED, 0), _reason(state)
    if crashed(state, status):
        shown, ended, reason = Status.CRASHED, state.ts, f"last event {say.time_of_day(state.ts)}" if state.ts else ""
    return Figures(
        title=one_line(state.title or state.goal or state.id or "session", 80),
        status=shown,
        reason=reason,
        elapsed_s=max(0.0, (ended or now) - state.created_ts) if state.created_ts else 0.0,
        done=state.counts.get(State.SUCCEEDED, 0),
        total=len(state.nodes),
        failed=state.counts.get(State.FAILED, 0),
        interrupted=interrupted,
        needs_you=len(state.pending) + (0 if shown is Status.CRASHED else sum(1 for _ in caught(state))),
        cost=say.money(state.spent, ascii_only=ascii_only),
        outlook=outlook(state, session_time(state, now)),
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
        fork_of="" if state.parent is None else one_line(state.parent.id, 40),
        spent=spent(state) is not None and status.link is Link.LIVE and status.role == "control",
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
    return one_line(why_so(state.status, state.reason), 60)


def header(shown: Figures, size: int, glyphs: Glyphs, key: str = "", raises: str = "") -> Line:
    """The header in `size` cells, with the `key` that answers what needs the user, and that which `raises` a budget.
    What matters least goes first where room is short."""
    text, role = status_told(shown.status, glyphs)
    elapsed = f"{say.clock(shown.elapsed_s)}{'+' if shown.status is Status.CRASHED else ''}"  # or longer: nobody knows
    parts = _tail(shown, glyphs, key)
    machine, brief = _lead(shown, size, glyphs), _badges(shown, brief=True)
    for lead, badges in ((machine, _badges(shown)), (machine, brief), (_NO_LEAD, brief)):
        fixed = width((*lead, (f"{text} {elapsed}", role), *badges)) + 5
        tail = _kept(parts, size - fixed, shown)
        if _grave(tail) == _grave(parts):
            break
    room = size - fixed - width(_join(tail))
    why = f"{shown.reason}: {raises} raises it" if shown.spent and raises else shown.reason
    reason = _in_brackets(_cut_reason(why, room - min(SHORTEST, cells(shown.title)), glyphs))
    title = shorten(shown.title, max(SHORTEST, room - cells(reason)), glyphs.cut)
    mid: Line = ((text + reason, role), (" ", "text"), (elapsed, "strong"))
    left: Line = (*lead, (title, "strong"), ("  ", "text"), *mid, *badges)
    return spread(left, (*_join(tail), (" ", "text")), size)


def _lead(shown: Figures, size: int, glyphs: Glyphs) -> tuple[Span, ...]:
    machine = shorten(one_line(shown.origin.machine, 60), max(8, size // 5), glyphs.cut)
    return (*_NO_LEAD, (f"{machine}:", "accent"), (" ", "text")) if machine else _NO_LEAD


def _grave(parts: list[Part]) -> int:
    """How many of `parts` are told before any badge is in full, be it in a shorter form."""
    return sum(part.weight >= GRAVE or (part.instead is not None and part.instead.weight >= GRAVE) for part in parts)


def _kept(parts: list[Part], room: int, shown: Figures) -> list[Part]:
    """What of `parts` is told beside the title in `room` cells, what weighs least left out first. For what nobody may
    miss the title and the reason are cut; the rest has to leave them legible."""
    kept, title = list(parts), cells(shown.title)
    usual, least = min(LEGIBLE, title) + cells(_in_brackets(shown.reason)), min(SHORTEST, title)
    while kept:
        lightest = min(range(len(kept)), key=lambda at: kept[at].weight)
        part = kept[lightest]
        if width(_join(kept)) + (least if part.weight >= NOT_TO_BE_MISSED else usual) <= room:
            break
        kept[lightest : lightest + 1] = [] if part.instead is None else [part.instead]
    return kept


def _in_brackets(reason: str) -> str:
    """Why it stands so, behind its status."""
    return f" ({reason})" if reason else ""


def _cut_reason(reason: str, room: int, glyphs: Glyphs) -> str:
    """`reason` so short that in brackets it fits into `room` cells; empty where that would tell nothing."""
    words = shorten(reason, max(0, room - 3), glyphs.cut)
    return words if words == reason or cells(words) >= SHORTEST else ""


def _tail(shown: Figures, glyphs: Glyphs, key: str) -> list[Part]:
    parts: list[Part] = []
    if shown.fork_of:
        parts.append(Part(2, (("fork of ", "muted"), (shown.fork_of, "text"))))
    if shown.total and not shown.approved:
        parts.append(Part(9, ((f"{shown.total:,}", "strong"), (" node" if shown.total == 1 else " nodes", "muted"))))
    elif shown.total:
        parts.append(Part(7, ((f"{shown.done:,}/{shown.total:,}", "strong"), (" ok", "muted"))))
    if shown.failed:
        parts.append(Part(9, ((f"{shown.failed:,} failed", "failed"),)))
    if shown.interrupted:
        parts.append(Part(8, ((f"{shown.interrupted:,} interrupted", "failed"),)))
    if shown.needs_you:
        hint = "" if not key or shown.link is Link.REPLAY or shown.status is Status.CRASHED else f" [{key}]"
        plain = Part(10, ((say.need_you(shown.needs_you), "ask"),))
        parts.append(Part(7.5, ((f"{say.need_you(shown.needs_you)}{hint}", "ask"),), plain) if hint else plain)
    parts += header_parts(shown.outlook, shown.cost, glyphs)
    if shown.watching > 1:
        parts.append(Part(3, ((str(shown.watching), "text"), (" watch", "muted"))))
    if shown.status not in (*FINAL, Status.CRASHED) and shown.approved:
        limit = f"/{shown.limit}{' auto' if shown.auto else ''}"
        bound: Line = ((f" {shown.binding}", "muted"),) if shown.binding not in ("", "outage") else ()
        at_work: Line = (("w ", "muted"), (f"{shown.in_flight:,}", "text"))
        parts.append(Part(4, (*at_work, (limit, "muted"), *bound), Part(4.5, (*at_work, (f"/{shown.limit}", "muted")))))
        if shown.binding == "outage":
            parts.append(Part(8, (("provider down", "bad"),)))
    return parts


def _badges(shown: Figures, *, brief: bool = False) -> list[Span]:
    """What kind of session it is, and how this viewer is linked to it; `brief`: what nobody may miss of that."""
    told: list[Span] = []
    if shown.simulated:
        told.append((" SIM " if brief else " SIMULATED ", "badge"))
    if shown.origin.imported and not brief:
        told.append(("[imported]", "warn"))
    if shown.read_only and not brief:
        told.append(("[read-only]", "warn"))
    if shown.link in _LINKS:
        word, role = _LINKS[shown.link]
        if brief:
            pass
        elif shown.link is Link.REPLAY:
            word = f"{word} {say.second(shown.now)}"
        elif shown.ended_ts is not None:
            word = f"{word} {say.moment(shown.ended_ts)}".strip()
        if word:
            told.append((f"[{word}]", role))
    apart: Span = ("  ", "text")
    return [span for badge in told for span in (apart, badge)]


def _join(parts: list[Part]) -> Line:
    spans: list[Span] = []
    for part in parts:
        if spans:
            spans.append(("   ", "text"))
        spans.extend(part.line)
    return tuple(spans)
