"""``swarmtui config``: what is set, where that comes from, and what is wrong with it."""

from __future__ import annotations

import os
import shlex
import subprocess
from argparse import SUPPRESS, ArgumentParser, Namespace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.cli.console import Console
from swarmtui.cli.failures import UsageError
from swarmtui.cli.variables import VARIABLES
from swarmtui.host.exits import Exit
from swarmtui.safety.paths import ensure_private, places

if TYPE_CHECKING:
    from swarmtui.tui.settings import Settings

SECTIONS = ("workbench", "models", "programs", "sandbox")
"""What the file may hold; each is read where it is used."""


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON object per setting")
    parts = parser.add_subparsers(dest="part", metavar="WHAT", title="instead of showing what is set")
    parts.add_parser("path", help="where the file is")
    parts.add_parser("check", help="everything that is wrong with the file, with its line")
    parts.add_parser("edit", help="open the file in $EDITOR, and check it afterwards")
    parts.add_parser("init", help="write a file in which everything stands as it comes, behind #")
    keys = parts.add_parser("keys", help="all keys, as they are for you")
    keys.add_argument("--markdown", action="store_true", help="as a page")
    keys.add_argument("--json", action="store_true", default=SUPPRESS, help="one JSON object per action")
    parts.add_parser("tour", help="have the workbench show you around once more")


def run(arguments: Namespace, console: Console) -> int:
    """Do it; 2 where something is wrong with the file."""
    path = places().config / "config.yaml"
    match arguments.part:
        case "path":
            return _path(path, console)
        case "check":
            return _check(path, console)
        case "edit":
            return _edit(path, console)
        case "init":
            return _init(path, console)
        case "keys":
            return _keys(console, markdown=arguments.markdown)
        case "tour":
            return _tour(console)
        case _:
            return _show(path, console)


def _path(path: Path, console: Console) -> int:
    if console.json:
        console.emit({"file": str(path), "exists": path.exists()})
    else:
        console.say(str(path))
    return Exit.OK


def _show(path: Path, console: Console) -> int:
    """The effective settings; then whatever is wrong with them."""
    from swarmtui.tui.effective import BY_DEFAULT, effective
    from swarmtui.tui.memory import remembered

    found = effective(path, remembered())
    if console.json:
        for one in found:
            console.emit({"name": one.name, "value": one.value, "source": one.source, "file": str(path)})
    else:
        console.say(f"{path}" if path.exists() else f"{path} is not there: `swarmtui config init` writes one")
        console.say()
        rows = [(one.name, one.value, one.source.replace(f"{path}:", "line "), one.told) for one in found]
        console.table(("setting", "value", "from", "what it is"), rows)
        console.say()
        console.table(
            ("variable", "value", "what it is"),
            [(one.name, os.environ.get(one.name, "") or "-", one.told) for one in VARIABLES if not one.given],
        )
        changed = sum(one.source != BY_DEFAULT for one in found)
        console.say()
        console.say(f"{changed} of {len(found)} settings are yours; `swarmtui config keys` lists all keys")
    return _told(problems(path), console)


def problems(path: Path) -> list[str]:
    """Everything that is wrong with the config file, a line each; nothing where there is none."""
    from swarmtui.models.catalog import CatalogError
    from swarmtui.models.configuration import user_catalog
    from swarmtui.plan.problems import TaskError
    from swarmtui.tui.settings import parse_settings
    from swarmtui.workers.cli_agents.configured import user_programs

    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"{path}: cannot be read: {error.strerror}"]
    ours = parse_settings(text, path)
    found = [*_sections(text, path), *ours.problems, *_theme(text, path, ours.settings)]
    for read in (user_catalog, user_programs):
        try:
            read()
        except (CatalogError, TaskError) as error:
            found += str(error).splitlines()
    return list(dict.fromkeys(found))


def _theme(text: bytes, path: Path, settings: Settings) -> list[str]:
    """That there is no theme of the name that the file has, with where it stands."""
    from textual.theme import BUILTIN_THEMES

    from swarmtui.plan.problems import Finding, Nearest
    from swarmtui.plan.yaml_source import read_yaml
    from swarmtui.tui.settings import SECTION
    from swarmtui.tui.themes import load_themes

    name = settings.theme
    themes = [*(theme.name for theme in load_themes().themes), *BUILTIN_THEMES]
    if not name or name in themes:
        return []
    fix = Nearest().hint(name, themes, "`swarmtui themes` lists them")
    source, _ = read_yaml(text, str(path))
    return [str(source.locate(Finding((SECTION, "theme"), f"there is no theme {name[:60]!r}", fix)))]


