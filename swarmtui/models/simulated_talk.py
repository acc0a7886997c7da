"""What the simulated model answers as the coordinator: small talk, what the list of sessions says, one question where a
goal is a word or two, else a proposal with the user's own words. Pure."""

from __future__ import annotations

import json
import re

from swarmtui.models.chat import ChatRequest
from swarmtui.models.simulated_text import label, topics

_GREETING = re.compile(r"(?i)\W*(hi|hello|hey|good (morning|evening|day)|thanks?|thank you|bye|ok(ay)?)\b")
_ABOUT_SESSIONS = re.compile(r"(?i)\b(sessions?|running|runs|failed|finished|cost|spent|needs? me|status)\b")
_PART = re.compile(r"<(sessions|tasks)>\n(.*?)\n</\1>", re.DOTALL)
_MOST_TOLD = 5


def talk_for(request: ChatRequest, asked: str) -> str:
    """The reply, in the form that the coordinator's prompt asks for."""
    told = request.messages[0].content if request.messages else ""
    parts = {name: [] if text == "(none)" else text.splitlines() for name, text in _PART.findall(told)}
    earlier = [message.content for message in request.messages[:-1] if message.role != "system"]
    if _GREETING.match(asked) and len(asked) < 40:
        return f"REPLY\n{label('Hello. Say what is to be done, or ask about the sessions.')}"
    if "?" in asked and _ABOUT_SESSIONS.search(asked):
        return f"REPLY\n{label(_sessions(parts.get('sessions', [])))}"
    answers = bool(earlier) and earlier[-1].startswith("ASK")
    if not answers and len(topics(asked)) < 2:
        return f"ASK\n{label(f'What is to be done about {_short(asked)}, and what for?')}"
    say = label("This proposes your own words; a model would have thought about them.")
    task = next((name for name in _names(parts.get("tasks", [])) if re.search(rf"\b{re.escape(name)}\b", asked)), None)
    if task is not None:
        return f"START\n{json.dumps({'say': say, 'task': task}, ensure_ascii=False)}"
    goal = f"{earlier[-2]}: {asked}" if answers and len(earlier) > 1 else asked
    return f"START\n{json.dumps({'say': say, 'goal': goal}, ensure_ascii=False)}"


def _names(tasks: list[str]) -> list[str]:
    return [line.partition(" | ")[0] for line in tasks]


def _sessions(lines: list[str]) -> str:
    if not lines:
        return "There are no sessions yet."
    more = f"\nand {len(lines) - _MOST_TOLD:,} more" if len(lines) > _MOST_TOLD else ""
    return "The list says:\n" + "\n".join(f"- {line}" for line in lines[:_MOST_TOLD]) + more


def _short(asked: str) -> str:
    words = " ".join(asked.split())
    return f"“{words[:60]}”" if words else "this"
