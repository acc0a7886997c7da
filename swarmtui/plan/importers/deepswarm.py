"""DeepSwarm's ``task.yaml`` with its ``seeds.jsonl``: a map over the seeds, and a step that filters what it brings.

What its ``workers`` and ``stagger`` say is honoured as caps. Concepts that have no counterpart here (batch size,
checkpoints) are not dropped in silence: a remark says how the engine meets what they are for.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from swarmtui.frozen import frozen, mutable
from swarmtui.plan.importers.deepswarm_keys import DeepSwarmModel, TaskType, is_deepswarm, meant
from swarmtui.plan.importers.imported import Imported
from swarmtui.plan.lookup import literal
from swarmtui.plan.model import (
    JSON,
    Check,
    Limits,
    MapSpec,
    ModelRef,
    Node,
    Plan,
    PromptSpec,
    Retry,
    RunSpec,
    Spec,
    Task,
    When,
)
from swarmtui.plan.problems import Finding, Nearest, TaskError, listed, shown
from swarmtui.plan.wording import findings_of
from swarmtui.plan.yaml_source import Source, in_order, read_yaml

SEED = "seed"
SEEDS_FILE = "seeds.jsonl"
"""Where seeds are expected when the file does not say."""
RETRIES = 3

_LOOKUP = re.compile(r"\{\{\s*([A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*\}\}")
_PROVIDER_MODEL = re.compile(r"[^\s/]+/\S+")
_ASKS_FOR_JSON = re.compile(
    r"\b(?:as|in|valid|only|strict|pure|raw|return|output|respond with|reply with|answer with)\s+json\b(?!\s+pars|-)"
    r"|\bjson\s+(?:objects?|arrays?|lists?|only|formats?|output|lines?|with|containing|like|of the form)\b"
    r"|\bjson\s*[:{\[]",
    re.IGNORECASE,
)
"""Templates that want JSON for an answer; to be about JSON is not enough."""
_PEEK_BYTES = 65_536

_VENDORS: tuple[tuple[str, str], ...] = (
    ("deepseek-", "deepseek"),
    ("gpt-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
)
"""How names of models begin that are known without their provider."""


@frozen
class Kind:
    """What one task type becomes."""

    node: str
    title: str
    check: Check | None


KINDS: Mapping[TaskType, Kind] = {
    "generation": Kind("generate", "Generate", Check(regex=r"\S")),
    "translation": Kind("translate", "Translate", Check(regex=r"\S")),
    "summarization": Kind("summarize", "Summarise", Check(regex=r"\S", max_chars=20_000)),
    "classification": Kind("classify", "Classify", Check(regex=r"\S", max_chars=2_000)),
    "custom": Kind("work", "Run the worker script", None),
}
"""Task type -> its node. Translations and free texts are as long as they are; a label or a summary is not a book."""

CONVERSATION: JSON = {"type": "object", "required": ["answer", "messages"]}
"""What an answer of several turns is."""

SYSTEM = (
    "You work on a task in several turns. Where you need a tool, call it with JSON in your answer, such as "
    '{"tool": "NAME", "arguments": {}}, and wait for its response. Say task_complete once the task is done.'
)
"""What a conversation begins with."""

FILTER = "filter"
"""The step that cleans, and the command that does it."""


def import_deepswarm(
    text: str | bytes, *, file: str = "task", path: str | None = None, has_items: bool = False
) -> Imported | None:
    """The task that a DeepSwarm file describes; None if `text` is another kind of document.

    `file` is how messages call it, `path` the file's absolute path where it has one. With `has_items` the seeds come
    from elsewhere and need not be there. Raises TaskError with every problem.
    """
    source, problems = read_yaml(text, file)
    if not is_deepswarm(source.data):
        return None
    reading = _Reading(source, path, has_items)
    task = reading.task()
    problems = [problem for problem in problems if (problem.line, problem.column) not in reading.understood]
    if problems or reading.findings or task is None:
        raise TaskError(in_order(problems, map(source.locate, reading.findings)))
    return Imported(task, tuple(reading.remarks))


def seeds_path(task: Path) -> Path | None:
    """Where the DeepSwarm file `task` reads its seeds; None for another kind of file. Raises TaskError, OSError."""
    source, _ = read_yaml(task.read_bytes(), str(task))
    if not is_deepswarm(source.data):
        return None
    name = source.data.get("seeds_file")
    return task.parent / (name if isinstance(name, str) and name.strip() else SEEDS_FILE)


@mutable
class _Reading:
    """One file being read: findings and remarks gather here."""

    source: Source
    path: str | None
    has_items: bool
    understood: set[tuple[int, int]] = field(default_factory=set)
    """Places of values that are plain enough here, though not in a task file of ours."""
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def task(self) -> Task | None:
        """The task, as far as it can be made."""
        model = self._model()
        if model is None:
            return None
        kind = KINDS[model.task_type]
        work = Node(
            id=kind.node,
            title=kind.title,
            spec=self._spec(model),
            map=MapSpec(name=SEED, path=self._seeds(model), field=SEED, keep_items=True),
            retry=Retry(RETRIES),
            check=self._check(model, kind),
            retry_safe=True,
        )
        goal = f"{kind.title}: {shown(' '.join((model.prompt_template or model.worker_script or '').split()), 200)}"
        title = f"DeepSwarm {model.task_type}"
        plan = Plan(goal, (work, self._filter(model, work)), title)
        self._remark(model)
        return Task(goal, self.path, title, (), self._models(model), self._limits(model), plan)

    def report(self, key: str, message: str, fix: str = "", *, at_key: bool = False) -> None:
        """Take note of a problem."""
        self.findings.append(Finding((key,), message, fix, at_key))

    def _model(self) -> DeepSwarmModel | None:
        """The keys as they were meant; unknown ones are told with the nearest that there is."""
        data: dict[str, JSON] = self.source.data
        known = list(DeepSwarmModel.model_fields)
        nearest = Nearest()
        for key in data:
            if key not in known:
                fix = nearest.hint(key, known, f"known here: {listed(known, 30)}")
                self.report(key, f"unknown key `{shown(key)}`", fix, at_key=True)
        usable = {key: meant(key, value) for key, value in data.items() if key in known and value is not None}
        self.understood = {self.source.at((key,)) for key in usable if usable[key] != data[key]}
        task_type = usable.get("task_type")
        if isinstance(task_type, str) and task_type not in KINDS:
            fix = nearest.hint(task_type, KINDS, f"the types are {listed(KINDS)}")
            self.report("task_type", f"there is no task type `{shown(task_type)}`", fix)
            del usable["task_type"]
        try:
            return DeepSwarmModel.model_validate(usable)
        except ValidationError as error:
            self.findings += findings_of(error, (), usable, nearest)
            return None

    # -- the work -----------------------------------------------------------------------------------------

    def _spec(self, model: DeepSwarmModel) -> Spec:
        if model.task_type == "custom":
            return self._script(model)
        if model.worker_script:
            self.remarks.append("worker_script: only task_type custom runs it; it is left out")
        if not model.prompt_template:
            self.report("task_type", "`prompt_template` is missing", "add `prompt_template: …`; {{seed}} is the seed")
        return PromptSpec(
            prompt=self._template(model),
            model="worker",
            max_tokens=model.worker_max_tokens,
            turns=model.max_turns if model.multi_turn else 1,
            system=SYSTEM if model.multi_turn else None,
        )

    def _template(self, model: DeepSwarmModel) -> str:
        """The template in our language: the seed, or a field of it; all other braces stand for themselves."""
        text = model.prompt_template or ""
        parts, at, fields = [], 0, []
        for found in _LOOKUP.finditer(text):
            name = found[1]
            whole = name == SEED or name.startswith(f"{SEED}.")
            parts += [literal(text[at : found.start()]), f"{{{{ {name if whole else f'{SEED}.{name}'} }}}}"]
            fields += [] if name == SEED else [name.removeprefix(f"{SEED}.")]
            at = found.end()
        if text and not parts:
            self.remarks.append("prompt_template: it does not use {{seed}}, so that every call asks the same")
        self._peek(model, fields)
        return "".join([*parts, literal(text[at:])])

    def _script(self, model: DeepSwarmModel) -> Spec:
        """The worker script: it gets the seed as its last argument, and the prompt, if there is one, as its input."""
        if not model.worker_script:
            fix = "add `worker_script: worker.py`; it gets the seed as an argument"
            self.report("task_type", "`worker_script` is missing, and task type custom runs one", fix)
            return RunSpec(("true",))
        try:
            words = shlex.split(model.worker_script)
        except ValueError as error:
            self.report("worker_script", f"cannot be split into words: {error}", "check its quotes")
            return RunSpec(("true",))
        words = self._program(words)
        prompt = self._template(model) if model.prompt_template else f"{{{{ {SEED} }}}}"
        env = {"WORKER_MODEL": model.worker_model, "WORKER_API_BASE": model.worker_api_base}
        return RunSpec(
            argv=(*(literal(word) for word in words), f"{{{{ {SEED} }}}}"),
            cwd=None if self.path is None else literal(str(Path(self.path).parent)),
            env={
                **{name: literal(value) for name, value in env.items() if value},
                "WORKER_MAX_TOKENS": str(model.worker_max_tokens),
            },
            stdin=prompt,
        )

    def _program(self, words: list[str]) -> list[str]:
        """The words that start a worker script; its Python is the user's, not the one that we run in."""
        script = self._beside(words[0])
        if script.suffix != ".py" and not script.is_file():
            return words
        if self.path is not None and not script.is_file():
            self.report("worker_script", f"{shown(words[0])}: there is no such file", "check the path")
        elif self.path is not None and _asks_for_a_key(script):
            self.remarks.append("worker_script: it seems to read a key, and commands get none of the environment's")
        if script.suffix == ".py":
            return [shutil.which("python3") or "python3", str(script), *words[1:]]
        starter = ["sh"] if script.suffix == ".sh" and not os.access(script, os.X_OK) else []
        return [*starter, str(script), *words[1:]]

    def _check(self, model: DeepSwarmModel, kind: Kind) -> Check | None:
        if kind.check is None:
            return None
        return Check(schema=CONVERSATION) if model.multi_turn else kind.check

    # -- the seeds ----------------------------------------------------------------------------------------

    def _beside(self, name: str) -> Path:
        """`name` relative to the task file."""
        return Path(self.path).parent / name if self.path is not None else Path(name)

    def _seeds(self, model: DeepSwarmModel) -> str:
        name = model.seeds_file or SEEDS_FILE
        if not self.has_items and self.path is not None and not self._beside(name).is_file():
            fix = "make it with `swarmtui seed --count N --template TEXT --task FILE`, or give seeds with --items FILE"
            if model.seeds_file:
                self.report("seeds_file", f"{shown(name)}: there is no such file", fix)
            else:
                self.report("task_type", f"`seeds_file` is missing, and there is no {SEEDS_FILE} beside the task", fix)
        return literal(name)

    def _peek(self, model: DeepSwarmModel, fields: list[str]) -> None:
        """Remark on a template that asks the seeds for what the first one has not."""
        first = (
            None if self.has_items or self.path is None else _first_seed(self._beside(model.seeds_file or SEEDS_FILE))
        )
        inner = first[SEED] if isinstance(first, dict) and SEED in first else None
        missing = [name for name in fields if first is not None and not _has(first, name) and not _has(inner, name)]
        if missing:
            has = listed(first) if isinstance(first, dict) else "is a text"
            self.remarks.append(f"prompt_template asks for {listed(missing)}, and the first seed {has}")

    # -- the filter step ----------------------------------------------------------------------------------

    def _filter(self, model: DeepSwarmModel, work: Node) -> Node:
        folder = self._beside(model.output_dir)
        structured = not model.multi_turn and _ASKS_FOR_JSON.search(model.prompt_template or "")
        if structured and model.task_type != "custom":
            self.remarks.append("prompt_template: it asks for JSON; answers that hold none go to errors.jsonl")
        argv = [
            *("swarmtui", FILTER, "--input", f"{{{{ {work.id}.path }}}}"),
            *("--output", literal(str(folder / f"clean.{model.output_format}"))),
            *("--errors", literal(str(folder / "errors.jsonl"))),
            *("--format", model.output_format),
            *(["--structured"] if structured else []),
            *(["--require", "messages"] if model.multi_turn else []),
        ]
        return Node(
            id=FILTER,
            title="Filter",
            spec=RunSpec(tuple(argv)),
            needs=(work.id,),
            when=When.ALL_DONE,
            retry_safe=True,
        )

    # -- models and limits --------------------------------------------------------------------------------

    def _models(self, model: DeepSwarmModel) -> dict[str, str | ModelRef]:
        models: dict[str, str | ModelRef] = {}
        if model.orchestrator_model:
            planner = _named(model.orchestrator_model)
            if planner is None:
                what = f"orchestrator_model: {shown(model.orchestrator_model)} names no provider"
                self.remarks.append(f"{what}; no step of this plan needs it, and it is left out")
            else:
                models["planner"] = planner
        if model.worker_model and model.task_type != "custom":
            if model.worker_api_base:
                models["worker"] = ModelRef("custom", model.worker_model, base_url=model.worker_api_base)
            elif (worker := _named(model.worker_model)) is not None:
                models["worker"] = worker
            else:
                what = f"worker_model: {shown(model.worker_model)} names no provider"
                self.report("worker_model", what, "write provider/model, or add `worker_api_base: https://…`")
        elif model.worker_api_base and model.task_type != "custom":
            self.report("worker_api_base", "there is no worker_model for it", "add `worker_model: …`")
        return models

    def _limits(self, model: DeepSwarmModel) -> Limits:
        return Limits(
            concurrency=model.workers if isinstance(model.workers, int) else None,
            ramp_s=0.0 if isinstance(model.stagger, str) else float(model.stagger),
        )

    def _remark(self, model: DeepSwarmModel) -> None:
        """Say how what has no counterpart here is met."""
        written = self.source.data
        if isinstance(model.workers, int):
            self.remarks.append(f"workers: {model.workers} is kept as the most calls at once")
        if not isinstance(model.stagger, str) and model.stagger:
            self.remarks.append(f"stagger: {model.stagger:g} s is kept as the least time between starts of workers")
        if isinstance(model.batch_size, int):
            self.remarks.append(
                f"batch_size: {model.batch_size} is not needed: each seed starts as soon as there is room for it"
            )
        if "checkpoint_every" in written:
            self.remarks.append(
                "checkpoint_every: every single result is recorded as it comes; after a crash `swarmtui resume` goes on"
            )


