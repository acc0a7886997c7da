"""What the child process of :mod:`swarmtui.agents.tools.functions` does: describe one function, or call it once.

A request on stdin, one answer as JSON on stdout. What the function itself prints goes to stderr.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from swarmtui.agents.swarm.functions import CONTEXT, BadArguments, schema_of, takes_context, validated
from swarmtui.safety.permissions import Effect

EFFECT = "swarmtui_effect"
UNTRUSTED = "swarmtui_untrusted"
_RESULT_KEYS = frozenset({"value", "agent", CONTEXT})


class Wrong(Exception):
    """The request cannot be met; the message is for the user or the model."""


def serve() -> None:
    """Answer the one request."""
    asked = json.loads(sys.stdin.buffer.read())
    answers = os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    try:
        function = loaded(Path(asked["file"]), asked["function"])
        answer = described(function) if asked["do"] == "describe" else carried_out(function, asked)
    except Wrong as wrong:
        answer = {"problem": str(wrong)}
    with os.fdopen(answers, "w", encoding="utf-8", errors="replace") as out:
        out.write(json.dumps(answer))


def loaded(path: Path, name: str) -> Callable[..., Any]:
    """The function `name` of a file, which is run as a module. Raises Wrong."""
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path)]
    module = _module(path)
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        raise Wrong(f"{path} has no function {name}; it has: {', '.join(known[:20]) or 'none'}")
    return function  # type: ignore[no-any-return]


def _module(path: Path) -> ModuleType:
    name = path.stem if path.stem not in sys.modules and path.stem.isidentifier() else f"_functions_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Wrong(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise Wrong(_told(error, path)) from error
    return module


def described(function: Callable[..., Any]) -> dict[str, Any]:
    """What a model is told of `function`, its effect, and whether anybody may have written what it gives back.
    Raises Wrong."""
    effect = getattr(function, EFFECT, Effect.WRITE)
    if effect not in [known.value for known in Effect]:
        raise Wrong(f"{EFFECT} is {effect!r}; it has to be one of: {', '.join(Effect)}")
    untrusted = getattr(function, UNTRUSTED, effect != Effect.NONE)
    if not isinstance(untrusted, bool):
        raise Wrong(f"{UNTRUSTED} is {untrusted!r}; it has to be True or False")
    try:
        schema = schema_of(function)
    except ValueError as error:
        raise Wrong(str(error)) from error
    description = inspect.getdoc(function) or ""
    return {"description": description, "parameters": schema, "effect": str(effect), "untrusted": untrusted}


def carried_out(function: Callable[..., Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a call came to: ``value``, ``agent`` and ``context``. Raises Wrong."""
    try:
        arguments = validated(function, asked["arguments"])
    except BadArguments as error:
        raise Wrong(str(error)) from error
    if takes_context(function):
        arguments[CONTEXT] = dict(asked["context"])
    try:
        value = function(**arguments)
        if inspect.isawaitable(value):
            value = asyncio.run(_awaited(value))
    except (Exception, SystemExit) as error:
        raise Wrong(_told(error, Path(asked["file"]))) from error
    return _result(value)


async def _awaited(value: Any) -> Any:
    return await value


def _result(value: Any) -> dict[str, Any]:
    """What a function gave back, as Swarm reads it: a value, or a result, or an agent to hand over to."""
    agent: Any = None
    context: Any = {}
    if hasattr(value, "value") and hasattr(value, CONTEXT):
        value, agent, context = value.value, getattr(value, "agent", None), getattr(value, CONTEXT)
    elif isinstance(value, Mapping) and value and _RESULT_KEYS.issuperset(value):
        value, agent, context = value.get("value"), value.get("agent"), value.get(CONTEXT) or {}
    elif hasattr(value, "name") and hasattr(value, "instructions"):
        value, agent = None, value
    if agent is not None and not isinstance(agent, str):
        agent = str(getattr(agent, "name", agent))
    if value is None or value == "":
        value = json.dumps({"assistant": agent}) if agent else ""
    return {"value": _text(value), "agent": agent, "context": _plain(context)}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list | tuple | bool | int | float):
        try:
            return json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            pass
    return str(value)


def _plain(context: Any) -> dict[str, Any]:
    """Context variables as JSON. Raises Wrong."""
    if not isinstance(context, Mapping):
        raise Wrong(f"{CONTEXT}: what the function gave back is no dict")
    try:
        return {str(name): json.loads(json.dumps(value)) for name, value in context.items()}
    except (TypeError, ValueError, RecursionError) as error:
        raise Wrong(f"{CONTEXT}: what the function gave back is no JSON: {error}") from error


def _told(error: BaseException, path: Path) -> str:
    """An exception with the line of the user's file where it arose; the whole of it goes to stderr."""
    traceback.print_exception(error)
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path.name}:{error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f"{path.name}:{lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"
