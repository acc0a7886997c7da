"""Where an agent stands: a pure fold of the entries that its attempts recorded.

The entries are those of :class:`swarmtui.engine.ports.Stepped`. Beside them an agent records ``cut`` and ``summary``
(see :mod:`swarmtui.agents.compaction`), and more in the entries that are its own: an ``assistant`` has ``extra`` (for
its provider), ``final`` (no more was to come), ``closing`` (why) and ``cut`` (it met the limit of output);
a ``tool`` has ``own`` (written by swarmtui, not by a tool), ``denied`` and ``made`` (a subagent); a ``user`` has
``why``. An attempt that is given the entries of earlier ones stands exactly where those had come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field

from swarmtui.agents.answers import Grant, grant_of, refusal, result_message, told
from swarmtui.frozen import frozen, mutable
from swarmtui.plan.model import JSON
from swarmtui.plan.team import AgentDef, AgentLimits
from swarmtui.safety.redact import MASK

NUDGE, WARNING, WANTS_JSON, UNCALLED = "empty", "loop", "json", "uncalled"
"""Why the agent is told something on its way; where the engine speaks, none of these."""

ASK_USER, CREATE, ASSIGN, ANSWER = "ask_user", "create_subagent", "assign_task", "final_answer"
"""The agent's own tools, beside those for handing over."""


@frozen
class Call:
    """A call that a model asked for; `id` is unique in the thread."""

    id: str
    name: str
    arguments: str
    masked: bool = False
    """Whether its arguments held a secret, which is not kept: they are no longer what the model asked for."""


@mutable
class Turn:
    """An answer of the model with the calls in it, and what was said to the agent after it."""

    agent: str
    content: str
    calls: tuple[Call, ...]
    at: int
    """Index of its entry."""
    tainted: bool
    """Whether the agent had read what anybody may have written before it gave this answer."""
    extra: JSON = None
    final: bool = False
    closing: str | None = None
    cut: bool = False
    remarks: list[tuple[str, str]] = field(default_factory=list)
    """(why, text) of each thing that was said to the agent afterwards."""


@frozen
class Answer:
    """The one message that a call is answered by."""

    text: str
    agent: str | None = None
    """To whom it handed over."""


