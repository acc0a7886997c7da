"""Where in a past somebody is: the state there, what comes next, and how much of the time until then has passed.

It neither reads a clock nor waits: :mod:`swarmtui.host.replay` tells it how much time has passed, and what was read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from swarmtui.host.gathering import Gathering
from swarmtui.host.spreading import Spreading
from swarmtui.host.tempo import Tempo, gap_between
from swarmtui.session.events import Event
from swarmtui.session.marks import mark_of
from swarmtui.session.state import SessionState


class Playhead:
    """A place between two events, with the events ahead as far as they are held."""

    def __init__(self, tempo: Tempo) -> None:
        self.tempo = tempo
        self.gathered = Gathering()
        self._ahead: deque[tuple[float, Event]] = deque()
        """What comes next, with the time at which it does on the clock of `_at`."""
        self._at = 0.0
        """Seconds of the session since the last jump, times without a host included."""
        self._spreading = Spreading()

    @property
    def state(self) -> SessionState:
        """After the last event."""
        return self.gathered.state

    @property
    def held(self) -> int:
        """How many events ahead are held."""
        return len(self._ahead)

    @property
    def end(self) -> int:
        """Seq of the last event that is held; 0 before there is any."""
        return self._ahead[-1][1].seq if self._ahead else self.state.seq

    @property
    def gap(self) -> float:
        """Seconds of the session between the last event and the next; 0 where that is not held."""
        return gap_between(self.state, self._ahead[0][1]) if self._ahead else 0.0

    @property
    def share(self) -> float:
        """How much of the gap has passed, from 0 to 1."""
        return self.tempo.share(self.gap) if self.tempo.passed else 0.0

    @property
    def ts(self) -> float:
        """Epoch seconds here."""
        share = self.share
        return self.state.ts + share * (self._ahead[0][1].ts - self.state.ts) if share else self.state.ts

    @property
    def mono(self) -> float:
        """Seconds on the session's own clock here."""
        share = self.share
        return self.state.mono + share * (self._ahead[0][1].mono - self.state.mono) if share else self.state.mono

    @property
    def passes_over(self) -> float | None:
        """How long the gap is that takes less than it took; None where it takes what it took."""
        gap, limit = self.gap, self.tempo.idle_limit
        return gap if limit is not None and gap > limit else None

    def due_s(self) -> float | None:
        """Seconds of who watches until the next event; None where that is not held."""
        return self.tempo.due_s(self.gap) if self._ahead else None

    def spend(self, seconds: float) -> float | None:
        """Let so many seconds of the session pass: what is left of them once the next event is due; None before."""
        return self.tempo.spend(seconds, self.gap) if self._ahead else None

    def set_idle_limit(self, seconds: float | None) -> None:
        """Change how long a gap lasts at most, from now on."""
        self.tempo.set_idle_limit(seconds, self.gap)

    # -- moving -----------------------------------------------------------------------------------------------

    def take(self) -> bool:
        """Fold the next event in; whether it is a mark."""
        self._at, event = self._ahead.popleft()
        rest = self._spreading.at_end(event)
        self.gathered.apply(event)
        if rest is not None:
            self.gathered.stream(rest)
        return mark_of(event) is not None

    def jump(self, state: SessionState) -> None:
        """Be somewhere else; what comes next there is not known yet."""
        self.gathered.reset(state)
        self._ahead.clear()
        self._spreading.clear()
        self._at = 0.0

    def extend(self, events: Iterable[Event]) -> None:
        """Hold these, which follow on what is held."""
        at, before = self._ahead[-1] if self._ahead else (self._at, self.state)
        for event in events:
            at += gap_between(before, event)
            self._ahead.append((at, event))
            self._spreading.foresee(event, at)
            before = event

    def speak(self) -> None:
        """Gather what running attempts have said by now."""
        for piece in self._spreading.until(self._at + self.share * self.gap, self.state):
            self.gathered.stream(piece)
