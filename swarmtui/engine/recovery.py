"""What a crash left open, and what becomes of it when a new host takes the session over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmtui.session.events import AttemptFailed, AttemptInterrupted, SessionTakenOver
from swarmtui.session.pools import changes_world
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, State

REPEATS = 3
"""How often an attempt is repeated by itself after crashes, the last time alone; then it is given up: it ends the host.

See :mod:`swarmtui.engine.suspects`.
"""
NAMED = 5
"""So many of the attempts that wait for the user are named."""

Caught = AttemptInterrupted | AttemptFailed


def caught_by_crash(state: SessionState) -> list[Caught]:
    """One event for each attempt that was open: repeated, held for the user, or given up after too many crashes.

    Held is what may have changed the world: of an agent that is a model, a call of a tool that does so and of which
    nothing came back. All else of it is recorded, and it goes on where it was. A question that waits for the user is no
    such attempt: nothing of it ran in the host that died.
    """
    waiting = {(pending.node, pending.item) for pending in state.pending.values() if not pending.call}
    return [
        _becomes(state, node, item, number)
        for node in state.nodes.values()
        if node.running
        for item, number in _open(node)
        if (node.id, item) not in waiting
    ]


def cut_by_fork(state: SessionState) -> list[AttemptInterrupted]:
    """One event for each attempt that was in flight where a fork leaves its parent: repeated, or held for the user.

    As after a crash, but that nothing has happened to it: it goes on in the parent, which pays for it, and counts
    against nothing here. A question that waits for the user waits here too.
    """
    waiting = {(pending.node, pending.item) for pending in state.pending.values() if not pending.call}
    return [
        AttemptInterrupted(
            node.id,
            number,
            item,
            repeat=_repeats(state, node, item) and not _was_cancelled(node, item),
            cancelled=_was_cancelled(node, item),
            stopped=True,
        )
        for node in state.nodes.values()
        if node.running
        for item, number in _open(node)
        if (node.id, item) not in waiting
    ]


def _open(node: NodeState) -> Iterator[tuple[int | None, int]]:
    if node.items is None:
        yield None, node.attempts
        return
    for item in node.items.where(State.RUNNING):
        yield item, node.attempts_of(item)


def _becomes(state: SessionState, node: NodeState, item: int | None, number: int) -> Caught:
    repeat, cancelled = _repeats(state, node, item), _was_cancelled(node, item)
    repeats = caught_times(node, item)
    if not repeat or cancelled or repeats < REPEATS:
        return AttemptInterrupted(node.id, number, item, repeat=repeat and not cancelled, cancelled=cancelled)
    told = (
        f"given up: the host died {repeats + 1} times while it ran, the last time with nothing else in flight; "
        f"to run it again: retry {_name(node.id, item)}"
    )
    return AttemptFailed(node.id, number, ErrorInfo(ErrorKind.LOST, told), item)


def _repeats(state: SessionState, node: NodeState, item: int | None) -> bool:
    """Whether it is repeated by itself: nothing of it can have changed the world."""
    return not (changes_world(state, state.plan_nodes[node.id]) or node.open_calls_of(item))


def _was_cancelled(node: NodeState, item: int | None) -> bool:
    return node.cancelled or (item is not None and node.items is not None and item in node.items.cancelled)


def caught_times(node: NodeState, item: int | None) -> int:
    """How often a crash caught a node, or an item of it, that was repeated by itself since it last ended."""
    return node.repeats if item is None or node.items is None else node.items.repeats.get(item, 0)


def taken_over(state: SessionState, caught: Sequence[Caught], *, crashed: bool, leftovers: int = 0) -> SessionTakenOver:
    """The summary of a resume, once the events `caught` are folded into `state`."""
    interrupted = [event for event in caught if isinstance(event, AttemptInterrupted)]
    repeated = sum(event.repeat for event in interrupted)
    waiting = list(waiting_for_user(state))
    return SessionTakenOver(
        crashed,
        kept=sum(_kept(node) for node in state.nodes.values()),
        repeated=repeated,
        suspects=sum(event.repeat and _suspected(state, event) for event in interrupted),
        held=len(waiting),
        given_up=len(caught) - len(interrupted),
        leftovers=leftovers,
        waiting=tuple(waiting[:NAMED]),
    )


def _suspected(state: SessionState, event: AttemptInterrupted) -> bool:
    return caught_times(state.nodes[event.node], event.item) >= REPEATS - 1


def waiting_for_user(state: SessionState) -> Iterator[str]:
    """Nodes and items that a crash caught and that only the user can decide about."""
    for node in state.nodes.values():
        if node.items is not None:
            for item in node.items.where(State.INTERRUPTED):
                yield _name(node.id, item)
        elif node.state is State.INTERRUPTED:
            yield node.id


def _kept(node: NodeState) -> int:
    return node.items.count(State.SUCCEEDED) if node.items is not None else node.state is State.SUCCEEDED


def _name(node: str, item: int | None) -> str:
    return node if item is None else f"{node}/{item}"
