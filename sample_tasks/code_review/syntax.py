"""What the syntax tree says of a finding where the rule leaves it open: is the exception dropped, the file leaked?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

_MUTATORS = set(
    "add append clear discard extend insert pop popitem remove reverse setdefault sort update".split()  # noqa: SIM905
)
_TIDYING = set(
    "cancel close disconnect join kill quit release remove shutdown stop terminate unlink".split()  # noqa: SIM905
)
_DEFERRING = re.compile(
    r"append|add(_\\w+)?|after|bind|call_(at|later|soon)|connect|create_task|defer(_\\w+)?|ensure_future|insert|on_\\w+"
    r"|partial|put(_\\w+)?|register(_\\w+)?|schedule(_\\w+)?|setdefault|spawn|start_soon|submit|subscribe|Thread|Timer"
)
"""Names of functions that keep what they are given, to call it later."""
_Loop = ast.For | ast.AsyncFor | ast.While
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@lru_cache(maxsize=4)  # findings come file by file
def parsed(text: str) -> ast.Module | None:
    """The tree of a module; None if it does not parse with this Python. Nothing is compiled, let alone executed."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=4)
def nodes_of(tree: ast.Module) -> tuple[ast.AST, ...]:
    """Every node of the tree."""
    return tuple(ast.walk(tree))


def drops_the_exception(tree: ast.Module, line: int) -> bool:
    """Whether the handler at `line` neither raises nor does anything with what it caught."""
    for node in nodes_of(tree):
        if isinstance(node, ast.ExceptHandler) and _begins(node, line):
            inner = [part for statement in node.body for part in ast.walk(statement)]
            used = node.name and any(isinstance(part, ast.Name) and part.id == node.name for part in inner)
            return not used and not any(isinstance(part, ast.Raise) for part in inner)
    return True


