"""What to check before a plan is approved: each with the node that it is about, the gravest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from swarmtui.frozen import frozen
from swarmtui.plan.advice import advise
from swarmtui.plan.model import Author, Node, Plan
from swarmtui.plan.risks import overlong, reaches, secrets
from swarmtui.safety.text import one_line
from swarmtui.session.pools import changes_world, model_name, model_of, team_of
from swarmtui.session.state import SessionState
from swarmtui.tui.view import document
from swarmtui.tui.view import format as say
from swarmtui.tui.view.lines import Line, Role
from swarmtui.tui.view.nodes import listed
from swarmtui.tui.view.team import team_checks

MOST_ADVICE = 12


@frozen
class Check:
    """One line of what to check before approving."""

    kind: Literal["fine", "look", "stop"]
    text: str
    node: str = ""
    """The node to look at; empty where it is about the plan as a whole."""


def checks(state: SessionState) -> list[Check]:
    """What a careful person looks at before approving, the gravest first."""
    plan = state.plan
    if plan is None:
        return []
    given = advise(plan)
    advice = [Check("look", one_line(str(one), 300), one.node) for one in given[:MOST_ADVICE]]
    if len(given) > MOST_ADVICE:
        advice.append(Check("look", f"and {len(given) - MOST_ADVICE} more of the kind"))
    found = [
        *_secret_checks(plan),
        *_window_checks(state, plan),
        *_team_checks(plan),
        *_command_checks(plan),
        *_effect_checks(state, plan),
        *_network_checks(plan),
        *_model_checks(state, plan),
        *_money_checks(state, plan),
        *advice,
        *_shape_checks(plan),
    ]
    order = {"stop": 0, "look": 1, "fine": 2}
    return sorted(found, key=lambda check: order[check.kind])


def _first(nodes: Iterable[Node]) -> str:
    return next((node.id for node in nodes), "")


def _team_checks(plan: Plan) -> Iterator[Check]:
    agents = _first(node for node in plan.nodes if node.kind == "agent")
    for kind, text in team_checks(plan):
        yield Check(kind, text, agents)


def _secret_checks(plan: Plan) -> Iterator[Check]:
    for node in secrets(plan):
        text = f"{one_line(node, 40)}: its text holds what looks like a key; it would be recorded and sent"
        yield Check("stop", text, node)


def _window_checks(state: SessionState, plan: Plan) -> Iterator[Check]:
    for found in overlong(plan, lambda node: model_of(state, node)):
        told = f"about {say.short(found.tokens)} tokens, and its model reads {say.short(found.window)}"
        yield Check("stop", f"{one_line(found.node, 40)}: the prompt is too long: {told}", found.node)


def _command_checks(plan: Plan) -> list[Check]:
    runs = [node for node in plan.nodes if node.kind in ("run", "python")]
    if not runs:
        plain = not any(node.kind in ("agent", "plan") for node in plan.nodes)
        return [Check("fine", "no command, no code: nothing but models' text")] if plain else []
    names = listed(node.id for node in runs)
    number = f"{say.nodes(len(runs))} {'runs' if len(runs) == 1 else 'run'}"
    if plan.author is Author.PLANNER:
        text = f"{number} commands that the planner wrote, in the sandbox: {names}"
    else:
        text = f"{number} your commands, without a sandbox: {names}"
    return [Check("look", text, runs[0].id)]


def _effect_checks(state: SessionState, plan: Plan) -> Iterator[Check]:
    """Side effects that are said in the plan: what commands may do is told with them."""
    told = [node for node in plan.nodes if node.side_effects and changes_world(state, node)]
    if told:
        yield Check("look", f"may change files or the outside: {listed(node.id for node in told)}", told[0].id)


def _network_checks(plan: Plan) -> Iterator[Check]:
    found: dict[tuple[str, str], list[str]] = {}
    for reach in reaches(plan):
        found.setdefault((reach.tool, reach.where), []).append(reach.node)
    for (tool, where), nodes in found.items():
        text = f"{one_line(tool, 40)} reaches the network ({one_line(where, 120)}): {listed(nodes)}"
        yield Check("look", text, nodes[0])


def _model_checks(state: SessionState, plan: Plan) -> list[Check]:
    found: list[Check] = []
    users = {ref.name: (ref, node.id) for node in reversed(plan.nodes) if (ref := model_of(state, node)) is not None}
    stood_in = [node for ref, node in users.values() if ref.simulated]
    if stood_in:
        text = "answers come from the built-in simulated model: made up, for trying things out"
        found.append(Check("look", text, stood_in[0]))
    for node in plan.nodes:
        name = model_name(node, 0, team_of(state))
        if name is not None and name not in state.models and name not in state.declared and node.kind != "merge":
            text = f"{one_line(node.id, 40)}: this session knows no model {one_line(name, 60)}"
            found.append(Check("look", text, node.id))
    unpriced = [(name, node) for name, (ref, node) in users.items() if not ref.simulated and ref.price_in is None]
    for name, user in unpriced if state.limits.usd is not None else ():
        text = f"no price is known of {one_line(name, 60)}: the budget in dollars does not hold it"
        found.append(Check("look", text, user))
    real = [name for name, (ref, _) in users.items() if not ref.simulated]
    if real:
        found.append(Check("fine", f"text is sent to {listed(sorted(real))}"))
    asked = [node for node in plan.nodes if node.kind == "ask"]
    if asked:
        found.append(Check("look", f"{say.nodes(len(asked))} will ask you something", asked[0].id))
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
    found = [Check("fine", f"{say.nodes(len(plan.nodes))}: {told}")]
    if mapped:
        found.append(Check("fine", f"once per item: {listed(node.id for node in mapped)}", mapped[0].id))
    return found


def check_rows(check: Check, width: int, *, ascii_only: bool = False) -> list[Line]:
    """One check as lines."""
    marks: dict[str, tuple[str, Role]] = {
        "fine": ("ok" if ascii_only else "✓", "ok"),
        "look": ("!", "warn"),
        "stop": ("ERR" if ascii_only else "✗", "bad"),
    }
    mark, role = marks[check.kind]
    rows = document.verbatim(check.text, max(8, width - 4), "text")
    head = f"{mark:<3} " if ascii_only else f"{mark} "
    return [((head, role), *rows[0]), *((((" " * len(head)), "text"), *row) for row in rows[1:])]


def grave(found: Iterable[Check]) -> tuple[int, int]:
    """How many checks say stop, and how many look."""
    kinds = [check.kind for check in found]
    return kinds.count("stop"), kinds.count("look")
