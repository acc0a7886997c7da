"""Task files and planners' JSON become tasks and plans here, or one error that tells everything wrong with them."""

from __future__ import annotations

import gc
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from swarmtui.frozen import frozen
from swarmtui.plan import checks
from swarmtui.plan.build import build_limits, build_model, build_nodes
from swarmtui.plan.build_team import build_team
from swarmtui.plan.checks import Scope
from swarmtui.plan.language import InputModel, ModelModel, TaskModel
from swarmtui.plan.model import JSON, Author, Input, Node, Plan, Task
from swarmtui.plan.problems import Finding, Problem, TaskError, listed, path_text, shown
from swarmtui.plan.render import node_document, plan_document
from swarmtui.plan.schema_files import with_schema_files
from swarmtui.plan.team import AgentDef, Team
from swarmtui.plan.wording import described, findings_of
from swarmtui.plan.yaml_source import MAX_BYTES, in_order, read_yaml


def load_task(path: str | os.PathLike[str]) -> Task:
    """The task that the file at `path` describes, or the ``.orchestrator`` folder that it is or holds.

    Raises TaskError with every problem of the file.
    """
    name = os.fspath(path)
    if FilePath(path).is_dir():
        from swarmtui.plan.importers import find_folder, import_folder

        folder = find_folder(FilePath(path))
        if folder is not None:
            return import_folder(folder).task
    try:
        with FilePath(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        fix = "check the path" if isinstance(error, FileNotFoundError | IsADirectoryError) else ""
        raise TaskError([Problem(name, None, None, error.strerror or str(error), fix)]) from None
    return parse_task(data, file=name, path=str(FilePath(path).absolute()))


def parse_task(
    text: str | bytes,
    *,
    file: str = "task",
    path: str | None = None,
    author: Author = Author.USER,
    inputs: Mapping[str, JSON] = MappingProxyType({}),
    models: Collection[str] = (),
    team: Team = Team(),
) -> Task:
    """The task that the YAML `text` describes, a DeepSwarm one too.

    `file` is how messages call it, `path` the file's absolute path where it has one, `author` who answers for the
    plan in it: a planner's plan that was opened in an editor stays what it was unless the caller says otherwise.
    `inputs` (with their values), names of `models` and a `team` are known besides what it defines itself.
    Raises TaskError with every problem.
    """
    with _collector_paused():
        return _parsed(text, file, path, author, Known(inputs, models, team))


@frozen
class Known:
    """What a text may name without defining it."""

    inputs: Mapping[str, JSON]
    models: Collection[str]
    team: Team


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keeps the cycle collector from walking a large file's values again and again while they are being made.

    None of them is garbage before the end, and their number is bounded by the size of the text; it is a third of the
    time for 10,000 nodes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _parsed(text: str | bytes, file: str, path: str | None, author: Author, known: Known) -> Task:
    source, problems = read_yaml(text, file)
    data = source.data
    if isinstance(data, dict) and "goal" not in data:
        from swarmtui.plan.importers import import_deepswarm, import_deerflow

        imported = import_deepswarm(text, file=file, path=path) or import_deerflow(text, file=file, path=path)
        if imported is not None:
            return imported.task
    if not isinstance(data, dict):
        line, column = source.at(())
        what = f"a task file must be a mapping, not {described(data)}"
        raise TaskError([*problems, Problem(file, line, column, what, "begin with `goal: …`")])
    task, findings = _read_task(data, path, author, known)
    if problems or findings:
        raise TaskError(in_order(problems, map(source.locate, findings)))
    return task


def _read_task(data: Mapping[str, JSON], path: str | None, author: Author, known: Known) -> tuple[Task, list[Finding]]:
    written_inputs, written_models = _mapping(data, "inputs"), _mapping(data, "models")
    written_nodes = _mapping(data, "nodes")
    given = {name: Input(name, value) for name, value in known.inputs.items()}
    own = {name: _rough_input(name, value) for name, value in written_inputs.items()}
    folder = None if path is None or author is not Author.USER else FilePath(path).parent
    scope = Scope(written_nodes, {**given, **own}, [*written_models, *known.models], folder=folder)
    head = _read_head(scope, data)
    scope.team = _team(scope, head, data, known.team)
    inputs, models = _inputs(scope, head), _models(scope, head)
    checks.check_names(scope, "inputs", written_inputs)
    checks.check_names(scope, "models", written_models)
    plan = None
    if "nodes" in data:
        nodes = with_schema_files(scope, written_nodes, folder) if written_nodes else data["nodes"]
        plan = Plan(_text(data, "goal") or "", _nodes(scope, nodes), _text(data, "title"), author, scope.team)
    goal, title = _text(data, "goal") or "", _text(data, "title")
    limits = build_limits(head.limits if head else None)
    return Task(goal, path, title, inputs, models, limits, plan, scope.team), scope.findings


def _read_head(scope: Scope, data: Mapping[str, JSON]) -> TaskModel | None:
    """Everything but the nodes, which are read one by one so that one mistake does not hide another."""
    head = {key: value for key, value in data.items() if key != "nodes"}
    try:
        return TaskModel.model_validate(head)
    except ValidationError as error:
        scope.findings += findings_of(error, (), head, scope.nearest)
        return None


def _team(scope: Scope, head: TaskModel | None, data: Mapping[str, JSON], known: Team) -> Team:
    """The team that the text defines; `known` where it defines none."""
    if head is None or not any(key in data for key in TEAM_KEYS):
        rough = {name: AgentDef() for name in _mapping(data, "agents")}
        return replace(known, agents={**known.agents, **rough})
    for key in ("agents", "servers"):
        checks.check_names(scope, key, _mapping(data, key))
    return build_team(scope, head.agents or {}, head.servers or {}, head.permissions or (), head.search, scope.folder)


def _nodes(scope: Scope, written: JSON) -> tuple[Node, ...]:
    if not isinstance(written, dict) or not written:
        fix = "write them by id, or leave `nodes` out to let the planner write them"
        what = "nodes is empty" if not written else f"nodes must be a mapping, not {described(written)}"
        scope.report(("nodes",), what, fix, at_key=True)
        return ()
    checks.check_names(scope, "nodes", written, dict.fromkeys(scope.inputs, "an input"))
    return build_nodes(scope, written)


def _inputs(scope: Scope, head: TaskModel | None) -> tuple[Input, ...]:
    found: list[Input] = []
    for name, written in ((head.inputs if head else None) or {}).items():
        if not isinstance(written, InputModel):
            found.append(Input(name, written))
            continue
        if written.required and "default" in written.model_fields_set:
            fix = "remove one of the two"
            scope.report(("inputs", name, "default"), f"input {shown(name)} is required and has a default", fix)
        found.append(Input(name, written.default, written.help, written.required))
    return tuple(found)


def _models(scope: Scope, head: TaskModel | None) -> dict[str, Any]:
    models = (head.models if head else None) or {}
    for name, written in models.items():
        if isinstance(written, ModelModel) and not (
            written.base_url or written.provider or written.dialect == "simulated"
        ):
            fix = "add `base_url: http://…`, or `provider:` with a provider's name"
            scope.report(("models", name), f"model {shown(name)} does not say where it answers", fix)
    return {name: build_model(written) for name, written in models.items()}


def _rough_input(name: str, written: JSON) -> Input:
    """The input as far as lookups need it, whether or not what was written is right."""
    return Input(name, written.get("default") if isinstance(written, dict) else written)


def _mapping(data: Mapping[str, JSON], key: str) -> dict[str, JSON]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, JSON], key: str) -> str | None:
    value = data.get(key)
    return value if isinstance(value, str) else None


