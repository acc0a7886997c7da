"""An ``.orchestrator`` folder: its ``agent_tasks/*.md`` become a plan whose session is written back to the folder.

A task that names another as the source of an input needs it, and gets its whole output; one that names a file of the
project gets what is in it. One more node joins everything into one report. Estimates and priorities are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from swarmtui.frozen import mutable
from swarmtui.plan import graph
from swarmtui.plan.importers.agent_task import AgentTask, TaskInput, is_completed, read_agent_task
from swarmtui.plan.importers.finished import earlier_key, with_results
from swarmtui.plan.importers.imported import Imported
from swarmtui.plan.lookup import literal
from swarmtui.plan.model import (
    NAME,
    Check,
    Limits,
    MergeSpec,
    Node,
    Plan,
    PromptSpec,
    Retry,
    RunSpec,
    Spec,
    Task,
    When,
)
from swarmtui.plan.problems import Nearest, Problem, TaskError, listed, shown
from swarmtui.safety.paths import PathRefused, inside

FOLDER = ".orchestrator"
TASKS = "agent_tasks"
REPORT = "final_output"
MAX_BYTES = 1_000_000
MAX_TASKS = 1_000

AGENTS: Mapping[str, tuple[str, ...]] = {
    "claude": ("claude", "-p"),
    "codex": ("codex", "exec", "-"),
    "gemini": ("gemini",),
}
"""CLI agents that can be workers: commands that take a prompt on their standard input and print an answer."""
AGENT_POOL = "agents"
AGENTS_AT_ONCE = 4
"""CLI agents share their account's limits: ten at once are throttled, so that all of them time out."""
TIMEOUT_S = 300.0
RETRY = Retry(limit=2, base_s=5.0)
_OUTPUT_OF = re.compile(
    r"(?:the\s+)?(?:outputs?|results?|findings)\s+(?:of|from)\s+(.+)|(?:来自|任务)\s*(.+)"
    r"|(.+?)(?:['’]s)?[\s.#/:-]+(?:outputs?|results?)|(.+?)\s*的?(?:输出|结果)",
    re.IGNORECASE,
)
"""Ways to name what a task gives back."""
_NAME_CHARS = 500
_AGENT = re.compile(r"agent[-_ ]?\w+", re.IGNORECASE)
"""Files that are called after the agent that carries their task out."""
SHORT_S, LONG_S = 60.0, 300.0
"""A task outside of these is too small to be worth an agent, or too large to be tried again cheaply."""


def find_folder(path: Path) -> Path | None:
    """The ``.orchestrator`` folder that `path` is or holds; None if it is or holds none."""
    for folder in (path, path / FOLDER):
        if (folder / TASKS).is_dir() and (folder.name == FOLDER or folder == path):
            return folder
    return None


def import_folder(folder: Path, *, worker: str | None = None) -> Imported:
    """The task that the files in `folder` describe. `worker` carries out the tasks whose files name none: a tier, a
    model (``provider/model``), or one of :data:`AGENTS`. Raises TaskError with every problem of every file.
    """
    folder = folder.absolute()
    reading = _Reading(folder, folder.parent, worker or "worker")
    task = reading.task()
    if reading.problems:
        raise TaskError(sorted(reading.problems, key=lambda one: (one.file or "", one.line or 0)))
    return Imported(task, tuple(reading.remarks), folder)


