"""What is painted between what has happened and the frame that shows it: of nodes that are gone by then, too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from swarmtui.plan.model import Plan
from swarmtui.session import events as ev
from tests.tui.opening import opened, press, settled, text
from tests.tui.scripted_feed import ScriptedFeed, awaiting_approval, mid_run

KEPT = ("scan", "quality", "security", "speed", "tests", "translate")
SIZES = ((120, 40), (80, 24), (200, 60))


def cut_down(feed: ScriptedFeed) -> None:
    """Another revision, in which nodes are missing."""
    plan = feed.state.plan
    assert plan is not None
    left = Plan(plan.goal, tuple(replace(node) for node in plan.nodes if node.id in KEPT), title=plan.title)
    feed.play(ev.PlanProposed(feed.state.plan_rev + 1, left, "fewer"), actor="ada@laptop")
    assert "publish" not in feed.state.nodes


def painted_anew(pilot: Pilot[int]) -> str:
    """The screen as a paint would have it now, though no frame was drawn since."""
    for widget in pilot.app.screen.walk_children(Widget):
        widget.refresh()
        widget._styles_cache.clear()
    return text(pilot)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "keys", [(), ("v",), ("v", "v"), ("v", "v", "v"), ("z",), ("z", "z"), ("2",), ("4",), ("6",), ("7",)]
)
async def test_a_plan_of_which_nodes_are_gone_is_painted(keys: tuple[str, ...], size: tuple[int, int]) -> None:
    feed = awaiting_approval()
    async with opened(feed, size) as pilot:
        await press(pilot, *keys)
        cut_down(feed)
        assert "Review" in painted_anew(pilot)
        await settled(pilot)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [("2",), ("2", "z"), ("2", "f"), ("3",), ("4",), ("5",), ("6",), ("7",)])
async def test_a_run_of_which_nodes_are_gone_is_painted(keys: tuple[str, ...], size: tuple[int, int]) -> None:
    feed = mid_run()
    async with opened(feed, size) as pilot:
        await press(pilot, *keys)
        cut_down(feed)
        assert "Review" in painted_anew(pilot)
        await settled(pilot)
