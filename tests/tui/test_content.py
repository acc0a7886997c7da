"""The one door to the screen, and the backstop behind it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from swarmtui.tui import content
from swarmtui.tui.themes import load_themes, palette_of
from tests.tui.scripted_feed import HOSTILE

PALETTE = palette_of(next(theme for theme in load_themes().themes if theme.name == "swarm-dark").variables)


def visible(text: str) -> bool:
    return text.replace("\u200d", "").replace("\ufe0f", "").replace("\n", "").isprintable()


@pytest.mark.parametrize("payload", HOSTILE)
def test_no_payload_survives(payload: str) -> None:
    assert visible(content.text(payload).plain)
    assert visible(content.line(payload).plain)
    assert visible(content.plain(payload))
    strip = content.strip(((payload, "text"),), PALETTE, Style(), 40)
    assert visible(strip.text)
    assert strip.cell_length == 40


def test_markup_stays_text() -> None:
    assert content.line("[red]x[/red] [/nope] [@click=app.quit]y").plain == "[red]x[/red] [/nope] [@click=app.quit]y"
    assert content.line("[red]x[/red]").spans == []


@given(st.text(max_size=60), st.integers(0, 30), st.integers(0, 30))
def test_strips_have_the_width_asked_for(text: str, start: int, length: int) -> None:
    strip = content.strip(((text, "text"), ("x", "muted")), PALETTE, Style(), 30, (start, min(30, start + length)))
    assert strip.cell_length == 30


@pytest.mark.parametrize("payload", HOSTILE)
def test_the_filter_lets_no_control_through(payload: str) -> None:
    filtered = content.TerminalFilter().apply([Segment(payload), Segment("fine")], Color(0, 0, 0))
    assert all(visible(segment.text) for segment in filtered)
    assert filtered[1].text == "fine"


def test_the_filter_leaves_emoji_whole() -> None:
    family = "👩\u200d👩\u200d👧"
    assert content.TerminalFilter().apply([Segment(family)], Color(0, 0, 0))[0].text == family
