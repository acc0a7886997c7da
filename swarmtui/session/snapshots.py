"""When a snapshot of the state is due, and what it holds."""

from __future__ import annotations

import json

from swarmtui.plan.model import Plan, plan_to_json
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import state_to_json

LEAST_EVENTS = 1_000
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class Snapshots:
    """Snapshots of one session: each once the events since the last one weigh as much as that one did."""

    def __init__(self, seq: int) -> None:
        """`seq` is that of the last event before this host."""
        self._seq = seq
        self._bytes = 0
        self._plan: tuple[Plan, str] | None = None

    def due(self, state: SessionState, weight: int) -> bool:
        """Whether to take one now, `weight` being the bytes of event data since the last one."""
        return state.seq - self._seq >= LEAST_EVENTS and weight >= self._bytes

    def take(self, state: SessionState) -> bytes:
        """The state as the reader takes it up again."""
        data = state_to_json(state, columns=True)
        text = _ENCODER.encode(data)
        if state.plan is not None:
            text = f'{text[:-1]},"plan":{self._plan_text(state.plan)}}}'
        taken = text.encode()
        self._seq, self._bytes = state.seq, len(taken)
        return taken

    def _plan_text(self, plan: Plan) -> str:
        """The plan as JSON: half of the work where nothing but nodes' states has changed since the last time."""
        if self._plan is None or self._plan[0] is not plan:
            self._plan = plan, _ENCODER.encode(plan_to_json(plan))
        return self._plan[1]
