"""Two sessions held against each other, node by node: a fork and its parent, or two runs of one task. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from difflib import unified_diff
from enum import StrEnum

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.session.metrics import cost_usd
from swarmtui.session.paths import at_work_s
from swarmtui.session.spent import Spent
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ENDED, Output, State, Status

CONTEXT_LINES = 3
MOST_LINES = 4_000
"""Of what differs, so many lines are held against each other: beyond that it takes too long, and nobody reads it."""
LONG_LINE = 200
"""Characters above which a line is taken apart into sentences: a model writes a paragraph as one line."""
PRETTY_CHARS = 1_000_000
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")


class Outputs(StrEnum):
    """How two outputs of one node relate."""

    NONE = "none"
    """Neither session has one."""
    SAME = "same"
    DIFFERENT = "different"
    ONLY_A = "only A"
    ONLY_B = "only B"


@frozen
class Side:
    """A node in one of the two sessions."""

    state: State
    took_s: float
    """Seconds in which an attempt of it was in flight."""
    cost_usd: float | None
    """None: not known."""
    tokens: int
    attempts: int
    model: str | None
    items: int | None = None
    """Of a map: items that there are."""
    succeeded: int | None = None
    """Of these, those that succeeded."""
    asks: bool = False
    """Whether it waits for a person's answer."""


@frozen
class NodeRow:
    """One node, in both sessions where both have it."""

    id: str
    a: Side | None
    b: Side | None
    output: Outputs
    edited: bool
    """Whether the two plans say different things about it."""
    shared: bool
    """It ended before one session was forked from the other, or both from a third: there is one result, paid once."""

    @property
    def equal(self) -> bool:
        """Whether there is nothing to see: the same end and the same output."""
        same_end = self.a is not None and self.b is not None and self.a.state is self.b.state
        return same_end and not self.edited and self.output in (Outputs.SAME, Outputs.NONE)


@frozen
class Total:
    """One of the sessions as a whole."""

    id: str
    title: str
    status: Status
    took_s: float
    """Seconds of work."""
    cost_usd: float | None
    tokens: int
    attempts: int
    succeeded: int
    nodes: int
    simulated: bool = False
    """Whether a model of it is the built-in stand-in: every view must say so."""


@frozen
class Comparison:
    """Both sessions."""

    rows: tuple[NodeRow, ...]
    """In the order of `b`'s plan; what only `a` has comes last."""
    a: Total
    b: Total
    common: Total | None
    """What is in both totals since both sessions began with it; None if they have no past in common."""

    def to_json(self) -> dict[str, JSON]:
        """For scripts."""
        return {
            "a": asdict(self.a),
            "b": asdict(self.b),
            "common": None if self.common is None else asdict(self.common),
            "nodes": [{**asdict(row), "equal": row.equal} for row in self.rows],
        }


def common_past(a: SessionState, b: SessionState) -> int:
    """Seq of the last event that both sessions have in common as far as they tell; 0 if none.

    Told is by a fork alone which session it left where: of two forks of one parent, the earlier point counts.
    """
    for child, parent in ((a, b), (b, a)):
        if child.parent is not None and child.parent.id == parent.id:
            return child.parent.seq
    if a.parent is not None and b.parent is not None and a.parent.id == b.parent.id:
        return min(a.parent.seq, b.parent.seq)
    return 0


def compare(a: SessionState, b: SessionState, common: SessionState | None = None) -> Comparison:
    """Hold `a` against `b`. `common` is the state after :func:`common_past`, if there is one."""
    ids = [*b.nodes, *(node_id for node_id in a.nodes if node_id not in b.nodes)]
    rows = tuple(_row(node_id, a, b) for node_id in ids)
    return Comparison(rows, _total(a), _total(b), None if common is None else _total(common))


