"""The streaming text of attempts that run: the last lines of each, how fast it comes, and since when it is silent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from swarmtui.host.feed import Changes, StreamText
from swarmtui.safety.text import Cleaner, one_line
from swarmtui.session import events as ev
from swarmtui.session.pools import QUESTIONS
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import format as say
from swarmtui.tui.view.document import paragraph
from swarmtui.tui.view.lines import Line, Role, wrap
from swarmtui.tui.view.nodes import Moment, model_of, took_s

LINES = 400
LINE_CHARS = 4_000
WINDOW_S = 5.0
TOKEN_CHARS = 4
"""Characters per token, roughly: what makes a rate out of text before the provider reports usage."""
KEPT = 64
"""Tails of ended attempts that are kept for a look back."""

Key = tuple[str, int | None]
_CHANNEL_ROLES: dict[str, Role] = {"reasoning": "faint", "stderr": "warn"}


@dataclass(slots=True)
class TailLine:
    """A line, still growing if it is the last one."""

    channel: str
    text: str


@dataclass(slots=True)
class Tail:
    """The end of what one attempt has said."""

    attempt: int = 0
    ended: bool = False
    lines: deque[TailLine] = field(default_factory=lambda: deque(maxlen=LINES))
    chars: int = 0
    last_ts: float = 0.0
    _cleaners: dict[str, Cleaner] = field(default_factory=dict)
    _expected: dict[str, int] = field(default_factory=dict)
    _arrivals: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=256))

    def feed(self, stream: StreamText, now: float) -> None:
        """Take what arrived. Text dropped on the way leaves a note; text that came twice is not shown twice."""
        expected = self._expected.get(stream.channel, 0)
        text = stream.text
        if stream.offset > expected and self.chars:
            self.lines.append(TailLine("note", f"[{stream.offset - expected:,} characters not shown]"))
            self.lines.append(TailLine(stream.channel, ""))
        elif stream.offset < expected:
            text = text[expected - stream.offset :]
        self._expected[stream.channel] = max(expected, stream.offset + len(stream.text))
        if not text:
            return
        self.chars += len(text)
        self.last_ts = now
        self._arrivals.append((now, len(text)))
        self._append(stream.channel, self._cleaners.setdefault(stream.channel, Cleaner()).feed(text))

    def _append(self, channel: str, text: str) -> None:
        if not self.lines or self.lines[-1].channel != channel:
            self.lines.append(TailLine(channel, ""))
        head, *rest = text.split("\n")
        self.lines[-1].text = (self.lines[-1].text + head)[-LINE_CHARS:]
        for line in rest[-LINES:]:
            self.lines.append(TailLine(channel, line[-LINE_CHARS:]))

    def rate(self, now: float) -> float:
        """Tokens per second over the last seconds, estimated from characters."""
        while self._arrivals and self._arrivals[0][0] < now - WINDOW_S:
            self._arrivals.popleft()
        if not self._arrivals:
            return 0.0
        span = max(1.0, now - self._arrivals[0][0])
        return sum(size for _, size in self._arrivals) / TOKEN_CHARS / span

    def rows(self, width: int, height: int) -> list[Line]:
        """The last `height` rows, wrapped to `width` cells. Costs what is shown, not what is kept."""
        rows: list[Line] = []
        for line in reversed(self.lines):
            if not line.text and not rows:
                continue
            rows.extend(reversed(_shown(line, width)))
            if len(rows) >= height:
                break
        return rows[:height][::-1]


def _shown(line: TailLine, width: int) -> list[Line]:
    if line.channel == "output":
        return paragraph(line.text, width)
    role = _CHANNEL_ROLES.get(line.channel, "faint")
    return [((row, role),) for row in wrap(line.text, width)]


@dataclass(slots=True)
class Tails:
    """The tails of a session."""

    by_key: dict[Key, Tail] = field(default_factory=dict)

    def absorb(self, changes: Changes, now: float) -> None:
        """Take what a feed brought."""
        for event in changes.events:
            self._note(event.body)
        for stream in changes.streams:
            key = (stream.node, stream.item)
            tail = self.by_key.get(key)
            if tail is None or stream.attempt > tail.attempt:
                tail = self._begin(key, stream.attempt)
            if stream.attempt == tail.attempt:
                tail.feed(stream, now)
        self._forget()

    def _begin(self, key: Key, attempt: int) -> Tail:
        self.by_key.pop(key, None)
        tail = self.by_key[key] = Tail(attempt)
        return tail

    def _note(self, body: ev.Body) -> None:
        match body:
            case ev.AttemptStarted(node=node, item=item, attempt=attempt):
                known = self.by_key.get((node, item))
                if known is None or known.attempt < attempt:
                    self._begin((node, item), attempt)
            case (
                ev.AttemptSucceeded(node=node, item=item)
                | ev.AttemptFailed(node=node, item=item)
                | ev.AttemptThrottled(node=node, item=item)
                | ev.AttemptCancelled(node=node, item=item)
                | ev.AttemptInterrupted(node=node, item=item)
            ):
                tail = self.by_key.get((node, item))
                if tail is not None:
                    tail.ended = True
            case ev.PlanProposed():
                self.by_key.clear()

    def _forget(self) -> None:
        if len(self.by_key) <= KEPT:
            return
        ended = [key for key, tail in self.by_key.items() if tail.ended]
        for key in ended[: max(0, len(ended) - KEPT)]:
            del self.by_key[key]


@dataclass(frozen=True, slots=True)
class Pane:
    """A worker at work, or the node that is looked at."""

    node: str
    item: int | None
    title: str
    figures: tuple[str, ...]
    tail: Tail | None
    running: bool
    body: Callable[[int], list[Line]] | None = None
    """Lines for a width, where there is something better to show than the tail."""

    @property
    def key(self) -> Key:
        """Node and item."""
        return self.node, self.item


def panes(state: SessionState, tails: Tails, moment: Moment, limit: int) -> list[Pane]:
    """The running attempts, longest running first, at most `limit`; of a map those that have said something."""
    running = sorted(
        (node for node in state.nodes.values() if node.running and node.pool != QUESTIONS),
        key=lambda node: (node.started_mono or 0.0, node.id),
    )
    found: list[Pane] = []
    for node in running:
        for item, tail in _attempts(node, tails):
            found.append(pane(state, node, item, tail, moment))
            if len(found) >= limit:
                return found
    return found


def _attempts(node: NodeState, tails: Tails) -> Iterator[tuple[int | None, Tail | None]]:
    if node.items is None:
        yield None, tails.by_key.get((node.id, None))
        return
    shown = False
    for item in _first(node.items.where(State.RUNNING), 64):
        tail = tails.by_key.get((node.id, item))
        if tail is not None:
            shown = True
            yield item, tail
    if not shown:
        yield None, None


def _first(items: Iterable[int], limit: int) -> Iterator[int]:
    for at, item in enumerate(items):
        if at >= limit:
            return
        yield item


def pane(state: SessionState, node: NodeState, item: int | None, tail: Tail | None, moment: Moment) -> Pane:
    """What a pane over one attempt shows above its text."""
    title = one_line(node.id, 40) + (f"[{item}]" if item is not None else "")
    model = one_line(model_of(state.plan_nodes.get(node.id), node).rpartition("/")[2], 24)
    parts = [model] if item is None else []
    running = bool(node.running)
    if tail is not None:
        if tail.attempt > 1:
            parts.append(f"try {tail.attempt}")
        rate = tail.rate(moment.wall)
        if running and rate >= 0.5:
            parts.append(f"{rate:.0f} tok/s")
        elif running and tail.last_ts and moment.wall - tail.last_ts >= 2:
            parts.append(f"silent {say.ago(moment.wall - tail.last_ts)}")
    taken = took_s(node, moment)
    if item is None and taken is not None:
        parts.append(say.clock(taken) if running else say.took(taken))
    return Pane(node.id, item, title, tuple(part for part in parts if part), tail, running)
