"""The tabs of a node, and what stands in those that are tables: calls of tools, files; and what went into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, overload

from swarmtui.frozen import frozen, mutable
from swarmtui.host.shelf import NodeFile
from swarmtui.plan.lookup import GoesBy, Lookup, LookupFailed, TemplateError, as_text, parse, resolve, texts
from swarmtui.plan.model import JSON, Node
from swarmtui.safety.text import clean, one_line
from swarmtui.session.events import Event
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import format as say
from swarmtui.tui.view.attempts import Attempt, ToolUse
from swarmtui.tui.view.column import Column
from swarmtui.tui.view.document import verbatim
from swarmtui.tui.view.glyphs import MARKS, Glyphs
from swarmtui.tui.view.lines import Line, Role, Span, fit
from swarmtui.tui.view.logs import draw, log_line
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.wording import flow_text

Tab = Literal["output", "prompt", "attempts", "tools", "cost", "events", "log", "files", "items"]
LOOK = 4
"""Lines of what a need gave that are shown."""
VALUE_LIMIT = 8_000
"""Characters of one inserted value that are shown; the rest is counted."""
_ASKED = {"run": "Command", "python": "Code", "ask": "Question", "merge": "Inputs", "plan": "Goal"}


def tabs_of(plan_node: Node | None, *, mapped: bool, item: bool, tools: bool = False) -> tuple[tuple[Tab, str], ...]:
    """The tabs of a node, or of one item of its map; `tools`: whether it has called any, whatever its kind."""
    asked = _ASKED.get(plan_node.kind if plan_node else "", "Prompt")
    tabs: list[tuple[Tab, str]] = [("output", "Output"), ("prompt", asked), ("attempts", "Attempts")]
    if tools or plan_node is None or plan_node.kind in ("agent", "plan"):
        tabs.append(("tools", "Tools"))
    tabs += [("cost", "Cost"), ("events", "Events")]
    if not item:
        tabs += [("log", "Log"), ("files", "Files")]
    return (*tabs, ("items", "Items")) if mapped and not item else tuple(tabs)


TOOL_COLUMNS: tuple[Column, ...] = (
    Column("ok", "ok", 5, 10),
    Column("try", "try", 3, 3, right=True),
    Column("tool", "tool", 24, 10),
    Column("arguments", "arguments", 0, 9),
    Column("took", "took", 7, 8, right=True),
    Column("size", "gave", 8, 5, right=True),
)


@mutable
class ToolRows:
    """Calls of tools as rows, in the order in which they were asked for."""

    uses: Sequence[tuple[Attempt, ToolUse]]
    sizes: Mapping[str, int]
    """Recorded entry -> characters of the whole result, where it has been fetched."""
    sort: tuple[str, bool] = ("", False)

    @classmethod
    def of(cls, attempts: Sequence[Attempt], sizes: Mapping[str, int]) -> ToolRows:
        """The calls of all attempts."""
        return cls([(attempt, use) for attempt in attempts for use in attempt.tools.values()], sizes)

    @property
    def columns(self) -> Sequence[Column]:
        """Columns of a call."""
        return TOOL_COLUMNS

    def __len__(self) -> int:
        return len(self.uses)

    def key(self, at: int) -> str:
        """What identifies the call."""
        attempt, use = self.uses[at]
        return f"{attempt.key} {use.call}"

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one call."""
        attempt, use = self.uses[at]
        took = use.took_s(attempt.ended_ts if attempt.ended_ts is not None else moment.wall)
        whole = self.sizes.get(use.answer_sha)
        given = len(use.said) if whole is None else whole
        more = "+" if whole is None and given >= 200 else ""
        return {
            "ok": how_it_went(attempt, use, glyphs),
            "try": (str(attempt.number), "muted"),
            "tool": (one_line(use.tool, 60), "strong"),
            "arguments": (one_line(use.arguments, 200), "text"),
            "took": (say.took(took) if took is not None else "", "text"),
            "size": (f"{say.short(given)}{more}" if use.answered_ts is not None else "", "muted"),
        }