TEAM_KEYS = ("agents", "servers", "permissions", "search")
"""Keys of a task file that make up its team."""

_PLAN_KEYS = ("title", "nodes", "note", "why", "enough", "goal")


def parse_plan_json(
    data: JSON,
    goal: str,
    author: Author = Author.PLANNER,
    *,
    inputs: Iterable[Input] = (),
    models: Collection[str] = (),
    team: Team = Team(),
    file: str | None = None,
    proposed: bool = False,
) -> Plan:
    """The plan that a planner's JSON describes: ``{"title", "nodes"}``, nodes by id or as a list of objects with "id".

    Nodes are written as in a task file; keys whose value is null count as left out. `inputs`, `models` and the agents
    of `team` are what it may name. With `proposed` it comes from the planner itself, which defines no agents. Raises
    TaskError; its problems say where by JSON path.
    """
    nodes, findings = _plan_nodes(data)
    planner = author is Author.PLANNER and proposed
    scope = Scope(nodes, {given.name: given for given in inputs}, models, team, planner=planner, findings=findings)
    built = _nodes(scope, nodes) if nodes or not findings else ()
    if author is Author.PLANNER:
        checks.check_size(scope, {node.id: node.needs for node in built})
    title = data.get("title") if isinstance(data, dict) else None
    if title is not None and not isinstance(title, str):
        scope.report(("title",), f"title must be text, not {described(title)}")
    if scope.findings:
        found = (Problem(file, None, None, f.message, f.fix, path_text(f.path)) for f in scope.findings)
        raise TaskError(found)
    return Plan(goal, built, title, author, team)


