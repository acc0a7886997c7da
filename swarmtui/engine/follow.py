"""What an event that a command recorded asks for besides: told, not done, so that real and virtual time share it."""

from __future__ import annotations

from swarmtui.frozen import frozen
from swarmtui.session.events import (
    Body,
    NodeCancelled,
    NodeRetried,
    PlanPatched,
    PlanProposed,
    PlanRejected,
    QuestionAnswered,
    SessionCancelRequested,
    SessionPaused,
)


@frozen
class StopAttempts:
    """Stop what runs of a node, or of all nodes."""

    node: str | None
    hold: bool
    """Whether what is stopped goes back to where it was, to be started again later, instead of being over."""
    item: int | None = None
    """Of a map, this item alone."""


@frozen
class StopQuestions:
    """Let questions of a node, or of all nodes, end without an answer."""

    node: str | None
    hold: bool = False
    """Whether they are to be asked again later, instead of being over."""
    item: int | None = None


@frozen
class Answer:
    """End the question that a node, or an item, waits with."""

    node: str
    item: int | None
    text: str


@frozen
class TellAnswer:
    """Give what runs of a node the answer to what it asked about a call; what is suspended finds it in its thread."""

    node: str
    call: str
    text: str


@frozen
class AskPlanner:
    """Have the planner write another revision."""

    feedback: str


@frozen
class StopPlanner:
    """Nobody waits for the planner's answer any more."""


@frozen
class ForgetPlan:
    """What was worked out of the plan before is void."""


Follow = StopAttempts | StopQuestions | Answer | TellAnswer | AskPlanner | StopPlanner | ForgetPlan


def follows(body: Body) -> tuple[Follow, ...]:
    """What `body`, which has just been recorded, asks for besides, in order."""
    asked: tuple[Follow, ...] = ()
    match body:
        case PlanProposed():
            asked = (ForgetPlan(),)
        case PlanPatched(restart=names):
            asked = (ForgetPlan(), *_restarted(names))
        case NodeRetried(restart=names):
            asked = _restarted(names)
        case PlanRejected(feedback=feedback) if feedback:
            asked = (AskPlanner(feedback),)
        case SessionCancelRequested():
            asked = (StopPlanner(), StopQuestions(None), StopAttempts(None, hold=False))
        case SessionPaused(now=True):
            asked = (StopAttempts(None, hold=True),)
        case NodeCancelled(node=node, item=item):
            asked = (StopQuestions(node, item=item), StopAttempts(node, hold=False, item=item))
        case QuestionAnswered(node=node, item=item, answer=answer, call=""):
            asked = (Answer(node, item, answer),)
        case QuestionAnswered(node=node, call=call, answer=answer):
            asked = (TellAnswer(node, call, answer),)
    return asked


def _restarted(names: tuple[str, ...]) -> tuple[Follow, ...]:
    """Stop what runs of nodes that begin anew."""
    questions = (StopQuestions(name, hold=True) for name in names)
    return (*questions, *(StopAttempts(name, hold=True) for name in names))
