"""Watching a session without a workbench: one line per change of a state, or one JSON line per event."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from swarmtui.cli.console import Console, duration, money
from swarmtui.cli.following import AnyFeed, Place, name_of, open_feed
from swarmtui.cli.lines import DETAIL_CHARS, Printer
from swarmtui.host.client import WireFeed
from swarmtui.host.exits import Exit, of_status
from swarmtui.host.feed import Link
from swarmtui.host.locate import seen_status
from swarmtui.host.rest import at_rest
from swarmtui.plan.model import JSON
from swarmtui.plan.problems import listed
from swarmtui.safety.text import one_line
from swarmtui.session.events import BudgetReached, Event
from swarmtui.session.folder import SessionFolder
from swarmtui.session.metrics import metrics
from swarmtui.session.state import Pending, SessionState
from swarmtui.session.summary import counts
from swarmtui.session.vocabulary import FINAL, STUCK, State, Status, why_paused, why_so


def watch(place: Place, console: Console, *, from_seq: int = 1, max_wait_s: float | None = None) -> int:
    """Print what happens from event `from_seq` on until the session rests; the exit code that says how it stands.

    With `max_wait_s` it gives up after so long without a connection. Raises Unreachable, LogError.
    """
    try:
        return asyncio.run(_watch(place, console, from_seq, max_wait_s))
    except KeyboardInterrupt:
        return _left(place, console, "interrupted", Exit.INTERRUPTED)
    except _Told as told:
        return _left(place, console, *_LEAVE_ON[told.signal])


def _left(place: Place, console: Console, how: str, code: Exit) -> Exit:
    """Whoever watched was told to leave: the session is not theirs to end."""
    called = name_of(place)
    with contextlib.suppress(OSError):  # the terminal may be gone
        console.warn(
            f"{how}; session {called} goes on: `swarmtui attach {called}` watches it, "
            f"`swarmtui ctl {called} cancel` ends it"
        )
    return code


_LEAVE_ON = {signal.SIGTERM: ("terminated", Exit.SIGNALLED), signal.SIGHUP: ("hung up on", Exit.HUNG_UP)}
"""Signal -> what it does to whoever watches, and the exit code."""


class _Told(Exception):
    """A signal said to leave."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.signal = number


@contextlib.contextmanager
def _leaving_on_signals() -> Iterator[None]:
    """Within the block a signal of :data:`_LEAVE_ON`, unless it was ignored, ends the task with :class:`_Told`."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    heard: list[signal.Signals] = []

    def hear(number: signal.Signals) -> None:
        heard.append(number)
        if task is not None:
            task.cancel()

    obeyed = [number for number in _LEAVE_ON if signal.getsignal(number) is not signal.SIG_IGN]
    for number in obeyed:
        loop.add_signal_handler(number, hear, number)
    try:
        yield
    except asyncio.CancelledError:
        if not heard:
            raise
        raise _Told(heard[0]) from None
    finally:
        for number in obeyed:
            loop.remove_signal_handler(number)


async def _watch(place: Place, console: Console, from_seq: int, max_wait_s: float | None) -> int:
    with _leaving_on_signals():
        return await _watched(place, console, from_seq, max_wait_s)


async def _watched(place: Place, console: Console, from_seq: int, max_wait_s: float | None) -> int:
    feed = await open_feed(place, name="headless", whole=True, from_seq=from_seq, max_wait_s=max_wait_s)
    try:
        printer = Printer(console)
        await follow(feed, lambda event: printer.print(event) if event.seq >= from_seq else None, warn=console.warn)
        status = standing(place, feed)
        left_for_disk = isinstance(feed, WireFeed) and feed.exit_code == Exit.DISK
        code = Exit.DISK if left_for_disk or _gone(place) else exit_code(feed.state, status)
        finish(place, feed.state, status, code, console)
        return code
    finally:
        await feed.close()


async def follow(
    feed: AnyFeed,
    take: Callable[[Event], None],
    *,
    through_pauses: bool = True,
    warn: Callable[[str], None] = lambda text: None,
) -> None:
    """Hand every event to `take` until the session rests, or its host has gone.

    A rest on the way to how it stands now is none. A pause by a person is waited through, since a person can end it; so
    is one by the disk, which ends by itself.
    `warn` is told of what the host cannot do for now, and of a link that is broken. Raises Unreachable where that link
    is given up.
    """
    told, broken = "", False
    while True:
        await feed.wait()
        if feed.status.trouble != told and (feed.status.trouble or feed.status.link is Link.LIVE):
            told = feed.status.trouble
            warn(told or "the session file can be written again")
        for event in feed.drain().events:
            take(event)
        link = feed.status.link
        if (link is Link.RECONNECTING) != broken:
            broken = not broken
            warn(f"connection lost: {feed.status.note}; trying again" if broken else "connected again")
        if link is Link.ARCHIVE:
            if feed.at_end:
                return
        elif link in (Link.ENDED, Link.CRASHED):
            if isinstance(feed, WireFeed) and feed.given_up is not None:
                raise feed.given_up
            if not (isinstance(feed, WireFeed) and feed.recorded) or feed.at_end:
                return
        elif feed.at_end and feed.state.host_pid is not None and at_rest(feed.state):
            paused_by_hand = feed.state.status is Status.PAUSED and feed.state.reason in ("user", "signal")
            if not (paused_by_hand and through_pauses):
                return


def standing(place: Place, feed: AnyFeed) -> Status:
    """The session's status as it is, crashes included; of one whose files are gone, as it was seen last."""
    if feed.status.link not in (Link.ARCHIVE, Link.ENDED, Link.CRASHED):
        return feed.state.status
    if _gone(place):
        return feed.state.status if feed.state.status in FINAL else Status.CRASHED
    if isinstance(place, SessionFolder):
        return seen_status(place, feed.state.status)
    return feed.status.seen or feed.state.status


