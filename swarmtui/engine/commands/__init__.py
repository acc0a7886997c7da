"""What a viewer can ask of a session: each command checked against the state before anything is recorded.

``plan_events(state, method, params)`` gives the events of which the command's effect consists, or refuses with a
sentence that says why and what would work. It is pure: what must be done besides (stopping a worker, calling the
planner) the conductor derives from the events it records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from swarmtui.engine.commands import changes, limits, nodes, plans, retries, session, undo
from swarmtui.engine.commands.plans import ParsePlan, ResolveModel
from swarmtui.engine.commands.refusal import (
    INVALID_PARAMS,
    REFUSED,
    STALE_PLAN,
    UNKNOWN_METHOD,
    Params,
    Refused,
)
from swarmtui.plan.model import ModelRef
from swarmtui.plan.problems import listed, shown
from swarmtui.session.events import Body, SessionResumed
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import STUCK, Status

__all__ = [
    "INVALID_PARAMS",
    "METHODS",
    "REFUSED",
    "STALE_PLAN",
    "UNKNOWN_METHOD",
    "ParsePlan",
    "Refused",
    "ResolveModel",
    "known_models_only",
    "plan_events",
]

_METHODS: Mapping[str, Callable[[SessionState, Params], list[Body]]] = {
    "session.pause": session.pause,
    "session.resume": session.resume,
    "session.cancel": session.cancel,
    "plan.approve": session.approve,
    "plan.reject": session.reject,
    "node.pause": nodes.hold,
    "node.resume": nodes.release,
    "node.retry": retries.retry,
    "node.skip": nodes.skip,
    "node.cancel": nodes.stop,
    "node.mark_done": nodes.mark_done,
    "node.priority": nodes.prioritise,
    "nodes.retry_failed": retries.retry_failed,
    "nodes.rerun_stale": retries.rerun_stale,
    "answer": session.answer,
    "marker.add": session.mark,
    "change.accept": changes.accept,
    "change.edit": changes.edit,
    "change.reject": changes.reject,
    "limits.set": limits.change,
    "undo": undo.undo,
    "redo": undo.redo,
}

METHODS: tuple[str, ...] = (*_METHODS, "plan.edit", "plan.patch")
"""Every command there is."""


def known_models_only(name: str, known: dict[str, ModelRef]) -> ModelRef:
    """What resolves a model's name where nothing but the session is there to ask: not at all."""
    raise Refused(f"no model {shown(name)!r} in this session; it has {listed(known) or 'none'}")


def plan_events(
    state: SessionState, method: str, params: Params, parse: ParsePlan, resolve: ResolveModel = known_models_only
) -> list[Body]:
    """The events that carry the command out. Raises Refused.

    `parse` reads an edited plan, `resolve` finds a model that the session does not know yet; both raise Refused.
    """
    if method == "plan.edit":
        bodies = plans.edit(state, params, parse, resolve)
    elif method == "plan.patch":
        bodies = plans.patch(state, params, resolve)
    elif method in _METHODS:
        bodies = _METHODS[method](state, params)
    else:
        raise Refused(f"this version has no command {method!r}", UNKNOWN_METHOD)
    return [*bodies, SessionResumed()] if _was_stuck(state, method) else bodies


def _was_stuck(state: SessionState, method: str) -> bool:
    """Whether the session is paused only because nothing could start, which the command may have mended: if it has
    not, the scheduler says so again."""
    stuck = state.status is Status.PAUSED and state.reason == STUCK
    return stuck and not method.startswith(("session.", "marker."))
