"""Finds places in the TUI where text that nobody cleaned may reach a widget.

A sink takes a literal, or what ``swarmtui.tui.content`` made: its call, a name that is bound to nothing else, or what
is annotated as such content. Everything else is reported, f-strings and plain variables above all: a string given to a
widget is read as markup, and its escapes reach the terminal.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MODULE = "swarmtui.tui.content"
MAKERS = frozenset({"text", "line", "spans", "strip"})
CLEANERS = frozenset({"swarmtui.safety.text.clean", f"{MODULE}.plain"})
SAFE_TYPES = frozenset({"Content", "Text", "Strip"})

WIDGETS: dict[str, tuple[int, frozenset[str]]] = {
    # name: (count of positional arguments that are shown, keywords that are shown)
    "Static": (1, frozenset({"content", "renderable"})),
    "Label": (1, frozenset({"content", "renderable"})),
    "Button": (1, frozenset({"label", "tooltip"})),
    "Checkbox": (1, frozenset({"label", "tooltip"})),
    "RadioButton": (1, frozenset({"label", "tooltip"})),
    "Link": (1, frozenset({"text", "tooltip"})),
    "Option": (1, frozenset({"prompt"})),
    "Tab": (1, frozenset({"label"})),
    "TabPane": (1, frozenset({"title"})),
    "Markdown": (1, frozenset({"markdown"})),
    "Collapsible": (0, frozenset({"title"})),
    "Content": (1, frozenset({"text"})),
    "Text": (1, frozenset({"text"})),
    "Segment": (1, frozenset({"text"})),
}
METHODS: dict[str, tuple[int, frozenset[str]]] = {
    "notify": (1, frozenset({"message", "title"})),
    "update": (1, frozenset({"content", "renderable"})),
    "add_row": (99, frozenset({"label"})),
    "add_rows": (99, frozenset()),
    "add_column": (1, frozenset({"label"})),
    "add_columns": (99, frozenset()),
    "update_cell": (3, frozenset({"value"})),
    "update_cell_at": (2, frozenset({"value"})),
    "add_option": (1, frozenset()),
    "add_options": (99, frozenset()),
    "set_title": (99, frozenset()),
}
KEYS = {"update_cell": 2, "update_cell_at": 1}
"""Leading arguments that say where, not what."""
ATTRIBUTES = frozenset({"border_title", "border_subtitle", "tooltip"})
FORBIDDEN = frozenset({"from_markup", "from_ansi", "assemble"})


@dataclass(frozen=True)
class Leak:
    """A place where unclean text may reach a widget."""

    line: int
    sink: str
    code: str


def leaks(source: str) -> list[Leak]:
    """Every such place in a module."""
    return list(_Module(ast.parse(source)).leaks())


def leaks_below(folder: Path) -> dict[str, list[Leak]]:
    """The same for all modules below `folder` but the one that makes content."""
    found = {
        str(path.relative_to(folder)): leaks(path.read_text("utf-8"))
        for path in sorted(folder.rglob("*.py"))
        if path != folder / "content.py"
    }
    return {name: places for name, places in found.items() if places}


Function = ast.FunctionDef | ast.AsyncFunctionDef


class _Module:
    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._modules: set[str] = set()  # names under which the content module is known
        self._makers: set[str] = set()  # names of its functions
        self._cleaners: set[str] = set()  # names of what cleans strings
        self._safe: set[str] = set()  # functions and attributes annotated as content
        self._constants: set[str] = set()
        self._learn()

    def leaks(self) -> Iterator[Leak]:
        yield from self._visit(self._tree, {})

    def _learn(self) -> None:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ImportFrom):
                for name in node.names:
                    if f"{node.module}.{name.name}" == MODULE:
                        self._modules.add(name.asname or name.name)
                    elif node.module == MODULE and name.name in MAKERS:
                        self._makers.add(name.asname or name.name)
                    elif f"{node.module}.{name.name}" in CLEANERS:
                        self._cleaners.add(name.asname or name.name)
            elif isinstance(node, Function) and _is_safe_type(node.returns):
                self._safe.add(node.name)
            elif isinstance(node, ast.AnnAssign) and _is_safe_type(node.annotation):
                self._safe.add(_last_name(node.target))
        for node in self._tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                self._constants |= {target.id for target in node.targets if isinstance(target, ast.Name)}

    def _visit(self, node: ast.AST, scope: dict[str, list[ast.expr | None]]) -> Iterator[Leak]:
        if isinstance(node, Function | ast.Lambda):
            scope = scope | _bindings(node)
        if isinstance(node, ast.Call):
            yield from self._call(node, scope)
        elif isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Attribute) and target.attr in ATTRIBUTES:
                    yield from self._judge(node.value, target.attr, scope)
        for child in ast.iter_child_nodes(node):
            yield from self._visit(child, scope)

    def _call(self, call: ast.Call, scope: dict[str, list[ast.expr | None]]) -> Iterator[Leak]:
        name = _last_name(call.func)
        if name in FORBIDDEN and not self._is_maker(call.func):
            yield Leak(call.lineno, name, ast.unparse(call))
            return
        for keyword in call.keywords:
            if keyword.arg == "markup" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value):
                yield Leak(call.lineno, "markup", ast.unparse(call))
        is_method = isinstance(call.func, ast.Attribute)
        sink = METHODS.get(name) if is_method and name in METHODS else WIDGETS.get(name)
        if sink is None or (name == "update" and not self._updates_widget(call)):
            return
        count, keywords = sink
        shown = [*call.args[KEYS.get(name, 0) : count], *(word.value for word in call.keywords if word.arg in keywords)]
        if "Markdown" in ast.unparse(call.func) or _is_plain(call):  # knows no markup: a clean string will do
            shown = [argument for argument in shown if not self._is_clean_string(argument)]
        for argument in shown:
            yield from self._judge(argument, name, scope)

    def _is_clean_string(self, value: ast.expr) -> bool:
        match value:
            case ast.Call(func=ast.Name(id=name)):
                return name in self._cleaners
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr="plain")):
                return module in self._modules
            case _:
                return False

    def _updates_widget(self, call: ast.Call) -> bool:
        """Whether ``x.update(...)`` may be a widget's: dictionaries and sets have an update too."""
        assert isinstance(call.func, ast.Attribute)
        receiver = call.func.value
        of_widget = isinstance(receiver, ast.Call) or (isinstance(receiver, ast.Name) and receiver.id == "self")
        return of_widget or any(_is_string(argument) for argument in call.args)

    def _judge(self, value: ast.expr, sink: str, scope: dict[str, list[ast.expr | None]]) -> Iterator[Leak]:
        if not self._is_clean(value, scope, frozenset()):
            yield Leak(value.lineno, sink, ast.unparse(value))

    def _is_clean(self, value: ast.expr, scope: dict[str, list[ast.expr | None]], seen: frozenset[str]) -> bool:
        def clean(part: ast.expr) -> bool:
            return self._is_clean(part, scope, seen)

        match value:
            case ast.Constant():
                return True
            case ast.Call(func=func):
                name = _last_name(func)
                widget = name in WIDGETS  # judged as a call of its own
                return self._is_maker(func) or widget or name in self._safe
            case ast.Attribute(attr=attr):
                return attr in self._safe
            case ast.Name(id=name):
                if name in scope:
                    return name not in seen and all(
                        bound is not None and self._is_clean(bound, scope, seen | {name}) for bound in scope[name]
                    )
                return name in self._constants or name in self._safe
            case ast.IfExp(body=body, orelse=orelse):
                return clean(body) and clean(orelse)
            case ast.BoolOp(values=values):
                return all(map(clean, values))
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return all(map(clean, parts))
            case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part) | ast.Starred(value=part):
                return clean(part)
            case ast.NamedExpr(value=part) | ast.Await(value=part):
                return clean(part)
            case _:
                return False

    def _is_maker(self, func: ast.expr) -> bool:
        match func:
            case ast.Name(id=name):
                return name in self._makers
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                return module in self._modules and name in MAKERS
            case _:
                return False


