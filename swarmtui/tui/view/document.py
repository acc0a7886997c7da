"""Long texts as lines: wrapping, Markdown-like looks for plain lines, YAML, differences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from swarmtui.safety.text import clean
from swarmtui.tui.view.lines import Line, Role, Span, cells, fit, wrap

LIMIT = 20_000
"""Lines of one document that are shown; the pager shows the whole."""

_HEADING = re.compile(r"#{1,6} ")
_BULLET = re.compile(r"(\s*)([-*+]|\d{1,3}[.)]) ")
_INLINE = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*)")
_YAML_KEY = re.compile(r"(\s*(?:- )?)([A-Za-z0-9_.-]+)(:)(\s.*|$)")


def prose(text: str, width: int) -> list[Line]:
    """`text` (not clean) with headings, bullets and code told apart, wrapped. It is looked at, never obeyed."""
    lines: list[Line] = []
    code = False
    for raw in _split(text):
        if raw.lstrip().startswith("```"):
            code = not code
            lines.append(((raw[:width], "faint"),))
            continue
        lines.extend(_code(raw, width) if code else paragraph(raw, width))
    return lines


def _split(text: str) -> list[str]:
    rows = clean(text).split("\n")
    if len(rows) > LIMIT:
        rows = [*rows[:LIMIT], f"[{len(rows) - LIMIT:,} more lines: :pager opens the whole]"]
    return rows


def _code(raw: str, width: int) -> list[Line]:
    return [((row, "ok"),) for row in wrap(raw, width)]


def paragraph(raw: str, width: int) -> list[Line]:
    """One line (clean) with heading, bullet or inline code told apart, wrapped."""
    if _HEADING.match(raw):
        return [((row, "strong"),) for row in wrap(raw.lstrip("# "), width)]
    bullet = _BULLET.match(raw)
    if bullet is None:
        return [_inline(row, "text") for row in wrap(raw, width)]
    indent, sign = bullet[1].expandtabs(2)[: width // 2], bullet[2]
    hang = len(indent) + len(sign) + 1
    rows = wrap(raw[bullet.end() :], max(8, width - hang))
    head: Line = ((f"{indent}{sign} ", "accent"), *_inline(rows[0], "text"))
    return [head, *((((" " * hang), "text"), *_inline(row, "text")) for row in rows[1:])]


def _inline(row: str, role: Role) -> Line:
    spans: list[Span] = []
    for part in _INLINE.split(row):
        if part.startswith("`") and len(part) > 2:
            spans.append((part, "ok"))
        elif part.startswith("**") and len(part) > 4:
            spans.append((part[2:-2], "strong"))
        elif part:
            spans.append((part, role))
    return tuple(spans)


def verbatim(text: str, width: int, role: Role = "text") -> list[Line]:
    """`text` (not clean) as it is, wrapped."""
    return [((row, role),) for raw in _split(text) for row in wrap(raw, width)]


def led(lead: str, text: str, width: int) -> Iterator[Line]:
    """`text` (clean, one line) that begins with the words `lead`, which stand out, wrapped."""
    for row in wrap(text, width):
        head = row if lead.startswith(row) else lead if row.startswith(lead) else ""
        yield (head, "strong"), (row[len(head) :], "faint")
        lead = lead[len(head) :].lstrip()


def yaml(text: str, width: int) -> list[Line]:
    """YAML with its keys told apart, wrapped under their indent."""
    lines: list[Line] = []
    for raw in _split(text):
        found = _YAML_KEY.match(raw)
        if found is None:
            lines.extend(_indented(raw, width))
            continue
        indent, key, colon, rest = found.groups()
        head = cells(indent) + len(key) + 1
        rows = wrap(rest, max(8, width - head))
        lines.append(((indent, "text"), (key, "accent"), (colon, "faint"), (rows[0], "text")))
        lines.extend(((" " * min(head + 1, width // 2) + row, "text"),) for row in rows[1:])
    return lines


def _indented(raw: str, width: int) -> Iterator[Line]:
    """One line (clean) of a text of several in YAML: what is wrapped stands under its beginning, not under the keys."""
    text = raw.expandtabs(4)
    body = text.lstrip(" ")
    indent = text[: min(len(text) - len(body), width // 2)]
    for row in wrap(body, max(1, width - len(indent))):
        yield ((indent + row, "text"),)


def changes(described: Sequence[str], width: int) -> list[Line]:
    """The lines of ``PlanDiff.describe``: added, removed and changed told apart by sign and colour."""
    roles: dict[str, Role] = {"+": "ok", "-": "bad", "~": "warn"}
    lines: list[Line] = []
    for entry in described:
        sign, rest = entry[:1], clean(entry[1:], keep_newlines=False)
        role = roles.get(sign, "text")
        rows = wrap(rest.strip(), max(8, width - 2))
        lines.append(((sign + " ", role), (rows[0], "text")))
        lines.extend((("  ", "text"), (row, "text")) for row in rows[1:])
    return lines


Fact = tuple[str, str, Role]
"""A label, and what is told beside it."""


def facts(pairs: Iterable[Fact], width: int, label_width: int = 10) -> list[Line]:
    """Labels and values in two columns; values (clean) are wrapped beside their label."""
    lines: list[Line] = []
    for label, value, role in pairs:
        room = max(label_width, min(cells(label), width // 2))
        rows = [row for part in value.split("\n") for row in wrap(part, max(8, width - room - 1))]
        lines.append(((fit(label, room) + " ", "muted"), (rows[0], role)))
        lines.extend(((" " * (room + 1), "text"), (row, role)) for row in rows[1:])
    return lines
