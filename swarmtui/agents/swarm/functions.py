"""Python functions as tools: how they are described to a model, and what of a call is theirs to get.

:func:`function_to_json` is the plain description of OpenAI Swarm. :func:`schema_of` and :func:`validated` are the full
one, by pydantic, for functions that a task file names.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_type_hints

from swarmtui.plan.model import JSON
from swarmtui.safety.text import one_line

CONTEXT = "context_variables"
"""The parameter that a run fills in, and that a model never sees."""

_TYPES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
    None: "null",
    type(None): "null",
}
_FILLED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class BadArguments(ValueError):
    """What a model wrote as arguments does not fit the function; one line, for the model to mend."""


def function_name(function: Callable[..., Any]) -> str:
    """What a model calls `function`: its name, that of what a partial wraps, or of a callable object's class."""
    if isinstance(function, partial):
        return function_name(function.func)
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__


def takes_context(function: Callable[..., Any]) -> bool:
    """Whether a run passes its context variables: the signature has a parameter ``context_variables`` that can be
    given by name. ``**kwargs`` alone does not ask for it, and a local variable of that name means nothing."""
    try:
        parameter = inspect.signature(function).parameters.get(CONTEXT)
    except (TypeError, ValueError):
        return False
    return parameter is not None and parameter.kind in _FILLED


def function_to_json(function: Callable[..., Any]) -> dict[str, Any]:
    """`function` as an entry of ``tools``: its name, its docstring, and an object of its parameters.

    A parameter annotated with str, int, float, bool, list, dict or None has the JSON type of it; any other annotation,
    also ``list[int]`` and annotations that are strings, is "string". Those without a default are required. ``*args``
    and ``**kwargs`` are left out. Raises ValueError where there is no signature to read.
    """
    name = function_name(function)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: its signature cannot be read: {error}; wrap it in a function of yours") from None
    parameters = [one for one in signature.parameters.values() if one.kind not in _VARIABLE]
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": function.__doc__ or "",
            "parameters": {
                "type": "object",
                "properties": {one.name: {"type": _type(one.annotation)} for one in parameters},
                "required": [one.name for one in parameters if one.default is inspect.Parameter.empty],
            },
        },
    }


def tool_of(function: Callable[..., Any]) -> dict[str, Any]:
    """:func:`function_to_json` as a model sees it: without ``context_variables``."""
    tool = function_to_json(function)
    parameters = tool["function"]["parameters"]
    if parameters["properties"].pop(CONTEXT, None) is not None and CONTEXT in parameters["required"]:
        parameters["required"].remove(CONTEXT)
    return tool


def _type(annotation: Any) -> str:
    try:
        return _TYPES.get(annotation, "string")
    except TypeError:  # not hashable
        return "string"


# -- the full description -------------------------------------------------------------------------------------


def schema_of(function: Callable[..., Any]) -> JSON:
    """The JSON Schema of what `function` may be called with by name, as an object; nothing else is admitted.

    Everything that pydantic knows is described: containers, literals, enums, dataclasses, models, ``Annotated`` with
    ``Field``. Defaults that JSON can say are told. Without an annotation anything goes. ``context_variables`` is left
    out. Raises ValueError, in one line, for a function that cannot be called by name or an annotation without a schema.
    """
    from pydantic import PydanticUserError, TypeAdapter

    parameters, hints = _parameters(function)
    try:
        inputs = [(one.name, "validation", TypeAdapter(hints.get(one.name, Any))) for one in parameters]
        schemas, shared = TypeAdapter.json_schemas(inputs)  # type: ignore[arg-type]  # a Literal in a tuple in a list
    except PydanticUserError as error:
        told = one_line(str(error), 200)
        raise ValueError(f"{function_name(function)}: an annotation has no schema: {told}") from None
    properties: dict[str, JSON] = {}
    for one in parameters:
        properties[one.name] = {key: value for key, value in schemas[one.name, "validation"].items() if key != "title"}
        if one.default is None or isinstance(one.default, str | int | float | bool):
            properties[one.name].setdefault("default", one.default)
    required = [one.name for one in parameters if one.default is inspect.Parameter.empty]
    whole = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {**whole, "$defs": shared["$defs"]} if shared.get("$defs") else whole


def validated(function: Callable[..., Any], arguments: Mapping[str, JSON]) -> dict[str, Any]:
    """`arguments` as `function` wants them: numbers, enums, dataclasses and models made of the JSON.

    Raises BadArguments that names each argument which is missing, unknown or does not fit.
    """
    from pydantic import TypeAdapter, ValidationError

    parameters, hints = _parameters(function)
    known = {one.name for one in parameters}
    problems = [f"{one_line(name, 60)}: there is no such argument" for name in arguments if name not in known]
    values: dict[str, Any] = {}
    for one in parameters:
        if one.name not in arguments:
            if one.default is inspect.Parameter.empty:
                problems.append(f"{one.name}: is missing")
            continue
        try:
            values[one.name] = TypeAdapter(hints.get(one.name, Any)).validate_python(arguments[one.name])
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_context=False):
                where = ".".join([one.name, *(one_line(str(part), 60) for part in problem["loc"])])
                problems.append(f"{where}: {problem['msg'][:1].lower()}{problem['msg'][1:]}")
    if problems:
        raise BadArguments(one_line("; ".join(problems), 800))
    return values


def _parameters(function: Callable[..., Any]) -> tuple[list[inspect.Parameter], dict[str, Any]]:
    """What can be given by name but ``context_variables``, and the types. Raises ValueError."""
    name = function_name(function)
    try:
        signature = inspect.signature(function)
        hints = get_type_hints(_annotated(function), include_extras=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: its signature cannot be read: {error}") from None
    except NameError as error:
        raise ValueError(f"{name}: an annotation names what is not there: {error}") from None
    kept: list[inspect.Parameter] = []
    for one in signature.parameters.values():
        if one.kind is inspect.Parameter.POSITIONAL_ONLY and one.default is inspect.Parameter.empty:
            raise ValueError(f"{name}: {one.name} cannot be given by name: remove the / after it")
        if one.kind in _FILLED and one.name != CONTEXT:
            kept.append(one)
    return kept, hints


def _annotated(function: Callable[..., Any]) -> Callable[..., Any]:
    """What holds the annotations of `function`: a class has them on its constructor, an object on its ``__call__``."""
    if isinstance(function, partial):
        return _annotated(function.func)
    if inspect.isclass(function):
        return inspect.getattr_static(function, "__init__")  # type: ignore[no-any-return]
    return function if inspect.isroutine(function) else type(function).__call__
