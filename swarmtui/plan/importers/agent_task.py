"""One task of an ``.orchestrator`` folder: a Markdown file read as tolerantly as people write it.

What counts is found by its name, whatever the form: headings of any level and case; fields as ``Name: value``, as
bullets, or as rows of a table with two columns; inputs as a table or as bullets. What has an unknown heading is kept as
part of the description, so that nothing that was written is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from swarmtui.frozen import frozen, mutable
from swarmtui.plan.problems import Problem, shown

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "task id", "taskid", "agent id", "任务id", "编号"),
    "name": ("name", "task name", "title", "名称", "任务名称"),
    "priority": ("priority", "prio", "优先级"),
    "estimate": (
        *("est time", "estimated time", "estimate", "estimated duration", "time estimate", "duration", "time"),
        *("预计时间", "预计耗时", "预估时间"),
    ),
    "worker": ("worker", "runner", "执行者"),
    "status": ("status", "task status", "current status", "状态", "任务状态", "当前状态"),
    "description": ("description", "task description", "描述", "任务描述"),
    "expected": ("expected output", "expected result", "deliverable", "预期输出"),
    "needs": ("dependencies", "depends on", "depends", "needs", "dependency", "依赖", "依赖任务"),
}
_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "inputs": ("inputs", "input", "input parameters", "parameters", "input data", "输入", "输入参数"),
    "description": ("description", "task description", "instructions", "task", "what to do", "描述", "任务描述"),
    "expected": (
        *("expected output", "expected outputs", "expected result", "output", "outputs", "deliverable"),
        *("deliverables", "预期输出", "输出"),
    ),
    "needs": _FIELDS["needs"],
}
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("param", "parameter", "name", "input", "参数", "参数名", "名称"),
    "type": ("type", "类型"),
    "source": ("source", "source task", "source file", "source task file", "from", "来源"),
    "value": ("value", "content", "值"),
}

_STATUS_WORDS = frozenset(
    """pending|running|completed|complete|done|failed|waiting|retrying|ready|todo|to do|not started|queued|in progress|
    blocked|error|success|succeeded|skipped|cancelled|待执行|待处理|待开始|待办|未开始|未执行|执行中|进行中|运行中|已完成|完成|成功|
    失败|已失败|等待|等待中|重试|重试中|跳过|取消|已取消""".replace("\n", "")
    .replace(" " * 4, "")
    .split("|")
)
"""What a field must say to be a status; a text may begin with the word too."""
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_BULLET = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+(.*)")
_BOX = re.compile(r"^\[[ xX]\]\s+")
_FIELD = re.compile(r"\W*?([\w.][\w ./()-]{0,40}?)[*_`]*\s*[:：][*_`]*\s*(.*)")
_RULE_CELL = re.compile(r":?-+:?")
_INFO = re.compile(r"\b(?:info|information|metadata|meta|properties|attributes|details|header)\b|信息", re.IGNORECASE)
"""Headings of sections that hold fields."""
_TASK_TITLE = re.compile(r"(?:agent\s+)?task(?:\s+[\w.-]*\d[\w.-]*)?\s*[:：–—-]\s*", re.IGNORECASE)
_TITLE_CHARS, _WORD_CHARS, _DURATION_CHARS = 300, 120, 40
_NONE = frozenset({"", "-", "–", "—", "none", "n/a", "na", "nil", "null", "user", "无"})
_DURATION = re.compile(
    r"[~≈约]?\s*(\d+(?:\.\d+)?)(?:\s*(?:-|–|—|to|~)\s*(\d+(?:\.\d+)?))?\s*"
    r"(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|秒|分钟?|小时)\.?",
    re.IGNORECASE,
)
_PRIORITIES: Mapping[str, int] = {
    **dict.fromkeys(("critical", "urgent", "highest", "p0", "0", "紧急"), 20),
    **dict.fromkeys(("high", "p1", "1", "高"), 10),
    **dict.fromkeys(("medium", "normal", "default", "p2", "2", "中"), 0),
    **dict.fromkeys(("low", "lowest", "p3", "p4", "3", "4", "低"), -10),
}


@frozen
class TaskInput:
    """One row of the inputs: a value, or where it comes from."""

    name: str
    source: str
    value: str
    line: int


@mutable
class AgentTask:
    """What one file says. Lines are from 1."""

    file: str
    """How messages call it."""
    stem: str
    id: str = ""
    name: str = ""
    priority: int = 0
    estimate_s: float | None = None
    worker: str = ""
    status: str = ""
    description: str = ""
    expected: str = ""
    inputs: list[TaskInput] = field(default_factory=list)
    needs: list[tuple[str, int]] = field(default_factory=list)
    """Tasks that it names as dependencies, with the lines."""
    lines: dict[str, int] = field(default_factory=dict)
    """Where each field is."""
    problems: list[Problem] = field(default_factory=list)

    def report(self, line: int, message: str, fix: str = "", column: int = 1) -> None:
        """Take note of a mistake."""
        self.problems.append(Problem(self.file, line, column, message, fix))


@mutable
class _Section:
    key: str
    """What it is; ``?`` if that is not known."""
    title: str
    line: int = 0
    """Of its heading; 0 for what comes before the first one."""
    is_title: bool = False
    """Whether it follows the title of the whole file."""
    lines: list[tuple[int, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines).strip()


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is nothing to say."""
    return text.strip().strip("`*_").casefold() in _NONE


