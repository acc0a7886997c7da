"""From the language's models to a plan's values, one node at a time, with short forms written out."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from swarmtui.plan import checks
from swarmtui.plan.build_team import build_agent, text_of
from swarmtui.plan.checks import Scope
from swarmtui.plan.language import (
    BESIDE,
    AskModel,
    BudgetModel,
    CheckModel,
    LimitsModel,
    MapModel,
    MergeModel,
    ModelModel,
    NodeModel,
    PythonModel,
    RetriesModel,
    RunModel,
    known_keys,
)
from swarmtui.plan.lookup import Lookup, TemplateError, parse
from swarmtui.plan.model import (
    JSON,
    KINDS,
    AgentSpec,
    AskSpec,
    Budget,
    Check,
    Condition,
    Limits,
    MapSpec,
    MergeSpec,
    ModelRef,
    Node,
    PlanSpec,
    PromptSpec,
    PythonSpec,
    Retry,
    RunSpec,
    Spec,
    When,
)
from swarmtui.plan.problems import Path, listed, shown
from swarmtui.plan.team_language import PlanModel
from swarmtui.plan.wording import described, findings_of

_SIBLINGS: dict[str, tuple[str, ...]] = {
    "prompt": ("system", "model", "max_tokens", "temperature", "turns"),
    "python": ("with",),
    "agent": ("prompt", "model", "context"),
}
"""Keys beside a kind's own key that only nodes of these kinds have."""
_ARTICLE = {"agent": "an", "ask": "an"}


def build_nodes(scope: Scope, written: Mapping[str, JSON]) -> tuple[Node, ...]:
    """The nodes of `written` (id -> what the task file says), as far as they can be read.

    Everything that is wrong, with a single node or with the graph, goes to `scope`.
    """
    nodes: list[Node] = []
    edges: dict[str, tuple[str, ...]] = {}
    for node_id, data in written.items():
        node, is_whole = _build_node(scope, node_id, data)
        if node is not None and is_whole:
            nodes.append(node)
        edges[node_id] = node.needs if node is not None else _rough_needs(data)
    checks.check_graph(scope, edges)
    return tuple(nodes)


def _rough_needs(data: JSON) -> tuple[str, ...]:
    needs = data.get("needs", ()) if isinstance(data, dict) else ()
    rough = [needs] if isinstance(needs, str) else needs if isinstance(needs, list) else ()
    return tuple(need for need in rough if isinstance(need, str))


def _build_node(scope: Scope, node_id: str, data: JSON) -> tuple[Node | None, bool]:
    """The node as far as it can be read, and whether that is all of it."""
    at: Path = ("nodes", node_id)
    if not isinstance(data, dict):
        fix = "write what it does, such as {prompt: …} or {run: […]}"
        scope.report(at, f"node {shown(node_id)} must be a mapping, not {described(data)}", fix)
        return None, False
    has_kind = _check_kind(scope, at, data)
    model, is_whole = _read_node(scope, at, data)
    spec = _spec(scope, at, model) if model is not None and has_kind else None
    if model is None or spec is None:
        return None, False
    written = tuple(model.needs or ())
    checks.check_needs(scope, at, node_id, written)
    mapped = _map(scope, model.map)
    conditions = _conditions(scope, at, model.if_)
    looked_up = [(("if",), f"{{{{ {one.lookup} }}}}") for one in conditions]
    implied = checks.trace_lookups(scope, at, spec, mapped, looked_up, whole=is_whole)
    if node_id in implied and node_id not in written:
        scope.report(at, f"{shown(node_id)} looks itself up", "a node cannot wait for its own output", at_key=True)
    node = _assembled(node_id, model, spec, mapped, tuple(dict.fromkeys((*written, *implied))), conditions)
    checks.check_node(scope, at, node)
    return node, is_whole


def _read_node(scope: Scope, at: Path, data: Mapping[str, JSON]) -> tuple[NodeModel | None, bool]:
    """What `data` says, without the keys that are wrong in it, so that what is right is checked further all the same;
    and whether no key was left out."""
    try:
        return NodeModel.model_validate(data), True
    except ValidationError as error:
        scope.findings += findings_of(error, at, data, scope.nearest)
        wrong = {one["loc"][0] for one in error.errors(include_url=False) if one["loc"]}
    if not any(key in data and key not in wrong for key in KINDS):
        return None, False
    return NodeModel.model_validate({key: part for key, part in data.items() if key not in wrong}), False


def _conditions(scope: Scope, at: Path, written: Mapping[str, JSON] | None) -> tuple[Condition, ...]:
    """What ``if`` asks for; a value that is a list means one of its parts."""
    found = []
    for lookup, value in (written or {}).items():
        bare = lookup.strip().removeprefix("{{").removesuffix("}}").strip()
        try:
            parsed = parse(f"{{{{ {bare} }}}}")
        except TemplateError as error:
            scope.report((*at, "if", lookup), error.message, "write triage.output.next: research", at_key=True)
            continue
        if len(parsed) == 1 and isinstance(parsed[0], Lookup):
            found.append(Condition(str(parsed[0]), tuple(value) if isinstance(value, list) else (value,)))
    return tuple(found)


