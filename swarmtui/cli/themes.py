"""``swarmtui themes``: the themes there are."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from swarmtui.cli.console import Console
from swarmtui.host.exits import Exit


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON object per theme")


def run(arguments: Namespace, console: Console) -> int:
    """List them; what is wrong with a theme file goes to standard error."""
    from swarmtui.tui.themes import DEFAULT, load_themes

    loaded = load_themes()
    for theme in loaded.themes:
        if console.json:
            console.emit({"name": theme.name, "dark": theme.dark, "default": theme.name == DEFAULT})
        else:
            default = ", the default" if theme.name == DEFAULT else ""
            console.say(f"{theme.name}  ({'dark' if theme.dark else 'light'}{default})")
    for problem in loaded.problems:
        console.warn(problem)
    return Exit.FAILED if loaded.problems else Exit.OK
