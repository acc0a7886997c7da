"""Themes: files, errors, contrast, what people see who see fewer colours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from swarmtui.safety.paths import data_dir
from swarmtui.tui import themes
from swarmtui.tui.seeing import SEEN_BY, as_seen_by, contrast, difference
from swarmtui.tui.theme_file import ANSI_NAMES, NODE_ROLES, Unusable
from swarmtui.tui.themes import load_themes, palette_of, read_themes, variable_defaults
from swarmtui.tui.view.lines import ROLES

LOADED = load_themes()
SHIPPED = {theme.name: theme for theme in LOADED.themes}
COLOURED = [theme for theme in LOADED.themes if not theme.ansi]
NAMES = ["ansi-16", "colour-blind-dark", "colour-blind-light", "high-contrast-dark", "high-contrast-light",
         "monochrome", "swarm-dark", "swarm-light"]  # fmt: skip
GREY = ("waiting", "skipped", "cancelled")
OPPOSITE = [
    *(("succeeded", other) for other in (
        "failed", "interrupted", "running", "ask", "retrying", "throttled", "held", "stale", *GREY)),
    *(("failed", other) for other in ("running", "ready", "ask", "held", "stale", *GREY)),
    *(("running", other) for other in ("held", "stale", "retrying", "throttled", "ask", *GREY)),
    *((one, other) for one in ("ask", "interrupted") for other in GREY),
]  # fmt: skip
"""States that nobody may take for one another."""
AT_A_GLANCE = 12.0
"""CIEDE2000."""


def named(theme: Theme) -> str:
    return theme.name


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_shipped_themes_load_without_a_problem() -> None:
    assert LOADED.problems == ()
    assert sorted(SHIPPED) == NAMES
    assert {LOADED.kind(name) for name in SHIPPED} == {"ours"}


# -- contrast -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", [*COLOURED, *BUILTIN_THEMES.values()], ids=named)
def test_everything_can_be_read_on_every_ground_it_is_drawn_on(theme: Theme) -> None:
    assert themes.hard_to_read(theme) == ()


@pytest.mark.parametrize("name", ["high-contrast-dark", "high-contrast-light"])
def test_high_contrast_is_seven_to_one(name: str) -> None:
    theme = SHIPPED[name]
    for role in themes.TEXT_ROLES:
        for ground in themes.grounds_of(theme, theme.variables).values():
            assert contrast(theme.variables[themes.variable_of(role)], ground) >= 7, f"{role} on {ground}"
    cursor = palette_of({**variable_defaults(theme), **theme.variables, "background": str(theme.background)})["cursor"]
    assert cursor.color is not None
    assert cursor.bgcolor is not None
    assert contrast(Color.from_rich_color(cursor.color).hex6, Color.from_rich_color(cursor.bgcolor).hex6) >= 7


def test_a_theme_whose_text_cannot_be_read_is_told() -> None:
    dim = Theme(name="dim", primary="#101010", background="#000000", variables={"role-text": "#222222"})
    told = themes.hard_to_read(dim)
    assert any(line.startswith("text #222222 on background #000000: 1.3 to 1") for line in told)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#0000ff", "#000000", 2.44)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


# -- fewer colours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eyes", [None, *SEEN_BY], ids=str)
@pytest.mark.parametrize("name", ["colour-blind-dark", "colour-blind-light"])
def test_states_that_stand_for_opposite_things_look_different(name: str, eyes: str | None) -> None:
    colours: dict[str, str] = {state: SHIPPED[name].variables[f"node-{state}"] for state in NODE_ROLES}
    if eyes is not None:
        colours = {state: as_seen_by(eyes, colour) for state, colour in colours.items()}
    near = {
        (one, other): round(apart, 1)
        for one, other in OPPOSITE
        if (apart := difference(colours[one], colours[other])) < AT_A_GLANCE
    }
    assert near == {}


def test_the_difference_of_colours_is_ciede2000() -> None:
    # pairs in CIELAB with published results, as sRGB colours can only come near to them
    from swarmtui.tui.seeing import _ciede2000

    for one, other, apart in (
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ):
        assert _ciede2000(one, other) == pytest.approx(apart, abs=0.0001)
    assert difference("#336699", "#336699") == 0.0


def test_red_and_green_are_hard_to_tell_apart_for_many() -> None:
    assert difference("#c04000", "#707000") > 30
    assert difference(as_seen_by("deuteranopia", "#c04000"), as_seen_by("deuteranopia", "#707000")) < 8


# -- the terminal's own colours -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ansi-16", "monochrome"])
def test_themes_in_the_terminals_colours_name_no_colour_of_their_own(name: str) -> None:
    theme = SHIPPED[name]
    assert theme.ansi
    palette = palette_of({**variable_defaults(theme), **theme.variables})
    colours = {colour.name for style in palette.values() for colour in (style.color, style.bgcolor) if colour}
    assert all(not colour.startswith("#") for colour in colours)
    assert palette["cursor"].reverse


def test_sixteen_colours_use_none_that_vanishes_on_a_dark_or_on_a_light_terminal() -> None:
    used = {
        value
        for name, value in SHIPPED["ansi-16"].variables.items()
        if name.startswith(("role-", "node-")) and name not in ("role-badge", "role-badge-text")
    }
    assert used <= {f"ansi_{name}" for name in ("default", "red", "green", "magenta", "cyan")}


def test_monochrome_has_no_hue() -> None:
    variables = SHIPPED["monochrome"].variables
    assert {value for name, value in variables.items() if name.startswith(("role-", "node-"))} == {"ansi_default"}


@pytest.mark.parametrize("name", ["ansi-16", "monochrome"])
def test_without_grounds_what_needs_attention_still_stands_out(name: str) -> None:
    palette = palette_of({**variable_defaults(SHIPPED[name]), **SHIPPED[name].variables})
    assert palette["ask"].reverse
    assert palette["failed"].bold
    assert palette["waiting"].dim


# -- files --------------------------------------------------------------------------------------------------------


def test_all_problems_are_told_at_once_with_file_line_and_column(tmp_path: Path) -> None:
    write(
        tmp_path, "a.yaml", "name: a\ncolors:\n  primary: blue-ish\n  nonsense: '#123456'\nnodes: {runing: '#ffffff'}\n"
    )
    write(tmp_path, "b.yaml", "- not\n- a mapping\n")
    write(tmp_path, "c.yaml", "name: [unclosed\n")
    write(tmp_path, "d.yaml", "name: d\nstyles: {failed: loud}\nmode: x\n")
    write(tmp_path, "good.yaml", 'name: good\ncolors: {primary: "#0178d4"}\n')
    loaded = read_themes([tmp_path])
    assert [theme.name for theme in loaded.themes] == ["good"]
    told = [problem.removeprefix(f"{tmp_path}/") for problem in loaded.problems]
    assert told[0].startswith("a.yaml:3:12: colors.primary must be a colour: as ")
    assert told[1].startswith("a.yaml:4:3: colors.nonsense is not known")
    assert told[2] == "a.yaml:5:9: nodes.runing is not known: did you mean running?"
    assert any(line.startswith("b.yaml:1:1: is not a mapping") for line in told)
    assert any(line.startswith("c.yaml:2:1: not YAML") for line in told)
    assert any(line.startswith("d.yaml:2:18: styles.failed must be words") for line in told)
    assert any(line.startswith("d.yaml:3:1: mode is not known") for line in told)


def test_a_theme_file_cannot_run_anything(tmp_path: Path) -> None:
    write(tmp_path, "evil.yaml", "name: !!python/object/apply:os.system [true]\n")
    assert any("is not allowed" in problem for problem in read_themes([tmp_path]).problems)


def test_a_theme_that_extends_another_says_only_what_is_different(tmp_path: Path) -> None:
    ours = data_dir("themes")
    write(tmp_path, "mine.yaml", 'name: mine\nextends: swarm-light\nnodes: {running: "#112233"}\nstyles: {ok: bold}\n')
    loaded = read_themes([ours, tmp_path])
    assert loaded.problems == ()
    mine = next(theme for theme in loaded.themes if theme.name == "mine")
    light = SHIPPED["swarm-light"]
    assert mine.variables == {**light.variables, "node-running": "#112233", "style-ok": "bold"}
    assert (mine.background, mine.dark) == (light.background, False)
    assert loaded.kind("mine") == "yours"


def test_a_theme_may_build_on_the_shipped_one_of_its_own_name_and_on_textuals(tmp_path: Path) -> None:
    ours = data_dir("themes")
    write(tmp_path, "a.yaml", 'name: swarm-dark\nextends: swarm-dark\nroles: {border: "#ff00ff"}\n')
    write(tmp_path, "b.yaml", "name: quiet\nextends: nord\n")
    loaded = read_themes([ours, tmp_path])
    assert loaded.problems == ()
    dark = next(theme for theme in loaded.themes if theme.name == "swarm-dark")
    assert dark.variables["role-border"] == "#ff00ff"
    assert dark.background == SHIPPED["swarm-dark"].background
    assert themes.hard_to_read(next(theme for theme in loaded.themes if theme.name == "quiet")) == ()


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["name: a\nextends: b\n", "name: b\nextends: a\n"], "a.yaml:2:10: themes build on each other in a circle"),
        (["name: a\nextends: swarm-drak\n"], "a.yaml:2:10: there is no theme swarm-drak"),
        (["name: a\nextends: nord\n", "name: a\nextends: nord\n"], "b.yaml:1:7: a is also in"),
        (["name: a\nextends: ansi-dark\nroles: {text: '#ffffff'}\n"], "a.yaml:3:15: roles.text is another kind of"),
        (["name: a\nextends: nord\nansi: true\n"], "a.yaml:3:7: nord does not have the same kind"),
        (["name: a\nansi: true\ncolors: {primary: '#ffffff'}\n"], "a.yaml:3:19: colors.primary must be"),
        (["\n"], "a.yaml:1:1: there is nothing in it"),
    ],
)  # fmt: skip
def test_what_themes_say_of_each_other_is_checked(tmp_path: Path, texts: list[str], told: str) -> None:
    for name, text in zip(("a.yaml", "b.yaml"), texts, strict=False):
        write(tmp_path, name, text)
    assert any(told in problem for problem in read_themes([tmp_path]).problems)


@pytest.fixture
def nobody() -> Iterator[None]:
    """Somebody to whom something can be forbidden, which is not so of root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    yield
    if root:
        os.seteuid(0)


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a theme that nobody may look into, and the folder of another beside it."""
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # the folders above are nobody else's
    folder = Path("closed")
    for one in (folder, Path("open")):
        one.mkdir()
        (one / "mine.yaml").write_text(f"name: {one}\nextends: nord\n")
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def test_a_folder_that_cannot_be_looked_into_is_told_and_the_others_are_read(closed: Path, nobody: None) -> None:
    found = read_themes([closed, Path("open"), closed / "below"])
    assert [one.name for one in found.themes] == ["open"]
    assert found.problems == (
        "closed: its themes cannot be read: Permission denied",
        "closed/below: its themes cannot be read: Permission denied",
    )


def test_a_file_that_is_no_theme_is_refused_by_the_check(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"colors\.primary is missing"):
        themes.check_theme(write(tmp_path, "x.yaml", "name: x\n"))
    dim = write(tmp_path, "y.yaml", 'name: y\nextends: swarm-dark\nroles: {text: "#333333"}\n')
    theme, hard = themes.check_theme(dim)
    assert theme.name == "y"
    assert hard[0].startswith("text #333333 on background")


# -- the looks of roles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", list(BUILTIN_THEMES.values()), ids=named)
def test_every_role_has_a_look_under_textuals_own_themes(theme: Theme) -> None:
    assert set(palette_of(variable_defaults(theme))) == set(ROLES)


def test_without_colours_cursor_and_badges_are_reversed() -> None:
    palette = palette_of(variable_defaults(SHIPPED["swarm-dark"]), no_color=True)
    assert palette["cursor"].reverse
    assert palette["badge"].reverse
    assert palette["failed"].bold


def test_no_two_shipped_themes_are_the_same() -> None:
    for one, other in combinations(LOADED.themes, 2):
        assert one.variables != other.variables
    assert len(ANSI_NAMES) == 17
