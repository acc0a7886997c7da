"""A session in which everything about pools is to be seen: windows that follow a provider, refusals, a budget that will
not do, a forecast, a map, an agent's waits."""

from __future__ import annotations

from dataclasses import replace

from swarmtui.plan.model import Limits, MapSpec, Node, Plan, PromptSpec, RunSpec
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from tests.tui.scripted_feed import WORKER, ScriptedFeed, approved, output, prompt, usage

PLANNER = "deepseek/deepseek-reasoner"
SAID = "HTTP 429, Retry-After 24 s: too many requests in flight"

POOLED = Plan(
    goal="Read everything and write it up",
    title="Read everything",
    nodes=(
        Node("scan", RunSpec(("ls",)), estimate_s=2),
        prompt("first", "scan", retries=2, estimate_s=20),
        prompt("second", "scan", retries=2, estimate_s=20),
        prompt("third", "scan", estimate_s=20),
        prompt("読む-ファイル", "scan", estimate_s=20),
        prompt("each", "scan", map=MapSpec("doc", path="docs.jsonl"), estimate_s=60),
        Node("report", PromptSpec("Write it up.", model="planner"), ("first", "second", "each"), estimate_s=30),
    ),
)


def busy(limits: Limits | None = None) -> ScriptedFeed:
    """Second 80 of a session that a provider holds back."""
    feed = approved(POOLED, limits=limits or Limits(usd=0.30, minutes=30))
    feed.play(forecast(), after=0.2)
    feed.play(ev.AttemptStarted("scan", 1, pool="commands"))
    feed.play(ev.AttemptSucceeded("scan", 1, output("a\nb"), took_s=1.5), after=1.5)
    feed.play(ev.PoolPaced(WORKER, 4, None, "none", why="start"), ev.MapExpanded("each", 40))
    feed.play(ev.AttemptStarted("first", 1, pool=WORKER, model=WORKER, queue_s=0.5), after=0.5)
    feed.play(ev.AttemptStarted("second", 1, pool=WORKER, model=WORKER, queue_s=2.5), after=2)
    for item in range(6):
        feed.play(ev.AttemptStarted("each", 1, item, pool=WORKER, model=WORKER), after=0.5)
        feed.play(ev.AttemptSucceeded("each", 1, output("…"), item, 1.4, usage(240, 200, 0.02)), after=1.4)
    broke = vocab.ErrorInfo(vocab.ErrorKind.OUTAGE, "the provider closed the connection")
    feed.play(ev.AttemptFailed("first", 1, broke, took_s=14, retry_in_s=6, usage=usage()), after=1)
    feed.play(ev.AttemptThrottled("second", 1, 8, pool=WORKER, message=SAID), after=3)
    feed.play(ev.PoolPaced(WORKER, 3, 60.0, "wall", refused=1, why="refused beyond 3 at once"), after=0.5)
    feed.play(ev.AttemptStarted("first", 2, pool=WORKER, model=WORKER, queue_s=1.0, throttle_s=0.5), after=6)
    feed.play(ev.AttemptStarted("second", 2, pool=WORKER, model=WORKER, throttle_s=12.0), after=6)
    feed.play(ev.AttemptSucceeded("first", 2, output("done"), took_s=20, usage=usage()), after=14)
    feed.play(ev.AttemptStarted("third", 1, pool=WORKER, model=WORKER, queue_s=40, throttle_s=2))
    for item in range(6, 9):
        feed.play(ev.AttemptStarted("each", 1, item, pool=WORKER, model=WORKER))
    feed.play(ev.AttemptThrottled("third", 1, 24, pool=WORKER, message=SAID), after=6)
    feed.play(ev.PoolPaced(WORKER, 2, 45.0, "wall", refused=2, why="refused beyond 2 at once", others=1))
    return feed.wait_until(80)


def forecast(plan_rev: int = 1) -> ev.Forecasted:
    """Two minutes and more than the budget."""
    now = ev.ForecastRow(None, (90.0, 140.0, 230.0), (0.28, 0.36, 0.52), (60_000.0, 90_000.0, 130_000.0))
    return ev.Forecasted(plan_rev, (replace(now, concurrency=1, seconds=(300.0, 400.0, 600.0)), now), "assumptions")
