"""One node as people see it: its mark, its name, and in a few words how it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil
from typing import TYPE_CHECKING

from swarmtui.safety.text import one_line
from swarmtui.session.paths import at_work_s
from swarmtui.session.pools import QUESTIONS, pool_of
from swarmtui.session.progress import pace, progress
from swarmtui.session.vocabulary import BY_CONDITION, State, Status, retries_after
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import ASK, MARKS, Glyphs, Mark
from swarmtui.tui.view.lines import Line, Role, Span, cells, fit, shorten, width

if TYPE_CHECKING:
    from swarmtui.plan.model import Node
    from swarmtui.session.items import Items
    from swarmtui.session.state import NodeState, Pending, SessionState
    from swarmtui.tui.view.moment import Moment

NAME_WIDTH = 24
BAR = 10


def asks(state: SessionState, node_id: str) -> bool:
    """Whether the node (or one of its items) waits for the user's answer."""
    return any(pending.node == node_id for pending in state.pending.values())


def asked(state: SessionState, node_id: str) -> Pending | None:
    """What the node itself asks the user, the oldest first; None if it asks nothing."""
    mine = [one for one in state.pending.values() if one.node == node_id and one.item is None]
    return min(mine, key=lambda one: one.since_ts, default=None)


def most_telling(state: SessionState) -> str:
    """The node to look at first: one at work, else one that failed, else the first."""
    for wanted in (State.RUNNING, State.FAILED):
        for node in state.nodes.values():
            if node.state is wanted and not asks(state, node.id):
                return node.id
    return next(iter(state.nodes), "")


def mark_of(state: SessionState, node: NodeState) -> Mark:
    """The node's mark: that of its state, or that of a question."""
    if not state.approved_rev:
        return MARKS[State.WAITING]
    return ASK if state.pending and asks(state, node.id) else MARKS[node.state]


def name_of(node_id: str, limit: int = NAME_WIDTH) -> str:
    """The node's id, fit to be shown."""
    return one_line(node_id, limit)


def listed(names: Iterable[str], most: int = 5) -> str:
    """The first `most` names, fit to be shown, and how many more there are."""
    shown = [name_of(name, 40) for name in names]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most:,} more" if len(shown) > most else "")


def took_s(node: NodeState, moment: Moment) -> float | None:
    """Seconds that it was at work, all tries together; None before the first start, between tries, and of questions."""
    if node.started_mono is None or node.pool == QUESTIONS:
        return None
    if node.ended_mono is None and not node.running and node.items is None:
        return None
    return at_work_s(node, moment.session)


def queue_s(node: NodeState, moment: Moment) -> float | None:
    """Seconds between ready and started, or until now; None if it has not been ready."""
    if node.ready_mono is None:
        return None
    if node.started_mono is not None and node.started_mono >= node.ready_mono:
        return node.started_mono - node.ready_mono
    return max(0.0, moment.session - node.ready_mono) if not node.ended else None


def short_detail(state: SessionState, node: NodeState, moment: Moment, room: int = 9) -> str:
    """How the node stands, in at most nine cells (or four, if there is only `room` for so many): boxes and lists."""
    if not state.approved_rev:
        return _kind(state, node)
    if node.items is not None and not node.ended:
        return say.percent(node.items.done, node.items.total)
    pending = asked(state, node.id) if state.pending and not node.ended else None
    if pending is not None:
        return f"asks {say.ago(moment.wall - pending.since_ts)}" if room > 7 else "asks"
    if node.state in (State.RETRYING, State.THROTTLED) and node.retry_at is not None:
        left = node.retry_at - moment.session
        if left < say.SOON_S:
            return "waits" if room > 7 else ""
        return f"{'in ' if room > 7 else ''}{say.clock(ceil(left))}"
    if reads_items(state, node):
        return "reading" if room > 7 else ""
    if node.state is State.WAITING:
        return f"needs {node.unmet}" if node.unmet and room > 7 else ""
    return taken_words(node, moment)


