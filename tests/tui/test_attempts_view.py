"""Attempts, their time and their money are told from events, and the parts add up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import split
from swarmtui.tui.view.attempts import Attempt, AttemptRows, ToolUse, beside, gather, title_of
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs
from swarmtui.tui.view.lines import Line, shares, width
from swarmtui.tui.view.logs import draw, log_line
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.node_tabs import (
    VALUE_LIMIT,
    EventLines,
    Inserted,
    ToolRows,
    needs_lines,
    prompt_lines,
    tabs_of,
    tool_lines,
    value_of,
)
from tests.tui.scripted_agents import agents
from tests.tui.scripted_feed import HOSTILE, MODELS, ScriptedFeed, mid_run, output, usage

NOW = Moment(1_000.0, 1_000.0)


def shown(lines: list[Line]) -> str:
    return "\n".join("".join(part for part, _ in line) for line in lines)


def told(*bodies: ev.Body, every: float = 1.0) -> list[Attempt]:
    """The attempts of events, so many seconds apart."""
    return gather(ev.Event(at + 1, at * every, at * every, body) for at, body in enumerate(bodies))


ERROR = vocab.ErrorInfo(vocab.ErrorKind.EXIT, "code 2", exit_code=2)


def test_each_attempt_keeps_its_own_error_and_output() -> None:
    found = told(
        ev.AttemptStarted("n", 1, model="m", queue_s=2.0, throttle_s=3.0),
        ev.AttemptFailed("n", 1, ERROR, took_s=1.0, retry_in_s=0.0, output=output("half")),
        ev.AttemptStarted("n", 2, model="m"),
        ev.AttemptSucceeded("n", 2, output("whole"), took_s=1.0),
    )
    first, second = found
    assert (first.state, first.error, first.output) == (State.FAILED, ERROR, output("half"))
    assert (first.queue_s, first.throttle_s) == (2.0, 3.0)
    assert (second.state, second.error, second.output) == (State.SUCCEEDED, None, output("whole"))


def test_an_attempt_that_is_taken_back_and_begun_again_is_told_twice() -> None:
    found = told(
        ev.AttemptStarted("n", 1), ev.AttemptThrottled("n", 1, 4.0), ev.AttemptStarted("n", 1),
    )  # fmt: skip
    assert [(one.number, one.round, one.state) for one in found] == [
        (1, 1, State.THROTTLED),
        (1, 2, State.RUNNING),
    ]
    assert [title_of(one, Moment(5.0, 5.0)).partition(",")[0] for one in found] == ["try 1", "try 1 (begun 2 times)"]


def test_of_an_attempt_that_was_sent_back_it_is_told_for_how_long_and_not_what_it_waits_for_by_now() -> None:
    found = told(
        ev.AttemptStarted("n", 1), ev.AttemptThrottled("n", 1, 0.2, message="slow down"),
        ev.AttemptStarted("n", 1), ev.AttemptThrottled("n", 1, 72.0),
    )  # fmt: skip
    assert [one.words for one in found] == ["sent back for 0.2s: slow down", "sent back for 1:12"]


def test_an_attempt_that_waits_for_others_no_longer_runs() -> None:
    (one,) = told(ev.AttemptStarted("n", 1), ev.AttemptSuspended("n", 1, "subagents", took_s=1.0))
    assert one.state is State.WAITING
    assert one.life_s(500.0) == 1.0
    assert "its subagents" in one.words


def test_items_of_a_map_have_attempts_of_their_own() -> None:
    events = [ev.Event(at, at, at, ev.AttemptStarted("n", 1, item)) for at, item in enumerate((0, 1, 2), 1)]
    assert [one.item for one in gather(events)] == [0, 1, 2]


CALLED = (
    ev.AttemptStarted("n", 1, model="m"),
    ev.AgentStepped("n", 1, "assistant", "aa", calls=(ev.CallHead("c1", "search", '{"q": 1}'),), usage=usage()),
    ev.ToolCalled("n", 1, "me", "c1", "search", why="a rule"),
    ev.AgentStepped("n", 1, "tool", "bb", said="found it", call="c1"),
    ev.AttemptSucceeded("n", 1, output("x"), took_s=4.0, usage=usage(100, 10)),
)


def test_calls_of_tools_have_arguments_time_and_result() -> None:
    (one,) = told(*CALLED)
    use = one.tools["c1"]
    assert (use.tool, use.arguments, use.said, use.ok) == ("search", '{"q": 1}', "found it", True)
    assert use.took_s(99.0) == 1.0
    assert (use.asked_sha, use.answer_sha) == ("aa", "bb")
    assert one.spent.tokens_in == 3_200


def test_waits_for_first_tokens_are_added_up_over_the_calls_of_an_attempt() -> None:
    steps = [
        ev.AgentStepped("n", 1, "assistant", "aa", usage=vocab.Usage(1, 1, first_token_s=wait)) for wait in (0.5, 0.75)
    ]
    (one,) = told(ev.AttemptStarted("n", 1, model="m"), *steps)
    assert one.first_token_s == 1.25


def test_once_a_model_was_called_its_time_is_that_of_the_model_whatever_else_it_does() -> None:
    steps = [ev.AgentStepped("n", 1, "assistant", "aa", usage=told_usage) for told_usage in (usage(), vocab.NO_USAGE)]
    (one,) = told(ev.AttemptStarted("n", 1), *steps)
    assert split.MODEL in {part.name for part in split.parts_of(one, 9.0)}


def test_a_call_in_full_says_what_is_missing() -> None:
    (one,) = told(*CALLED[:3])
    assert "it has not come back yet" in shown(tool_lines(one, one.tools["c1"], None, None, 80))
    (over,) = told(*CALLED[:3], ev.AttemptInterrupted("n", 1))
    assert "it was cut short" in shown(tool_lines(over, over.tools["c1"], None, None, 80))
    (done,) = told(*CALLED)
    assert "its beginning" in shown(tool_lines(done, done.tools["c1"], None, None, 80))
    whole = shown(tool_lines(done, done.tools["c1"], '{"q": 1}', "found it, all of it", 80))
    assert "its beginning" not in whole
    assert "found it, all of it" in whole


def test_the_rows_of_calls_say_how_each_went() -> None:
    (one,) = told(*CALLED)
    rows = ToolRows.of([one], {"bb": 1_234})
    cells = rows.cells(0, NOW, UNICODE)
    assert (cells["ok"], cells["size"], cells["took"]) == (("✓ ok", "succeeded"), ("1.2k", "muted"), ("1.0s", "text"))
    sizes = [
        ToolRows.of(told(*CALLED[:3], ev.AgentStepped("n", 1, "tool", "bb", said=said, call="c1")), {})
        .cells(0, NOW, UNICODE)["size"][0]
        for said in ("x" * 199, "x" * 200)
    ]  # fmt: skip
    assert sizes == ["199", "200+"], "of what was cut there may be more"
    for bodies, how in (
        (CALLED[:2], ("○ ask", "waiting")),
        (CALLED[:3], ("● run", "running")),
        ((*CALLED[:3], ev.AttemptInterrupted("n", 1)), ("! cut", "interrupted")),
    ):
        assert ToolRows.of(told(*bodies), {}).cells(0, NOW, UNICODE)["ok"] == how


# -- time and money ----------------------------------------------------------------------------------------------

seconds = st.floats(0, 10_000, allow_nan=False)


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    """Any attempt, running or over, with calls of tools that overlap as they like."""
    begun, took = draw(seconds), draw(seconds)
    over = draw(st.booleans())
    one = Attempt(None, 1, started_ts=begun, queue_s=draw(seconds), throttle_s=draw(seconds))
    if over:
        one.ended_ts, one.state, one.told_s = begun + took, State.SUCCEEDED, draw(st.none() | seconds)
    one.called_model = draw(st.booleans())
    one.first_token_s = draw(st.none() | seconds)
    for number, (at, lasts) in enumerate(draw(st.lists(st.tuples(seconds, st.none() | seconds), max_size=5))):
        answered = None if lasts is None else at + lasts
        one.tools[str(number)] = ToolUse(str(number), "t", called_ts=at, answered_ts=answered)
    return one


@settings(max_examples=200, deadline=None)
@given(attempts(), seconds)
@pytest.mark.chaos
def test_the_parts_of_an_attempts_time_add_up_to_its_life(one: Attempt, now: float) -> None:
    parts = split.parts_of(one, now)
    assert all(part.seconds >= 0 for part in parts)
    after_start = sum(part.seconds for part in parts if part.name not in (split.QUEUE, split.THROTTLE))
    assert after_start == pytest.approx(one.life_s(now), abs=1e-6)
    whole = sum(part.seconds for part in parts)
    assert whole == pytest.approx(one.queue_s + one.throttle_s + one.life_s(now), abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.lists(seconds, min_size=1, max_size=6), st.integers(0, 120))
def test_the_bar_is_filled_and_shows_all_that_took_time(parts: list[float], size: int) -> None:
    given_cells = shares(parts, size)
    assert sum(given_cells) == (size if sum(parts) > 0 else 0)
    assert all(cells >= 0 for cells in given_cells)
    if size >= len(parts):
        assert all((cells > 0) == (one > 0) for cells, one in zip(given_cells, parts, strict=True))


def test_where_there_is_no_room_for_each_part_the_largest_ones_are_shown() -> None:
    assert shares([1, 1, 1, 1000], 2) == [0, 0, 0, 2]
    assert shares([0, 1, 500, 1, 500], 2) == [0, 0, 1, 0, 1]


def test_tools_that_work_at_the_same_time_are_counted_once() -> None:
    one = Attempt(None, 1, started_ts=0.0, called_model=True)
    one.tools["a"] = ToolUse("a", "t", called_ts=1.0, answered_ts=5.0)
    one.tools["b"] = ToolUse("b", "t", called_ts=2.0, answered_ts=4.0)
    assert {part.name: part.seconds for part in split.parts_of(one, 10.0)}[split.TOOLS] == 4.0
    one.tools["c"] = ToolUse("c", "t", called_ts=4.5, answered_ts=6.0)
    assert {part.name: part.seconds for part in split.parts_of(one, 10.0)}[split.TOOLS] == 5.0


def test_every_part_has_a_shape_of_its_own() -> None:
    for plain in (False, True):
        shapes = [looks[int(plain)] for name, looks in split._LOOKS.items() if name != split.WORK]
        assert len(set(shapes)) == len(shapes)


def test_money_tells_tokens_price_and_what_is_not_known() -> None:
    (one,) = told(
        ev.AttemptStarted("n", 1, model="m"), ev.AttemptSucceeded("n", 1, output("x"), took_s=9.0, usage=usage())
    )
    words = shown(split.money_lines(one.spent, [one], MODELS["worker"], 100, UNICODE, 10.0))
    for part in ("3,100", "900", "$0.0019", "$0.27 in, $1.10 out", "100/s"):
        assert part in words
    unpriced = shown(split.money_lines(one.spent, [one], None, 100, UNICODE, 10.0))
    assert "per million" not in unpriced
    (free,) = told(ev.AttemptStarted("n", 1))
    assert "no model was called" in shown(split.money_lines(free.spent, [free], None, 100, UNICODE, 10.0))
    one.spent.simulated = one.spent.attempts
    assert "simulated: nothing is paid" in shown(split.money_lines(one.spent, [one], None, 100, UNICODE, 10.0))


WAITED = Attempt(None, 1, started_ts=0.0, ended_ts=4.0, queue_s=1.5, throttle_s=3.0, first_token_s=0.5, model="m")


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_the_bar_has_a_legend_of_signs_words_and_figures(glyphs: Glyphs) -> None:
    legend = split.legend(split.parts_of(WAITED, 9.0), 120, glyphs)
    queue, throttle = ("░", "▒") if glyphs is UNICODE else (".", "~")
    assert shown(legend).startswith(f"{queue} queue 1.5s  {throttle} throttle 3.0s  ")
    assert "generation 3.5s" in shown(legend)
    assert "tools" not in shown(legend), "what took no time is not in the bar"


@given(st.lists(seconds, min_size=6, max_size=6), st.integers(8, 120))
def test_a_legend_keeps_to_its_width_and_names_all_that_the_bar_shows(took: list[float], size: int) -> None:
    parts = [split.Part(name, one) for name, one in zip(split._LOOKS, took, strict=True)]
    lines = split.legend(parts, size, UNICODE)
    assert all(width(line) <= size for line in lines)
    if size >= 24:
        assert all(f" {part.name} " in f"{shown(lines)} " for part in parts if part.seconds)


# -- rows and lines ----------------------------------------------------------------------------------------------


async def test_attempts_are_rows_the_newest_first() -> None:
    feed = mid_run()
    events = await feed.events_before(10**9, 10_000, "speed")
    rows = AttemptRows(gather(events))
    assert [rows.at(at).number for at in range(len(rows))] == [1]
    cells = rows.cells(0, Moment(feed.now, 0), UNICODE)
    assert "retrying" in cells["state"][0]
    assert "outage: the provider closed the connection" in cells["words"][0]
    assert all(column.key != "item" for column in rows.columns)


def test_two_columns_keep_to_their_halves() -> None:
    left: list[Line] = [(("left " * 3, "text"),), (("表" * 9, "text"),)]
    lines = beside(left, [(("right", "text"),)] * 3, 33, ASCII)
    assert len(lines) == 3
    assert all(line[:15] for line in lines)
    assert [width(line) for line in lines] == [15 + 3 + 5] * 3


def test_lines_of_events_are_made_when_they_are_looked_at() -> None:
    feed = mid_run()
    lines = EventLines(feed.events, 80, UNICODE)
    assert len(lines) == len(feed.events)
    assert lines[0] == draw(log_line(feed.events[0]), 80, UNICODE, 0)
    assert lines[-2:] == [lines[len(lines) - 2], lines[len(lines) - 1]]


# -- what went in ------------------------------------------------------------------------------------------------


def of(feed: ScriptedFeed, node: str, known: Inserted | None = None, *, plain: bool = False) -> str:
    known = known or Inserted({})
    glyphs = ASCII if plain else UNICODE
    return shown(prompt_lines(feed.state, feed.state.plan_nodes[node], known, 400, glyphs))


def test_a_prompt_is_told_with_the_values_put_in_and_marked() -> None:
    feed = mid_run()
    assert "Look at ⟦payments/module_0.py" in of(feed, "quality")
    assert "payments/module_39.py⟧ and write what matters about quality." in of(feed, "quality")
    assert "Look at <<payments/module_0.py" in of(feed, "quality", plain=True)
    assert "⟦all of it⟧" in of(feed, "quality", Inserted({"scan": "all of it"}))


def test_of_a_long_value_the_beginning_is_put_in_and_the_rest_is_counted() -> None:
    words = of(mid_run(), "quality", Inserted({"scan": "x" * (VALUE_LIMIT + 1_234)}))
    assert words.count("x") == VALUE_LIMIT
    assert "… 1,234 more characters⟧" in words


def test_an_item_that_was_not_fetched_is_told_as_it_is_written_and_one_that_was_by_its_value() -> None:
    feed = mid_run()
    value = value_of(feed.state, feed.state.plan_nodes["translate"], Inserted({}))
    with pytest.raises(KeyError):
        value("doc")
    known = Inserted({}, {"text": "bonjour"}, item_known=True)
    assert value_of(feed.state, feed.state.plan_nodes["translate"], known)("doc") == {"text": "bonjour"}


def test_what_ended_without_an_output_has_a_state_and_an_error_to_look_up() -> None:
    feed = mid_run()
    value = value_of(feed.state, feed.state.plan_nodes["quality"], Inserted({}))
    failed = next(node for node in feed.state.nodes.values() if node.state is State.FAILED)
    failed.output = None
    found = value(failed.id)
    assert (found["state"], found["output"]) == ("failed", "")
    assert found["error"]


def test_what_has_no_value_yet_stays_as_it_is_written() -> None:
    feed = ScriptedFeed()
    source = mid_run()
    for event in source.events[:4]:
        feed.play(event.body)
    assert "Look at {{ scan.output }} and" in of(feed, "quality")


def test_what_each_need_gave_has_its_size_and_a_look_into_it() -> None:
    feed = mid_run()
    words = shown(needs_lines(feed.state, feed.state.plan_nodes["quality"], Inserted({}), 80, UNICODE))
    assert "✓ scan  869 B" in words
    assert "payments/module_0.py" in words
    assert "and more" in words
    waiting = shown(needs_lines(feed.state, feed.state.plan_nodes["report"], Inserted({}), 80, UNICODE))
    assert "quality  nothing yet" in waiting


def test_hostile_values_are_clean_in_the_lines() -> None:
    feed = mid_run()
    words = of(feed, "quality", Inserted({"scan": "\n".join(HOSTILE)}))
    assert all(line.replace("\u200d", "").isprintable() for line in words.split("\n"))


def test_agents_have_tools_and_items_no_files() -> None:
    state = agents().state
    assert "tools" in dict(tabs_of(state.plan_nodes["booking"], mapped=False, item=False))
    assert "tools" not in dict(tabs_of(state.plan_nodes["report"], mapped=False, item=False))
    assert "tools" in dict(tabs_of(state.plan_nodes["report"], mapped=False, item=False, tools=True))
    assert "items" in dict(tabs_of(None, mapped=True, item=False))
    assert not {"items", "files", "log"} & set(dict(tabs_of(None, mapped=True, item=True)))
