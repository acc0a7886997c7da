"""Everything that a key does, once: bindings, footer, help and command palette all derive from :data:`ACTIONS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding

from swarmtui.host.feed import FeedStatus, Link
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import FINAL, Status, how_ended
from swarmtui.tui import commands
from swarmtui.tui.view.figures import HOST_CRASHED, REPLAYED, can_act, crashed, replayed


class Scope(StrEnum):
    """The screen on which an action is offered."""

    RUN = "run"
    PLAN = "plan"
    NODE = "node"


class Mode(StrEnum):
    """How the feed stands, as far as keys go: a mode takes the keys of its own actions from all others."""

    LIVE = "live"
    BROKEN = "broken"
    """The link is lost."""
    CRASHED = "crashed"
    """The host is gone without a word."""
    REPLAY = "replay"


def mode_of(status: FeedStatus) -> Mode:
    """The mode that keys are in."""
    known = {Link.REPLAY: Mode.REPLAY, Link.RECONNECTING: Mode.BROKEN, Link.CRASHED: Mode.CRASHED}.get(status.link)
    return known or (Mode.CRASHED if status.seen is Status.CRASHED else Mode.LIVE)


@dataclass(frozen=True, slots=True)
class Context:
    """What decides whether an action applies."""

    state: SessionState
    status: FeedStatus
    node: NodeState | None = None
    imported: bool = False
    """Whether the session is a recording that was made elsewhere."""


WhyNot = Callable[[Context], str | None]
RUN, PLAN, NODE = frozenset({Scope.RUN}), frozenset({Scope.PLAN}), frozenset({Scope.NODE})
EVERYWHERE = RUN | PLAN | NODE


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that the user can do. A screen carries it out in its method ``do_<id>``."""

    id: str
    keys: tuple[str, ...]
    """As Textual calls them; the first is the one shown."""
    label: str
    """For the footer."""
    description: str
    """For help and palette."""
    group: str
    scopes: frozenset[Scope]
    footer: int = 0
    """How much it belongs in the footer; 0: not there."""
    commands: bool = False
    """Whether it asks something of the session, so that the link must be live and the role be control."""
    why_not: WhyNot | None = None
    present: bool = False
    """Whether it is about the present alone, and so has no use in a replay."""
    mode: Mode | None = None
    """The only mode in which there is such an action; None: in all of them."""
    besides: tuple[Mode, tuple[str, ...]] | None = None
    """A mode in which it has more keys, and those first: it takes them from all others."""

    def refusal(self, context: Context) -> str | None:
        """Why it does not apply now; None if it does."""
        if self.mode not in (None, mode_of(context.status)):
            return "this moves about in a replay: H opens one" if self.mode is Mode.REPLAY else "the link is not lost"
        if self.present and context.status.link is Link.REPLAY:
            return replayed(context.status)
        if self.commands:
            why = can_act(context.state, context.status)
            if why:
                return why
        return self.why_not(context) if self.why_not else None


def _of_state(rule: Callable[[SessionState], str | None]) -> WhyNot:
    return lambda context: rule(context.state)


def _of_node(rule: Callable[[SessionState, NodeState | None], str | None]) -> WhyNot:
    return lambda context: rule(context.state, context.node)


def _selected(context: Context) -> str | None:
    return None if context.node is not None else "no node is selected"


def _has_plan(context: Context) -> str | None:
    return None if context.state.plan is not None else "there is no plan yet"


def _past(context: Context) -> str | None:
    return None if context.state.seq else "nothing has happened yet"


def _attend(context: Context) -> str | None:
    return HOST_CRASHED if crashed(context.state, context.status) else commands.why_not_attend(context.state)


