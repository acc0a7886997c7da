"""A plan as a task file again: plain data in the task-file language, and readable YAML of it for the editor.

Reading what is written here gives the same plan back. Needs are all written out, those that lookups imply too, so
that whoever reads the file sees the graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from swarmtui.plan.model import (
    JSON,
    AgentSpec,
    AskSpec,
    Budget,
    Check,
    Condition,
    Input,
    Limits,
    MapSpec,
    MergeSpec,
    ModelRef,
    Node,
    Plan,
    PlanSpec,
    PromptSpec,
    PythonSpec,
    Retry,
    RunSpec,
    Task,
    When,
)
from swarmtui.plan.render_team import agent_document, team_document
from swarmtui.plan.yaml_source import plain_value


def plan_document(plan: Plan) -> dict[str, JSON]:
    """`plan` in the task-file language, as plain data: title, goal and nodes by id. What is default is left out."""
    return _present(
        title=plan.title,
        goal=plan.goal,
        **team_document(plan.team),
        nodes={node.id: node_document(node) for node in plan.nodes} or None,
    )


def task_document(task: Task) -> dict[str, JSON]:
    """`task` in the task-file language, as plain data."""
    return _present(
        title=task.title,
        goal=task.goal,
        inputs={one.name: _input(one) for one in task.inputs} or None,
        models={name: _model(model) for name, model in task.models.items()} or None,
        limits=_limits(task.limits) or None,
        **team_document(task.team),
        nodes={node.id: node_document(node) for node in task.plan.nodes} if task.plan else None,
    )


def plan_to_yaml(plan: Plan) -> str:
    """`plan` as the text of a task file; :func:`swarmtui.plan.taskfile.parse_task` gives it back."""
    return _dumped(plan_document(plan))


def nodes_to_yaml(nodes: Iterable[Node]) -> str:
    """Some nodes as the part ``nodes`` of a task file."""
    return _dumped({"nodes": {node.id: node_document(node) for node in nodes}})


def task_to_yaml(task: Task) -> str:
    """`task` as the text of a task file, inputs, models and limits included."""
    return _dumped(task_document(task))


def node_document(node: Node) -> dict[str, JSON]:
    """One node in the task-file language, its keys in the order in which people read them."""
    return _present(
        title=node.title,
        needs=_one_or_more(node.needs),
        when=None if node.when is When.ALL_SUCCEEDED else node.when.value,
        map=None if node.map is None else _map(node.map),
        **_spec(node),
        if_=_conditions(node.only_if) or None,
        report=node.report or None,
        parent=node.parent,
        check=None if node.check is None else _check(node.check),
        retries=None if node.retry == Retry() else _retry(node.retry),
        timeout=_number(node.timeout_s),
        pool=node.pool,
        tags=_one_or_more(node.tags),
        priority=node.priority or None,
        budget=None if node.budget is None else _budget(node.budget),
        estimate=_number(node.estimate_s),
        side_effects=node.side_effects,
        retry_safe=node.retry_safe or None,
    )


def _present(**parts: JSON) -> dict[str, JSON]:
    return {key.rstrip("_"): part for key, part in parts.items() if part is not None}


def _number(value: float | None) -> float | int | None:
    return int(value) if value is not None and value == int(value) and abs(value) < 1e15 else value


def _one_or_more(words: tuple[str, ...]) -> JSON:
    return None if not words else words[0] if len(words) == 1 else list(words)


def _budget(budget: Budget) -> dict[str, JSON]:
    return _present(
        usd=_number(budget.usd),
        tokens=budget.tokens,
        minutes=_number(budget.minutes),
        attempts=budget.attempts,
        warn=None if budget.warn == Budget().warn else _number(budget.warn),
    )


def _spec(node: Node) -> dict[str, JSON]:
    """The kind's key with its siblings."""
    match node.spec:
        case PromptSpec() as spec:
            model = None if spec.model == "worker" else spec.model
            return _present(
                system=spec.system,
                prompt=spec.prompt,
                model=model,
                max_tokens=spec.max_tokens,
                temperature=_number(spec.temperature),
                turns=None if spec.turns == 1 else spec.turns,
            )
        case RunSpec() as spec:
            return {"run": _run(spec)}
        case PythonSpec() as spec:
            code = spec.code if spec.code is not None else {"file": spec.file}
            return _present(python=code, with_=spec.values or None)
        case MergeSpec() as spec:
            rank = None if spec.rank == "severity" else spec.rank
            merge = _present(dedupe=None if spec.dedupe else False, rank=rank, title=spec.title, summary=spec.summary)
            return {"merge": merge or True}
        case AskSpec() as spec:
            choices = list(spec.choices)
            return {"ask": {"question": spec.question, "choices": choices} if choices else spec.question}
        case AgentSpec() as spec:
            agent = spec.agent if spec.own is None else agent_document(spec.own)
            return _present(agent=agent, prompt=spec.prompt, model=spec.model, context=dict(spec.context) or None)
        case PlanSpec() as spec:
            return {"plan": _plan(spec)}


