"""Streaming text: what is kept, what is said about gaps, and the panes made of it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from swarmtui.host.feed import Changes, StreamText
from swarmtui.session import events as ev
from swarmtui.tui.view.figures import session_time
from swarmtui.tui.view.glyphs import UNICODE
from swarmtui.tui.view.lines import width
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.panes import grid, look_at, panes
from swarmtui.tui.view.tails import KEPT, LINES, Tail, Tails
from tests.tui.scripted_feed import REVIEW, WORKER, ScriptedFeed, approved, large, mid_run


def piece(text: str, offset: int = 0, *, node: str = "n", attempt: int = 1, channel: str = "output") -> StreamText:
    return StreamText(node, None, attempt, channel, offset, text)


def shown(tail: Tail, size: int = 60, height: int = 50) -> list[str]:
    return ["".join(text for text, _ in row) for row in tail.rows(size, height)]


def tails_of(feed: ScriptedFeed) -> tuple[Tails, Moment]:
    tails = Tails()
    tails.absorb(feed.drain(), feed.now)
    return tails, Moment(feed.now, session_time(feed.state, feed.now))


@given(st.text(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_text_is_the_same_in_whatever_pieces_it_comes(text: str, cuts: list[int]) -> None:
    whole, split = Tail(), Tail()
    whole.feed(piece(text), 0)
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    for start, end in pairwise(edges):
        split.feed(piece(text[start:end], start), 0)
    assert shown(split) == shown(whole)


def test_a_sequence_split_over_chunks_leaves_no_debris() -> None:
    tail = Tail()
    for at, char in enumerate("a\x1b]52;c;ZXZpbA==\x07b"):
        tail.feed(piece(char, at), 0)
    assert shown(tail) == ["ab"]


def test_a_gap_is_told_and_a_repetition_is_not_shown_again() -> None:
    tail = Tail()
    tail.feed(piece("one "), 0)
    tail.feed(piece("one two", 0), 0)
    tail.feed(piece("one", 0), 0)
    tail.feed(piece(", three", 7), 0)
    tail.feed(piece("later", 1_000), 0)
    assert shown(tail) == ["one two, three", "[986 characters not shown]", "later"]


def test_memory_is_bounded() -> None:
    tail = Tail()
    tail.feed(piece("line\n" * 50_000), 0)
    tail.feed(piece("x" * 1_000_000, 250_000), 0)
    assert len(tail.lines) <= LINES
    assert sum(len(line.text) for line in tail.lines) < 2_000_000


def test_the_rate_is_of_the_last_seconds() -> None:
    tail = Tail()
    tail.feed(piece("x" * 400), 100.0)
    assert tail.rate(101.0) == 100
    assert tail.rate(200.0) == 0


def test_a_new_attempt_starts_a_new_tail() -> None:
    tails = Tails()
    tails.absorb(Changes(streams=(piece("old"),)), 0)
    started = ev.Event(1, 0, 0, ev.AttemptStarted("n", 2))
    tails.absorb(Changes(events=(started,), streams=(piece("new", attempt=2), piece("stale", 3))), 0)
    assert shown(tails.by_key["n", None]) == ["new"]


def test_panes_are_the_running_attempts_without_questions() -> None:
    feed = mid_run()
    tails, moment = tails_of(feed)
    found = panes(feed.state, tails, moment, 50)
    assert {pane.node for pane in found} == {"quality", "security", "translate"}
    assert [pane.item for pane in found if pane.node == "translate"] == list(range(1_221, 1_227))


def test_what_a_command_writes_has_no_rate_of_tokens() -> None:
    feed = approved(REVIEW)
    for node, pool in (("scan", "commands"), ("tests", WORKER)):
        feed.play(ev.AttemptStarted(node, 1, pool=pool))
        feed.say(node, "x" * 4_000)
    told = {pane.node: "tok/s" in " ".join(pane.figures) for pane in panes(feed.state, *tails_of(feed), 9)}
    assert told == {"scan": False, "tests": True}


def test_a_thousand_workers_cost_no_more_than_what_is_shown() -> None:
    feed = large(2_000)
    tails, moment = tails_of(feed)
    assert len(panes(feed.state, tails, moment, 6)) == 6


def test_the_selected_node_shows_its_text_its_output_or_what_it_will_do() -> None:
    feed = mid_run()
    tails, moment = tails_of(feed)

    def looked_at(node: str) -> str:
        pane = look_at(feed.state, node, tails, moment)
        assert pane is not None
        drawn = grid([pane], 80, 30, UNICODE, pane.key)
        assert all(width(line) == 80 for line in drawn)
        return "\n".join("".join(text for text, _ in line) for line in drawn)

    assert "Reading the forty files" in looked_at("quality")
    assert "payments/module_3.py" in looked_at("scan")
    assert "ruff ended with code 2" in looked_at("lint")
    assert "Which branch counts as the release?" in looked_at("scope")
    assert "Publish the report" in looked_at("publish")
    assert look_at(feed.state, "nobody", tails, moment) is None


def test_a_grid_fills_its_place_exactly_and_counts_what_has_no_room() -> None:
    feed = large(500)
    tails, moment = tails_of(feed)
    found = panes(feed.state, tails, moment, 40)
    for size in ((36, 5), (80, 24), (150, 40), (40, 60)):
        drawn = grid(found, *size, UNICODE, found[0].key)
        assert len(drawn) == size[1]
        assert all(width(line) == size[0] for line in drawn)
        assert "more at work" in "".join(text for text, _ in drawn[-1])
    assert grid([], 80, 24, UNICODE, None) == []


def test_what_a_pinned_worker_said_outlasts_what_many_others_say() -> None:
    tails = Tails(pinned=frozenset({("a", 0)}))
    for item in range(KEPT + 10):
        tails.by_key["a", item] = Tail(1, ended=True)
    tails.absorb(Changes(), 0.0)
    assert ("a", 0) in tails.by_key
    assert ("a", 1) not in tails.by_key


def test_of_attempts_that_let_go_of_their_place_no_more_is_kept_than_of_ended_ones() -> None:
    feed, tails = approved(REVIEW), Tails()
    for item in range(KEPT + 10):
        suspended = ev.AttemptSuspended("translate", 1, "permission", item, 1.0)
        feed.play(ev.AttemptStarted("translate", 1, item, pool=WORKER), suspended)
    tails.absorb(feed.drain(), feed.now)
    assert len(tails.by_key) == KEPT