def only_tidies_up(tree: ast.Module, line: int) -> bool:
    """Whether what the handler at `line` guards is a mere close(), kill() or the like, whose failure nobody minds."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Try) and any(_begins(handler, line) for handler in node.handlers):
            return all(
                isinstance(part, ast.Expr)
                and isinstance(part.value, ast.Call)
                and _called(part.value).lower() in _TIDYING
                for part in node.body
            )
    return False


def raises_again(tree: ast.Module, line: int) -> bool:
    """Whether the handler at `line` can raise again what it caught."""
    return any(
        isinstance(part, ast.Raise) and part.exc is None
        for node in nodes_of(tree)
        if isinstance(node, ast.ExceptHandler) and _begins(node, line)
        for part in ast.walk(node)
    )


def default_is_shared(tree: ast.Module, line: int, column: int) -> bool:
    """Whether the parameter whose default stands there is changed, kept or given away by its function."""
    for function in (node for node in nodes_of(tree) if isinstance(node, _Function)):
        for name, default in _defaults(function):
            if (default.lineno, default.col_offset) == (line, column):
                return any(_changes_or_keeps(node, name) for node in ast.walk(function))
    return True


def leaks_the_file(tree: ast.Module, line: int, column: int) -> bool:
    """Whether the open() there is used and dropped: not closed, kept, returned or given away by its function."""
    parents = parents_of(tree)
    calls = [node for node in parents if isinstance(node, ast.Call) and _at(node, line, column)]
    call = min(calls, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0), default=None)  # the innermost
    parent = parents.get(call) if call is not None else None
    if isinstance(parent, ast.Attribute):
        return True  # open(…).read()
    if not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
        return False
    name, scope = parent.targets[0].id, _scope(parent, parents)
    uses = [node for node in ast.walk(scope) if isinstance(node, ast.Name) and node.id == name and node.col_offset >= 0]
    for use in uses:
        if isinstance(use.ctx, ast.Store):
            continue
        outer = parents[use]
        if not isinstance(outer, ast.Attribute | ast.For) or (
            isinstance(outer, ast.Attribute) and outer.attr == "close"
        ):
            return False
    return True


def is_attribute(tree: ast.Module, line: int, column: int) -> bool:
    """Whether the expression there is a mere name or attribute, which may well be looked up for its effect."""
    return any(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Attribute) and _at(node, line, column)
        for node in nodes_of(tree)
    )


def outlives_the_turn(tree: ast.Module, line: int, column: int) -> bool:
    """Whether the function around there, made in a loop, is kept or handed to what may call it after the turn ended.

    One that is called on the spot, or given to a function such as sorted(), sees the loop's variable as it is meant.
    """
    parents = parents_of(tree)
    node = next((node for node in nodes_of(tree) if isinstance(node, ast.Name) and _at(node, line, column)), None)
    function: _Function | None = None
    above: ast.AST | None = node
    while above is not None and not (function and isinstance(above, _Loop)):
        if isinstance(above, _Function):
            if function is not None:
                break
            function = above
        above = parents.get(above)
    if function is None or above is None:
        return True
    if isinstance(function, ast.Lambda):
        return _is_kept(function, parents)
    within = set(ast.walk(function))
    uses = [use for use in ast.walk(above) if isinstance(use, ast.Name) and use.id == function.name]
    return any(_is_kept(use, parents) for use in uses if use not in within and isinstance(use.ctx, ast.Load))


def in_annotation(tree: ast.Module, line: int, column: int) -> bool:
    """Whether the place is in a type annotation, where an undefined name does not stop the program."""
    for node in nodes_of(tree):
        match node:
            case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation):
                noted = annotation
            case ast.FunctionDef(returns=returns) | ast.AsyncFunctionDef(returns=returns):
                noted = returns
            case _:
                continue
        if noted is not None and _covers(noted, line, column):
            return True
    return False


def in_try_for(tree: ast.Module, line: int, exception: str) -> bool:
    """Whether the line stands in a try block that expects this exception."""
    return any(
        isinstance(node, ast.Try)
        and node.body[0].lineno <= line <= (node.body[-1].end_lineno or line)
        and any(
            isinstance(name, ast.Name) and name.id == exception
            for handler in node.handlers
            if handler.type is not None
            for name in ast.walk(handler.type)
        )
        for node in nodes_of(tree)
    )


@lru_cache(maxsize=4)  # findings come file by file
def parents_of(tree: ast.Module) -> dict[ast.AST, ast.AST]:
    """Node -> the node that it is part of."""
    return {child: node for node in nodes_of(tree) for child in ast.iter_child_nodes(node)}


def _is_kept(node: ast.expr, parents: dict[ast.AST, ast.AST]) -> bool:
    parent = parents[node]
    while isinstance(parent, ast.Tuple | ast.List | ast.IfExp | ast.BoolOp | ast.Starred):
        node, parent = parent, parents[parent]
    match parent:
        case ast.Call(func=func) if func is node:
            return False
        case ast.Call():
            return bool(_DEFERRING.fullmatch(_called(parent)))
        case ast.keyword(arg=name):
            call = parents[parent]
            deferring = isinstance(call, ast.Call) and _DEFERRING.fullmatch(_called(call))
            return name in ("target", "command", "callback") or bool(deferring)
        case ast.Assign(targets=targets):
            return not all(isinstance(target, ast.Name) for target in targets)
    return not isinstance(parent, ast.Expr | ast.Compare)


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _covers(node: ast.expr, line: int, column: int) -> bool:
    end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return (node.lineno, node.col_offset) <= (line, column) <= end


def _begins(node: ast.ExceptHandler, line: int) -> bool:
    return node.lineno <= line <= (node.body[0].lineno if node.body else node.lineno)


def _at(node: ast.expr | ast.stmt, line: int, column: int) -> bool:
    return (node.lineno, node.col_offset) == (line, column)


def _defaults(function: _Function) -> Iterator[tuple[str, ast.expr]]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for argument, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
        yield argument.arg, default
    for argument, other in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if other is not None:
            yield argument.arg, other


def _changes_or_keeps(node: ast.AST, name: str) -> bool:
    def is_it(value: ast.AST | None) -> bool:
        return isinstance(value, ast.Name) and value.id == name

    match node:
        case ast.Call(func=ast.Attribute(value=value, attr=method)):
            return is_it(value) and method in _MUTATORS
        case ast.Assign(targets=targets, value=value):
            kept = is_it(value) and any(isinstance(target, ast.Attribute | ast.Subscript) for target in targets)
            return kept or any(isinstance(target, ast.Subscript) and is_it(target.value) for target in targets)
        case ast.AugAssign(target=target):
            return is_it(target) or (isinstance(target, ast.Subscript) and is_it(target.value))
        case ast.Delete(targets=targets):
            return any(isinstance(target, ast.Subscript) and is_it(target.value) for target in targets)
        case ast.Return(value=value):
            return is_it(value)
    return False


def _scope(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> ast.AST:
    while node in parents and not isinstance(node, _Function | ast.Module):
        node = parents[node]
    return node