def taken_words(node: NodeState, moment: Moment) -> str:
    """How long it took or has been taking, ``1.8s+`` where nobody knows when it ended; empty before the first start."""
    taken = took_s(node, moment)
    if taken is None:
        return ""
    return say.clock(taken) if node.running else f"{say.took(taken)}{'+' if node.state is State.INTERRUPTED else ''}"


def _kind(state: SessionState, node: NodeState) -> str:
    plan_node = state.plan_nodes.get(node.id)
    return "" if plan_node is None else f"map {plan_node.kind}" if plan_node.map else plan_node.kind


def detail(state: SessionState, node: NodeState, moment: Moment, glyphs: Glyphs) -> str:
    """How the node stands in a phrase: what it waits for, why it failed, what it is doing."""
    if node.items is not None:
        return _map_detail(node, node.items, moment.session)
    pending = asked(state, node.id) if state.pending else None
    if pending is not None:
        return f"asks you {say.ago(moment.wall - pending.since_ts)} ago: {one_line(pending.question, 80)}"
    error = one_line(node.error.message, 120) if node.error else ""
    return _PHRASES.get(node.state, _no_phrase)(state, node, moment, glyphs) or error


def _again(state: SessionState, node: NodeState, moment: Moment, glyphs: Glyphs) -> str:
    why = one_line(node.error.message, 120) if node.error else ""
    limit = state.plan_nodes[node.id].retry.limit if node.id in state.plan_nodes else 0
    limit = limit if node.error is None else retries_after(limit, node.error.kind)
    tries = f" {node.tries + 1}/{limit + 1}" if limit else ""
    return f"retry{tries}{_when(state, node, moment)}{_after(why, glyphs)}"


def _when(state: SessionState, node: NodeState, moment: Moment) -> str:
    """Until when it waits that is tried again; once that is past, where it waits for a place."""
    if node.retry_at is None:
        return ""
    left = node.retry_at - moment.session
    if left >= say.SOON_S:
        return f" in {say.clock(ceil(left))}"
    if state.status is Status.PAUSED:
        return " once the session goes on"
    return f", {_waits_in(state, node) or 'waits for a place'}"


def throttled_words(state: SessionState, node: NodeState, moment: Moment, glyphs: Glyphs) -> str:
    """Why a node waits for a provider: until when or where, who said what; and that it is not charged for it."""
    told = moment.refused.get((node.id, None))
    who = one_line((told.pool if told is not None else "") or node.pool, 40) or "the provider"
    who = "this machine" if told is not None and told.by_machine else who
    said = one_line(told.message, 120) if told is not None else ""
    return f"again{_when(state, node, moment)}, not charged{_after(f'{who} said {said or 429}', glyphs)}"


def _no_phrase(state: SessionState, node: NodeState, moment: Moment, glyphs: Glyphs) -> str:
    return ""


def _cut_short(state: SessionState) -> str:
    if state.status is Status.CRASHED:
        return "its host died meanwhile: whether it got done is not known"
    return "cut short, may have taken effect: retry or skip"


def _skipped(node: NodeState) -> str:
    if node.cause == BY_CONDITION:
        return "its condition does not hold"
    return "by you" if node.cause == "user" else f"since {name_of(node.cause or '?')} did not succeed"


_PHRASES: dict[State, Callable[[SessionState, NodeState, Moment, Glyphs], str]] = {
    State.RETRYING: _again,
    State.THROTTLED: throttled_words,
    State.SKIPPED: lambda _s, node, _m, _g: _skipped(node),
    State.WAITING: lambda state, node, _m, _g: _waits_for(state, node) if state.approved_rev else "",
    State.READY: lambda state, node, moment, _: _reads(state, node, moment) or _waits_in(state, node),
    State.HELD: lambda state, _n, _m, _g: "paused by you" if state.approved_rev else "",
    State.INTERRUPTED: lambda state, *_: _cut_short(state),
    State.STALE: lambda *_: "it or an input was changed after it ran: re-run what is stale",
    State.SUCCEEDED: lambda _s, node, _m, _g: "reused" if node.reused else "",
    State.RUNNING: lambda _s, node, _m, _g: "stopping" if node.cancelled or node.restart else "",
}


