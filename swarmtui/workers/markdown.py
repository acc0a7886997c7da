"""Text from outside as Markdown that says what it said and does nothing else.

Paths, messages and model output come from anywhere. Nothing of them may end a table, open a heading, load an image or
bring HTML into a report; a viewer shows what was written.
"""

from __future__ import annotations

import re

from swarmtui.safety.text import clean

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#&$])")
_SPAN = re.compile(r"`([^`]{1,200})`")
_LIST_START = re.compile(r"^(\s*)([-+=]|\d{1,9}[.)])(?=\s|$)")
_TICKS = re.compile(r"`+")
_FENCE = re.compile(r"( *)(`{3,}|~{3,})(.*)$")
_HEADING = re.compile(r" {0,3}(#{1,6})(?=\s|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)\s*$")
_TOKEN = re.compile(r"(?P<escaped>\\[!-/:-@\[-`{-~])|(?P<code>(`+)(?!`).+?(?<!`)\3(?!`))|`+|~{3,}|<|!\[")


def one_line(text: str, limit: int = 400) -> str:
    """`text` cleaned, its white space single spaces, shortened to `limit` characters."""
    line = " ".join(clean(text[: limit * 4], keep_newlines=False).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def code(text: str, limit: int = 300) -> str:
    """`text` as a code span, whatever it holds. In a table its pipes would need escaping."""
    line = one_line(text, limit)
    longest = max((len(run) for run in _TICKS.findall(line)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if not line or line[0] == "`" or line[-1] == "`" else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def inline(text: str, limit: int = 400) -> str:
    """`text` in one line of prose; what it quotes in backticks stays code, everything else is literal."""
    line = one_line(text, limit)
    parts: list[str] = []
    end = 0
    for match in _SPAN.finditer(line):
        parts.append(_SPECIAL.sub(r"\\\1", line[end : match.start()]))
        parts.append(code(match[1]))
        end = match.end()
    parts.append(_SPECIAL.sub(r"\\\1", line[end:]))
    return _LIST_START.sub(r"\1\\\2", "".join(parts))


def fenced(text: str, language: str = "") -> str:
    """`text` as a code block that nothing in it can end."""
    body = clean(text)
    longest = max((len(run) for run in _TICKS.findall(body)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{body.rstrip()}\n{ticks}"


def embed(text: str, below: int) -> str:
    """Markdown from outside as part of a report: its headings come under level `below`.

    HTML and images are shown as text. Code blocks are kept, and kept whole: whatever list or paragraph one stands in,
    it ends where it says or with `text`, so that nothing in it is read as Markdown and nothing after it as code.
    """
    lines: list[str] = []
    fence: re.Match[str] | None = None
    for line in clean(text).expandtabs(4).strip("\n").split("\n"):
        if fence is not None:
            indent = fence[1]
            if _closes(fence, line):
                lines.append(indent + fence[2])  # where a reader of Markdown sees it, too
                fence = None
            else:  # a line further left would leave the list item that the block stands in, and with it the block
                lines.append(indent + line.lstrip(" ") if line.strip() and not line.startswith(indent) else line)
            continue
        fence = _opener(line)
        if fence is None:
            lines.append(_prose(line, below))
        else:
            if len(fence[1]) > 3 and lines and lines[-1].strip():
                lines.append("")  # or it would go on the paragraph above
            lines.append(line)
    if fence is not None:
        lines.append(fence[1] + fence[2])
    return "\n".join(lines)


def _opener(line: str) -> re.Match[str] | None:
    match = _FENCE.match(line)
    return None if match is None or (match[2][0] == "`" and "`" in match[3]) else match


def _closes(fence: re.Match[str], line: str) -> bool:
    match = _FENCE.match(line)
    return match is not None and match[2].startswith(fence[2]) and not match[3].strip()


def _prose(line: str, below: int) -> str:
    if _UNDERLINE.match(line):  # would make the line above a heading; a rule is as good a break
        return "\n* * *"
    heading = _HEADING.match(line)
    if heading:
        return "#" * min(6, len(heading[1]) + below) + _TOKEN.sub(_harmless, line[heading.end() :])
    return _TOKEN.sub(_harmless, line)


def _harmless(token: re.Match[str]) -> str:
    """A token of prose that does nothing: code and what is escaped already stay, the rest is escaped."""
    if token["code"] or token["escaped"]:
        return token[0]
    if token[0] == "![":
        return "!\\["
    return "".join(f"\\{char}" for char in token[0])