def how_it_went(attempt: Attempt, use: ToolUse, glyphs: Glyphs) -> Span:
    """Whether a call succeeded, failed, is at work, or was never let go."""
    if use.answered_ts is not None:
        state, word = (State.SUCCEEDED, "ok") if use.ok else (State.FAILED, "ERR")
    elif use.called_ts is None:
        state, word = State.WAITING, "ask"
    else:
        state, word = (State.INTERRUPTED, "cut") if attempt.ended else (State.RUNNING, "run")
    mark = MARKS[state]
    return word if glyphs.ascii else f"{mark.glyph} {word}", mark.role


def tool_lines(attempt: Attempt, use: ToolUse, asked: str | None, answer: str | None, width: int) -> list[Line]:
    """One call in full: `asked` and `answer` are the whole texts, None while only their beginnings are known."""
    arguments, said = use.arguments if asked is None else asked, use.said if answer is None else answer
    lines: list[Line] = [((one_line(f"{use.agent} calls {use.tool}", 200), "strong"),)]
    if use.why:
        lines.append(((one_line(f"by leave of: {use.why}", 300), "muted"),))
    lines += [(), (("arguments", "accent"),), *verbatim(arguments or "none", width)]
    if use.answered_ts is None:
        waits = "it was cut short, and gave nothing" if attempt.ended else "it has not come back yet"
        return [*lines, (), ((waits, "faint"),)]
    head = "what it gave" if use.ok else "what it failed with"
    cut = "" if answer is not None else " (its beginning)"
    return [*lines, (), ((head + cut, "accent"),), *verbatim(said or "nothing", width, "text" if use.ok else "bad")]


FILE_COLUMNS: tuple[Column, ...] = (
    Column("name", "file", 0, 10),
    Column("size", "size", 10, 9, right=True),
    Column("when", "changed", 19, 5, right=True),
)