def _after(text: str, glyphs: Glyphs) -> str:
    return f" {glyphs.dot} {text}" if text else ""


def reads_items(state: SessionState, node: NodeState) -> bool:
    """Whether it is a map whose items are being read: of tens of thousands that takes its time."""
    plan_node = state.plan_nodes.get(node.id)
    is_map = plan_node is not None and plan_node.map is not None
    return is_map and node.items is None and node.state is State.READY and state.status is Status.RUNNING


def _reads(state: SessionState, node: NodeState, moment: Moment) -> str:
    if not reads_items(state, node):
        return ""
    spec = state.plan_nodes[node.id].map
    source = "" if spec is None else one_line(spec.path or spec.node or "", 40)
    age = queue_s(node, moment)
    return f"reading its items{f' from {source}' if source else ''}{f' {say.clock(age)}' if age is not None else ''}"


def _waits_in(state: SessionState, node: NodeState) -> str:
    """Where a node that is ready waits for a place, and what holds that pool, or all of them, back."""
    plan_node = state.plan_nodes.get(node.id)
    if plan_node is None or not state.approved_rev or state.status is not Status.RUNNING:
        return ""
    pool = pool_of(state, plan_node, node.tries)
    told = state.paced.get(pool)
    if total_binds(state, pool):
        return f"waits for a place: {state.limits.concurrency} at once is your limit for all pools together"
    binds = f" ({told.binding})" if told is not None and told.binding != "none" else ""
    return f"waits for a place in {one_line(pool, 40)}{binds}"


def total_binds(state: SessionState, pool: str) -> bool:
    """Whether the user's limit for all pools together keeps back what waits for `pool`, and not the pool itself."""
    limits, told = state.limits, state.paced.get(pool)
    if limits.concurrency is None or state.in_flight < limits.concurrency:
        return False
    if told is not None and told.binding not in ("", "none", "user"):
        return False
    cap = limits.pools.get(pool)
    return cap is None or cap > sum(tally.open for tally in state.measures.tallies.values() if tally.pool == pool)


def _waits_for(state: SessionState, node: NodeState) -> str:
    plan_node = state.plan_nodes.get(node.id)
    if plan_node is None or not node.unmet:
        return ""
    for need in plan_node.needs:
        if not state.nodes[need].ended:
            more = f" +{node.unmet - 1}" if node.unmet > 1 else ""
            return f"waits for {name_of(need)}{more}"
    return f"waits for {node.unmet}"


_COUNTED = (
    (State.RUNNING, "running"), (State.INTERRUPTED, "interrupted"), (State.RETRYING, "retrying"),
    (State.THROTTLED, "throttled"), (State.CANCELLED, "cancelled"),
)  # fmt: skip


def _map_detail(node: NodeState, items: Items, mono: float) -> str:
    told = progress(node, mono)
    parts = [f"{say.count(items.done)}/{say.count(items.total)}"]
    if items.count(State.FAILED):
        parts.append(f"{say.count(items.count(State.FAILED))} failed")
    if node.reused:
        parts.append(f"{say.count(node.reused)} reused")
    parts += pace(told, short=True) if told else ()
    for state, word in _COUNTED:
        number = items.count(state)
        if number:
            parts.append(f"{say.count(number)} {word}")
    return ", ".join(parts)


def map_bar(items: Items, glyphs: Glyphs, size: int = BAR) -> Line:
    """``━━━━━━──── 61%``."""
    done, rest = glyphs.bar(items.done, items.total, size)
    role: Span = (done, "failed" if items.count(State.FAILED) and items.ended == items.total else "bar")
    return role, (rest, "rest"), (f" {say.percent(items.done, items.total):>4}", "text")


def writes_markdown(plan_node: Node | None) -> bool:
    """Whether what it gives is a text for people, as models write them."""
    return plan_node is not None and plan_node.kind in ("prompt", "merge", "agent")


