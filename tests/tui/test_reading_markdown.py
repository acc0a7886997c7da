"""Markdown where it is read: in the pane that is looked at, and in the output of a node."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from swarmtui.host.feed import Changes, StreamText
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.node import NodeScreen
from swarmtui.tui.view.glyphs import ASCII
from swarmtui.tui.view.markdown.flow import Look
from swarmtui.tui.view.tails import READ, Tail, Tails
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.panes import PaneGrid
from tests.tui.opening import opened, press, settled, text
from tests.tui.scripted_feed import mid_run

REPORT = "\n\n# Told *here*\n\n| file | line |\n|---|--:|\n| a.py | 9 |\n\n"


def say(app: Workbench, said: str, node: str = "quality") -> None:
    """More text of a node's attempt."""
    tail = app.tails.by_key[node, None]
    stream = StreamText(node, None, tail.attempt, "output", tail._expected.get("output", 0), said)
    app.tails.absorb(Changes(streams=(stream,)), app.moment.wall)


def read(pilot: Pilot[int]) -> list[str]:
    """The rows of the text, without the scrollbar beside it."""
    return [line[:70] for line in text(pilot).splitlines()[4:-2]]


async def test_the_pane_that_is_looked_at_is_markdown_and_v_shows_it_as_it_is_written() -> None:
    async with opened(mid_run()) as pilot:
        app, screen = pilot.app, pilot.app.screen
        assert isinstance(app, Workbench)
        screen.select("quality")  # type: ignore[attr-defined]
        say(app, REPORT)
        await settled(pilot)
        assert "a.py │    9" in text(pilot)
        assert "# Told" not in text(pilot)
        screen.query_one(PaneGrid).focus()
        await press(pilot, "v")
        assert "| a.py | 9 |" in text(pilot)
        assert "# Told *here*" in text(pilot)
        await press(pilot, "v")
        assert "a.py │    9" in text(pilot)


@pytest.mark.chaos
async def test_a_node_s_output_is_markdown_while_it_comes_and_stays_where_it_is_read() -> None:
    async with opened(mid_run(), (80, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        say(app, REPORT + "".join(f"{number}. point\n" for number in range(1, 60)))
        app.open_node("quality")
        await settled(pilot)
        view = app.screen.query_one("#body", TextView)
        assert "59. point" in text(pilot)
        view.scroll_to(y=9, animate=False, force=True)
        await settled(pilot)
        before = read(pilot)
        say(app, "".join(f"{number}. point\n" for number in range(60, 80)))
        await settled(pilot)
        assert read(pilot) == before
        await press(pilot, "G")
        assert "79. point" in text(pilot)
        say(app, "80. the last point\n")
        await settled(pilot)
        assert "80. the last point" in text(pilot)


async def test_lines_that_are_let_go_of_move_nothing_that_is_read() -> None:
    async with opened(mid_run(), (80, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.open_node("quality")
        await settled(pilot)
        view = app.screen.query_one("#body", TextView)
        told = [((f"line {number}", "text"),) for number in range(100)]
        view.show(lambda width: told, above=lambda: 0)  # type: ignore[arg-type,return-value]
        view.scroll_to(y=50, animate=False, force=True)
        view.show(lambda width: told[20:], above=lambda: 20)  # type: ignore[arg-type,return-value]
        assert view.scroll_y == 30


@pytest.mark.chaos
async def test_what_the_mouse_selects_is_what_is_shown() -> None:
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        say(app, "\n\n```python\nx = 1\nif x:\n    y()\n```\n")
        app.open_node("quality")
        await settled(pilot)
        assert isinstance(app.screen, NodeScreen)
        view = app.screen.query_one("#body", TextView)
        view.text_select_all()
        selected = view.get_selection(app.screen.selections[view])
        assert selected is not None
        assert "x = 1\nif x:\n    y()" in selected[0]


@pytest.mark.chaos
async def test_ascii_draws_markdown_with_ascii() -> None:
    async with opened(mid_run(), glyphs=ASCII) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        say(app, REPORT + "> quoted\n\n- one\n  - two\n")
        app.open_node("quality")
        await settled(pilot)
        assert text(pilot).isascii()
        assert "a.py |    9" in text(pilot)
        assert "| quoted" in text(pilot)


@pytest.mark.chaos
async def test_what_a_command_says_is_no_markdown() -> None:
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.open_node("scan")
        await settled(pilot)
        assert "payments/module_3.py\n" in "\n".join(line.strip() for line in text(pilot).splitlines())


def test_only_the_tails_that_were_read_last_are_kept_as_markdown() -> None:
    tails = Tails()
    for number in range(READ + 3):
        tails.absorb(Changes(streams=(StreamText(f"n{number}", None, 1, "output", 0, "*a*"),)), 0)
        tails.read(tails.by_key[f"n{number}", None])
    assert sum(tail.flow is not None for tail in tails.by_key.values()) == READ


def test_a_tail_says_the_same_whenever_somebody_begins_to_read_it() -> None:
    said = [("reasoning", "Let me\nsee"), ("output", "# A\n\n- b\n"), ("stderr", "oh"), ("output", "c *d*")]
    early, late = Tails(), Tails()
    at: dict[str, int] = {}
    for channel, words in said:
        stream = StreamText("n", None, 1, channel, at.get(channel, 0), words)
        at[channel] = at.get(channel, 0) + len(words)
        early.absorb(Changes(streams=(stream,)), 0)
        early.read(early.by_key["n", None])
        late.absorb(Changes(streams=(stream,)), 0)
    flows = [tails.read(tails.by_key["n", None]) for tails in (early, late)]
    assert flows[0].last(Look(40), 50) == flows[1].last(Look(40), 50)
    assert ["".join(part for part, _ in line) for line in flows[0].last(Look(40), 50)] == [
        "Let me", "see", "", "A", "─", "• b", "", "oh", "", "c d",
    ]  # fmt: skip


def test_an_attempt_that_has_said_nothing_yet_can_be_read() -> None:
    tail = Tail()
    assert tail.read().last(Look(40), 9) == []
    tail.feed(StreamText("n", None, 1, "output", 0, "*a*"), 0)
    assert tail.read().last(Look(40), 9) == [(("a", "em"),)]