def read_agent_task(text: str, file: str, stem: str) -> AgentTask:
    """The task that the Markdown `text` describes. What is wrong with it is in its ``problems``."""
    task = AgentTask(file, stem)
    described: list[str] = []
    sections = list(_sections(text))
    for section in sections:
        match section.key:
            case "inputs":
                task.inputs += _inputs(section)
            case "expected":
                task.expected = "\n\n".join(part for part in (task.expected, section.text) if part)
            case "needs":
                task.needs += _names(section)
            case "description":
                described.append(section.text)
            case "":
                described.append(_read_fields(task, section))
            case _:
                described.append(f"## {section.title}\n\n{section.text}".strip())
    task.description = "\n\n".join(part for part in (task.description, *described) if part)
    task.name = task.name or _title(sections) or stem
    task.id = task.id or stem
    if not task.description:
        task.report(1, "there is no description of what is to be done", "add a heading `## Description` and say it")
    return task


def title_line(text: str) -> int:
    """The line (from 1) of the file's title; 0 if it has none."""
    return next((section.line for section in _sections(text) if section.is_title), 0)


def fields_of(text: str) -> Iterator[tuple[str, int, str]]:
    """(key, index of the line from 0, name as written) of every field of a task file."""
    for section in _sections(text):
        for number, line in section.lines if section.key == "" else ():
            found = _field(line)
            key = None if found is None else _known(found[0], _FIELDS)
            if found is not None and key is not None:
                yield key, number - 1, found[0]


# -- structure ------------------------------------------------------------------------------------------------


def _sections(text: str) -> Iterator[_Section]:
    """The file cut at its headings. What comes before the first one and after the file's title may hold fields."""
    current, fence, titled = _Section("", ""), "", False
    for number, line in enumerate(text.splitlines(), 1):
        opened = _FENCE.match(line)
        if opened and (not fence or line.strip().startswith(fence)):
            fence = "" if fence else opened[1]
        heading = None if fence or opened else _HEADING.fullmatch(line)
        if heading is None:
            current.lines.append((number, line))
            continue
        yield current
        words = _without_closing(heading[2])
        is_title = not titled and len(heading[1]) == 1
        titled = titled or is_title
        key = "" if is_title else _known(words, _SECTIONS)
        if key is None:
            key = "" if _INFO.search(words) else "?"
        current = _Section(key, words, number, is_title)
    yield current


def _without_closing(heading: str) -> str:
    """The words of a heading without the signs that may close it; those of ``C#`` do not."""
    words = heading.rstrip()
    inner = words.rstrip("#")
    return inner.rstrip() if inner != words and inner[-1:].isspace() else words


def _title(sections: Iterable[_Section]) -> str:
    """The file's title without the word that it is a task."""
    first = next((section.title[:_TITLE_CHARS] for section in sections if section.is_title), "")
    return _TASK_TITLE.sub("", first, count=1).strip() or first


def _known(word: str, names: Mapping[str, tuple[str, ...]]) -> str | None:
    """Which of `names` a heading, field or column means; none of them is long."""
    if len(word) > _WORD_CHARS:
        return None
    plain = " ".join(re.sub(r"[^\w\s]|_", " ", re.sub(r"\(.*?\)", "", word)).casefold().split())
    return next((key for key, words in names.items() if plain in words), None)


def _cells(line: str) -> list[str] | None:
    """The cells of a row of a table; None if it is no row."""
    text = line.strip()
    if not text.startswith("|") or text.count("|") < 2:
        return None
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", text.strip("|"))]


def _is_rule(cells: Iterable[str]) -> bool:
    return all(_RULE_CELL.fullmatch(cell) for cell in cells)


def _read_fields(task: AgentTask, section: _Section) -> str:
    """Take the fields out of a section; what is left of its text."""
    left: list[str] = []
    for number, line in section.lines:
        cells = _cells(line)
        found = _field(line)
        if found is not None:
            _set(task, *found, number)
        elif cells is None or not (_is_rule(cells) or _is_header(cells)):
            left.append(line)
    return "\n".join(left).strip()


def _field(line: str) -> tuple[str, str] | None:
    """The (name, value) of a known field that a line holds."""
    cells = _cells(line)
    if cells is not None:
        name, value = cells if len(cells) == 2 else ("", "")
    else:
        bullet = _BULLET.fullmatch(line)
        found = _FIELD.fullmatch(bullet[1] if bullet else line)
        name, value = (found[1], found[2]) if found else ("", "")
    key = _known(name, _FIELDS)
    return None if key is None or (key == "status" and not _is_status(value)) else (name, value)


