"""What a session may use, what it has used up, how fast providers let it go, and what was forecast of it."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from swarmtui.frozen import frozen
from swarmtui.plan.model import Limits


@frozen
class LimitsSet:
    """The user changed what is allowed; the whole of it as it now stands."""

    TYPE: ClassVar[str] = "limits_set"
    limits: Limits


@frozen
class BudgetReached:
    """A budget is used up: new starts stop. `kind` is ``usd``, ``tokens``, ``minutes`` or ``attempts``.

    The figures are in that unit. With `node` it is that node's own budget, and only the node is held.
    """

    TYPE: ClassVar[str] = "budget_reached"
    kind: str
    spent: float
    limit: float
    node: str | None = None
    in_flight: int = 0
    """Model calls that go on to their end, and are paid for."""
    expected: float = 0.0
    """What these will presumably use, of a budget of money or tokens."""


@frozen
class BudgetWarned:
    """The soft line of a budget was passed; work goes on. Fields as in :class:`BudgetReached`."""

    TYPE: ClassVar[str] = "budget_warned"
    kind: str
    spent: float
    limit: float
    node: str | None = None


@frozen
class PoolPaced:
    """What the pacer of a pool allows now, and why: recorded when it changed by enough to be told."""

    TYPE: ClassVar[str] = "pool_paced"
    pool: str
    window: float
    """Attempts that may be in flight."""
    rate_per_min: float | None = None
    """Starts per minute; None: only the window binds."""
    binding: str = "none"
    """``wall``, ``rpm``, ``tpm``, ``latency``, ``outage``, ``user`` or ``none``."""
    refused: int = 0
    """Refusals since the session began."""
    why: str = ""
    others: int = 0
    """Other sessions of this machine that use the same account now, each with a pacer of its own."""


@frozen
class ForecastRow:
    """What the remaining work would take at one concurrency: quantiles over simulated runs."""

    concurrency: int | None
    """None: what the limits and pacers now allow."""
    seconds: tuple[float, float, float]
    """p10, p50, p90."""
    usd: tuple[float, float, float] | None
    """p10, p50, p90; None where a price is unknown: never zero."""
    tokens: tuple[float, float, float] | None = None


@frozen
class NodeForecast:
    """What is left of one node, in expectation."""

    calls: int
    """Attempts or items, those counted that are expected to be tried again."""
    seconds: float
    """Of one of them."""
    tokens_in: float = 0.0
    """Of all calls together."""
    tokens_out: float = 0.0
    usd: float | None = None
    """Of all calls together; None where the price is unknown, or nothing is called that has one."""


@frozen
class Forecasted:
    """A forecast of plan revision `plan_rev`, kept so that it can be held against what came of it."""

    TYPE: ClassVar[str] = "forecasted"
    plan_rev: int
    rows: tuple[ForecastRow, ...]
    basis: str = ""
    """What durations and prices it rests on, in a sentence."""
    floor_s: tuple[float, float, float] | None = None
    """p10, p50, p90 of the longest path: what no concurrency can beat."""
    enough: int | None = None
    """The least concurrency of the rows from which on more saves less than a tenth of the time."""
    nodes: dict[str, NodeForecast] = field(default_factory=dict)
    """Node -> what is expected of it; empty in what older versions wrote, and of plans that nobody could read."""


LimitsBody = LimitsSet | BudgetReached | BudgetWarned | PoolPaced | Forecasted
