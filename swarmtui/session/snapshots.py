"""When a snapshot of the state is due, and what it holds.

A snapshot is the mark of its form, then the plan that stands and the one before it, each behind its length, then the
rest of the state: JSON, which shrinks to a tenth at next to no cost. Plans are apart since they are half of the work,
and the same from one snapshot to the next: who takes up many of one session decodes them once.
"""

from __future__ import annotations

import json
import zlib

from swarmtui.plan.model import JSON, Plan, plan_to_json
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import PlanMemory, state_from_json, state_to_json

LEAST_EVENTS = 1_000
OUTWEIGHED = 2
"""How many times a snapshot's weight the events since must have: what bounds the work of a host for them, and how far
a seek has to fold."""
MOST_BYTES = 256 * 1024**2
"""What a part of a snapshot may come to when it is unpacked; a file that has a larger one is read without it."""
_PARTED = b"\1"
"""Begins a snapshot of this form. Files of earlier versions hold JSON as it is, or packed, the plans in it."""
_PLANS = ("plan", "prior_plan")
_LENGTH = 4
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class Snapshots:
    """Snapshots of one session: each once the events since the last one outweigh that several times."""

    def __init__(self, seq: int) -> None:
        """`seq` is that of the last event before this host."""
        self._seq = seq
        self._bytes = 0
        self._plans: dict[str, tuple[Plan, bytes]] = {}

    def due(self, state: SessionState, weight: int) -> bool:
        """Whether to take one now, `weight` being the bytes of event data since the last one."""
        return state.seq - self._seq >= LEAST_EVENTS and weight >= OUTWEIGHED * self._bytes

    def take(self, state: SessionState) -> bytes:
        """The state as :func:`taken_up` takes it up again."""
        taken = _PARTED + self._plan(_PLANS[0], state.plan) + self._plan(_PLANS[1], state.prior_plan)
        taken += _packed(state_to_json(state, columns=True))
        self._seq, self._bytes = state.seq, len(taken)
        return taken

    def _plan(self, name: str, plan: Plan | None) -> bytes:
        """The plan behind its length; what has not changed since the last time is not encoded anew."""
        if plan is None:
            return bytes(_LENGTH)
        known = self._plans.get(name)
        if known is None or known[0] is not plan:
            packed = _packed(plan_to_json(plan))
            known = self._plans[name] = plan, len(packed).to_bytes(_LENGTH, "big") + packed
        return known[1]


def taken_up(taken: bytes, memory: PlanMemory | None = None) -> SessionState:
    """The state that a snapshot holds, of this or an earlier version.

    Raises ValueError and the like if it is none.
    """
    memory = memory or PlanMemory()
    if taken[:1] == b"{":
        return state_from_json(json.loads(taken), memory)
    if taken[:1] != _PARTED:
        return state_from_json(_unpacked(taken), memory)
    plans: dict[str, Plan] = {}
    at = len(_PARTED)
    for name in _PLANS:
        begins = at + _LENGTH
        at = begins + int.from_bytes(taken[at:begins], "big")
        if at > begins:
            plans[name] = memory.plan(name, taken[begins:at], _unpacked)
    return state_from_json(_unpacked(taken[at:]), memory, plans)


def _packed(data: JSON) -> bytes:
    from pydantic_core import to_json

    try:
        text = to_json(data)
    except ValueError:  # lone surrogates, which json writes as escapes; what is nested too deeply
        text = _ENCODER.encode(data).encode()
    return zlib.compress(text, 1)


def _unpacked(packed: bytes) -> JSON:
    from pydantic_core import from_json

    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(packed, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"no snapshot: {error}") from error
    if not unpacking.eof:
        raise ValueError("no snapshot: it is cut off, or far too large")
    try:
        return from_json(text)
    except ValueError:  # as above
        return json.loads(text)
