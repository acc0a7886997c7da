"""Watching a session without a workbench: one line per change of a state, or one JSON line per event."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from swarmtui.cli.console import Console, duration, money
from swarmtui.cli.following import AnyFeed, open_feed
from swarmtui.cli.lines import DETAIL_CHARS, Printer
from swarmtui.host.archive import FileFeed
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
from swarmtui.session.vocabulary import STUCK, State, Status


def watch(folder: SessionFolder, console: Console, *, from_seq: int = 1) -> int:
    """Print what happens from event `from_seq` on until the session rests; the exit code that says how it stands."""
    try:
        return asyncio.run(_watch(folder, console, from_seq))
    except KeyboardInterrupt:
        return _left(folder, console, "interrupted", Exit.INTERRUPTED)
    except _Told as told:
        return _left(folder, console, *_LEAVE_ON[told.signal])


def _left(folder: SessionFolder, console: Console, how: str, code: Exit) -> Exit:
    """Whoever watched was told to leave: the session is not theirs to end."""
    with contextlib.suppress(OSError):  # the terminal may be gone
        console.warn(
            f"{how}; session {folder.id} goes on: `swarmtui attach {folder.id}` watches it, "
            f"`swarmtui ctl {folder.id} cancel` ends it"
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


async def _watch(folder: SessionFolder, console: Console, from_seq: int) -> int:
    with _leaving_on_signals():
        return await _watched(folder, console, from_seq)


async def _watched(folder: SessionFolder, console: Console, from_seq: int) -> int:
    feed = await open_feed(folder, name="headless", whole=True)
    try:
        printer = Printer(console)
        await follow(feed, lambda event: printer.print(event) if event.seq >= from_seq else None, warn=console.warn)
        status = standing(folder, feed)
        left_for_disk = isinstance(feed, WireFeed) and feed.exit_code == Exit.DISK
        code = Exit.DISK if left_for_disk else exit_code(feed.state, status)
        finish(folder, feed.state, status, code, console)
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

    A pause by a person is waited through, since a person can end it; so is one by the disk, which ends by itself.
    `warn` is told of what the host cannot do for now.
    """
    told = ""
    while True:
        await feed.wait()
        if feed.status.trouble != told:
            told = feed.status.trouble
            warn(told or "the session file can be written again")
        for event in feed.drain().events:
            take(event)
        if isinstance(feed, FileFeed):
            if feed.at_end:
                return
        elif feed.status.link in (Link.ENDED, Link.CRASHED):
            return
        elif feed.state.host_pid is not None and at_rest(feed.state):
            paused_by_hand = feed.state.status is Status.PAUSED and feed.state.reason in ("user", "signal")
            if not (paused_by_hand and through_pauses):
                return


def standing(folder: SessionFolder, feed: AnyFeed) -> Status:
    """The session's status as it is, crashes included."""
    if isinstance(feed, FileFeed) or feed.status.link in (Link.ENDED, Link.CRASHED):
        return seen_status(folder, feed.state.status)
    return feed.state.status


def exit_code(state: SessionState, status: Status) -> Exit:
    """The code with which to leave a session that stands so."""
    if status is Status.PAUSED and state.reason == "disk":
        return Exit.DISK
    if status is Status.PAUSED and state.host_pid is None:
        return Exit.LOST
    return of_status(status)


# -- the end --------------------------------------------------------------------------------------------------


def finish(folder: SessionFolder, state: SessionState, status: Status, code: Exit, console: Console) -> None:
    """Print how the session stands, and what to do next where something is to be done."""
    if console.json:
        console.emit(summary_line(folder, state, status, code))
    else:
        for line in _closing_lines(folder, state, status):
            console.say(line)
    advice = _after_disk(folder) if code is Exit.DISK else _advice(folder, state, status)
    if advice:
        console.warn(advice)


def summary_line(folder: SessionFolder, state: SessionState, status: Status, code: Exit) -> dict[str, JSON]:
    """The last line of ``--json``."""
    return {
        "type": "summary",
        "id": state.id,
        "status": status.value,
        "exit_code": int(code),
        "counts": counts(state),
        "metrics": metrics(state),
        "report_path": report_path(folder, state),
        "simulated": state.simulated,
        "reason": state.reason,
    }