@mutable
class _Reading:
    folder: Path
    project: Path
    worker: str
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    """What a task may be called by, folded -> the id of its node."""
    files: dict[str, Node] = field(default_factory=dict)
    """File of the project -> the node that reads it."""

    def task(self) -> Task:
        tasks = self.read()
        names = self.name(tasks)
        nodes = [self._node(task, names[index], set(names)) for index, task in enumerate(tasks)]
        self._check_cycles(tasks, nodes)
        if not self.problems:
            nodes = self._with_results(tasks, nodes)
        report = _unused(REPORT, {*names, *(node.id for node in self.files.values())})
        title = self.project.name or "project"
        final = Node(
            id=report,
            title="Final output",
            spec=MergeSpec(title=literal(title), summary="planner"),
            needs=tuple(names),
            when=When.ALL_DONE,
        )
        goal = f"Carry out the {len(tasks)} tasks of {self.folder.name} in {title}"
        plan = Plan(goal, (*self.files.values(), *nodes, final), title)
        uses_agents = any(node.pool == AGENT_POOL for node in nodes)
        limits = Limits(pools={AGENT_POOL: AGENTS_AT_ONCE} if uses_agents else {})
        self._remark(tasks, names)
        return Task(goal, str(self.folder), title, limits=limits, plan=plan)

    # -- reading ------------------------------------------------------------------------------------------

    def read(self) -> list[AgentTask]:
        """All tasks, in order of their files. Raises TaskError if there are none, or too many."""
        paths = sorted(path for path in (self.folder / TASKS).glob("*.md") if path.is_file() or path.is_symlink())
        paths = [path for path in paths if path.stem.casefold() != "readme"]
        if not paths or len(paths) > MAX_TASKS:
            what = "there are no tasks in it" if not paths else f"{len(paths)} tasks are more than {MAX_TASKS}"
            raise TaskError([Problem(str(self.folder / TASKS), None, None, what, "write one .md file per task")])
        tasks = []
        for path in paths:
            try:
                with inside(self.folder, f"{TASKS}/{path.name}").open("rb") as file:
                    data = file.read(MAX_BYTES + 1)
                if len(data) > MAX_BYTES:
                    self._problem(path, 1, f"has more than {MAX_BYTES:,} bytes", "name large inputs as files")
                    continue
                text = data.decode("utf-8-sig")
            except PathRefused as refused:
                self._problem(path, 1, str(refused), "put the file itself there")
            except UnicodeDecodeError as error:
                self._problem(path, data.count(b"\n", 0, error.start) + 1, "is not UTF-8", "save the file as UTF-8")
            except OSError as error:
                self._problem(path, 1, error.strerror or str(error))
            else:
                tasks.append(read_agent_task(text, str(path), path.stem))
        for task in tasks:
            self.problems += task.problems
        return tasks

    def _problem(self, path: Path, line: int, message: str, fix: str = "") -> None:
        self.problems.append(Problem(str(path), line, 1, message, fix))

    def name(self, tasks: list[AgentTask]) -> list[str]:
        """An id for the node of each task; and by what each task may be called."""
        names: list[str] = []
        given: dict[str, str] = {}
        for task in tasks:
            folded = task.id.casefold()
            if folded in given:
                fix = f"{given[folded]} has it: give each task an id of its own"
                self._problem(
                    Path(task.file), task.lines.get("id", 1), f"the id `{shown(task.id)}` is there twice", fix
                )
            given[folded] = Path(task.file).name
            names.append(_unused(_node_id(_agent_of(task)), set(names)))
            self.ids.setdefault(folded, names[-1])
        for task, name in zip(tasks, names, strict=True):
            results = (f"{agent}-result.md" for agent in (task.id, name, task.stem))
            for word in (task.stem, name, f"{task.stem}.md", *results, task.name):
                self.ids.setdefault(word.casefold(), name)
        return names

    # -- nodes --------------------------------------------------------------------------------------------

    def _node(self, task: AgentTask, name: str, taken: set[str]) -> Node:
        needs: dict[str, None] = {}
        for word, line in task.needs:
            found = self._task_named(word)
            if found is None:
                self._unknown(task, word, line, files=False)
            else:
                needs[found] = None
        inputs = [self._input(task, one, needs, taken) for one in task.inputs]
        spec = self._spec(task, _text(task, inputs))
        agent = isinstance(spec, RunSpec)
        return Node(
            id=name,
            title=task.name,
            spec=spec,
            needs=tuple(needs),
            retry=RETRY,
            timeout_s=max(TIMEOUT_S, 3 * (task.estimate_s or 0.0)),
            check=Check(regex=r"\S"),
            pool=AGENT_POOL if agent else None,
            priority=task.priority,
            estimate_s=task.estimate_s,
        )

    def _spec(self, task: AgentTask, text: str) -> Spec:
        worker = (task.worker or self.worker).strip()
        known = worker.casefold()
        if known in AGENTS:
            return RunSpec(AGENTS[known], stdin=text)
        if known in ("worker", "planner", "prompt", "model", "small", "medium", "large"):
            return PromptSpec(text, model="worker" if known in ("prompt", "model") else known)
        if "/" in worker and " " not in worker:
            return PromptSpec(text, model=worker)
        fix = f"write a tier, provider/model, or one of {listed(AGENTS)}"
        self._problem(Path(task.file), task.lines.get("worker", 1), f"there is no worker `{shown(worker)}`", fix)
        return PromptSpec(text)

    def _input(self, task: AgentTask, one: TaskInput, needs: dict[str, None], taken: set[str]) -> str:
        """One input as it stands in the prompt; what it comes from is needed."""
        parts = [f"### {literal(one.name)}"]
        sources = self._sources(task, one, taken)
        for label, node in sources:
            needs[node] = None
            parts.append(f"From {literal(label)}:\n\n{{{{ {node}.output }}}}")
        if one.value and not (sources and one.value == one.source):
            parts.append(literal(one.value))
        return "\n\n".join(parts)

    def _sources(self, task: AgentTask, one: TaskInput, taken: set[str]) -> list[tuple[str, str]]:
        """(what it is called, its node) of everything that an input names as its source."""
        if not one.source:
            return []
        whole = self._task_named(one.source)
        words = [one.source] if whole else [word.strip().strip("`") for word in one.source.split(",")]
        found: list[tuple[str, str]] = []
        for word in filter(None, words):
            node = self._task_named(word)
            if node is not None:
                found.append((f"task {node}", node))
            elif (path := self._file(task, word, one.line)) is not None:
                found.append((f"the file {word}", self._reader(word, path, taken)))
            elif one.value != one.source:  # a bullet that names no source is a value
                self._unknown(task, word, one.line)
        return found

    def _task_named(self, word: str) -> str | None:
        """The task that `word` means: its id, its file, its result, its name; or the id that stands first in it."""
        if len(word) > _NAME_CHARS:
            return None
        whole = word.strip().strip("`*_[]").casefold()
        said = _OUTPUT_OF.fullmatch(whole)
        for plain in (whole, next(filter(None, said.groups())).strip("`*_[] ")) if said else (whole,):
            bare = plain.removeprefix("task ").strip()
            first = (text.partition(" ")[0].rstrip(":：,") for text in (plain, bare))
            for text in (plain, plain.rpartition("/")[2], bare, *first):
                if text in self.ids:
                    return self.ids[text]
        return None

    def _file(self, task: AgentTask, word: str, line: int) -> Path | None:
        """The file of the project that `word` names. One that lies elsewhere is a mistake."""
        try:
            path = inside(self.project, word.removeprefix("./"))
            return path if path.is_file() else None
        except PathRefused as refused:
            if Path(word).is_file() or word.startswith(("/", "..", "~")):
                self._problem(Path(task.file), line, str(refused), "inputs are files of the project, or other tasks")
            return None
        except (OSError, ValueError):
            return None

    def _reader(self, word: str, path: Path, taken: set[str]) -> str:
        """The node that reads a file; each file is read once."""
        known = self.files.get(str(path))
        if known is None:
            name = _unused(_node_id(f"read-{path.stem}"), {*taken, *(node.id for node in self.files.values())})
            spec = RunSpec(("cat", "--", literal(str(path))))
            known = self.files[str(path)] = Node(name, spec, title=f"Read {shown(word)}", side_effects=False)
        return known.id

    def _unknown(self, task: AgentTask, word: str, line: int, *, files: bool = True) -> None:
        told = shown(word)
        if any((one.file, one.line) == (task.file, line) and told in one.message for one in self.problems):
            return
        what = "neither a task nor a file of the project" if files else "no task"
        fix = Nearest().hint(word, self.ids, f"the tasks are {listed(dict.fromkeys(self.ids.values()))}")
        self._problem(Path(task.file), line, f"`{told}` is {what}", fix)

    # -- the whole ----------------------------------------------------------------------------------------

    def _check_cycles(self, tasks: list[AgentTask], nodes: list[Node]) -> None:
        by_id = {node.id: task for node, task in zip(nodes, tasks, strict=True)}
        for node in nodes:
            if node.id in node.needs:
                line = self._line_of(by_id[node.id], node.id)
                self._problem(Path(by_id[node.id].file), line, f"{node.id} needs itself", "remove it there")
        others = {node.id: [need for need in node.needs if need != node.id and need in by_id] for node in nodes}
        for cycle in graph.cycles(others):
            text = " -> ".join(shown(name) for name in cycle[:24])
            task, fix = by_id[cycle[0]], "remove one of these needs"
            line = self._line_of(task, cycle[1])
            self._problem(Path(task.file), line, f"these tasks wait for each other: {text}", fix)

    def _line_of(self, task: AgentTask, need: str) -> int:
        """Where a task says that it needs another."""
        words = [
            *task.needs,
            *((word, one.line) for one in task.inputs for word in (one.source, *one.source.split(","))),
        ]
        return next((line for word, line in words if self._task_named(word) == need), 1)

    def _with_results(self, tasks: list[AgentTask], nodes: list[Node]) -> list[Node]:
        """What earlier sessions finished is taken over, and told."""
        done = [node.id for node, task in zip(nodes, tasks, strict=True) if is_completed(task)]
        found = with_results([*self.files.values(), *nodes], done, self.folder)[len(self.files) :]
        taken = [node.id for node in found if earlier_key(node) is not None]
        if taken:
            what = "it has not changed since" if len(taken) == 1 else "they have not changed since"
            fix = "set a status to Pending to have it done again"
            self.remarks.append(f"{listed(taken)}: taken over from an earlier session, Completed, and {what}; {fix}")
        return found

    def _remark(self, tasks: list[AgentTask], names: list[str]) -> None:
        for task, name in zip(tasks, names, strict=True):
            if task.estimate_s is None:
                continue
            if task.estimate_s < SHORT_S:
                self.remarks.append(f"{name}: {task.estimate_s:g} s is short for an agent: join it with another task")
            elif task.estimate_s > LONG_S:
                minutes = task.estimate_s / 60
                self.remarks.append(f"{name}: {minutes:g} min is long for one task: cut it, so that a retry costs less")