def _resume(context: Context) -> str | None:
    state, status = context.state, context.status
    if context.imported:
        return "this is a recording of what ran elsewhere: nothing of it can go on"
    if status.link in (Link.CONNECTING, Link.RECONNECTING):
        return "whether a host lives is not known while there is no link"
    if status.play is not None and status.play.seq < status.play.head_seq:
        return REPLAYED
    if status.link is Link.LIVE or (status.play is not None and status.play.live):
        return "its host lives" + (": P lets the session go on" if state.status is Status.PAUSED else "")
    if state.status in FINAL and state.status is not Status.FAILED:
        return f"the session {how_ended(state.status)}: there is nothing to go on with"
    return None


def _marks(context: Context) -> str | None:
    return None if "marks" in context.status.caps else "the host is of an older version, which knows no marks"


_SESSION, _NODE, _PLAN, _MOVE, _VIEW, _GENERAL = "Session", "Node", "Plan", "Move", "View", "General"
_REPLAY = "Replay"

ACTIONS: tuple[Action, ...] = (
    Action(
        "approve", ("A",), "approve and run", "Approve exactly the plan shown, and run it", _PLAN, PLAN, 100,
        commands=True, why_not=_of_state(commands.why_not_decide),
    ),
    Action(
        "change", ("c",), "ask for changes", "Tell the planner what to change: a new revision", _PLAN, PLAN, 90,
        commands=True, why_not=_of_state(commands.why_not_decide),
    ),
    Action(
        "edit", ("e",), "edit", "Edit the plan as YAML in $EDITOR; errors are shown and nothing is lost", _PLAN,
        PLAN | RUN, 80, commands=True, why_not=_of_state(commands.why_not_edit),
    ),
    Action(
        "form", ("v",), "view", "Other form: graph as columns or list; plan as graph, text or differences", _VIEW,
        RUN | PLAN, 40, why_not=_has_plan,
    ),
    Action(
        "pause_node", ("p",), "pause", "Hold the node, or let it go on; what runs of it goes on", _NODE, RUN | NODE, 70,
        commands=True, why_not=_of_node(commands.why_not_pause_node),
    ),
    Action(
        "pause_session", ("P",), "pause all", "Pause the session, or let it go on", _SESSION, EVERYWHERE, 60,
        commands=True, why_not=_of_state(commands.why_not_pause_session),
    ),
    Action(
        "retry_node", ("r",), "retry", "Run the node again; of a map, the items that failed", _NODE, RUN | NODE, 68,
        commands=True, why_not=_of_node(commands.why_not_retry_node),
    ),
    Action(
        "retry_failed", ("R",), "retry failed", "Run all failed nodes again", _SESSION, RUN | NODE, 50,
        commands=True, why_not=_of_state(commands.why_not_retry_failed),
    ),
    Action(
        "retry_below", ("b",), "retry below", "Run the node and everything that rests on it again", _NODE,
        RUN | NODE, commands=True, why_not=_of_node(commands.why_not_retry_node),
    ),
    Action(
        "rerun_stale", ("z",), "re-run stale", "Run again what rests on something that was changed", _SESSION,
        RUN | NODE, 49, commands=True, why_not=_of_state(commands.why_not_rerun_stale),
    ),
    Action(
        "sooner", ("greater_than_sign",), "sooner", "Let the node go before others that are ready", _NODE,
        RUN | NODE, commands=True, why_not=_of_node(commands.why_not_prioritise),
    ),
    Action(
        "later", ("less_than_sign",), "later", "Let the node go after others that are ready", _NODE,
        RUN | NODE, commands=True, why_not=_of_node(commands.why_not_prioritise),
    ),
    Action(
        "undo", ("u",), "undo", "Take your last change back: pause, hold, skip, limits, priority, edit", _SESSION,
        EVERYWHERE, 0, commands=True, why_not=_of_state(commands.why_not_undo),
    ),
    Action(
        "skip_node", ("s",), "skip", "Do without the node: it ends as skipped", _NODE, RUN | NODE, 52,
        commands=True, why_not=_of_node(commands.why_not_skip_node),
    ),
    Action(
        "mark_done", ("m",), "mark done", "Say that what was cut short had been done: it is not run again", _NODE,
        RUN | NODE, commands=True, why_not=_of_node(commands.why_not_mark_done),
    ),
    Action(
        "cancel_node", ("x",), "cancel", "Stop the node and everything it started", _NODE, RUN | NODE, 54,
        commands=True, why_not=_of_node(commands.why_not_cancel_node),
    ),
    Action(
        "cancel_session", ("X",), "cancel all", "Cancel the session (asks first)", _SESSION, EVERYWHERE, 30,
        commands=True, why_not=_of_state(commands.why_not_cancel_session),
    ),
    Action(
        "more", ("plus", "equals_sign"), "more", "One worker more at once", _SESSION, RUN | NODE, 46,
        commands=True, why_not=_of_state(commands.why_not_limits),
    ),
    Action(
        "fewer", ("minus",), "fewer", "One worker fewer at once; what runs goes on", _SESSION, RUN | NODE, 45,
        commands=True, why_not=_of_state(commands.why_not_limits),
    ),
    Action(
        "forecast", ("F",), "forecast", "Work out anew how long the rest takes, and what it costs", _SESSION,
        EVERYWHERE, 0, commands=True, why_not=_of_state(commands.why_not_forecast),
    ),
    Action(
        "attend", ("a",), "needs you", "Go to what waits for you: a plan, a question, a node that a crash caught",
        _SESSION, EVERYWHERE, 0, why_not=_attend, present=True,
    ),
    Action(
        "mark", ("M",), "mark", "Mark this moment with a few words, to be found again in a replay", _SESSION,
        EVERYWHERE, 0, commands=True, why_not=_marks,
    ),
    Action(
        "past", ("H",), "history", "Go back and replay what has happened; the session goes on (G leads back)",
        _SESSION, EVERYWHERE, 26, why_not=_past, present=True,
    ),
    Action(
        "resume", ("U",), "resume", "Go on with a session whose host has crashed or left, or in which something failed",
        _SESSION, EVERYWHERE, 120, why_not=_resume, besides=(Mode.CRASHED, ("r",)),
    ),
    Action(
        "fork", ("Y",), "fork", "Begin another session with the past of this one, up to what is shown", _SESSION,
        EVERYWHERE, 0, why_not=_past,
    ),
    Action(
        "export", ("E",), "export", "Export the session as a page, JSON lines, a recording or a summary", _SESSION,
        EVERYWHERE, 0, why_not=_past,
    ),
    Action(
        "compare", ("C",), "compare", "Compare the session with another one, node by node", _SESSION, EVERYWHERE, 0,
        why_not=_past,
    ),
    Action("retry_link", ("r",), "try now", "Try at once to set the link up again", _SESSION, EVERYWHERE, 150,
           mode=Mode.BROKEN),
    Action("toggle_play", ("space",), "play", "Play, or stand still", _REPLAY, EVERYWHERE, 99,
           mode=Mode.REPLAY),
    Action("step_on", ("full_stop",), "step", "One event on", _REPLAY, EVERYWHERE, 90, mode=Mode.REPLAY),
    Action("step_back", ("comma",), "back", "One event back", _REPLAY, EVERYWHERE, 84, mode=Mode.REPLAY),
    Action("previous_mark", ("left_square_bracket",), "mark",
           "To the mark before: failure, retry, decision, edit, question, budget, pause, crash, or one of yours",
           _REPLAY, EVERYWHERE, 91, mode=Mode.REPLAY),
    Action("next_mark", ("right_square_bracket",), "mark", "To the next mark", _REPLAY, EVERYWHERE, 92,
           mode=Mode.REPLAY),
    Action("rewind", ("less_than_sign",), "-5 s", "Five seconds back", _REPLAY, EVERYWHERE, 60, mode=Mode.REPLAY),
    Action("forward", ("greater_than_sign",), "+5 s", "Five seconds on", _REPLAY, EVERYWHERE, 61, mode=Mode.REPLAY),
    Action("slower", ("minus",), "slower", "Half as fast", _REPLAY, EVERYWHERE, 70, mode=Mode.REPLAY),
    Action("faster", ("plus", "equals_sign"), "faster", "Twice as fast", _REPLAY, EVERYWHERE, 71, mode=Mode.REPLAY),
    Action("idle", ("i",), "waits", "Pass over times without events in two seconds, or live through them", _REPLAY,
           EVERYWHERE, 40, mode=Mode.REPLAY),
    Action("seek_share", tuple("0123456789"), "seek", "To 0 %, 10 % … 90 % of the events", _REPLAY, EVERYWHERE,
           mode=Mode.REPLAY),
    Action("begin", ("g",), "start", "To the first event", _REPLAY, EVERYWHERE, 50, mode=Mode.REPLAY),
    Action("end", ("G",), "end/live", "To the last event; back to the session, where it goes on", _REPLAY,
           EVERYWHERE, 88, mode=Mode.REPLAY),
    Action("seek_to", ("semicolon",), "go to", "To an event by its number, a time (5m, 1:02:03) or a mark (failure)",
           _REPLAY, EVERYWHERE, 80, mode=Mode.REPLAY),
    Action("open", ("enter",), "open", "Open the selected node: output, prompt, attempts, events, log", _NODE,
           RUN | PLAN, 58, why_not=_selected),
    Action("copy", ("y",), "copy", "Copy the output (on the plan: the plan as YAML) to the clipboard", _NODE,
           EVERYWHERE, 20),
    Action("pager", ("o",), "pager", "Show the output (on the plan: the plan) in your $PAGER", _NODE, EVERYWHERE, 18),
    Action("up", ("k", "up"), "up", "Up", _MOVE, EVERYWHERE),
    Action("down", ("j", "down"), "down", "Down", _MOVE, EVERYWHERE),
    Action("left", ("h", "left"), "left", "To what the node needs; elsewhere to the left", _MOVE, EVERYWHERE),
    Action("right", ("l", "right"), "right", "To what needs the node; elsewhere to the right", _MOVE, EVERYWHERE),
    Action("first", ("g", "home"), "first", "To the first", _MOVE, EVERYWHERE),
    Action("last", ("G", "end"), "last", "To the last; in the log: follow it again", _MOVE, EVERYWHERE),
    Action("page_up", ("pageup", "ctrl+b"), "page up", "A page up", _MOVE, EVERYWHERE),
    Action("page_down", ("pagedown", "ctrl+f"), "page down", "A page down", _MOVE, EVERYWHERE),
    Action("next_pane", ("tab",), "next pane", "Next pane; among tabs, the next tab", _MOVE, EVERYWHERE),
    Action("previous_pane", ("shift+tab",), "previous pane", "Previous pane or tab", _MOVE, EVERYWHERE),
    Action("find", ("slash",), "filter", "Filter the table and mark nodes: words that must occur, !word must not",
           _MOVE, RUN | PLAN, 44),
    Action("find_next", ("n",), "next match", "Next match", _MOVE, RUN | PLAN),
    Action("find_previous", ("N",), "previous match", "Previous match", _MOVE, RUN | PLAN),
    Action("focus_graph", ("f",), "focus", "Dim all but the selected node and its neighbours", _VIEW, RUN | PLAN, 24),
    Action("sort", ("S",), "sort", "Sort the table by the next column", _VIEW, RUN, 0),
    Action("reverse", ("D",), "reverse", "Turn the order of the table round", _VIEW, RUN, 0),
    Action("widen", ("w",), "wide", "Give the focused pane the whole screen, or put it back", _VIEW, RUN | PLAN, 22),
    Action("toggle_log", ("L",), "log", "Show or hide the log", _VIEW, RUN, 16),
    Action("log_level", ("i", "I"), "log level", "What the log shows: warnings up, all, or what matters", _VIEW, RUN),
    Action("view_plan", ("1", "f2"), "plan", "The plan", _VIEW, EVERYWHERE, 0),
    Action("view_run", ("2", "f3"), "run", "Everything at a glance", _VIEW, EVERYWHERE, 0),
    Action("view_workers", ("3", "f4"), "workers", "The workers' live output", _VIEW, EVERYWHERE, 0),
    Action("view_table", ("4", "f5"), "table", "The table alone", _VIEW, EVERYWHERE, 0),
    Action("view_log", ("5", "f6"), "log", "The log alone", _VIEW, EVERYWHERE, 0),
    Action("back", ("escape",), "back", "Back; clears the filter", _GENERAL, EVERYWHERE, 14),
    Action("theme", ("t",), "theme", "Next theme", _GENERAL, EVERYWHERE, 0),
    Action("palette", ("colon", "ctrl+p"), "commands", "All commands and nodes, by name", _GENERAL, EVERYWHERE, 42),
    Action("help", ("question_mark", "f1"), "help", "All keys; type to filter", _GENERAL, EVERYWHERE, 200),
    Action("detach", ("d", "q", "ctrl+q"), "detach", "Leave; the session goes on (swarmtui attach brings you back)",
           _GENERAL, EVERYWHERE, 190),
)  # fmt: skip

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}

