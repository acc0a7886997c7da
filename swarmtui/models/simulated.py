"""The built-in stand-in for a model: makes tests, tours and first runs possible without a key, and says so each time.

Every text begins with ``[simulated]``, in JSON every free text does, a plan says it in its note, and usage is flagged.
Nothing it writes is knowledge. The same request gives the same reply, whichever process asks.

The model's name is its pace: ``instant`` (no waiting), ``fast`` (a third of a second or so), ``normal`` (1 to 4 s),
``slow`` (10 s or so). What the messages contain steers it:

- ``[[fail:KIND]]`` fails always, with KIND ``throttled``, ``outage``, ``refused``, ``malformed`` or ``too_long``;
  outage and malformed after the first words, the others before them.
- ``[[fail:KIND:N]]`` fails the first N times that this object is asked the same thing, then answers.
- ``[[fail:KIND@P]]`` fails a share P (0..1) of requests, by a hash of the request and of how often it was asked.
- ``[[take:SECONDS]]`` makes the reply last that long, whatever the pace.
- ``[[call:TOOL {"argument": "value"}]]`` calls that tool, if it is offered. Calls on one line are made in one turn,
  those of the next line in the next turn: the turns of the conversation that held calls are counted. Without such lines
  it hands over to whose description has words of the request, gives each text of a JSON list in it to a subagent where
  it may make some, or calls one tool that fits; and answers once there is a result.
- ``[[set:{"field": "value"}]]`` gives these fields of an answer in JSON these values.

An answer lists the links that it saw: those in what tools answered, and Markdown links in what it was asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import time
from collections.abc import AsyncGenerator

from swarmtui.models.chat import (
    Accepted,
    ChatRequest,
    Finished,
    FinishReason,
    ModelError,
    Purpose,
    StreamItem,
    TextDelta,
    ToolCall,
    model_error,
)
from swarmtui.models.example import example_of
from swarmtui.models.simulated_calls import calls_of, fields_of, without_calls
from swarmtui.models.simulated_plan import plan_for
from swarmtui.models.simulated_talk import talk_for
from swarmtui.models.simulated_text import label, links_in, links_of_tool, paragraph, result_text, with_sources
from swarmtui.session.vocabulary import ErrorKind, Usage

_DIRECTIVE = re.compile(r"\[\[(fail|take):([a-z_]+|[\d.]+)(?::(\d+)|@([\d.]+))?\]\]")
_WRITTEN = re.compile(r"<(previous_plan|results)>.*?</\1>", re.DOTALL)
"""What a planner is shown: what steers a node of that plan does not steer the planner."""
_KINDS = {
    kind.value: kind
    for kind in (ErrorKind.THROTTLED, ErrorKind.OUTAGE, ErrorKind.REFUSED, ErrorKind.MALFORMED, ErrorKind.TOO_LONG)
}
_PACE = {"instant": 0.0, "fast": 0.15, "normal": 1.0, "slow": 6.0}
"""Model name -> factor on the time a reply takes."""
_TICK_S = 0.04
_REMEMBERED = 10_000


class SimulatedChat:
    """Answers from nothing but the request. It remembers how often it was asked the same, for ``[[fail:KIND:N]]``."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._asked: dict[str, int] = {}

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamItem, None]:
        """The made-up reply at its pace. Raises ModelError where the request asks for a failure."""
        began = time.perf_counter()
        digest = _digest(request, self._seed)
        said = "\n".join(message.content for message in request.messages if message.role in ("system", "user"))
        steering = _WRITTEN.sub("", said) if request.purpose is Purpose.PLAN else said
        failure, take_s = self._directives(steering, digest)
        rng = random.Random(digest)  # noqa: S311  # plausible text, not a secret
        text, calls = _reply(request, rng)
        cut = request.max_tokens is not None and len(text) > request.max_tokens * 4
        if cut and request.max_tokens is not None:
            text = text[: request.max_tokens * 4]
        pieces = re.findall(r"\s*\S+|\s+", text)
        if take_s is None:
            take_s = _duration(text, rng) * _PACE.get(request.model.model, 1.0)
        wait_s = min(0.3, take_s / 5)
        if wait_s:
            await asyncio.sleep(wait_s)
        if failure in (ErrorKind.THROTTLED, ErrorKind.REFUSED, ErrorKind.TOO_LONG):
            raise _error(failure)
        yield Accepted()
        first_token_s = time.perf_counter() - began
        ticks = min(max(int((take_s - wait_s) / _TICK_S), 1), len(pieces) or 1)
        for tick in range(ticks):
            yield TextDelta("".join(pieces[tick * len(pieces) // ticks : (tick + 1) * len(pieces) // ticks]))
            if failure is not None and tick >= ticks // 3:
                raise _error(failure)
            await asyncio.sleep((take_s - wait_s) / ticks)
        for call in calls:
            yield call
        usage = Usage(
            tokens_in=-(-len(said) // 4),
            tokens_out=-(-(len(text) + sum(len(call.arguments) for call in calls)) // 4),
            cost_usd=0.0,
            model=request.model.name,
            first_token_s=first_token_s,
            simulated=True,
        )
        reason = FinishReason.TOOL_CALLS if calls else FinishReason.LENGTH if cut else FinishReason.STOP
        yield Finished(usage, reason)

    def _directives(self, said: str, digest: str) -> tuple[ErrorKind | None, float | None]:
        """(failure to show, seconds to take) as the messages say."""
        failure: ErrorKind | None = None
        take_s: float | None = None
        asked = self._asked.pop(digest, 0)
        for what, value, times, share in _DIRECTIVE.findall(said):
            if what == "take":
                take_s = min(_float(value), 3600.0)
            elif value in _KINDS and failure is None:
                luck = random.Random(f"{digest}/{asked}").random()  # noqa: S311
                if asked < int(times or asked + 1) and luck < (_float(share) if share else 1.0):
                    failure = _KINDS[value]
        if "[[fail:" in said:
            while len(self._asked) >= _REMEMBERED:
                del self._asked[next(iter(self._asked))]
            self._asked[digest] = asked + 1
        return failure, take_s


def without_directives(text: str) -> str:
    """`text` without what steers the simulated model."""
    return without_calls(_DIRECTIVE.sub("", text)).strip()


def _digest(request: ChatRequest, seed: int) -> str:
    what = [seed, request.seed, request.model.model, *((m.role, m.content) for m in request.messages)]
    return hashlib.blake2b(repr(what).encode("utf-8", "replace"), digest_size=8).hexdigest()


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _duration(text: str, rng: random.Random) -> float:
    """Seconds for `text` at 40 to 120 tokens a second, within 1 to 4."""
    return min(max(len(text) / 4 / rng.uniform(40, 120), 1.0), 4.0)


def _error(kind: ErrorKind) -> ModelError:
    wait = 0.5 if kind is ErrorKind.THROTTLED else None
    return model_error(kind, f"{label('the request asked for this failure')}: {kind.value}", wait)


def _reply(request: ChatRequest, rng: random.Random) -> tuple[str, tuple[ToolCall, ...]]:
    asked = next((m.content for m in reversed(request.messages) if m.role == "user"), "")
    if request.purpose is Purpose.PLAN:
        return json.dumps(plan_for(without_directives(asked), rng), indent=1, ensure_ascii=False), ()
    if request.purpose is Purpose.TALK:
        return talk_for(request, without_directives(asked)), ()
    made = calls_of(request, without_directives(asked), rng)
    if made:
        return label(f"This calls {', '.join(dict.fromkeys(call.name for call in made))}."), made
    if request.schema is not None:
        example = example_of(request.schema, label(paragraph(asked, rng, sentences=1)))
        if isinstance(example, dict):
            example |= fields_of(request, request.schema)
        return json.dumps(example, indent=1, ensure_ascii=False), ()
    return with_sources(label(_answer(request, without_directives(asked), rng)), _links(request)), ()


def _answer(request: ChatRequest, asked: str, rng: random.Random) -> str:
    last = request.messages[-1] if request.messages else None
    if last is not None and last.role == "tool":
        return f"The tool answered: {result_text(last.content, 160)} {paragraph(asked, rng)}"
    return paragraph(asked, rng, sentences=rng.randint(3, 7))


def _links(request: ChatRequest) -> dict[str, str]:
    """The links that the simulated model was shown: address -> what it is called."""
    found: dict[str, str] = {}
    for message in request.messages:
        if message.role in ("tool", "user"):
            links = links_of_tool(message.content) if message.role == "tool" else links_in(message.content)
            found |= {url: name for url, name in links.items() if url not in found}
    return found
