"""A DeerFlow plan (the JSON that its planner writes) as a task of ours.

Its steps run one after the other there; here what looks things up runs at once, and what works on findings waits for
the findings before it. Steps that carry a result already are not done again: the result is handed on as it is. What
is missing or odd in a plan is mended by the rules that its readers know:

- a step without a type looks things up if it says that it needs a search, and else works on what is there;
- where a search is demanded and no step searches, the first step does, or one is added;
- a plan in a list, or under ``plan``, is taken out; what is no plan at all is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from swarmtui.plan.importers.imported import Imported
from swarmtui.plan.lookup import literal
from swarmtui.plan.model import JSON, AgentSpec, MergeSpec, Node, Plan, PromptSpec, RunSpec, Spec, Task, When
from swarmtui.plan.problems import Problem, TaskError, path_text, shown
from swarmtui.plan.repair import loads_lenient
from swarmtui.plan.team import AgentDef, Team

RESEARCH: Final = "research"
ANALYSIS: Final = "analysis"
PROCESSING: Final = "processing"
TYPES: tuple[str, ...] = (RESEARCH, ANALYSIS, PROCESSING)

_AGENT: Mapping[str, str] = {RESEARCH: "researcher", ANALYSIS: "analyst", PROCESSING: "coder"}
_MARKS = ("has_enough_context", "thought", "locale")
_ID = re.compile(r"[^a-z0-9]+")

TEAM = Team(
    {
        "researcher": AgentDef(
            "Find out what the task asks for, by searching and by reading the pages that matter. State each fact with "
            "the address it is from, as a Markdown link. Say what you could not find. Write in the language of {{ "
            "locale }}.",
            tools=("web_search", "crawl"),
            description="looks things up on the web",
        ),
        "analyst": AgentDef(
            "Work on the findings that you are given: compare, weigh, infer. Keep the links of facts that you use, add "
            "none. Write in the language of {{ locale }}.",
            description="reasons about findings",
        ),
        "coder": AgentDef(
            "Compute what the task asks for with Python, and tell the result and how it was got. Write in the language "
            "of {{ locale }}.",
            tools=("python",),
            description="computes with Python",
        ),
    }
)


def is_deerflow(data: JSON) -> bool:
    """Whether `data` is a plan of DeerFlow: steps as a list, and at least one of its own keys."""
    return isinstance(data, dict) and isinstance(data.get("steps"), list) and any(mark in data for mark in _MARKS)


def mended(data: JSON, *, enforce_search: bool = False, search: bool = True) -> JSON:
    """`data` with every step given a type and a word on searching; what is no plan, or no step, is left as it is.

    With `enforce_search` at least one step searches; without `search` none does, whatever is enforced.
    """
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if isinstance(data, dict) and isinstance(data.get("plan"), dict):
        data = data["plan"]
    if not isinstance(data, dict):
        return data
    steps = data.get("steps")
    if steps is None and enforce_search and search:
        steps = []
    if not isinstance(steps, list):
        return data
    steps = [_typed(step, search=search) for step in steps]
    if enforce_search and search:
        steps = _searching(steps, str(data.get("title") or "the question"))
    return {**data, "steps": steps}


def _typed(step: JSON, *, search: bool) -> JSON:
    if not isinstance(step, dict):
        return step
    needs_search = bool(step.get("need_search", step.get("need_web_search", False)))
    said = step.get("step_type")
    kind = said.strip().lower() if isinstance(said, str) else ""
    if kind not in TYPES:
        kind = RESEARCH if needs_search else ANALYSIS
    rest = {key: part for key, part in step.items() if key != "need_web_search"}
    return {**rest, "step_type": kind, "need_search": needs_search and search}


def _searching(steps: list[JSON], topic: str) -> list[JSON]:
    read = [step for step in steps if isinstance(step, dict)]
    if any(step["need_search"] for step in read):
        return steps
    chosen = next((step for step in read if step["step_type"] == RESEARCH), read[0] if read else None)
    if chosen is None:
        found = f"Find out what is known about {topic}."
        first = {"title": "Initial research", "description": found, "step_type": RESEARCH, "need_search": True}
        return [first, *steps]
    return [{**step, "need_search": True, "step_type": RESEARCH} if step is chosen else step for step in steps]


def import_deerflow(text: str | bytes, *, file: str = "plan", path: str | None = None) -> Imported | None:
    """The task that a DeerFlow plan describes; None if `text` is another kind of document. Raises TaskError."""
    try:
        data = mended(loads_lenient(text.decode("utf-8", "replace") if isinstance(text, bytes) else text))
    except ValueError:
        return None
    if not is_deerflow(data):
        return None
    nodes = _nodes(data, file)
    topic = str(data.get("title") or "Research")
    remarks = ["steps that look things up run at once; in DeerFlow they run one after the other"]
    if data.get("has_enough_context") is True and not data["steps"]:
        remarks.append("the plan says that enough is known: the report rests on what the model knows")
    plan = Plan(topic, nodes, topic[:120], team=TEAM)
    return Imported(Task(topic, path, topic[:120], plan=plan, team=TEAM), tuple(remarks))


def _nodes(data: Mapping[str, JSON], file: str) -> tuple[Node, ...]:
    locale = str(data.get("locale") or "en-US")
    made: list[Node] = []
    found: list[str] = []
    problems: list[Problem] = []
    for index, step in enumerate(data["steps"]):
        description = step.get("description") or step.get("title") if isinstance(step, dict) else None
        if not isinstance(step, dict) or not isinstance(description, str) or not description.strip():
            where = path_text(("steps", index))
            problems.append(
                Problem(file, None, None, "a step says nothing", "give it a title and a description", where)
            )
            continue
        title = str(step.get("title") or description)[:120]
        node_id = _id(title, index, {node.id for node in made})
        kind = step["step_type"]
        needs = () if kind == RESEARCH else tuple(found)
        spec = _spec(step, kind, needs, locale, str(data.get("title") or ""))
        made.append(Node(node_id, spec, needs, title, side_effects=False if isinstance(spec, RunSpec) else None))
        found.append(node_id)
    if problems:
        raise TaskError(problems)
    return (*made, _report(made, data, locale))


def _spec(step: Mapping[str, JSON], kind: str, needs: tuple[str, ...], locale: str, topic: str) -> Spec:
    known = step.get("execution_res")
    if isinstance(known, str) and known.strip() and not known.lstrip().startswith("[ERROR]"):
        return RunSpec(("cat",), stdin=literal(known))
    findings = "".join(f"\n\n# Finding: {need}\n{{{{ {need}.output }}}}" for need in needs)
    asked = f"Topic: {literal(topic)}\n\nTask: {literal(str(step.get('description') or step.get('title')))}{findings}"
    agent = "researcher" if step["need_search"] else _AGENT[kind]
    return AgentSpec(agent, asked, context={"locale": literal(locale)})


def _report(made: list[Node], data: Mapping[str, JSON], locale: str) -> Node:
    title = str(data.get("title") or "Research")
    if made:
        joined = MergeSpec(title=literal(shown(title, 120)), summary="planner")
        return Node("report", joined, tuple(node.id for node in made), "Report", When.ALL_DONE)
    thought = literal(str(data.get("thought") or ""))
    asked = f"Write a report on: {literal(title)}. {thought}\nLanguage: {literal(locale)}"
    return Node("report", PromptSpec(asked, model="planner"), title="Report")


def _id(title: str, index: int, taken: set[str]) -> str:
    word = _ID.sub("_", title.lower()).strip("_")[:40].strip("_")
    name = word if word and word[0].isalpha() else f"step_{index + 1}"
    while name in (*taken, "report"):
        name = f"{name}_{index + 1}"
    return name
