"""When a snapshot of the state is due, and what it holds."""

from __future__ import annotations

import json
import zlib

from swarmtui.plan.model import Plan, plan_to_json
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import PlanMemory, state_from_json, state_to_json

LEAST_EVENTS = 1_000
OUTWEIGHED = 4
"""How many times a snapshot's weight the events since must have: what bounds the work of a host for them, and how far
a seek has to fold."""
MOST_BYTES = 256 * 1024**2
"""What a snapshot may come to when it is unpacked; a file that has a larger one is read without it."""
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class Snapshots:
    """Snapshots of one session: each once the events since the last one outweigh that several times."""

    def __init__(self, seq: int) -> None:
        """`seq` is that of the last event before this host."""
        self._seq = seq
        self._bytes = 0
        self._plan: tuple[Plan, str] | None = None

    def due(self, state: SessionState, weight: int) -> bool:
        """Whether to take one now, `weight` being the bytes of event data since the last one."""
        return state.seq - self._seq >= LEAST_EVENTS and weight >= OUTWEIGHED * self._bytes

    def take(self, state: SessionState) -> bytes:
        """The state as :func:`taken_up` takes it up again: JSON, which shrinks to a tenth at next to no cost."""
        data = state_to_json(state, columns=True)
        text = _ENCODER.encode(data)
        if state.plan is not None:
            text = f'{text[:-1]},"plan":{self._plan_text(state.plan)}}}'
        taken = zlib.compress(text.encode(), 1)
        self._seq, self._bytes = state.seq, len(taken)
        return taken

    def _plan_text(self, plan: Plan) -> str:
        """The plan as JSON: half of the work where nothing but nodes' states has changed since the last time."""
        if self._plan is None or self._plan[0] is not plan:
            self._plan = plan, _ENCODER.encode(plan_to_json(plan))
        return self._plan[1]


def taken_up(taken: bytes, memory: PlanMemory | None = None) -> SessionState:
    """The state that a snapshot holds; files of earlier versions hold the JSON as it is.

    Raises ValueError and the like if it is none.
    """
    if taken[:1] == b"{":
        return state_from_json(json.loads(taken), memory)
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(taken, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"no snapshot: {error}") from error
    if not unpacking.eof:
        raise ValueError("no snapshot: it is cut off, or far too large")
    return state_from_json(json.loads(text), memory)