_SAFE = ast.Constant("")


def _bindings(function: Function | ast.Lambda) -> dict[str, list[ast.expr | None]]:
    """What each local name is bound to; None where that cannot be told from the code."""
    found: dict[str, list[ast.expr | None]] = {}
    arguments = function.args
    extra = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]:
        found[argument.arg] = [_SAFE if _is_safe_type(argument.annotation) else None]
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    _bind(found, target, value)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                _bind(found, target, _SAFE if _is_safe_type(annotation) else value)
            case ast.NamedExpr(target=target, value=value):
                _bind(found, target, value)
            case ast.AugAssign(target=target):
                _bind(found, target, None)
            case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
                _bind(found, target, None)
            case ast.withitem(optional_vars=ast.expr() as target):
                _bind(found, target, None)
    return found


def _bind(found: dict[str, list[ast.expr | None]], target: ast.expr, value: ast.expr | None) -> None:
    if isinstance(target, ast.Name):
        found.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Tuple | ast.List):
        values: list[ast.expr | None] = [None] * len(target.elts)
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            values = list(value.elts)
        for part, part_value in zip(target.elts, values, strict=True):
            _bind(found, part, part_value)


def _is_plain(call: ast.Call) -> bool:
    """Whether it is a notification that says itself that its words are no markup."""
    return _last_name(call.func) == "notify" and any(
        word.arg == "markup" and isinstance(word.value, ast.Constant) and word.value.value is False
        for word in call.keywords
    )


def _is_safe_type(annotation: ast.expr | None) -> bool:
    if annotation is None:
        return False
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    names = {_last_name(node) for node in ast.walk(annotation) if isinstance(node, ast.Name | ast.Attribute)}
    return bool(names & SAFE_TYPES) and not names & {"str", "object", "Any", "RenderableType", "VisualType"}


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_string(value: ast.expr) -> bool:
    match value:
        case ast.JoinedStr():
            return True
        case ast.BinOp(left=left, right=right):
            return any(_is_string(part) or _is_text(part) for part in (left, right))
        case ast.Call(func=ast.Attribute(attr="join" | "format")) | ast.Call(func=ast.Name(id="str" | "repr")):
            return True
        case _:
            return False


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
