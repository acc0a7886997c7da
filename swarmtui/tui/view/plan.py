"""A plan as it is looked at before it runs: what each node says, and what to check before approving."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Literal

from swarmtui.plan.advice import advise
from swarmtui.plan.diff import diff
from swarmtui.plan.model import (
    AgentSpec,
    AskSpec,
    Author,
    MapSpec,
    MergeSpec,
    Node,
    Plan,
    PlanSpec,
    PromptSpec,
    PythonSpec,
    RunSpec,
)
from swarmtui.safety.text import clean, one_line, visible
from swarmtui.session.pools import changes_world, model_of
from swarmtui.session.state import SessionState
from swarmtui.tui.view import document
from swarmtui.tui.view import format as say
from swarmtui.tui.view.lines import Line, Role
from swarmtui.tui.view.tails import Tail
from swarmtui.tui.view.team import agent_facts, team_checks

PROMPT_SHOWN = 8_000
MOST_ADVICE = 6
Fact = tuple[str, str, Role]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of what to check before approving."""

    kind: Literal["fine", "look", "stop"]
    text: str


def node_facts(state: SessionState, node: Node) -> list[Fact]:
    """What the plan says of a node, as label, value and role. Commands are shown with nothing hidden."""
    facts: list[Fact] = []
    if node.title:
        facts.append(("title", one_line(node.title, 200), "strong"))
    facts.append(("kind", node.kind + (" for each item" if node.map else ""), "text"))
    if node.map is not None:
        facts.append(("items", _items(node.map), "text"))
    ref = model_of(state, node)
    if ref is not None:
        facts.append(("model", one_line(ref.name, 80) + (" (simulated)" if ref.simulated else ""), "text"))
    elif isinstance(node.spec, PromptSpec):
        facts.append(("model", one_line(node.spec.model, 80), "text"))
    if node.needs:
        facts.append(("needs", ", ".join(one_line(need, 40) for need in node.needs), "text"))
    facts.extend(_rules(state, node))
    if isinstance(node.spec, AgentSpec):
        facts.extend(agent_facts(state.plan, node.spec))
    facts.extend(_says(node))
    return facts


def _items(mapped: MapSpec) -> str:
    if mapped.values is not None:
        return f"{say.count(len(mapped.values))}, as {one_line(mapped.name, 40)}"
    where = f"output of {one_line(mapped.node, 40)}" if mapped.node else visible(mapped.path or "")
    return f"{where}, as {one_line(mapped.name, 40)}"


def _rules(state: SessionState, node: Node) -> list[Fact]:
    rules: list[Fact] = []
    if node.when.value != "all_succeeded":
        rules.append(("when", node.when.value.replace("_", " "), "text"))
    if node.retry.limit:
        rules.append(("retries", f"{node.retry.limit}, after {node.retry.base_s:g} to {node.retry.cap_s:g} s", "text"))
    if node.timeout_s is not None:
        rules.append(("timeout", f"{node.timeout_s:g} s", "text"))
    if node.check is not None:
        parts = []
        if node.check.schema is not None:
            parts.append(f"schema {node.check.schema}" if isinstance(node.check.schema, str) else "a JSON schema")
        parts += [f"matches {visible(node.check.regex)}"] if node.check.regex else []
        parts += [f"at least {node.check.min_chars} characters"] if node.check.min_chars else []
        parts += [f"at most {node.check.max_chars} characters"] if node.check.max_chars else []
        rules.append(("check", one_line(", ".join(parts), 200), "text"))
    changing = changes_world(state, node)
    changes = "may change files or the outside" if changing else "none"
    rules.append(("effects", changes, "warn" if changing else "text"))
    return rules


def _says(node: Node) -> list[Fact]:
    match node.spec:
        case PromptSpec(prompt=prompt, system=system):
            said: list[Fact] = [("system", _prompt(system), "text")] if system else []
            return [*said, ("prompt", _prompt(prompt), "text")]
        case RunSpec() as run:
            return [("command", command(run), "strong"), *_run_details(run)]
        case PythonSpec(code=code, file=file):
            return [("file", visible(file), "strong")] if file else [("code", clean(code or ""), "text")]
        case MergeSpec(rank=rank, summary=summary):
            return [
                ("merge", f"ranked by {rank}" + (f", summary by {one_line(summary, 40)}" if summary else ""), "text")
            ]
        case AgentSpec() as agent:
            return [("prompt", _prompt(agent.prompt), "text")]
        case PlanSpec(goal=goal, approve=approve):
            asked = "you approve its nodes" if approve == "ask" else "its nodes run unasked"
            return [("plans", _prompt(goal), "text"), ("approval", asked, "text" if approve == "ask" else "warn")]
        case AskSpec(question=question, choices=choices):
            offered: list[Fact] = [("choices", ", ".join(one_line(c, 60) for c in choices), "text")] if choices else []
            return [("question", _prompt(question), "text"), *offered]


def _prompt(text: str) -> str:
    shown = clean(text[:PROMPT_SHOWN]).rstrip()
    return shown if len(text) <= PROMPT_SHOWN else f"{shown}\n[{len(text) - PROMPT_SHOWN:,} more characters]"


def command(run: RunSpec) -> str:
    """A command as it would be typed, with whatever is not plainly visible as an escape."""
    argv = " ".join(visible(shlex.quote(part)) for part in run.argv)
    if run.shell is None:
        return argv
    script = "\n".join(visible(row) for row in run.shell.split("\n"))
    return f"sh: {script}" + (f"\nwith {argv}" if run.argv else "")


def _run_details(run: RunSpec) -> list[Fact]:
    details: list[Fact] = []
    if run.cwd:
        details.append(("in", visible(run.cwd), "text"))
    if run.env:
        details.append(
            ("env", " ".join(f"{visible(name)}={visible(value)}" for name, value in run.env.items()), "text")
        )
    return details


