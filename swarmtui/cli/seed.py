"""``swarmtui seed``: items for a map, one JSON value a line."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console

PLAIN = "{{seed}}"
"""The template where none is given: bare numbers, as text."""

SUFFIXES = (".jsonl", ".ndjson")
_PLACE = re.compile(r"\{\{\s*(seed|index)\s*\}\}")


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--count", type=whole_number(1), metavar="N", required=True, help="how many items")
    parser.add_argument(
        "--template", metavar="TEXT", help="each item; {{seed}} is its number from 1, {{index}} from 0; may be JSON"
    )
    parser.add_argument(
        "--task", type=Path, metavar="FILE", help="a DeepSwarm task file: items go where it reads its seeds"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write there instead of printing")
    parser.add_argument("--force", action="store_true", help="replace a file that exists")


def whole_number(least: int) -> Callable[[str], int]:
    """Reads a number from `least` on."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 12 or int(text) < least:
            raise ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return int(text)

    return read


def run(arguments: Namespace, console: Console) -> int:
    """Print or write the items."""
    from swarmtui.host.exits import Exit

    out = arguments.out
    if arguments.task is not None and out is None:
        out = _seeds_of(arguments.task)
    lines = items(arguments.count, PLAIN if arguments.template is None else arguments.template, ascii=out is None)
    if out is None:
        for line in lines:
            console.line(line)
    else:
        _write(out, lines, force=arguments.force)
        console.warn(f"{arguments.count:,} items written to {out}")
    return Exit.OK


def items(count: int, template: str, *, ascii: bool = False) -> Iterator[str]:
    """`count` lines of JSON. A template that is JSON once filled gives what it says, any other a text.

    With `ascii` other characters are written as escapes, which no terminal's encoding can spoil.
    """
    structured = _is_structured(template)
    for index in range(count):
        places = {"seed": str(index + 1), "index": str(index)}
        text = _PLACE.sub(lambda found, places=places: places[found[1]], template)  # type: ignore[misc]
        yield json.dumps(json.loads(text) if structured else text, ensure_ascii=ascii)


def _is_structured(template: str) -> bool:
    """Whether the template is a JSON object or array once its places are filled."""
    try:
        return isinstance(json.loads(_PLACE.sub("0", template)), dict | list)
    except (ValueError, RecursionError):
        return False


def _seeds_of(task: Path) -> Path:
    """Where a DeepSwarm task file reads its seeds. Raises UsageError, TaskError."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.plan.importers import seeds_path

    path = seeds_path(task)
    if path is None:
        raise UsageError(f"{task}: is no DeepSwarm task file; print items with --template, or name a file with --out")
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"{task}: reads its seeds from {path.name}, and what is made here is JSON lines; use --out FILE"
        )
    return path


def _write(out: Path, lines: Iterator[str], *, force: bool) -> None:
    from swarmtui.cli.failures import UsageError

    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with out.open("w" if force else "x", encoding="utf-8", errors="replace") as file:
            file.writelines(f"{line}\n" for line in lines)
    except FileExistsError:
        raise UsageError(f"{out}: exists already; --force replaces it, --out names another") from None
