"""A session of agents as a feed: one asks for leave, one has given tasks away, a part of the plan is proposed."""

from __future__ import annotations

from dataclasses import replace

from swarmtui.plan.model import AgentSpec, MergeSpec, Node, Plan, PlanSpec
from swarmtui.plan.team import AgentDef, Team
from swarmtui.safety.permissions import Effect
from swarmtui.session import events as ev
from tests.tui.scripted_feed import WORKER, ScriptedFeed, approved, output, prompt, usage

TEAM = Team(
    {
        "booker": AgentDef("You book.", tools=("tools.py:book",), description="books flights"),
        "lead": AgentDef("You lead.", tools=("web_search", "create_subagent", "assign_task")),
        "researcher": AgentDef("You research.", tools=("web_search", "crawl")),
    }
)
TRIP = Plan(
    "Plan a trip",
    (
        Node("booking", AgentSpec("booker", "Book the flight.")),
        Node("hotels", AgentSpec("lead", "Compare hotels, a subagent per quarter.")),
        Node("sights", PlanSpec("Find what is worth a look")),
        Node("report", MergeSpec(), ("booking", "hotels", "sights")),
    ),
    "Plan a trip",
    team=TEAM,
)
LEAVE = "May booker call tools.py:book? It may change something, and no rule of the plan is about it."
DETAIL = 'tools.py:book {\n  "flight": "LH 1\\u202e",\n  "seats": 2\n}'


def agents() -> ScriptedFeed:
    """Agents at work: one waits for leave, one for its subagents, and a part of the plan waits to be accepted."""
    feed = approved(TRIP)
    for node in ("booking", "hotels", "sights"):
        feed.play(ev.AttemptStarted(node, 1, pool=WORKER, model=WORKER), after=0.2)
    call = ev.CallHead("c1", "tools.py:book", '{"flight": "LH 1"}')
    feed.play(ev.AgentStepped("booking", 1, "assistant", "aa", agent="booker", calls=(call,), usage=usage()), after=3)
    asked = ev.QuestionAsked(
        "booking",
        LEAVE,
        ("allow once", "allow always", "deny"),
        kind="permission",
        call="c1",
        detail=DETAIL,
        agent="booker",
        tool="tools.py:book",
    )
    feed.play(asked, ev.AttemptSuspended("booking", 1, "permission", took_s=3.0))
    _subagents(feed)
    _proposal(feed)
    return feed.wait_until(48)


def proposed() -> ScriptedFeed:
    """The same, with the permission refused: the part of the plan is what waits."""
    return agents().play(ev.QuestionAnswered("booking", "deny", call="c1"))


def _subagents(feed: ScriptedFeed) -> None:
    lead = next(node for node in TRIP.nodes if node.id == "hotels")
    scout = AgentDef("You look at one quarter.", tools=("web_search",))
    names = ("hotels-north", "hotels-old-town")
    children = tuple(Node(name, AgentSpec("self", f"Look at {name}.", scout), parent="hotels") for name in names)
    feed.play(ev.AgentStepped("hotels", 1, "assistant", "bb", agent="lead", usage=usage()), after=2)
    feed.play(
        ev.PlanPatched(2, (*children, replace(lead, needs=names)), (), "hotels gives 2 tasks away", by="hotels"),
        ev.TaskAssigned("hotels", 1, "c2", names),
        ev.AttemptSuspended("hotels", 1, "subagents", took_s=5.0),
        after=0.1,
    )
    for name in names:
        feed.play(ev.AttemptStarted(name, 1, pool=WORKER, model=WORKER), after=0.3)
    feed.play(
        ev.ToolCalled(
            "hotels-north", 1, "self", "c3", "web_search", arguments='{"query": "hotels"}', effect=Effect.NETWORK
        )
    )
    feed.say("hotels-north", "The three that people praise most lie by the river, ")
    feed.play(ev.AttemptSucceeded("hotels-old-town", 1, output("Two quiet ones, one loud."), took_s=9.0), after=9)


def _proposal(feed: ScriptedFeed) -> None:
    steps = (
        Node("museums", AgentSpec("researcher", "Which museums, with prices and hours?"), parent="sights"),
        Node("walks", AgentSpec("researcher", "Which walks, with length and height?"), parent="sights"),
        prompt(
            "weigh", "museums", "walks", text="Weigh them: {{ museums.output }} {{ walks.output }}", parent="sights"
        ),
    )
    why = {"museums": "prices decide", "weigh": "there is time for one of them only"}
    feed.play(
        ev.ChangeProposed("change-1", 2, steps, (), "sights", "two looks at once, then one decision", why),
        ev.AttemptSuspended("sights", 1, "proposal", took_s=7.0),
        after=1,
    )