def _is_status(value: str) -> bool:
    """Whether `value` is a status, whatever signs stand around it."""
    word = _word(value)
    return not word or word in _STATUS_WORDS


def _word(value: str) -> str:
    return " ".join(re.sub(r"[^\w ]|_", " ", value).casefold().split())


def is_completed(task: AgentTask) -> bool:
    """Whether the task's file says that it is done."""
    return _word(task.status) in ("completed", "complete", "done", "已完成", "完成")


def _is_header(cells: list[str]) -> bool:
    return len(cells) == 2 and all(cell.casefold() in ("field", "value", "key", "字段", "值", "") for cell in cells)


# -- fields ---------------------------------------------------------------------------------------------------


def _set(task: AgentTask, word: str, value: str, line: int) -> None:
    key = _known(word, _FIELDS)
    plain = value.strip().strip("`*_").strip()
    if key is None or is_nothing(plain):
        return
    task.lines.setdefault(key, line)
    match key:
        case "id":
            task.id = plain
        case "name":
            task.name = plain
        case "worker":
            task.worker = plain
        case "status":
            task.status = plain
        case "needs":
            task.needs += [(name, line) for name in _split(plain)]
        case "description":
            task.description = plain
        case "expected":
            task.expected = plain
        case "priority":
            _set_priority(task, plain, line)
        case "estimate":
            task.estimate_s = duration(plain)
            if task.estimate_s is None:
                task.report(line, f"`{shown(plain)}` is no duration", "write such as 3 min or 90 s")


def _set_priority(task: AgentTask, value: str, line: int) -> None:
    word = re.sub(r"\(.*", "", value).strip().casefold()
    if word in _PRIORITIES:
        task.priority = _PRIORITIES[word]
    else:
        task.report(line, f"`{shown(value)}` is no priority", "write critical, high, medium or low, or P0 to P3")


def duration(text: str) -> float | None:
    """Seconds of such as ``3 min``, ``90s``, ``2-4 minutes`` (the middle); a bare number is minutes; None: neither."""
    plain = text.strip()
    if len(plain) > _DURATION_CHARS:
        return None
    if re.fullmatch(r"\d+(?:\.\d+)?", plain):
        return float(plain) * 60
    found = _DURATION.fullmatch(plain)
    if found is None:
        return None
    low = float(found[1])
    middle = (low + float(found[2])) / 2 if found[2] else low
    unit = found[3].lower()
    return middle * (1 if unit[0] in "s秒" else 3600 if unit[0] in "h小" else 60)


def _split(text: str) -> list[str]:
    parts = (part.strip().strip("`*_[]").strip() for part in re.split(r"[,;、，]", text))
    return [part for part in parts if not is_nothing(part)]


def _names(section: _Section) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for number, line in section.lines:
        bullet = _BULLET.fullmatch(line)
        text = _BOX.sub("", bullet[1] if bullet else line)
        if _cells(line) is None and not is_nothing(text):
            found += [(name, number) for name in _split(text)]
    return found


# -- inputs ---------------------------------------------------------------------------------------------------


def _inputs(section: _Section) -> list[TaskInput]:
    """The rows of the table, or the bullets, of an inputs section."""
    found: list[TaskInput] = []
    columns: list[str | None] | None = None
    for number, line in section.lines:
        cells = _cells(line)
        if cells is not None:
            if _is_rule(cells):
                continue
            if columns is None:
                columns = [_known(cell.replace("/", " "), _COLUMNS) for cell in cells]
                continue
            row = {key: cell for key, cell in zip(columns, cells, strict=False) if key}
            found.append(_input(row.get("name", ""), row.get("source", ""), row.get("value", ""), number))
        elif bullet := _BULLET.fullmatch(line):
            named = _FIELD.fullmatch(bullet[1])
            name, text = (named[1], named[2]) if named else ("", bullet[1])
            found.append(_bullet_input(name, text, number))
    return [one for one in found if one.source or one.value]


def _bullet_input(name: str, text: str, line: int) -> TaskInput:
    """``findings: from task-1`` names a source; anything else is a value, unless it turns out to be a task's id."""
    told = re.fullmatch(r"(?:output\s+)?(?:from|of|source:?|来自)\s+(.*)", text.strip(), re.IGNORECASE)
    return _input(name, told[1], "", line) if told else _input(name, text.strip(), text.strip(), line)


def _input(name: str, source: str, value: str, line: int) -> TaskInput:
    def plain(text: str) -> str:
        return "" if is_nothing(text) else text.strip().strip("`").strip()

    return TaskInput(name.strip().strip("`*_") or "input", plain(source), plain(value), line)
