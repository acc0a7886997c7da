"""What models think before they answer, in the OpenAI-compatible dialect: told apart, kept, and given back. Pure."""

from __future__ import annotations

from swarmtui.models.chat import Message
from swarmtui.models.failures import well_formed
from swarmtui.plan.model import JSON

_TEXTS = ("text", "summary", "data", "signature")
"""Fields of a detail that come in pieces."""


class ThinkSplitter:
    """Tells ``<think>…</think>`` at the very start of a text, as some local models write it, from the answer.

    Feeding the same text in other pieces gives the same two texts.
    """

    __slots__ = ("_held", "_state")
    _OPEN, _CLOSE = "<think>", "</think>"

    def __init__(self) -> None:
        self._state = "start"
        self._held = ""

    def feed(self, text: str) -> tuple[str, str]:
        """(reasoning, answer) that `text` adds."""
        if self._state == "answer":
            return "", text
        text, self._held = self._held + text, ""
        if self._state == "start":
            opening = text.lstrip()
            if self._OPEN.startswith(opening):
                self._held = text
                return "", ""
            if not opening.startswith(self._OPEN):
                self._state = "answer"
                return "", text
            self._state = "thinking"
            text = opening[len(self._OPEN) :]
        if self._state == "thinking":
            thought, close, text = text.partition(self._CLOSE)
            if not close:
                keep = next((n for n in range(len(self._CLOSE) - 1, 0, -1) if thought.endswith(self._CLOSE[:n])), 0)
                self._held = thought[len(thought) - keep :]
                return thought[: len(thought) - keep], ""
            self._state = "gap"
            return thought, self.feed(text)[1]
        text = text.lstrip()
        if text:
            self._state = "answer"
        return "", text

    def finish(self) -> tuple[str, str]:
        """(reasoning, answer) that was held back until the text went on."""
        held, self._held = self._held, ""
        return (held, "") if self._state == "thinking" else ("", held)


class Thoughts:
    """What the model thinks, kept in the form in which its provider wants it back.

    That is one text (``reasoning_content``: DeepSeek, Moonshot), or a list of details (``reasoning_details``:
    OpenRouter, which also passes on what other providers have signed).
    """

    def __init__(self, model: str, field: str) -> None:
        self._model = model
        self._field = field
        self._text: list[str] = []
        self._details: dict[tuple[str, int], dict[str, JSON]] = {}
        self._pieces: dict[tuple[str, int], dict[str, list[str]]] = {}

    def take(self, text: str, details: JSON) -> None:
        """What one event adds."""
        if self._field == "reasoning_content" and text:
            self._text.append(text)
        if self._field == "reasoning_details" and isinstance(details, list):
            for detail in details:
                if isinstance(detail, dict):
                    self._take_detail(detail)

    def _take_detail(self, detail: dict[str, JSON]) -> None:
        """Pieces of one detail have its number and kind; their texts follow each other."""
        index = detail.get("index")
        at = (str(detail.get("type")), index if isinstance(index, int) else 0)
        whole, pieces = self._details.setdefault(at, {}), self._pieces.setdefault(at, {})
        for key, value in detail.items():
            if key in _TEXTS and isinstance(value, str):
                pieces.setdefault(key, []).append(value)
            elif isinstance(value, str | int | float | None) and (value is not None or key not in whole):
                whole[key] = well_formed(value) if isinstance(value, str) else value

    def extra(self) -> JSON:
        """For :attr:`Finished.extra`; None where nothing is to be given back."""
        kept: JSON = well_formed("".join(self._text)) or [
            {**whole, **{key: well_formed("".join(parts)) for key, parts in self._pieces[at].items()}}
            for at, whole in self._details.items()
        ]
        return {"model": self._model, self._field: kept} if kept else None


def detail_text(detail: JSON) -> str:
    """What can be read of one of ``reasoning_details``."""
    if not isinstance(detail, dict):
        return ""
    return next((detail[key] for key in ("text", "summary") if isinstance(detail.get(key), str)), "")


def given_back(message: Message, model: str, field: str) -> JSON:
    """What `model` thought before it said `message`, as it wants it back in `field`; None: nothing."""
    if field == "none" or not message.tool_calls or not isinstance(message.extra, dict):
        return None
    return message.extra.get(field) if message.extra.get("model") == model else None
