"""``swarmtui completion``: what completes commands, sessions, machines, samples and nodes in a shell."""

from __future__ import annotations

import re
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from swarmtui.cli.console import Console
from swarmtui.cli.failures import UsageError
from swarmtui.cli.ssh_names import ssh_names
from swarmtui.host.exits import Exit

SHELLS = ("bash", "zsh", "fish")
MAX_WORDS = 500
_KINDS = {
    "ID": "sessions", "[ssh://]HOST/ID|ID": "sessions", "ID|FILE": "sessions", "A": "sessions", "B": "sessions",
    "ID|TASK": "tasks", "TASK": "tasks", 'TASK|"GOAL"': "tasks", "HOST": "hosts", "HOST,…": "hosts", "NODE": "nodes",
    "NODE[/ITEM]": "nodes", "MODEL": "models", "THEME": "themes", "SHELL": "shells",
}  # fmt: skip
"""What the arguments of commands are, by how they are called."""
_PLAIN = re.compile(r"[\w@%+=:,./-]+")
"""What a shell reads as itself: bash expands words that it is given, so that `$(…)` in the name of a file would run."""
_FILES = {"FILE": "FILE", "FILE|-": "FILE", "DIR": "DIRECTORY", "FOLDER": "DIRECTORY", "DIR|FILE": "FILE"}


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "shell", nargs="*", metavar="SHELL", help=f"print what this shell is to read: {', '.join(SHELLS)}"
    )
    parser.add_argument("--words", choices=sorted(_WORDS), help="the words there are, one a line: shells ask for them")


def run(arguments: Namespace, console: Console) -> int:
    """Print it. Raises UsageError where shtab is missing, or too old for the shell."""
    if arguments.words:
        words = filter(_PLAIN.fullmatch, _WORDS[arguments.words](arguments.shell))
        console.raw("\n".join(sorted(dict.fromkeys(words))[:MAX_WORDS]))
        return Exit.OK
    if len(arguments.shell) != 1 or arguments.shell[0] not in SHELLS:
        raise UsageError(f"say which shell: swarmtui completion {', '.join(SHELLS[:-1])} or {SHELLS[-1]}")
    console.raw(script(arguments.shell[0]))
    return Exit.OK


def script(shell: str) -> str:
    """What `shell` is to read. Raises UsageError."""
    try:
        import shtab
    except ImportError:
        raise UsageError("completion needs shtab: pip install 'swarmtui[completion]'") from None
    if shell not in shtab.SUPPORTED_SHELLS:
        known = ", ".join(shtab.SUPPORTED_SHELLS)
        raise UsageError(f"shtab {shtab.__version__} knows no {shell} (it knows {known}): pip install -U shtab")
    from swarmtui.cli.main import whole_parser

    parser = whole_parser()
    for action in _actions(parser):
        _complete(action)
    return str(shtab.complete(parser, shell=shell))


def _actions(parser: ArgumentParser) -> Iterator[Action]:
    """All arguments of all commands."""
    for action in parser._actions:
        yield action
        if isinstance(action.choices, dict):
            for below in dict.fromkeys(action.choices.values()):
                yield from _actions(below)


def _complete(action: Action) -> None:
    called = action.metavar if isinstance(action.metavar, str) else ""
    kind = _KINDS.get(called) or ("hosts" if "--host" in action.option_strings else "")
    if action.choices is None and kind:
        action.complete = _words_of(kind)  # type: ignore[attr-defined]
    elif action.choices is None and called in _FILES:
        import shtab

        action.complete = getattr(shtab, _FILES[called])  # type: ignore[attr-defined]


def _words_of(kind: str) -> dict[str, object]:
    """What each shell runs for the words of a kind. They are asked of swarmtui when tab is pressed."""
    ask = f"swarmtui completion --words {kind}"
    quiet = "2>/dev/null"
    function = f"_swarmtui_words_{kind}"
    return {
        "bash": function,
        "zsh": f'($({ask} -- "${{words[@]}}" {quiet}))',
        "fish": f"({ask} -- (commandline -opc) {quiet})",
        "preamble": {
            # bash takes the colon and the slash of HOST/ID apart no more than other words: they are no breaks here
            "bash": f"{function}() {{\n"
            f'  compgen -W "$({ask} -- "${{COMP_WORDS[@]}}" {quiet})" -- "$1"\n'
            + ("""  compgen -f -- "$1" | grep -xE '[[:alnum:]_@%+=:,./~-]+'\n""" if kind == "tasks" else "")
            + "}\n",
        },
    }


# -- the words --------------------------------------------------------------------------------------------------------


def _sessions(line: Sequence[str]) -> Iterator[str]:
    """Those of this machine, and the machines that there may be others on."""
    from swarmtui.host.locate import list_sessions

    yield from (str(row["id"]) for row in list_sessions() if row.get("id"))
    yield from (f"{host}/" for host in ssh_names())


def _hosts(line: Sequence[str]) -> list[str]:
    return ssh_names()


def _tasks(line: Sequence[str]) -> Iterator[str]:
    from swarmtui.safety.paths import data_dir

    yield from (path.stem for path in data_dir("sample_tasks").glob("*.yaml"))
    yield from (str(path) for path in Path().glob("*.yaml"))
    if "graph" in line or "forecast" in line:
        yield from _sessions(line)


def _nodes(line: Sequence[str]) -> list[str]:
    """Of the session that the line names; of the newest one where it names none."""
    from swarmtui.host.locate import list_sessions

    known = [str(row["id"]) for row in list_sessions() if row.get("id")]
    named = [word for word in line if word in known] or known[:1]
    return _nodes_of(named[-1]) if named else []


def _nodes_of(session: str) -> list[str]:
    from swarmtui.host.locate import locate
    from swarmtui.session.reader import Reader

    with Reader(locate(session).db) as reader:
        return list(reader.state().nodes)


def _themes(line: Sequence[str]) -> list[str]:
    from swarmtui.tui.themes import load_themes

    return [theme.name for theme in load_themes().themes]


def _models(line: Sequence[str]) -> list[str]:
    from swarmtui.models.configuration import user_catalog

    return [f"{provider.name}/" for provider in user_catalog()]


_WORDS: dict[str, Callable[[Sequence[str]], Iterator[str] | list[str]]] = {
    "shells": lambda _: list(SHELLS),
    "sessions": _sessions, "hosts": _hosts, "tasks": _tasks, "nodes": _nodes, "themes": _themes, "models": _models,
}  # fmt: skip
