"""Themes as they were read last, in the directory for caches: eight files of YAML, and what reads YAML, take longer
than all else that is read before a first frame.

Kept is what the files came to, with a stamp of each of them. Whatever is not as it was written, or of other files, is
passed over, and the files are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from textual import theme as textual_theme
from textual.theme import Theme

from swarmtui.frozen import frozen
from swarmtui.safety.paths import PathRefused, data_dir, ensure_private, places, replacing

FILE = "themes.json"
MAX_BYTES = 1_000_000
Stamp = tuple[tuple[str, int, int, int], ...]
"""Of each folder and file its path, when it was changed and when it was touched in any way, in nanoseconds, and its
bytes."""


@frozen
class Loaded:
    """The themes that could be read, where each came from, and one line for each problem."""

    themes: tuple[Theme, ...]
    problems: tuple[str, ...] = ()
    sources: Mapping[str, Path] = field(default_factory=dict)
    """Files by the names of the themes in them."""

    def kind(self, name: str) -> str:
        """``ours``, ``yours`` or ``textual``."""
        path = self.sources.get(name)
        return "textual" if path is None else "ours" if path.parent == data_dir("themes") else "yours"


def stamp_of(folders: Iterable[Path]) -> Stamp:
    """What changes whenever a theme file in one of `folders` does. Reads them: on a thread, where somebody waits."""
    found: list[tuple[str, int, int, int]] = []
    for folder in folders:
        found.append((str(folder), *_age(folder)))
        with suppress(OSError):
            found += [(str(path), *_age(path)) for path in sorted(folder.glob("*.yaml"))]
    return tuple(found)


def _age(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:  # a link that leads nowhere, to itself, or where this user may not look
        return 0, 0, 0
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size


def kept(stamp: Stamp) -> Loaded | None:
    """What was kept of the files that `stamp` is of."""
    try:
        with _path().open("rb") as file:
            data = file.read(MAX_BYTES)
        digest, _, text = data.partition(b"\n")
        if digest != _digest(text):
            return None
        found: dict[str, Any] = json.loads(text)
        if found["of"] != json.loads(json.dumps(_of(stamp))):
            return None
        themes = tuple(Theme(**one) for one in found["themes"])
        return Loaded(themes, tuple(found["problems"]), {name: Path(path) for name, path in found["sources"].items()})
    except (OSError, ValueError, LookupError, TypeError):
        return None


def keep(stamp: Stamp, found: Loaded) -> None:
    """Keep what the files came to, where that can be done."""
    sources = {name: str(path) for name, path in found.sources.items()}
    themes = [asdict(one) for one in found.themes]
    told = {"of": _of(stamp), "themes": themes, "problems": found.problems, "sources": sources}
    path = _path()
    with suppress(OSError, PathRefused):
        text = json.dumps(told, separators=(",", ":")).encode()
        ensure_private(path.parent)
        with replacing(path) as file:
            file.write(_digest(text) + b"\n" + text)


def _of(stamp: Stamp) -> list[object]:
    """All that what is kept depends on: also what read it. Textual's version would say less, and takes long to ask."""
    readers = (Path(__file__).with_name(name) for name in ("theme_file.py", "themes.py"))
    return [*map(_age, (*readers, Path(str(textual_theme.__file__)))), *stamp]


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).hexdigest().encode()


def _path() -> Path:
    return places().cache / FILE