def _gone(place: Place) -> bool:
    return isinstance(place, SessionFolder) and not place.db.exists()


def exit_code(state: SessionState, status: Status) -> Exit:
    """The code with which to leave a session that stands so."""
    if status is Status.PAUSED and state.reason == "disk":
        return Exit.DISK
    if status is Status.PAUSED and state.host_pid is None:
        return Exit.LOST
    return of_status(status)


# -- the end --------------------------------------------------------------------------------------------------


def finish(place: Place, state: SessionState, status: Status, code: Exit, console: Console) -> None:
    """Print how the session stands, and what to do next where something is to be done."""
    if console.json:
        console.emit(summary_line(place, state, status, code))
    else:
        for line in _closing_lines(place, state, status):
            console.say(line)
    advice = _after_disk(place) if code is Exit.DISK else _advice(place, state, status)
    if advice:
        console.warn(advice)


def summary_line(place: Place, state: SessionState, status: Status, code: Exit) -> dict[str, JSON]:
    """The last line of ``--json``."""
    return {
        "type": "summary",
        "id": state.id,
        "status": status.value,
        "exit_code": int(code),
        "counts": counts(state),
        "metrics": metrics(state),
        "report_path": report_path(place, state),
        "simulated": state.simulated,
        "reason": state.reason,
    }


def report_path(place: Place, state: SessionState) -> str | None:
    """Where the report lies: the user's copy if there is one, absolute. On another machine, as scp calls it."""
    if not isinstance(place, SessionFolder):
        return None if state.report_copy is None else f"{place.address.destination}:{state.report_copy}"
    if state.report_copy is not None:
        return state.report_copy
    return None if state.report_path is None else str(place.path / state.report_path)


def _closing_lines(place: Place, state: SessionState, status: Status) -> list[str]:
    figures = metrics(state)
    nodes = ", ".join(f"{count} {name}" for name, count in counts(state).items()) or "no nodes"
    if status is Status.AWAITING_APPROVAL:  # nobody holds them: they wait for the plan
        nodes = f"{len(state.nodes)} node{'s' if len(state.nodes) != 1 else ''}"
    parts = [f"{status.value} after {duration(figures['wall_s'])}", nodes]
    if state.spent.attempts:
        tokens = figures["tokens_in"] + figures["tokens_out"]
        calls = figures["model_calls"]
        parts.append(f"{calls} model call{'s' if calls != 1 else ''}, {tokens:,} tokens, {money(figures['cost_usd'])}")
    told = status in (Status.SUCCEEDED, Status.FAILED) and all(part in nodes for part in state.reason.split(", "))
    why = "" if told else why_so(status, state.reason)
    reason = f": {one_line(why, DETAIL_CHARS)}" if why else ""
    lines = [" · ".join(parts) + reason]
    path = report_path(place, state)
    if path is not None:
        lines.append(f"report: {path}")
    elif state.report_path is not None:
        lines.append(f"report: `swarmtui show {name_of(place)} --report` prints it")
    if state.simulated:
        lines.append("SIMULATED: answers were made up by the built-in stand-in; nothing that rests on them is a result")
    return lines


