"""Whether the Python file of a tool such as ``tools.py:count`` is there and has that function. Read, never run."""

from __future__ import annotations

from swarmtui.plan.checks import Scope
from swarmtui.plan.named_files import read_start
from swarmtui.plan.problems import Path, shown
from swarmtui.plan.shapes import TEXT_LIMIT

_HIDDEN = frozenset({"*", "__getattr__", "globals", "exec"})
"""With any of these a module may have names that its text does not show."""


def check_function(scope: Scope, at: Path, tool: str) -> None:
    """Reports what is wrong with ``file.py:function``, as far as its text tells; nothing where no file is read from."""
    if scope.folder is None:
        return
    file, _, function = tool.rpartition(":")
    text = read_start(scope, at, file, scope.folder, TEXT_LIMIT + 1)
    if text is None or len(text) > TEXT_LIMIT:
        return
    try:
        names, functions = _names(text, file)
    except SyntaxError as error:
        scope.report(at, f"{shown(file)}:{error.lineno or 1}: {error.msg}", "mend it: nothing of it can be called")
        return
    except (ValueError, RecursionError, MemoryError):  # what ast cannot read, the call itself will tell
        return
    if names is not None and function not in names:
        fix = scope.nearest.hint(function, functions, f"write the function, or one of: {', '.join(functions[:12])}")
        scope.report(at, f"{shown(file)} has no function `{shown(function)}`", fix if functions else "write it")


def _names(text: bytes, file: str) -> tuple[set[str] | None, list[str]]:
    """All names that the module binds, None where its text cannot tell; and its functions. Raises SyntaxError."""
    import ast
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text, file)
    functions = [one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and (isinstance(node.ctx, ast.Store) or node.id in _HIDDEN):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return (None if _HIDDEN & names else names), [name for name in functions if not name.startswith("_")]
