"""How the items of a map stand: a table of arrays, since a map may have a million of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

from swarmtui.frozen import mutable
from swarmtui.session.vocabulary import DONE, ENDED, Chunk, ErrorInfo, State

if TYPE_CHECKING:
    Numbers = array[int]
else:
    Numbers = array  # takes no parameter before Python 3.12

STATES: tuple[State, ...] = tuple(State)
CODE: dict[State, int] = {state: code for code, state in enumerate(STATES)}

MOST_ITEMS = 10_000_000
"""Items that one map may have: a table of them takes 100 MB."""
COUNT_TYPE = "I"
"""Of arrays with a count or a seq per item."""
COST_TYPE = "Q"
MARK_EVERY_S = 2.0
MARKS_KEPT = 31
IDLE_S = 10.0
_COUNT_BYTES = array(COUNT_TYPE).itemsize
_COST_BYTES = array(COST_TYPE).itemsize
_MOST_COST = 2**64 - 1


@mutable
class Items:
    """Per-item state of a map, a few bytes per item."""

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}
    total: int
    codes: bytearray
    """State of each item, as an index into STATES."""
    attempts: Numbers
    """Attempts made of each item since the map was expanded."""
    seqs: Numbers
    """Seq of each item's last success, where its output is to be found; 0 if there is none."""
    costs: Numbers = field(default_factory=lambda: array(COST_TYPE))
    """One more than the nano-dollars that each item has cost, 0 where no price is known; empty until one is."""
    base: int = 0
    """Added to `attempts` it gives an attempt's number: a map that is expanded anew counts on, so that none repeats."""
    tries: dict[int, int] = field(default_factory=dict)
    """Tries that count against the retry limit, of items that have begun and not ended."""
    retry_at: dict[int, float] = field(default_factory=dict)
    """When a retrying or throttled item is due, in session seconds."""
    repeats: dict[int, int] = field(default_factory=dict)
    """How often an item was repeated by itself because a crash caught it, since it last ended."""
    cancelled: list[int] = field(default_factory=list)
    """Items that the user cancelled while an attempt at them runs: they end once that is over, however it is."""
    errors: dict[int, ErrorInfo] = field(default_factory=dict)
    """Last error of items that have not succeeded since."""
    counts: dict[State, int] = field(default_factory=dict)
    chunks: tuple[Chunk, ...] = ()
    malformed: int = 0
    duplicates: int = 0
    marks: list[tuple[float, int]] = field(default_factory=list)
    """(session second, items ended by then) every few seconds of late: what rate and forecast rest on."""
    ended_mono: float = 0.0
    """Session second at which an item last ended."""

    @classmethod
    def fresh(cls, total: int, chunks: tuple[Chunk, ...] = (), malformed: int = 0, base: int = 0) -> Items:
        """A table of `total` items, all ready. Raises ValueError for more than MOST_ITEMS, or fewer than none."""
        if not 0 <= total <= MOST_ITEMS:
            raise ValueError(f"a map of {total:,} items: at most {MOST_ITEMS:,} can be told apart")
        counts = {State.READY: total} if total else {}
        return cls(
            total,
            bytearray([CODE[State.READY]]) * total,
            array(COUNT_TYPE, bytes(total * _COUNT_BYTES)),
            array(COUNT_TYPE, bytes(total * _COUNT_BYTES)),
            base=base,
            counts=counts,
            chunks=chunks,
            malformed=malformed,
        )

    def state(self, item: int) -> State:
        """State of one item; IndexError if the map has no such item."""
        return STATES[self.codes[item]]

    def move(self, item: int, state: State) -> None:
        """Set one item's state and keep the counts right."""
        old = STATES[self.codes[item]]
        if old is state:
            return
        self.codes[item] = CODE[state]
        left = self.counts[old] - 1
        if left:
            self.counts[old] = left
        else:
            del self.counts[old]
        self.counts[state] = self.counts.get(state, 0) + 1

    def count(self, *states: State) -> int:
        """How many items are in any of `states`."""
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def done(self) -> int:
        """How many items were gone through, with whatever result: what is told as so many of so many, wherever it is.
        Those that were cancelled have ended, too, and are not done."""
        return self.count(*DONE)

    @property
    def ended(self) -> int:
        """How many items have ended."""
        return self.count(*ENDED)

    @property
    def highest_number(self) -> int:
        """The number of the attempt with the highest one among all items; O(items)."""
        return self.base + max(self.attempts, default=0)

    def where(self, state: State) -> Iterator[int]:
        """Indices of the items in `state`, ascending."""
        code = CODE[state]
        at = self.codes.find(code)
        while at >= 0:
            yield at
            at = self.codes.find(code, at + 1)

    def charge(self, item: int, cost_usd: float) -> None:
        """Add to what an item has cost."""
        if not self.costs:
            self.costs = array(COST_TYPE, bytes(self.total * _COST_BYTES))
        self.costs[item] = min(max(self.costs[item], 1) + round(cost_usd * 1e9), _MOST_COST)

    def cost_usd(self, item: int) -> float | None:
        """What an item has cost, over all its attempts whose price is known; None if none is."""
        known = self.costs[item] if self.costs else 0
        return (known - 1) / 1e9 if known else None

    def frozen(self) -> Items:
        """A copy of what tells how items ended, for a thread to read while the state goes on."""
        table = Items(self.total, self.codes[:], self.attempts[:], self.seqs[:])
        table.errors, table.chunks, table.costs = dict(self.errors), self.chunks, self.costs[:]
        return table

    def begin_anew(self, mono: float) -> None:
        """Items start again after none ran: if that was long, what lies before it says nothing of the rate."""
        if not self.marks or mono - self.ended_mono >= IDLE_S:
            self.marks = [(mono, self.ended)]

    def mark(self, mono: float) -> None:
        """Note how many items had ended by session second `mono`, if the last note is old enough."""
        self.ended_mono = mono
        if not self.marks or mono - self.marks[-1][0] >= MARK_EVERY_S:
            self.marks.append((mono, self.ended))
            if len(self.marks) > MARKS_KEPT:
                del self.marks[0]