def _after_disk(place: Place) -> str:
    id = name_of(place)
    if _gone(place):
        return f"the files of session {id} are gone, and so is its host: nothing is left to go on with"
    return (
        f"the host of {id} left because its disk took nothing more; what it had recorded is safe: "
        f"make room, then `swarmtui resume {id}` goes on"
    )


def _advice(place: Place, state: SessionState, status: Status) -> str | None:
    id = name_of(place)
    asked = sorted((one for one in state.pending.values() if one.kind != "plan"), key=lambda one: one.since_ts)
    if status is Status.AWAITING_APPROVAL:
        return (
            f"session {id} waits for approval of its plan (revision {state.plan_rev}, {len(state.nodes)} nodes): "
            f"`swarmtui graph {id}` shows it, `swarmtui ctl {id} approve` runs it"
        )
    if status is Status.CRASHED:
        return f"the host of {id} is gone without a goodbye: `swarmtui resume {id}` goes on"
    if status is Status.PAUSED:
        return _of_paused(place, state)
    if status is Status.RUNNING and asked:
        return _asks(id, asked[0])
    if status is Status.RUNNING:
        caught = [node.id for node in state.nodes.values() if node.state is State.INTERRUPTED]
        if caught:
            return (
                f"a crash caught {', '.join(caught)}, which may have changed something: `swarmtui ctl {id} "
                f"retry {caught[0]}` repeats it, `done` says that it was done, `skip` leaves it out"
            )
    return None


def _asks(id: str, asked: Pending) -> str:
    """What is asked, and how it is answered."""
    ctl = f"`swarmtui ctl {id}"
    if asked.kind == "change":
        what = f": {asked.question}" if asked.question else ""
        return (
            f"session {id} proposes a change of its plan{what}: `swarmtui show {id} --change {asked.id}` shows it, "
            f"{ctl} approve --change {asked.id}` takes it, {ctl} reject --change {asked.id} TEXT` asks for another"
        )
    if asked.kind == "permission":
        choices = " | ".join(f"'{choice}'" for choice in asked.choices)
        return f"session {id} asks: {asked.question}: answer with {ctl} answer {asked.id} {choices}`"
    return f"session {id} asks: {asked.question}: answer with {ctl} answer {asked.id} TEXT`"


def _of_paused(place: Place, state: SessionState) -> str:
    id = name_of(place)
    if state.status is not Status.PAUSED:
        log = place.host_log if isinstance(place, SessionFolder) else "its host.log there"
        return f"the host of {id} stopped: {log} says why; `swarmtui resume {id}` goes on"
    if state.budget is not None:
        return _more_budget(id, state, state.budget)
    how = f"swarmtui resume {id}" if state.host_pid is None else f"swarmtui ctl {id} resume"
    caught = [node.id for node in state.nodes.values() if node.state is State.INTERRUPTED]
    if state.reason in ("resumed", STUCK) and caught:
        return (
            f"session {id} is paused: {listed(caught)} was cut short and may have changed something: "
            f"`swarmtui ctl {id} retry|done|skip {caught[0]}`, then `{how}`"
        )
    spent = next((node for node in state.nodes.values() if node.held and node.budget is not None), None)
    if state.reason == STUCK and spent is not None and spent.budget is not None:
        change = f"`swarmtui ctl {id} change {spent.id} budget.{spent.budget.kind}=N`"
        return (
            f"session {id} is paused: {spent.id} has used up its budget of {spent.budget.limit:g} "
            f"{spent.budget.kind}: {change} raises it, `swarmtui ctl {id} release {spent.id}` lets it go beyond"
        )
    held = [node.id for node in state.nodes.values() if node.held]
    if state.reason == STUCK and held:
        release = f"`swarmtui ctl {id} release {held[0]}`"
        return f"session {id} is paused: all that is left waits for {listed(held)}, which you hold: {release}"
    why = why_paused(state.reason)
    return f"session {id} is paused{f' ({why})' if why else ''}: `{how}` goes on"


def _more_budget(id: str, state: SessionState, budget: BudgetReached) -> str:
    how = f"`swarmtui ctl {id} set {budget.kind}=N` with more, or with none, lets it go on"
    if state.host_pid is None:
        how = f"`swarmtui resume {id}` brings its host back, then {how}"
    return f"session {id} is paused, its budget of {budget.limit:g} {budget.kind} being spent: {how}"
