"""Events as lines of the log: when, how grave, of which node, and what, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from swarmtui.frozen import frozen
from swarmtui.plan.problems import listed
from swarmtui.safety.permissions import Effect
from swarmtui.safety.text import one_line
from swarmtui.session import events as ev
from swarmtui.session.vocabulary import BY_CONDITION, why_paused
from swarmtui.tui.view import format as say
from swarmtui.tui.view.lines import Line, Role, cells, fit, shorten

if TYPE_CHECKING:
    from swarmtui.tui.view.glyphs import Glyphs

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")
_ROLES: dict[Level, Role] = {"debug": "faint", "info": "muted", "warning": "warn", "error": "bad"}


@frozen
class LogLine:
    """One line of the log. Its texts are clean."""

    seq: int
    ts: float
    level: Level
    node: str
    text: str
    actor: str = ""


def log_line(event: ev.Event) -> LogLine:
    """The line that tells `event`."""
    body = event.body
    level, text = _told(body)
    node = getattr(body, "node", None) or ""
    item = getattr(body, "item", None)
    name = f"{node}[{item}]" if node and item is not None else node
    actor = one_line(event.actor, 40) if event.actor else ""
    return LogLine(event.seq, event.ts, level, one_line(name, 40), one_line(text, 400), actor)


def level_of(event: ev.Event) -> Level:
    """How grave `event` is: what can be known of thousands of them without making lines."""
    return _told(event.body)[0]


def draw(line: LogLine, size: int, glyphs: Glyphs, node_width: int = 14) -> Line:
    """The line in at most `size` cells. Gravity shows as a letter, not only as a colour."""
    role = _ROLES[line.level]
    letter = {"debug": " ", "info": " ", "warning": "!", "error": "E" if glyphs.ascii else "✗"}[line.level]
    head: Line = ((say.time_of_day(line.ts), "faint"), (f" {letter} ", role))
    node = fit(line.node, node_width, ellipsis=glyphs.cut) + " " if node_width else ""
    by = f"  {glyphs.dash} {line.actor}" if line.actor else ""
    room = size - 11 - cells(node) - cells(by)
    text_role: Role = "text" if line.level in ("info", "debug") else role
    return (*head, (node, "accent"), (shorten(line.text, max(0, room), glyphs.cut), text_role), (by, "faint"))


Told = tuple[Level, str]


def _told(body: ev.Body) -> Told:
    tell = _TELL.get(type(body))
    return tell(body) if tell else ("debug", ev.type_of(body))


def _failed(body: ev.AttemptFailed) -> Told:
    error = f"{body.error.kind.value}: {body.error.message}"
    if body.retry_in_s is None:
        return "error", f"failed after {say.took(body.took_s)}, {error}"
    return "warning", f"try {body.attempt} failed, again in {say.took(body.retry_in_s)}, {error}"


def _succeeded(body: ev.AttemptSucceeded) -> Told:
    if body.reused_from is not None:
        return "info", f"reused from {body.reused_from}, {say.size(body.output.size)}"
    usage = body.usage
    tokens = f", {say.short((usage.tokens_in or 0) + (usage.tokens_out or 0))} tokens" if usage.tokens_out else ""
    return "info", f"ok in {say.took(body.took_s)}{tokens}, {say.size(body.output.size)}"


def _started(body: ev.AttemptStarted) -> Told:
    model = f" on {body.model}" if body.model else ""
    number = f" (try {body.attempt})" if body.attempt > 1 else ""
    return "debug" if body.item is not None else "info", f"started{model}{number}"


def _finished(body: ev.SessionFinished) -> Told:
    level: Level = "info" if body.status == "succeeded" else "error" if body.status == "failed" else "warning"
    return level, f"session {body.status}" + (f": {body.reason}" if body.reason else "")


def _of(node: str | None) -> str:
    return "" if node is None else f" by {node}"


def _paced(body: ev.PoolPaced) -> str:
    rate = "" if body.rate_per_min is None else f", {body.rate_per_min:.0f} a minute"
    return f"{body.pool}: {body.window:.0f} at once{rate} ({body.binding}){': ' if body.why else ''}{body.why}"


def _patched(body: ev.PlanPatched) -> str:
    parts = (
        [f"{', '.join(node.id for node in body.put[:4])}{' …' if len(body.put) > 4 else ''} set"] if body.put else []
    )
    return ", ".join([*parts, f"{', '.join(body.drop[:4])} removed"] if body.drop else parts)


def _retried(body: ev.NodeRetried) -> str:
    parts = ["failed items"] if body.failed_items else [f"{len(body.items)} items"] if body.items else []
    parts += ["with what rests on it"] if body.descendants else []
    return f" ({', '.join(parts)})" if parts else ""


def _limits(body: ev.LimitsSet) -> Told:
    limits = body.limits
    parts = [f"concurrency {limits.concurrency or 'auto'}"]
    parts += [f"{pool} {value}" for pool, value in limits.pools.items()]
    parts += [f"budget {say.usd(limits.usd)}"] if limits.usd is not None else []
    parts += [f"{say.short(limits.tokens)} tokens"] if limits.tokens is not None else []
    parts += [f"{limits.minutes:g} minutes"] if limits.minutes is not None else []
    parts += [f"{limits.attempts} attempts"] if limits.attempts is not None else []
    parts += [f"tag {tag} {value}" for tag, value in limits.tags.items()]
    parts += [f"ramp {limits.ramp_s:g} s"] if limits.ramp_s else []
    parts += [f"{pool} held at {window}" for pool, window in limits.frozen.items()]
    return "info", "limits: " + ", ".join(parts)


def _proposed(body: ev.PlanProposed) -> Told:
    note = f": {body.note}" if body.note else ""
    return "info", f"plan revision {body.plan_rev} by {body.plan.author.value}, {say.nodes(len(body.plan.nodes))}{note}"


def _noted(body: ev.Noted) -> Told:
    return (body.level if body.level in ("info", "warning", "error") else "info"), body.message  # type: ignore[return-value]


def taken_over(body: ev.SessionTakenOver) -> str:
    """What a host found that went on with the session, in one line."""
    parts = [f"{say.count(body.kept)} results kept"]
    parts += (
        [f"{say.count(body.repeated)} attempts repeated (what calls that were cut off cost is unknown)"]
        if body.repeated
        else []
    )
    parts += [f"{say.count(body.suspects)} of them few at a time"] if body.suspects else []
    parts += [_waiting(body)] if body.held else []
    parts += [f"{say.count(body.given_up)} given up"] if body.given_up else []
    parts += [f"{say.count(body.leftovers)} processes ended that were left"] if body.leftovers else []
    return f"resumed{' after a crash' if body.crashed else ''}: {', '.join(parts)}"


def _waiting(body: ev.SessionTakenOver) -> str:
    """What waits for the user, as it is counted elsewhere: a map once, with its items."""
    items: dict[str, list[str]] = {}
    for name in body.waiting:
        node, slash, item = name.rpartition("/")
        if slash and item.isdigit():
            items.setdefault(node, []).append(item)
        else:
            items.setdefault(name, [])
    told = [f"{node} (item{'s' * (len(of) > 1)} {', '.join(of)})" if of else node for node, of in items.items()]
    more = body.held - len(body.waiting)
    if more > 0:  # of which nodes is not recorded
        return f"{', '.join(told)} and {say.count(more)} more wait for you"
    return f"{len(items)} wait{'s' * (len(items) == 1)} for you: {', '.join(told)}"


def _refused(body: ev.AttemptThrottled) -> Told:
    """What becomes of it comes first: what a provider says is long."""
    who = "this machine is busy" if body.by == "machine" else "429"
    return "warning", f"{who}, {say.again(body.retry_in_s)}, not charged{f': {body.message}' if body.message else ''}"


def _interrupted(body: ev.AttemptInterrupted) -> Told:
    if body.cancelled:
        return "warning", "a crash caught it, it is cancelled as was asked"
    how = "it was stopped in the middle, " if body.stopped else "a crash caught it, "
    return "warning", how + (
        "running it again" if body.repeat else "it may have changed something: run it again, skip it or mark it as done"
    )


def _budget_reached(b: ev.BudgetReached) -> Told:
    flying = f", {b.in_flight} calls in flight go on" if b.in_flight else ""
    return "warning", f"{b.kind} budget{_of(b.node)} reached: {b.spent:g} of {b.limit:g}; new starts stop{flying}"


WAITED_FOR: Mapping[str, str] = {
    "subagents": "its subagents",
    "question": "your answer",
    "permission": "your leave",
    "proposal": "a decision on what it proposes",
}
"""What an attempt that was suspended waits for, in words."""


def _stepped(body: ev.AgentStepped) -> str:
    calls = ", ".join(f"{call.tool} {call.arguments}" for call in body.calls)
    said = f"{body.agent or body.role}: {body.said}" if body.said else body.agent or body.role
    return f"{said} -> {calls}" if calls else said


def _skipped(body: ev.NodeSkipped) -> str:
    if body.cause == BY_CONDITION:
        return "left out: its condition does not hold, or that of what it needs"
    return "skipped by you" if body.cause == "user" else f"skipped, since {body.cause} did not succeed"


_TELL: Mapping[type[Any], Callable[[Any], Told]] = {
    ev.SessionCreated: lambda b: ("info", f"session {b.id}: {b.title or b.goal}"),
    ev.HostStarted: lambda b: ("debug", f"host {b.pid} started"),
    ev.SessionTakenOver: lambda b: ("warning" if b.crashed else "info", taken_over(b)),
    ev.HostStopped: lambda b: ("debug", f"host stopped: {b.reason}"),
    ev.SessionPaused: lambda b: ("warning", ": ".join(filter(None, ("paused", why_paused(b.reason))))),
    ev.SessionResumed: lambda b: ("info", "resumed"),
    ev.SessionCancelRequested: lambda b: ("warning", "session is being cancelled"),
    ev.SessionFinished: _finished,
    ev.LimitsSet: _limits,
    ev.BudgetReached: _budget_reached,
    ev.BudgetWarned: lambda b: ("warning", f"{b.spent:g} of {b.limit:g} {b.kind} used{_of(b.node)}"),
    ev.PoolPaced: lambda b: ("debug", _paced(b)),
    ev.Forecasted: lambda b: ("debug", f"forecast of revision {b.plan_rev}: {b.basis}"),
    ev.MarkerSet: lambda b: ("info", f"mark: {b.label}"),
    ev.SessionForked: lambda b: ("info", f"forked from {b.parent} after its event {b.parent_seq}"),
    ev.Noted: _noted,
    ev.CommandApplied: lambda b: ("debug", f"command {b.method}"),
    ev.PlanningStarted: lambda b: ("info", f"planning revision {b.plan_rev} on {b.model}"),
    ev.PlanningFailed: lambda b: ("error", f"planning failed, {b.error.kind.value}: {b.error.message}"),
    ev.PlanProposed: _proposed,
    ev.PlanApproved: lambda b: ("info", f"plan revision {b.plan_rev} approved"),
    ev.PlanRejected: lambda b: (
        "info",
        f"plan revision {b.plan_rev} rejected" + (f": {b.feedback}" if b.feedback else ""),
    ),
    ev.MapExpanded: lambda b: (
        "warning" if b.malformed else "info",
        f"{say.count(b.total)} items" + (f", {len(b.malformed)} lines could not be read" if b.malformed else ""),
    ),
    ev.AttemptStarted: _started,
    ev.AttemptSucceeded: lambda b: _succeeded(b) if b.item is None else ("debug", _succeeded(b)[1]),
    ev.AttemptFailed: _failed,
    ev.AttemptThrottled: _refused,
    ev.AttemptCancelled: lambda b: ("warning", "stopped" + (" and held" if b.hold else "")),
    ev.AttemptInterrupted: _interrupted,
    ev.AgentStepped: lambda b: ("debug" if b.ok else "warning", _stepped(b)),
    ev.ToolCalled: lambda b: (
        "info" if b.effect is Effect.WRITE else "debug",
        f"{b.agent} calls {b.tool} {b.arguments}: {b.why}",
    ),
    ev.TaskAssigned: lambda b: ("info", f"task given to {', '.join(b.children)}"),
    ev.AttemptSuspended: lambda b: ("debug", f"waits for {WAITED_FOR.get(b.waits_for, b.waits_for)}"),
    ev.MapFinished: lambda b: ("info" if b.ok else "error", f"items: {b.succeeded} ok, {b.failed} failed"),
    ev.NodeSkipped: lambda b: ("info" if b.cause == BY_CONDITION else "warning", _skipped(b)),
    ev.NodeHeld: lambda b: ("info", "held"),
    ev.NodeReleased: lambda b: ("info", "goes on"),
    ev.NodeRetried: lambda b: ("info", "to be run again" + _retried(b)),
    ev.NodePrioritised: lambda b: ("info", f"priority {b.priority}"),
    ev.PlanPatched: lambda b: ("info", f"revision {b.plan_rev}: {_patched(b)}{': ' if b.note else ''}{b.note}"),
    ev.ChangeProposed: lambda b: (
        "warning",
        f"{b.id}: {say.nodes(len(b.put))} to be put, {len(b.drop)} to go"
        f"{f', to be run again {listed(b.again)}' if b.again else ''}{': ' if b.note else ''}{b.note}",
    ),
    ev.ChangeDecided: lambda b: (
        "info",
        f"{b.id} {'accepted' if b.accepted else 'rejected'}" + (f": {b.feedback}" if b.feedback else ""),
    ),
    ev.Undone: lambda b: ("info", f"{'made once more' if b.redo else 'taken back'}: {b.what}"),
    ev.NodeCancelled: lambda b: ("warning", "cancelled"),
    ev.QuestionAsked: lambda b: ("warning", f"asks you: {b.question}"),
    ev.QuestionAnswered: lambda b: ("info", f"answered: {b.answer}"),
    ev.ReportWritten: lambda b: ("info", f"report written: {b.copied_to or b.path}"),
}
