"""Lookups: ``{{ name.field.0 }}`` in a text stands for a value, found in plain data, put in once.

The whole language: between ``{{`` and ``}}`` stands a name, then any number of ``.field`` steps into mappings (a key)
and lists (an index from 0). A field that is not made of letters, digits, ``_`` and ``-`` is quoted: ``{{ doc."first
name" }}``. A quoted text alone stands for itself, which is how braces are written literally: ``{{ "{{" }}``. There
are no expressions, no attributes and no second expansion: what a value says is never read as a template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from swarmtui.frozen import frozen
from swarmtui.plan.model import (
    JSON,
    AgentSpec,
    AskSpec,
    MergeSpec,
    PlanSpec,
    PromptSpec,
    PythonSpec,
    RunSpec,
    Spec,
)
from swarmtui.plan.problems import shown
from swarmtui.plan.repair import loads_lenient

_TOKEN = re.compile(r'\s*(?:([\w-]+)|"([^"\n]*)")\s*')
_BARE = re.compile(r"[\w-]+")

Values = Mapping[str, JSON] | Callable[[str], JSON]
"""Where names are looked up; a callable raises KeyError for a name that it does not know."""


@frozen
class Lookup:
    """One ``{{ name.path }}`` of a template."""

    name: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        fields = (part if _BARE.fullmatch(part) else f'"{part}"' for part in self.path)
        return ".".join((self.name, *fields))


Segment = str | Lookup


@frozen
class GoesBy:
    """A value that is an object and goes by one of its fields: alone it stands for that field, and with a path for
    what of it has the path's first step: the object, else that field."""

    value: Mapping[str, JSON]
    field: str

    def at(self, path: tuple[str, ...]) -> JSON:
        """What a lookup with this path begins at."""
        own = self.value[self.field]
        inside = isinstance(own, Mapping | list) and path[:1] != () and path[0] not in self.value
        return own if not path or inside else self.value


