"""A node's attempts, gathered from its events: how each began, what it used, how it ended, which tools it called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from itertools import zip_longest

from swarmtui.frozen import mutable
from swarmtui.safety.text import one_line
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.session.spent import Spent
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import format as say
from swarmtui.tui.view.column import Column
from swarmtui.tui.view.glyphs import MARKS, Glyphs
from swarmtui.tui.view.lines import Line, Role, Span, fit, pad
from swarmtui.tui.view.logs import WAITED_FOR
from swarmtui.tui.view.moment import Moment


@mutable
class ToolUse:
    """One call of a tool."""

    call: str
    tool: str
    agent: str = ""
    arguments: str = ""
    """As JSON text, cut for display; not clean."""
    called_ts: float | None = None
    """When it was let go; None while it is only asked for."""
    answered_ts: float | None = None
    ok: bool = True
    said: str = ""
    """The first part of what came of it; not clean."""
    why: str = ""
    asked_sha: str = ""
    """Recorded entry that holds the whole call."""
    answer_sha: str = ""
    """Recorded entry that holds the whole result."""

    def took_s(self, now: float) -> float | None:
        """Seconds that it took or has been taking; None before it began."""
        if self.called_ts is None:
            return None
        return max(0.0, (self.answered_ts if self.answered_ts is not None else now) - self.called_ts)


@mutable
class Attempt:
    """One attempt at a node or item."""

    item: int | None
    number: int
    round: int = 1
    """How often an attempt of this number was begun: a refused one is taken back and counts anew."""
    started_ts: float | None = None
    ended_ts: float | None = None
    queue_s: float = 0.0
    throttle_s: float = 0.0
    state: State = State.RUNNING
    told_s: float | None = None
    """Seconds that it took, as its end tells."""
    spent: Spent = field(default_factory=Spent)
    first_token_s: float | None = None
    """Seconds until first tokens came, added up over its calls; None: nobody told."""
    called_model: bool = False
    model: str = ""
    error: vocab.ErrorInfo | None = None
    output: vocab.Output | None = None
    reused_from: str = ""
    words: str = ""
    """How it ended, in a phrase."""
    tools: dict[str, ToolUse] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What tells it from the others of its node."""
        return f"{'' if self.item is None else self.item}/{self.number}/{self.round}"

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state is not State.RUNNING

    def life_s(self, now: float) -> float:
        """Seconds from its start to its end, or to `now`."""
        if self.told_s is not None:
            return max(0.0, self.told_s)
        if self.started_ts is None:
            return 0.0
        return max(0.0, (self.ended_ts if self.ended_ts is not None else now) - self.started_ts)


def gather(events: Iterable[ev.Event]) -> list[Attempt]:
    """The attempts that `events` of one node tell of, in order."""
    found: dict[tuple[int | None, int, int], Attempt] = {}
    rounds: dict[tuple[int | None, int], int] = {}
    last: dict[int | None, Attempt] = {}
    for event in events:
        body = event.body
        number = getattr(body, "attempt", None)
        if number is None:
            continue
        of: int | None = getattr(body, "item", None)
        if isinstance(body, ev.AttemptStarted):
            rounds[of, number] = rounds.get((of, number), 0) + 1
            before = last.get(of)
            if before is not None and before.state is State.RETRYING:
                before.state = State.FAILED  # it has been retried
        around = rounds.get((of, number), 1)
        attempt = last[of] = found.setdefault((of, number, around), Attempt(of, number, around))
        _take(attempt, body, event.ts)
    return list(found.values())


def _take(attempt: Attempt, body: ev.Body, ts: float) -> None:
    match body:
        case ev.AttemptStarted():
            attempt.started_ts, attempt.queue_s, attempt.throttle_s = ts, body.queue_s, body.throttle_s
            attempt.model = body.model or ""
        case ev.AgentStepped():
            _stepped(attempt, body, ts)
        case ev.ToolCalled():
            use = attempt.tools.setdefault(body.call, ToolUse(body.call, body.tool))
            use.called_ts, use.agent, use.why = ts, body.agent, body.why
            use.tool, use.arguments = body.tool, use.arguments or body.arguments
        case _:
            _end(attempt, body, ts)


def _stepped(attempt: Attempt, body: ev.AgentStepped, ts: float) -> None:
    _use(attempt, body.usage)
    for head in body.calls:
        use = attempt.tools.setdefault(head.id, ToolUse(head.id, head.tool))
        use.arguments, use.agent, use.asked_sha = head.arguments, body.agent, body.sha
    if body.role == "tool" and body.call in attempt.tools:
        use = attempt.tools[body.call]
        use.answered_ts, use.ok, use.said, use.answer_sha = ts, body.ok, body.said, body.sha


def _use(attempt: Attempt, usage: vocab.Usage) -> None:
    attempt.spent.add(usage)
    if usage.first_token_s is not None:
        attempt.first_token_s = (attempt.first_token_s or 0.0) + usage.first_token_s
    attempt.called_model = attempt.called_model or usage.model is not None


