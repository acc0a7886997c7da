"""The revisions of a plan: who made one, how far it is from the planner's, who is at work on the next. Pure."""

from __future__ import annotations

from swarmtui.frozen import frozen
from swarmtui.plan.diff import diff
from swarmtui.plan.model import Author, Plan
from swarmtui.safety.text import one_line
from swarmtui.session.state import SessionState
from swarmtui.tui.view import format as say
from swarmtui.tui.view.lines import Line, cells, shorten
from swarmtui.tui.view.plan_diff import places

LEAST_NAME = 6
"""Cells of who made a revision that stay where there is little room."""


def differences(state: SessionState) -> list[str] | None:
    """How the plan differs from the revision before, a line each; None if there is none before."""
    if state.plan is None or state.prior_plan is None:
        return None
    return diff(state.prior_plan, state.plan).describe() or ["~ nothing but its author"]


def beside(state: SessionState, gone: str) -> str:
    """The node to look at in place of one that the last revision took away: what it needed, else the one that stood
    before it, else after it. Empty if it was in no revision that is known."""
    nodes = () if state.prior_plan is None else state.prior_plan.nodes
    at = next((at for at, node in enumerate(nodes) if node.id == gone), None)
    if at is None:
        return ""
    near = (*nodes[at].needs, *(node.id for node in reversed(nodes[:at])), *(node.id for node in nodes[at + 1 :]))
    return next((name for name in near if name in state.plan_nodes), "")


def origin_rev(state: SessionState) -> int:
    """The last revision that no viewer made: the planner's, or the task file's. 0 if there is none."""
    return next((one.rev for one in reversed(state.revisions) if one.actor is None and one.by is None), 0)


def origin_words(state: SessionState) -> str:
    """Whose that revision is: ``the planner's``."""
    found = next((one for one in state.revisions if one.rev == origin_rev(state)), None)
    return "the task file's" if found is not None and found.author is Author.USER else "the planner's"


def maker_of(state: SessionState, rev: int) -> str:
    """Who made a revision."""
    found = next((one for one in state.revisions if one.rev == rev), None)
    if found is None:
        return "somebody"
    return one_line(found.actor, 30) if found.actor else "you" if found.author is Author.USER else "the planner"


@frozen
class Revision:
    """A revision in words: which, by whom, and how far it is from another one."""

    rev: int
    maker: str
    told: str = ""
    brief: str = ""
    """The same, where there is little room."""

    def within(self, room: int, key: str = "", ellipsis: str = "…") -> str:
        """In at most `room` cells: who made it gives way first; how far it is, and the `key` that shows it, last."""
        head, hint = f"revision {self.rev}", f" [{key}]" if key and self.told else ""
        user = self.maker.split(" ")[0] if "@" in self.maker else self.maker  # which terminal it was says least
        for tail in (self.told + hint, self.brief + hint):
            free = room - cells(f"{head} by {tail}")
            fitting = next((name for name in (self.maker, user) if cells(name) <= free), "")
            if fitting or free >= LEAST_NAME:
                return f"{head} by {fitting or shorten(user, free, ellipsis)}{tail}"
        return shorten(f"{head}{self.brief}{hint}", room, ellipsis)


def revision_of(state: SessionState, origin: Plan | None = None) -> Revision | None:
    """The last revision; `origin` is the planner's, if that is known and not the one that stands."""
    if not state.revisions or state.plan is None:
        return None
    last = state.revisions[-1]
    maker = maker_of(state, last.rev)
    if origin is not None:
        number = places(diff(origin, state.plan))
        if not number:
            return Revision(last.rev, maker, f", the same as {origin_words(state)}", f", {origin_words(state)}")
        where = f"in {number} place{'' if number == 1 else 's'}"
        brief = f", {number} place{'s differ' if number != 1 else ' differs'}"
        return Revision(last.rev, maker, f", differs from {origin_words(state)} {where}", brief)
    changed = differences(state)
    if not changed:
        return Revision(last.rev, maker)
    number_of = f", {len(changed)} change{'' if len(changed) == 1 else 's'}"
    return Revision(last.rev, maker, f"{number_of} since revision {last.rev - 1}", number_of)


def planner_line(state: SessionState, now: float) -> Line:
    """That the planner is at work on another revision than the one that is shown, how long, and what it was asked."""
    if state.planning is None:
        return ()
    asked = f": {one_line(state.planning.feedback, 160)}" if state.planning.feedback else ""
    age = say.clock(now - state.planning.since_ts)
    words = f" the planner is at work on revision {state.planning.rev}, {age}"
    return (words, "accent"), (asked, "text"), (f"  (below it is revision {state.plan_rev})", "muted")
