"""A gate in front of each provider: whether one more call may go now. The scheduler asks it before every start."""

from __future__ import annotations

from typing import Protocol

from swarmtui.frozen import frozen


@frozen
class Admission:
    """May a call go now? If not: when to ask again, in session seconds; None: after the next event of that pool."""

    go: bool
    retry_at: float | None = None


class Admits(Protocol):
    """What a gate answers: :class:`Admission` is one, the pacer's answer another."""

    @property
    def go(self) -> bool:
        """Whether the call may go."""

    @property
    def retry_at(self) -> float | None:
        """When to ask again if not."""


class Gate(Protocol):
    """What paces the calls of every model pool of a session."""

    def admit(self, pool: str, now: float, tokens: int) -> Admits:
        """May one more call of about `tokens` tokens (0: unknown) go in model pool `pool` at session second `now`?

        Changes nothing that counts. A yes is followed at once, before the next question, by the decision to start one
        attempt: whoever carries that out tells the gate that the call counts, and later how it ended. With nothing in
        flight in the pool the answer is yes or has a `retry_at`.
        """