def _end(attempt: Attempt, body: ev.Body, ts: float) -> None:
    match body:
        case ev.AttemptSucceeded(output=output):
            attempt.state, attempt.told_s, attempt.output = State.SUCCEEDED, body.took_s, output
            attempt.reused_from = body.reused_from or ""
            attempt.words = f"reused from {body.reused_from}" if body.reused_from else say.size(output.size)
        case ev.AttemptFailed(error=error, retry_in_s=again):
            attempt.state = State.FAILED if again is None else State.RETRYING
            attempt.told_s, attempt.error, attempt.output = body.took_s, error, body.output
            attempt.words = f"{error.kind.value}: {error.message}"
        case ev.AttemptThrottled(message=message, retry_in_s=again):
            attempt.state = State.THROTTLED
            attempt.words = f"sent back for {say.took(again)}{f': {message}' if message else ''}"
        case ev.AttemptCancelled():
            attempt.state, attempt.words = State.CANCELLED, "held by you" if body.hold else "stopped"
        case ev.AttemptInterrupted():
            attempt.state = State.INTERRUPTED
            attempt.words = "stopped in the middle" if body.stopped else "a crash caught it"
        case ev.AttemptSuspended(waits_for=waits_for):
            attempt.state, attempt.told_s = State.WAITING, body.took_s
            attempt.words = f"let go of its place for {WAITED_FOR.get(waits_for, waits_for)}"
        case _:
            return
    attempt.ended_ts = ts
    _use(attempt, getattr(body, "usage", vocab.NO_USAGE))


ATTEMPT_COLUMNS: tuple[Column, ...] = (
    Column("kept", "", 1, 9),
    Column("item", "item", 7, 8, right=True),
    Column("try", "try", 4, 10, right=True),
    Column("state", "state", 13, 10),
    Column("started", "started", 8, 4),
    Column("took", "took", 7, 8, right=True),
    Column("tokens", "tokens", 7, 3, right=True),
    Column("cost", "cost", 9, 5, right=True),
    Column("words", "how it ended", 0, 7),
)


@mutable
class AttemptRows:
    """Attempts as rows of a table, the newest first; `kept` is the one that others are held against."""

    attempts: Sequence[Attempt]
    kept: str = ""
    sort: tuple[str, bool] = ("", False)

    @property
    def columns(self) -> Sequence[Column]:
        """Without items where there are none."""
        mapped = any(attempt.item is not None for attempt in self.attempts)
        return [column for column in ATTEMPT_COLUMNS if mapped or column.key != "item"]

    def __len__(self) -> int:
        return len(self.attempts)

    def at(self, at: int) -> Attempt:
        """The attempt of a row."""
        return self.attempts[len(self.attempts) - 1 - at]

    def key(self, at: int) -> str:
        """What identifies it."""
        return self.at(at).key

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one attempt."""
        attempt = self.at(at)
        mark = MARKS[attempt.state]
        life = attempt.life_s(moment.wall)
        bad = attempt.state in (State.FAILED, State.RETRYING, State.INTERRUPTED)
        return {
            "kept": (glyphs.dot if attempt.key == self.kept else " ", "accent"),
            "item": ("" if attempt.item is None else str(attempt.item), "muted"),
            "try": (str(attempt.number), "text"),
            "state": (glyphs.told(mark), mark.role),
            "started": ("" if attempt.started_ts is None else say.time_of_day(attempt.started_ts), "muted"),
            "took": (say.took(life) if attempt.ended else say.clock(life), "text"),
            "tokens": (say.short(attempt.spent.tokens) if attempt.spent.tokens else "", "text"),
            "cost": (say.money(attempt.spent, ascii_only=glyphs.ascii), "text"),
            "words": (one_line(attempt.words, 300), "bad" if bad else "muted"),
        }


def title_of(attempt: Attempt, moment: Moment) -> str:
    """``try 2, failed after 31s``."""
    of = "" if attempt.item is None else f"item {attempt.item}, "
    again = f" (begun {attempt.round} times)" if attempt.round > 1 else ""
    how = f"{MARKS[attempt.state].word} after" if attempt.ended else "running for"
    return f"{of}try {attempt.number}{again}, {how} {say.took(attempt.life_s(moment.wall))}"


def beside(left: Sequence[Line], right: Sequence[Line], width: int, glyphs: Glyphs) -> list[Line]:
    """Two columns of lines next to each other in `width` cells, a rule between them."""
    half = half_of(width)
    rule: Span = (" | " if glyphs.ascii else " │ ", "edge")
    pairs = zip_longest(left, right, fillvalue=())
    return [(*pad(one, half), rule, *other) for one, other in pairs]


def half_of(width: int) -> int:
    """Cells of each of two columns in `width`, the rule between them left out."""
    return max(4, (width - 3) // 2)


def attempt_head(attempt: Attempt, moment: Moment, glyphs: Glyphs, width: int) -> list[Line]:
    """What an attempt was, in two lines: how it ended and what it used."""
    mark = MARKS[attempt.state]
    role: Role = mark.role
    spent = attempt.spent
    figures = [f"{say.short(spent.tokens_in)} in, {say.short(spent.tokens_out)} out"] if spent.tokens else []
    figures += [money] if (money := say.money(spent, ascii_only=glyphs.ascii)) else []
    figures += [attempt.model] if attempt.model else []
    head = fit(f"{glyphs.icon(mark)} {title_of(attempt, moment)}", width, ellipsis=glyphs.cut)
    return [((head, role),), ((fit(one_line(", ".join(figures), 200), width, ellipsis=glyphs.cut), "muted"),)]
