"""The plans that the simulated model writes, made of the words of the request. Pure and seeded."""

from __future__ import annotations

import json
import random
import re

from swarmtui.models.simulated_text import label
from swarmtui.plan.model import JSON

_JOINED = 3
"""A plan of more nodes than this has some that join the others."""
_TRIES = 2
"""How often the same part is asked for."""
_ASPECTS = (
    ("background", "Background", "Explain what one must know first: terms, scope and how it came about."),
    ("current_state", "State of things", "Describe how things stand today, with facts, figures and dates."),
    ("options", "Options", "List the options there are, each with what speaks for and against it."),
    ("evidence", "Evidence", "Collect the strongest evidence, and say how reliable each piece is."),
    ("risks", "Risks", "Name the risks and weak points, the likelihood of each, and what would lessen it."),
    ("costs", "Costs and effort", "Estimate cost and effort, with the assumptions behind the figures."),
    ("examples", "Examples", "Give three examples from practice, and what each of them teaches."),
)


def _between(text: str, tag: str) -> str:
    found = re.search(rf"<{tag}>\s*(.*?)\s*</{tag}>", text, re.DOTALL)
    return found[1] if found else ""


def _plain(text: str, limit: int) -> str:
    """`text` on one line without what a plan would take for a lookup."""
    text = re.sub(r"[{}]+|\s+", " ", text).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def plan_for(request: str, rng: random.Random) -> JSON:
    """A plan as the planner's prompt asks for it: some aspects of the goal side by side, a cross-check, one report.

    The goal stands in `request` between ``<goal>`` tags, feedback on an earlier plan between ``<feedback>`` tags,
    agents that may be named between ``<agents>``. With ``<results>`` there is enough, unless some of them failed: then
    these are asked for once more, in a plan of their own or, with a ``<previous_plan>``, in that one.
    """
    goal = _plain(_between(request, "goal") or request, 300) or "the goal"
    feedback = _plain(_between(request, "feedback"), 200)
    results, previous = _results(request), _json(_between(request, "previous_plan"))
    if results and isinstance(previous, dict) and isinstance(previous.get("nodes"), dict):
        return _mended(previous["nodes"], _failed(results))
    if results and not feedback:
        return _more(goal, _failed(results), _agents(request))
    nodes, most = _looks(goal, feedback, rng), _most_nodes(request)
    joined = most > _JOINED
    nodes = dict(list(nodes.items())[: max(1, most - 2 if joined else most)])
    names = list(nodes)
    for name, agent in zip(names, _agents(request), strict=False):
        nodes[name]["agent"] = agent
    why = dict.fromkeys(names, "one independent look at the goal")
    if joined:
        nodes |= _joins(goal, names)
        why |= {"cross_check": "what two looks leave out", "report": "what the user asked for"}
    looks = f"{len(names)} independent look{'s' if len(names) > 1 else ''} at the goal"
    note = f"{looks}, a cross-check of two of them, and one report." if joined else f"{looks}."
    return {"note": label(note + (f" Changed for: {feedback}" if feedback else "")), "why": why, "nodes": nodes}


def _looks(goal: str, feedback: str, rng: random.Random) -> dict[str, JSON]:
    """Looks at the goal from several sides, first at what `feedback` asks for."""
    chosen = sorted(rng.sample(range(len(_ASPECTS)), k=rng.randint(3, 5)))
    nodes: dict[str, JSON] = {}
    if feedback:
        nodes["wished"] = {
            "title": "What was asked for",
            "prompt": f"Goal: {goal}\n\nDo what the user asked of the plan: {feedback}",
        }
    for index in chosen:
        name, title, task = _ASPECTS[index]
        nodes[name] = {"title": title, "prompt": f"Goal: {goal}\n\n{task}"}
    return nodes


def _more(goal: str, failed: list[dict[str, JSON]], agents: list[str]) -> JSON:
    """A plan that asks for what failed once more; that there is enough where nothing did."""
    if not failed:
        return {"enough": True, "note": label("The results are all that this stand-in would ask for.")}
    nodes: dict[str, JSON] = {}
    for result in failed:
        title = _plain(str(result.get("title") or result["node"]), 80)
        prompt = f"Goal: {goal}\n\nAn attempt at this part failed. Do it in another way: {title}"
        nodes[str(result["node"])] = {"title": title, "prompt": prompt} | ({"agent": agents[0]} if agents else {})
    why = dict.fromkeys(nodes, "it failed, and nothing else says it")
    return {"note": label(f"What failed once more, in another way: {', '.join(nodes)}."), "why": why, "nodes": nodes}


def _mended(nodes: dict[str, JSON], failed: list[dict[str, JSON]]) -> JSON:
    """The plan as it was, with another task in the place of each that failed."""
    bad = [str(result["node"]) for result in failed]
    mended: dict[str, JSON] = {}
    for name, node in nodes.items():
        told = isinstance(node, dict) and isinstance(node.get("prompt"), str) and name in bad
        mended[name] = (
            {**node, "prompt": f"An attempt failed: do it in another way.\n\n{node['prompt']}"} if told else node
        )
    note = label(f"The same plan, with another way for {', '.join(bad) or 'nothing'}.")
    return {"note": note, "why": dict.fromkeys(bad, "it failed"), "nodes": mended}


def _results(request: str) -> list[dict[str, JSON]]:
    """How the nodes ended, as the planner was told it."""
    found = _json(_between(request, "results"))
    return [one for one in found if isinstance(one, dict) and one.get("node")] if isinstance(found, list) else []


def _failed(results: list[dict[str, JSON]]) -> list[dict[str, JSON]]:
    """Those that failed, but for what was asked for often enough or came out well in the end."""
    failed: dict[str, dict[str, JSON]] = {}
    for result in results:
        if result.get("state") in ("failed", "cancelled"):
            failed.setdefault(_part(result), result)
    ended = [_part(result) for result in results]
    good = [_part(result) for result in results if result.get("state") == "succeeded"]
    return [result for part, result in failed.items() if part not in good and ended.count(part) < _TRIES]


def _part(result: dict[str, JSON]) -> str:
    return str(result.get("title") or result["node"])


def _json(text: str) -> JSON:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _joins(goal: str, names: list[str]) -> dict[str, JSON]:
    """What brings the looks of `names` together."""
    inputs = "\n\n".join("{{ " + name + ".output }}" for name in names[:2])
    asked = "Say where these two contradict each other and what both leave out."
    return {
        "cross_check": {
            "title": "Cross-check",
            "needs": names[:2],
            "prompt": f"Goal: {goal}\n\n{asked}\n\n{inputs}",
        },
        "report": {
            "title": "Report",
            "needs": [*names, "cross_check"],
            "when": "all_done",
            "merge": {"title": _plain(goal, 80)},
        },
    }


def _previous(request: str) -> JSON:
    """The nodes of the plan that was carried out."""
    try:
        return json.loads(_between(request, "previous_plan") or "{}").get("nodes")
    except (ValueError, AttributeError):
        return None


def _most_nodes(request: str) -> int:
    found = re.search(r"at most (\d{1,4}) nodes", _between(request, "limits"))
    return int(found[1]) if found else 200


def _agents(request: str) -> list[str]:
    """The agents that the planner was told of, those with tools first; programs are left alone."""
    told = _json(_between(request, "agents"))
    if not isinstance(told, dict):
        return []
    agents = [
        (name, member) for name, member in told.items() if not str(member.get("model", "")).startswith("the program")
    ]
    return [name for name, member in sorted(agents, key=lambda pair: pair[1].get("tools") == ["none"])]
