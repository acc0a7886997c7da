"""What the word after a command means: a task file, the name of a sample, or a goal in plain words."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from swarmtui.cli.failures import UsageError
from swarmtui.frozen import frozen
from swarmtui.safety.paths import data_dir

SUFFIXES = (".yaml", ".yml")


@frozen
class Target:
    """Exactly one of `path` (a task file or an ``.orchestrator`` folder that exists) and `goal` is set."""

    path: Path | None = None
    goal: str | None = None


def find_target(word: str) -> Target:
    """What `word` means. Raises UsageError, for a file that is not there with the name that was probably meant."""
    if not word.strip():
        raise UsageError("give a task file or a goal: an empty one means nothing")
    as_utf8(word, "a task file or goal")
    path = Path(word) if "\0" not in word and len(word) < 4096 else None
    if path is not None and _is_file(path):
        return Target(path=path)
    if path is not None and _is_dir(path) and (folder := _orchestrator(path)) is not None:
        return Target(path=folder)
    if path is not None and path.suffix in SUFFIXES and _is_dir(path):
        raise UsageError(f"{word}: is a folder without .orchestrator/agent_tasks; give a task file")
    if path is not None and path.suffix in SUFFIXES:
        return Target(path=_sample_of(path) or _missing(path))
    samples = sample_names()
    if word in samples:
        return Target(path=samples[word])
    if path is not None and _is_dir(path):
        raise UsageError(f"{word}: is a folder without .orchestrator/agent_tasks; give a task file, or a goal in words")
    if " " not in word.strip():
        close = get_close_matches(word, samples, n=1, cutoff=0.8)
        if close:
            raise UsageError(f"{word}: is no task file; did you mean the sample {close[0]}?")
    if not any(character.isalnum() for character in word):
        raise UsageError(f"{word}: is no task file, and says nothing as a goal; a pipe is read as /dev/stdin")
    return Target(goal=word)


def as_utf8(word: str, what: str) -> str:
    """`word`, a path or a text from the command line. Raises UsageError if it has bytes that are not UTF-8."""
    try:
        word.encode()
    except UnicodeEncodeError:
        seen = word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        raise UsageError(f"{seen}: {what} must be UTF-8; rename or write it so, or use a UTF-8 locale") from None
    return word


def read_task_file(path: Path) -> str:
    """The file's text, no more of it than is enough to see that it is too large. Raises OSError."""
    from swarmtui.plan.yaml_source import MAX_BYTES

    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1).decode("utf-8", "surrogateescape")


def sample_names() -> dict[str, Path]:
    """The samples that ship with swarmtui, by name."""
    try:
        folder = data_dir("sample_tasks")
    except FileNotFoundError:
        return {}
    return {path.stem: path for suffix in SUFFIXES for path in sorted(folder.glob(f"*{suffix}"))}


def _is_file(path: Path) -> bool:
    """Whether it can be read as a task: a file, or a pipe such as the shell's ``<(…)``."""
    try:
        return path.exists() and not path.is_dir()
    except OSError:  # a goal can be no name at all
        return False


def _orchestrator(path: Path) -> Path | None:
    """The ``.orchestrator`` folder that `path` is or holds."""
    from swarmtui.plan.importers import find_folder

    return find_folder(path)


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _sample_of(path: Path) -> Path | None:
    """The sample that ``sample_tasks/NAME.yaml`` names also where that folder is not the current one's."""
    return sample_names().get(path.stem) if path.parent.name in ("", "sample_tasks") else None


def _missing(path: Path) -> Path:
    folder = path.parent
    others = [other for other in folder.glob("*") if other.suffix in SUFFIXES] if folder.is_dir() else []
    known = {name: name for name in sample_names()} | {other.stem: str(other) for other in others}
    close = get_close_matches(path.stem, known, n=1)  # by what tells them apart: their endings are the same
    hint = f"; did you mean {known[close[0]]}?" if close else ""
    raise UsageError(f"{path}: there is no such task file{hint}")
