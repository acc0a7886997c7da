"""Whatever is drawn, in ASCII: widths hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from swarmtui.safety.text import clean
from swarmtui.tui.ascii_filter import AsciiFilter

BLACK = Color(0, 0, 0)
SIGNS = "─│╭╮╰╯┼├┤┬┴╴╵╶╷━┃║═▶▲▼▸●○◌✓✗↻◔◑»⊘‖▁▂▃▄▅▆▇█░▌…·–—→←↑↓⣿’“"
texts = st.text(st.sampled_from(SIGNS + "ab 中文👩\u200d🔬🇫🇷é\u0301שלום\ufe0f"), max_size=40).map(
    lambda text: clean(text, keep_newlines=False)
)


def drawn(text: str, *, only: bool) -> str:
    return AsciiFilter(only=only).apply([Segment(text)], BLACK)[0].text


@given(texts)
def test_as_many_cells_as_before(text: str) -> None:
    for only in (False, True):
        assert cell_len(drawn(text, only=only)) == cell_len(text)


@given(texts)
def test_a_terminal_that_shows_no_more_gets_no_more(text: str) -> None:
    assert drawn(text, only=True).isascii()


def test_what_people_wrote_stays_where_the_terminal_can_show_it() -> None:
    assert drawn("╭ é 中 ╮", only=False) == "+ é 中 +"
    assert drawn("╭ é 中 ╮", only=True) == "+ ? ?? +"
    assert drawn("▶\ufe0f go", only=False) == ">> go", "as wide as the sign with its variant"


def test_every_sign_of_ours_has_a_form_in_ascii() -> None:
    assert drawn(SIGNS, only=False).isascii()


def test_lines_that_are_ascii_already_are_left_alone() -> None:
    segments = [Segment("plain")]
    assert AsciiFilter(only=True).apply(segments, BLACK) is segments
