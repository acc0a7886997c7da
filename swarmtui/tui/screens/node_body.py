"""What each tab of a node shows: rows of its table, if it is one, and the lines below or instead of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from swarmtui.host.feed import Link
from swarmtui.safety.text import clean
from swarmtui.session.spent import Spent
from swarmtui.session.state import NodeState
from swarmtui.session.vocabulary import Output, State
from swarmtui.tui.node_reading import NodeReading
from swarmtui.tui.view import document, split
from swarmtui.tui.view import format as say
from swarmtui.tui.view.attempts import Attempt, AttemptRows, ToolUse, attempt_head, beside, half_of, title_of
from swarmtui.tui.view.column import Rows
from swarmtui.tui.view.lines import Line, shorten_line
from swarmtui.tui.view.markdown.flow import CHARS, Flow, Look, flow_of
from swarmtui.tui.view.node_tabs import EventLines, FileRows, Tab, ToolRows, needs_lines, prompt_lines, tool_lines
from swarmtui.tui.view.nodes import detail, map_bar, writes_markdown
from swarmtui.tui.view.plan import node_facts
from swarmtui.tui.view.table import ItemRows
from swarmtui.tui.view.wording import difference_lines

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench

AttemptForm = Literal["one", "beside", "differences"]
ATTEMPT_FORMS: tuple[AttemptForm, ...] = ("one", "beside", "differences")
SHOWN_ATTEMPTS = 20
"""Attempts whose time is split one by one."""
FLOWS = 2
"""Outputs that are kept as Markdown: as many as stand side by side."""
PREVIEW = 256_000
"""Bytes of a file up to which it is fetched as soon as it is under the cursor."""
REPLAY_NOTE = "files are told as they are at the end of the session: what they were at this moment is not kept"


class NodeBody:
    """The content of one node's tabs. Pure but for what it asks of `reading`."""

    def __init__(self, app: Workbench, reading: NodeReading) -> None:
        self._app, self.reading = app, reading
        self.form: AttemptForm = "one"
        self.written = False
        """Whether the prompt is shown as it is written in the plan."""
        self.source = False
        """Whether Markdown is shown as it is written."""
        self.flow: Flow | None = None
        """The Markdown that is shown, if any is."""
        self._made: dict[str, Flow] = {}
        """The outputs that were shown last, and what was made of them."""
        self._differences = lru_cache(maxsize=1)(difference_lines)  # it is drawn again with every event
        self.kept = ""
        """Key of the attempt that others are held against."""
        self.selected: dict[Tab, str] = {}
        """Tab -> key of the row under the cursor."""
        self._lines: dict[Tab, Callable[[NodeState, int], Sequence[Line]]] = {
            "output": self._output, "prompt": self._prompt, "attempts": self._attempt, "tools": self._tool,
            "cost": self._cost, "events": self._events, "log": self._log, "files": self._file,
        }  # fmt: skip

    # -- tables -----------------------------------------------------------------------------------------------

    def rows(self, tab: Tab, node: NodeState) -> Rows | None:
        """The rows of a tab that is a table."""
        match tab:
            case "attempts":
                return AttemptRows(self.reading.attempts, self._other_key())
            case "tools":
                return ToolRows.of(self.reading.attempts, self.reading.sizes())
            case "files":
                self.reading.want_files()
                return FileRows(self.reading.files or [])
            case "items" if node.items is not None:
                return ItemRows(node.items, ("state", False))
            case _:
                return None

    def lines(self, tab: Tab, node: NodeState, width: int) -> Sequence[Line]:
        """The lines of a tab: all of it, or what is told of the row under the cursor."""
        make = self._lines.get(tab)
        self.flow = None
        return make(node, width) if make is not None else []

    # -- output -----------------------------------------------------------------------------------------------

    def output_of(self, node: NodeState) -> Output | None:
        """What the node, or the item that is looked at, gave last."""
        if self.reading.item is None:
            return node.output
        gave = (one.output for one in reversed(self.reading.attempts) if one.output is not None)
        return next(gave, None)

    def text_of(self, node: NodeState) -> str:
        """The whole of it, or what of it is here."""
        output = self.output_of(node)
        if output is None:
            return ""
        return self.reading.whole(output, (output.sha, output.path, output.size, node.ended_mono))

    def _output(self, node: NodeState, width: int) -> list[Line]:
        lines: list[Line] = []
        item = self.reading.item
        error = node.error if item is None else node.items.errors.get(item) if node.items is not None else None
        if error is not None:
            lines += [*document.verbatim(f"{error.kind.value}: {error.message}", width, "bad"), ()]
        tail = self._app.tails.by_key.get((node.id, item))
        wordy = writes_markdown(self._app.state.plan_nodes.get(node.id))
        if tail is not None and not tail.ended and node.running:
            nothing: list[Line] = [(("it has said nothing yet", "faint"),)]
            said = self._drawn(self._app.tails.read(tail), width) if wordy else tail.rows(width, 2_000)
            return [*lines, *(said or nothing)]
        if item is None and node.items is not None and not node.ended:
            return [*lines, *self._map(node, width)]
        output = self.output_of(node)
        if output is None:
            return [*lines, *self._left(node, width)] if node.state is State.CANCELLED else lines or _nothing(node)
        note = f"{say.size(output.size)}{', part of it was not kept' if output.truncated else ''}"
        why = self.reading.why_not.get("text", "")
        note += f"; the whole could not be fetched: {why}" if why and not output.whole else ""
        text = self.text_of(node)
        if not wordy:
            return [*lines, ((note, "faint"),), *document.verbatim(text, width)]
        form = self._app.with_keys(f"{'as it is written' if self.source else 'Markdown'} ({{form}})")
        lines += [((f"{note} {self._app.looks.glyphs.dot} {form}", "faint"),), ()]
        return [*lines, *self._drawn(self._flow_of(text), width), *self._beyond(text)]

    def _left(self, node: NodeState, width: int) -> list[Line]:
        """What a node that was stopped had written: it gave nothing, but its log was kept."""
        if self.reading.item is not None:
            return _nothing(node)
        self.reading.want_log_once()
        log = self.reading.log
        if not log:
            known = log is not None and "log" not in self.reading.why_not
            return [(("it was cancelled before it gave anything", "faint"),)] if known else self._log(node, width)
        told: Line = (("it was cancelled; the end of what it had written by then:", "faint"),)
        return [told, (), *document.verbatim(log, width)]

    def _beyond(self, text: str) -> list[Line]:
        beyond = len(text) - CHARS
        told = self._app.with_keys(f"[{beyond:,} more characters: {{pager}} opens the whole in your pager]")
        return [(), ((told, "faint"),)] if beyond > 0 else []

    def _flow_of(self, text: str) -> Flow:
        flow = self._made.get(text)
        if flow is None:
            flow = flow_of(clean(text[:CHARS]))
            self._made = dict([*self._made.items(), (text, flow)][-FLOWS:])
        return flow

    def _drawn(self, flow: Flow, width: int) -> list[Line]:
        if self.flow is None or self.flow.complete:  # of two side by side, the one of which more is to come
            self.flow = flow
        return flow.drawn(Look(width, self._app.looks.glyphs, self.source), self._app.moment.wall)

    def _map(self, node: NodeState, width: int) -> list[Line]:
        """How far a map is: what it gives is there once all of its items have ended."""
        glyphs = self._app.looks.glyphs
        if node.items is None:
            return []
        told = detail(self._app.state, node, self._app.moment, glyphs)
        words = "what it gives is put together once all items have ended; {previous_pane} leads to the items"
        bar, words = map_bar(node.items, glyphs, max(10, min(60, width - 6))), self._app.with_keys(words)
        return [bar, *document.verbatim(told, width), (), *document.verbatim(words, width, "faint")]

    # -- what went in -----------------------------------------------------------------------------------------

    def _prompt(self, node: NodeState, width: int) -> list[Line]:
        state, glyphs = self._app.state, self._app.looks.glyphs
        plan_node = state.plan_nodes.get(node.id)
        if plan_node is None:
            return [(("it is no longer in the plan", "faint"),)]
        facts = document.facts(node_facts(state, plan_node), width)
        if self.written:
            return facts
        known = self.reading.inserted()
        why = self.reading.why_not.get("inputs", "")
        lines: list[Line] = []
        if why:
            lines += [*document.verbatim(f"not all that went in could be fetched: {why}", width, "warn"), ()]
        sent = prompt_lines(state, plan_node, known, width, glyphs)
        if sent:
            marked = "<<marked>>" if glyphs.ascii else "⟦marked⟧"
            told = self._app.with_keys(f"as it is sent, what is put in {marked}; {{form}}: as it is written")
            lines += [*document.led("as it is sent", told, width), (), *sent]
        needs = needs_lines(state, plan_node, known, width, glyphs)
        if needs:
            lines += [(("what its needs gave", "strong"),), (), *needs, ()]
        head: list[Line] = [(("in the plan", "strong"),), ()] if lines else []
        return [*lines, *head, *facts]

    # -- attempts ---------------------------------------------------------------------------------------------

    def attempt(self) -> Attempt | None:
        """The attempt under the cursor; the last one before there is a cursor."""
        found, wanted = self.reading.attempts, self.selected.get("attempts")
        return next((one for one in found if one.key == wanted), found[-1] if found else None)

    def other(self) -> Attempt | None:
        """The attempt that the one under the cursor is held against: the kept one, else the one before it."""
        found, this = self.reading.attempts, self.attempt()
        if this is None:
            return None
        kept = next((one for one in found if one.key == self.kept and one is not this), None)
        at = found.index(this)
        same = [one for one in found[:at] if one.item == this.item] or [
            one for one in found[at + 1 :] if one.item == this.item
        ]
        return kept or (same[-1] if found[:at] and same else same[0] if same else None)

    def _other_key(self) -> str:
        if self.form == "one":
            return self.kept
        other = self.other()
        return other.key if other is not None else ""

    def keep(self) -> Attempt | None:
        """Keep the attempt under the cursor to hold others against; let go of it if it is the kept one."""
        this = self.attempt()
        self.kept = "" if this is None or self.kept == this.key else this.key
        return this if self.kept else None

    def _attempt(self, node: NodeState, width: int) -> list[Line]:
        this, other = self.attempt(), self.other()
        if this is None:
            why = self.reading.why_not.get("events", "")
            return [((f"its events could not be fetched: {why}" if why else "it has not been tried yet", "faint"),)]
        glyphs, moment = self._app.looks.glyphs, self._app.moment
        if self.form == "one":
            return [*self._head(this, width), *self._said(this, width)]
        if other is None:
            nothing: Line = (("there is no other attempt to hold it against", "faint"),)
            return [nothing, (), *self._head(this, width), *self._said(this, width)]
        if self.form == "beside":
            half = half_of(width)
            heads = beside(self._head(other, half), self._head(this, half), width, glyphs)
            return [*heads, *beside(self._said(other, half), self._said(this, half), width, glyphs)]
        names = title_of(other, moment), title_of(this, moment)
        if this.error is not None and other.error is not None and not (this.output or other.output):
            return self._differences(other.error.message, this.error.message, width, glyphs, names)
        return self._differences(self.gave(other), self.gave(this), width, glyphs, names)

    def gave(self, attempt: Attempt) -> str:
        """The whole of what an attempt gave, or says by now."""
        if attempt.output is not None:
            return self.reading.output_of(attempt)
        tail = self._app.tails.by_key.get((self.reading.node, attempt.item))
        if tail is not None and tail.attempt == attempt.number:
            return "\n".join(line.text for line in tail.lines)
        return ""

    def _head(self, attempt: Attempt, width: int) -> list[Line]:
        """How it ended, what it used, and where its time went."""
        glyphs, moment = self._app.looks.glyphs, self._app.moment
        told = split.parts_of(attempt, moment.wall)
        bar = [split.bar(told, width, glyphs), *split.legend(told, width, glyphs)]
        return [*attempt_head(attempt, moment, glyphs, width), *bar]

    def _said(self, attempt: Attempt, width: int) -> list[Line]:
        """Why it failed, and what it gave; a blank line first."""
        lines: list[Line] = [()]
        if attempt.error is not None:
            lines += document.verbatim(f"{attempt.error.kind.value}: {attempt.error.message}", width, "bad")
        elif attempt.words and not attempt.output:
            lines += document.verbatim(attempt.words, width, "muted")
        gave = self.gave(attempt)
        if not gave:
            return lines if attempt.ended else [*lines, (("it has said nothing yet", "faint"),)]
        lines += [()] if attempt.error else []
        if writes_markdown(self._app.state.plan_nodes.get(self.reading.node)) and attempt.output is not None:
            return [*lines, *self._drawn(self._flow_of(gave), width), *self._beyond(gave)]
        return [*lines, *document.verbatim(gave, width)]

    @property
    def has_tools(self) -> bool:
        """Whether any attempt has called a tool."""
        return any(attempt.tools for attempt in self.reading.attempts)

    # -- tools ------------------------------------------------------------------------------------------------

    def use(self) -> tuple[Attempt, ToolUse] | None:
        """The call of a tool under the cursor."""
        uses = [(attempt, use) for attempt in self.reading.attempts for use in attempt.tools.values()]
        wanted = self.selected.get("tools")
        return next((one for one in uses if f"{one[0].key} {one[1].call}" == wanted), uses[0] if uses else None)

    def _tool(self, node: NodeState, width: int) -> list[Line]:
        found = self.use()
        if found is None:
            return [(("it has called no tool" if node.ended else "it has called no tool yet", "faint"),)]
        asked, answer = self.reading.call(found[1])
        return tool_lines(*found, asked, answer, width)

    # -- time and money ---------------------------------------------------------------------------------------

    def _cost(self, node: NodeState, width: int) -> list[Line]:
        app, glyphs = self._app, self._app.looks.glyphs
        attempts, now = self.reading.attempts, self._app.moment.wall
        if not attempts:
            return [(("it has not been tried yet: nothing was spent", "faint"),)]
        begun = attempts[0].number == 1 or node.items is not None
        of = "all attempts" if begun and node.items is None else f"the {len(attempts)} attempts that are here"
        lines: list[Line] = [(("time", "strong"), (f", {of} together", "faint")), ()]
        lines += split.time_lines(split.added(attempts, now), width, glyphs)
        ref = next((ref for ref in app.state.models.values() if ref.name == attempts[-1].model), None)
        lines += [(), (("tokens and price", "strong"),), ()]
        told = split.running_lines(self._running(attempts), glyphs, now)
        told += split.money_lines(self._spent(node, attempts), attempts, ref, width, glyphs, now)
        lines += [shorten_line(line, width, glyphs.cut) for line in told]
        if len(attempts) < 2:
            return lines
        lines += [(), (("each attempt", "strong"),), ()]
        for attempt in attempts[: -SHOWN_ATTEMPTS - 1 : -1]:
            title = f"{title_of(attempt, app.moment)}  {say.money(attempt.spent, ascii_only=glyphs.ascii)}"
            lines += [((title, "muted"),), split.bar(split.parts_of(attempt, now), max(8, min(100, width - 2)), glyphs)]
        return lines

    def _running(self, attempts: Sequence[Attempt]) -> list[tuple[Attempt, int]]:
        """The attempts that go on, each with the characters that it has said."""
        tails, node = self._app.tails.by_key, self.reading.node
        found = [(one, tails.get((node, one.item))) for one in attempts if not one.ended]
        return [(one, tail.chars if tail is not None and tail.attempt == one.number else 0) for one, tail in found]

    def _spent(self, node: NodeState, attempts: Sequence[Attempt]) -> Spent:
        if self.reading.item is None:
            return node.spent if node.spent.attempts else _sum(attempts)
        return _sum(attempts)

    # -- events, log, files -----------------------------------------------------------------------------------

    def _events(self, node: NodeState, width: int) -> Sequence[Line]:
        if self.reading.events:
            return EventLines(self.reading.events, width, self._app.looks.glyphs)
        why = self.reading.why_not.get("events", "")
        told = f"they could not be fetched: {why}" if why else "nothing has happened to it yet"
        return [((told, "faint"),)]

    def _log(self, node: NodeState, width: int) -> list[Line]:
        if not node.running:  # while it runs now and then: each event of a map would ask for it
            self.reading.want_log_once()
        log, why = self.reading.log, self.reading.why_not.get("log", "")
        if why:
            return [((f"the log could not be fetched: {why}", "warn"),)]
        if log is None:
            return [(("fetching the log", "faint"),)]
        if log:
            return document.verbatim(log, width)
        return [((self._no_log(node), "faint"),)]

    def _no_log(self, node: NodeState) -> str:
        if self._app.origin.imported:
            return "it has no log: an imported recording comes without"
        if self._app.status.link is Link.REPLAY and not node.ended:
            return "the log is shown once the node has ended: how far it had come at this moment is not kept"
        plan_node = self._app.state.plan_nodes.get(node.id)
        if plan_node is not None and plan_node.kind not in ("run", "python"):
            return "it has no log: only commands and code write one; events tell what happened"
        return "it has no log" if node.attempts else "it has not run yet"

    def _file(self, node: NodeState, width: int) -> list[Line]:
        files, why = self.reading.files, self.reading.why_not.get("files", "")
        lines: list[Line] = []
        if self._app.status.link is Link.REPLAY:
            lines = [((REPLAY_NOTE, "faint"),), ()]
        if why:
            return [*lines, ((f"its files could not be fetched: {why}", "warn"),)]
        if not files:
            return [*lines, ((self._no_files(node), "faint"),)]
        name = self.selected.get("files") or files[0].name
        file = next((one for one in files if one.name == name), files[0])
        if file.size > PREVIEW and not self.reading.has(("file", file.name)):
            opens = self._app.with_keys(f"{say.size(file.size)}: {{open}} opens it in your pager")
            return [*lines, ((opens, "faint"),)]
        text = self.reading.file(file.name, "fetching it")
        failed = self.reading.why_not.get("text", "")
        if failed and not self.reading.has(("file", file.name)):
            return [*lines, ((f"it could not be fetched: {failed}", "warn"),)]
        return [*lines, *(document.verbatim(text, width) or [(("it is empty", "faint"),)])]

    def _no_files(self, node: NodeState) -> str:
        if self.reading.files is None:
            return "fetching the list of its files"
        if self._app.origin.imported:
            return "it has no files: an imported recording comes without"
        return "it has left no files" if node.attempts else "it has not run yet: it has no files"


def _sum(attempts: Sequence[Attempt]) -> Spent:
    whole = Spent()
    for one in attempts:
        whole.include(one.spent)
    return whole


def _nothing(node: NodeState) -> list[Line]:
    return [(("it gave nothing" if node.ended else "it has given nothing yet", "faint"),)]
