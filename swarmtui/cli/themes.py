"""``swarmtui themes``: the themes there are, what one looks like, and whether a file is a good one."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.cli.console import Console
from swarmtui.host.exits import Exit

if TYPE_CHECKING:
    from textual.theme import Theme


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--show", metavar="NAME", help="print what a theme looks like")
    what.add_argument(
        "--check", metavar="FILE", type=Path, help="tell what is wrong with a theme file, or hard to read"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per theme")


def run(arguments: Namespace, console: Console) -> int:
    """List them; what is wrong with a theme file goes to standard error."""
    if arguments.check is not None:
        return _check(arguments.check, console)
    if arguments.show is not None:
        return _show(arguments.show, console)
    return _list(console)


def _list(console: Console) -> int:
    from textual.theme import BUILTIN_THEMES

    from swarmtui.tui.themes import DEFAULT, load_themes, own_folder

    loaded = load_themes()
    own = {theme.name for theme in loaded.themes}
    rows: list[tuple[str, str, str]] = []
    for theme in (*loaded.themes, *(theme for theme in BUILTIN_THEMES.values() if theme.name not in own)):
        ground, source = _ground(theme), _source(loaded.kind(theme.name), loaded.sources.get(theme.name))
        if console.json:
            console.emit({
                "name": theme.name, "dark": theme.dark, "default": theme.name == DEFAULT, "ground": ground,
                "source": source,
            })  # fmt: skip
        rows.append((theme.name, ground, source + (", the default" if theme.name == DEFAULT else "")))
    console.table(("name", "ground", "from"), rows)
    console.say(f"\nThemes of your own go into {own_folder()}; t in the workbench shows each at once.")
    for problem in loaded.problems:
        console.warn(problem)
    return Exit.FAILED if loaded.problems else Exit.OK


def _ground(theme: Theme) -> str:
    return "terminal's" if theme.ansi else "dark" if theme.dark else "light"


def _source(kind: str, path: Path | None) -> str:
    return {"ours": "swarmtui", "textual": "Textual"}.get(kind, str(path))


def _check(path: Path, console: Console) -> int:
    from swarmtui.tui.theme_file import Unusable
    from swarmtui.tui.themes import check_theme

    try:
        theme, hard = check_theme(path)
    except Unusable as error:
        for problem in error.problems:
            console.warn(problem)
        return Exit.USAGE
    for line in hard:
        console.warn(f"{path}: hard to read: {line}")
    if console.json:
        console.emit({"name": theme.name, "dark": theme.dark, "ground": _ground(theme), "hard_to_read": list(hard)})
    if not hard:
        told = (
            "nobody knows how well its colours stand out, they are the terminal's" if theme.ansi else "all can be read"
        )
        console.say(f"{theme.name}: a theme, {told}")
    return Exit.FAILED if hard else Exit.OK


def _show(name: str, console: Console) -> int:
    from textual.theme import BUILTIN_THEMES

    from swarmtui.plan.problems import Nearest
    from swarmtui.tui.themes import load_themes

    loaded = load_themes()
    themes = BUILTIN_THEMES | {theme.name: theme for theme in loaded.themes}
    if name not in themes:
        console.warn(f"there is no theme {name!r}: {Nearest().hint(name, themes, 'swarmtui themes lists them')}")
        return Exit.USAGE
    theme = themes[name]
    if console.json:
        from swarmtui.tui.themes import variables_of

        console.emit({"name": name, "ground": _ground(theme), "variables": dict(variables_of(theme))})
        return Exit.OK
    _print_swatch(theme)
    return Exit.OK


def _print_swatch(theme: Theme) -> None:
    """A few lines as the workbench would draw them; plain text where there are no colours."""
    from rich.console import Console as Terminal
    from rich.segment import Segment, Segments
    from rich.style import Style

    from swarmtui.tui.terminal import glyphs_for
    from swarmtui.tui.themes import palette_of, variables_of
    from swarmtui.tui.view.swatch import swatch

    variables = variables_of(theme)
    no_color = bool(os.environ.get("NO_COLOR"))
    palette = palette_of(variables, no_color=no_color)
    base = Style() if theme.ansi or no_color else Style.parse(f"{variables['role-text']} on {variables['background']}")
    glyphs = glyphs_for()
    terminal = Terminal(file=sys.stdout, highlight=False, markup=False, emoji=False, no_color=no_color)
    for line, on_cursor in swatch(theme.name, glyphs, min(terminal.width, 78)):
        over = palette["cursor"] if on_cursor else Style()
        under, top = (over, Style()) if over.color is None else (Style(), over)
        drawn = [Segment(text, base + under + palette[role] + top) for text, role in line]
        terminal.print(Segments([*drawn, Segment.line()]), end="")
