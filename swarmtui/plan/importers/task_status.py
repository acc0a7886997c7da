"""The status in an agent's task file: the one line of it that is written back. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from swarmtui.plan.importers.agent_task import fields_of, title_line

CHINESE: Mapping[str, str] = {
    "Pending": "待执行",
    "Running": "执行中",
    "Completed": "已完成",
    "Failed": "失败",
    "Waiting": "等待中",
    "Retrying": "重试中",
}
"""The six statuses as a file calls them whose field has a Chinese name."""

_CJK = re.compile(r"[\u3400-\u9fff]")
_VALUE = re.compile(r"(.*?[:：][*_`]*[ \t]*)([^\r\n]*?)([ \t]*)", re.DOTALL)
_ROW = re.compile(r"([ \t]*\|[^|]*\|[ \t]*)([^|\r\n]*?)([ \t]*\|?[ \t]*)", re.DOTALL)


def with_status(text: str, status: str) -> str:
    """The task file `text` with its status set to `status`, and nothing else of it changed, its line ends included.

    A file without a status gets a line for it, in the form of the fields before it, or below its title.
    """
    lines = text.splitlines(keepends=True)
    known = list(fields_of(text))
    statuses = [(index, name) for key, index, name in known if key == "status"]
    for index, name in statuses:
        body, end = _parted(lines[index])
        lines[index] = _replaced(body, CHINESE[status] if _CJK.search(name) else status) + end
    if not statuses:
        after = known[-1][1] + 1 if known else title_line(text)
        lines[after:after] = _added(lines[after - 1 : after], status, is_field=bool(known))
    return "".join(lines)


def _parted(line: str) -> tuple[str, str]:
    """A line and its end."""
    body = line.rstrip("\r\n")
    return body, line[len(body) :]


def _replaced(body: str, status: str) -> str:
    form = _ROW if body.lstrip().startswith("|") else _VALUE
    found = form.fullmatch(body)
    if found is None:
        return body
    space = " " if found[1].endswith(":") else ""
    return f"{found[1]}{space}{status}{found[3]}"


def _added(before: list[str], status: str, *, is_field: bool) -> Iterator[str]:
    """What goes below `before`, the last field or the title; nothing is before the first line of a file."""
    body, end = _parted(before[0]) if before else ("", "\n")
    if before and not end:
        end = "\n"
        yield end
    mark = body.lstrip()[:2]
    indent = body[: len(body) - len(body.lstrip())]
    if is_field and mark.startswith("|"):
        yield f"{indent}| Status | {status} |{end}"
    elif is_field and mark in ("- ", "* ", "+ "):
        yield f"{indent}{mark}**Status**: {status}{end}"
    else:
        yield from (end,) if before else ()
        yield f"- **Status**: {status}{end}"
        yield from () if before else (end,)
