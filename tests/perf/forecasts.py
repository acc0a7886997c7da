"""What a forecast of a large plan costs: it is made while the user looks at the approval screen."""

from __future__ import annotations

import time
from statistics import median

from swarmtui.engine.forecast import forecast
from swarmtui.plan.model import Node as PlanNode
from swarmtui.plan.model import Plan, PromptSpec
from swarmtui.session import fold
from swarmtui.session.events import Event, PlanProposed
from tests.engine.world import created
from tests.perf.graphs import layered_graph


def forecast_cost() -> list[dict[str, object]]:
    """Seconds of CPU for the whole table of a layered graph of 10,000 nodes; the aim is a second."""
    needs, takes = layered_graph()
    nodes = tuple(PlanNode(node, PromptSpec("x"), needs=wanted) for node, wanted in needs.items())
    bodies = (created(), PlanProposed(1, Plan("layered", nodes)))
    state = fold.fold(Event(seq, 0.0, 0.0, body) for seq, body in enumerate(bodies, start=1))
    forecast(state)
    costs: list[float] = []
    for _ in range(3):
        began = time.process_time()
        forecast(state)
        costs.append(time.process_time() - began)
    spent = median(costs)
    return [{"nodes": len(takes), "cpu_s": round(spent, 2), "ratio": round(spent, 2), "budget": 1.0}]
