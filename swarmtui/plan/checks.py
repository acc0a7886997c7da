"""What no single value can tell: names that lead nowhere, cycles, lookups where none may be. Pure; all at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path as FilePath

from swarmtui.frozen import mutable
from swarmtui.plan import graph
from swarmtui.plan.language import TIERS
from swarmtui.plan.lookup import Lookup, parse_all, texts
from swarmtui.plan.model import (
    NAME,
    AgentSpec,
    Check,
    Input,
    MapSpec,
    MergeSpec,
    Node,
    PlanSpec,
    PromptSpec,
    PythonSpec,
    RunSpec,
    Spec,
)
from swarmtui.plan.problems import Finding, Nearest, Path, listed, shown
from swarmtui.plan.schemas import BUILTIN_SCHEMAS
from swarmtui.plan.team import PROGRAMS, Team

NODE_FIELDS: tuple[str, ...] = ("output", "items", "error", "state", "exit_code", "path")
"""What a lookup can ask of a node; `output` alone can be looked into further."""

PLANNER_MAX_NODES = 200
PLANNER_MAX_DEPTH = 20

_MODEL_NAME = re.compile(r"[^\s/]+/\S+")
_BRACES = re.compile(r"\{\{\s*([\w-]+)((?:\.[\w-]+)*)\s*\}\}")
_SCRIPT_FLAGS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (re.compile(r"(?:ba|da|z|k|a|fi)?sh|busybox"), re.compile(r"-[A-Za-z]*c[A-Za-z]*")),
    (re.compile(r"python[\d.]*|pypy[\d.]*"), re.compile(r"-[A-Za-z]*c")),
    (re.compile(r"perl|ruby"), re.compile(r"-[A-Za-z]*[eE]")),
    (re.compile(r"node|deno|bun"), re.compile(r"-[ep]+|--eval|--print")),
    (re.compile(r"php"), re.compile(r"-r")),
)
"""Programs that take code as an argument, and the option that says so."""


@mutable
class Scope:
    """The names that a plan's nodes can use, and where findings go."""

    ids: Collection[str]
    inputs: Mapping[str, Input] = field(default_factory=dict)
    models: Collection[str] = ()
    team: Team = field(default_factory=Team)
    folder: FilePath | None = None
    """Where files that texts name are read; None: nowhere."""
    planner: bool = False
    """Whether a planner wrote the nodes: they name agents of the team and define none."""
    findings: list[Finding] = field(default_factory=list)
    nearest: Nearest = field(default_factory=Nearest)

    def report(self, path: Path, message: str, fix: str = "", *, at_key: bool = False) -> None:
        """Take note of a problem."""
        self.findings.append(Finding(path, message, fix, at_key))


def check_names(scope: Scope, what: str, names: Iterable[str], taken: Mapping[str, str] = {}) -> None:
    """Names under the key `what` are well formed, differ by more than case, and are not among `taken` (name -> what
    has it)."""
    before: dict[str, str] = {}
    for name in names:
        if not NAME.fullmatch(name):
            fix = "begin with a letter; then letters, digits, _ and -, at most 64 in all"
            scope.report((what, name), f"`{shown(name)}` is no name for {_SINGULAR[what]}", fix, at_key=True)
        folded = name.casefold()
        if folded in before:
            message = f"`{shown(name)}` and `{shown(before[folded])}` differ only in case"
            scope.report((what, name), message, "rename one: file names are made of them", at_key=True)
        before[folded] = name
        if name in taken:
            message = f"`{shown(name)}` is also the name of {taken[name]}"
            scope.report((what, name), message, "rename one: a lookup could mean either", at_key=True)


_SINGULAR = {
    "nodes": "a node",
    "inputs": "an input",
    "models": "a model",
    "agents": "an agent",
    "servers": "a server",
}


