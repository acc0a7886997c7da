"""Themes: ours, the user's, Textual's; and the looks of the roles that the view model speaks of under each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from swarmtui.safety.paths import data_dir, places
from swarmtui.safety.text import one_line
from swarmtui.tui import seeing, theme_cache
from swarmtui.tui.theme_cache import Loaded
from swarmtui.tui.theme_file import COLORS, NODE_ROLES, SAME_COLOUR, ThemeFile, Unusable, read_theme_file
from swarmtui.tui.view.lines import ROLES, Role

if TYPE_CHECKING:
    from swarmtui.tui.content import Palette

DEFAULT, LIGHT, SIXTEEN, COLOURLESS = "swarm-dark", "swarm-light", "ansi-16", "monochrome"
TEXT_ROLES: tuple[Role, ...] = (
    "text", "strong", "muted", "faint", "accent", "ok", "warn", "bad", "critical", *NODE_ROLES,
)  # fmt: skip
"""Roles that are read; the others are lines and grounds."""
READABLE = 4.5
"""The contrast that text has at least (WCAG AA)."""
SEEN = 3.0
"""The contrast of what carries a meaning without being text."""
_BOLD: frozenset[Role] = frozenset({"strong", "badge", "failed", "ask"})
_EXTRA = ("badge-text", "border", "border-focus")


def own_folder() -> Path:
    """Where the user's themes are, if there are any."""
    return places().config / "themes"


def stamp() -> theme_cache.Stamp:
    """What changes whenever a file of the user's themes does. Reads the folder: on a thread."""
    return theme_cache.stamp_of([own_folder()])


def load_themes() -> Loaded:
    """What all theme files say: those that ship, and the user's, which win over shipped ones of the same name."""
    folders = data_dir("themes"), own_folder()
    stamp = theme_cache.stamp_of(folders)
    loaded = theme_cache.kept(stamp)
    if loaded is None:
        loaded = read_themes(folders)
        theme_cache.keep(stamp, loaded)
    return loaded


def read_themes(folders: Iterable[Path]) -> Loaded:
    """Read all theme files in `folders`, of which later ones win."""
    layers: list[dict[str, ThemeFile]] = []
    problems: list[str] = []
    for folder in folders:
        layer: dict[str, ThemeFile] = {}
        try:
            files = folder.iterdir() if folder.is_dir() else ()  # a glob passes over what may not be looked into
            paths = sorted(path for path in files if path.suffix == ".yaml")
        except OSError as error:
            problems.append(f"{folder}: its themes cannot be read: {error.strerror}")
            continue
        for path in paths:
            try:
                read = read_theme_file(path)
            except Unusable as error:
                problems.extend(error.problems)
                continue
            if read.name in layer:
                problems.append(read.problem("name", f"{read.name} is also in {layer[read.name].path}", "rename one"))
            else:
                layer[read.name] = read
        layers.append(layer)
    themes: dict[str, Theme] = {}
    sources: dict[str, Path] = {}
    for at, layer in enumerate(layers):
        for name, one in layer.items():
            try:
                themes[name] = _theme(_whole(one, layers[: at + 1]))
                sources[name] = one.path
            except Unusable as error:
                problems.extend(error.problems)
    return Loaded(tuple(themes.values()), tuple(one_line(problem, 400) for problem in problems), sources)


def check_theme(path: Path) -> tuple[Theme, tuple[str, ...]]:
    """The theme in the file at `path`, and what is hard to read in it. Raises Unusable."""
    shipped = {read.name: read for read in map(read_theme_file, sorted(data_dir("themes").glob("*.yaml")))}
    one = read_theme_file(path)
    theme = _theme(_whole(one, [shipped, {one.name: one}]))
    return theme, hard_to_read(theme)


