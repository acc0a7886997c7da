"""``list_files``, ``read_file``, ``search_files`` and ``write_file``: the project to read, an own folder to write.

A path is looked for among the agent's own files first, then in the project.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from swarmtui.agents.tools import AgentTool, ToolContext
from swarmtui.agents.tools.grep import LIMIT_S, MATCHES, Hunt, fits, hunt, parameters
from swarmtui.agents.tools.making import Arguments, Refused, made
from swarmtui.agents.tools.own_files import View, walk
from swarmtui.agents.tools.threads import in_thread
from swarmtui.safety.permissions import Effect
from swarmtui.safety.text import clean, one_line

READ_BYTES = 10_000_000
"""Of a file at most."""
WRITE_CHARS = 1_000_000
"""Of one call at most."""
_LISTED = 500
_LINES = 500
_LINE = 2000
_DISK_S = 20.0

T = TypeVar("T")


def list_files() -> AgentTool:
    """Names and sizes."""
    return made(
        "list_files",
        "List the files of the project, and those that you wrote or that your code made.",
        {
            "path": {"type": "string", "description": "Folder to list; the whole project if left out"},
            "pattern": {"type": "string", "description": "Only files that fit, such as *.py or src/**/*.ts"},
        },
        _list,
        effect=Effect.READ,
        timeout_s=_DISK_S + 10,
    )


def read_file() -> AgentTool:
    """Lines of a file."""
    return made(
        "read_file",
        "Read a text file of the project, or one of your own. Lines come with their numbers.",
        {
            "path": {"type": "string", "description": "Path within the project, or of a file of your own"},
            "offset": {"type": "integer", "description": "First line to read; 1 if left out"},
            "limit": {"type": "integer", "description": f"Lines to read; {_LINES} if left out"},
        },
        _read,
        required=("path",),
        effect=Effect.READ,
        timeout_s=_DISK_S + 10,
    )


def search_files() -> AgentTool:
    """Lines that hold a text."""
    return made(
        "search_files",
        "Find a text in the files of the project and in your own. Gives path, line number and line of each match.",
        dict(parameters()),
        _search,
        required=("query",),
        effect=Effect.READ,
        timeout_s=3 * LIMIT_S,
    )


def write_file() -> AgentTool:
    """A file among the agent's own: nothing of the project changes, so that it needs no permission."""
    return made(
        "write_file",
        "Write a text file into your own folder, where python and shell find it too. The project stays as it is.",
        {
            "path": {"type": "string", "description": "Path within your folder, such as report.md or data/table.csv"},
            "content": {"type": "string", "description": "The whole text"},
            "append": {"type": "boolean", "description": "Add to the end instead of replacing the file"},
        },
        _write,
        required=("path", "content"),
        timeout_s=_DISK_S + 10,
    )


async def _list(arguments: Arguments, context: ToolContext) -> str:
    view = View(context)
    under = view.relative(arguments.text("path", "."))
    pattern = arguments.text("pattern", "")

    def look() -> str:
        parts = []
        problem: Refused | None = None
        for root in view.roots():
            try:
                entries = [entry for entry in walk(root, under) if not entry.is_folder and fits(entry.path, pattern)]
            except Refused as refused:
                problem = refused
                continue
            if not entries:
                continue
            lines = [f"{one_line(entry.path, 400)} ({entry.size:,} bytes)" for entry in entries[:_LISTED]]
            if len(entries) > _LISTED:
                lines.append(f"… and {len(entries) - _LISTED:,} more; name a folder or a pattern to see them")
            parts.append("\n".join((_title(own=root == view.own), *lines)))
        if not parts and problem is not None and not view.own.is_dir():
            raise problem
        return "\n\n".join(parts) or "There are no such files."

    return await _in_time(look)


async def _read(arguments: Arguments, context: ToolContext) -> str:
    path = arguments.text("path")
    first = arguments.number("offset", 1, 1, 10**9)
    count = arguments.number("limit", _LINES, 1, 5000)
    data, size = await _in_time(lambda: View(context).read(path, READ_BYTES))
    if b"\0" in data[:8192]:
        raise Refused(f"{one_line(path, 200)}: it is no text file ({size:,} bytes)")
    lines = data.decode("utf-8", "replace").splitlines()
    if not lines:
        return f"{one_line(path, 200)} is empty."
    if first > len(lines):
        raise Refused(f"offset: {one_line(path, 200)} has {len(lines):,} lines")
    shown = [
        f"{number}\t{line if len(line) <= _LINE else line[:_LINE] + ' […]'}"
        for number, line in enumerate(lines[first - 1 : first - 1 + count], first)
    ]
    last = first + len(shown) - 1
    told = [f"{one_line(path, 200)}, lines {first}-{last} of {len(lines):,}:", *shown]
    if last < len(lines):
        told.append(f"(It goes on: read on with offset {last + 1}.)")
    if size > len(data):
        told.append(f"(Only the first {READ_BYTES:,} of {size:,} bytes can be read.)")
    return "\n".join(told)


async def _search(arguments: Arguments, context: ToolContext) -> str:
    view = View(context)
    under, query = view.relative(arguments.text("path", ".")), arguments.text("query")
    if not query.strip():
        raise Refused("query: give a text to find")
    lines: list[str] = []
    whole = True
    problem: Refused | None = None
    for root in view.roots():
        wanted = Hunt(str(root), under, query, arguments.flag("regex"), arguments.text("pattern", ""))
        try:
            caught = await hunt(wanted)
        except ValueError as error:
            raise Refused(f"query: it is no regular expression: {one_line(str(error), 200)}") from None
        except Refused as refused:
            problem = refused
            continue
        if caught.lines:
            lines += [_title(own=root == view.own), *caught.lines]
        whole = whole and caught.whole
    if not lines and problem is not None and not view.own.is_dir():
        raise problem
    if not whole:
        lines.append(f"(That is not all: a search ends after {MATCHES} lines or {LIMIT_S:g} s. Narrow it down.)")
    return "\n".join(lines) or "Nothing was found."


async def _write(arguments: Arguments, context: ToolContext) -> str:
    path, content = arguments.text("path"), arguments.text("content")
    if clean(path, keep_newlines=False) != path:  # whoever lists the folder would see another name
        raise Refused("path: it holds characters that cannot be seen: write it with plain ones")
    if len(content) > WRITE_CHARS:
        raise Refused(f"content: it has {len(content):,} characters; write at most {WRITE_CHARS:,} at once, and append")
    append = arguments.flag("append")
    data = content.encode("utf-8", "replace")
    where = await _in_time(lambda: View(context).write(path, data, append=append))
    return f"{'Added' if append else 'Wrote'} {len(data):,} bytes {'to' if append else 'as'} {one_line(where, 200)}."


async def _in_time(work: Callable[[], T]) -> T:
    """`work` with the disk, in a thread. Raises Refused."""
    try:
        return await in_thread(work, _DISK_S)
    except TimeoutError:
        raise Refused("the disk took too long; try a smaller part") from None


def _title(*, own: bool) -> str:
    return "Your own files:" if own else "Files of the project:"