def trace_lookups(
    scope: Scope,
    at: Path,
    spec: Spec,
    mapped: MapSpec | None,
    conditions: Sequence[tuple[Path, str]] = (),
    *,
    whole: bool = True,
) -> list[str]:
    """Check every lookup of a node; the ids of the nodes that they name, in order, each once.

    `conditions` are the lookups of its ``if``. Of a node that was not read whole, names that are unknown are passed
    over: its map may be what is missing.
    """
    item = mapped.name if mapped else None
    implied: dict[str, None] = {}
    if mapped is not None:
        if mapped.node is not None:
            implied[mapped.node] = None
        if mapped.path is not None and "{{" in mapped.path:
            _trace_items_path(scope, (*at, "map", "items"), mapped.path)
    for where, text in (*texts(spec), *conditions):
        if "{{" not in text:
            continue
        for lookup in _lookups(scope, (*at, *where), text):
            if lookup.name == item:
                continue
            if lookup.name in scope.ids:
                implied[lookup.name] = None
                _check_node_field(scope, (*at, *where), lookup)
            elif lookup.name in scope.inputs:
                _check_input_field(scope, (*at, *where), lookup)
            elif whole:
                _report_unknown(scope, (*at, *where), lookup, item)
    return list(implied)


def _lookups(scope: Scope, path: Path, text: str) -> list[Lookup]:
    segments, errors = parse_all(text)
    for error in errors:
        scope.report(path, error.message, error.fix)
    return [segment for segment in segments if isinstance(segment, Lookup)]


def _trace_items_path(scope: Scope, path: Path, text: str) -> None:
    for lookup in _lookups(scope, path, text):
        if lookup.name in scope.inputs:
            _check_input_field(scope, path, lookup)
        elif lookup.name in scope.ids:
            fix = f"write `items: {lookup.name}` for the whole output of {lookup.name}"
            scope.report(path, f"{{{{ {shown(str(lookup))} }}}} cannot be part of a file name or of the items", fix)
        else:
            _report_unknown(scope, path, lookup, None)


def _check_node_field(scope: Scope, path: Path, lookup: Lookup) -> None:
    what = f"{{{{ {shown(str(lookup))} }}}}"
    if not lookup.path:
        scope.report(path, f"{what} does not say which field", f"write {{{{ {lookup.name}.output }}}}")
    elif lookup.path[0] not in NODE_FIELDS:
        known = f"a node has {listed(NODE_FIELDS)}; a part of its output is {lookup.name}.output.…"
        scope.report(path, f"{what}: nodes have no field `{shown(lookup.path[0])}`", known)
    elif len(lookup.path) > 1 and lookup.path[0] != "output":
        fix = f"write {{{{ {lookup.name}.{lookup.path[0]} }}}}"
        scope.report(path, f"{what}: {lookup.path[0]} has no parts", fix)


def _check_input_field(scope: Scope, path: Path, lookup: Lookup) -> None:
    default = scope.inputs[lookup.name].default
    if lookup.path and isinstance(default, str | int | float):
        what = f"{{{{ {shown(str(lookup))} }}}}: the input {lookup.name} is one value and has no parts"
        scope.report(path, what, f"write {{{{ {lookup.name} }}}}")


def _report_unknown(scope: Scope, path: Path, lookup: Lookup, item: str | None) -> None:
    what = f"{{{{ {shown(str(lookup))} }}}}"
    if item is None and lookup.name in ("item", "items"):
        scope.report(path, f"{what}: this node has no map, so there is no item", "add `map: {items: …}`")
        return
    known = [*([item] if item else ()), *scope.inputs, *scope.ids]
    fix = scope.nearest.hint(lookup.name, known, f"known here: {listed(known)}" if known else "nothing is defined")
    scope.report(path, f"{what}: nothing here is called {shown(lookup.name)}", fix)


def check_needs(scope: Scope, at: Path, node_id: str, needs: Sequence[str]) -> None:
    """The needs that somebody wrote: known, none twice, not the node itself."""
    if len(set(needs)) == len(needs) and node_id not in needs and all(need in scope.ids for need in needs):
        return
    seen: set[str] = set()
    for index, need in enumerate(needs):
        path = (*at, "needs", index)
        if need == node_id:
            scope.report(path, f"{shown(node_id)} needs itself", "remove it from its needs")
        elif need in seen:
            scope.report(path, f"need `{shown(need)}` is there twice", "remove one of the two")
        elif need not in scope.ids:
            fix = scope.nearest.hint(need, scope.ids, f"the nodes are {listed(scope.ids)}")
            scope.report(path, f"there is no node `{shown(need)}`", fix)
        seen.add(need)