def _whole(one: ThemeFile, layers: Sequence[Mapping[str, ThemeFile]], above: tuple[str, ...] = ()) -> ThemeFile:
    """`one` with everything that it takes from others. A theme may build on a shipped one of its own name."""
    if not one.extends:
        return one
    if one.extends in above:
        fix = "let one of them stand alone"
        raise Unusable([one.problem("extends", "themes build on each other in a circle", fix)])
    own = one.extends == one.name
    searched = layers[:-1] if own else layers
    found = next((layer[one.extends] for layer in reversed(searched) if one.extends in layer), None)
    if found is None:
        base = BUILTIN_THEMES.get(one.extends)
        if base is None:
            fix = "swarmtui themes lists those there are"
            raise Unusable([one.problem("extends", f"there is no theme {one.extends}", fix)])
        found = _of_textual(base, one.path)
    whole = _whole(found, searched, (*above, one.name))
    if one.ansi is not None and one.ansi is not bool(whole.ansi):
        fix = "build on one that does" if one.ansi else "leave ansi out"
        raise Unusable([one.problem("ansi", f"{one.extends} does not have the same kind of colours", fix)])
    kind = "names" if whole.ansi else "#rrggbb"
    wrong = [
        one.problem(
            f"{table}.{name}", f"{table}.{name} is another kind of colour than in {one.extends}", f"that one has {kind}"
        )
        for table, values in (("colors", one.colors), ("roles", one.roles), ("nodes", one.nodes))
        for name, value in values.items()
        if value.startswith("ansi_") is not bool(whole.ansi)
    ]
    if wrong:
        raise Unusable(wrong)
    return one.on(whole)


def _of_textual(theme: Theme, path: Path) -> ThemeFile:
    colors = {name: value for name in COLORS if (value := getattr(theme, name)) is not None}
    return ThemeFile(path, theme.name, dark=theme.dark, ansi=theme.ansi, colors=colors)


def _theme(one: ThemeFile) -> Theme:
    variables = {f"role-{key}": value for key, value in one.roles.items()}
    variables |= {f"node-{key}": value for key, value in one.nodes.items()}
    variables |= {f"style-{key}": value for key, value in one.styles.items()}
    if one.ansi:
        variables |= _TERMINAL
    colors: Any = {name: one.colors[name] for name in COLORS if name in one.colors}
    return Theme(name=one.name, dark=one.dark is not False, ansi=bool(one.ansi), variables=variables, **colors)


_TERMINAL = {
    **dict.fromkeys((
        "ansi-background", "ansi-foreground", "surface", "panel", "boost",
        "block-cursor-foreground", "block-cursor-background",
        "block-cursor-blurred-foreground", "block-cursor-blurred-background", "border", "border-blurred",
        "input-cursor-foreground", "input-cursor-background", "input-selection-foreground", "scrollbar",
        "scrollbar-hover", "scrollbar-active", "scrollbar-background", "scrollbar-background-hover",
        "scrollbar-background-active", "footer-key-foreground",
    ), "ansi_default"),
    "block-cursor-text-style": "bold reverse", "block-cursor-blurred-text-style": "reverse",
    "input-cursor-text-style": "reverse", "screen-selection-foreground": "ansi_default",
    "screen-selection-background": "ansi_default",
}  # fmt: skip
"""What Textual's own widgets take from a theme in the terminal's colours: where it would use a ground, reverse."""


def variable_defaults(theme: Theme) -> dict[str, str]:
    """Every variable that stylesheets and palette use, derived from a theme that does not know them (Textual's own)."""
    roles, nodes = _derived_ansi(theme) if theme.ansi else _derived(theme)
    styles = dict.fromkeys(ROLES, "")
    styles |= dict.fromkeys(_BOLD, "bold") | {"em": "italic"}
    if theme.ansi:
        styles |= {"cursor": "reverse", "badge": "bold reverse"}
        styles |= dict.fromkeys(("faint", "edge", "rest", "waiting", "skipped", "cancelled"), "dim")
    turned = "reverse" in theme.variables.get("style-cursor", "") and not theme.ansi
    on_cursor = (
        (theme.background or roles["badge-text"]) if turned else theme.variables.get("role-strong", roles["strong"])
    )
    return (
        {f"role-{key}": value for key, value in roles.items()}
        | {"role-cursor-text": on_cursor}
        | {f"node-{key}": value for key, value in nodes.items()}
        | {f"style-{key}": value or "none" for key, value in styles.items()}
    )


