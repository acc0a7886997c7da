"""Columns stay where they are, whatever things are called: wide, joined, combining, right to left, invisible."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.plan.model import Plan
from swarmtui.safety.text import clean
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.tui.view import document, logs
from swarmtui.tui.view.column import fit_columns
from swarmtui.tui.view.figures import figures, header, session_time
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs
from swarmtui.tui.view.graph import Graph
from swarmtui.tui.view.lines import Line, cells, crop, fit, pad, shorten, skip, spread, width, wrap
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.panes import Pane, grid
from swarmtui.tui.view.sessions import SessionRows
from swarmtui.tui.view.table import NodeRows
from tests.tui.scripted_feed import ScriptedFeed, begun, output, prompt

PIECES = (
    "中", "文字", "한글", "ｗ", "é", "e\u0301", "a" + "\u0301" * 9, "👩\u200d🔬",
    "👨\u200d👩\u200d👧\u200d👦", "🇫🇷", "🇫", "❤\ufe0f", "☠\ufe0e", "1\ufe0f\u20e3", "👍🏽",
    "\u200d", "\u200b", "\ufe0f", "\u202e", "\u2066", "שלום", "مرحبا", "\t", "\n",
    "\r", "\x1b[31m", "\x07", "\x9b2J", "\xad", "\u3164", "a", "bc", " ", "-", "/",
    ".py", "…", "█", "ﷺ", "𒐫", "\ufffd", "\ud800",
)  # fmt: skip
names = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
cleaned = names.map(lambda text: clean(text, keep_newlines=False))
sizes = st.integers(1, 60)
both = st.sampled_from([UNICODE, ASCII])


def drawn(line: Line) -> int:
    """Cells that `line` takes once it has been cleaned, as it is before it reaches the screen."""
    return cells("".join(clean(text, keep_newlines=False) for text, _ in line))


@given(cleaned, sizes, st.booleans(), both)
def test_fit_takes_exactly_the_cells_asked_for(text: str, size: int, right: bool, glyphs: Glyphs) -> None:
    assert cells(fit(text, size, right=right, ellipsis=glyphs.cut)) == size
    assert cells(shorten(text, size, glyphs.cut)) <= size


@given(cleaned, cleaned, st.integers(0, 60))
@pytest.mark.chaos
def test_lines_are_cut_between_what_is_drawn_as_one(one: str, other: str, size: int) -> None:
    line: Line = ((one, "text"), (other, "muted"))
    whole = width(line)
    assert width(crop(line, size)) == min(size, whole)
    assert width(skip(line, size)) == max(0, whole - size)
    assert width(pad(line, size)) == size
    assert width(spread(line, line, size)) == size


@given(cleaned, st.integers(2, 30))
def test_wrapped_rows_fit_and_lose_nothing_but_space(text: str, size: int) -> None:
    rows = wrap(text, size)
    assert all(cells(row) <= size for row in rows)
    assert "".join("".join(rows).split()) == "".join(text.split())


def session(called: str, said: str) -> ScriptedFeed:
    """A session in which everything that can be called something is called so."""
    nodes = (prompt("a", text=said), prompt(f"x{called}", "a", text=said), prompt(f"y{called}", f"x{called}"))
    feed = begun(Plan(called or "g", nodes, title=called))
    feed.play(ev.PlanApproved(1, "x"), ev.AttemptStarted("a", 1, model=called), after=1)
    feed.play(ev.AttemptSucceeded("a", 1, output(said)), ev.AttemptStarted(f"x{called}", 1, pool=called, model=called))
    error = vocab.ErrorInfo(vocab.ErrorKind.REFUSED, said)
    return feed.play(ev.AttemptFailed(f"x{called}", 1, error), ev.Noted("warning", said), after=1)


@settings(max_examples=12, deadline=None)
@given(names, names, st.integers(30, 140), both)
def test_no_line_of_a_session_is_wider_than_its_place(called: str, said: str, size: int, glyphs: Glyphs) -> None:
    feed = session(called, said)
    state = feed.state
    moment = Moment(feed.now, session_time(state, feed.now))
    assert drawn(header(figures(state, feed.status, feed.now), size, glyphs)) == size
    for event in feed.events:
        line = logs.draw(logs.log_line(event), size, glyphs)
        assert drawn(line) == width(line) <= size
    graph = Graph()
    graph.state, graph.glyphs = state, glyphs
    graph.resize(size, 12)
    for y in range(12):
        line, _ = graph.line(y, 0, size, moment)
        assert drawn(line) == width(line) <= max(size, graph.size[0])
    rows = NodeRows(state)
    rows.choose(moment)
    for at in range(len(rows)):
        told = rows.cells(at, moment, glyphs)
        for column, wide in fit_columns(rows.columns, size):
            assert drawn(((fit(told[column.key][0], wide, ellipsis=glyphs.cut), "text"),)) == wide


@settings(max_examples=30, deadline=None)
@given(names, names, st.integers(36, 90), st.integers(5, 12), both)
def test_panes_fill_their_place(called: str, said: str, wide: int, high: int, glyphs: Glyphs) -> None:
    pane = Pane(clean(called, keep_newlines=False), None, clean(called, keep_newlines=False), ("1 s",), None, True,
                body=lambda width: document.prose(said, width))  # fmt: skip
    for line in grid([pane, pane], wide, high, glyphs, pane.key):
        assert drawn(line) == wide


@settings(max_examples=25, deadline=None)
@given(cleaned, cleaned, st.integers(24, 90))
def test_documents_keep_to_their_width(one: str, other: str, size: int) -> None:
    text = f"# {one}\n- {other}\n```\n{one}{other}\n```\n{one} {other}"
    made = [document.prose, document.verbatim, document.yaml]
    for make in made:
        for line in make(text, size):
            assert drawn(line) <= size
    for line in document.facts([(one, other, "text")], size):
        assert drawn(line) <= size


@settings(max_examples=25, deadline=None)
@given(names, names)
def test_the_list_of_sessions_keeps_its_columns(called: str, host: str) -> None:
    row: dict[str, Any] = {
        "id": "abcdefgh", "title": called, "status": "running", "started": 1.0, "host": host, "counts": {"failed": 1},
    }  # fmt: skip
    rows = SessionRows()
    rows.take([row])
    for column, wide in fit_columns(rows.columns, 100):
        told = rows.cells(0, Moment(10.0, 0.0), UNICODE)[column.key][0]
        assert drawn(((fit(told, wide), "text"),)) == wide


@pytest.mark.parametrize("piece", PIECES, ids=ascii)
def test_what_a_span_is_cut_from_is_measured_as_a_whole(piece: str) -> None:
    text = clean(piece * 3, keep_newlines=False)
    for size in range(cells(text) + 1):
        assert cells(crop(((text, "text"),), size)[0][0] if size and text else "") in (size, cells(text))
