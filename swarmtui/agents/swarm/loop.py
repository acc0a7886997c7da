"""What happens next in a run: history in, next action out. No I/O, no clock, nobody called but callable instructions.

Whoever carries a run out (:mod:`swarmtui.agents.swarm.run`: at once or awaiting, in one piece or streamed) asks
:meth:`Conversation.next` what to do, does it, and says how it went, until there is a :class:`Done`::

    Ask     -> answered(message)
    Invoke  -> returned(value) or raised(error)

The rules are those of OpenAI Swarm: a turn is one model call and then its tool calls in order; what they change of the
context and of who speaks takes effect after the last of them, and the last one that changes a thing wins.
"""

from __future__ import annotations

import inspect
import json
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from math import inf
from typing import Any

from swarmtui.agents.swarm.functions import CONTEXT, function_name, takes_context, tool_of
from swarmtui.agents.swarm.model import Agent, Response, Result
from swarmtui.agents.swarm.replies import Plain
from swarmtui.frozen import frozen
from swarmtui.safety.text import one_line

_ERROR_CHARS = 600


@frozen
class Ask:
    """Have the model answer. `parameters` are those of ``chat.completions.create``, but for ``stream``."""

    sender: str
    """Name of the agent that speaks."""
    parameters: Plain


@frozen
class Invoke:
    """Call `function` with `arguments`: the model's, and the context variables where its signature has them."""

    name: str
    function: Callable[..., Any]
    arguments: Plain


@frozen
class Done:
    """Nothing is left to do."""

    response: Response


Action = Ask | Invoke | Done


class Conversation:
    """One run. The messages and context variables it starts from are copied; nothing of the caller's is changed.

    `max_turns` is how often the model may be asked; the tools that its last answer calls are still called.
    """

    def __init__(
        self,
        agent: Agent,
        messages: Sequence[Any],
        context_variables: Mapping[Any, Any] | None = None,
        model_override: str | None = None,
        max_turns: float = inf,
        execute_tools: bool = True,
    ) -> None:
        self._agent = agent
        self._history: list[Any] = deepcopy(list(messages))
        self._given = len(self._history)
        self._context: dict[Any, Any] = deepcopy(dict(context_variables or {}))
        self._model_override = model_override
        self._turns_left = max_turns
        self._execute_tools = execute_tools
        self._calls: deque[Plain] = deque()
        self._learnt: dict[Any, Any] = {}
        self._successor: Agent | None = None
        self._awaited: Ask | Invoke | None = None
        self._over = False

    def next(self) -> Action:
        """What to do now; the same again until it is reported. Raises what a callable of instructions raises."""
        if self._awaited is None:
            self._awaited = self._next_call()
        if self._awaited is None:
            self._end_turn()
            if self._over or self._turns_left <= 0:
                added = self._history[self._given :]
                return Done(Response(messages=added, agent=self._agent, context_variables=self._context))
            self._awaited = self._ask()
        return self._awaited

    def answered(self, message: Plain) -> None:
        """The model said `message`, in the form of :mod:`swarmtui.agents.swarm.replies`."""
        asked, self._awaited = self._awaited, None
        if not isinstance(asked, Ask):
            raise RuntimeError("a run was told an answer that it had not asked for")
        self._turns_left -= 1
        self._history.append({**message, "sender": asked.sender})
        self._over = not message.get("tool_calls") or not self._execute_tools
        if not self._over:
            self._calls.extend(message["tool_calls"])

    def returned(self, value: Any) -> None:
        """The function gave `value` back."""
        try:
            result = _result_of(value)
        except Exception as error:  # noqa: BLE001 - its __str__ is the user's code: the model is told, as of the rest
            self.raised(error)
            return
        self._end_call(result.value)
        self._learnt.update(result.context_variables)
        self._successor = result.agent or self._successor

    def raised(self, error: Exception) -> None:
        """The function raised `error`: the model is told in one line, and the run goes on."""
        self._end_call(failure_text(error))

    def _end_call(self, told: str) -> None:
        invoked, self._awaited = self._awaited, None
        if not isinstance(invoked, Invoke):
            raise RuntimeError("a run was told the end of a call that it had not wanted")
        self._tell(self._calls.popleft(), told)

    def _tell(self, call: Plain, told: str) -> None:
        name = call["function"]["name"]
        self._history.append({"role": "tool", "tool_call_id": call["id"], "tool_name": name, "content": told})

    def _next_call(self) -> Invoke | None:
        """The next call of this turn that can be made; what is wrong with those before it is told."""
        functions = {function_name(function): function for function in self._agent.functions}
        while self._calls:
            call = self._calls[0]
            name = call["function"]["name"]
            if name not in functions:
                told = f"Error: Tool {name} not found."
            else:
                try:
                    arguments = _arguments(name, call["function"]["arguments"])
                except ValueError as error:
                    told = f"Error: {error}"
                else:
                    if takes_context(functions[name]):
                        arguments[CONTEXT] = self._context
                    return Invoke(name, functions[name], arguments)
            self._tell(self._calls.popleft(), told)
        return None

    def _end_turn(self) -> None:
        self._context.update(self._learnt)
        self._agent = self._successor or self._agent
        self._learnt, self._successor = {}, None

    def _ask(self) -> Ask:
        agent = self._agent
        tools = [tool_of(function) for function in agent.functions]
        parameters: Plain = {
            "model": self._model_override or agent.model,
            "messages": [{"role": "system", "content": _instructions(agent, self._context)}, *self._history],
            "tools": tools or None,
            "tool_choice": agent.tool_choice,
        }
        if tools:
            parameters["parallel_tool_calls"] = agent.parallel_tool_calls
        return Ask(agent.name, parameters)


def failure_text(error: Exception) -> str:
    """What a model is told of a tool's exception: its type and message, in one line."""
    message = one_line(str(error), _ERROR_CHARS)
    kind = type(error).__name__
    return f"Error: {kind}: {message}" if message else f"Error: {kind}"


def _result_of(value: Any) -> Result:
    match value:
        case Result():
            return value
        case Agent():
            return Result(value=json.dumps({"assistant": value.name}), agent=value)
        case _:
            return Result(value=str(value))


def _arguments(name: str, text: str) -> Plain:
    """The arguments that a model wrote; nothing at all stands for none. Raises ValueError in one line."""
    if not text.strip():
        return {}
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the arguments of {name} are not JSON: {error}; call it again with a JSON object") from None
    if not isinstance(arguments, dict):
        raise ValueError(f"the arguments of {name} are no JSON object; call it again with one")
    return arguments


def _instructions(agent: Agent, context: Mapping[Any, Any]) -> str:
    """What the agent is told, by its own function where it has one: of the context variables, where one that is not
    there reads as an empty text, or of nothing."""
    if not callable(agent.instructions):
        return agent.instructions
    said: Any = agent.instructions(*([defaultdict(str, context)] if _takes_one(agent.instructions) else []))
    if inspect.isawaitable(said):
        if inspect.iscoroutine(said):
            said.close()
        raise TypeError(f"the instructions of agent {agent.name} are an async function: make it a plain one")
    return said  # type: ignore[no-any-return]


def _takes_one(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # no signature to read
        return True
    return True