def _plan_nodes(data: JSON) -> tuple[dict[str, JSON], list[Finding]]:
    """The nodes by id, and what is wrong with how they are given."""
    if not isinstance(data, dict):
        return {}, [Finding((), f"a plan must be an object, not {described(data)}", 'write {"nodes": {…}}')]
    known = f"known here: {listed(_PLAN_KEYS)}"
    findings = [Finding((key,), f"unknown key `{shown(key)}`", known) for key in data if key not in _PLAN_KEYS]
    written = data.get("nodes")
    if isinstance(written, dict):
        return {node_id: _without_nulls(node) for node_id, node in written.items()}, findings
    if not isinstance(written, list):
        return {}, [*findings, Finding(("nodes",), f"nodes must be an object, not {described(written)}")]
    nodes: dict[str, JSON] = {}
    for index, node in enumerate(written):
        node_id = node.get("id") if isinstance(node, dict) else None
        if not isinstance(node_id, str):
            findings.append(Finding(("nodes", index), "a node without an id", 'give it "id": "…"'))
        elif node_id in nodes:
            findings.append(Finding(("nodes", index, "id"), f"id `{shown(node_id)}` is there twice", "rename one"))
        else:
            nodes[node_id] = _without_nulls({key: part for key, part in node.items() if key != "id"})
    return nodes, findings


def _without_nulls(node: JSON) -> JSON:
    if not isinstance(node, dict):
        return node
    return {key: part for key, part in node.items() if part is not None}


def validate_plan(plan: Plan, *, inputs: Iterable[Input] = (), models: Collection[str] = ()) -> list[Problem]:
    """What is wrong with a plan that did not come from here: an edit, a recorded revision.

    The rules are those of task files, and for a planner's plan its limits of size; none are left when the list is
    empty, and whoever holds the plan may then rely on what :mod:`swarmtui.plan.model` says. Problems say where by
    path.
    """
    document = {key: part for key, part in plan_document(plan).items() if key not in TEAM_KEYS}
    document["nodes"] = [{"id": node.id, **node_document(node)} for node in plan.nodes]
    try:
        read = parse_plan_json(document, plan.goal, plan.author, inputs=inputs, models=models, team=plan.team)
    except TaskError as error:
        return list(error.problems)
    return [
        Problem(None, None, None, *_difference(ours, theirs), path_text(("nodes", ours.id)))
        for ours, theirs in zip(plan.nodes, read.nodes, strict=True)
        if ours != theirs
    ]


def _difference(ours: Node, theirs: Node) -> tuple[str, str]:
    """What keeps a node from being written as a task file writes it."""
    if ours.map != theirs.map:
        return "its items are not exactly one of a file, a list and a node", "set one of them"
    missing = [need for need in theirs.needs if need not in ours.needs]
    if missing:
        return f"looks up {listed(missing)} without needing it", "add it to the node's needs"
    return "says something that a task file cannot say", "leave out values that mean nothing here"