_KEY_NAMES = {
    "plus": "+", "equals_sign": "=", "minus": "-", "slash": "/", "question_mark": "?", "colon": ":", "escape": "esc",
    "greater_than_sign": ">", "less_than_sign": "<", "full_stop": ".", "comma": ",", "semicolon": ";",
    "left_square_bracket": "[", "right_square_bracket": "]",
    "pageup": "pgup", "pagedown": "pgdn", "shift+tab": "S-tab", "up": "↑", "down": "↓", "left": "←", "right": "→",
}  # fmt: skip
_ASCII_KEYS = {"up": "up", "down": "down", "left": "left", "right": "right"}


def key_name(key: str, *, ascii_only: bool = False) -> str:
    """What is printed on a key, more or less."""
    if ascii_only and key in _ASCII_KEYS:
        return _ASCII_KEYS[key]
    name = _KEY_NAMES.get(key, key)
    return f"^{name.removeprefix('ctrl+')}" if name.startswith("ctrl+") else name


def in_scope(scope: Scope, mode: Mode = Mode.LIVE) -> tuple[Action, ...]:
    """The actions that a screen offers in a mode, in the order of the table."""
    return tuple(action for action in ACTIONS if scope in action.scopes and action.mode in (None, mode))


def _own_keys(action: Action, mode: Mode) -> tuple[str, ...]:
    """Keys that are the action's because of the mode."""
    if action.besides is not None and action.besides[0] is mode:
        return action.besides[1]
    return action.keys if action.mode is mode else ()


