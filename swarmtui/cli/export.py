"""``swarmtui export``: a session as a file for others: lossless JSON lines, a page, a recording, a summary."""

from __future__ import annotations

import os
import re
import signal
import stat
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.plan.model import JSON
    from swarmtui.session.exports.page import LogLine
    from swarmtui.session.folder import SessionFolder
    from swarmtui.session.marks import Mark
    from swarmtui.session.reader import Reader
    from swarmtui.session.state import SessionState

FORMS = ("jsonl", "html", "cast", "cast2", "md", "json")
FOR_FILES = ("jsonl", "html", "cast", "cast2")
"""What nobody wants to read in a terminal."""
LOG_LINES = 3_000
REPORT_BYTES = 8 * 1024 * 1024
OUTPUT_CHARS = 64 * 1024
SIZE = (120, 36)


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID; it may be running")
    parser.add_argument(
        "--as",
        "--format",
        dest="form",
        choices=FORMS,
        help="jsonl: everything, for `swarmtui import`; html: a page; cast: an asciinema recording, cast2: "
        "one for players that know v2 alone; md, json: a summary. Unless said, what the name of FILE ends with, else "
        "jsonl",
    )
    parser.add_argument("-o", dest="file", metavar="FILE", help="write there; - or nothing is standard output")
    parser.add_argument("--no-files", action="store_true", help="jsonl: leave out the files that events name")
    parser.add_argument("--size", type=size, default=SIZE, metavar="COLSxROWS", help="cast: the terminal (120x36)")
    parser.add_argument("--fps", type=fps, default=5.0, metavar="N", help="cast: pictures a second at most (5)")
    parser.add_argument(
        "--speed", type=speed, default=1.0, metavar="N", help="cast: so many times as fast, from 0.25 to 64 (1)"
    )


def size(word: str) -> tuple[int, int]:
    """``120x36``."""
    found = re.fullmatch(r"(\d{2,3})x(\d{1,3})", word)
    if found is None or not (40 <= int(found[1]) <= 500 and 10 <= int(found[2]) <= 200):
        raise ArgumentTypeError(f"{word!r} is no size of a terminal: COLSxROWS, from 40x10 to 500x200")
    return int(found[1]), int(found[2])


def fps(word: str) -> float:
    """A number of pictures a second."""
    return _within(word, 0.1, 30.0, "pictures a second")


def speed(word: str) -> float:
    """A speed that a replay can have."""
    from swarmtui.host.feed import FASTEST, SLOWEST

    return _within(word, SLOWEST, FASTEST, "a speed")


