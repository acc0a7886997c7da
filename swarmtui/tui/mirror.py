"""What others do to the session, told as it happens: who, and what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from swarmtui.frozen import mutable
from swarmtui.session.events import CommandApplied, Event
from swarmtui.tui.view.logs import log_line
from swarmtui.tui.view.nodes import name_of

KEPT = 1_000
"""The latest events of which is remembered whose they were, and the latest seqs of this viewer's own commands."""


@mutable
class Mirror:
    """Tells the work of others from this viewer's own.

    A viewer does not know under which name it acts: it learns that from what its own commands left in the log. While
    an answer is outstanding, what came in meanwhile may be its own, and waits.
    """

    asked: int = 0
    """Commands of this viewer whose answer is outstanding."""
    own: dict[int, None] = field(default_factory=dict)
    """Seqs of what this viewer did, in the order in which it learnt of them."""
    name: str = ""
    _waiting: list[Event] = field(default_factory=list)
    _actors: dict[int, str] = field(default_factory=dict)

    def answered(self, seq: int | None) -> None:
        """A command of this viewer took effect at `seq`; None: it did not, or nobody knows."""
        self.asked -= 1
        if seq is not None:
            self.own[seq] = None
            if len(self.own) > KEPT:
                del self.own[next(iter(self.own))]
            self.name = self._actors.get(seq, self.name)

    def told(self, events: Iterable[Event]) -> list[str]:
        """What others did, a line for each of them: of events that arrived, and of those that waited."""
        for event in events:
            if event.actor and not isinstance(event.body, CommandApplied):
                self._waiting.append(event)
            if event.actor:
                self._actors[event.seq] = event.actor
                if event.seq in self.own:
                    self.name = event.actor
        while len(self._actors) > KEPT:
            del self._actors[next(iter(self._actors))]
        if self.asked > 0 or not self._waiting:
            return []
        arrived, self._waiting = self._waiting, []
        by_actor: dict[str, list[Event]] = {}
        for event in arrived:
            if event.actor and event.actor != self.name and event.seq not in self.own:
                by_actor.setdefault(event.actor, []).append(event)
        return [_line(of_one) for of_one in by_actor.values()]


def _line(events: list[Event]) -> str:
    """``ada@laptop: quality held``, and how many more there are."""
    last = log_line(events[-1])
    more = f" (and {len(events) - 1} more)" if len(events) > 1 else ""
    return f"{last.actor}: {name_of(last.node) + ' ' if last.node else ''}{last.text}{more}"