def _plan(spec: PlanSpec) -> JSON:
    more = _present(
        model=None if spec.model == "planner" else spec.model,
        instructions=spec.instructions,
        approve=None if spec.approve == "ask" else spec.approve,
        nodes=None if spec.nodes == PlanSpec("").nodes else spec.nodes,
        agents=list(spec.agents) or None,
        must_have=list(spec.must_have) or None,
        iterations=None if spec.iterations == 1 else spec.iterations,
    )
    return {"goal": spec.goal} | more if more else spec.goal


def _conditions(conditions: tuple[Condition, ...]) -> dict[str, JSON]:
    return {one.lookup: one.values[0] if len(one.values) == 1 else list(one.values) for one in conditions}


def _run(spec: RunSpec) -> JSON:
    ok_exit = None if spec.ok_exit == (0,) else list(spec.ok_exit)
    more = _present(cwd=spec.cwd, env=dict(spec.env) or None, stdin=spec.stdin, ok_exit=ok_exit)
    if spec.shell is not None:
        return _present(shell=spec.shell, args=list(spec.argv) or None) | more
    return {"argv": list(spec.argv)} | more if more else list(spec.argv)


def _map(mapped: MapSpec) -> JSON:
    items = mapped.node or mapped.path or list(mapped.values or ())
    name = None if mapped.name == "item" else mapped.name
    tolerate = _number(mapped.tolerate) or None
    duplicates = None if mapped.duplicates == "run" else mapped.duplicates
    return _present(
        items=items,
        as_=name,
        limit=mapped.limit,
        tolerate=tolerate,
        duplicates=duplicates,
        field=mapped.field,
        keep_items=mapped.keep_items or None,
    )


def _check(check: Check) -> JSON:
    command = None if check.command is None else list(check.command)
    return _present(
        schema=check.schema,
        regex=check.regex,
        min_chars=check.min_chars,
        max_chars=check.max_chars,
        command=command,
    )


def _retry(retry: Retry) -> JSON:
    if retry == Retry(retry.limit):
        return retry.limit
    models = list(retry.models) or None
    return _present(limit=retry.limit, base=_number(retry.base_s), cap=_number(retry.cap_s), models=models)


def _input(one: Input) -> JSON:
    if not one.help and not one.required and not isinstance(one.default, dict):
        return one.default
    return _present(default=one.default, help=one.help or None, required=one.required or None)


def _model(model: str | ModelRef) -> JSON:
    if isinstance(model, str):
        return model
    has_price = model.price_in is not None and model.price_out is not None
    return _present(
        provider=None if model.provider == "custom" else model.provider,
        dialect=None if model.dialect == "openai-chat" else model.dialect,
        base_url=model.base_url,
        model=model.model,
        api_key_env=model.api_key_env,
        price=_present(
            **{"in": _number(model.price_in), "out": _number(model.price_out), "cached": _number(model.price_cached)}
        )
        if has_price
        else None,
        context=model.context,
    )


def _limits(limits: Limits) -> dict[str, JSON]:
    total = {} if limits.concurrency is None else {"all": limits.concurrency}
    return _present(
        concurrency={**total, **limits.pools} if limits.pools else limits.concurrency,
        budget=_budget(limits.budget) or None,
        tags=dict(limits.tags) or None,
        ramp=_number(limits.ramp_s) or None,
        replan=limits.replan or None,
        replan_approve=None if limits.replan_approve == "ask" else limits.replan_approve,
    )


_FLOW_WIDTH = 90
_INLINE = frozenset({"needs", "run", "argv", "args", "ok_exit", "choices", "tags", "command", "models"})
"""Keys whose lists stand in one line if they fit."""


class _Inline(list[Any]):
    """A list that stands in one line."""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks and repeats what is equal instead of making aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    if not text.replace("\n", "").isprintable() or plain_value(text)[1] is not None:
        style = '"'  # line separators and the like are escaped, and so is what YAML would read as another value
    else:
        style = "|" if "\n" in text else ""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_inline(dumper: yaml.SafeDumper, parts: _Inline) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", parts, flow_style=True)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_Inline, _represent_inline)


def _dumped(document: JSON) -> str:
    text = yaml.dump(
        _laid_out(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**30, default_flow_style=False
    )
    return str(text)


def _laid_out(value: JSON, key: str = "") -> JSON:
    """`value` with the short lists of `_INLINE` keys marked to stand in one line."""
    if isinstance(value, dict):
        return {name: _laid_out(part, name) for name, part in value.items()}
    if not isinstance(value, list):
        return value
    short = sum(len(part) + 4 if isinstance(part, str) else 8 for part in value) <= _FLOW_WIDTH
    plain = not any(isinstance(part, dict | list) or "\n" in str(part) for part in value)
    return _Inline(value) if key in _INLINE and short and plain else [_laid_out(part) for part in value]
