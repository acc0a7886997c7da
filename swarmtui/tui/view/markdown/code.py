"""Code as lines: told apart by what it means where that is known and cheap, never trusted."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from swarmtui.tui.view.glyphs import E, Glyphs, W
from swarmtui.tui.view.lines import Line, Role, Span, cells, shorten, spans_of
from swarmtui.tui.view.markdown.folding import cut

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]

LIMIT = 3_000
"""Characters of code up to which what it means is looked for."""
ROW_LIMIT = 400
"""Characters of the longest line of such code."""
LANGUAGES: Final = frozenset((
    "bash", "c", "c++", "cpp", "cs", "csharp", "css", "diff", "dockerfile", "go", "golang", "html", "ini", "java",
    "javascript", "js", "json", "jsx", "kotlin", "lua", "php", "py", "python", "python3", "rb", "rs", "ruby", "rust",
    "sh", "shell", "sql", "swift", "toml", "ts", "tsx", "typescript", "xml", "yaml", "yml", "zsh",
))  # fmt: skip
"""Those that are looked at: of the several hundred that there are some take very long over what is meant to hurt."""
_ALIASES: Final = {"golang": "go", "zsh": "bash", "jsx": "js", "tsx": "ts", "shell": "bash", "python3": "python"}
_ROLES: tuple[tuple[str, Role], ...] = (
    ("Token.Comment", "faint"), ("Token.Keyword", "accent"), ("Token.Literal.String", "ok"),
    ("Token.Literal.Number", "warn"), ("Token.Name.Function", "strong"), ("Token.Name.Class", "strong"),
    ("Token.Name.Tag", "accent"), ("Token.Name.Decorator", "accent"), ("Token.Operator.Word", "accent"),
    ("Token.Generic.Inserted", "ok"), ("Token.Generic.Deleted", "bad"), ("Token.Generic.Heading", "strong"),
    ("Token.Generic.Subheading", "accent"), ("Token.Name.Attribute", "accent"),
)  # fmt: skip


def code_lines(
    text: str, info: str, width: int, glyphs: Glyphs, *, first: bool = True, last: bool = True, framed: bool = True
) -> list[Line]:
    """Code (clean) between two rules, the upper one with what `info` says. Lines that are too long go on below; they
    begin at the very left, so that what the mouse selects is code and nothing else."""
    lines: list[Line] = []
    if first and framed:
        lines += _upper_rule(info, width, glyphs)
    rows = highlighted(text, info) if first and last else _unlit(text)
    for spans in rows if text else ():
        lines += cut(spans, width)
    if last and framed:
        lines.append(((glyphs.wire(E | W) * width, "edge"),))
    return lines


def _upper_rule(info: str, width: int, glyphs: Glyphs) -> list[Line]:
    rule, told = glyphs.wire(E | W), info.strip()
    if not told:
        return [((rule * width, "edge"),)]
    if cells(told) > width - 4:
        return [((rule * width, "edge"),), *cut([(told, "faint")], width)]
    label = shorten(told, width - 4)
    return [((f"{rule} ", "edge"), (label, "faint"), (f" {rule * max(0, width - 3 - cells(label))}", "edge"))]


def _unlit(text: str) -> list[list[Span]]:
    return [[(row.expandtabs(4), "text")] for row in text.split("\n")]


@lru_cache(64)
def highlighted(text: str, info: str) -> list[list[Span]]:
    """The rows of `text` with what they mean told apart; all alike where that is not known, or would cost much."""
    language = info.split(maxsplit=1)[0].lower().strip("{}.") if info.strip() else ""
    rows = text.split("\n")
    if language not in LANGUAGES or len(text) > LIMIT or max(map(len, rows)) > ROW_LIMIT:
        return _unlit(text)
    told, said, roles = text.expandtabs(4), "", list[Role]()
    for kind, value in _lexer(_ALIASES.get(language, language)).get_tokens(told):
        said += value
        roles += [_role(str(kind))] * len(value)
    if said.rstrip("\n") != told.rstrip("\n"):
        return _unlit(text)
    found, at = list[list[Span]](), 0
    for row in told.split("\n"):
        found.append(spans_of(row, roles[at : at + len(row)]))
        at += len(row) + 1
    return found


@lru_cache(256)
def _role(kind: str) -> Role:
    return next((role for name, role in _ROLES if kind.startswith(name)), "text")


@lru_cache(32)
def _lexer(language: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

    return get_lexer_by_name(language, stripnl=False, ensurenl=False)