@mutable
class FileRows:
    """A node's files as rows."""

    files: Sequence[NodeFile]
    sort: tuple[str, bool] = ("", False)

    @property
    def columns(self) -> Sequence[Column]:
        """Columns of a file."""
        return FILE_COLUMNS

    def __len__(self) -> int:
        return len(self.files)

    def key(self, at: int) -> str:
        """Its name."""
        return self.files[at].name

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of one file."""
        file = self.files[at]
        return {
            "name": (one_line(file.name, 200), "text"),
            "size": (say.size(file.size), "text"),
            "when": (say.second(file.ts), "muted"),
        }


class EventLines(Sequence[Line]):
    """Events as lines, each made when it is looked at: the cost follows the screen, not the number of events."""

    def __init__(self, events: Sequence[Event], width: int, glyphs: Glyphs) -> None:
        self._events, self._width, self._glyphs = events, width, glyphs

    def __len__(self) -> int:
        return len(self._events)

    @overload
    def __getitem__(self, at: int) -> Line: ...

    @overload
    def __getitem__(self, at: slice) -> list[Line]: ...

    def __getitem__(self, at: int | slice) -> Line | list[Line]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        return draw(log_line(self._events[at]), self._width, self._glyphs, 0)


# -- what went into it ----------------------------------------------------------------------------------------------


@frozen
class Inserted:
    """What went into a node as far as it is known: outputs of its needs, the item."""

    outputs: Mapping[str, str]
    """Node -> the whole of what it gave, where that was fetched."""
    item: JSON = None
    """What the item is, if one is looked at and it was fetched."""
    item_known: bool = False


def wanted_outputs(state: SessionState, plan_node: Node) -> list[str]:
    """Nodes whose whole output is needed to tell what went into a node, and is not in the state."""
    named = {lookup.name for _, lookup in _lookups(plan_node)} | set(plan_node.needs)
    return [
        name
        for name in sorted(named)
        if name in state.nodes and (output := state.nodes[name].output) is not None and not output.whole
    ]


def _lookups(plan_node: Node) -> list[tuple[str, Lookup]]:
    found: list[tuple[str, Lookup]] = []
    for _, template in texts(plan_node.spec):
        try:
            found += [(template, part) for part in parse(template) if isinstance(part, Lookup)]
        except TemplateError:
            continue
    return found


def needs_lines(state: SessionState, plan_node: Node, known: Inserted, width: int, glyphs: Glyphs) -> list[Line]:
    """What each need gave: how it stands, how much it is, and its beginning."""
    lines: list[Line] = []
    for need in plan_node.needs:
        node = state.nodes.get(need)
        if node is None:
            continue
        mark, output = MARKS[node.state], node.output
        size = say.size(output.size) if output is not None else "nothing yet" if not node.ended else "gave nothing"
        head: Line = (f"{glyphs.icon(mark)} ", mark.role), (name_of(need, 60), "strong"), (f"  {size}", "muted")
        lines.append(head)
        text = known.outputs.get(need, output.text if output is not None else "")
        if node.error is not None and not text:
            lines += _looked(node.error.message, width, "bad")
        lines += _looked(text, width, "text")
    return lines


def _looked(text: str, width: int, role: Role) -> list[Line]:
    rows = [row for row in clean(text[:4_000]).split("\n") if row.strip()]
    shown: list[Line] = [(("  ", "text"), (fit(row, max(8, width - 2)).rstrip(), role)) for row in rows[:LOOK]]
    more = len(rows) - LOOK
    return [*shown, (("  and more", "faint"),)] if more > 0 or (rows and len(text) > 4_000) else shown


def value_of(state: SessionState, plan_node: Node, known: Inserted) -> Callable[[str], JSON]:
    """Finds values as an attempt does, in what is recorded by now. Raises KeyError for what is not known."""

    def value(name: str) -> JSON:
        if plan_node.map is not None and name == plan_node.map.name:
            if not known.item_known:
                raise KeyError(name)
            field, item = plan_node.map.field, known.item
            goes_by = field is not None and isinstance(item, dict) and field in item
            return GoesBy(item, field) if goes_by and field is not None else item
        node = state.nodes.get(name)
        if node is None:
            return state.inputs[name]
        output = node.output
        if output is None and not node.ended:
            raise KeyError(name)
        exit_code = output.exit_code if output else node.error.exit_code if node.error else None
        return {
            "state": node.state.value,
            "output": known.outputs.get(name, output.text if output is not None else ""),
            "error": node.error.message if node.error else None,
            "exit_code": exit_code,
            "items": node.items.total if node.items else None,
            "path": output.path if output is not None else None,
        }

    return value


def prompt_lines(state: SessionState, plan_node: Node, known: Inserted, width: int, glyphs: Glyphs) -> list[Line]:
    """The texts that look something up, values put in and marked; what has no value yet stays as it is written."""
    find = value_of(state, plan_node, known)
    lines: list[Line] = []
    for path, template in texts(plan_node.spec):
        if "{{" not in template:
            continue
        try:
            segments = parse(template)
        except TemplateError:
            segments = (template,)
        spans: list[Span] = []
        for part in segments:
            spans += [(clean(part), "text")] if isinstance(part, str) else _inserted(part, find, glyphs)
        lines += [((" ".join(map(str, path)), "accent"),), *flow_text(spans, width), ()]
    return lines


def _inserted(lookup: Lookup, find: Callable[[str], JSON], glyphs: Glyphs) -> list[Span]:
    try:
        value = as_text(resolve(lookup, find))
    except (LookupFailed, KeyError):
        return [(clean(f"{{{{ {lookup} }}}}"), "warn")]
    begin, end = ("<<", ">>") if glyphs.ascii else ("⟦", "⟧")
    cut = len(value) - VALUE_LIMIT
    told = f" {glyphs.cut} {cut:,} more characters" if cut > 0 else ""
    return [(begin, "faint"), (clean(value[:VALUE_LIMIT]), "ok"), (told, "faint"), (end, "faint")]
