"""Spells of work of DeerFlow's agents, told as events of a session."""

from __future__ import annotations

import json

from swarmtui.frozen import mutable
from swarmtui.plan.lookup import literal
from swarmtui.plan.model import JSON, AgentSpec, AskSpec, Author, Node, Plan, Spec, plan_hash
from swarmtui.plan.repair import loads_lenient
from swarmtui.plan.team import AgentDef, Team
from swarmtui.session.events import (
    AgentStepped,
    AttemptCancelled,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    CallHead,
    NodeSkipped,
    Noted,
    PlanApproved,
    PlanPatched,
    PlanProposed,
    QuestionAnswered,
    QuestionAsked,
    SessionCreated,
    SessionFinished,
    ToolCalled,
)
from swarmtui.session.imports.deerflow_sse import STEP_AGENTS, Message, Spell, Spells
from swarmtui.session.imports.foreign import Recording, names
from swarmtui.session.pools import QUESTIONS
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Usage

SAID_CHARS = 400
ARGUMENT_CHARS = 2_000
UNTOLD = Usage(calls=1, untold=1)
"""A model was asked, and nobody says what that cost."""
UNDONE = "the recording, which has no such step"
"""Why a step of a plan was not done."""


@mutable
class _Placed:
    """A spell, or a step of a plan that nobody took up, with its node."""

    node: Node
    spell: Spell | None


class Telling:
    """Writes the events of a recording."""

    def __init__(self, recording: Recording, spells: Spells) -> None:
        self._recording = recording
        self._spells = spells
        self._taken: set[str] = set()
        self._goal = spells.question.strip() or _topic(spells.all) or "A recorded DeerFlow chat"
        self._rev = 1

    def tell(self) -> None:
        """All of it, from the session's beginning to its end."""
        add, end = self._recording.add, self._spells.now
        phases = self._phases()
        nodes = [tuple(placed.node for placed in phase) for phase in phases]
        agents = {placed.spell.agent for phase in phases for placed in phase if placed.spell} | STEP_AGENTS
        team = Team({agent: AgentDef(description="recorded in DeerFlow") for agent in sorted(agents)})
        title = self._goal.splitlines()[0][:120]
        add(0.0, SessionCreated(self._recording.run_id or "deerflow", self._goal, title, "", "DeerFlow"))
        plan = Plan(literal(self._goal), nodes[0], title, Author.PLANNER, team)
        add(0.0, PlanProposed(1, plan, "as DeerFlow recorded it"))
        add(0.0, PlanApproved(1, plan_hash(plan)))
        for phase, put in zip(phases, nodes, strict=True):
            if phase is not phases[0] and put:
                self._rev += 1
                first = next(placed.spell for placed in phase if placed.spell)
                add(first.began, PlanPatched(self._rev, put, note="the next part of the work", author=Author.PLANNER))
            for placed in phase:
                if placed.spell is not None:
                    self._tell_spell(placed.node.id, placed.spell)
        self._tell_end(phases, end)

    def _phases(self) -> list[list[_Placed]]:
        """Spells with their nodes, cut after each planner: what comes after it is known from there on."""
        phases: list[list[_Placed]] = [[]]
        steps: list[dict[str, JSON]] = []
        before: str | None = None
        for index, spell in enumerate(self._spells.all):
            step = steps.pop(0) if spell.agent in STEP_AGENTS and steps else None
            if spell.agent == "reporter" and steps:
                before = self._leave_undone(phases[-1], steps, before)
            node = self._node(spell, step, before)
            phases[-1].append(_Placed(node, spell))
            before = node.id
            if spell.agent == "planner":
                steps = _steps(spell.text)
                if index + 1 < len(self._spells.all):
                    phases.append([])
        if steps and any(placed.spell and placed.spell.agent in STEP_AGENTS for placed in phases[-1]):
            self._leave_undone(phases[-1], steps, before)
        return phases

    def _leave_undone(self, phase: list[_Placed], steps: list[dict[str, JSON]], before: str | None) -> str | None:
        while steps:
            step = steps.pop(0)
            agent = _agent_of(step)
            node = Node(self._name(_title(step) or agent), _spec(agent, step), _needs(before), _title(step))
            phase.append(_Placed(node, None))
            before = node.id
        return before

    def _node(self, spell: Spell, step: dict[str, JSON] | None, before: str | None) -> Node:
        if spell.asks is not None:
            question, choices = _question(spell.asks)
            return Node(self._name("review"), AskSpec(literal(question), choices), _needs(before), "Review the plan")
        title = _title(step) if step else None
        task = step if step is not None else {"description": self._goal}
        node_id = self._name(title or spell.agent)
        return Node(
            node_id, _spec(spell.agent, task), _needs(before), title or spell.agent, report=spell.agent == "reporter"
        )

    def _name(self, wanted: str) -> str:
        return names([wanted], self._taken)[wanted]

    def _tell_spell(self, node: str, spell: Spell) -> None:
        add, recording = self._recording.add, self._recording
        pool = QUESTIONS if spell.asks is not None else "deerflow"
        add(spell.began, AttemptStarted(node, 1, pool=pool))
        if spell.asks is not None:
            self._tell_question(node, spell)
            return
        for message in spell.messages.values():
            self._tell_message(node, spell.agent, message)
        took = spell.ended - spell.began
        if spell.citations:
            add(spell.ended, Noted("info", f"{spell.citations} citations; they are in the kept file", node))
        if spell.cancelled:
            add(spell.ended, AttemptCancelled(node, 1))
        elif spell.error is not None:
            error = ErrorInfo(ErrorKind.INTERNAL, spell.error)
            add(spell.ended, AttemptFailed(node, 1, error, took_s=took, output=recording.output(spell.text)))
        elif self._is_cut(spell):
            add(spell.ended, AttemptCancelled(node, 1, hold=True))
        else:
            add(spell.ended, AttemptSucceeded(node, 1, recording.output(spell.text), took_s=took))

    def _is_cut(self, spell: Spell) -> bool:
        """Whether the recording ends in the middle of it."""
        return spell is self._spells.all[-1] and not spell.closed

    def _tell_message(self, node: str, agent: str, message: Message) -> None:
        add = self._recording.add
        if message.result_of is not None:
            entry = {"role": "tool", "call": message.result_of, "content": message.text, "ok": True, "tainted": True}
            said = message.text[:SAID_CHARS]
            call = message.result_of
            step = AgentStepped(node, 1, "tool", self._entry(entry), said=said, call=call, tainted=True)
            add(message.ended, step)
            return
        heads = tuple(CallHead(call.id, call.tool, call.told[:ARGUMENT_CHARS]) for call in message.calls)
        if not (heads or message.text.strip()):
            return
        calls = [{"id": call.id, "name": call.tool, "arguments": call.told} for call in message.calls]
        entry = {"role": "assistant", "agent": agent, "content": message.text, "calls": calls}
        if reasoning := "".join(message.reasoning):
            entry["reasoning"] = reasoning
        sha = self._entry(entry)
        said = message.text[:SAID_CHARS]
        add(message.ended, AgentStepped(node, 1, "assistant", sha, None, agent, said, heads, usage=UNTOLD))
        for head in heads:
            add(message.ended, ToolCalled(node, 1, agent, head.id, head.tool, None, head.arguments, why="recorded"))

    def _entry(self, entry: dict[str, JSON]) -> str:
        return self._recording.blob(json.dumps(entry).encode())

    def _tell_question(self, node: str, spell: Spell) -> None:
        add = self._recording.add
        question, choices = _question(spell.asks or {})
        add(spell.began, QuestionAsked(node, question, choices))
        at = self._spells.all.index(spell)
        after = self._spells.all[at + 1] if at + 1 < len(self._spells.all) else None
        if after is None:
            return
        answer = _answer(spell.asks or {}, edited=after.agent == "planner")
        add(after.began, QuestionAnswered(node, answer))
        took = after.began - spell.began
        add(after.began, AttemptSucceeded(node, 1, self._recording.output(answer), took_s=took))

    def _tell_end(self, phases: list[list[_Placed]], end: float) -> None:
        add, last = self._recording.add, self._spells.all[-1]
        for phase in phases:
            for placed in phase:
                if placed.spell is None:
                    add(end, NodeSkipped(placed.node.id, UNDONE))
        if last.cancelled:
            add(end, SessionFinished("cancelled", "cancelled in DeerFlow"))
        elif last.error is not None:
            add(end, SessionFinished("failed", last.error[:200]))
        elif last.closed and last.agent not in ("planner", *STEP_AGENTS):
            add(end, SessionFinished("succeeded"))
        else:
            self._recording.not_ended(end)


