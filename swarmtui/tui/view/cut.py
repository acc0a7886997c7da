"""What was under way when a host died, told as that: nothing of it runs any more, and whether it got done nobody knows.

A crash is seen, never recorded: by its events a session whose host was killed goes on for ever. Pure.
"""

from __future__ import annotations

from copy import copy
from dataclasses import field

from swarmtui.frozen import mutable
from swarmtui.host.feed import FeedStatus, Link
from swarmtui.session.pools import QUESTIONS
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import FINAL, State, Status
from swarmtui.tui.view.status import crashed

_DUE = (State.RETRYING, State.THROTTLED)


def is_cut(state: SessionState, status: FeedStatus) -> bool:
    """Whether what is under way by `state` is not: its host is gone, or this is the last moment of a recording."""
    if status.link is not Link.REPLAY:
        return crashed(state, status)
    play = status.play
    at_end = play is not None and not play.live and play.seq >= play.head_seq and state.seq >= play.head_seq
    return at_end and state.status not in FINAL and bool(state.in_flight)


def as_cut(state: SessionState, *, imported: bool = False) -> SessionState:
    """A copy of `state` in which nothing is under way; `imported`: no host ran it, so that none has crashed."""
    cut = copy(state)
    cut.status = state.status if imported else Status.CRASHED
    cut.planning, cut.forecast, cut.in_flight = None, None, 0
    cut.nodes, cut.counts = dict(state.nodes), dict(state.counts)
    for name, node in state.nodes.items():
        if node.running and node.pool != QUESTIONS:
            cut.nodes[name] = _interrupted(node, state.mono)
            _count(cut.counts, node.state, cut.nodes[name].state)
        elif node.state in _DUE:
            cut.nodes[name] = copy(node)
            cut.nodes[name].retry_at = None
    return cut


def _interrupted(node: NodeState, mono: float) -> NodeState:
    was = copy(node)
    was.state, was.running, was.retry_at, was.ended_mono = State.INTERRUPTED, 0, None, mono
    if node.items is not None:
        items = was.items = copy(node.items)
        items.codes, items.counts, items.retry_at = node.items.codes[:], dict(node.items.counts), {}
        for item in list(items.where(State.RUNNING)):
            items.move(item, State.INTERRUPTED)
    return was


def _count(counts: dict[State, int], before: State, after: State) -> None:
    counts[before] = counts.get(before, 0) - 1
    if not counts[before]:
        del counts[before]
    counts[after] = counts.get(after, 0) + 1


@mutable
class LastSeen:
    """The state to draw: as it was told, or as :func:`as_cut` leaves it, which is made once."""

    _of: SessionState | None = None
    _seq: int = -1
    _cut: SessionState = field(default_factory=SessionState)

    def of(self, state: SessionState, status: FeedStatus, *, imported: bool = False) -> SessionState:
        """`state`, unless its host is gone; `imported` as of :func:`as_cut`, the same with every call."""
        if not is_cut(state, status):
            return state
        if self._of is not state or self._seq != state.seq:
            self._of, self._seq, self._cut = state, state.seq, as_cut(state, imported=imported)
        return self._cut
