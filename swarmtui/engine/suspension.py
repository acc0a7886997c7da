"""What an agent asks for when it lets go of its place: nodes for its tasks, a person's word, a change of the plan.

All of it is recorded in one commit with the end of the attempt, so that an agent that waits is never without what it
waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from swarmtui.engine import changes
from swarmtui.engine.ports import Inquiry, Suspended
from swarmtui.engine.results import Live
from swarmtui.engine.subagents import NotAllowed, given_tasks
from swarmtui.plan.model import JSON, PlanSpec
from swarmtui.safety.redact import Redactor
from swarmtui.session.events import ChangeProposed, Event, QuestionAnswered, QuestionAsked
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import DENY, ErrorInfo, ErrorKind

HEADLESS = "headless"
"""Who refuses where nobody is there to be asked."""


class Suspension:
    """See the module. `unattended`: nobody can be asked for permission, so that it is refused; `approve`: what plan
    nodes propose is accepted."""

    def __init__(
        self,
        state: SessionState,
        record: Callable[..., Event],
        redactor: Redactor,
        *,
        unattended: bool = False,
        approve: bool = False,
    ) -> None:
        self._state = state
        self._record = record
        self._redact = redactor.redact
        self._unattended = unattended
        self._approve = approve

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
        if event.proposal is not None:
            try:
                change = changes.proposal(self._state, live.node, event.proposal)
            except NotAllowed as error:
                return ErrorInfo(ErrorKind.BLOCKED, self._redact(f"the proposal is refused: {error}"))
            self._record(replace(change, note=self._redact(change.note)), durable=True)
        for inquiry in event.inquiries:
            self._ask(live, inquiry)
        return None

    def _accept(self, change: ChangeProposed) -> None:
        why = "asked to approve" if self._approve else "the plan says so"
        for body in changes.accepted(self._state, change):  # it was checked when it was made, in this very step
            self._record(body, why, durable=True)

    def ask_running(self, live: Live, inquiry: Inquiry) -> str | None:
        """Record what an attempt asks that goes on meanwhile; the answer, where it is one at once."""
        if live.item is not None:
            return f"{DENY}: an item of a map cannot wait for anybody"
        self._ask(live, inquiry)
        if not (self._unattended and inquiry.kind == "permission"):
            return None
        self._record(QuestionAnswered(live.node, DENY, None, inquiry.call), HEADLESS, durable=True)
        return DENY

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
                inquiry.tool or tool,
            ),
            durable=True,
        )

    def suspended(self, live: Live) -> None:
        """The attempt has ended: decide what nobody is to be asked, or can be."""
        for change in list(self._state.proposed.values()):
            if change.node == live.node and (self._approve or _by_itself(self._state, live.node)):
                self._accept(change)
        for pending in list(self._state.pending.values()):
            if self._unattended and pending.node == live.node and pending.kind == "permission":
                self._record(QuestionAnswered(live.node, DENY, None, pending.call), HEADLESS, durable=True)


def _by_itself(state: SessionState, node_id: str) -> bool:
    """Whether the plan says that what a plan node proposes runs unasked."""
    spec = state.plan_nodes[node_id].spec
    return isinstance(spec, PlanSpec) and spec.approve == "auto"


def tools_called(thread: tuple[JSON, ...]) -> dict[str, tuple[str, str]]:
    """Call -> (agent, tool) of all calls that a thread asks for."""
    return {
        str(call.get("id", "")): (str(entry.get("agent") or ""), str(call.get("name", "")))
        for entry in thread
        if entry.get("role") == "assistant"
        for call in entry.get("calls") or ()
    }
