"""Themes: files, errors, contrast."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from swarmtui.tui.themes import NODE_ROLES, load_themes, palette_of, variable_defaults
from swarmtui.tui.view.lines import ROLES
from tests.tui.opening import opened, press
from tests.tui.scripted_feed import mid_run

DECORATION = {"edge", "rest", "cursor", "critical", "badge", "bar"}
"""Roles that carry no text, or have a ground of their own."""
SHIPPED = load_themes().themes


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [part / 255 for part in Color.parse(colour).rgb]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_shipped_themes_load_without_a_problem() -> None:
    loaded = load_themes()
    assert loaded.problems == ()
    assert {"swarm-dark", "swarm-light"} <= {theme.name for theme in loaded.themes}


@pytest.mark.parametrize("theme", SHIPPED, ids=lambda theme: theme.name)
@pytest.mark.parametrize("role", sorted(set(ROLES) - DECORATION))
def test_text_can_be_read_on_every_ground(theme: Theme, role: str) -> None:
    variables = theme.variables
    colour = variables[f"node-{role}" if role in NODE_ROLES else f"role-{role}"]
    grounds = (theme.background, theme.surface, theme.panel, variables["role-cursor"])
    for ground in grounds:
        assert contrast(colour, ground or "") >= 4.5, f"{role} on {ground}"


@pytest.mark.parametrize("theme", SHIPPED, ids=lambda theme: theme.name)
def test_badges_can_be_read(theme: Theme) -> None:
    assert contrast(theme.variables["role-badge"], theme.variables["role-badge-text"]) >= 4.5


def test_all_problems_are_told_at_once_with_their_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('name: a\ncolors: {primary: blue, nonsense: "#123456"}\n')
    (tmp_path / "b.yaml").write_text("- not\n- a mapping\n")
    (tmp_path / "c.yaml").write_text("name: [unclosed\n")
    (tmp_path / "good.yaml").write_text('name: good\ncolors: {primary: "#0178d4"}\n')
    loaded = load_themes([tmp_path])
    assert [theme.name for theme in loaded.themes] == ["good"]
    assert len(loaded.problems) == 3
    assert "a.yaml: colors.primary must be a colour" in loaded.problems[0]
    assert "colors.nonsense is not known" in loaded.problems[0]


def test_a_theme_file_cannot_run_anything(tmp_path: Path) -> None:
    (tmp_path / "evil.yaml").write_text("name: !!python/object/apply:os.system [true]\n")
    assert "is not YAML" in load_themes([tmp_path]).problems[0]


@pytest.mark.parametrize("theme", list(BUILTIN_THEMES.values()), ids=lambda theme: theme.name)
def test_every_role_has_a_colour_under_textuals_own_themes(theme: Theme) -> None:
    assert set(palette_of(variable_defaults(theme))) == set(ROLES)


def test_without_colours_the_cursor_is_reversed() -> None:
    palette = palette_of(variable_defaults(SHIPPED[0]), no_color=True)
    assert palette["cursor"].reverse
    assert palette["failed"].bold


async def test_t_switches_at_once() -> None:
    async with opened(mid_run()) as pilot:
        assert pilot.app.theme == "swarm-dark"
        before = pilot.app.export_screenshot()
        await press(pilot, "t")
        assert pilot.app.theme == "swarm-light"
        assert "#fbfcfd" in pilot.app.export_screenshot()
        assert "#fbfcfd" not in before
