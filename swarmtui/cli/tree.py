"""Sessions as a tree: each fork under the session that it was forked from. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
"""A session as ``ls --json`` prints it."""

BRANCH, LAST, THROUGH, BLANK = "├─ ", "└─ ", "│  ", "   "


def as_tree(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    """`rows` in the order of a tree, each with what is drawn before its ID.

    Roots stay in the order they came in, and so do the forks of one parent. A fork whose parent is not among the rows
    is a root. Every row is there once, whatever the parents are.
    """
    by_id = {_key(row): row for row in reversed(rows)}
    children: dict[int, list[Row]] = {}
    roots: list[Row] = []
    for row in rows:
        parent = by_id.get(_parent_key(row))
        if parent is None or parent is row or _leads_back(row, by_id):
            roots.append(row)
        else:
            children.setdefault(id(parent), []).append(row)
    return [found for root in roots for found in _below(root, "", "", children)]


def _below(row: Row, head: str, indent: str, children: Mapping[int, Sequence[Row]]) -> Iterator[tuple[str, Row]]:
    stack = [(row, head, indent)]
    while stack:
        row, head, indent = stack.pop()
        yield head, row
        below = children.get(id(row), ())
        stack += [
            (
                child,
                indent + (LAST if child is below[-1] else BRANCH),
                indent + (BLANK if child is below[-1] else THROUGH),
            )
            for child in reversed(below)
        ]


def _leads_back(row: Row, by_id: Mapping[tuple[Any, Any], Row]) -> bool:
    """Whether the way up from `row` never ends: IDs are the user's to give, and one may have been given again."""
    seen = {_key(row)}
    above = by_id.get(_parent_key(row))
    while above is not None:
        if _key(above) in seen:
            return True
        seen.add(_key(above))
        above = by_id.get(_parent_key(above))
    return False


def _key(row: Row) -> tuple[Any, Any]:
    return row.get("host"), row["id"]


def _parent_key(row: Row) -> tuple[Any, Any]:
    parent = row.get("parent")
    return row.get("host"), parent["id"] if isinstance(parent, Mapping) else None