def _needs(before: str | None) -> tuple[str, ...]:
    return () if before is None else (before,)


def _spec(agent: str, step: dict[str, JSON]) -> Spec:
    told = step.get("description") or step.get("title")
    return AgentSpec(agent, literal(told if isinstance(told, str) else agent))


def _title(step: dict[str, JSON]) -> str | None:
    title = step.get("title")
    return title.strip()[:120] or None if isinstance(title, str) else None


def _agent_of(step: dict[str, JSON]) -> str:
    kinds = {"processing": "coder", "analysis": "analyst"}
    return kinds.get(str(step.get("step_type")), "researcher")


def _steps(text: str) -> list[dict[str, JSON]]:
    """The steps of the plan that a planner wrote; none if it is no plan."""
    try:
        plan = loads_lenient(text)
    except ValueError:
        return []
    found = plan.get("steps") if isinstance(plan, dict) else None
    return [step for step in found if isinstance(step, dict)][:200] if isinstance(found, list) else []


def _topic(spells: list[Spell]) -> str:
    """What is asked for, in the words of the coordinator's hand-over or the plan's title."""
    for spell in spells:
        for message in spell.messages.values():
            for call in message.calls:
                if call.tool.startswith("handoff") and (topic := _field(call.told, "research_topic", "task_title")):
                    return topic
    return next((title for spell in spells if spell.agent == "planner" and (title := _field(spell.text, "title"))), "")


def _field(text: str, *wanted: str) -> str:
    try:
        value = loads_lenient(text)
    except ValueError:
        return ""
    found = [value.get(name) for name in wanted] if isinstance(value, dict) else []
    return next((one for one in found if isinstance(one, str) and one.strip()), "")


def _question(data: dict[str, JSON]) -> tuple[str, tuple[str, ...]]:
    content = data.get("content")
    return (content if isinstance(content, str) and content.strip() else "Please review the plan."), tuple(
        text for text, _ in _options(data)
    )


def _options(data: dict[str, JSON]) -> list[tuple[str, str]]:
    found = data.get("options")
    options = [one for one in found if isinstance(one, dict)][:20] if isinstance(found, list) else []
    return [(str(one.get("text", one.get("value", "")))[:200], str(one.get("value", ""))) for one in options]


def _answer(data: dict[str, JSON], *, edited: bool) -> str:
    """What the user chose, which the recording does not tell: what came next does."""
    value = "edit_plan" if edited else "accepted"
    return next((text for text, known in _options(data) if known == value), value)
