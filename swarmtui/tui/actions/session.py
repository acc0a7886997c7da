"""What is asked of the whole session."""

from __future__ import annotations

from swarmtui.host.feed import FILES_GONE, Link
from swarmtui.session.vocabulary import Status, how_ended
from swarmtui.tui import commands
from swarmtui.tui.actions.action import (
    EVERYWHERE,
    HOME,
    NODE,
    PLAN,
    RUN,
    SESSION_GROUP,
    Action,
    Context,
    Mode,
    of_state,
    past,
)
from swarmtui.tui.view.status import REPLAYED, can_go_on, nobody_there


def _attend(context: Context) -> str | None:
    return nobody_there(context.state, context.status) or commands.why_not_attend(context.state)


def _resume(context: Context) -> str | None:
    state, status = context.state, context.status
    if context.imported:
        return "this is a recording of what ran elsewhere: nothing of it can go on"
    if status.gone:
        return FILES_GONE
    if status.link in (Link.CONNECTING, Link.RECONNECTING):
        return "whether a host lives is not known while there is no link"
    if status.play is not None and status.play.seq < status.play.head_seq:
        return REPLAYED
    if status.link is Link.LIVE or (status.play is not None and status.play.live):
        return "its host lives" + (": {pause_session} lets the session go on" if state.status is Status.PAUSED else "")
    if not can_go_on(state.status):
        return f"the session {how_ended(state.status)}: there is nothing to go on with"
    return None


def _marks(context: Context) -> str | None:
    return None if "marks" in context.status.caps else "the host is of an older version, which knows no marks"


ACTIONS: tuple[Action, ...] = (
    Action(
        "pause_session", ("P",), "pause all", "Pause the session, or let it go on",
        SESSION_GROUP, EVERYWHERE | HOME, 60,
        commands=True, why_not=of_state(commands.why_not_pause_session), goes_on="go on",
    ),
    Action(
        "retry_failed", ("R",), "retry failed", "Run all failed nodes again", SESSION_GROUP, RUN | NODE | HOME, 110,
        commands=True, why_not=of_state(commands.why_not_retry_failed),
    ),
    Action(
        "rerun_stale", ("z",), "re-run stale", "Run again what rests on something that was changed", SESSION_GROUP,
        RUN | NODE, 49, commands=True, why_not=of_state(commands.why_not_rerun_stale),
    ),
    Action(
        "undo", ("u",), "undo", "Take your last change back: pause, hold, skip, limits, priority, edit", SESSION_GROUP,
        EVERYWHERE, 0, commands=True, why_not=of_state(commands.why_not_undo),
    ),
    Action(
        "cancel_session", ("X",), "cancel all", "Cancel the session (asks first)", SESSION_GROUP, EVERYWHERE | HOME, 30,
        commands=True, stops=True, why_not=of_state(commands.why_not_cancel_session), also="kill stop end abort",
    ),
    Action(
        "more", ("plus",), "more", "One worker more at once", SESSION_GROUP, RUN | NODE, 46,
        commands=True, why_not=of_state(commands.why_not_limits),
    ),
    Action(
        "fewer", ("minus",), "fewer", "One worker fewer at once; what runs goes on", SESSION_GROUP, RUN | NODE, 45,
        commands=True, why_not=of_state(commands.why_not_limits),
    ),
    Action(
        "auto", ("0",), "auto", "As many at once as the providers take, found out and followed while it runs",
        SESSION_GROUP, RUN | NODE, 0, commands=True, why_not=of_state(commands.why_not_auto),
    ),
    Action(
        "concurrency", ("equals_sign",), "at once", "How many at once: in all, per pool; halve, double, hold a window",
        SESSION_GROUP, RUN | NODE, 44, commands=True, why_not=of_state(commands.why_not_limits), also="half limit",
    ),
    Action(
        "budget", ("dollar_sign",), "budget", "What the session may use up: money, tokens, minutes, attempts",
        SESSION_GROUP, RUN | PLAN, 0, commands=True, why_not=of_state(commands.why_not_limits),
        also="usd limit raise more money cost",
    ),
    Action(
        "forecast", ("F",), "forecast", "Work out anew how long the rest takes, and what it costs", SESSION_GROUP,
        EVERYWHERE, 0, commands=True, why_not=of_state(commands.why_not_forecast),
    ),
    Action(
        "attend", ("a",), "needs you",
        "Answer what waits for you: plan, question, permission, what was cut short; of several the list; among "
        "sessions open the one that needs you",
        SESSION_GROUP, EVERYWHERE | HOME, 160, why_not=_attend, present=True,
    ),
    Action(
        "mark", ("M",), "mark", "Mark this moment with a few words, to be found again in a replay", SESSION_GROUP,
        EVERYWHERE, 0, commands=True, why_not=_marks,
    ),
    Action(
        "past", ("H",), "history", "Go back and replay what has happened; the session goes on meanwhile",
        SESSION_GROUP, EVERYWHERE | HOME, 26, why_not=past, present=True,
    ),
    Action(
        "resume", ("U",), "resume", "Go on with a session whose host has crashed or left, or in which something failed",
        SESSION_GROUP, EVERYWHERE | HOME, 120, why_not=_resume, besides=(Mode.CRASHED, ("r",)),
    ),
    Action(
        "fork", ("Y",), "fork", "Begin another session with the past of this one, up to what is shown", SESSION_GROUP,
        EVERYWHERE | HOME, 0, why_not=past,
    ),
    Action(
        "export", ("E",), "export",
        "Export the session as a page for a browser, here and now; shows the command, which has other forms, too",
        SESSION_GROUP, EVERYWHERE | HOME, 0, why_not=past, also="json lines recording summary",
    ),
    Action(
        "compare", ("C",), "compare",
        "Compare the session with another one, node by node: in a session with one that you pick; in the list with the "
        "marked one, a fork with its origin",
        SESSION_GROUP, EVERYWHERE | HOME, 0, why_not=past, also="diff against",
    ),
    Action("retry_link", ("r",), "try now", "Try at once to set the link up again", SESSION_GROUP, EVERYWHERE, 150,
           mode=Mode.BROKEN),
)  # fmt: skip
