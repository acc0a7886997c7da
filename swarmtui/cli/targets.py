"""What the word after a command means: a task file, the name of a sample, or a goal in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from swarmtui.cli.failures import UsageError
from swarmtui.safety.paths import data_dir

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Target:
    """Exactly one of `path` (a task file that exists) and `goal` is set."""

    path: Path | None = None
    goal: str | None = None


def find_target(word: str) -> Target:
    """What `word` means. Raises UsageError, for a file that is not there with the name that was probably meant."""
    if not word.strip():
        raise UsageError("give a task file or a goal: an empty one means nothing")
    path = Path(word) if "\n" not in word and "\0" not in word and len(word) < 4096 else None
    if path is not None and _is_file(path):
        return Target(path=path)
    if path is not None and path.suffix in SUFFIXES:
        return Target(path=_sample_of(path) or _missing(path))
    samples = sample_names()
    if word in samples:
        return Target(path=samples[word])
    if path is not None and path.is_dir():
        raise UsageError(f"{word}: is a folder; give a task file, or a goal in words")
    if " " not in word.strip():
        close = get_close_matches(word, samples, n=1, cutoff=0.8)
        if close:
            raise UsageError(f"{word}: is no task file; did you mean the sample {close[0]}?")
    return Target(goal=word)


def sample_names() -> dict[str, Path]:
    """The samples that ship with swarmtui, by name."""
    try:
        folder = data_dir("sample_tasks")
    except FileNotFoundError:
        return {}
    return {path.stem: path for suffix in SUFFIXES for path in sorted(folder.glob(f"*{suffix}"))}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a goal can be no name at all
        return False


def _sample_of(path: Path) -> Path | None:
    """The sample that ``sample_tasks/NAME.yaml`` names also where that folder is not the current one's."""
    return sample_names().get(path.stem) if path.parent.name in ("", "sample_tasks") else None


def _missing(path: Path) -> Path:
    folder = path.parent
    known = (
        {other.name: str(other) for other in folder.glob("*") if other.suffix in SUFFIXES} if folder.is_dir() else {}
    )
    known = {sample.name: name for name, sample in sample_names().items()} | known
    close = get_close_matches(path.name, known, n=1)
    hint = f"; did you mean {known[close[0]]}?" if close else ""
    raise UsageError(f"{path}: there is no such task file{hint}")
