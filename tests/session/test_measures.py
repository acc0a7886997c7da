"""What the attempts of a session tell: rates with intervals, latencies, retries, money; folded, exact in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.plan.model import AskSpec, Check, Limits, MapSpec, ModelRef, Node, Plan, PromptSpec, Retry
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptSucceeded,
    AttemptThrottled,
    Body,
    Event,
    Forecasted,
    ForecastRow,
    MapExpanded,
    Noted,
    PlanApproved,
    PlanProposed,
    SessionCreated,
    SessionFinished,
    SessionPaused,
    SessionResumed,
)
from swarmtui.session.histogram import ACCURACY, Histogram
from swarmtui.session.measures import Measures
from swarmtui.session.metrics import metrics
from swarmtui.session.pools import QUESTIONS
from swarmtui.session.rates import wilson
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.summary import show, summary
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output, Usage

CHEAP = ModelRef("p", "m", price_in=1.0, price_out=2.0)
DEAR = ModelRef("p", "big", price_in=3.0, price_out=6.0)
DONE = Output("ok", 2)


class Story:
    """Events of a session, told with their times."""

    def __init__(self, *nodes: Node, models: dict[str, ModelRef] | None = None) -> None:
        self.events: list[Event] = []
        self.mono = 0.0
        models = {"worker": CHEAP} if models is None else models
        self.tell(SessionCreated("s", "g", "t", "/", "1", models=models, limits=Limits()))
        self.tell(PlanProposed(1, Plan("g", nodes)), PlanApproved(1, ""))

    def tell(self, *bodies: Body, after: float = 0.0) -> Story:
        self.mono += after
        for body in bodies:
            self.events.append(Event(len(self.events) + 1, 1_000 + self.mono, self.mono, body))
        return self

    def start(self, name: str, number: int = 1, item: int | None = None, **more: Any) -> Story:
        return self.tell(AttemptStarted(name, number, item, "p/m", "p/m", **more))

    def succeed(self, name: str, number: int = 1, item: int | None = None, **more: Any) -> Story:
        return self.tell(AttemptSucceeded(name, number, DONE, item, **{"took_s": 1.0, **more}))

    def fail(self, name: str, kind: ErrorKind, number: int = 1, item: int | None = None, **more: Any) -> Story:
        return self.tell(AttemptFailed(name, number, ErrorInfo(kind, "no"), item, **{"took_s": 2.0, **more}))

    @property
    def state(self) -> SessionState:
        return fold.fold(self.events)

    @property
    def metrics(self) -> dict[str, Any]:
        return metrics(self.state)


def prompt(name: str, **more: Any) -> Node:
    return Node(name, PromptSpec("x"), **more)


# -- rates ----------------------------------------------------------------------------------------------------


@given(st.integers(0, 100_000), st.data())
def test_a_wilson_interval_holds_its_share_and_stays_between_none_and_all(n: int, data: st.DataObject) -> None:
    ok = data.draw(st.integers(0, n))
    low, high = wilson(ok, n)
    assert 0 <= low <= high <= 1
    if n:
        assert low <= ok / n <= high
        assert (low == 0) == (ok == 0)
        assert (high == 1) == (ok == n)


@pytest.mark.parametrize(
    ("ok", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_intervals_are_the_published_ones(ok: int, n: int, low: float, high: float) -> None:
    """The last row is Newcombe's example (Statistics in Medicine 17, 1998)."""
    assert wilson(ok, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 1_000), st.data())
def test_more_of_the_same_narrows_the_interval(n: int, data: st.DataObject) -> None:
    ok = data.draw(st.integers(0, n))
    low, high = wilson(ok, n)
    lower, higher = wilson(ok * 4, n * 4)
    assert higher - lower < high - low


