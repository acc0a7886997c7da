"""The steps of agents, recorded as they are told: in the log before anything rests on them."""

from __future__ import annotations

import json
from collections.abc import Callable

from swarmtui.engine.ports import Executor, Stepped, ToolCalled
from swarmtui.engine.results import Live
from swarmtui.engine.tasks import Spawn
from swarmtui.plan.model import JSON
from swarmtui.safety.permissions import Effect
from swarmtui.safety.redact import Redactor
from swarmtui.session import budgets
from swarmtui.session import events as ev
from swarmtui.session.log import Log
from swarmtui.session.state import SessionState

SAID_CHARS = 500
ARGUMENTS_CHARS = 200


class Steps:
    """Records what the agents of one session do."""

    def __init__(
        self,
        state: SessionState,
        log: Log,
        executor: Executor,
        redactor: Redactor,
        record: Callable[..., ev.Event],
        spawn: Spawn,
    ) -> None:
        self._state = state
        self._log = log
        self._executor = executor
        self._redactor = redactor
        self._record = record
        self._spawn = spawn

    def stepped(self, live: Live, event: Stepped) -> bool:
        """Record a step; whether its budget lets the agent go on."""
        entry = self._redactor.redact_json(event.entry)
        role = str(entry.get("role", ""))
        calls = tuple(_head(call) for call in entry.get("calls") or ())
        live.tools.update({call.id: (str(entry.get("agent") or ""), call.tool) for call in calls})
        sha = self._log.put_blob(
            json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        )
        self._log.faults.at("step.received")
        self._record(
            ev.AgentStepped(
                live.node,
                live.number,
                role,
                sha,
                live.item,
                str(entry.get("agent") or ""),
                _text(entry.get("content"))[:SAID_CHARS],
                calls,
                str(entry.get("call") or ""),
                entry.get("ok") is not False,
                event.usage,
                entry.get("tainted") is True,
            )
        )
        self._log.faults.at("step.recorded")
        # Stopped between two steps it loses nothing; an answer without calls is the last step anyway.
        open_calls = self._state.nodes[live.node].open_calls_of(live.item)
        return role == "assistant" or bool(open_calls) or not self._used_up(live)

    def called(self, live: Live, event: ToolCalled) -> None:
        """Record that a tool is about to be called; the worker is told once that is in the file."""
        redact = self._redactor.redact
        recorded = self._record(
            ev.ToolCalled(
                live.node,
                live.number,
                event.agent,
                event.call,
                event.tool,
                live.item,
                redact(event.arguments)[:SAID_CHARS],
                event.effect,
                redact(event.why),
            ),
            durable=event.effect is Effect.WRITE,
        )
        self._log.faults.at("call.recorded")
        self._spawn(self._tell(event.attempt, event.call, recorded.seq), f"call {event.call} of {event.attempt}")

    async def _tell(self, attempt: str, call: str, seq: int) -> None:
        await self._log.committed(seq)
        self._log.faults.at("call.committed")
        self._executor.recorded(attempt, call)

    def _used_up(self, live: Live) -> bool:
        """Whether a budget is used up, so that no further call of a model may be made."""
        state, node = self._state, self._state.nodes[live.node]
        own = state.plan_nodes[live.node].budget
        now = self._log.clock.now()
        if own is not None and budgets.reached(own, budgets.used_by_node(node, now), node.waived) is not None:
            return True
        return budgets.reached(state.limits.budget, budgets.used_by_session(state, now)) is not None


def _head(call: JSON) -> ev.CallHead:
    return ev.CallHead(
        str(call.get("id", "")), str(call.get("name", "")), _text(call.get("arguments"))[:ARGUMENTS_CHARS]
    )


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