class TemplateError(ValueError):
    """What stands between ``{{`` and ``}}`` is not a lookup. `fix` says how to write it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(f"{message}: {fix}")
        self.message = message
        self.fix = fix


class LookupFailed(Exception):
    """A lookup led nowhere when its value was needed; the message names it."""

    def __init__(self, lookup: Lookup, reason: str) -> None:
        super().__init__(f"{{{{ {shown(str(lookup), 120)} }}}}: {reason}")
        self.lookup = lookup
        self.reason = reason


def parse(template: str) -> tuple[Segment, ...]:
    """`template` as literal texts and lookups, in order. Raises TemplateError for the first part that is no lookup."""
    segments, errors = parse_all(template)
    if errors:
        raise errors[0]
    return segments


def parse_all(template: str) -> tuple[tuple[Segment, ...], list[TemplateError]]:
    """The segments of `template` that can be read, and every error in it."""
    segments: list[Segment] = []
    errors: list[TemplateError] = []
    at = 0
    while (start := template.find("{{", at)) >= 0:
        if start > at:
            segments.append(template[at:start])
        try:
            segment, at = _parse_braces(template, start)
            segments.append(segment)
        except TemplateError as error:
            errors.append(error)
            end = template.find("}}", start)
            at = end + 2 if end >= 0 else len(template)
    if at < len(template):
        segments.append(template[at:])
    return tuple(segments), errors


def _parse_braces(template: str, start: int) -> tuple[Segment, int]:
    """The segment whose ``{{`` is at `start`, and where the text goes on."""
    parts: list[tuple[str, bool]] = []
    at = start + 2
    while token := _TOKEN.match(template, at):
        bare, quoted = token.groups()
        parts.append((quoted if bare is None else bare, bare is None))
        at = token.end()
        if template.startswith("}}", at):
            if parts[0][1]:
                if len(parts) == 1:
                    return parts[0][0], at + 2
                break
            return Lookup(parts[0][0], tuple(part for part, _ in parts[1:])), at + 2
        if not template.startswith(".", at):
            break
        at += 1
    end = template.find("}}", start)
    what = template[start : end + 2] if end >= 0 else template[start : start + 30]
    message = f"{shown(what)} is not a lookup" if end >= 0 else f"{shown(what)} has no closing }}}}"
    raise TemplateError(message, 'write {{ name.field }}, or {{ "{{" }} for the braces themselves')


def literal(text: str) -> str:
    """`text` as a part of a template that renders to itself, whatever follows it."""
    safe = text.replace("{{", '{{ "{{" }}')
    return safe[:-1] + '{{ "{" }}' if safe.endswith("{") else safe


def references(template: str) -> list[Lookup]:
    """The lookups of `template`, in order, repeated ones too. Raises TemplateError."""
    return [segment for segment in parse(template) if isinstance(segment, Lookup)]


_parsed = lru_cache(maxsize=256)(parse)  # a map renders the same few templates for each of its items


def render(template: str, values: Values) -> str:
    """`template` with each lookup replaced by its value as text (see :func:`as_text`), once.

    Raises TemplateError for what is no lookup and LookupFailed for one that leads nowhere.
    """
    if "{{" not in template:
        return template
    return "".join(
        as_text(resolve(segment, values)) if isinstance(segment, Lookup) else segment for segment in _parsed(template)
    )


def render_value(value: JSON, values: Values) -> JSON:
    """`value` with the lookups in all of its texts resolved, at any depth; keys are left alone.

    A text that is one lookup and nothing else becomes the value itself, of whatever type; elsewhere it becomes text.
    """
    if isinstance(value, str):
        segments = _parsed(value) if "{{" in value else ()
        if len(segments) == 1 and isinstance(segments[0], Lookup):
            return resolve(segments[0], values)
        return render(value, values)
    if isinstance(value, Mapping):
        return {key: render_value(part, values) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [render_value(part, values) for part in value]
    return value


def resolve(lookup: Lookup, values: Values) -> JSON:
    """The value that `lookup` names. A text on the way is read as JSON, so that ``x.output.files.0`` reaches into an
    output that is JSON. Raises LookupFailed."""
    try:
        value = values(lookup.name) if callable(values) else values[lookup.name]
    except KeyError:
        raise LookupFailed(lookup, f"nothing here is called {shown(lookup.name)}") from None
    if isinstance(value, GoesBy):
        value = value.at(lookup.path)
    for depth, part in enumerate(lookup.path):
        value = _step(lookup, lookup.path[:depth], value, part)
    return value


def _step(lookup: Lookup, before: tuple[str, ...], value: JSON, part: str) -> JSON:
    where = Lookup(lookup.name, before)
    if isinstance(value, str):
        value = _json_inside(lookup, where, value)
    if isinstance(value, Mapping):
        try:
            return value[part]
        except KeyError:
            names = ", ".join(shown(str(key), 30) for key in list(value)[:8]) or "nothing"
            raise LookupFailed(lookup, f"{where} has no {shown(part)!r}; it has {names}") from None
    if isinstance(value, Sequence):
        if not (part.isascii() and part.isdigit()) or len(part) > 9:
            raise LookupFailed(lookup, f"{where} is a list: its parts are numbered from 0")
        if int(part) >= len(value):
            raise LookupFailed(lookup, f"{where} has {len(value)} parts, numbered from 0")
        return value[int(part)]
    raise LookupFailed(lookup, f"{where} is {shown(as_text(value)) or 'empty'}, which has no parts")


def _json_inside(lookup: Lookup, where: Lookup, text: str) -> JSON:
    try:
        value = _json_of(text)
    except ValueError:
        raise LookupFailed(lookup, f"{where} is text that holds no JSON, so it has no parts") from None
    if isinstance(value, str):
        raise LookupFailed(lookup, f"{where} is text, which has no parts")
    return value


@lru_cache(maxsize=8)  # thousands of items may look into the same output
def _json_of(text: str) -> JSON:
    return loads_lenient(text)


def as_text(value: JSON) -> str:
    """`value` as it stands in a text: a text as it is, nothing as an empty text, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> JSON:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def texts(spec: Spec) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text of `spec` that may hold lookups, with its place in the node as a task file writes it.

    This and :func:`render_spec` are the only places that know which parts of a node are templates.
    """
    match spec:
        case PromptSpec():
            yield ("prompt",), spec.prompt
            if spec.system is not None:
                yield ("system",), spec.system
        case RunSpec():
            yield from _run_texts(spec)
        case PythonSpec():
            yield from _nested(("python", "with"), spec.values)
        case AskSpec():
            yield ("ask", "question"), spec.question
            yield from ((("ask", "choices", i), choice) for i, choice in enumerate(spec.choices))
        case MergeSpec():
            if spec.title is not None:
                yield ("merge", "title"), spec.title
        case AgentSpec():
            yield ("prompt",), spec.prompt
            yield from _nested(("context",), spec.context)
        case PlanSpec():
            yield ("plan", "goal"), spec.goal
            if spec.instructions is not None:
                yield ("plan", "instructions"), spec.instructions


def _run_texts(spec: RunSpec) -> Iterator[tuple[tuple[str | int, ...], str]]:
    arguments = "argv" if spec.shell is None else "args"
    for index, argument in enumerate(spec.argv):
        yield ("run", arguments, index), argument
    if spec.cwd is not None:
        yield ("run", "cwd"), spec.cwd
    for name, value in spec.env.items():
        yield ("run", "env", name), value
    if spec.stdin is not None:
        yield ("run", "stdin"), spec.stdin


def _nested(path: tuple[str | int, ...], value: JSON) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _nested((*path, key), part)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _nested((*path, index), part)


def render_spec(spec: Spec, values: Values) -> Spec:
    """`spec` with every lookup resolved. Code and shell scripts hold none and are left as they are.

    Raises LookupFailed.
    """

    def text(template: str | None) -> str | None:
        return None if template is None else render(template, values)

    match spec:
        case PromptSpec():
            prompt, system = render(spec.prompt, values), text(spec.system)
            same = prompt is spec.prompt and system is spec.system
            return spec if same else replace(spec, prompt=prompt, system=system)
        case RunSpec():
            return replace(
                spec,
                argv=tuple(render(argument, values) for argument in spec.argv),
                cwd=text(spec.cwd),
                env={name: render(value, values) for name, value in spec.env.items()},
                stdin=text(spec.stdin),
            )
        case PythonSpec():
            return replace(spec, values=render_value(spec.values, values))
        case AskSpec():
            choices = tuple(render(choice, values) for choice in spec.choices)
            return replace(spec, question=render(spec.question, values), choices=choices)
        case MergeSpec():
            return replace(spec, title=text(spec.title))
        case AgentSpec():
            return replace(spec, prompt=render(spec.prompt, values), context=render_value(spec.context, values))
        case PlanSpec():
            return replace(spec, goal=render(spec.goal, values), instructions=text(spec.instructions))