def _within(word: str, least: float, most: float, what: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise ArgumentTypeError(f"{word!r} is no number from {least:g} to {most:g}: {what}")
    return number


def run(arguments: Namespace, console: Console) -> int:
    """Write it."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.exits import Exit
    from swarmtui.host.locate import locate

    if "/" in arguments.id:
        raise UsageError(f"{arguments.id}: is a path; export takes the ID of a session, or HOST/ID")
    folder = locate(arguments.id)
    form = arguments.form or form_of(arguments.file)
    to_terminal = arguments.file in (None, "-") and sys.stdout.isatty()
    if to_terminal and form in FOR_FILES:
        raise UsageError(f"{form} is not for a terminal: give -o FILE, or a pipe")
    if arguments.file in (None, "-"):
        _write(folder, form, arguments, (lambda line: print(_cleaned(line))) if to_terminal else print)
        return Exit.OK
    path = Path(arguments.file)
    with destination(path) as file:
        _write(folder, form, arguments, lambda line: file.write(f"{line}\n".encode("utf-8", "replace")))
    tell_written(path, console)
    return Exit.OK


def write_page(folder: SessionFolder, path: Path) -> int:
    """Write the session as a page for a browser to `path`, from any thread; its bytes. Raises OSError, LogError."""
    from swarmtui.safety.paths import replacing

    page = f"{_page(folder)}\n".encode("utf-8", "replace")
    with replacing(Path(os.path.realpath(path))) as file:
        file.write(page)
    return len(page)


def tell_written(path: Path, console: Console) -> None:
    """Say what was written to `path`."""
    told = path.stat()
    console.warn(f"{path}: {told.st_size:,} bytes" if stat.S_ISREG(told.st_mode) else f"{path}: written")


def form_of(file: str | None) -> str:
    """The form that the name of the file ends with. Raises UsageError."""
    from swarmtui.cli.failures import UsageError

    suffix = Path(file or "-").suffix.lower().removeprefix(".")
    form = {"htm": "html", "markdown": "md"}.get(suffix, suffix or "jsonl")
    if form not in FORMS:
        raise UsageError(f"{file}: as what? say --as {'|'.join(FORMS)}")
    return form


@contextmanager
def destination(path: Path) -> Iterator[BinaryIO]:
    """Where what is exported to `path` is written: a private file that gets its name once it is whole.

    A link is followed, and what is there and is no file (a pipe, a device) is written to as it is. Raises OSError.
    Who ends the command with a signal leaves nothing half written.
    """
    from swarmtui.safety.paths import replacing

    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    with _signals_raise(), replacing(Path(os.path.realpath(path))) as file:
        yield file


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Signals that would end the process at once leave a way to take back what it has begun."""

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cleaned(line: str) -> str:
    from swarmtui.safety.text import clean

    return clean(line)


def _write(folder: SessionFolder, form: str, arguments: Namespace, write: Callable[[str], object]) -> None:
    """Hand the file's lines to `write`, each as soon as it is made where there may be many."""
    match form:
        case "jsonl":
            for line in _jsonl(folder, files=not arguments.no_files):
                write(line)
        case "cast" | "cast2":
            from swarmtui.cli.export_cast import film

            shown = {"size": arguments.size, "fps": arguments.fps, "speed": arguments.speed}
            film(folder, write, version=2 if form == "cast2" else 3, **shown)
        case "html":
            write(_page(folder))
        case "md":
            write(_summary(folder))
        case _:
            write(_json(folder))


def _jsonl(folder: SessionFolder, *, files: bool) -> Iterator[str]:
    from swarmtui.session.exports.jsonl import export_lines
    from swarmtui.session.reader import Reader

    with Reader(folder.db) as reader:
        yield from export_lines(reader, folder.path, folder.id, files=files)


def _page(folder: SessionFolder) -> str:
    import swarmtui
    from swarmtui.cli.figures import figures
    from swarmtui.host.locate import seen_status
    from swarmtui.session.exports.page import Story, page
    from swarmtui.session.metrics import metrics
    from swarmtui.session.reader import Reader

    with Reader(folder.db) as reader:
        state = _state(folder, reader)
        log, left_out, marks = _log(reader, state.seq)
        story = Story(
            seen_status(folder, state.status).value,
            _outputs(folder, state),
            log,
            left_out,
            marks,
            figures(metrics(state)),
            _report(folder, state),
            _imported(reader),
            f"swarmtui {swarmtui.__version__}",
        )
    return page(state, story).rstrip("\n")


def _summary(folder: SessionFolder) -> str:
    from swarmtui.cli.figures import figures
    from swarmtui.host.locate import seen_status
    from swarmtui.session.exports.markdown import markdown
    from swarmtui.session.metrics import metrics
    from swarmtui.session.reader import Reader

    with Reader(folder.db) as reader:
        state, imported = _state(folder, reader), _imported(reader)
    return markdown(
        state,
        seen_status(folder, state.status).value,
        figures=figures(metrics(state)),
        outputs=_outputs(folder, state),
        report=_report(folder, state),
        imported=imported,
    ).rstrip("\n")


def _json(folder: SessionFolder) -> str:
    import json

    from swarmtui.host.locate import seen_status
    from swarmtui.session.imports import IMPORTED
    from swarmtui.session.reader import Reader
    from swarmtui.session.summary import show

    with Reader(folder.db) as reader:
        state = _state(folder, reader)
        _, _, marks = _log(reader, state.seq)
        imported = reader.meta(IMPORTED)
    told: list[JSON] = [
        {"seq": mark.seq, "ts": mark.ts, "mono": mark.mono, "kind": mark.kind.value, "label": mark.label}
        for mark in marks
    ]
    return json.dumps({**show(state, seen_status(folder, state.status)), "marks": told, "imported": imported})


def _state(folder: SessionFolder, reader: Reader) -> SessionState:
    from swarmtui.session.errors import LogError

    if not reader.last_seq():
        raise LogError(f"{folder.db}: nothing was recorded yet")
    state = reader.state()
    state.id = folder.id  # of one that was recovered or imported, events name the one it was
    return state


def _log(reader: Reader, head: int) -> tuple[list[LogLine], int, list[Mark]]:
    """The last lines of the log, how many come before them, and all marks."""
    import time

    from swarmtui.cli.lines import describe
    from swarmtui.session.exports.page import LogLine
    from swarmtui.session.marks import mark_of
    from swarmtui.session.rows import row_to_event

    lines, count, marks = deque[LogLine](maxlen=LOG_LINES), 0, list["Mark"]()
    for row in reader.rows(1, head):
        event = row_to_event(row)
        mark, told = mark_of(event), describe(event.body)
        marks += [mark] if mark is not None else []
        if told is not None:
            count += 1
            lines.append(LogLine(time.strftime("%H:%M:%S", time.localtime(max(0.0, min(event.ts, 2.0**40)))), *told))
    return list(lines), count - len(lines), marks


def _outputs(folder: SessionFolder, state: SessionState) -> dict[str, str]:
    """The outputs of nodes, each as far as it is shown at most."""
    from swarmtui.host.history import History, OutputMissing

    history = History(folder)
    found: dict[str, str] = {}
    for node in state.nodes.values():
        if node.output is None:
            continue
        found[node.id] = node.output.text
        if not node.output.whole:
            with suppress(OutputMissing):
                found[node.id] = history.output(node.id)[:OUTPUT_CHARS]
    return found


def _report(folder: SessionFolder, state: SessionState) -> str | None:
    """The report's text, which is in the session's folder or nowhere."""
    from swarmtui.safety.paths import PathRefused, open_inside

    if state.report_path is None:
        return None
    try:
        fd = open_inside(folder.path, state.report_path, os.O_RDONLY | os.O_NONBLOCK)
    except (PathRefused, OSError):
        return None
    with os.fdopen(fd, "rb") as file:
        return file.read(REPORT_BYTES).decode("utf-8", "replace")


def _imported(reader: Reader) -> str | None:
    """From what the session was imported, in a few words; None if it ran here."""
    from swarmtui.session.imports import IMPORTED

    found = reader.meta(IMPORTED)
    if not isinstance(found, dict):
        return None
    return f"{found.get('format')}, {Path(str(found.get('from'))).name}"
