"""What the guides under ``docs/guides`` show: their files, their commands, and what came of them.

``python -m tests.guided [GUIDE …]`` runs the commands anew and writes what they print into the guides.

A fenced block is about the comment before it: ``<!-- file: NAME -->`` has it written to a file; ``<!-- run -->`` has
its lines that begin with ``$`` run in a folder of the guide's own, with a home of its own. ``exit N`` in that comment
is the code that the last command ends with, ``lines N`` how many lines are shown of each. ``<!-- sessions: 7f3aq2wk
… -->`` gives the names that the guide uses for its sessions, in the order in which they begin.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GUIDES = DOCS / "guides"
SHOWN_AS = "~/guide"
MORE = "…"
WIDEST = 150
_BLOCK = re.compile(
    r"^<!-- (?P<what>file|run)(?P<how>[^>]*) -->\n```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
_SESSIONS = re.compile(r"^<!-- sessions: (.+) -->$", re.MULTILINE)
_FIGURE = re.compile(r"\d[\d.,:]*(?: ?(?:ms|s|min|h|k|KB|MB|KiB|MiB)\b)?")


@dataclass(frozen=True)
class Command:
    """One command of a block, and what the guide shows of its output."""

    line: str
    shown: tuple[str, ...]


@dataclass
class Sandbox:
    """A folder in which a guide is followed."""

    folder: Path
    names: list[str]
    ids: dict[str, str] = field(default_factory=dict)
    """Name in the guide -> ID here."""

    def environ(self) -> dict[str, str]:
        """No keys and no settings of whoever runs this; the simulated model, at its quickest."""
        kept = {name: os.environ[name] for name in ("LANG", "PYTHONPATH") if name in os.environ}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {"HOME": str(self.folder), "SWARMTUI_HOME": str(self.folder / "home"), "SWARMTUI_MODEL": "simulated/fast"}
        return kept | own | {"PATH": path, "TERM": "dumb", "LC_ALL": "C.UTF-8", "USER": "you", "LOGNAME": "you"}

    def run(self, line: str) -> tuple[int, str]:
        """The exit code of a command line, and all that it printed, with the guide's names for what is here."""
        for name, identity in self.ids.items():
            line = re.sub(rf"\b{name}\b", identity, line)
        done = subprocess.run(
            ["sh", "-c", line], cwd=self.folder, env=self.environ(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=90, check=False,
        )  # fmt: skip
        self._look_for_sessions()
        return done.returncode, self.spoken(done.stdout)

    def _look_for_sessions(self) -> None:
        there = self.folder / "home" / "state" / "sessions"
        known = set(self.ids.values())
        found = sorted(there.iterdir(), key=lambda path: path.stat().st_mtime) if there.is_dir() else []
        for path in found:
            free = next((name for name in self.names if name not in self.ids), None)
            if free is not None and path.name not in known:
                self.ids[free] = path.name

    def spoken(self, text: str) -> str:
        """`text` with the guide's names for its folder and its sessions."""
        for name, identity in self.ids.items():
            text = text.replace(identity, name)
        text = text.replace(str(self.folder.resolve()), SHOWN_AS).replace(str(self.folder), SHOWN_AS)
        return text.replace(str(ROOT), "~/swarmtui")


def sandbox_of(text: str, folder: Path) -> Sandbox:
    """The folder for the guide `text`."""
    named = _SESSIONS.search(text)
    return Sandbox(folder, named[1].split() if named else [])


def commands_of(body: str) -> list[Command]:
    """The commands of a block; a line that ends with a backslash goes on in the next one."""
    found: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        elif found:
            found[-1][1].append(line)
    return [Command(line, tuple(shown)) for line, shown in found]


def blocks(text: str) -> Iterator[re.Match[str]]:
    """The blocks of a guide that are files or are run."""
    return _BLOCK.finditer(text)


def option(how: str, name: str, default: int) -> int:
    """A number in a block's comment."""
    found = re.search(rf"\b{name} (\d+)", how)
    return int(found[1]) if found else default


def file_name(how: str) -> str:
    """The name in a block's comment."""
    return how.removeprefix(":").strip()


def bare(line: str) -> str:
    """`line` without what differs from run to run: figures, times and how wide columns are."""
    return re.sub(r"[\s─━-]+", " ", _FIGURE.sub("0", line)).strip()


def unsaid(command: Command, output: str) -> list[str]:
    """The lines that the guide shows and the command did not print."""
    said = [bare(line) for line in output.splitlines()]
    missing = []
    for line in command.shown:
        wanted = bare(line.removesuffix(MORE))
        if wanted and not any(one.startswith(wanted) if line.endswith(MORE) else one == wanted for one in said):
            missing.append(line)
    return missing


def follow(text: str, folder: Path) -> Iterator[tuple[Command, int, int, str]]:
    """Run a guide in `folder`: each command, the code it should end with, the one it did, and its output."""
    sandbox = sandbox_of(text, folder)
    for block in blocks(text):
        if block["what"] == "file":
            (folder / file_name(block["how"])).write_text(block["body"])
            continue
        commands = commands_of(block["body"])
        for at, command in enumerate(commands):
            code, output = sandbox.run(command.line)
            yield command, option(block["how"], "exit", 0) if at == len(commands) - 1 else 0, code, output


def rewritten(text: str, folder: Path) -> str:
    """A guide with what its commands print now."""
    outputs = iter(list(follow(text, folder)))

    def filled(block: re.Match[str]) -> str:
        if block["what"] == "file":
            return block[0]
        most = option(block["how"], "lines", 40)
        lines: list[str] = []
        for _ in commands_of(block["body"]):
            command, expected, code, output = next(outputs)
            if expected != code:
                print(f"{command.line}: exit code {code}\n{output}", file=sys.stderr)
            told = [line if len(line) <= WIDEST else line[: WIDEST - 1].rstrip() + MORE for line in output.splitlines()]
            lines += [f"$ {command.line}", *told[:most], *([MORE] if len(told) > most else [])]
        return f"<!-- run{block['how']} -->\n```{block['kind']}\n" + "\n".join(map(str.rstrip, lines)) + "\n```"

    return _BLOCK.sub(filled, text)


def main(names: list[str]) -> None:
    """Write what the guides' commands print into them."""
    for path in sorted(GUIDES.glob("*.md")):
        if not names or path.stem in names:
            with tempfile.TemporaryDirectory(prefix="guide-") as folder:
                path.write_text(rewritten(path.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")
            print(path.name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
