"""What the scheduler says is to be done next: each decision is recorded as an event by whoever carries it out."""

from __future__ import annotations

from swarmtui.frozen import frozen
from swarmtui.session.vocabulary import Status


@frozen
class Start:
    """Start an attempt: record AttemptStarted with this pool and these times."""

    node: str
    item: int | None
    pool: str
    queue_s: float = 0.0
    """Seconds it was ready and waited for a place under the user's limits."""
    throttle_s: float = 0.0
    """Seconds it was ready and its provider, or the gate in front of it, let nothing through."""


@frozen
class Judge:
    """The node is ready but for its condition: call ``Scheduler.judged``, or record NodeSkipped, or AttemptStarted and
    AttemptFailed if what it is about cannot be had."""

    node: str


@frozen
class Expand:
    """Read a map's items: record MapExpanded, or AttemptStarted and AttemptFailed if they cannot be had."""

    node: str


@frozen
class Skip:
    """The ends of its needs do not let the node run: record NodeSkipped."""

    node: str
    cause: str


@frozen
class FinishMap:
    """All items have ended: record MapFinished."""

    node: str


@frozen
class StopForBudget:
    """A budget is used up while there is work to start: record BudgetReached. With `node` it is that node's own."""

    kind: str
    spent: float
    limit: float
    node: str | None = None
    in_flight: int = 0
    expected: float = 0.0


@frozen
class WarnOfBudget:
    """The soft line of a budget was passed: record BudgetWarned."""

    kind: str
    spent: float
    limit: float
    node: str | None = None


@frozen
class Stuck:
    """Nothing runs, nothing is due, nobody is asked, and not all have ended: record Noted, and pause for ``stuck``."""

    cause: str
    """What waits for what, in a sentence for the user."""


@frozen
class Replan:
    """Everything has ended, something failed, and a change of the plan may mend it: record ChangeProposed, or
    ChangeDecided if there is none."""


@frozen
class Finish:
    """Everything has ended: record SessionFinished."""

    status: Status
    reason: str


Decision = Start | Judge | Expand | Skip | FinishMap | StopForBudget | WarnOfBudget | Stuck | Replan | Finish
