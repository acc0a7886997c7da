"""What waits for the user, in one list: the plan, questions, permissions, changes, what was cut short. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen, mutable
from swarmtui.safety.text import one_line
from swarmtui.session.caught import caught
from swarmtui.session.vocabulary import State, Status
from swarmtui.tui.view import document
from swarmtui.tui.view import format as say
from swarmtui.tui.view.column import Column
from swarmtui.tui.view.matching import filter_of
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.order import natural

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState, Pending, SessionState
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.lines import Line, Role, Span
    from swarmtui.tui.view.moment import Moment

CAUGHT = "cut short"
NAMED = 5
"""Items that were cut short and are named before the rest is counted."""
_WORDS: dict[str, tuple[str, Role]] = {
    "plan": ("plan", "accent"),
    "question": ("question", "ask"),
    "permission": ("permission", "warn"),
    "change": ("change", "accent"),
    CAUGHT: (CAUGHT, "interrupted"),
}


@frozen
class Waiting:
    """One thing that waits for the user."""

    key: str
    """Unique within the session, and the same as long as it waits."""
    kind: str
    """``plan``, ``question``, ``permission``, ``change`` or :data:`CAUGHT`."""
    since_ts: float
    node: str = ""
    item: int | None = None
    agent: str = ""
    tool: str = ""
    words: str = ""
    """What is asked, not clean."""
    pending: Pending | None = None

    @property
    def asked(self) -> tuple[str, float]:
        """Its key, and since when: a node that asks again asks under the same key."""
        return self.key, self.since_ts

    @property
    def who(self) -> str:
        """Who asks, clean."""
        if self.kind == "plan":
            return "the planner"
        node = name_of(self.node or "the planner", 40) + ("" if self.item is None else f"[{self.item}]")
        return f"{name_of(self.agent)} ({node})" if self.agent and self.agent != self.node else node


def waiting(state: SessionState) -> list[Waiting]:
    """All that waits, the oldest first; what began at the same moment by name, so that nothing jumps."""
    found = [_asked(state, pending) for pending in state.pending.values()]
    if state.status is not Status.CRASHED:
        found += [_caught(state, node) for node in caught(state)]
    return sorted(found, key=lambda one: (one.since_ts, natural(one.key)))


def _asked(state: SessionState, pending: Pending) -> Waiting:
    words = pending.question
    if pending.kind == "plan":
        words = (
            f"revision {pending.plan_rev or state.plan_rev}, {say.nodes(len(state.plan_nodes))}, waits to be approved"
        )
    if pending.kind == "change" and (change := state.proposed.get(pending.id)) is not None:
        words = change.note or f"{say.nodes(len(change.put))} to be put, {len(change.drop)} to go"
    return Waiting(
        pending.id, pending.kind, pending.since_ts, pending.node or "", pending.item, pending.agent, pending.tool,
        words, pending,
    )  # fmt: skip


def _caught(state: SessionState, node: NodeState) -> Waiting:
    since = node.cut_ts or node.started_ts or state.ts  # an older host does not tell when it was cut short
    words = f"{node.error.message}: " if node.error else ""
    return Waiting(f"caught:{node.id}", CAUGHT, since, node.id, words=f"{words}{_cut_words(node)}")


def _cut_words(node: NodeState) -> str:
    """What is not known of it; of a map, of how many of its items and of which."""
    if node.items is None or not (number := node.items.count(State.INTERRUPTED)):
        return "it may have taken effect or not"
    named = ", ".join(map(str, islice(node.items.where(State.INTERRUPTED), NAMED)))
    more = f" and {say.count(number - NAMED)} more" if number > NAMED else ""
    they = "it" if number == 1 else "each of them"
    return (
        f"{say.count(number)} of {say.count(node.items.total)} items ({named}{more}) cut short, "
        f"{they} may have taken effect or not"
    )


def several_cut(node: NodeState) -> bool:
    """Whether what was cut short of it are items, and more than one."""
    return node.items is not None and node.items.count(State.INTERRUPTED) > 1


def matching(found: Sequence[Waiting], text: str) -> list[Waiting]:
    """Those in which all words of `text` occur; ``!word`` must not."""
    fits = filter_of(text)
    return [one for one in found if fits(f"{one.kind} {one.node} {one.agent} {one.tool} {one.words}")]


def same_tool(found: Sequence[Waiting], this: Waiting) -> list[Waiting]:
    """The permissions that ask for the same tool as `this`, it among them; none of what is no permission."""
    if this.kind != "permission" or not this.tool:
        return []
    return [one for one in found if one.kind == "permission" and one.tool == this.tool]


def after(found: Sequence[Waiting], answered: Waiting) -> Waiting | None:
    """What comes next once `answered` is: the next younger one, else the oldest of all; None when nothing waits."""
    rest = [one for one in found if one.key != answered.key]
    place = (answered.since_ts, natural(answered.key))
    return next((one for one in rest if (one.since_ts, natural(one.key)) > place), rest[0] if rest else None)


def terminal_title(number: int, title: str, glyphs: Glyphs) -> str:
    """What the terminal is called while something waits."""
    sign = "*" if glyphs.ascii else "●"
    return one_line(f"{sign} {say.need_you(number)} {glyphs.dash} {title}", 120)


QUEUE_COLUMNS: tuple[Column, ...] = (
    Column("age", "age", 4, 9, right=True),
    Column("kind", "kind", 10, 10),
    Column("who", "who", 22, 8),
    Column("words", "what", 0, 10),
)


@mutable
class QueueRows:
    """What waits, as rows."""

    found: Sequence[Waiting]
    sort: tuple[str, bool] = ("", False)

    @property
    def columns(self) -> Sequence[Column]:
        """Age, kind, who and what."""
        return QUEUE_COLUMNS

    def __len__(self) -> int:
        return len(self.found)

    def key(self, at: int) -> str:
        """What identifies it."""
        return self.found[at].key

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one."""
        one = self.found[at]
        word, role = _WORDS.get(one.kind, (one_line(one.kind, 10), "text"))
        what = f"{one.tool}: {one.words}" if one.tool else one.words
        return {
            "age": (say.ago(moment.wall - one.since_ts), "muted"),
            "kind": (word, role),
            "who": (one.who, "strong"),
            "words": (one_line(what, 200), "text"),
        }


