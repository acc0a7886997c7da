"""Attempts and maps, folded: how each try at a node or an item began and ended."""

from __future__ import annotations

from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptSucceeded,
    AttemptThrottled,
    Event,
    MapExpanded,
    MapFinished,
)
from swarmtui.session.items import Items
from swarmtui.session.moves import (
    Handlers,
    drop_questions,
    end,
    forget_calls,
    item_ended,
    item_waits,
    move,
    replaced,
    rests_on_stale,
    settle,
    tainted_at_start,
)
from swarmtui.session.pools import QUESTIONS
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import NO_USAGE, ErrorInfo, ErrorKind, State, Usage, place_of


def _attempt_started(state: SessionState, body: AttemptStarted, event: Event) -> None:
    node = state.nodes[body.node]
    if node.items is not None and not node.running:
        node.items.begin_anew(event.mono)
    node.attempts += 1
    node.starts += 1
    state.starts += 1
    if not node.running and body.pool != QUESTIONS:
        node.active_since = event.mono
    node.running += 1
    state.in_flight += body.pool != QUESTIONS
    node.pool, node.model, node.retry_at = body.pool, body.model, None
    if state.in_flight > state.measures.peak:  # noqa: PLR1730 - max() takes four times as long
        state.measures.peak = state.in_flight
    state.measures.started((body.node, body.item), body.pool, body.model, body.queue_s, body.throttle_s, event.mono)
    if node.started_ts is None or node.items is None:
        node.started_ts, node.started_mono = event.ts, event.mono
    if body.item is None:
        node.tries += 1
        # What goes on with a thread goes on with what that rests on.
        node.outdated = rests_on_stale(state, node) or (node.outdated and node.steps > 0)
        node.tainted = tainted_at_start(state, node) or (node.tainted and node.steps > 0)
    elif node.items is not None:
        items = node.items
        items.attempts[body.item] += 1
        items.tries[body.item] = items.tries.get(body.item, 0) + 1
        items.retry_at.pop(body.item, None)
        items.move(body.item, State.RUNNING)
    move(state, node, State.RUNNING)


def _attempt_succeeded(state: SessionState, body: AttemptSucceeded, event: Event) -> None:
    node = state.nodes[body.node]
    landed(state, node)
    _spend(state, node, body)
    tries, check, reused = _tries(node, body.item), state.plan_nodes[body.node].check, body.reused_from is not None
    state.measures.succeeded((body.node, body.item), tries, check, body.took_s, body.usage, reused=reused)
    if reused:  # no budget pays for it
        node.starts -= 1
        state.starts -= 1
    if replaced(state, node, body.item):
        return
    node.reused = (0 if body.item is None else node.reused) + (body.reused_from is not None)
    if body.item is None:
        node.output, node.error = body.output, None
        end(state, node, State.SUCCEEDED)
    else:
        if node.items is not None:
            node.items.seqs[body.item] = event.seq
        item_ended(state, node, body.item, State.SUCCEEDED)


def _attempt_failed(state: SessionState, body: AttemptFailed, event: Event) -> None:
    node = state.nodes[body.node]
    landed(state, node)
    _spend(state, node, body)
    retry_at = None if body.retry_in_s is None else event.mono + body.retry_in_s
    tries, check, last = _tries(node, body.item), state.plan_nodes[body.node].check, retry_at is None
    state.measures.failed((body.node, body.item), tries, check, body.took_s, body.usage, body.error, last=last)
    if not body.charged:
        uncount(node, body.item)
    if body.error.kind is ErrorKind.LOST and body.usage == NO_USAGE:
        _count_orphan(state, node)
    if replaced(state, node, body.item):
        return
    if body.item is not None and node.items is not None:
        node.items.errors[body.item] = body.error
    if body.item is None:
        node.error, node.output = body.error, body.output or node.output
        if retry_at is None:
            end(state, node, State.FAILED)
        else:
            _wait(state, node, State.RETRYING, retry_at)
    elif retry_at is None:
        node.error = body.error
        item_ended(state, node, body.item, State.FAILED)
    else:
        item_waits(state, node, body.item, State.RETRYING, retry_at)


def _attempt_throttled(state: SessionState, body: AttemptThrottled, event: Event) -> None:
    node = state.nodes[body.node]
    landed(state, node)
    uncount(node, body.item)
    node.starts -= 1
    state.starts -= 1
    pay(state, node, body.item, body.usage)
    if body.by == "provider":
        state.measures.refused((body.node, body.item), event.mono, body.usage)
    else:
        state.measures.cancelled((body.node, body.item), event.mono, body.usage)
    if replaced(state, node, body.item):
        return
    retry_at = event.mono + body.retry_in_s
    if body.item is None:
        _wait(state, node, State.THROTTLED, retry_at)
    else:
        item_waits(state, node, body.item, State.THROTTLED, retry_at)


def _attempt_cancelled(state: SessionState, body: AttemptCancelled, event: Event) -> None:
    node = state.nodes[body.node]
    landed(state, node)
    _spend(state, node, body)
    state.measures.cancelled((body.node, body.item), event.mono, body.usage)
    state.pending.pop(place_of(body.node, body.item), None)
    if replaced(state, node, body.item):
        return
    if body.hold:
        uncount(node, body.item)
    if body.item is not None:
        if body.hold:
            item_waits(state, node, body.item, State.READY, None)
        else:
            item_ended(state, node, body.item, State.CANCELLED)
    elif body.hold:
        settle(state, node)
    else:
        end(state, node, State.CANCELLED)


