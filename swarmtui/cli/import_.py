"""``swarmtui import``: a recording from elsewhere as a session, to be looked at, replayed and forked."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.session.folder import SessionFolder
    from swarmtui.session.imports.kinds import Recognised
    from swarmtui.session.imports.lines import Problems


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="JSON lines of `swarmtui export`, a recorded chat of DeerFlow, a trace or checkpoint of SwarmFlight",
    )
    parser.add_argument("--name", metavar="ID", help="ID of the new session; its own if that is free, else made up")
    parser.add_argument(
        "--partial", action="store_true", help="of a damaged file of `swarmtui export`, take what is intact"
    )
    parser.add_argument("--json", action="store_true", help="tell what was made as one JSON object")


def run(arguments: Namespace, console: Console) -> int:
    """Make the session, and tell every line that could not be read."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.cli.targets import as_utf8
    from swarmtui.host.exits import Exit
    from swarmtui.host.locate import sessions_root
    from swarmtui.session.imports.kinds import recognise
    from swarmtui.session.imports.lines import BadInput
    from swarmtui.session.placing import placed

    path = Path(as_utf8(arguments.file, "a file"))
    try:
        found = recognise(path)
        name = arguments.name or _own_name(found, sessions_root())
        with placed(sessions_root(), name) as new:
            problems, remarks, events = _make(found, path, new.folder, partial=arguments.partial)
    except BadInput as error:
        raise UsageError(str(error)) from None
    for line in problems.lines():
        console.warn(line)
    for remark in remarks:
        console.say(remark)
    if console.json:
        told = {"type": "import", "id": new.id, "format": found.kind.value, "events": events}
        console.emit({**told, "malformed": problems.total, "remarks": list(remarks)})
        return Exit.OK
    lost = f", {problems.total} lines could not be read" if problems.total else ""
    console.say(f"imported as {new.id}: {events} events{lost}; swarmtui replay {new.id}")
    return Exit.OK


def _own_name(found: Recognised, root: Path) -> str | None:
    """The ID that the session had, if no other one has it by now."""
    return found.id if found.id is not None and not os.path.lexists(root / found.id) else None


def _make(
    found: Recognised, path: Path, folder: SessionFolder, *, partial: bool
) -> tuple[Problems, tuple[str, ...], int]:
    """What is wrong with the file, what should be known of it, and how many events it came to."""
    import swarmtui
    from swarmtui.session.imports.deerflow_sse import read_deerflow
    from swarmtui.session.imports.foreign import write
    from swarmtui.session.imports.kinds import Kind
    from swarmtui.session.imports.own import import_own
    from swarmtui.session.imports.swarmflight import read_checkpoint, read_trace

    app = f"swarmtui {swarmtui.__version__}"
    if found.kind is Kind.OWN:
        made = import_own(path, folder, app, partial=partial)
        return made.problems, made.remarks, made.head.seq
    read = {Kind.DEERFLOW: read_deerflow, Kind.TRACE: read_trace, Kind.CHECKPOINT: read_checkpoint}[found.kind]
    recording = read(path)
    return recording.problems, tuple(recording.remarks), write(recording, path, folder, app).seq
