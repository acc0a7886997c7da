"""What the words after a ``swarmtui ctl`` verb mean: limits, filters, changes of nodes, patches from files."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Container
from pathlib import Path
from typing import Any

from swarmtui.cli.failures import UsageError

AMOUNTS = ("cap", "ramp", "usd", "tokens", "minutes", "attempts", "warn")
TEXTS = ("prompt", "system", "ask", "title")
"""Fields of a node that are texts, whatever they look like."""
_WHERE = re.compile(r"(state|kind|items)=(.+)|error~(.+)", re.DOTALL)


def limits_of(words: list[str]) -> dict[str, Any]:
    """Parameters of ``limits.set`` from ``NAME=VALUE`` words. Raises UsageError."""
    params: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not text:
            raise UsageError(f"{word!r} is not NAME=VALUE")
        group, dot, member = name.partition(".")
        if name == "concurrency":
            params[name] = int(text) if text.isdecimal() else text
        elif dot and group in ("pool", "tag"):
            if not member:
                raise UsageError(f"{word!r} names no {group}: {group}.NAME=N")
            params.setdefault(f"{group}s", {})[member] = None if text == "none" else _number(name, text)
        elif name in AMOUNTS:
            params[name] = None if text == "none" else _number(name, text)
        else:
            known = ", ".join(("concurrency", "pool.NAME", "tag.NAME", *AMOUNTS))
            raise UsageError(f"no limit is called {name!r}: there are {known}")
    return params


def _number(name: str, text: str) -> int | float:
    try:
        number = int(text) if text.isdecimal() else float(text)
    except ValueError:
        number = math.nan
    if not -math.inf < number < math.inf:
        raise UsageError(f"{name}: {text!r} is no number")
    return number


def where_of(words: list[str]) -> dict[str, Any]:
    """A filter over items from words such as ``error~timeout``, ``kind=check``, ``items=0-99``. Raises UsageError."""
    where: dict[str, Any] = {}
    for word in words:
        found = _WHERE.fullmatch(word)
        if found is None:
            raise UsageError(f"--where {word!r}: write error~TEXT, state=failed, kind=timeout or items=0-99,250")
        name, value, text = found.groups()
        key = name or "error"
        if key in where:
            raise UsageError(f"--where {word!r}: {key} is there twice")
        where[key] = value or text
    return where


def changes_of(node: str, words: list[str]) -> list[dict[str, Any]]:
    """Operations that set fields of `node`, from ``FIELD=VALUE`` words; a value is read as YAML. Raises UsageError."""
    ops: list[dict[str, Any]] = []
    for word in words:
        field, equals, text = word.partition("=")
        if not equals or not field.strip():
            raise UsageError(f"{word!r} is not FIELD=VALUE")
        ops.append(
            {
                "op": "set",
                "node": node,
                "field": field.strip(),
                "value": text if field.strip() in TEXTS else _value(text),
            }
        )
    return ops


def _value(text: str) -> Any:
    """`text` as YAML where it is a number, a list or the like; else the text itself."""
    from swarmtui.plan.yaml_source import plain_value, read_yaml

    if text[:1] in ("[", "{", '"', "'"):
        read, problems = read_yaml(text.encode("utf-8", "replace"), "value")
        return text if problems else read.data
    value, trap = plain_value(text)
    return text if trap is not None else value


def text_of(source: str) -> str:
    """What a file, or ``-`` for standard input, holds. Raises OSError, UsageError."""
    data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{source}: this is not UTF-8") from None


def patch_of(source: str) -> dict[str, Any]:
    """The patch that a file, or ``-`` for standard input, holds as YAML or JSON: ``{ops: […], note?, restart?}``, or
    the list of operations alone. Raises UsageError, TaskError, OSError."""
    from swarmtui.plan.problems import TaskError
    from swarmtui.plan.yaml_source import read_yaml

    name = "standard input" if source == "-" else source
    data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    read, problems = read_yaml(data, name)
    if problems:
        raise TaskError(problems)
    written = {"ops": read.data} if isinstance(read.data, list) else read.data
    if not isinstance(written, dict) or not isinstance(written.get("ops"), list):
        raise UsageError(f"{name}: a patch is a list of operations: - {{op: set, node: a, field: prompt, value: …}}")
    unknown = set(written) - {"ops", "note", "restart", "base_rev"}
    if unknown:
        raise UsageError(f"{name}: a patch has no {', '.join(sorted(unknown))}: it has ops, note, restart and base_rev")
    return written


def place_of(name: str, nodes: Container[str]) -> tuple[str, int | None]:
    """The node, and the item of it, that ``NODE`` or ``NODE/N`` names where there are these `nodes`."""
    node, slash, item = name.rpartition("/")
    if slash and item.isdecimal() and name not in nodes:
        return node, int(item[:9])
    return name, None