# -- latencies ------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(1e-4, 1e5), min_size=1, max_size=200), st.integers(1, 100))
def test_quantiles_are_those_of_the_sorted_list_within_one_per_cent(values: list[float], per_cent: int) -> None:
    """By the nearest rank: of n values in order the one numbered per_cent · n / 100, rounded up."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[-(-per_cent * len(values) // 100) - 1]
    (found,) = histogram.quantiles(per_cent / 100)
    assert abs(found - exact) <= exact * ACCURACY * 1.0001
    assert histogram.max_s == max(values)
    assert histogram.quantiles(1.0) == (max(values),)


def test_of_few_values_the_high_quantiles_are_the_longest() -> None:
    few = Histogram()
    for value in (5.1, 20.06):
        few.add(value)
    middle, *high = few.quantiles(0.5, 0.9, 0.95, 0.99)
    assert middle == pytest.approx(5.1, rel=ACCURACY)
    assert high == [20.06] * 3
    assert Histogram().quantiles(0.5, 0.99) == (0.0, 0.0)


@given(st.lists(st.floats(0, 1e5), max_size=50), st.lists(st.floats(0, 1e5), max_size=50))
def test_merged_histograms_are_that_of_all_and_survive_json(one: list[float], other: list[float]) -> None:
    first, second, both = Histogram(), Histogram(), Histogram()
    for histogram, values in ((first, one), (second, other), (both, one + other)):
        for value in values:
            histogram.add(value)
    first.merge(second)
    assert first.buckets == both.buckets
    assert first.max_s == both.max_s
    assert Histogram.from_json(json.loads(json.dumps(both.to_json()))) == both


def test_memory_does_not_grow_with_what_is_counted() -> None:
    histogram = Histogram()
    for at in range(100_000):
        histogram.add(1.0001**at * 1e-4)
    assert len(histogram.buckets) < 1_500


def test_waits_for_a_place_for_the_provider_and_service_are_told_apart() -> None:
    story = Story(prompt("a"), prompt("b"))
    story.start("a", queue_s=2.0).start("b", throttle_s=5.0)
    story.succeed("a", took_s=3.0, usage=Usage(1, 1, model="p/m", first_token_s=0.5)).succeed("b", took_s=4.0)
    latency = story.metrics["latency"]
    assert latency["queue"]["n"] == latency["throttle"]["n"] == latency["service"]["n"] == 2
    assert (latency["queue"]["p50"], latency["queue"]["max"]) == (0.0, 2.0)
    assert latency["throttle"]["max"] == 5.0
    assert latency["service"]["max"] == 4.0
    assert latency["first_token"]["n"] == 1


# -- outcomes -------------------------------------------------------------------------------------------------


def test_transport_schema_and_check_are_counted_of_those_that_came_as_far() -> None:
    asks = Check(schema={"type": "object"}, min_chars=3)
    names = ("out", "shape", "check", "good")
    story = Story(*(prompt(name, check=asks) for name in names), prompt("free"))
    for name in (*names, "free"):
        story.start(name)
    story.fail("out", ErrorKind.OUTAGE).fail("shape", ErrorKind.SCHEMA).fail("check", ErrorKind.CHECK)
    story.succeed("good").succeed("free")
    success = story.metrics["success"]
    assert [(success[what]["ok"], success[what]["n"]) for what in ("transport", "schema", "check", "call")] == [
        (4, 5),
        (2, 3),
        (1, 2),
        (2, 5),
    ]


def test_first_attempts_and_what_became_of_items_after_retries_are_two_numbers() -> None:
    node = prompt("m", map=MapSpec(values=(0, 1, 2)), retry=Retry(2))
    story = Story(node).tell(MapExpanded("m", 3))
    story.start("m", 1, 0).succeed("m", 1, 0)
    story.start("m", 1, 1).fail("m", ErrorKind.CHECK, 1, 1, retry_in_s=0.1).start("m", 2, 1).succeed("m", 2, 1)
    story.start("m", 1, 2).fail("m", ErrorKind.CHECK, 1, 2, retry_in_s=0.1)
    story.start("m", 2, 2).fail("m", ErrorKind.CHECK, 2, 2)
    found = story.metrics
    success = found["success"]
    assert (success["first_attempt"]["call"]["ok"], success["first_attempt"]["call"]["n"]) == (1, 3)
    assert (success["retry"]["call"]["ok"], success["retry"]["call"]["n"]) == (1, 2)
    assert (success["per_item"]["ok"], success["per_item"]["n"]) == (2, 3)
    assert (success["units_first_attempt"]["ok"], success["units_after_retries"]["ok"]) == (1, 2)
    assert found["retry"]["histogram"] == {"1": 1, "2": 1}
    assert found["retry"]["given_up_after"] == {"2": 1}
    assert found["retry"]["time_lost_s"] == 6.0
    assert found["maps"]["m"]["per_item"]["n"] == 3


def test_a_refusal_is_no_failure_and_the_wait_for_it_is_told() -> None:
    story = Story(prompt("a")).start("a")
    story.tell(AttemptThrottled("a", 1, 5.0, "p/m"), after=0.5)
    story.mono += 6.0
    story.start("a", 2).succeed("a", 2)
    found = story.metrics
    assert found["success"]["call"] == {**found["success"]["call"], "n": 1, "ok": 1}
    assert found["success"]["first_attempt"]["call"]["n"] == 1
    assert (found["retry"]["refused"], found["retry"]["refused_wait_s"]) == (1, 6.0)
    assert found["retry"]["refused_service_s"] == 0.5
    assert found["latency"]["throttle"]["max"] == 6.0
    assert found["retry"]["failed_attempts"] == 0


def test_what_the_user_stops_or_a_crash_catches_is_no_failure() -> None:
    story = Story(prompt("a"), prompt("b")).start("a").start("b")
    story.tell(AttemptCancelled("a", 1), AttemptInterrupted("b", 1))
    found = story.metrics
    assert found["success"]["call"]["n"] == 0
    assert (found["retry"]["cancelled"], found["retry"]["interrupted"]) == (1, 1)


def test_what_was_taken_over_is_neither_a_call_nor_paid() -> None:
    story = Story(prompt("a")).start("a").succeed("a", reused_from="s/a//1")
    found = story.metrics
    assert found["success"]["call"]["n"] == 0
    assert found["retry"]["reused"] == 1


def test_time_and_money_of_what_was_stopped_or_caught_are_told_apart_from_failures() -> None:
    story = Story(prompt("a"), prompt("b"), prompt("c")).start("a").start("b").start("c")
    story.tell(AttemptCancelled("a", 1, usage=Usage(10, 5, cost_usd=0.25, model="p/m")), after=3.0)
    story.tell(AttemptCancelled("b", 1, usage=Usage(model="p/m")), AttemptInterrupted("c", 1), after=1.0)
    found = story.metrics
    retry = found["retry"]
    assert (retry["cancelled"], retry["cancelled_s"], retry["cancelled_usd"]) == (2, 7.0, 0.25)
    assert (retry["cancelled_without_price"], retry["interrupted_s"]) == (1, 4.0)
    assert (retry["time_lost_s"], retry["usd_lost"]) == (0.0, 0.0)
    assert (found["cost_usd"], found["calls_lost_in_crashes"]) == (0.25, 1)
    assert found["estimated_cost"]["at_least"]


def test_turns_before_a_refusal_are_paid_though_the_attempt_goes_again() -> None:
    before = Usage(20, 10, cost_usd=0.5, model="p/m", calls=3, untold=1)
    story = Story(prompt("a")).start("a").tell(AttemptThrottled("a", 1, 1.0, "p/m", usage=before), after=2.0)
    story.start("a", 2).succeed("a", 2, usage=Usage(30, 15, cost_usd=0.75, model="p/m", calls=3))
    found = story.metrics
    assert (found["tokens_in"], found["cost_usd"]) == (50, 1.25)
    assert found["success"]["requests"] == {**found["success"]["requests"], "n": 5, "ok": 5}
    assert found["retry"]["usd_lost"] == 0.5
    assert story.state.starts == 1


def test_single_calls_of_several_turns_are_not_the_item_that_they_make_up() -> None:
    story = Story(prompt("a"), prompt("b")).start("a").start("b")
    story.succeed("a", usage=Usage(1, 1, model="p/m", calls=20))
    story.fail("b", ErrorKind.OUTAGE, usage=Usage(1, 1, model="p/m", calls=5, untold=1))
    success = story.metrics["success"]
    assert (success["requests"]["n"], success["requests"]["ok"]) == (25, 24)
    assert (success["model"]["transport"]["n"], success["model"]["transport"]["ok"]) == (2, 1)


def test_retries_are_failures_that_were_tried_again_and_refusals_are_none() -> None:
    story = Story(prompt("a", retry=Retry(2))).start("a").tell(AttemptThrottled("a", 1, 1.0, "p/m"))
    story.start("a", 2).fail("a", ErrorKind.CHECK, 2, retry_in_s=0.1).start("a", 3).fail("a", ErrorKind.CHECK, 3)
    found = story.metrics
    assert (found["attempts"], found["retries"], found["failure_rate"]) == (3, 1, 1.0)


def test_a_question_occupies_no_place() -> None:
    story = Story(Node("q", AskSpec("which?")), prompt("a"))
    story.tell(AttemptStarted("q", 1, pool=QUESTIONS)).start("a")
    assert story.metrics["peak_in_flight"] == 1


def test_the_wait_for_an_answer_is_nobodys_work() -> None:
    story = Story(Node("q", AskSpec("which?")), prompt("a"))
    story.tell(AttemptStarted("q", 1, pool=QUESTIONS)).start("a").tell(after=1.0).succeed("a")
    story.tell(AttemptSucceeded("q", 1, DONE, took_s=600.0), after=599.0)
    assert story.metrics["busy_s"] == 1.0
    assert story.metrics["avg_parallelism"] <= story.metrics["peak_in_flight"]


def test_every_figure_that_evaluations_ask_for_has_its_name() -> None:
    found = Story(prompt("a")).start("a").succeed("a").metrics
    names = """critical_steps wall_clock_ms pass_at_1 success_rate tokens_in tokens_out estimated_cost retry_count
        failure_rate skip_rate avg_parallelism spawn_count subtask_finish_rate verified_share dag_makespan_steps"""
    assert set(names.split()) <= found.keys()
    assert (found["success_rate"], found["dag_makespan_steps"], found["pass_at_1"]["ok"]) == (1.0, 1, 1)


def test_commands_count_in_their_own_pool() -> None:
    story = Story(prompt("a")).tell(AttemptStarted("a", 1, pool="commands")).succeed("a")
    assert list(story.metrics["pools"]) == ["commands"]


# -- money ----------------------------------------------------------------------------------------------------


def paid(models: dict[str, ModelRef], usage: Usage) -> dict[str, Any]:
    return Story(prompt("a"), models=models).start("a").succeed("a", usage=usage).metrics


def test_all_on_the_planner_is_computed_from_what_was_used() -> None:
    usage = Usage(1_000_000, 500_000, cost_usd=2.0, model="p/m")
    found = paid({"worker": CHEAP, "planner": DEAR}, usage)
    assert found["all_on_planner_usd"] == pytest.approx(6.0)
    assert found["savings_share"] == pytest.approx(2 / 3)
    assert found["savings_bound"] == pytest.approx(2 / 3)
    assert not found["savings_implausible"]


def test_a_call_that_failed_before_it_told_anything_is_left_out_of_both_sums() -> None:
    story = Story(prompt("a", retry=Retry(1)), models={"worker": CHEAP, "planner": DEAR})
    story.start("a").fail("a", ErrorKind.OUTAGE, retry_in_s=0.1, usage=Usage(model="p/m"))
    story.start("a", 2).succeed("a", 2, usage=Usage(1_000_000, 500_000, cost_usd=2.0, model="p/m"))
    found = story.metrics
    assert found["all_on_planner_usd"] == pytest.approx(6.0)
    assert found["all_on_planner_left_out"] == 1
    assert found["calls_without_tokens"] == 1


def test_cached_input_is_charged_as_the_planners_provider_does() -> None:
    dear = ModelRef("p", "big", price_in=3.0, price_out=6.0, price_cached=0.5)
    found = paid({"worker": CHEAP, "planner": dear}, Usage(1_000_000, 0, 400_000, cost_usd=1.0, model="p/m"))
    assert found["all_on_planner_usd"] == pytest.approx(0.6 * 3.0 + 0.4 * 0.5)


def test_a_saving_beyond_what_the_prices_allow_is_flagged() -> None:
    found = paid({"worker": CHEAP, "planner": DEAR}, Usage(1_000_000, 500_000, cost_usd=0.5, model="p/m"))
    assert found["savings_share"] > found["savings_bound"]
    assert found["savings_implausible"]


@pytest.mark.parametrize(
    ("models", "usage"),
    [
        ({"worker": CHEAP}, Usage(10, 10, cost_usd=1.0, model="p/m")),
        ({"worker": CHEAP, "planner": ModelRef("p", "big")}, Usage(10, 10, cost_usd=1.0, model="p/m")),
        ({"worker": CHEAP, "planner": DEAR}, Usage(10, 10, model="p/m")),
        ({"worker": CHEAP, "planner": DEAR}, Usage(None, None, cost_usd=1.0, model="p/m")),
    ],
    ids=["no planner", "no price of the planner", "no cost", "no tokens"],
)
def test_what_is_not_known_makes_no_claim(models: dict[str, ModelRef], usage: Usage) -> None:
    found = paid(models, usage)
    assert found["all_on_planner_usd"] is None
    assert found["savings_share"] is None
    assert not found["savings_implausible"]


# -- time -----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from(["pause", "resume", "start", "end", "wait"]), st.floats(0, 50)), max_size=25))
@settings(max_examples=60, deadline=None)
def test_time_of_work_is_the_time_in_which_the_session_runs_and_listings_agree(steps: list[tuple[str, float]]) -> None:
    story = Story(*(prompt(f"n{at}") for at in range(30)))
    running, worked, started, ended = True, 0.0, 0, 0
    for step, wait in steps:
        worked += wait if running else 0.0
        story.mono += wait
        match step:
            case "pause" | "resume":
                running = step == "resume"
                story.tell(SessionResumed() if running else SessionPaused())
            case "start":
                story.start(f"n{started}")
                started += 1
            case "end" if ended < started:
                story.succeed(f"n{ended}", usage=Usage(3, 4, cost_usd=0.5, model="p/m"))
                ended += 1
            case _:
                story.tell(Noted("info", "time goes by"))
    state, found = story.state, story.metrics
    assert state.active_s == pytest.approx(worked)
    assert found["active_s"] == pytest.approx(worked, abs=1e-3)
    assert found["active_s"] <= found["wall_s"] + 1e-3
    listed, shown = summary(state), show(state)
    assert listed["cost_usd"] == shown["metrics"]["cost_usd"] == pytest.approx(0.5 * ended)
    assert sum(listed["counts"].values()) == found["nodes"] == len(shown["nodes"])
    assert listed["counts"] == shown["counts"]
    assert sum(node["attempts"] for node in shown["nodes"]) == found["attempts"] == started


# -- shape and forecast ---------------------------------------------------------------------------------------


def test_three_lengths_of_a_run_are_three_numbers() -> None:
    nodes = [prompt("a"), prompt("b"), prompt("c", needs=("a",)), prompt("d", needs=("b",))]
    story = Story(*nodes)
    for name, took in (("a", 1.0), ("b", 5.0), ("c", 4.0), ("d", 2.0)):
        story.start(name).succeed(name, took_s=took)
    found = story.metrics
    assert (found["critical_path_s"], found["layer_sum_s"]) == (7.0, 9.0)
    assert found["makespan_bound_s"] == 7.0
    assert (found["critical_steps"], found["critical_path_steps"]) == (2, 2)
    assert found["coverage"] == 1.0


def test_the_forecast_that_was_approved_is_held_against_fact() -> None:
    story = Story(prompt("a"))
    row = ForecastRow(None, (1.0, 2.0, 3.0), None, (5.0, 10.0, 20.0))
    story.events = [*story.events[:2]]
    story.tell(Forecasted(1, (row,), "guessed"), PlanApproved(1, ""))
    story.start("a")
    story.mono += 2.5
    story.succeed("a", usage=Usage(50, 50, model="p/m")).tell(SessionFinished("succeeded"))
    held = story.metrics["forecast"]
    assert held["seconds"] == {"p10": 1.0, "p50": 2.0, "p90": 3.0, "actual": 2.5, "inside": True}
    assert held["tokens"]["inside"] is False
    assert held["usd"]["p50"] is None


def test_a_call_that_failed_before_it_told_anything_does_not_hide_what_the_rest_came_to() -> None:
    story = Story(prompt("a", retry=Retry(1)))
    story.events = [*story.events[:2]]
    row = ForecastRow(None, (1.0, 2.0, 3.0), (0.1, 0.2, 0.3))
    story.tell(Forecasted(1, (row,)), PlanApproved(1, ""))
    story.start("a").fail("a", ErrorKind.OUTAGE, retry_in_s=0.1, usage=Usage(model="p/m"))
    story.start("a", 2).succeed("a", 2, usage=Usage(10, 5, cost_usd=0.25, model="p/m"))
    story.tell(SessionFinished("succeeded"))
    held = story.metrics["forecast"]["usd"]
    assert (held["actual"], held["inside"]) == (0.25, True)


# -- state ----------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["good", "fail", "retry", "429", "stop", "crash"]), max_size=30), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_state_read_back_from_json_is_the_same_and_goes_on_the_same(ends: list[str], mapped: bool) -> None:
    story = Story(prompt("m", map=MapSpec(values=tuple(range(30)))))
    story.tell(MapExpanded("m", 30))
    for item, end in enumerate(ends):
        story.start("m", 1, item, queue_s=item / 7, throttle_s=item / 3)
        match end:
            case "good":
                story.succeed("m", 1, item, took_s=item + 0.1, usage=Usage(item, 3, cost_usd=0.1, model="p/m"))
            case "fail":
                story.fail("m", ErrorKind.TIMEOUT, 1, item)
            case "retry":
                story.fail("m", ErrorKind.CHECK, 1, item, retry_in_s=1.0)
            case "429":
                story.tell(AttemptThrottled("m", 1, 2.0, "p/m", item), after=0.3)
            case "stop":
                story.tell(AttemptCancelled("m", 1, item))
            case _:
                story.tell(AttemptInterrupted("m", 1, item, repeat=mapped))
    if len(ends) < 30:
        story.start("m", 1, len(ends))
    state = story.state
    again = state_from_json(json.loads(json.dumps(state_to_json(state))))
    assert state_hash(again) == state_hash(state)
    assert metrics(again) == metrics(state)
    if len(ends) < 30:
        last = Event(state.seq + 1, 99.0, 99.0, AttemptSucceeded("m", 1, DONE, len(ends), took_s=7.0))
        fold.apply(state, last)
        fold.apply(again, last)
        assert state_hash(again) == state_hash(state)


def test_measures_of_nothing_are_nothing() -> None:
    assert Measures.from_json(json.loads(json.dumps(Measures().to_json()))) == Measures()
    found = Story(prompt("a")).metrics
    assert found["success"]["call"]["rate"] is None
    assert found["latency"]["service"]["p99"] is None
    assert found["forecast"] is None
