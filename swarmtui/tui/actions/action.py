"""What an action is: one thing that the user can do, its keys, where it is offered, and why it may not apply."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.host.feed import FILES_GONE, FeedStatus, Link
from swarmtui.session.vocabulary import Status
from swarmtui.tui.view.status import can_act, replayed

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState, SessionState


class Scope(StrEnum):
    """The screen on which an action is offered."""

    RUN = "run"
    PLAN = "plan"
    NODE = "node"
    HOME = "home"
    COMPARE = "compare"


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


@frozen
class Context:
    """What decides whether an action applies."""

    state: SessionState
    status: FeedStatus
    node: NodeState | None = None
    imported: bool = False
    """Whether the session is a recording that was made elsewhere."""
    with_keys: Callable[[str], str] = str
    """Puts the user's keys of actions into a sentence, in place of ``{their_ids}``."""


WhyNot = Callable[[Context], str | None]
RUN, PLAN, NODE = frozenset({Scope.RUN}), frozenset({Scope.PLAN}), frozenset({Scope.NODE})
HOME, COMPARE = frozenset({Scope.HOME}), frozenset({Scope.COMPARE})
EVERYWHERE = RUN | PLAN | NODE
"""All screens over one session."""
ALL = EVERYWHERE | HOME | COMPARE
SESSION_GROUP, NODE_GROUP, PLAN_GROUP, MOVE, VIEW, GENERAL = "Session", "Node", "Plan", "Move", "View", "General"
REPLAY_GROUP, HOME_GROUP = "Replay", "Home"
GROUPS = (REPLAY_GROUP, HOME_GROUP, PLAN_GROUP, NODE_GROUP, SESSION_GROUP, VIEW, MOVE, GENERAL)
"""In the order of the help."""


@frozen
class Action:
    """One thing that the user can do. A screen carries it out in its method ``do_<id>``."""

    id: str
    keys: tuple[str, ...]
    """As Textual calls them; the first is the one shown."""
    label: str
    """For the footer."""
    description: str
    """For help and palette; ``{its_id}`` stands for the key of another one, which :class:`Keys` puts in."""
    group: str
    scopes: frozenset[Scope]
    footer: int = 0
    """How much it belongs in the footer; 0: not there."""
    commands: bool = False
    """Whether it asks something of the session, so that the link must be live and the role be control."""
    stops: bool = False
    """Whether that only ends what goes on, which can be asked where nothing can be recorded."""
    why_not: WhyNot | None = None
    present: bool = False
    """Whether it is about the present alone, and so has no use in a replay."""
    mode: Mode | None = None
    """The only mode in which there is such an action; None: in all of them."""
    besides: tuple[Mode, tuple[str, ...]] | None = None
    """A mode in which it has more keys, and those first: it takes them from all others."""
    goes_on: str = ""
    """The label while it lets go on what is paused."""
    also: str = ""
    """Other words by which the palette finds it."""

    def refusal(self, context: Context) -> str | None:
        """Why it does not apply now; None if it does."""
        why = self._refusal(context)
        return None if why is None else context.with_keys(why)

    def _refusal(self, context: Context) -> str | None:
        if self.mode not in (None, mode_of(context.status)):
            in_replay = "this moves about in a replay: {past} opens one"
            return in_replay if self.mode is Mode.REPLAY else "the link is not lost"
        if self.present and context.status.link is Link.REPLAY:
            return replayed(context.status)
        if self.commands:
            why = can_act(context.state, context.status, stops=self.stops, imported=context.imported)
            if why:
                return why
        return self.why_not(context) if self.why_not else None


def of_state(rule: Callable[[SessionState], str | None]) -> WhyNot:
    """A rule that looks at the session alone."""
    return lambda context: rule(context.state)


def of_node(rule: Callable[[SessionState, NodeState | None], str | None]) -> WhyNot:
    """A rule that looks at the selected node."""
    return lambda context: rule(context.state, context.node)


def past(context: Context) -> str | None:
    """Only where something has happened, and can be read."""
    if context.status.gone:
        return FILES_GONE
    return None if context.state.seq else "nothing has happened yet"


def has_plan(context: Context) -> str | None:
    """Only where there is a plan."""
    return None if context.state.plan is not None else "there is no plan yet"
