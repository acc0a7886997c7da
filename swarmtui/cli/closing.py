"""What is said of a session when a command leaves it: how it stands, what it cost, what is to be done next."""

from __future__ import annotations

from os.path import exists

from swarmtui.cli.console import Console, duration, money
from swarmtui.cli.following import AnyFeed, Place, name_of
from swarmtui.cli.lines import DETAIL_CHARS
from swarmtui.frozen import frozen
from swarmtui.host.client import NOTHING_LEFT, WireFeed
from swarmtui.host.exits import Exit, of_status
from swarmtui.host.feed import Link
from swarmtui.host.locate import seen_status
from swarmtui.plan.model import JSON
from swarmtui.plan.problems import listed
from swarmtui.safety.text import one_line
from swarmtui.session.events import BudgetReached
from swarmtui.session.folder import SessionFolder
from swarmtui.session.metrics import metrics
from swarmtui.session.outage import GONE
from swarmtui.session.state import Pending, SessionState
from swarmtui.session.summary import counts
from swarmtui.session.vocabulary import FINAL, STUCK, State, Status, why_paused, why_so


@frozen
class Standing:
    """How a session stands for whoever leaves it."""

    state: SessionState
    status: Status
    """As it is, crashes included."""
    gone: bool = False
    """Whether its files were removed, and its host with them."""
    unrecorded: bool = False
    """Whether its files were removed while its host is at work."""
    for_disk: bool = False
    """Whether its host left because the disk took nothing more."""

    @property
    def code(self) -> Exit:
        """The exit code that says so."""
        if self.for_disk or (self.gone and self.status not in FINAL):
            return Exit.DISK
        if self.status is Status.PAUSED and self.state.reason == "disk":
            return Exit.DISK
        if self.status is Status.PAUSED and self.state.host_pid is None:
            return Exit.LOST
        return of_status(self.status)


def standing(place: Place, feed: AnyFeed) -> Standing:
    """How the session of `feed` stands once there is nothing more to wait for."""
    state = feed.state
    for_disk = isinstance(feed, WireFeed) and feed.exit_code == Exit.DISK
    if isinstance(place, SessionFolder) and place.removed():
        if feed.status.link is Link.LIVE:
            return Standing(state, state.status, unrecorded=True)
        return Standing(state, state.status if state.status in FINAL else Status.CRASHED, gone=True, for_disk=for_disk)
    if feed.status.link not in (Link.ARCHIVE, Link.ENDED, Link.CRASHED):
        return Standing(state, state.status)
    if isinstance(place, SessionFolder):
        return Standing(state, seen_status(place, state.status), for_disk=for_disk)
    return Standing(state, feed.status.seen or state.status, for_disk=for_disk)


def finish(place: Place, stands: Standing, console: Console) -> None:
    """Print how the session stands, and what to do next where something is to be done."""
    if console.json:
        console.emit(summary_line(place, stands))
    else:
        for line in _closing_lines(place, stands):
            console.say(line)
    advice = _advice(place, stands)
    if advice:
        console.warn(advice)


def summary_line(place: Place, stands: Standing) -> dict[str, JSON]:
    """The last line of ``--json``."""
    state = stands.state
    return {
        "type": "summary",
        "id": state.id,
        "status": stands.status.value,
        "exit_code": int(stands.code),
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
    own = "" if state.report_path is None else str(place.path / state.report_path)
    return own if own and exists(own) else None  # noqa: PTH110 - of Path it raises where one may not look


def _closing_lines(place: Place, stands: Standing) -> list[str]:
    state, status = stands.state, stands.status
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
    elif state.report_path is not None and not (stands.gone or stands.unrecorded):
        lines.append(f"report: `swarmtui show {name_of(place)} --report` prints it")
    if state.simulated:
        lines.append("SIMULATED: answers were made up by the built-in stand-in; nothing that rests on them is a result")
    return lines


def _advice(place: Place, stands: Standing) -> str | None:
    id = name_of(place)
    if stands.gone:
        return f"session {id}: {NOTHING_LEFT}"
    if stands.unrecorded:
        return f"session {id}: {GONE}; its host ends once what runs has ended"
    if stands.code is Exit.DISK:
        return (
            f"the host of {id} left because its disk took nothing more; what it had recorded is safe: "
            f"make room, then `swarmtui resume {id}` goes on"
        )
    return _next(place, stands.state, stands.status)


def _next(place: Place, state: SessionState, status: Status) -> str | None:
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
