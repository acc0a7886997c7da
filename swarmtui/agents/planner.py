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
from swarmtui.plan.problems import Problem, TaskError
from swarmtui.plan.render import plan_document
from swarmtui.plan.repair import loads_lenient
from swarmtui.plan.team import AgentDef, Team
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Usage

_TRIES = 4
"""Calls in a row that may fail by chance (throttled, outage, unreadable) before planning fails."""
_LONGEST_WAIT_S = 30.0
_MOST_PROBLEMS = 20
_SHOWN_CHARS = 200
_WHY_CHARS = 300
_RESULT_CHARS = 4_000
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
    if request.instructions:
        parts.append(_tagged("instructions", request.instructions))
    if request.inputs:
        parts.append(_tagged("inputs", _written(request.inputs)))
    if request.team.agents:
        parts.append(_tagged("agents", _written(team_members(request.team))))
    if limits := _limits(request):
        parts.append(_tagged("limits", "\n".join(limits)))
    if request.previous is not None:
        nodes = plan_document(request.previous).get("nodes")
        parts.append(_tagged("previous_plan", _written({"nodes": nodes})))
    if request.results:
        parts.append(_tagged("results", _written([_told(result) for result in request.results])))
    if request.feedback:
        parts.append(_tagged("feedback", request.feedback))
    return "\n\n".join(parts)


def _limits(request: PlanRequest) -> list[str]:
    """What bounds the plan, a line each: how many nodes, what width is worth, and what there is to spend."""
    told = []
    if request.most_nodes is not None:
        told.append(f"at most {request.most_nodes} nodes")
    if request.at_once is not None:
        told.append(f"at most {request.at_once} of them, or of the items of maps, run at once: the rest waits")
    if request.usd_left is not None:
        told.append(f"{request.usd_left:.2f} USD left for everything: each node costs at least one call of a model")
    if request.tokens_left is not None:
        told.append(f"{request.tokens_left} tokens left for everything, in and out")
    return told


def team_members(team: Team) -> dict[str, JSON]:
    """What a planner is told of the agents that its nodes may name."""
    return {name: _member(team, name, agent) for name, agent in team.agents.items()}


def _member(team: Team, name: str, agent: AgentDef) -> JSON:
    program = agent.program or (agent.command[0] if agent.command else "")
    member: dict[str, JSON] = {
        "does": agent.description or one_line(agent.instructions, _SHOWN_CHARS) or "(nobody says)",
        "tools": [_tool(team, name, tool) for tool in agent.tools] or ["none"],
        "model": f"the program {program}" if program else agent.model,
    }
    if agent.handoffs:
        member["hands over to"] = list(agent.handoffs)
    return member


def _tool(team: Team, agent: str, tool: str) -> str:
    """A tool by its name; of a whole server with the names of its tools, as far as the task file names them."""
    server = team.servers.get(tool)
    if server is None:
        return tool
    if server.agents and agent not in server.agents:
        return f"{tool} (not for this agent)"
    return f"{tool}: {', '.join(server.tools)}" if server.tools else f"{tool} (all tools of the server)"


def _told(result: JSON) -> JSON:
    """How a node ended, as the planner is told it: enough to see what is missing, not the whole output."""
    found = {key: result[key] for key in ("node", "title", "state", "error") if result.get(key)}
    output = str(result.get("output") or "")
    if len(output) > _RESULT_CHARS:
        output = f"{output[:_RESULT_CHARS]} (… {len(output):,} characters in all)"
    return {**found, "output": output}


def repair_prompt(problems: list[str]) -> str:
    """What the model is told when its plan cannot be used."""
    listed = "\n".join(f"- {problem}" for problem in problems[:_MOST_PROBLEMS])
    return f"This plan cannot be used:\n{listed}\n\nReply with the whole plan again, mended, as one JSON object."


def _tagged(tag: str, text: str) -> str:
    return f"<{tag}>\n{text.replace(f'</{tag}>', f'< /{tag}>')}\n</{tag}>"


def _written(value: JSON) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _draft(reply: Reply, request: PlanRequest, usage: Usage) -> Draft:
    """The plan that `reply` holds. Raises TaskError for what is wrong with it, ValueError where there is no JSON."""
    from swarmtui.plan.taskfile import parse_plan_json

    data: JSON = loads_lenient(reply.text)
    note, why, enough = "", {}, False
    if isinstance(data, dict):
        said = data.pop("note", data.pop("thought", ""))
        note = said if isinstance(said, str) else ""
        why = _reasons(data)
        enough = data.pop("enough", False) is True
        may_be_enough = request.most_nodes is not None or bool(request.results)  # a session needs some node
        if enough and may_be_enough and not data.get("nodes"):
            return Draft(Plan(request.goal, author=Author.PLANNER, team=request.team), note, usage, enough=True)
    inputs = [Input(name, value) for name, value in request.inputs.items()]
    plan = parse_plan_json(data, request.goal, Author.PLANNER, inputs=inputs, team=request.team, proposed=True)
    if request.most_nodes is not None and len(plan.nodes) > request.most_nodes:
        found = f"{len(plan.nodes)} nodes, and there may be {request.most_nodes}"
        raise TaskError([Problem(None, None, None, found, "use map for steps that are alike", "nodes")])
    if reply.finish_reason is FinishReason.LENGTH:
        note = f"{note} (The model's reply was cut off: steps may be missing.)".strip()
    ids = {node.id for node in plan.nodes}
    return Draft(plan, note, usage, why={name: text for name, text in why.items() if name in ids})


def _reasons(data: dict[str, JSON]) -> dict[str, str]:
    """Why each node is there: under the key ``why`` of the reply or of the node, both of which are taken out."""
    written = data.pop("why", None)
    found = dict(written) if isinstance(written, dict) else {}
    nodes = data.get("nodes")
    named = nodes.items() if isinstance(nodes, dict) else ()
    listed = ((node.get("id"), node) for node in nodes if isinstance(node, dict)) if isinstance(nodes, list) else ()
    for name, node in (*named, *listed):
        if isinstance(node, dict) and "why" in node:
            found[name] = node.pop("why")
    return {str(name): one_line(text, _WHY_CHARS) for name, text in found.items() if isinstance(text, str)}