def asked_lines(state: SessionState, one: Waiting, width: int) -> list[Line]:
    """What one asks, whole."""
    from swarmtui.tui.view.changes import change_lines

    lines: list[Line] = [((f"{one.who}: {_WORDS.get(one.kind, (one.kind, 'text'))[0]}", "muted"),), ()]
    pending = one.pending
    change = state.proposed.get(one.key) if one.kind == "change" else None
    if change is not None and state.plan is not None:
        return [*lines, *change_lines(state, change)(width)]
    lines += document.verbatim(one.words, width, "strong")
    if pending is not None and pending.detail:
        lines += [(), *document.verbatim(pending.detail, width)]
    if pending is not None and pending.choices and one.kind == "question":
        lines += [(), *(line for choice in pending.choices for line in document.verbatim(f"- {choice}", width))]
    return lines


def calls_lines(found: Sequence[Waiting], width: int, waits: Collection[str]) -> list[Line]:
    """Several permissions, each shown whole, numbered: a yes is to all that is read here and of `waits`."""
    lines: list[Line] = []
    for number, one in enumerate(found, 1):
        gone = () if one.key in waits else ((" waits no longer", "warn"),)
        lines += [((f"{number}. ", "accent"), (one.who, "strong"), *gone)]
        lines += document.verbatim(one.words, width, "muted")
        if one.pending is not None and one.pending.detail:
            lines += document.verbatim(one.pending.detail, width)
        lines.append(())
    return lines
