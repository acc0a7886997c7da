"""The planner: a goal in, a valid plan out, by one call of the planner model and at most one more to mend it.

The prompt is in ``prompts/planner.md``. What the model writes is read leniently
(:func:`swarmtui.plan.repair.loads_lenient`) and then judged exactly as strictly as a task file.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files

from swarmtui.engine.planning import PLANNER
from swarmtui.engine.ports import Draft, PlanningError, PlanRequest
from swarmtui.models.chat import (
    ChatModel,
    ChatRequest,
    FinishReason,
    Message,
    ModelError,
    Purpose,
    Reply,
    add_usage,
    complete,
)
from swarmtui.models.told import complete_telling
from swarmtui.plan.model import JSON, Author, Input, ModelRef, Plan
from swarmtui.plan.problems import TaskError
from swarmtui.plan.render import plan_document
from swarmtui.plan.repair import loads_lenient
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Usage

_TRIES = 4
"""Calls in a row that may fail by chance (throttled, outage, unreadable) before planning fails."""
_LONGEST_WAIT_S = 30.0
_MOST_PROBLEMS = 20
_BY_CHANCE = frozenset({ErrorKind.THROTTLED, ErrorKind.OUTAGE, ErrorKind.MALFORMED})


class LlmPlanner:
    """Implements :class:`swarmtui.engine.ports.Planner` with a chat model."""

    def __init__(
        self,
        make_model: Callable[[ModelRef], ChatModel],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._make_model = make_model
        self._sleep = sleep

    async def propose(self, request: PlanRequest, on_delta: Callable[[str], None]) -> Draft:
        """A valid plan for the goal. `on_delta` gets all the model writes, its reasoning too. Raises PlanningError."""
        talk = [Message("system", system_prompt()), Message("user", user_prompt(request))]
        usage: Usage | None = None
        for last_turn in (False, True):
            try:
                reply = await self._ask(request, talk, on_delta)
            except ModelError as error:
                raise PlanningError(error.info, usage or Usage(model=request.model.name)) from None
            usage = reply.usage if usage is None else add_usage(usage, reply.usage)
            problems: list[str]
            if reply.finish_reason is FinishReason.LENGTH and not last_turn:
                problems = ["the reply was cut off because it is too long: write a shorter plan"]
            else:
                try:
                    return _draft(reply, request, usage)
                except TaskError as error:
                    problems = [str(problem) for problem in error.problems]
                except ValueError as error:
                    problems = [f"the reply is not JSON: {error}"]
            talk += [Message("assistant", reply.text or "(nothing)"), Message("user", repair_prompt(problems))]
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        message = f"{request.model.name} gave no usable plan, even when told why: {problems[0]}{more}"
        raise PlanningError(ErrorInfo(ErrorKind.MALFORMED, message), usage or Usage())

    async def _ask(self, request: PlanRequest, talk: list[Message], on_delta: Callable[[str], None]) -> Reply:
        """One turn; what fails by chance is tried again, after the provider's wait or a jittered one.

        Where the pacer admits the calls a refusal counts for nothing: it is asked when to call again.
        """
        chat = ChatRequest(request.model, tuple(talk), purpose=Purpose.PLAN)
        number = 1
        while True:
            try:
                return await self._call(request, chat, on_delta)
            except ModelError as error:
                paced = request.calls is not None and error.info.kind is ErrorKind.THROTTLED
                if error.info.kind not in _BY_CHANCE or (number == _TRIES and not paced):
                    raise
                asked = error.info.retry_after_s
                wait = random.uniform(0, 2.0**number) if asked is None else asked  # noqa: S311
                await self._sleep(min(wait, _LONGEST_WAIT_S))
                number += not paced

    async def _call(self, request: PlanRequest, chat: ChatRequest, on_delta: Callable[[str], None]) -> Reply:
        model, calls = self._make_model(request.model), request.calls
        if calls is None:
            return await complete(model, chat, lambda delta: on_delta(delta.text))
        await calls.admitted()
        return await complete_telling(model, chat, PLANNER, calls.tell, lambda delta: on_delta(delta.text))


@cache
def system_prompt() -> str:
    """What every planner call begins with."""
    return files("swarmtui.agents").joinpath("prompts", "planner.md").read_text("utf-8")


def user_prompt(request: PlanRequest) -> str:
    """The task, each part between tags that its text cannot close."""
    parts = [_tagged("goal", request.goal)]
    if request.inputs:
        parts.append(_tagged("inputs", json.dumps(request.inputs, ensure_ascii=False, indent=1)))
    if request.previous is not None:
        parts.append(
            _tagged(
                "previous_plan",
                json.dumps({"nodes": plan_document(request.previous)["nodes"]}, ensure_ascii=False, indent=1),
            )
        )
    if request.feedback:
        parts.append(_tagged("feedback", request.feedback))
    return "\n\n".join(parts)


def repair_prompt(problems: list[str]) -> str:
    """What the model is told when its plan cannot be used."""
    listed = "\n".join(f"- {problem}" for problem in problems[:_MOST_PROBLEMS])
    return f"This plan cannot be used:\n{listed}\n\nReply with the whole plan again, mended, as one JSON object."


def _tagged(tag: str, text: str) -> str:
    return f"<{tag}>\n{text.replace(f'</{tag}>', f'< /{tag}>')}\n</{tag}>"


def _written(plan: Plan) -> str:
    """`plan` as the planner itself would write it."""
    return json.dumps({"nodes": plan_document(plan)["nodes"]}, ensure_ascii=False, indent=1)


def _draft(reply: Reply, request: PlanRequest, usage: Usage) -> Draft:
    """The plan that `reply` holds. Raises TaskError for what is wrong with it, ValueError where there is no JSON."""
    from swarmtui.plan.taskfile import parse_plan_json

    data: JSON = loads_lenient(reply.text)
    note = ""
    if isinstance(data, dict):
        said = data.pop("note", data.pop("thought", ""))
        note = said if isinstance(said, str) else ""
    inputs = [Input(name, value) for name, value in request.inputs.items()]
    plan = parse_plan_json(data, request.goal, Author.PLANNER, inputs=inputs, team=request.team, proposed=True)
    if reply.finish_reason is FinishReason.LENGTH:
        note = f"{note} (The model's reply was cut off: steps may be missing.)".strip()
    return Draft(plan, note, usage)
