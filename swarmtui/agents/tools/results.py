"""What a model is told of a tool's result: clean text of a bounded length, with what was left out said."""

from __future__ import annotations

import json
import re

from swarmtui.agents.tools import RESULT_CHARS
from swarmtui.safety.text import clean

_CUT = "\n[… {left:,} characters left out]"
_INNER_CUT = "\n[… {left:,} characters left out …]\n"
_STRUCTURED = re.compile(r"""(\[\s*)?\{\s*["}]""")
"""How JSON begins that nobody writes in a text: ``[[1]](link) says`` is none."""
_DECODER = json.JSONDecoder()


def shape(text: str, limit: int = RESULT_CHARS) -> str:
    """`text` as a model gets it: stripped, without control sequences and what nobody can see, without what follows the
    end of JSON, and at most `limit` characters long with the mark of the cut."""
    return head(_without_junk(clean(text).strip()), limit)


def head(text: str, limit: int = RESULT_CHARS) -> str:
    """The beginning of `text`, at most `limit` characters with the mark that says how many are missing."""
    if len(text) <= limit:
        return text
    room = max(0, limit - len(_CUT.format(left=len(text))))
    return text[:room] + _CUT.format(left=len(text) - room)


def head_and_tail(text: str, limit: int = RESULT_CHARS) -> str:
    """The beginning and the end of `text`: what a program says last tells why it failed."""
    if len(text) <= limit:
        return text
    room = max(0, limit - len(_INNER_CUT.format(left=len(text))))
    first = room // 2
    return text[:first] + _INNER_CUT.format(left=len(text) - room) + text[len(text) - (room - first) :]


def _without_junk(text: str) -> str:
    """`text`, if it is JSON, or several such values, up to the last one's end."""
    if not _STRUCTURED.match(text):
        return text
    end = 0
    while True:
        try:
            _, end = _DECODER.raw_decode(text, end)
        except (ValueError, RecursionError):
            break
        while end < len(text) and text[end].isspace():
            end += 1
        if not _STRUCTURED.match(text, end):
            break
    return text[:end].rstrip() if end else text
