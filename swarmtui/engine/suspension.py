"""What an agent asks for when it lets go of its place: nodes for its tasks, a person's word, a change of the plan.

All of it is recorded in one commit with the end of the attempt, so that an agent that waits is never without what it
waits for.
"""

from __future__ import annotations

from collections.abc import Callable

from swarmtui.engine.ports import Inquiry, Suspended
from swarmtui.engine.results import Live
from swarmtui.engine.subagents import NotAllowed, given_tasks
from swarmtui.plan.model import JSON
from swarmtui.safety.redact import Redactor
from swarmtui.session.events import Event, QuestionAnswered, QuestionAsked
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import DENY, ErrorInfo, ErrorKind

HEADLESS = "headless"
"""Who refuses where nobody is there to be asked."""


class Suspension:
    """See the module. `unattended`: nobody can be asked for permission, so that it is refused."""

    def __init__(
        self, state: SessionState, record: Callable[..., Event], redactor: Redactor, *, unattended: bool = False
    ) -> None:
        self._state = state
        self._record = record
        self._redact = redactor.redact
        self._unattended = unattended

    def prepare(self, live: Live, event: Suspended) -> ErrorInfo | None:
        """Record what the attempt asks for, before it ends; or why it cannot be had."""
        if live.item is not None:
            return ErrorInfo(ErrorKind.INTERNAL, "an item of a map cannot wait for anybody")
        if not (event.assignments or event.inquiries or event.proposal):
            return ErrorInfo(ErrorKind.INTERNAL, "the agent waits for nothing")
        if self._state.nodes[live.node].open_calls_of(live.item):
            return None
        if event.assignments:
            try:
                given = given_tasks(self._state, (live.node, live.number), event.assignments)
            except NotAllowed as error:
                return ErrorInfo(ErrorKind.BLOCKED, self._redact(f"subagents are refused: {error}"))
            for body in (given.patch, *given.tasks):
                self._record(body)
        for inquiry in event.inquiries:
            self._ask(live, inquiry)
        return None

    def _ask(self, live: Live, inquiry: Inquiry) -> None:
        agent, tool = live.tools.get(inquiry.call, ("", ""))
        self._record(
            QuestionAsked(
                live.node,
                self._redact(inquiry.question),
                inquiry.choices,
                None,
                inquiry.kind,
                inquiry.call,
                self._redact(inquiry.detail),
                agent,
                tool,
            ),
            durable=True,
        )

    def suspended(self, live: Live) -> None:
        """The attempt has ended: say no where nobody can say anything."""
        if not self._unattended:
            return
        for pending in list(self._state.pending.values()):
            if pending.node == live.node and pending.kind == "permission":
                self._record(QuestionAnswered(live.node, DENY, None, pending.call), HEADLESS, durable=True)


def tools_called(thread: tuple[JSON, ...]) -> dict[str, tuple[str, str]]:
    """Call -> (agent, tool) of all calls that a thread asks for."""
    return {
        str(call.get("id", "")): (str(entry.get("agent") or ""), str(call.get("name", "")))
        for entry in thread
        if entry.get("role") == "assistant"
        for call in entry.get("calls") or ()
    }