TAKEN: dict[Mode, frozenset[str]] = {
    mode: frozenset(key for action in ACTIONS for key in _own_keys(action, mode)) for mode in Mode
}
"""Keys that a mode has for its own actions."""


def keys_in(action: Action, mode: Mode) -> tuple[str, ...]:
    """The keys that an action has in a mode; what has none is still in the palette."""
    own = _own_keys(action, mode)
    if action.mode is not None:
        return own
    return own + tuple(key for key in action.keys if key not in TAKEN[mode])


def bindings(scope: Scope) -> list[Binding]:
    """The bindings of a screen: each key with the modes in which it is the action's."""
    bound: list[Binding] = []
    for action in ACTIONS:
        if scope not in action.scopes:
            continue
        for key in (*action.keys, *(action.besides[1] if action.besides else ())):
            modes = " ".join(mode for mode in Mode if key in keys_in(action, mode))
            name = f"{scope}.{action.id}"
            bound.append(Binding(key, f"press('{action.id}', '{key}', '{modes}')", action.label, show=False, id=name))
    return bound


def footer(scope: Scope, context: Context) -> list[Action]:
    """The actions worth a place in the footer now, the most important first."""
    mode = mode_of(context.status)
    shown = [
        action
        for action in in_scope(scope, mode)
        if action.footer and keys_in(action, mode) and action.refusal(context) is None
    ]
    return sorted(shown, key=lambda action: -action.footer)