def _sections(text: bytes, path: Path) -> list[str]:
    """What is wrong with the sections themselves; a file that is no YAML is told by whoever reads it."""
    from swarmtui.plan.problems import Finding, TaskError
    from swarmtui.plan.yaml_source import read_yaml

    try:
        source, _ = read_yaml(text, str(path))
    except TaskError:
        return []
    if not isinstance(source.data, dict):
        return [
            str(source.locate(Finding((), "must be a mapping of sections", "as {workbench: {theme: swarm-light}}")))
        ]
    wrong: list[Finding] = []
    for name in source.data:
        if name not in SECTIONS:
            near = get_close_matches(str(name), SECTIONS, 1)
            fix = f"did you mean {near[0]}?" if near else "known are " + ", ".join(SECTIONS)
            wrong.append(Finding((str(name),), f"unknown section {str(name)[:60]!r}", fix, at_key=True))
    if source.data.get("sandbox") not in (None, "landlock"):
        wrong.append(Finding(("sandbox",), "is not known", "only `sandbox: landlock` means something"))
    return [str(source.locate(one)) for one in wrong]


def _told(found: list[str], console: Console) -> int:
    for problem in found:
        console.warn(problem)
    return Exit.USAGE if found else Exit.OK


def hints(path: Path) -> list[str]:
    """What is as the user wants it and has an effect elsewhere: keys that something else had; a line each."""
    from swarmtui.tui.settings import parse_settings

    try:
        return list(parse_settings(path.read_bytes(), path).hints)
    except OSError:  # told as a problem, unless there is no file
        return []


def _check(path: Path, console: Console) -> int:
    found = problems(path)
    for hint in hints(path):
        console.say(f"{hint} (a hint: nothing is wrong)")
    if not found:
        console.say(f"{path}: all well" if path.exists() else f"{path} is not there: everything is as it comes")
    return _told(found, console)


def _init(path: Path, console: Console) -> int:
    """A new file; never over one that is there."""
    if not _written(path):
        raise UsageError(f"{path} is there already: `swarmtui config edit` opens it")
    console.say(f"{path} is written: everything in it is as it comes; `swarmtui config edit` opens it")
    return Exit.OK


def _written(path: Path) -> bool:
    """Whether the commented file was written: it is not where there is one."""
    from swarmtui.tui.effective import commented

    if not path.parent.exists():
        ensure_private(path.parent)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(commented())
    except FileExistsError:
        return False
    path.chmod(0o600)
    return True


def _edit(path: Path, console: Console) -> int:
    """In the user's editor, again for as long as something is wrong and they want to mend it; the text stays."""
    from swarmtui.tui.terminal import program

    _written(path)
    argv = [*program(("VISUAL", "EDITOR"), "vi"), str(path)]
    while True:
        try:
            code = subprocess.run(argv, check=False).returncode
        except OSError as error:
            raise UsageError(f"{argv[0]} cannot be started ({error.strerror}); set $EDITOR, or edit {path}") from error
        if code:
            raise UsageError(f"{shlex.join(argv[:-1])} ended with code {code}; {path} is as it left it", Exit.FAILED)
        found = problems(path)
        if not found:
            return _check(path, console)
        _told(found, console)
        if not console.interactive or input("edit it again? [Y/n] ").strip().casefold() not in ("", "y", "yes"):
            console.warn(f"{path} is kept as you wrote it; what cannot be used is passed over")
            return Exit.USAGE


def _keys(console: Console, *, markdown: bool) -> int:
    """As the user has them."""
    from swarmtui.tui.actions.docs import markdown as page
    from swarmtui.tui.actions.docs import plain
    from swarmtui.tui.actions.table import Keys
    from swarmtui.tui.settings import read_settings

    read = read_settings()
    keys = Keys(read.settings.keys)
    if markdown:
        console.raw(page(keys))
    elif console.json:
        for id, named, told in plain(keys):
            console.emit({"id": id, "keys": list(named), "does": told})
    else:
        console.table(("id", "keys", "what it does"), [(id, " ".join(named), told) for id, named, told in plain(keys)])
    return _told(list(read.problems), console)


def _tour(console: Console) -> int:
    from swarmtui.tui.memory import remembered
    from swarmtui.tui.tour import SEEN

    memory = remembered()
    memory.put(SEEN, False)
    problem = memory.save()
    if problem:
        raise UsageError(problem, Exit.DISK)
    console.say("the next session that you look at begins with the tour: swarmtui run code_review")
    return Exit.OK