def check_node(scope: Scope, at: Path, node: Node) -> None:
    """What a node says for itself, beyond its lookups and needs."""
    _check_code(scope, at, node)
    if isinstance(node.spec, PromptSpec):
        check_model(scope, (*at, "model"), node.spec.model)
    if isinstance(node.spec, MergeSpec) and node.spec.summary is not None:
        check_model(scope, (*at, "merge", "summary"), node.spec.summary)
    if isinstance(node.spec, AgentSpec):
        _check_agent(scope, at, node.spec)
    if isinstance(node.spec, PlanSpec):
        check_model(scope, (*at, "plan", "model"), node.spec.model)
        if node.map is not None:
            scope.report(
                (*at, "map"), "a map cannot be planned further", "plan first, and map in the plan", at_key=True
            )
    for index, name in enumerate(node.retry.models):
        path = (*at, "retries", "models", index)
        check_model(scope, path, name)
        if isinstance(node.spec, PromptSpec) or (isinstance(node.spec, MergeSpec) and node.spec.summary is not None):
            continue
        scope.report(path, f"no model answers for `{shown(node.id)}`, so none can take over", "leave `models` out")
    if node.check is not None:
        _check_check(scope, (*at, "check"), node.check)
    if node.map is not None and node.map.name in scope.ids:
        scope.report((*at, "map", "as"), f"`{node.map.name}` is also the id of a node", "call the item otherwise")
    if node.map is not None and node.map.name in scope.inputs:
        scope.report((*at, "map", "as"), f"`{node.map.name}` is also the name of an input", "call the item otherwise")


def _check_agent(scope: Scope, at: Path, spec: AgentSpec) -> None:
    _check_context(scope, at, spec)
    if spec.model is not None:
        check_model(scope, (*at, "model"), spec.model)
    if spec.own is not None:
        if scope.planner:
            fix = f"name one of {listed(scope.team.agents)}" if scope.team.agents else "write a prompt node"
            scope.report((*at, "agent"), "a planner cannot define agents", fix)
    elif spec.agent not in scope.team.agents and (scope.planner or spec.agent.removesuffix("-acp") not in PROGRAMS):
        known = scope.team.agents if scope.planner else [*scope.team.agents, *PROGRAMS]
        fix = scope.nearest.hint(spec.agent, known, f"known are {listed(known)}" if known else "there are none here")
        scope.report((*at, "agent"), f"there is no agent `{shown(spec.agent)}`", fix)


def _check_context(scope: Scope, at: Path, spec: AgentSpec) -> None:
    """What an agent's instructions look up is in the context of the node."""
    agent = spec.own or scope.team.agents.get(spec.agent)
    if agent is None or "{{" not in agent.instructions:
        return
    where = (*at, "agent", "instructions") if spec.own is not None else (*at, "agent")
    segments, errors = parse_all(agent.instructions)
    for error in errors if spec.own is not None else ():
        scope.report(where, error.message, error.fix)
    missing = {segment.name for segment in segments if isinstance(segment, Lookup)} - set(spec.context)
    for name in sorted(missing):
        whose = "its instructions" if spec.own is not None else f"the instructions of {shown(spec.agent)}"
        fix = f"add `context: {{{name}: …}}` to the node"
        scope.report(where, f"{whose} look up {{{{ {shown(name)} }}}}, which is not in the node's context", fix)


def check_model(scope: Scope, path: Path, name: str) -> None:
    """A name that means a model: a tier, one of the task's own, or one at a provider."""
    if name in TIERS or name in scope.models or _MODEL_NAME.fullmatch(name):
        return
    fix = scope.nearest.hint(name, [*TIERS, *scope.models], "write a tier, a name from models, or provider/model")
    scope.report(path, f"there is no model `{shown(name)}`", fix)