def _assembled(
    node_id: str,
    model: NodeModel,
    spec: Spec,
    mapped: MapSpec | None,
    needs: tuple[str, ...],
    conditions: tuple[Condition, ...],
) -> Node:
    return Node(
        id=node_id,
        spec=spec,
        needs=needs,
        title=model.title,
        when=When(model.when),
        map=mapped,
        retry=_retry(model.retries),
        timeout_s=model.timeout,
        check=_check(model.check),
        pool=model.pool,
        tags=tuple(dict.fromkeys(model.tags or ())),
        priority=model.priority,
        budget=_budget(model.budget),
        estimate_s=model.estimate,
        side_effects=model.side_effects,
        retry_safe=model.retry_safe,
        only_if=conditions,
        report=model.report,
        parent=model.parent,
    )


def _check_kind(scope: Scope, at: Path, data: Mapping[str, JSON]) -> bool:
    """Whether `data` has exactly one kind, and no key that belongs to another one."""
    kinds = [key for key in KINDS if key in data]
    kinds = [kind for kind in kinds if not any(kind in BESIDE.get(other, ()) for other in kinds)]
    if len(kinds) != 1:
        if len(kinds) > 1:
            message = f"node {shown(at[1] if isinstance(at[1], str) else '')} has {' and '.join(kinds)}"
            scope.report((*at, kinds[1]), message, "a node has one of them: make two nodes of it", at_key=True)
        elif not _misspells_kind(scope, at, data):  # that the key is unknown is told, and is all that is wrong
            message = f"node {shown(str(at[1]))} does not say what it does"
            scope.report(at, message, f"give it one of {listed(KINDS)}", at_key=True)
        return False
    own = _SIBLINGS.get(kinds[0], ())
    for kind, siblings in _SIBLINGS.items():
        for key in siblings:
            if key in data and key not in (*own, kinds[0]) and kind != kinds[0]:
                message = f"`{key}` belongs to {kind} nodes, and this is {_ARTICLE.get(kinds[0], 'a')} {kinds[0]} node"
                scope.report((*at, key), message, "remove it", at_key=True)
    return True


def _misspells_kind(scope: Scope, at: Path, data: Mapping[str, JSON]) -> bool:
    """Whether a key of `data` was probably meant to be that of a kind."""
    known = known_keys(at)
    return any(key not in known and scope.nearest.meant(key, known) in KINDS for key in data)


def _spec(scope: Scope, at: Path, model: NodeModel) -> Spec | None:
    written = model.model_fields_set
    if "agent" in written:
        return _agent(scope, at, model)
    if "plan" in written:
        return _plan(scope, at, model.plan)
    if "prompt" in written:
        return PromptSpec(
            model.prompt, model.system, model.model or "worker", model.max_tokens, model.temperature, model.turns or 1
        )
    if "run" in written:
        return _run(scope, (*at, "run"), model.run)
    if "python" in written:
        return _python(scope, at, model)
    if "merge" in written:
        merge = model.merge if isinstance(model.merge, MergeModel) else MergeModel()
        return MergeSpec(merge.dedupe, merge.rank, merge.title, merge.summary)
    if isinstance(model.ask, AskModel):
        return AskSpec(model.ask.question, tuple(model.ask.choices or ()))
    return AskSpec(model.ask)


def _agent(scope: Scope, at: Path, model: NodeModel) -> AgentSpec | None:
    if "prompt" not in model.model_fields_set:
        scope.report((*at, "agent"), "the agent has nothing to do", "say what, as `prompt: …` beside it", at_key=True)
        return None
    if isinstance(model.agent, str):
        return AgentSpec(model.agent, model.prompt, None, model.model, model.context or {})
    own = build_agent(scope, (*at, "agent"), model.agent, scope.team, scope.folder)
    return AgentSpec("self", model.prompt, own, model.model, model.context or {})


def _plan(scope: Scope, at: Path, plan: str | PlanModel) -> PlanSpec:
    if isinstance(plan, str):
        return PlanSpec(plan)
    told = plan.instructions
    told = None if told is None else text_of(scope, (*at, "plan", "instructions"), told, scope.folder)
    named = {"agents": tuple(plan.agents or ()), "must_have": tuple(plan.must_have or ())}
    for key, names in named.items():
        known = named["agents"] if key == "must_have" and named["agents"] else scope.team.agents
        for index, name in enumerate(names):
            if name not in known:
                fix = scope.nearest.hint(name, known, f"the agents are {listed(known)}" if known else "there are none")
                scope.report((*at, "plan", key, index), f"there is no agent `{shown(name)}`", fix)
    return PlanSpec(
        plan.goal,
        plan.model,
        told,
        plan.approve,
        plan.nodes,
        agents=named["agents"],
        must_have=named["must_have"],
        iterations=plan.iterations,
    )