@mutable
class Thread:
    """An agent node as far as it has come. `take` adds an entry; nothing else changes it."""

    agent: str
    """Who is active."""
    context: dict[str, JSON] = field(default_factory=dict)
    entries: list[JSON] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    early: list[tuple[str, str]] = field(default_factory=list)
    """Remarks before the first turn."""
    answers: dict[str, Answer] = field(default_factory=dict)
    """Call -> its answer."""
    subagents: dict[str, AgentDef] = field(default_factory=dict)
    """The agents that it made."""
    grants: dict[tuple[str, str], bool] = field(default_factory=dict)
    """(agent, tool) that a person allowed for good -> whether the agent was tainted by then."""
    allowed: set[str] = field(default_factory=set)
    """Calls that a person allowed."""
    called: set[str] = field(default_factory=set)
    """Calls that were begun by an earlier attempt and have no answer."""
    assigned: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Call -> the nodes that were made for it."""
    tainted: bool = False
    denials: int = 0
    tool_calls: int = 0
    shown_from: int = 0
    """Index of the first entry that the model still sees; what came before is in `summary`."""
    cut_before: int = 0
    """Results of tools in entries before this index are left out."""
    summary: str = ""
    _calls: dict[str, tuple[Call, str, bool]] = field(default_factory=dict)
    _results: dict[str, JSON] = field(default_factory=dict)

    @classmethod
    def of(cls, agent: str, context: dict[str, JSON], entries: Iterable[JSON], *, tainted: bool = False) -> Thread:
        """The thread that began with `agent`, `tainted` from the start or not, and came to `entries`."""
        thread = cls(agent, dict(context), tainted=tainted)
        for entry in entries:
            thread.take(entry)
        return thread

    @property
    def turn(self) -> Turn | None:
        """The model's last answer."""
        return self.turns[-1] if self.turns else None

    @property
    def steps(self) -> int:
        """Answers of the model so far."""
        return len(self.turns)

    @property
    def open_calls(self) -> tuple[Call, ...]:
        """The calls of the last answer that are not answered yet, in their order."""
        turn = self.turn
        return () if turn is None else tuple(call for call in turn.calls if call.id not in self.answers)

    @property
    def caller(self) -> str:
        """Whose tools are wanted next: of the agent whose calls are open, else of the active one."""
        turn = self.turn
        return turn.agent if turn is not None and self.open_calls else self.agent

    @property
    def remarks(self) -> list[tuple[str, str]]:
        """What was said to the agent since the model's last answer."""
        return self.turns[-1].remarks if self.turns else self.early

    def call(self, id: str) -> Call:
        """The call `id` of any answer so far. KeyError if there is none."""
        return self._calls[id][0]

    def granted(self, agent: str, tool: str, *, tainted: bool) -> bool:
        """Whether a person allowed the tool for good, and knew then what there is to fear now."""
        return (agent, tool) in self.grants and (self.grants[agent, tool] or not tainted)

    def new_ids(self, wanted: Iterable[str]) -> list[str]:
        """Ids for the calls of a turn, as `wanted` where the thread has had none such: not every provider's differ."""
        chosen: dict[str, None] = {}
        for name in wanted:
            base, number = name or "call", 1
            unique = base
            while unique in self._calls or unique in chosen:
                number += 1
                unique = f"{base}_{number}"
            chosen[unique] = None
        return list(chosen)

    def take(self, entry: JSON) -> None:
        """Add an entry. One of an unknown role changes nothing."""
        match entry.get("role"):
            case "assistant":
                self._take_turn(entry)
            case "tool":
                self._take_tool(entry)
            case "user":
                self._take_remark(str(entry.get("why") or ""), str(entry["content"]))
            case "called":
                self.called.add(entry["call"])
                self.allowed.discard(entry["call"])
            case "assigned":
                self.assigned[entry["call"]] = tuple(entry["nodes"])
            case "answer":
                self._take_answer(entry["call"], str(entry["content"]))
            case "results":
                self._take_results(entry["nodes"])
            case "cut":
                self.cut_before = entry["before"]
            case "summary":
                self.summary, self.shown_from = entry["content"], entry["before"]
        self.entries.append(entry)

    def _take_turn(self, entry: JSON) -> None:
        calls = tuple(_call(call) for call in entry.get("calls") or ())
        agent = entry.get("agent") or self.agent
        self.turns.append(
            Turn(
                agent,
                entry.get("content") or "",
                calls,
                len(self.entries),
                self.tainted,
                entry.get("extra"),
                bool(entry.get("final")),
                entry.get("closing"),
                bool(entry.get("cut")),
            )
        )
        for call in calls:
            self._calls[call.id] = (call, agent, self.tainted)
        self.tool_calls += len(calls)

    def _take_tool(self, entry: JSON) -> None:
        if entry["call"] in self.answers:
            return
        own = bool(entry.get("own"))
        text = entry["content"] if own else result_message(entry["name"], entry["content"], ok=entry.get("ok", True))
        self.answers[entry["call"]] = Answer(text, entry.get("agent"))
        self.tainted = self.tainted or bool(entry.get("tainted"))
        self.denials += bool(entry.get("denied"))
        self.agent = entry.get("agent") or self.agent
        self.context.update(entry.get("context") or {})
        if made := entry.get("made"):
            self.subagents[made["name"]] = _definition(made)

    def _take_remark(self, why: str, text: str) -> None:
        """What is said of an answer that was given by a call is that call's result."""
        answer = [call for call in self.open_calls if call.name == ANSWER]
        for call in answer:
            self.answers[call.id] = Answer(text)
        if not answer:
            self.remarks.append((why, text))

    def _take_answer(self, call_id: str, content: str) -> None:
        known = self._calls.get(call_id)
        if known is None or call_id in self.answers:
            return
        call, agent, tainted = known
        if call.name == ASK_USER:
            self.answers[call_id] = Answer(told(content))
            return
        grant, words = grant_of(content)
        if grant is Grant.DENY:
            self.denials += 1
            self.answers[call_id] = Answer(refusal(f"the user said no{f': {words}' if words else ''}"))
            return
        self.allowed.add(call_id)
        if grant is Grant.ALWAYS:
            self.grants[agent, call.name] = tainted

    def _take_results(self, nodes: Sequence[JSON]) -> None:
        self._results.update({result["node"]: result for result in nodes})
        for call_id, wanted in self.assigned.items():
            if call_id not in self.answers and all(node in self._results for node in wanted):
                self.answers[call_id] = Answer(told([self._results[node] for node in wanted]))
                self.tainted = True  # a subagent has tools, and what it read is in what it says


def _call(data: JSON) -> Call:
    arguments = data["arguments"]
    return Call(data["id"], data["name"], arguments, MASK in arguments and data.get("chars") != len(arguments))


def _definition(made: JSON) -> AgentDef:
    limits = AgentLimits(**made["limits"])
    return AgentDef(made["instructions"], made["model"], tuple(made["tools"]), limits=limits)


def shown_turns(thread: Thread) -> Iterator[Turn]:
    """The turns that the model still sees."""
    return (turn for turn in thread.turns if turn.at >= thread.shown_from)