def _check_check(scope: Scope, at: Path, check: Check) -> None:
    if isinstance(check.schema, str) and check.schema not in BUILTIN_SCHEMAS:
        fix = scope.nearest.hint(check.schema, BUILTIN_SCHEMAS, f"built in: {listed(BUILTIN_SCHEMAS)}")
        scope.report((*at, "schema"), f"there is no built-in schema `{shown(check.schema)}`", fix)
    if isinstance(check.schema, dict):
        _check_json_schema(scope, (*at, "schema"), check.schema)
    if check.regex is not None:
        try:
            re.compile(check.regex)
        except (re.error, RecursionError, OverflowError) as error:
            scope.report((*at, "regex"), f"not a regular expression: {shown(str(error), 100)}", "see Python's re")
    if check.min_chars is not None and check.max_chars is not None and check.min_chars > check.max_chars:
        scope.report((*at, "max_chars"), "max_chars is less than min_chars", "no output could be right")


def _check_json_schema(scope: Scope, path: Path, schema: Mapping[str, object]) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        inside = tuple(part for part in error.absolute_path)
        scope.report((*path, *inside), f"not a JSON Schema: {shown(error.message, 100)}", "see json-schema.org")


def _check_code(scope: Scope, at: Path, node: Node) -> None:
    """Code and scripts hold no lookups: what a model or a file says must never become part of a program."""
    match node.spec:
        case PythonSpec(code=str(code)):
            _check_script(scope, (*at, "python", "code"), code, node, "give it in `with` and read inputs['{name}']")
        case RunSpec(shell=str(shell)):
            fix = 'give it in `args`; the first arrives as "$1", the next as "$2"'
            _check_script(scope, (*at, "run", "shell"), shell, node, fix)
        case RunSpec(argv=argv):
            index = script_index(argv) if any("{{" in argument for argument in argv) else None
            if index is not None and "{{" in argv[index]:
                fix = 'give it as a further argument: [sh, -c, \'cat "$1"\', sh, "{{ x }}"]; it arrives as $1'
                scope.report((*at, "run", "argv", index), "a lookup inside a script could become part of it", fix)


def _check_script(scope: Scope, path: Path, code: str, node: Node, fix: str) -> None:
    if "{{" not in code:
        return
    item = node.map.name if node.map else None
    for found in _BRACES.finditer(code):
        name, fields = found.groups()
        if fields or name == item or name in scope.ids or name in scope.inputs:
            what = f"{shown(found.group())} inside code could become part of it"
            scope.report(path, what, fix.format(name=name))
            return


def script_index(argv: Sequence[str]) -> int | None:
    """Where in `argv` the code is that an interpreter is given on its command line, as in ``[sh, -c, code]``."""
    for start, word in enumerate(argv):
        name = word.rpartition("/")[2]
        for program, flag in _SCRIPT_FLAGS:
            if not program.fullmatch(name):
                continue
            for index in range(start + 1, len(argv) - 1):
                if flag.fullmatch(argv[index]):
                    return index + 1
    return None


def check_graph(scope: Scope, needs: Mapping[str, Sequence[str]]) -> None:
    """No node waits for itself through others."""
    others = {node: [need for need in wanted if need != node] for node, wanted in needs.items()}
    for cycle in graph.cycles(others):
        names = [shown(name) for name in cycle]
        text = " -> ".join(names if len(names) <= 24 else [*names[:12], f"({len(names) - 20} more)", *names[-8:]])
        fix = "remove one of these needs, or the lookup that implies it"
        scope.report(("nodes", cycle[0], "needs"), f"these nodes wait for each other: {text}", fix)


def check_size(scope: Scope, needs: Mapping[str, Sequence[str]]) -> None:
    """A plan that a model wrote stays within what a person can approve."""
    if len(needs) > PLANNER_MAX_NODES:
        fix = "use map for steps that are alike"
        scope.report(("nodes",), f"{len(needs)} nodes, and a planner may write {PLANNER_MAX_NODES}", fix)
    try:
        depth = len(graph.layers(needs))
    except graph.CycleError:
        return
    if depth > PLANNER_MAX_DEPTH:
        fix = "let steps that do not need each other run side by side"
        scope.report(("nodes",), f"{depth} steps one after the other, and a planner may write {PLANNER_MAX_DEPTH}", fix)