def checks(state: SessionState) -> list[Check]:
    """What a careful person looks at before approving, the gravest first."""
    plan = state.plan
    if plan is None:
        return []
    team = [Check(kind, text) for kind, text in team_checks(plan)]
    advice = [Check("look", one_line(str(one), 300)) for one in advise(plan)[:MOST_ADVICE]]
    found = [
        *team,
        *_command_checks(plan),
        *_model_checks(state, plan),
        *_money_checks(state, plan),
        *advice,
        *_shape_checks(plan),
    ]
    order = {"stop": 0, "look": 1, "fine": 2}
    return sorted(found, key=lambda check: order[check.kind])


def _command_checks(plan: Plan) -> list[Check]:
    runs = [node for node in plan.nodes if node.kind in ("run", "python")]
    if not runs:
        plain = not any(node.kind in ("agent", "plan") for node in plan.nodes)
        return [Check("fine", "no command, no code: nothing but models' text")] if plain else []
    names = _listed(node.id for node in runs)
    if plan.author is Author.PLANNER:
        return [
            Check("look", f"{_number(len(runs), 'node')} run commands that the planner wrote, in the sandbox: {names}")
        ]
    return [Check("look", f"{_number(len(runs), 'node')} run your commands, without a sandbox: {names}")]


def _model_checks(state: SessionState, plan: Plan) -> list[Check]:
    found: list[Check] = []
    refs = {ref.name: ref for node in plan.nodes if (ref := model_of(state, node)) is not None}
    if any(ref.simulated for ref in refs.values()):
        found.append(Check("look", "answers come from the built-in simulated model: made up, for trying things out"))
    real = [name for name, ref in refs.items() if not ref.simulated]
    if real:
        found.append(Check("fine", f"text is sent to {_listed(real)}"))
    asked = sum(node.kind == "ask" for node in plan.nodes)
    if asked:
        found.append(Check("look", f"{_number(asked, 'node')} will ask you something"))
    return found


def _money_checks(state: SessionState, plan: Plan) -> list[Check]:
    limits = state.limits
    parts = [say.usd(limits.usd)] if limits.usd is not None else []
    parts += [f"{say.short(limits.tokens)} tokens"] if limits.tokens is not None else []
    parts += [f"{limits.minutes:g} minutes"] if limits.minutes is not None else []
    if parts:
        return [Check("fine", f"budget: {', '.join(parts)}")]
    refs = [ref for node in plan.nodes if (ref := model_of(state, node)) is not None and not ref.simulated]
    return [Check("look", "no budget is set")] if refs else []


def _shape_checks(plan: Plan) -> list[Check]:
    kinds: dict[str, int] = {}
    for node in plan.nodes:
        kinds[node.kind] = kinds.get(node.kind, 0) + 1
    mapped = [node for node in plan.nodes if node.map is not None]
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    found = [Check("fine", f"{_number(len(plan.nodes), 'node')}: {told}")]
    if mapped:
        found.append(Check("fine", f"once per item: {_listed(node.id for node in mapped)}"))
    return found


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _listed(names: object, limit: int = 5) -> str:
    shown = [one_line(str(name), 40) for name in names]  # type: ignore[attr-defined]
    return ", ".join(shown[:limit]) + (f" and {len(shown) - limit} more" if len(shown) > limit else "")


def check_lines(found: list[Check], width: int, *, ascii_only: bool = False) -> list[Line]:
    """The checks as lines."""
    marks: dict[str, tuple[str, Role]] = {
        "fine": ("ok" if ascii_only else "✓", "ok"),
        "look": ("!", "warn"),
        "stop": ("ERR" if ascii_only else "✗", "bad"),
    }
    lines: list[Line] = []
    for check in found:
        mark, role = marks[check.kind]
        rows = document.verbatim(check.text, max(8, width - 4), "text")
        lines.append(((f"{mark:<3} " if ascii_only else f"{mark} ", role), *rows[0]))
        lines.extend((("    " if ascii_only else "  ", "text"), *row) for row in rows[1:])
    return lines


def differences(state: SessionState) -> list[str] | None:
    """How the plan differs from the revision before, a line each; None if there is none before."""
    if state.plan is None or state.prior_plan is None:
        return None
    return diff(state.prior_plan, state.plan).describe() or ["~ nothing but its author"]


def revision_words(state: SessionState) -> str:
    """``revision 2 by you, differs from the one before in 3 places``."""
    if not state.revisions:
        return ""
    last = state.revisions[-1]
    who = "you" if last.author is Author.USER else "the planner"
    words = (
        f"revision {last.rev}, edited by {one_line(last.actor, 30)}" if last.actor else f"revision {last.rev} by {who}"
    )
    changed = differences(state)
    if changed:
        words += f", {_number(len(changed), 'change')} since revision {last.rev - 1}"
    return words


def planning_lines(state: SessionState, tail: Tail | None, width: int) -> list[Line]:
    """The planner at work: what it was asked, and what it says."""
    lines: list[Line] = []
    if state.planning_error is not None:
        lines += document.verbatim(f"no plan came back: {state.planning_error.message}", width, "bad")
        lines += [(("X cancels the session; q leaves it as it is", "muted"),), ()]
    facts: list[Fact] = [("goal", clean(state.goal), "strong")]
    if state.planning is not None and state.planning.feedback:
        facts.append(("you asked", clean(state.planning.feedback), "accent"))
    lines += [*document.facts(facts, width, 9), ()]
    if tail is not None:
        lines += tail.rows(width, 400)
    elif state.planning is not None:
        lines.append((("the planner has not said anything yet", "faint"),))
    return lines