def model_of(plan_node: Node | None, node: NodeState) -> str:
    """The model that answers, or the tier it will come from, or the kind of the node."""
    if node.model:
        return one_line(node.model, 40)
    if plan_node is None:
        return ""
    model = getattr(plan_node.spec, "model", None)
    return one_line(model, 40) if model else plan_node.kind


def _strength(node: NodeState, mark: Mark) -> Role:
    if node.running or mark is ASK:
        return "strong"
    return "muted" if node.state in (State.WAITING, State.SKIPPED) else "text"


def box_line(state: SessionState, node: NodeState, moment: Moment, glyphs: Glyphs, size: int, room: int) -> Line:
    """A node's box in one line of `size` cells; `room` is what is left for details after the name."""
    mark = mark_of(state, node)
    icon = glyphs.icon(mark)
    name_room = max(1, size - room - glyphs.icon_width - 1)
    strength = _strength(node, mark)
    head: list[Span] = [
        (icon, mark.role),
        (" ", "text"),
        (fit(name_of(node.id), name_room, ellipsis=glyphs.cut), strength),
    ]
    if not room:
        return tuple(head)
    if node.items is not None and not node.ended and room >= BAR + 6:
        bar = map_bar(node.items, glyphs, room - 6)
        return (*head, (" ", "text"), *bar)
    words = "asks you" if mark is ASK else short_detail(state, node, moment, room - 1)
    if room > 12 and not words and node.state not in (State.WAITING, State.HELD):
        words = mark.word
    return (*head, (fit(" " + words, room, right=True, ellipsis=glyphs.cut), mark.role if mark is ASK else "muted"))


def under_line(state: SessionState, node: NodeState, moment: Moment, glyphs: Glyphs, size: int) -> Line:
    """The second line of a box: how the node stands, below its name."""
    mark = mark_of(state, node)
    indent = " " * (glyphs.icon_width + 1)
    room = size - len(indent)
    if node.items is not None and not node.ended:
        done, rest, words = map_bar(node.items, glyphs, max(3, room - 5))
        return ((indent, "text"), done, rest, words)
    asking = mark is ASK
    words_of = "asks you" if asking else short_detail(state, node, moment, room) or (mark.word if node.ended else "")
    return ((indent + fit(words_of, room, ellipsis=glyphs.cut), mark.role if asking else "muted"),)


def list_line(state: SessionState, node: NodeState, moment: Moment, glyphs: Glyphs, size: int, name_room: int) -> Line:
    """A node in the rail list: icon, name, time, tokens, and the phrase of :func:`detail` in what is left."""
    mark = mark_of(state, node)
    strength = _strength(node, mark)
    spans: list[Span] = [
        (glyphs.icon(mark), mark.role),
        (" ", "text"),
        (fit(name_of(node.id, 60), name_room, ellipsis=glyphs.cut), strength),
    ]
    left = size - glyphs.icon_width - 1 - name_room
    if left >= 8:
        words = short_detail(state, node, moment)
        if cells(words) >= 8 and cells(name_of(node.id, 60)) >= name_room:  # no gap would be left behind the name
            words = short_detail(state, node, moment, 7)
        spans.append((fit(words, 8, right=True), "muted"))
        left -= 8
    if left >= 30:
        tokens = say.short(node.spent.tokens) if node.spent.tokens else ""
        spans.append((fit(tokens, 7, right=True), "muted"))
        left -= 7
    if left >= 12:
        spans.append(("  ", "text"))
        spans.extend(_rest(state, node, moment, glyphs, left - 2))
    return tuple(spans)


def _rest(state: SessionState, node: NodeState, moment: Moment, glyphs: Glyphs, size: int) -> Line:
    if node.items is not None and not node.ended and size >= 18:
        bar = map_bar(node.items, glyphs, BAR)
        room = size - width(bar) - 2
        return (
            *bar[:2],
            ("  ", "text"),
            (shorten(_map_detail(node, node.items, moment.session), room + 5, glyphs.cut), "muted"),
        )
    words = detail(state, node, moment, glyphs)
    role: Role = "bad" if node.state is State.FAILED else "ask" if state.pending and asks(state, node.id) else "muted"
    return ((shorten(words, size, glyphs.cut), role),)
