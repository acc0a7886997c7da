"""What the prompt at home is given: the task files there are, what is wrong with them, and the coordinator."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from swarmtui.cli.failures import UsageError, explain
from swarmtui.cli.targets import SUFFIXES, find_target, sample_names
from swarmtui.safety.paths import places
from swarmtui.safety.redact import Redactor, secrets_from_env
from swarmtui.safety.text import clean, one_line
from swarmtui.tui.desk import Answer, Prompting, TalkFailed, TaskTold
from swarmtui.tui.kept import Kept
from swarmtui.tui.view import format as say
from swarmtui.tui.view.prompt import MOST_TYPED, Entry, InputTold, Kind
from swarmtui.tui.view.talk import MOST_TURNS, Turn

if TYPE_CHECKING:
    from swarmtui.agents.coordinator import Said, Start, TaskOffered
    from swarmtui.plan.model import ModelRef, Task

HISTORY, TALK = "prompts.jsonl", "talk.jsonl"
MOST_ENTRIES = 500
"""Of one folder."""
MOST_RECENT = 12
_LOOKED_AT = 100
"""Sessions, the newest ones, whose task files are recent."""
_TITLE = re.compile(rb"^title:\s*(.+)$", re.MULTILINE)


def prompting(environ: Mapping[str, str] = os.environ) -> Prompting:
    """The prompt of this user, in this folder."""
    redactor = Redactor(secrets_from_env(environ))
    state = places(environ).state
    typed, talk = (Kept(state / name, most, redactor) for name, most in ((HISTORY, MOST_TYPED), (TALK, MOST_TURNS)))
    return Prompting(CommandDesk(redactor, environ), typed, talk)


class CommandDesk:
    """Implements :class:`swarmtui.tui.desk.Desk` by what the commands are made of."""

    def __init__(self, redactor: Redactor, environ: Mapping[str, str] = os.environ) -> None:
        self._redactor, self._environ = redactor, environ
        self._model: ModelRef | None = None
        self._read: dict[str, tuple[int, TaskTold]] = {}
        """Task file -> when it was written, and what was read of it."""

    async def known(self) -> Sequence[Entry]:
        """Recent task files, then samples."""
        return await asyncio.to_thread(lambda: [*_recent(self._environ), *_samples()])

    async def entries(self, folder: str) -> Sequence[Entry]:
        """What is in a folder; nothing where it cannot be read."""
        return await asyncio.to_thread(_in_folder, folder)

    async def told(self, task: str) -> TaskTold | None:
        """The task, read."""
        return await asyncio.to_thread(self._told, task)

    async def check(self, argv: Sequence[str], *, goal: bool = False) -> Sequence[str]:
        """As ``swarmtui run`` does before it starts anything."""
        return await asyncio.to_thread(problems_of, argv, goal=goal)

    async def model(self) -> tuple[str, bool]:
        """The worker tier's."""
        ref = await self._found()
        return ref.name, ref.simulated

    async def answer(
        self, talk: Sequence[Turn], rows: Sequence[Mapping[str, Any]], on_text: Callable[[str], None]
    ) -> Answer:
        """One call of the model."""
        from swarmtui.agents.coordinator import chat_request, converse, digest
        from swarmtui.models.chat import ModelError
        from swarmtui.models.discover import make_model
        from swarmtui.models.net import Net

        ref = await self._found()
        try:
            tasks = await asyncio.to_thread(self._offered)
        except OSError as error:
            raise TalkFailed(f"recent task files cannot be read: {error.filename}: {error.strerror}") from None
        request = chat_request(ref, self._said(talk), self._redactor.redact(digest(rows)), tasks)
        try:
            async with Net() as net:
                net.found_keys.tell(self._redactor.learn)
                answered = await converse(make_model(ref, net, self._environ), request, tasks, on_text)
        except ModelError as error:
            raise TalkFailed(self._redactor.redact(one_line(error.info.message, 300))) from None
        decision, usage = answered.decision, answered.usage
        tokens = None if usage.tokens_in is None else usage.tokens_in + (usage.tokens_out or 0)
        argv = () if decision.start is None else argv_of(decision.start)
        wrong = await self.check(argv, goal=not decision.start.task) if decision.start is not None else ()
        return Answer(
            decision.kind.value,
            decision.text,
            () if wrong else argv,
            decision.problem or "; ".join(wrong[:3]),
            tokens,
            usage.cost_usd,
        )

    async def _found(self) -> ModelRef:
        """Who answers; where that was the simulated model, it is looked for again."""
        if self._model is None or self._model.simulated:
            from swarmtui.models.catalog import CatalogError
            from swarmtui.models.discover import discover
            from swarmtui.models.net import Net
            from swarmtui.models.prices import with_price

            try:
                async with Net() as net:
                    found = (await discover(self._environ, net)).tiers["worker"]
            except CatalogError as error:
                raise TalkFailed(one_line(str(error), 300)) from None
            self._model = await asyncio.to_thread(with_price, found)
        return self._model

    def _said(self, talk: Sequence[Turn]) -> list[Said]:
        from swarmtui.agents.coordinator import Kind as Did
        from swarmtui.agents.coordinator import Said

        said: list[Said] = []
        for turn in talk:
            text = self._redactor.redact("\n".join(filter(None, (turn.text, turn.command))))
            if turn.who == "you":
                said.append(Said("you", text))
            elif turn.who != "problem":
                said.append(Said("coordinator", text, Did.ASK if turn.who == "ask" else Did.REPLY))
        return said

    def _offered(self) -> list[TaskOffered]:
        """The task files that may be proposed: recent ones, samples, and those of the current folder."""
        from swarmtui.agents.coordinator import MOST_TASKS, TaskOffered

        files = [entry for entry in _in_folder("") if entry.kind is Kind.FILE]
        entries = [entry for entry in (*_recent(self._environ), *files, *_samples()) if entry.usable]
        found: dict[str, TaskOffered] = {}
        for entry in entries[:MOST_TASKS]:
            told = self._told(entry.name)
            if told is not None and not told.problems:
                inputs = {one.name: one.told for one in told.inputs}
                found.setdefault(entry.name, TaskOffered(entry.name, told.title, inputs))
        return list(found.values())

    def _told(self, task: str) -> TaskTold | None:
        try:
            path = find_target(str(Path(task).expanduser())).path
            if path is None or not _is_regular(path):
                return None
            written = path.stat().st_mtime_ns
        except (UsageError, OSError, RuntimeError, ValueError):
            return None
        kept = self._read.get(str(path))
        if kept is None or kept[0] != written:
            kept = self._read[str(path)] = (written, _read_task(path))
        return kept[1]