def output_diff(a_text: str, b_text: str) -> list[str]:
    """What differs between two outputs, as lines that begin with ``-``, ``+``, a blank or ``@@``; none if nothing does.

    JSON is compared as JSON is laid out, prose by sentences. Not cleaned.
    """
    if a_text == b_text:
        return []
    a_lines, b_lines = _lines(*_laid_out(a_text, b_text))
    if a_lines == b_lines:
        return []
    before = _common_length(a_lines, b_lines)
    after = _common_length(a_lines[before:][::-1], b_lines[before:][::-1])
    if max(len(a_lines), len(b_lines)) - before - after > MOST_LINES:
        return [*_cut(a_lines, before, after, "-"), *_cut(b_lines, before, after, "+")]
    return list(unified_diff(a_lines, b_lines, n=CONTEXT_LINES, lineterm=""))[2:]


def _row(node_id: str, a: SessionState, b: SessionState) -> NodeRow:
    ours, theirs = a.nodes.get(node_id), b.nodes.get(node_id)
    both = ours is not None and theirs is not None
    return NodeRow(
        node_id,
        None if ours is None else _side(a, ours),
        None if theirs is None else _side(b, theirs),
        _outputs(None if ours is None else ours.output, None if theirs is None else theirs.output),
        both and a.plan_nodes[node_id] != b.plan_nodes[node_id],
        ours is not None and theirs is not None and _is_shared(ours, theirs),
    )


def _side(state: SessionState, node: NodeState) -> Side:
    return Side(
        node.state,
        at_work_s(node, state.mono),
        cost_usd(node.spent),
        node.spent.tokens,
        node.attempts,
        node.model,
        None if node.items is None else node.items.total,
        None if node.items is None else node.items.count(State.SUCCEEDED),
        not node.ended and any(pending.node == node.id for pending in state.pending.values()),
    )


def _is_shared(a: NodeState, b: NodeState) -> bool:
    """Whether one and the same attempt brought both to an end: no two end in the same instant."""
    ended = a.state in ENDED and b.state in ENDED and a.ended_ts is not None
    return ended and (a.started_ts, a.ended_ts, a.attempts) == (b.started_ts, b.ended_ts, b.attempts)


def _outputs(a: Output | None, b: Output | None) -> Outputs:
    if a is None or b is None:
        return Outputs.NONE if a is b else Outputs.ONLY_B if a is None else Outputs.ONLY_A
    same = (a.text, a.size, a.sha) == (b.text, b.size, b.sha)
    return Outputs.SAME if same else Outputs.DIFFERENT


def _total(state: SessionState) -> Total:
    spent: Spent = state.spent
    return Total(
        state.id,
        state.title or state.goal,
        state.status,
        state.active_s,
        cost_usd(spent),
        spent.tokens,
        state.starts,
        state.counts.get(State.SUCCEEDED, 0),
        len(state.nodes),
        state.simulated,
    )


# -- outputs ------------------------------------------------------------------------------------------------------


def _laid_out(a_text: str, b_text: str) -> tuple[str, str]:
    """Two JSON documents with a line for each of their parts; any other texts as they are."""
    both = []
    for text in (a_text, b_text):
        if not text.lstrip().startswith(("{", "[")) or len(text) > PRETTY_CHARS:
            return a_text, b_text
        try:
            both.append(json.dumps(json.loads(text), indent=2, ensure_ascii=False))
        except (ValueError, RecursionError):
            return a_text, b_text
    return both[0], both[1]


def _lines(*texts: str) -> tuple[list[str], ...]:
    return tuple([part for line in text.splitlines() for part in _parts(line)] for text in texts)


def _parts(line: str) -> Iterator[str]:
    if len(line) <= LONG_LINE:
        yield line
    else:
        yield from _SENTENCE.split(line)


def _common_length(a: Sequence[str], b: Sequence[str]) -> int:
    """How many lines at the start of both are the same."""
    for at, (ours, theirs) in enumerate(zip(a, b, strict=False)):
        if ours != theirs:
            return at
    return min(len(a), len(b))


def _cut(lines: Sequence[str], before: int, after: int, sign: str) -> Iterator[str]:
    """The beginning of what differs, where there is too much of it."""
    middle = lines[before : len(lines) - after]
    shown = middle[: MOST_LINES // 40]
    yield f"@@ line {before + 1}: {len(middle)} lines of {len(lines)} @@"
    yield from (f"{sign}{line}" for line in shown)
    if len(middle) > len(shown):
        yield f"@@ {len(middle) - len(shown)} more lines that differ @@"