def variables_of(theme: Theme) -> dict[str, str]:
    """Every variable of a theme that the palette uses, its own and those that are derived."""
    grounds = {"background": theme.background or ("#121212" if theme.dark else "#efefef")}
    return {**grounds, **variable_defaults(theme), **theme.variables}


def _derived(theme: Theme) -> tuple[dict[str, str], dict[str, str]]:
    text = _hex(theme.foreground, "#e0e0e0" if theme.dark else "#202020")
    plain = (
        _hex(theme.background, "#121212" if theme.dark else "#efefef"),
        _hex(theme.surface, "#1e1e1e" if theme.dark else "#f5f5f5"),
        _hex(theme.panel, "#262626" if theme.dark else "#d8d8d8"),
    )
    cursor = _mixed(plain[0], _hex(theme.primary, text), 0.2)
    grounds = (*plain, cursor)
    strong = "#ffffff" if theme.dark else "#000000"
    ok, warn, bad, accent, quiet = (
        _readable(colour, grounds, strong)
        for colour in (
            _hex(theme.success or theme.primary, text),
            _hex(theme.warning or theme.primary, text),
            _hex(theme.error or theme.primary, text),
            _hex(theme.accent or theme.primary, text),
            _mixed(text, grounds[0], 0.35),
        )
    )
    text, edge = _readable(text, grounds, strong), _readable(_mixed(text, grounds[0], 0.55), grounds[:2], strong, SEEN)
    return _by_role(text, ok, warn, bad, accent, quiet, edge) | {
        "strong": strong, "badge": warn, "badge-text": grounds[0], "cursor": cursor,
    }, _by_state(text, ok, warn, bad, accent, quiet)  # fmt: skip


def _derived_ansi(theme: Theme) -> tuple[dict[str, str], dict[str, str]]:
    plain = "ansi_default"
    ok, warn, bad, accent = (
        colour or theme.primary for colour in (theme.success, theme.warning, theme.error, theme.accent)
    )
    roles = _by_role(plain, ok, warn, bad, accent, plain, plain)
    return roles | {"badge-text": plain, "cursor": plain}, _by_state(plain, ok, warn, bad, accent, plain)


def _by_role(text: str, ok: str, warn: str, bad: str, accent: str, quiet: str, edge: str) -> dict[str, str]:
    return {
        "text": text, "strong": text, "muted": quiet, "faint": quiet, "accent": accent, "ok": ok, "warn": warn,
        "bad": bad, "edge": edge, "critical": quiet, "bar": accent, "rest": edge, "badge": warn, "border": edge,
        "border-focus": accent,
    }  # fmt: skip


def _by_state(text: str, ok: str, warn: str, bad: str, accent: str, quiet: str) -> dict[str, str]:
    return {
        "waiting": quiet, "ready": text, "running": accent, "retrying": warn, "throttled": warn, "held": accent,
        "succeeded": ok, "failed": bad, "skipped": quiet, "cancelled": quiet, "interrupted": bad, "stale": warn,
        "ask": warn,
    }  # fmt: skip


def _hex(colour: str | None, otherwise: str) -> str:
    return Color.parse(colour).hex6.lower() if colour else otherwise


@lru_cache(512)
def _mixed(one: str, other: str, part: float) -> str:
    return Color.parse(one).blend(Color.parse(other), part).hex6.lower()