def _attempt_interrupted(state: SessionState, body: AttemptInterrupted, event: Event) -> None:
    node = state.nodes[body.node]
    landed(state, node)
    state.measures.interrupted((body.node, body.item), event.mono)
    pay(state, node, body.item, body.usage)
    if body.repeat or node.restart or _cancelled(node, body.item):  # else the user decides about them
        forget_calls(node, body.item)
    if not body.stopped:
        _count_crash(state, node, body)
    if replaced(state, node, body.item):
        return
    if body.repeat:
        uncount(node, body.item)
    to, cancelled = State.READY if body.repeat else State.INTERRUPTED, _cancelled(node, body.item)
    if to is State.INTERRUPTED and not cancelled:
        node.cut_ts = event.ts
    if cancelled:  # the crash did what was asked for
        if body.item is not None:
            item_ended(state, node, body.item, State.CANCELLED)
        else:
            end(state, node, State.CANCELLED)
    elif body.item is not None:
        item_waits(state, node, body.item, to, None)
    elif body.repeat:
        settle(state, node)
    else:
        move(state, node, State.INTERRUPTED)


def _cancelled(node: NodeState, item: int | None) -> bool:
    """Whether the user wanted what was in flight to be over."""
    return node.cancelled or (item is not None and node.items is not None and item in node.items.cancelled)


def landed(state: SessionState, node: NodeState, *, asks: bool = False) -> None:
    """One attempt of the node is no longer in flight; what it asked nobody waits for, unless it `asks` on."""
    node.running -= 1
    if node.asks and not asks:
        drop_questions(state, node)
    state.in_flight -= node.pool != QUESTIONS
    if not node.running and node.active_since is not None:
        node.active_s += state.mono - node.active_since
        node.active_since = None


def _tries(node: NodeState, item: int | None) -> int:
    """Tries that count of a node or item, that which ends now included."""
    return node.tries if item is None or node.items is None else node.items.tries.get(item, 1)


def _count_crash(state: SessionState, node: NodeState, body: AttemptInterrupted) -> None:
    """A crash caught the attempt: it may have cost something, and must not be repeated for ever."""
    _count_orphan(state, node)
    if not body.repeat:
        return
    if body.item is None or node.items is None:
        node.repeats += 1
    else:
        node.items.repeats[body.item] = node.items.repeats.get(body.item, 0) + 1


def _count_orphan(state: SessionState, node: NodeState) -> None:
    """Whatever carried the attempt out is gone: what its model call cost is known to nobody."""
    if node.model is not None and not state.is_simulated(node.model):
        node.spent.orphans += 1
        state.spent.orphans += 1


def uncount(node: NodeState, item: int | None) -> None:
    """The try that has just ended was nobody's failure: it does not count against the retry limit."""
    if item is None:
        node.tries -= 1
    elif node.items is not None:
        node.items.tries[item] = node.items.tries.get(item, 1) - 1


def _spend(state: SessionState, node: NodeState, body: AttemptSucceeded | AttemptFailed | AttemptCancelled) -> None:
    node.repeats = 0
    forget_calls(node, body.item)
    if body.item is not None and node.items is not None:
        node.items.repeats.pop(body.item, None)
    pay(state, node, body.item, body.usage)
    if not isinstance(body, AttemptCancelled):
        node.busy_s += body.took_s


def pay(state: SessionState, node: NodeState, item: int | None, usage: Usage) -> None:
    """Count what was used up."""
    node.spent.add(usage)
    state.spent.add(usage)
    maker = state.plan_nodes[node.id].parent
    while maker is not None and maker in state.nodes:
        state.nodes[maker].below_usd += usage.cost_usd or 0.0
        state.nodes[maker].below_tokens += (usage.tokens_in or 0) + (usage.tokens_out or 0)
        maker = state.plan_nodes[maker].parent
    if item is not None and node.items is not None and usage.cost_usd is not None:
        node.items.charge(item, usage.cost_usd)


def _wait(state: SessionState, node: NodeState, to: State, until: float) -> None:
    if node.unmet:  # a need was retried meanwhile: the next try waits for that first
        settle(state, node)
        return
    node.retry_at = until
    move(state, node, State.HELD if node.held else to)


def _map_expanded(state: SessionState, body: MapExpanded, event: Event) -> None:
    node = state.nodes[body.node]
    items = Items.fresh(body.total, body.chunks, max(body.malformed_total, len(body.malformed)), node.item_base)
    items.duplicates = max(body.duplicates_total, len(body.duplicates))
    for item in body.skipped:
        items.move(item, State.SKIPPED)
    node.items = items
    node.outdated = rests_on_stale(state, node)
    node.tainted = tainted_at_start(state, node)
    node.started_ts, node.started_mono = event.ts, event.mono
    move(state, node, State.HELD if node.held else State.RUNNING)


def _map_finished(state: SessionState, body: MapFinished, event: Event) -> None:
    node = state.nodes[body.node]
    node.output = body.output
    if body.ok:
        node.error = None
    elif node.error is None and node.items is not None and node.items.malformed:
        node.error = ErrorInfo(ErrorKind.INPUT, f"{node.items.malformed} lines of its items could not be read")
    end(state, node, State.SUCCEEDED if body.ok else State.CANCELLED if node.cancelled else State.FAILED)


HANDLERS: Handlers = {
    AttemptStarted: _attempt_started,
    AttemptSucceeded: _attempt_succeeded,
    AttemptFailed: _attempt_failed,
    AttemptThrottled: _attempt_throttled,
    AttemptCancelled: _attempt_cancelled,
    AttemptInterrupted: _attempt_interrupted,
    MapExpanded: _map_expanded,
    MapFinished: _map_finished,
}