def files_of(folder: Path) -> dict[str, str]:
    """The node of each task in `folder` -> the name of its file. What cannot be read is left out."""
    reading = _Reading(folder.absolute(), folder.absolute().parent, "worker")
    try:
        tasks = reading.read()
    except (OSError, TaskError):
        return {}
    return {name: Path(task.file).name for name, task in zip(reading.name(tasks), tasks, strict=True)}


def _agent_of(task: AgentTask) -> str:
    """What the node of a task is called after: the agent, where the file is; else the task's id."""
    return task.stem if _AGENT.fullmatch(task.stem) else task.id


def _text(task: AgentTask, inputs: list[str]) -> str:
    """What the worker of a task is told: the task, all of its inputs, and what it is to give back."""
    parts = [f"# {literal(task.name)}", literal(task.description)]
    if inputs:
        parts += ["## Inputs", *inputs]
    if task.expected:
        parts.append(f"## Expected output\n\n{literal(task.expected)}")
    return "\n\n".join(parts)


def _node_id(text: str) -> str:
    """`text` as an id: letters, digits, _ and -, beginning with a letter, at most 60."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "-" for char in text.strip())
    plain = plain.strip("-")[:60].strip("-") or "task"
    return plain if NAME.fullmatch(plain) else f"task-{plain}"[:60]


def _unused(name: str, taken: set[str]) -> str:
    folded = {other.casefold() for other in taken}
    found, number = name, 2
    while found.casefold() in folded:
        found, number = f"{name}-{number}", number + 1
    return found