@lru_cache(512)
def _readable(colour: str, grounds: tuple[str, ...], towards: str, wanted: float = READABLE) -> str:
    """`colour`, moved towards another only as far as it takes to stand out from all of `grounds`."""
    for step in range(10):
        moved = _mixed(colour, towards, step / 10)
        if all(seeing.contrast(moved, ground) >= wanted for ground in grounds):
            return moved
    return towards


def palette_of(variables: Mapping[str, str], *, no_color: bool = False) -> Palette:
    """The style of every role under a theme. Without colours, emphasis and the cursor show by bold and reverse."""
    styles: dict[Role, Style] = {}
    for role in ROLES:
        colour = _rich(variables[variable_of(role)])
        styles[role] = Style(color=colour) + _words(variables.get(f"style-{role}") or ("bold" if role in _BOLD else ""))
    own = Style(color=RichColor.default(), bgcolor=RichColor.default(), reverse=True)
    if no_color or styles["badge"].reverse:
        styles["badge"] = own + Style(bold=True)
    else:
        ground = Style(color=_rich(variables["role-badge-text"]), bgcolor=_rich(variables["role-badge"]))
        styles["badge"] = ground + Style(bold=True)
    if no_color or (styles["cursor"].reverse and variables["role-text"].startswith("ansi_")):
        styles["cursor"] = own
    elif styles["cursor"].reverse:
        ground_of_text = _rich(variables.get("background", "#000000"))
        styles["cursor"] = Style(color=ground_of_text, bgcolor=_rich(variables["role-text"]))
    else:
        styles["cursor"] = Style(bgcolor=_rich(variables["role-cursor"]))
    return styles


def variable_of(role: Role) -> str:
    """The variable that holds the colour of `role`."""
    return f"node-{role}" if role in NODE_ROLES else f"role-{SAME_COLOUR.get(role, role)}"


def _rich(colour: str) -> RichColor:
    return Color.parse(colour).rich_color


def _words(style: str) -> Style:
    words = style.split()
    on: dict[str, Any] = {word: True for word in ("bold", "dim", "italic", "underline", "reverse") if word in words}
    return Style(**on)


def hard_to_read(theme: Theme) -> tuple[str, ...]:
    """A line for each role that does not stand out from a ground it is drawn on. Of the terminal's own colours nobody
    knows."""
    if theme.ansi:
        return ()
    variables = variables_of(theme)
    lines: list[str] = []
    for role, wanted in wanted_contrasts().items():
        colour = variables[f"role-{role}" if role in _EXTRA else variable_of(role)]  # type: ignore[arg-type]
        for called, ground in grounds_of(theme, variables, text=wanted >= READABLE).items():
            ratio = seeing.contrast(_hex(colour, ""), ground)
            if ratio < wanted:
                lines.append(f"{role} {colour} on {called} {ground}: {ratio:.1f} to 1, wanted {wanted:g}")
    text, ground = variables["role-badge-text"], variables["role-badge"]
    if seeing.contrast(text, ground) < READABLE:
        lines.append(f"badge-text {text} on badge {ground}: wanted {READABLE:g}")
    return tuple(lines)


def wanted_contrasts() -> dict[str, float]:
    """The contrast that each role has at least."""
    return dict.fromkeys(TEXT_ROLES, READABLE) | dict.fromkeys(("edge", "bar", "border-focus"), SEEN)


def grounds_of(theme: Theme, variables: Mapping[str, str], *, text: bool = True) -> dict[str, str]:
    """What is drawn on: the grounds of screens; for text also those of bars, and of the row with the cursor."""
    dark = theme.dark
    grounds = {
        "background": _hex(theme.background, "#121212" if dark else "#efefef"),
        "surface": _hex(theme.surface, "#1e1e1e" if dark else "#f5f5f5"),
    }
    if text:
        grounds["panel"] = _hex(theme.panel, "#262626" if dark else "#d8d8d8")
        if "reverse" not in variables.get("style-cursor", ""):
            grounds["the cursor's row"] = _hex(variables["role-cursor"], "")
    return grounds
