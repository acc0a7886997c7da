"""What is behind a dialog looks as Textual would have it."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import Screen
from textual.strip import Strip

from swarmtui.tui.widgets.backdrop import Backdrop, dimmed
from tests.tui.opening import opened
from tests.tui.scripted_feed import mid_run


@pytest.mark.parametrize("color", [Color(10, 20, 30, 0.7), Color(0, 0, 0, 0)])
async def test_a_screen_behind_a_dialog_is_dimmed_as_textual_does_it(color: Color) -> None:
    async with opened(mid_run()) as pilot:
        screen = pilot.app.screen
        behind = BackgroundScreen(screen, color)
        lines = screen._compositor.render_strips()
        expected = [list(BackgroundScreen.process_segments(line, color)) for line in lines]
        drawn = Backdrop(behind).render_strips(120, 40, screen.visual_style, None)  # type: ignore[arg-type]
        assert [list(Segment.simplify(line)) for line in drawn[:-1]] == [
            list(Segment.simplify(line)) for line in expected[:-1]
        ]
        assert {line.cell_length for line in drawn} == {120}
        assert lines[-1].text.strip()
        assert not drawn[-1].text.strip()
        assert {part.style.bgcolor for part in drawn[-1] if part.style} == {
            part.style.bgcolor for part in expected[-1] if part.style
        }
        assert len(Backdrop(behind).render_strips(120, 9, screen.visual_style, None)) == 9  # type: ignore[arg-type]


def test_a_look_is_dimmed_once_whatever_is_said_in_it_to_the_mouse() -> None:
    dimmed.cache_clear()
    looks = [Segment("x", Style(bold=True) + Style.from_meta({"offset": (at, 0)})) for at in range(9)]
    Backdrop(BackgroundScreen(Screen(), Color(10, 20, 30, 0.7)))._dimmed(Strip(looks))
    assert dimmed.cache_info().misses == 1
