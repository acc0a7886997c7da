"""What a host records as it takes a session up, before anything is decided: itself, what is likely to go wrong, and
what becomes of that which the host before left open."""

from __future__ import annotations

from collections.abc import Callable

from swarmtui.engine import recovery
from swarmtui.engine.questions import Questions
from swarmtui.engine.setup import Setup
from swarmtui.session.events import Event, HostStarted, Noted, SessionPaused, SessionResumed
from swarmtui.session.faults import Faults
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Status


def take_up(
    state: SessionState,
    host: HostStarted,
    setup: Setup,
    questions: Questions,
    record: Callable[..., Event],
    faults: Faults,
) -> None:
    """Record that `host` runs the session from here on, and settle what was open."""
    resumed, crashed = state.hosts > 0, state.host_pid is not None
    record(host, durable=True)
    faults.at("host.begun")
    for warning in setup.warnings:
        record(Noted("warning", warning))
    caught = recovery.caught_by_crash(state)
    for event in caught:
        record(event, durable=True)
    if resumed:
        record(recovery.taken_over(state, caught, crashed=crashed, leftovers=setup.leftovers), durable=True)
    questions.take_over()
    if resumed:
        _go_on(state, record, wait_if_interrupted=setup.wait_if_interrupted)


def _go_on(state: SessionState, record: Callable[..., Event], *, wait_if_interrupted: bool) -> None:
    """Let a session that is resumed go on, unless the user wants to decide first about what a crash caught."""
    if wait_if_interrupted and next(recovery.waiting_for_user(state), None) is not None:
        if state.status is Status.RUNNING:
            record(SessionPaused("resumed"), durable=True)
    elif state.status is Status.PAUSED:
        record(SessionResumed())
