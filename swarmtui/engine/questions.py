"""Questions that wait for the user: attempts of `ask` nodes between being asked and being answered or given up."""

from __future__ import annotations

from collections.abc import Callable

from swarmtui.engine.ports import Done, Stopped, Terminal
from swarmtui.engine.results import Live
from swarmtui.plan.model import AskSpec
from swarmtui.safety.redact import Redactor
from swarmtui.session.events import Body, Event, QuestionAsked
from swarmtui.session.pools import QUESTIONS
from swarmtui.session.state import SessionState


class Questions:
    """The open questions of one session. `end` records how such an attempt ended."""

    def __init__(
        self,
        state: SessionState,
        record: Callable[[Body], Event],
        end: Callable[[Live, Terminal], None],
        redactor: Redactor,
    ) -> None:
        self._state = state
        self._record = record
        self._end = end
        self._redactor = redactor
        self._open: dict[tuple[str, int | None], Live] = {}

    def take_over(self) -> None:
        """Go on waiting for the answers that an earlier host had asked for."""
        state = self._state
        for pending in state.pending.values():
            if pending.kind == "question" and pending.node is not None and not pending.call:
                number = state.nodes[pending.node].attempts_of(pending.item)
                live = Live(pending.node, pending.item, number, QUESTIONS, state.seq, state.mono, submitted=True)
                self._open[pending.node, pending.item] = live

    def ask(self, live: Live, spec: AskSpec) -> None:
        """Put a question to the user."""
        live.submitted = True
        self._open[live.node, live.item] = live
        self._record(QuestionAsked(live.node, self._redactor.redact(spec.question), spec.choices, live.item))

    def answer(self, node: str, item: int | None, text: str) -> None:
        """The user has answered."""
        live = self._open.pop((node, item), None)
        if live is not None:
            self._end(live, Done("", text))

    def stop(self, node: str | None, item: int | None = None, *, hold: bool = False) -> None:
        """Give up the questions of a node or of one item, or all; `hold`: to be asked again instead of being over."""
        for key, live in list(self._open.items()):
            if node is None or (live.node == node and item in (None, live.item)):
                live.stop, live.hold = True, hold
                self._end(self._open.pop(key), Stopped(""))
