"""``Swarm``: carries conversations out, at once or awaiting, in one piece or streamed.

What happens is decided in :mod:`swarmtui.agents.swarm.loop`; here is only who is called, and how one waits for it.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, Any, Literal, overload

from swarmtui.agents.swarm.loop import Action, Ask, Conversation, Done, Invoke
from swarmtui.agents.swarm.model import Agent, Response
from swarmtui.agents.swarm.portal import Portal
from swarmtui.agents.swarm.replies import Plain, Streamed, message_of
from swarmtui.safety.text import clean

if TYPE_CHECKING:
    from swarmtui.agents.swarm.answering import ModelClient, Models
    from swarmtui.models.chat import ChatModel
    from swarmtui.plan.model import ModelRef

_END = object()
Create = Callable[..., Any]


class Swarm:
    """Runs agents that call functions and hand over to each other. It keeps nothing of a run.

    `client` is who answers: an OpenAI-style object (anything with ``chat.completions.create``, async or not), a
    swarmtui model (``"deepseek/deepseek-chat"``, a ModelRef or a ChatModel), or None for what there is:
    :mod:`swarmtui.agents.swarm.answering`. An OpenAI-style client gets the messages as they are in the history.
    """

    def __init__(self, client: Any | str | ModelRef | ChatModel | None = None) -> None:
        from swarmtui.plan.model import ModelRef

        self.client = client
        self._models: Models | None = None
        if client is None or isinstance(client, str | ModelRef) or not hasattr(client, "chat"):
            from swarmtui.agents.swarm.answering import Models

            if client is not None and not isinstance(client, str | ModelRef) and not hasattr(client, "stream"):
                wanted = "an object with chat.completions.create, a model such as 'provider/model', or None"
                raise TypeError(f"a {type(client).__name__} cannot answer: client must be {wanted}")
            self._models = Models(client, os.environ)
        self._portal = Portal()
        weakref.finalize(self, self._portal.close)

    @overload
    def run(
        self,
        agent: Agent,
        messages: Sequence[Any],
        context_variables: Mapping[Any, Any] | None = None,
        model_override: str | None = None,
        stream: Literal[False] = False,
        debug: bool = False,
        max_turns: float = inf,
        execute_tools: bool = True,
    ) -> Response: ...
    @overload
    def run(
        self,
        agent: Agent,
        messages: Sequence[Any],
        context_variables: Mapping[Any, Any] | None = None,
        model_override: str | None = None,
        *,
        stream: Literal[True],
        debug: bool = False,
        max_turns: float = inf,
        execute_tools: bool = True,
    ) -> Generator[Plain, None, None]: ...
    @overload
    def run(
        self,
        agent: Agent,
        messages: Sequence[Any],
        context_variables: Mapping[Any, Any] | None = None,
        model_override: str | None = None,
        stream: bool = False,
        debug: bool = False,
        max_turns: float = inf,
        execute_tools: bool = True,
    ) -> Response | Generator[Plain, None, None]: ...
    def run(
        self,
        agent: Agent,
        messages: Sequence[Any],
        context_variables: Mapping[Any, Any] | None = None,
        model_override: str | None = None,
        stream: bool = False,
        debug: bool = False,
        max_turns: float = inf,
        execute_tools: bool = True,
    ) -> Response | Generator[Plain, None, None]:
        """Have `agent` answer `messages`, calling functions and handing over, until an answer calls none.

        `max_turns` limits the model calls; without `execute_tools` the first answer is the last. Neither the messages
        nor the context variables are changed: what they became is in the Response. With `stream` an iterator of
        ``{"delim": "start"}``, deltas, ``{"delim": "end"}`` per model call, and last ``{"response": Response}``.
        Async functions and clients are waited for. Functions that raise are told to the model; what the client and
        callable instructions raise comes out. `debug` prints to standard error.
        """
        conversation = Conversation(agent, messages, context_variables, model_override, max_turns, execute_tools)
        steps = self._steps(conversation, debug, stream)
        if stream:
            return steps
        with closing(steps):
            for step in steps:
                response: Response = step["response"]
        return response

    @overload
    def arun(
        self,
        agent: Agent,
        messages: Sequence[Any],
        context_variables: Mapping[Any, Any] | None = None,
        model_override: str | None = None,
        stream: Literal[False] = False,
        debug: bool = False,
        max_turns: float = inf,
        execute_tools: bool = True,
    ) -> Coroutine[Any, Any, Response]: ...
    @overload
    def arun(
        self,
        agent: Agent,
        messages: Sequence[Any],
        context_variables: Mapping[Any, Any] | None = None,
        model_override: str | None = None,
        *,
        stream: Literal[True],
        debug: bool = False,
        max_turns: float = inf,
        execute_tools: bool = True,
    ) -> Streaming: ...
    @overload
    def arun(
        self,
        agent: Agent,
        messages: Sequence[Any],
        context_variables: Mapping[Any, Any] | None = None,
        model_override: str | None = None,
        stream: bool = False,
        debug: bool = False,
        max_turns: float = inf,
        execute_tools: bool = True,
    ) -> Coroutine[Any, Any, Response] | Streaming: ...
    def arun(
        self,
        agent: Agent,
        messages: Sequence[Any],
        context_variables: Mapping[Any, Any] | None = None,
        model_override: str | None = None,
        stream: bool = False,
        debug: bool = False,
        max_turns: float = inf,
        execute_tools: bool = True,
    ) -> Coroutine[Any, Any, Response] | Streaming:
        """:meth:`run` for async code: await it, or with `stream` iterate over it with ``async for``.

        Functions and clients that are not async run in a thread, one after the other, so that nothing else waits.
        """
        conversation = Conversation(agent, messages, context_variables, model_override, max_turns, execute_tools)
        steps = self._async_steps(conversation, debug, stream)
        return Streaming(steps) if stream else _last(steps)

    # -- at once ----------------------------------------------------------------------------------------------

    def _steps(self, conversation: Conversation, debug: bool, stream: bool) -> Generator[Plain, None, None]:
        """Carry it out; the deltas are given where it is streamed, the response in any case."""
        with self._opened() as create:
            while not isinstance(action := conversation.next(), Done):
                _note(debug, action)
                if isinstance(action, Invoke):
                    self._invoke(conversation, action)
                    continue
                reply, awaited = self._settled(create(**action.parameters, stream=stream))
                if stream:
                    streamed = Streamed(action.sender)
                    yield {"delim": "start"}
                    with closing(self._chunks(reply, awaited)) as chunks:
                        for chunk in chunks:
                            if (delta := streamed.feed(chunk)) is not None:
                                yield delta
                    yield {"delim": "end"}
                message = streamed.finish() if stream else message_of(reply)
                _note(debug, message)
                conversation.answered(message)
        yield {"response": action.response}

    def _invoke(self, conversation: Conversation, call: Invoke) -> None:
        try:
            value, _ = self._settled(call.function(**call.arguments))
        except Exception as error:  # noqa: BLE001 - whatever a function raises is for the model to deal with
            conversation.raised(error)
        else:
            conversation.returned(value)

    def _settled(self, value: Any) -> tuple[Any, bool]:
        """(`value` or what it comes to, whether it was waited for)"""
        return (self._portal.wait(value), True) if inspect.isawaitable(value) else (value, False)

    def _chunks(self, stream: Any, awaited: bool) -> Generator[Any, None, None]:
        if not _is_async(stream, awaited):
            with _ended(stream):
                yield from stream
            return
        chunks = aiter(stream)
        try:
            while (chunk := self._portal.wait(anext(chunks, _END))) is not _END:
                yield chunk
        finally:
            if hasattr(chunks, "aclose"):
                self._portal.wait(chunks.aclose())

    @contextmanager
    def _opened(self) -> Iterator[Create]:
        if self._models is None:
            yield self.client.chat.completions.create  # type: ignore[union-attr]
            return
        client = _model_client(self._models)
        try:
            yield client.create
        finally:
            self._portal.wait(client.aclose())

    # -- awaiting ---------------------------------------------------------------------------------------------

    async def _async_steps(self, conversation: Conversation, debug: bool, stream: bool) -> AsyncGenerator[Plain, None]:
        """As :meth:`_steps`."""
        async with self._async_opened() as create:
            while not isinstance(action := conversation.next(), Done):
                _note(debug, action)
                if isinstance(action, Invoke):
                    await _invoke(conversation, action)
                    continue
                reply, awaited, error = await _called(create, {**action.parameters, "stream": stream})
                if error is not None:
                    raise error
                if stream:
                    streamed = Streamed(action.sender)
                    yield {"delim": "start"}
                    async with aclosing(_async_chunks(reply, awaited)) as chunks:
                        async for chunk in chunks:
                            if (delta := streamed.feed(chunk)) is not None:
                                yield delta
                    yield {"delim": "end"}
                message = streamed.finish() if stream else message_of(reply)
                _note(debug, message)
                conversation.answered(message)
        yield {"response": action.response}

    @asynccontextmanager
    async def _async_opened(self) -> AsyncIterator[Create]:
        if self._models is None:
            yield self.client.chat.completions.create  # type: ignore[union-attr]
            return
        client = _model_client(self._models)
        try:
            yield client.create
        finally:
            await client.aclose()


class Streaming:
    """What ``arun(stream=True)`` gives: iterate over it with ``async for``; awaiting it first is allowed, too."""

    def __init__(self, steps: AsyncGenerator[Plain, None]) -> None:
        self._steps = steps

    def __aiter__(self) -> AsyncGenerator[Plain, None]:
        return self._steps

    def __await__(self) -> Generator[Any, None, Streaming]:
        yield from ()
        return self

    async def aclose(self) -> None:
        """End the run where it is."""
        await self._steps.aclose()


async def _last(steps: AsyncGenerator[Plain, None]) -> Response:
    async with aclosing(steps):
        async for step in steps:
            response: Response = step["response"]
    return response


async def _invoke(conversation: Conversation, call: Invoke) -> None:
    value, _, error = await _called(call.function, call.arguments)
    if error is None:
        conversation.returned(value)
    else:
        conversation.raised(error)


async def _called(function: Callable[..., Any], arguments: Plain) -> tuple[Any, bool, Exception | None]:
    """(what it comes to, whether that was waited for, what it raised instead): no coroutine can raise all that a
    function can (PEP 479)."""
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
        value, error = _attempt(function, arguments)
    else:
        value, error = await asyncio.to_thread(_attempt, function, arguments)
    if error is not None or not inspect.isawaitable(value):
        return value, False, error
    try:
        return await value, True, None
    except Exception as raised:  # noqa: BLE001 - given to whoever wanted the call
        return None, True, raised


def _attempt(function: Callable[..., Any], arguments: Plain) -> tuple[Any, Exception | None]:
    """(value, None) or (None, what was raised)"""
    try:
        return function(**arguments), None
    except Exception as error:  # noqa: BLE001 - given to whoever wanted the call
        return None, error


async def _async_chunks(stream: Any, awaited: bool) -> AsyncGenerator[Any, None]:
    if not _is_async(stream, awaited):
        chunks = iter(stream)
        with _ended(stream):
            while (chunk := await asyncio.to_thread(next, chunks, _END)) is not _END:
                yield chunk
        return
    source = aiter(stream)
    try:
        async for chunk in source:
            yield chunk
    finally:
        if hasattr(source, "aclose"):
            await source.aclose()


def _is_async(stream: Any, awaited: bool) -> bool:
    """How to iterate over what can be both ways, as mocks and some wrappers can: as it was given."""
    return hasattr(stream, "__aiter__") and (awaited or not hasattr(stream, "__iter__"))


@contextmanager
def _ended(stream: Any) -> Iterator[None]:
    """Closes the connection of a stream that nobody reads to its end."""
    try:
        yield
    finally:
        if callable(close := getattr(stream, "close", None)):
            close()


def _model_client(models: Models) -> ModelClient:
    from swarmtui.agents.swarm.answering import ModelClient

    return ModelClient(models)


def _note(debug: bool, what: Action | Plain) -> None:
    """Say what happens, on standard error."""
    if not debug:
        return
    match what:
        case Ask():
            told = f"{what.sender} asks {what.parameters['model']}: {what.parameters['messages']}"
        case Invoke():
            told = f"calls {what.name} with {what.arguments}"
        case _:
            told = f"received: {what}"
    sys.stderr.write(f"[{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}] {clean(told, keep_newlines=False)}\n")
