"""What an agent is told of its calls: results in tags that their text cannot close, refusals, a person's words."""

from __future__ import annotations

import re
from enum import StrEnum

from swarmtui.agents.tools import RESULT_CHARS
from swarmtui.plan.model import JSON
from swarmtui.session.vocabulary import ALLOW_ALWAYS, ALLOW_ONCE, DENY

_TAGS = "tool_result|subagent_result|summary|task|work"
_TAG = re.compile(rf"<(?=\s*/?\s*(?:{_TAGS})\b)", re.IGNORECASE)
_ONCE = frozenset(
    {"allow", "allow once", "once", "yes", "y", "ok", "okay", "approve", "approved", "proceed", "continue", "accept"}
    | {"accepted", "repeat"}
)
_ALWAYS = frozenset({"always", "allow always"})
_NO = re.compile(r"(?:deny|denied|no|n|refuse|reject)\b[\s:,.-]*", re.IGNORECASE)

PERMISSION_CHOICES = (ALLOW_ONCE, ALLOW_ALWAYS, DENY)


class Grant(StrEnum):
    """What a person says of a call."""

    ONCE = ALLOW_ONCE
    ALWAYS = ALLOW_ALWAYS
    DENY = DENY


def grant_of(content: str) -> tuple[Grant, str]:
    """What `content` grants, and what else it says. Nothing but a plain yes allows a call."""
    said = content.strip().lower().rstrip(".!")
    if said in _ALWAYS:
        return Grant.ALWAYS, ""
    if said in _ONCE:
        return Grant.ONCE, ""
    return Grant.DENY, _NO.sub("", content.strip(), count=1)[:2000]


def refusal(why: str) -> str:
    """What the model is told of a call that may not be made."""
    return f"refused: {why}"


def tagged(tag: str, text: str, attributes: str = "") -> str:
    """`text` between tags that it cannot close, and in which it can open none of these."""
    return f"<{tag}{attributes}>\n{_TAG.sub('< ', text)}\n</{tag}>"


def result_message(tool: str, content: str, *, ok: bool) -> str:
    """The result of a tool, as the model is told it."""
    failed = "" if ok else ' failed="yes"'
    return tagged("tool_result", content, f' tool="{_attribute(tool)}"{failed}')


def told(said: str | list[JSON]) -> str:
    """A person's answer as it is, or how the nodes of an assignment ended."""
    if isinstance(said, str):
        return said or "(the user gave no answer)"
    return "\n\n".join(_subagent(result) for result in said)


def _subagent(result: JSON) -> str:
    state, name = str(result.get("state", "")), result.get("title") or result["node"]
    text = str(result.get("output") or "")
    if state != "succeeded":
        why = result.get("error") or "no reason given"
        text = f"{state}: {why}" + (f"\n\nWhat it had said by then:\n{text}" if text else "")
    if len(text) > RESULT_CHARS:
        text = f"{text[:RESULT_CHARS]}\n(cut: {len(text)} characters in all)"
    attributes = f' agent="{_attribute(str(name))}" state="{_attribute(state)}"'
    return tagged("subagent_result", text or "(it said nothing)", attributes)


def _attribute(text: str) -> str:
    return re.sub(r'[<>"\s]+', " ", text)[:120]
