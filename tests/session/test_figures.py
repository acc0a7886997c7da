"""The figures at the end of a report: nothing unknown is zero, nothing made up is unlabelled."""

from __future__ import annotations

from swarmtui.plan.model import Check, MapSpec, ModelRef, Retry
from swarmtui.session.events import Forecasted, ForecastRow, MapExpanded, PlanApproved
from swarmtui.session.figures import figures_section, percent
from swarmtui.session.vocabulary import ErrorKind, Usage
from tests.session.test_measures import CHEAP, DEAR, Story, prompt


def told(story: Story) -> str:
    return figures_section(story.state)


def test_success_is_told_by_stage_with_n_and_interval() -> None:
    story = Story(prompt("m", map=MapSpec(values=(0, 1)), retry=Retry(1), check=Check(regex="x")))
    story.tell(MapExpanded("m", 2)).start("m", 1, 0).succeed("m", 1, 0)
    story.start("m", 1, 1).fail("m", ErrorKind.CHECK, 1, 1, retry_in_s=0.1).start("m", 2, 1).succeed("m", 2, 1)
    shown = told(story)
    assert "| it was what was asked for | calls | 3 | 2 | 66.7% | 20.8% to 93.9% |" in shown
    assert "| on the first attempt | nodes and items | 2 | 1 | 50.0% |" in shown
    assert "| in the end | items | 2 | 2 | 100.0% |" in shown
    assert "it had the shape" not in shown  # nobody asked for one
    assert "Failed attempts: 1 (1 check)" in shown


def test_an_unknown_cost_is_not_zero_and_a_part_of_it_is_at_least() -> None:
    unpriced = ModelRef("p", "m")
    story = Story(prompt("a"), prompt("b"), models={"worker": unpriced}).start("a")
    story.succeed("a", usage=Usage(10, 5, model="p/m"))
    assert "Cost: unknown; 10 tokens in, 5 out, 1 calls; 1 of unknown cost." in told(story)
    story.start("b").succeed("b", usage=Usage(10, 5, cost_usd=0.5, model="p/m"))
    assert "Cost: at least $0.50" in told(story)


def test_what_is_simulated_says_so_first() -> None:
    simulated = ModelRef("simulated", "m", dialect="simulated")
    story = Story(prompt("a"), models={"worker": simulated}).start("a")
    shown = told(story.succeed("a", usage=Usage(10, 5, cost_usd=0.0, model="simulated/m", simulated=True)))
    assert shown.splitlines()[2].startswith("> **Simulated.**")
    assert "Cost: nothing, simulated" in shown


def test_the_forecast_and_what_it_would_have_cost_elsewhere_are_held_against_fact() -> None:
    story = Story(prompt("a"), models={"worker": CHEAP, "planner": DEAR})
    story.events = story.events[:2]
    story.tell(Forecasted(1, (ForecastRow(None, (1.0, 2.0, 3.0), (1.0, 2.0, 3.0)),)), PlanApproved(1, "")).start("a")
    story.mono += 2.0
    shown = told(story.succeed("a", usage=Usage(1_000_000, 500_000, cost_usd=2.0, model="p/m")))
    assert "Time was forecast as 2 s (1 s to 3 s, four times in five); 2 s so far." in shown
    assert "Cost was forecast as $2.00 ($1.00 to $3.00, four times in five); $2.00 so far." in shown
    assert "The same tokens all on the planner model: $6.00: 66.7% less was paid." in shown


def test_less_than_all_is_never_told_as_all() -> None:
    assert [percent(share) for share in (1.0, 0.99996, 0.5, 0.00001, 0.0)] == [
        "100.0%",
        "99.99%",
        "50.0%",
        "0.01%",
        "0.0%",
    ]
