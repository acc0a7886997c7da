"""A plan as it is looked at before it runs: what each node says, and what to check before approving."""

from __future__ import annotations

import shlex

from swarmtui.plan.model import (
    AgentSpec,
    AskSpec,
    MapSpec,
    MergeSpec,
    Node,
    Plan,
    PlanSpec,
    PromptSpec,
    PythonSpec,
    RunSpec,
)
from swarmtui.safety.permissions import pattern
from swarmtui.safety.text import clean, one_line, visible
from swarmtui.session.pools import changes_world, model_of
from swarmtui.session.state import SessionState
from swarmtui.tui.view import document
from swarmtui.tui.view import format as say
from swarmtui.tui.view.document import Fact
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.plan_table import cost_span, estimate_of, sandbox_word, time_words, tools_of
from swarmtui.tui.view.tails import Tail
from swarmtui.tui.view.team import agent_facts, rule_words
from swarmtui.tui.view.wiring import implied

PROMPT_SHOWN = 8_000


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
        facts.append(("needs", _needs(node), "text"))
    facts.extend(_rules(state, node))
    facts.extend(_permitted(state.plan, node))
    expected = _expected(state, node)
    if expected:
        facts.append(("expected", expected, "text"))
    facts.extend(agent_facts(state.plan, node))
    facts.extend(_says(node))
    return facts


MOST_NEEDS = 24


def _needs(node: Node) -> str:
    """Each need, and whether a text of the node implies it."""
    read = implied(node)
    told = [f"{one_line(need, 40)}{'' if need in read else ' (waits for it alone)'}" for need in node.needs]
    return ", ".join(told[:MOST_NEEDS]) + (f" and {len(told) - MOST_NEEDS} more" if len(told) > MOST_NEEDS else "")


def _permitted(plan: Plan | None, node: Node) -> list[Fact]:
    """What rules say of the tools that the node has, and whether what it starts is kept in."""
    if plan is None:
        return []
    facts: list[Fact] = []
    tools = tools_of(plan, node)
    rules = [rule for rule in plan.team.rules if any(pattern(rule.tool).fullmatch(tool) for tool in tools)]
    if tools:
        told = "; ".join(f"{rule.action} {rule_words(rule)}" for rule in rules[:MOST_RULES])
        facts.append(("allowed", told or "what changes nothing; it asks for the rest", "text"))
    inside = sandbox_word(plan, node)
    if inside:
        facts.append(("sandbox", "runs in it" if inside == "in" else "none: it runs as you do",
                      "text" if inside == "in" else "warn"))  # fmt: skip
    return facts


MOST_RULES = 6


def _expected(state: SessionState, node: Node) -> str:
    """What the forecast says of the node, in words."""
    told = estimate_of(state, node.id)
    if told is None or node.kind == "ask":
        return ""
    calls = f"{say.count(told.calls)} times " if told.calls != 1 else ""
    words = [f"{calls}{time_words(told)}"]
    if told.tokens_in or told.tokens_out:
        words.append(f"{say.short(told.tokens_in)} tokens in, {say.short(told.tokens_out)} out")
    cost, _ = cost_span(state, node, told)
    return ", ".join([*words, *([cost] if cost else [])])


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


GIVEN_UP = "{cancel_session} cancels the session; {detach} leaves it as it is"
"""What can be done once no plan came back."""


def planning_lines(state: SessionState, tail: Tail | None, width: int, given_up: str = GIVEN_UP) -> list[Line]:
    """The planner at work: what it was asked, and what it says; `given_up` is :data:`GIVEN_UP` with the user's keys."""
    lines: list[Line] = []
    if state.planning_error is not None:
        lines += document.verbatim(f"no plan came back: {state.planning_error.message}", width, "bad")
        lines += [((given_up, "muted"),), ()]
    facts: list[Fact] = [("goal", clean(state.goal), "strong")]
    if state.planning is not None and state.planning.feedback:
        facts.append(("you asked", clean(state.planning.feedback), "accent"))
    lines += [*document.facts(facts, width, 9), ()]
    if tail is not None:
        lines += tail.rows(width, 400)
    elif state.planning is not None:
        lines.append((("the planner has not said anything yet", "faint"),))
    return lines
