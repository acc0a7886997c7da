"""The streaming text of attempts that run: the last lines of each, how fast it comes, and since when it is silent."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import field
from itertools import islice
from typing import TYPE_CHECKING

from swarmtui.frozen import mutable
from swarmtui.safety.text import Cleaner, one_line
from swarmtui.session import events as ev
from swarmtui.session.pools import QUESTIONS
from swarmtui.session.vocabulary import State
from swarmtui.tui.view.calls import Call, call_line, short_arguments
from swarmtui.tui.view.document import paragraph
from swarmtui.tui.view.glyphs import UNICODE, Glyphs
from swarmtui.tui.view.lines import Line, Role, wrap
from swarmtui.tui.view.markdown.flow import Flow
from swarmtui.tui.view.order import natural

if TYPE_CHECKING:
    from swarmtui.host.feed import Changes, StreamText
    from swarmtui.session.state import NodeState, SessionState

LINES = 400
LINE_CHARS = 4_000
WINDOW_S = 5.0
TOKEN_CHARS = 4
"""Characters per token, roughly: what makes a rate out of text before the provider reports usage."""
KEPT = 64
"""Tails of ended attempts that are kept for a look back."""
READ = 4
"""Tails whose text is kept as Markdown at once: those that somebody has read last."""

Key = tuple[str, int | None]
_CHANNEL_ROLES: dict[str, Role] = {"reasoning": "faint", "stderr": "warn"}


@mutable
class TailLine:
    """A line, still growing if it is the last one."""

    channel: str
    text: str
    call: Call | None = None
    """The call of a tool, which stands for itself."""


@mutable
class Tail:
    """The end of what one attempt has said."""

    attempt: int = 0
    ended: bool = False
    lines: list[TailLine] = field(default_factory=list)
    """The last :data:`LINES`."""
    chars: int = 0
    last_ts: float = 0.0
    """When it last said or did anything, in epoch seconds; 0 before it has."""
    since: float = 0.0
    """When the attempt began; 0 where that is not known."""
    thinking_since: float | None = None
    """Since when it reasons; None while it does not."""
    calls: dict[str, Call] = field(default_factory=dict)
    """Calls of tools, by their IDs."""
    flow: Flow | None = None
    """What it says as Markdown, while somebody reads it."""
    _cleaners: dict[str, Cleaner] = field(default_factory=dict)
    _expected: dict[str, int] = field(default_factory=dict)
    _arrivals: deque[tuple[float, int]] | None = None
    """When how much text came; nothing before any has, since most attempts of a large session say nothing."""

    def feed(self, stream: StreamText, now: float) -> None:
        """Take what arrived. Text dropped on the way leaves a note; text that came twice is not shown twice."""
        expected = self._expected.get(stream.channel, 0)
        text = stream.text
        if stream.offset > expected and self.chars:
            self._put(TailLine("note", f"[{stream.offset - expected:,} characters not shown]"))
            self._put(TailLine(stream.channel, ""))
        elif stream.offset < expected:
            text = text[expected - stream.offset :]
        self._expected[stream.channel] = max(expected, stream.offset + len(stream.text))
        if not text:
            return
        self.chars += len(text)
        self.last_ts = now
        if self._arrivals is None:
            self._arrivals = deque(maxlen=256)
        self._arrivals.append((now, len(text)))
        self._append(stream.channel, self._cleaners.setdefault(stream.channel, Cleaner()).feed(text))

    def read(self) -> Flow:
        """What it says as Markdown, and from now on also what comes: more of it than :data:`LINES`."""
        if self.flow is None:
            self.flow = Flow(from_end=True)
            for number, line in enumerate(self.lines, 1):
                if line.call is not None:
                    self.flow.add_call(line.call)
                else:
                    _tell(self.flow, line.channel, line.text + ("\n" if number < len(self.lines) else ""))
        return self.flow

    def call(self, id: str, tool: str, arguments: str, ts: float) -> None:
        """A tool is called."""
        self.last_ts, self.thinking_since = max(self.last_ts, ts), None
        if id in self.calls:
            return
        made = self.calls[id] = Call(id, one_line(tool, 60), short_arguments(arguments), ts)
        self._put(TailLine("tool", "", made))
        if len(self.calls) > LINES:
            del self.calls[next(iter(self.calls))]

    def answered(self, id: str, ts: float, *, ok: bool) -> None:
        """A tool has come back."""
        self.last_ts = max(self.last_ts, ts)
        known = self.calls.get(id)
        if known is not None and known.took_s is None:
            known.answer(ts, ok=ok)

    @property
    def open_call(self) -> Call | None:
        """The call that goes on, the oldest first; None if none does."""
        if self.ended or not self.calls:
            return None
        return next((call for call in self.calls.values() if call.took_s is None), None)

    def _put(self, line: TailLine) -> None:
        self.lines.append(line)
        if self.flow is not None and line.call is not None:
            self.flow.add_call(line.call)
        elif self.flow is not None and line.channel == "note":
            _tell(self.flow, "note", line.text + "\n")
        if len(self.lines) > LINES:
            del self.lines[0]

    def _append(self, channel: str, text: str) -> None:
        if channel == "reasoning":
            self.thinking_since = self.last_ts if self.thinking_since is None else self.thinking_since
        else:
            self.thinking_since = None
        if self.flow is not None:
            _tell(self.flow, channel, text)
        if not self.lines or self.lines[-1].channel != channel:
            self._put(TailLine(channel, ""))
        head, *rest = text.split("\n")
        self.lines[-1].text = (self.lines[-1].text + head)[-LINE_CHARS:]
        for line in rest[-LINES:]:
            self._put(TailLine(channel, line[-LINE_CHARS:]))

    def rate(self, now: float) -> float:
        """Tokens per second over the last seconds, estimated from characters."""
        arrivals = self._arrivals
        while arrivals and arrivals[0][0] < now - WINDOW_S:
            arrivals.popleft()
        if not arrivals:
            return 0.0
        return sum(size for _, size in arrivals) / TOKEN_CHARS / max(1.0, now - arrivals[0][0])

    def rows(self, width: int, height: int, now: float | None = None, glyphs: Glyphs = UNICODE) -> list[Line]:
        """The last `height` rows, wrapped to `width` cells. Costs what is shown, not what is kept. Calls of tools that
        go on are as old as they are `now`, or when it last said anything."""
        rows: list[Line] = []
        coded = self._coded()
        at = self.last_ts if now is None else now
        for number in range(len(self.lines) - 1, -1, -1):
            line = self.lines[number]
            if line.call is not None:
                rows.append(call_line(line.call, width, at, glyphs))
            elif line.text or rows:
                rows.extend(reversed(_shown(line, width, coded=number in coded)))
            if len(rows) >= height:
                break
        return rows[:height][::-1]

    def _coded(self) -> frozenset[int]:
        """The lines that stand in a block of code."""
        fences = [at for at, line in enumerate(self.lines) if line.text.lstrip().startswith("```")]
        if not fences:
            return frozenset()
        ends = [*fences[1::2], len(self.lines)] if len(fences) % 2 else fences[1::2]
        return frozenset(at for start, end in zip(fences[::2], ends, strict=True) for at in range(start, end + 1))


def _tell(flow: Flow, channel: str, text: str) -> None:
    if channel == "output":
        flow.write(text)
    else:
        flow.add_aside(text, _CHANNEL_ROLES.get(channel, "faint"))


def _shown(line: TailLine, width: int, *, coded: bool = False) -> list[Line]:
    if line.channel == "output" and not coded:
        return paragraph(line.text, width)
    if coded and line.text.lstrip().startswith("```"):
        return [((line.text[:width], "faint"),)]
    role: Role = "ok" if coded else _CHANNEL_ROLES.get(line.channel, "faint")
    return [((row, role),) for row in wrap(line.text, width)]


@mutable
class Tails:
    """The tails of a session."""

    by_key: dict[Key, Tail] = field(default_factory=dict)
    pinned: frozenset[Key] = frozenset()
    """What they said is kept however much others say after them."""
    _read: list[Tail] = field(default_factory=list)

    def read(self, tail: Tail) -> Flow:
        """What `tail` says as Markdown; that of those read before is let go of."""
        if not self._read or self._read[-1] is not tail:
            self._read = [*(one for one in self._read if one is not tail), tail]
            for one in self._read[:-READ]:
                one.flow = None
            self._read = self._read[-READ:]
        return tail.read()

    def absorb(self, changes: Changes, now: float) -> None:
        """Take what a feed brought."""
        for event in changes.events:
            self._note(event.body, event.ts)
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

    def _of(self, node: str, item: int | None, attempt: int) -> Tail:
        tail = self.by_key.get((node, item))
        return tail if tail is not None and tail.attempt >= attempt else self._begin((node, item), attempt)

    def _note(self, body: ev.Body, ts: float) -> None:
        match body:
            case ev.ToolCalled(node=node, item=item, attempt=attempt):
                self._of(node, item, attempt).call(body.call, body.tool, body.arguments, ts)
            case ev.AgentStepped(node=node, item=item, attempt=attempt, role="tool"):
                self._of(node, item, attempt).answered(body.call, ts, ok=body.ok)
            case ev.AgentStepped(node=node, item=item, attempt=attempt):
                mine = self._of(node, item, attempt)
                for call in body.calls:
                    mine.call(call.id, call.tool, call.arguments, ts)
            case ev.AttemptStarted(node=node, item=item, attempt=attempt):
                known = self.by_key.get((node, item))
                if known is None or known.attempt < attempt:
                    self._begin((node, item), attempt).since = ts
            case (
                ev.AttemptSucceeded(node=node, item=item)
                | ev.AttemptFailed(node=node, item=item)
                | ev.AttemptThrottled(node=node, item=item)
                | ev.AttemptCancelled(node=node, item=item)
                | ev.AttemptInterrupted(node=node, item=item)
                | ev.AttemptSuspended(node=node, item=item)
            ):
                tail = self.by_key.get((node, item))
                if tail is not None:
                    tail.ended = True
            case ev.PlanProposed():
                self.by_key.clear()

    def _forget(self) -> None:
        if len(self.by_key) <= KEPT:
            return
        ended = [key for key, tail in self.by_key.items() if tail.ended and key not in self.pinned]
        for key in ended[: max(0, len(ended) - KEPT)]:
            del self.by_key[key]


def attempts(state: SessionState, tails: Tails) -> Iterator[tuple[NodeState, int | None, Tail | None]]:
    """The running attempts, longest running first; of a map those that have said something."""
    running = sorted(
        (node for node in state.nodes.values() if node.running and node.pool != QUESTIONS),
        key=lambda node: (node.started_mono or 0.0, natural(node.id)),
    )
    for node in running:
        for item, tail in _attempts(node, tails):
            yield node, item, tail


def _attempts(node: NodeState, tails: Tails) -> Iterator[tuple[int | None, Tail | None]]:
    if node.items is None:
        yield None, tails.by_key.get((node.id, None))
        return
    shown = False
    for item in islice(node.items.where(State.RUNNING), 64):
        tail = tails.by_key.get((node.id, item))
        if tail is not None:
            shown = True
            yield item, tail
    if not shown:
        yield None, None