def _named(name: str) -> str | None:
    """``provider/model`` of a model's name; None if its provider cannot be told."""
    if _PROVIDER_MODEL.fullmatch(name):
        return name
    vendor = next((vendor for start, vendor in _VENDORS if name.lower().startswith(start)), None)
    return None if vendor is None or " " in name else f"{vendor}/{name}"


def _asks_for_a_key(script: Path) -> bool:
    """Whether a worker script looks as if it took a provider's key out of its environment."""
    try:
        with script.open("rb") as file:
            return re.search(rb"\w_(?:API_)?(?:KEY|TOKEN)\b", file.read(_PEEK_BYTES)) is not None
    except OSError:
        return False


def _first_seed(path: Path) -> JSON | None:
    """The first seed of a JSONL file; None if it cannot be told."""
    if path.suffix not in (".jsonl", ".ndjson"):
        return None
    try:
        with path.open("rb") as file:
            for line in _heads(file.read(_PEEK_BYTES)):
                return json.loads(line)
    except (OSError, ValueError, RecursionError):
        return None
    return None


def _heads(data: bytes) -> Iterator[bytes]:
    return islice((line for line in data.splitlines() if line.strip()), 1)


def _has(seed: JSON, name: str) -> bool:
    for part in name.split("."):
        if not isinstance(seed, dict) or part not in seed:
            return isinstance(seed, list)
        seed = seed[part]
    return True