def _run(scope: Scope, at: Path, run: list[str] | RunModel) -> RunSpec | None:
    if isinstance(run, list):
        return RunSpec(tuple(run))
    written = run.model_fields_set
    if ("argv" in written) == ("shell" in written):
        fix = "write {argv: [program, …]} or {shell: script, args: […]}"
        scope.report(at, "run has both argv and shell" if "argv" in written else "run has no argv", fix, at_key=True)
        return None
    if "args" in written and "argv" in written:
        scope.report((*at, "args"), "args are for a shell script", "add them to argv", at_key=True)
    return RunSpec(
        argv=tuple(run.argv if "argv" in written else run.args or ()),
        shell=run.shell,
        cwd=run.cwd,
        env=run.env or {},
        stdin=run.stdin,
        ok_exit=tuple(run.ok_exit) if isinstance(run.ok_exit, list) else (run.ok_exit,),
    )


def _python(scope: Scope, at: Path, model: NodeModel) -> PythonSpec | None:
    beside = model.with_ if "with" in model.model_fields_set or "with_" in model.model_fields_set else None
    if isinstance(model.python, str):
        return PythonSpec(code=model.python, values=beside or {})
    python: PythonModel = model.python
    written = python.model_fields_set
    if ("code" in written) == ("file" in written):
        message = "python has both code and file" if "code" in written else "python has neither code nor file"
        scope.report((*at, "python"), message, "write {file: …} or {code: …}", at_key=True)
        return None
    if python.with_ and beside:
        scope.report((*at, "with"), "`with` is there twice, here and in python", "keep one of the two", at_key=True)
    return PythonSpec(code=python.code, file=python.file, values=python.with_ or beside or {})


def _map(scope: Scope, mapped: MapModel | None) -> MapSpec | None:
    if mapped is None:
        return None
    items = mapped.items
    if isinstance(items, list):
        path, values, node = None, tuple(items), None
    else:
        node = _node_named(items, scope)
        path, values = (items if node is None else None), None
    how = (mapped.limit, mapped.tolerate, mapped.duplicates, mapped.field, mapped.keep_items)
    return MapSpec(mapped.as_, path, values, node, *how)


def _node_named(items: str, scope: Scope) -> str | None:
    """The node that `items` means: its id, or a lookup of its output and nothing else."""
    if items in scope.ids:
        return items
    try:
        segments = parse(items.strip()) if "{{" in items else ()
    except TemplateError:
        return None
    match segments:
        case (Lookup(name, ("output",)),) if name in scope.ids:
            return name
    return None


def _retry(retries: int | RetriesModel | None) -> Retry:
    if retries is None:
        return Retry()
    if isinstance(retries, int):
        return Retry(retries)
    return Retry(retries.limit, retries.base, retries.cap, tuple(retries.models or ()))


def _budget(budget: BudgetModel | None) -> Budget | None:
    if budget is None:
        return None
    return Budget(budget.usd, budget.tokens, budget.minutes, budget.attempts, budget.warn)


def _check(check: CheckModel | None) -> Check | None:
    if check is None:
        return None
    command = None if check.command is None else tuple(check.command)
    return Check(check.schema_, check.regex, check.min_chars, check.max_chars, command)


def build_limits(limits: LimitsModel | None) -> Limits:
    """`limits` as a value; the pool ``all`` of the file is the total."""
    if limits is None:
        return Limits()
    total: int | None = None
    pools: dict[str, int] = {}
    match limits.concurrency:
        case int(number):
            total = number
        case dict(numbers):
            pools = {name: number for name, number in numbers.items() if name != "all"}
            total = numbers.get("all")
    budget = _budget(limits.budget) or Budget()
    amounts = (budget.usd, budget.tokens, budget.minutes, budget.attempts, budget.warn)
    again = (limits.replan, limits.replan_approve)
    return Limits(total, pools, *amounts, dict(limits.tags or {}), limits.ramp, {}, *again)


def build_model(model: str | ModelModel) -> str | ModelRef:
    """Where a model answers. What is described without a provider's name is ``custom``, or the simulated one."""
    if isinstance(model, str):
        return model
    price = model.price if "price" in model.model_fields_set else None
    return ModelRef(
        provider=model.provider or ("simulated" if model.dialect == "simulated" else "custom"),
        model=model.model,
        dialect=model.dialect,
        base_url=model.base_url,
        api_key_env=model.api_key_env,
        price_in=price.in_ if price else None,
        price_out=price.out if price else None,
        context=model.context,
        price_cached=price.cached if price else None,
    )
