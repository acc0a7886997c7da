"""A node as the fields of a form, and what was written there as operations on the plan. Pure.

A form edits what people edit; whatever else the node says (a budget, a pool, a system prompt, …) stays as it is.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Literal

import yaml

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON, KINDS, Input, ModelRef, Node, Plan
from swarmtui.plan.problems import Problem, TaskError
from swarmtui.plan.render import node_document

Name = Literal[
    "name", "kind", "needs", "agent", "model", "how", "body", "choices", "tools", "when", "items", "as", "retries",
    "check",
]  # fmt: skip
GENERAL = ""
"""Where an error is told that belongs to no field."""
SHOWN_ITEMS = 2_000
"""Characters of a list of items that a line of a form holds; a longer one is left alone."""
Values = dict[str, str | tuple[str, ...]]
Operation = dict[str, JSON]


@frozen
class Field:
    """One field of the form."""

    name: Name
    label: str
    shape: Literal["line", "text", "choice", "needs"] = "line"
    kinds: tuple[str, ...] = KINDS
    """The kinds of node that have it."""
    options: tuple[str, ...] = ()
    hint: str = ""


WHENS = ("all_succeeded", "all_done", "any_succeeded")
FIELDS: tuple[Field, ...] = (
    Field("name", "name", hint="whatever names the node follows"),
    Field("kind", "kind", "choice", options=KINDS),
    Field("needs", "needs", "needs", hint="type to filter, space marks"),
    Field("agent", "agent", kinds=("agent",), hint="of the team, or a program such as claude"),
    Field("model", "model", kinds=("prompt", "agent", "plan"), hint="planner, worker, small … or provider/model"),
    Field("how", "runs as", "choice", ("run",), ("command", "shell script")),
    Field(
        "body",
        "prompt",
        "text",
        ("prompt", "run", "python", "ask", "agent", "plan"),
        hint="{{ node.output }} looks a node up",
    ),
    Field("choices", "choices", kinds=("ask",), hint="a, b; none: free text"),
    Field("tools", "tools", kinds=("agent",), hint="web_search, crawl, read_file, …"),
    Field("items", "items", hint="once per item: docs.jsonl, a node, or [a, b]"),
    Field("as", "item called", hint="item"),
    Field("when", "when", "choice", options=WHENS, hint="which ends of its needs let it start"),
    Field("retries", "retries", hint="tries after the first one"),
    Field("check", "check", hint="schema: findings, min_chars: 20"),
)
BODY_LABELS = {"run": "command", "python": "code", "ask": "question", "plan": "goal"}
_OF_KIND: dict[str, tuple[str, ...]] = {
    "prompt": ("prompt", "system", "model", "max_tokens", "temperature", "turns"),
    "run": ("run",),
    "python": ("python", "with"),
    "merge": ("merge",),
    "ask": ("ask",),
    "agent": ("agent", "prompt", "model", "context"),
    "plan": ("plan",),
}
_SPECIFIC = frozenset(key for keys in _OF_KIND.values() for key in keys)


class Unreadable(ValueError):
    """What is written in a field says nothing; `field` is which."""

    def __init__(self, field: Name, message: str) -> None:
        super().__init__(message)
        self.field = field


def kind_of(document: Mapping[str, JSON]) -> str:
    """The kind of a node as the task file says it."""
    return next((kind for kind in ("agent", *KINDS) if kind in document), "prompt")


# -- from the plan to the form ----------------------------------------------------------------------------------


def values_of(name: str, document: Mapping[str, JSON]) -> Values:
    """What the form shows of a node."""
    kind = kind_of(document)
    needs = document.get("needs") or ()
    values: Values = {
        "name": name,
        "kind": kind,
        "needs": (needs,) if isinstance(needs, str) else tuple(needs),
        "agent": "",
        "model": "",
        "how": "command",
        "body": "",
        "choices": "",
        "tools": "",
        "items": "",
        "as": "",
        "when": str(document.get("when", WHENS[0])),
        "retries": "",
        "check": _flow(document.get("check")),
    }
    retries = document.get("retries")
    values["retries"] = str(retries.get("limit", 0) if isinstance(retries, Mapping) else retries or "")
    mapped = document.get("map")
    if isinstance(mapped, Mapping):
        values["items"], values["as"] = _items_text(mapped.get("items")), str(mapped.get("as") or "")
    return values | _kind_values(kind, document)


def _kind_values(kind: str, document: Mapping[str, JSON]) -> Values:
    match kind:
        case "run":
            return _run_values(document["run"])
        case "python":
            code = document["python"]
            return {"body": code if isinstance(code, str) else f"file: {code.get('file', '')}"}
        case "ask":
            ask = document["ask"]
            if isinstance(ask, str):
                return {"body": ask}
            return {"body": ask["question"], "choices": ", ".join(ask.get("choices") or ())}
        case "plan":
            goal = document["plan"]
            inner: Mapping[str, JSON] = {} if isinstance(goal, str) else goal
            return {"body": goal if isinstance(goal, str) else goal["goal"], "model": inner.get("model", "")}
        case "agent":
            agent = document["agent"]
            own = agent if isinstance(agent, Mapping) else {}
            told = {"agent": "" if own else str(agent), "tools": ", ".join(own.get("tools") or ())}
            model = document.get("model") or own.get("model") or ""
            return {**told, "body": document.get("prompt", ""), "model": model}
        case "prompt":
            return {"body": document.get("prompt", ""), "model": document.get("model", "")}
        case _:
            return {}


def _run_values(run: JSON) -> Values:
    if isinstance(run, Mapping) and "shell" in run:
        return {"body": run["shell"], "how": "shell script"}
    argv = run.get("argv", ()) if isinstance(run, Mapping) else run
    return {"body": shlex.join(argv), "how": "command"}


def _items_text(items: JSON) -> str:
    if isinstance(items, str):
        return items
    text = json.dumps(items, ensure_ascii=False)
    return text if len(text) <= SHOWN_ITEMS else f"({len(items):,} items, left as they are)"


def _flow(value: JSON) -> str:
    """A mapping in one line, without its braces."""
    if not value:
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=2**30, allow_unicode=True).strip()
    return text[1:-1] if text.startswith("{") and text.endswith("}") else text


def merged(first: Values, written: Values, now: Values) -> Values:
    """What was `written` in a form that began with `first`, in one that begins with `now`.

    A field that nobody touched says what the plan says by now.
    """
    return {name: value if value != first.get(name) else now.get(name, value) for name, value in written.items()}


# -- from the form to the plan ----------------------------------------------------------------------------------


def document_of(base: Mapping[str, JSON], values: Values) -> dict[str, JSON]:
    """The node as the form says it, on the ground of what it said before. Raises Unreadable."""
    before = values_of(str(values["name"]), base) if base else None
    document = deepcopy(dict(base))
    kind = str(values["kind"])
    if before is None or before["kind"] != kind:
        for key in _SPECIFIC - set(_OF_KIND[kind]):
            document.pop(key, None)
        if kind == "prompt":
            document.pop("agent", None)

    def touched(*names: Name) -> bool:
        return before is None or before["kind"] != kind or any(before[name] != values[name] for name in names)

    if touched("agent", "model", "how", "body", "choices", "tools"):
        _write_kind(document, kind, values)
    if touched("needs"):
        _put(document, "needs", list(values["needs"]))
    if touched("when"):
        _put(document, "when", None if values["when"] == WHENS[0] else values["when"])
    if touched("retries"):
        _write_retries(document, str(values["retries"]).strip())
    if touched("check"):
        _put(document, "check", _mapping("check", str(values["check"])))
    if touched("items", "as"):
        _write_map(document, str(values["items"]).strip(), str(values["as"]).strip())
    return document


def _put(document: dict[str, JSON], key: str, value: JSON) -> None:
    if value in (None, [], {}, ""):
        document.pop(key, None)
    else:
        document[key] = value


def _write_kind(document: dict[str, JSON], kind: str, values: Values) -> None:
    body, model = str(values["body"]), str(values["model"]).strip()
    match kind:
        case "prompt":
            document["prompt"] = body
            _put(document, "model", model)
        case "agent":
            document["prompt"] = body
            _write_agent(document, values, model)
        case "run":
            _write_run(document, body, str(values["how"]))
        case "python":
            said = document.get("python")
            if body.startswith("file: "):
                document["python"] = {**(said if isinstance(said, dict) else {}), "file": body[6:].strip()}
            else:
                document["python"] = body
        case "merge":
            document.setdefault("merge", True)
        case "ask":
            choices = _words(str(values["choices"]))
            document["ask"] = {"question": body, "choices": choices} if choices else body
        case "plan":
            said = document.get("plan")
            more = {key: value for key, value in (said if isinstance(said, dict) else {}).items() if key != "model"}
            more |= {"goal": body} | ({"model": model} if model and model != "planner" else {})
            document["plan"] = body if set(more) == {"goal"} else more


def _write_agent(document: dict[str, JSON], values: Values, model: str) -> None:
    named, tools = str(values["agent"]).strip(), _words(str(values["tools"]))
    said = document.get("agent")
    if named:
        if tools:
            raise Unreadable("tools", f"{named} has the tools that the team gives it: leave one of the two empty")
        document["agent"] = named
        _put(document, "model", model)
        return
    own = deepcopy(said) if isinstance(said, dict) else {}
    own.setdefault("instructions", "Do what you are asked, and answer with what you found.")
    _put(own, "tools", tools)
    if "model" in document or not model:
        _put(document, "model", model)
    else:
        _put(own, "model", None if model == "worker" else model)
    document["agent"] = own


def _write_run(document: dict[str, JSON], body: str, how: str) -> None:
    said = document.get("run")
    more = dict(said) if isinstance(said, dict) else {}
    if how != "command":
        args = more.pop("argv", None) if "shell" not in more else None
        document["run"] = {**more, "shell": body} | ({"args": args[1:]} if args and args[1:] else {})
        return
    try:
        argv = shlex.split(body)
    except ValueError as error:
        raise Unreadable("body", f"no command line: {error}") from None
    more.pop("shell", None)
    more.pop("args", None)
    document["run"] = {**more, "argv": argv} if more.keys() - {"argv"} else argv


def _write_retries(document: dict[str, JSON], text: str) -> None:
    if text and not re.fullmatch(r"[0-9]{1,4}", text):
        raise Unreadable("retries", "write a number such as 3, or nothing")
    said = document.get("retries")
    if isinstance(said, dict) and int(text or 0):
        said["limit"] = int(text)
    else:
        _put(document, "retries", int(text or 0) or None)


def _write_map(document: dict[str, JSON], items: str, name: str) -> None:
    said = document.get("map")
    mapped = said if isinstance(said, dict) else {}
    if not items:
        if name:
            raise Unreadable("items", "say which items, or leave out how they are called")
        document.pop("map", None)
        return
    if "items" not in mapped or items != _items_text(mapped["items"]):  # of a long list the form says only how long
        mapped["items"] = _list(items) if items.startswith("[") else items
    _put(mapped, "as", name)
    document["map"] = mapped


def _list(text: str) -> JSON:
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise Unreadable("items", "write a file, a node, or a list such as [a, b]")
    return found


def _mapping(field: Name, text: str) -> JSON:
    if not text.strip():
        return None
    try:
        found = yaml.safe_load(f"{{{text}}}")
    except (yaml.YAMLError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unreadable(field, "write it as in `schema: findings, min_chars: 20`")
    return found


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def operations(name: str | None, base: Mapping[str, JSON], values: Values) -> list[Operation]:
    """What makes the plan say what the form does; `name` is None for a node that is new. Raises Unreadable."""
    document, wanted = document_of(base, values), str(values["name"]).strip()
    if not wanted:
        raise Unreadable("name", "a node has a name: begin with a letter")
    if name is None:
        return [{"op": "add", "node": wanted, "value": document}]
    changed = [key for key in dict.fromkeys((*base, *document)) if base.get(key) != document.get(key)]
    found: list[Operation] = [{"op": "set", "node": name, "field": key, "value": document.get(key)} for key in changed]
    return [*found, {"op": "rename", "node": name, "to": wanted}] if wanted != name else found


# -- what is wrong with it --------------------------------------------------------------------------------------


@frozen
class Ground:
    """What an edit is checked against: as the session will."""

    plan: Plan
    inputs: Mapping[str, JSON]
    models: Mapping[str, ModelRef]


def errors_of(ground: Ground, ops: list[Operation], *names: str) -> dict[str, str]:
    """What would be wrong with the plan after `ops`, by the field to blame of the node that goes by `names`."""
    from swarmtui.plan.operations import read_ops  # the task-file language takes a while to load: this is for a thread

    inputs = [Input(given, value) for given, value in ground.inputs.items()]
    try:
        read_ops(ground.plan, ops, inputs=inputs, models=ground.models)
    except TaskError as error:
        return at_fields(error.problems, *names)
    return {}


_FIELD_OF: dict[str, Name] = {
    "prompt": "body", "run": "body", "python": "body", "ask": "body", "plan": "body", "with": "body", "needs": "needs",
    "model": "model", "agent": "agent", "map": "items", "when": "when", "retries": "retries", "check": "check",
}  # fmt: skip


def at_fields(problems: Iterable[Problem], *names: str) -> dict[str, str]:
    """Problems by field, each a sentence with its mend; those of other nodes name them."""
    found: dict[str, str] = {}
    for problem in problems:
        told = ": ".join(part for part in (problem.message, problem.fix) if part)
        _, _, rest = problem.path.partition("nodes.")
        node, _, key = rest.partition(".")
        field: str = _FIELD_OF.get(re.split(r"[.\[]", key)[0], "name" if node in names and not key else GENERAL)
        if node and node not in names:
            field = "needs" if "wait for each other" in problem.message else GENERAL
            told = told if node in told else f"{node}: {told}"
        if "agent.tools" in problem.path:
            field = "tools"
        if "model" in key.split("."):
            field = "model"
        found[field] = f"{found[field]}\n{told}" if field in found else told
    return found


def new_name(ids: Iterable[str], start: str = "step") -> str:
    """An id that is not among `ids`."""
    taken = {node_id.casefold() for node_id in ids}
    return next(f"{start}-{number}" for number in range(1, len(taken) + 2) if f"{start}-{number}" not in taken)


def base_of(node: Node | None) -> dict[str, JSON]:
    """What a node says, as the form's ground."""
    return {} if node is None else node_document(node)
