"""The style sheet: nothing of it is parsed twice, and what it says follows the theme."""

from __future__ import annotations

import pytest
from textual.css.stylesheet import StylesheetParseError

from swarmtui.tui.sheet import Sheet
from tests.tui.opening import opened, press
from tests.tui.scripted_feed import large

PLAIN = "Static { height: 1; }"
COLOURED = "Static { color: $wanted; }"


def sheet() -> Sheet:
    made = Sheet(variables={"wanted": "#ff0000", "other": "#000000"})
    made.add_source(PLAIN, ("plain", ""))
    made.add_source(COLOURED, ("coloured", ""))
    return made


def colours(made: Sheet) -> set[str]:
    return {rule.styles.color.hex for rule in made.rules if rule.styles.has_rule("color")}


def test_a_source_that_comes_later_has_nothing_parsed_again() -> None:
    made = sheet()
    before = list(made.rules)
    made.add_source("Input { height: 2; }", ("later", ""))
    made.reparse()
    assert made.rules[: len(before)] == before
    assert all(one is other for one, other in zip(made.rules, before, strict=False))


def test_other_colours_are_heeded_and_what_names_none_is_parsed_once() -> None:
    made = sheet()
    plain, red = made.rules
    made.set_variables({"wanted": "#00ff00", "other": "#000000"})
    made.reparse()
    assert made.rules[0] is plain
    assert colours(made) == {"#00FF00"}
    made.set_variables({"wanted": "#ff0000", "other": "#ffffff"})
    made.reparse()
    assert made.rules[1] is red


def test_what_cannot_be_parsed_leaves_all_as_it_was() -> None:
    made = sheet()
    before = made.rules
    made.add_source("Static { colour: red; }", ("wrong", ""))
    with pytest.raises(StylesheetParseError):
        made.reparse()
    assert made._rules == before


async def test_a_screen_stands_the_first_time_as_it_does_later() -> None:
    async with opened(large(20)) as pilot:
        await press(pilot, "question_mark")
        first = {widget.id: widget.region for widget in pilot.app.screen.query("*")}
        styled = pilot.app.screen.styles.align
        await press(pilot, "escape", "question_mark")
        assert {widget.id: widget.region for widget in pilot.app.screen.query("*")} == first
        assert pilot.app.screen.styles.align == styled == ("center", "middle")
