"""What the simulated model writes: sentences and plans made from the words of the request. Pure and seeded."""

from __future__ import annotations

import json
import random
import re

from swarmtui.plan.model import JSON

LABEL = "[simulated]"
_JOINED = 3
"""A plan of more nodes than this has some that join the others."""
_WORD = re.compile(r"[^\W\d_][\w-]{3,}")
_COMMON = frozenset(
    _WORD.findall(
        """about above after again against also among another answer because been before being below between both
        briefly cannot collect could does doing done down each either every find first following from further give goal
        have having here into itself just know least less like list made make many might more most much must need needed
        node none nothing once only other over part please prompt question reply result results same says should show
        simulated since some step such tell text than that their them then there these they this those through under
        until upon used using very want were what when where whether which while with within without work would write
        your"""
    )
)
_SENTENCES = (
    "On {a}, this stands where a model would weigh {b} against {c}.",
    "A real answer would now name its sources for {a} and say how far they go.",
    "The part about {b} would follow from {a}, with its reasons.",
    "Nothing here was looked up: {a} and {c} come from the request itself.",
    "Where {c} matters, one would compare two or three cases and judge them.",
    "For {b}, a short list with figures would stand in this place.",
    "What remains open about {a} would be said plainly at the end.",
    "This sentence only shows how text on {b} streams into its pane.",
)
_ASPECTS = (
    ("background", "Background", "Explain what one must know first: terms, scope and how it came about."),
    ("current_state", "State of things", "Describe how things stand today, with facts, figures and dates."),
    ("options", "Options", "List the options there are, each with what speaks for and against it."),
    ("evidence", "Evidence", "Collect the strongest evidence, and say how reliable each piece is."),
    ("risks", "Risks", "Name the risks and weak points, the likelihood of each, and what would lessen it."),
    ("costs", "Costs and effort", "Estimate cost and effort, with the assumptions behind the figures."),
    ("examples", "Examples", "Give three examples from practice, and what each of them teaches."),
)


def label(text: str) -> str:
    """`text` marked as simulated."""
    return f"{LABEL} {text}"


def topics(text: str) -> list[str]:
    """The telling words of `text`, the most frequent first, at most six."""
    counts: dict[str, int] = {}
    for word in _WORD.findall(text[:4000]):
        if word.lower() not in _COMMON:
            counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=lambda word: -counts[word])[:6]


def paragraph(about: str, rng: random.Random, sentences: int = 3) -> str:
    """Some sentences that use the words of `about`."""
    words = topics(about) or ["the question", "the request"]
    chosen = rng.sample(_SENTENCES, k=min(sentences, len(_SENTENCES)))
    return " ".join(
        sentence.format(a=rng.choice(words), b=rng.choice(words), c=rng.choice(words)) for sentence in chosen
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
    agents that may be named between ``<agents>``; with ``<results>`` there is enough, or what failed is tried again.
    """
    goal = _plain(_between(request, "goal") or request, 300) or "the goal"
    feedback = _plain(_between(request, "feedback"), 200)
    if "was carried out" in feedback and (previous := _previous(request)):
        return {"note": label("What failed is tried once more."), "nodes": previous}
    if _between(request, "results") and not feedback:
        return {"enough": True, "note": label("The results are all that this stand-in would ask for.")}
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
    most = _most_nodes(request)
    nodes = dict(list(nodes.items())[: max(1, most - 2 if most > _JOINED else most)])
    names = list(nodes)
    for name, agent in zip(names, _agents(request), strict=False):
        nodes[name]["agent"] = agent
    why = dict.fromkeys(names, "one independent look at the goal")
    if most > _JOINED:
        nodes |= _joins(goal, names)
        why |= {"cross_check": "what two looks leave out", "report": "what the user asked for"}
    words = ", ".join(topics(goal)[:3]) or "the goal"
    note = f"{len(names)} independent looks at {words}, a cross-check of two of them, and one report."
    return {"note": label(note + (f" Changed for: {feedback}" if feedback else "")), "why": why, "nodes": nodes}


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
    try:
        told = json.loads(_between(request, "agents") or "{}")
    except ValueError:
        return []
    agents = [
        (name, member) for name, member in told.items() if not str(member.get("model", "")).startswith("the program")
    ]
    return [name for name, member in sorted(agents, key=lambda pair: pair[1].get("tools") == ["none"])]