def report_path(folder: SessionFolder, state: SessionState) -> str | None:
    """Where the report lies, absolute: the user's copy if there is one."""
    if state.report_copy is not None:
        return state.report_copy
    return None if state.report_path is None else str(folder.path / state.report_path)


def _closing_lines(folder: SessionFolder, state: SessionState, status: Status) -> list[str]:
    figures = metrics(state)
    nodes = ", ".join(f"{count} {name}" for name, count in counts(state).items()) or "no nodes"
    parts = [f"{status.value} after {duration(figures['wall_s'])}", nodes]
    if state.spent.attempts:
        tokens = figures["tokens_in"] + figures["tokens_out"]
        calls = figures["model_calls"]
        parts.append(f"{calls} model call{'s' if calls != 1 else ''}, {tokens:,} tokens, {money(figures['cost_usd'])}")
    told = status in (Status.SUCCEEDED, Status.FAILED) and all(part in nodes for part in state.reason.split(", "))
    reason = f": {one_line(state.reason, DETAIL_CHARS)}" if state.reason and not told else ""
    lines = [" · ".join(parts) + reason]
    path = report_path(folder, state)
    if path is not None:
        lines.append(f"report: {path}")
    if state.simulated:
        lines.append("SIMULATED: answers were made up by the built-in stand-in; nothing that rests on them is a result")
    return lines


def _after_disk(folder: SessionFolder) -> str:
    return (
        f"the host of {folder.id} left because its disk took nothing more; what it had recorded is safe: "
        f"make room, then `swarmtui resume {folder.id}` goes on"
    )


def _advice(folder: SessionFolder, state: SessionState, status: Status) -> str | None:
    id = state.id
    asked = sorted((one for one in state.pending.values() if one.kind != "plan"), key=lambda one: one.since_ts)
    if status is Status.AWAITING_APPROVAL:
        return (
            f"session {id} waits for approval of its plan (revision {state.plan_rev}, {len(state.nodes)} nodes): "
            f"`swarmtui graph {id}` shows it, `swarmtui ctl {id} approve` runs it"
        )
    if status is Status.CRASHED:
        return f"the host of {id} is gone without a goodbye: `swarmtui resume {id}` goes on"
    if status is Status.PAUSED:
        return _of_paused(folder, state)
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


def _of_paused(folder: SessionFolder, state: SessionState) -> str:
    if state.status is not Status.PAUSED:
        return f"the host of {state.id} stopped: {folder.host_log} says why; `swarmtui resume {state.id}` goes on"
    if state.budget is not None:
        return _more_budget(state, state.budget)
    how = f"swarmtui resume {state.id}" if state.host_pid is None else f"swarmtui ctl {state.id} resume"
    caught = [node.id for node in state.nodes.values() if node.state is State.INTERRUPTED]
    if state.reason in ("resumed", STUCK) and caught:
        return (
            f"session {state.id} is paused: {listed(caught)} was cut short and may have changed something: "
            f"`swarmtui ctl {state.id} retry|done|skip {caught[0]}`, then `{how}`"
        )
    spent = next((node for node in state.nodes.values() if node.held and node.budget is not None), None)
    if state.reason == STUCK and spent is not None and spent.budget is not None:
        change = f"`swarmtui ctl {state.id} change {spent.id} budget.{spent.budget.kind}=N`"
        return (
            f"session {state.id} is paused: {spent.id} has used up its budget of {spent.budget.limit:g} "
            f"{spent.budget.kind}: {change} raises it, `swarmtui ctl {state.id} release {spent.id}` lets it go beyond"
        )
    held = [node.id for node in state.nodes.values() if node.held]
    if state.reason == STUCK and held:
        release = f"`swarmtui ctl {state.id} release {held[0]}`"
        return f"session {state.id} is paused: all that is left waits for {listed(held)}, which you hold: {release}"
    return f"session {state.id} is paused ({state.reason}): `{how}` goes on"


def _more_budget(state: SessionState, budget: BudgetReached) -> str:
    how = f"`swarmtui ctl {state.id} set {budget.kind}=N` with more, or with none, lets it go on"
    if state.host_pid is None:
        how = f"`swarmtui resume {state.id}` brings its host back, then {how}"
    return f"session {state.id} is paused, its budget of {budget.limit:g} {budget.kind} being spent: {how}"
