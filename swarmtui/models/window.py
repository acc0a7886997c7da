"""What fits a model's window: estimated before a call, so that a clear line comes before the provider's own. Pure.

A token is taken for four characters of ordinary text, for one where a script writes a word in one or two; white space
in a row counts once, since it is one token or so. Nothing here is exact: an estimate is never billed or recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from swarmtui.frozen import frozen
from swarmtui.models.chat import ChatRequest, Message, Tool, model_error
from swarmtui.session.vocabulary import ErrorKind

_CHARS_PER_TOKEN = 4
_PER_MESSAGE = 4
"""Tokens that the frame of a message, a call or a tool takes."""
_SURELY = 1.25
"""An estimate that is so many times the window is taken for certain: prose is overrated by up to a fifth."""
_SPACES = re.compile(r"\s{2,}")
_DENSE = re.compile(r"[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Chinese, Japanese and Korean: a character is about a token."""


@frozen
class Fit:
    """How a request fits its model's window, in tokens."""

    tokens: int
    """What its messages and tools come to, about."""
    window: int | None
    """None: not known."""
    reply: int
    """What is asked for as the longest answer; 0 where nothing is said."""

    @property
    def room(self) -> int | None:
        """What is left beside messages and answer, below zero where it is too much; None: not known."""
        return None if self.window is None else self.window - self.tokens - self.reply

    @property
    def fits(self) -> bool:
        """Whether it fits as far as is known: an agent that does not should say less before it calls."""
        return self.room is None or self.room >= 0

    @property
    def refused(self) -> bool:
        """Whether it surely does not fit, however the provider counts."""
        return self.window is not None and self.tokens > self.window * _SURELY


def estimate_text(text: str) -> int:
    """Tokens of `text`, about."""
    if not text:
        return 0
    dense = 0 if text.isascii() else len(_DENSE.findall(text))
    chars = len(_SPACES.sub(" ", text)) if "  " in text or "\n" in text or "\t" in text else len(text)
    return dense + -(-max(chars - dense, 0) // _CHARS_PER_TOKEN)


def estimate_tokens(messages: Iterable[Message], tools: Sequence[Tool] = ()) -> int:
    """Tokens of `messages` and `tools` together, about."""
    total = 0
    for message in messages:
        total += _PER_MESSAGE + estimate_text(message.content)
        for call in message.tool_calls:
            total += _PER_MESSAGE + estimate_text(call.name) + estimate_text(call.arguments)
        if message.extra is not None:
            total += estimate_text(json.dumps(message.extra))
    for tool in tools:
        written = json.dumps(tool.parameters, ensure_ascii=False)
        total += _PER_MESSAGE + estimate_text(tool.name) + estimate_text(tool.description) + estimate_text(written)
    return total


def fit(request: ChatRequest) -> Fit:
    """How `request` fits; its schema counts as told in words."""
    tokens = estimate_tokens(request.messages, request.tools)
    if request.schema is not None:
        tokens += estimate_text(json.dumps(request.schema))
    return Fit(tokens, request.model.context, request.max_tokens or 0)


def room(request: ChatRequest) -> int | None:
    """Tokens that are left in the window beside `request` and its answer; None: the window is not known."""
    return fit(request).room


def _is_plain(request: ChatRequest) -> bool:
    """Whether the text of its messages is all there is to it."""
    if request.tools or request.schema is not None:
        return False
    return all(message.extra is None and not message.tool_calls for message in request.messages)


def check_window(request: ChatRequest) -> None:
    """Raises ModelError (TOO_LONG) for a request that surely does not fit."""
    window = request.model.context
    if window is None or (_is_plain(request) and sum(len(message.content) for message in request.messages) < window):
        return  # nothing has more tokens than characters, or near enough
    found = fit(request)
    if found.refused:
        told = f"about {found.tokens:,} tokens do not fit the {window:,} of {request.model.name}"
        raise model_error(ErrorKind.TOO_LONG, f"{told}: shorten what it is given, or name a model with a larger window")