def argv_of(start: Start) -> tuple[str, ...]:
    """The command that a proposal stands for."""
    if not start.task:
        return ("run", *(("--",) if start.goal.startswith("-") else ()), start.goal)
    inputs = [word for name, value in start.inputs.items() for word in ("--set", f"{name}={value}")]
    return ("run", start.task, *inputs)


def problems_of(argv: Sequence[str], *, goal: bool = False) -> list[str]:
    """What keeps the command `argv`, a ``run``, from starting; nothing is. `goal`: it is meant to run a goal."""
    from swarmtui.cli.run import arguments, checked_spec
    from swarmtui.plan.problems import TaskError

    parser = _Parser(prog="swarmtui run", add_help=False)
    arguments(parser)
    try:
        asked = parser.parse_args(list(argv[1:]))
        target = find_target(asked.task)
        if target.path is not None and not _is_regular(target.path):
            return [f"{asked.task}: is no file that can be read twice; give a task file"]
        if target.path is not None and goal:
            return [f"{one_line(asked.task, 80)}: is the name of a task file, not a goal: say it in more words"]
        checked_spec(asked)
    except TaskError as error:
        return [str(problem) for problem in error.problems]
    except Exception as error:
        told = explain(error)
        if told is None:
            raise
        return [one_line(told.message, 300)]
    return []


class _Parser(ArgumentParser):
    """Tells what is wrong instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _is_regular(path: Path) -> bool:
    """Whether it is a file, or a folder: a pipe or a terminal would be waited for."""
    mode = path.stat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _read_task(path: Path) -> TaskTold:
    from swarmtui.plan.problems import TaskError
    from swarmtui.plan.taskfile import load_task

    try:
        task = load_task(path)
    except TaskError as error:
        return TaskTold("", "", problems=tuple(str(problem) for problem in error.problems))
    about = "the planner writes the nodes"
    if task.plan is not None:
        about = f"{len(task.plan.nodes)} node{'' if len(task.plan.nodes) == 1 else 's'}"
    return TaskTold(one_line(task.title or task.goal, 80), about, tuple(_inputs(task)))


def _inputs(task: Task) -> Iterator[InputTold]:
    for one in task.inputs:
        default = one.default if isinstance(one.default, str) else json.dumps(one.default, ensure_ascii=False)
        told = "required" if one.required else ""
        text = "" if one.default is None else clean(default, keep_newlines=False)[:200]
        yield InputTold(one.name, text, one_line(one.help, 120) or told)


def _samples() -> list[Entry]:
    found = []
    for name, path in sorted(sample_names().items()):
        with suppress(OSError), path.open("rb") as file:
            title = _TITLE.search(file.read(4096))
            found.append(Entry(name, Kind.SAMPLE, title[1].decode("utf-8", "replace").strip() if title else ""))
    return found


def _recent(environ: Mapping[str, str]) -> list[Entry]:
    """Task files of the newest sessions that are there still; samples are told as such."""
    from itertools import islice

    from swarmtui.session.folder import session_folders

    samples = {path.absolute() for path in sample_names().values()}
    found: dict[str, Entry] = {}
    for folder in islice(session_folders(places(environ).state / "sessions"), _LOOKED_AT):
        try:
            named = json.loads(folder.launch.read_bytes()).get("path")
            since = time.time() - folder.launch.stat().st_mtime
            path = Path(named) if isinstance(named, str) else None
            if path is None or path in samples or path.suffix not in SUFFIXES or not path.is_file():
                continue
        except (OSError, ValueError, AttributeError):
            continue
        name = _called(path)
        found.setdefault(name, Entry(name, Kind.RECENT, f"ran {say.ago(since)} ago"))
        if len(found) == MOST_RECENT:
            break
    return list(found.values())


def _called(path: Path) -> str:
    with suppress(ValueError, OSError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def _in_folder(folder: str) -> list[Entry]:
    try:
        place = Path(folder).expanduser() if folder else Path()
        with os.scandir(place) as entries:
            found = [one for entry in entries if (one := _entry(folder, entry)) is not None]
    except (OSError, RuntimeError, ValueError):
        return []
    return sorted(found, key=lambda one: (one.kind is Kind.FOLDER, one.name))[:MOST_ENTRIES]


def _entry(folder: str, entry: os.DirEntry[str]) -> Entry | None:
    if entry.name.startswith("."):
        return None
    name = f"{folder}{entry.name}"
    try:
        if entry.is_dir():
            return Entry(f"{name}/", Kind.FOLDER)
        return Entry(name, Kind.FILE) if entry.name.endswith(SUFFIXES) and entry.is_file() else None
    except OSError:
        return None
