"""``run_demo_loop``: talk to an agent in the terminal, or have a conversation of given lines played.

All that a model says is cleaned before it is shown: :mod:`swarmtui.safety.text`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from swarmtui.agents.swarm.model import Agent, Response
from swarmtui.agents.swarm.replies import Plain
from swarmtui.agents.swarm.run import Swarm
from swarmtui.models.catalog import CatalogError
from swarmtui.models.chat import ModelError
from swarmtui.safety.text import Cleaner, clean, one_line

_GREY, _BLUE, _PURPLE, _OFF = "\x1b[90m", "\x1b[94m", "\x1b[95m", "\x1b[0m"


def run_demo_loop(
    starting_agent: Agent,
    context_variables: Mapping[Any, Any] | None = None,
    stream: bool = False,
    debug: bool = False,
    *,
    client: Any = None,
    said: Iterable[str] | None = None,
) -> None:
    """Read a line, show what the agents make of it, until the input ends or is interrupted.

    The agent that spoke last goes on, with the context variables as they are by then. `client` as for
    :class:`Swarm`; `said` stands for what a person would type. A model that cannot answer is one line, and the next
    line is read.
    """
    screen = _Screen(sys.stdout)
    swarm = Swarm(client)
    lines = iter(said) if said is not None else None
    agent, context, messages = starting_agent, dict(context_variables or {}), list[Any]()
    screen.say(f"Talking to {one_line(agent.name)}. Ctrl-D or Ctrl-C leaves.\n" if lines is None else "")
    try:
        while (line := screen.ask(lines)) is not None:
            messages.append({"role": "user", "content": line})
            try:
                steps = swarm.run(agent, messages, context, stream=stream, debug=debug)
                response = screen.show(steps) if isinstance(steps, Response) else screen.follow(steps)
            except (ModelError, CatalogError) as error:
                screen.say(f"{one_line(str(error), 400)}\n")
                messages.pop()
                continue
            messages += response.messages
            agent, context = response.agent or agent, response.context_variables
    except KeyboardInterrupt:
        screen.say("\n")


class _Screen:
    """Lines on a terminal, coloured where it is one."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colours = out.isatty()

    def say(self, text: str) -> None:
        """Show `text`, which is clean."""
        self._out.write(text)
        self._out.flush()

    def ask(self, lines: Iterable[str] | None) -> str | None:
        """What the person says; None at the end."""
        prompt = self._painted(_GREY, "User") + ": "
        if lines is not None:
            line = next(iter(lines), None)
            self.say("" if line is None else f"{prompt}{clean(line)}\n")
            return line
        try:
            return input(prompt)
        except EOFError:
            self.say("\n")
            return None

    def show(self, response: Response) -> Response:
        """Who said and called what."""
        for message in response.messages:
            if message["role"] != "assistant":
                continue
            if message["content"]:
                self.say(f"{self._name(message['sender'])}{clean(_text(message['content']))}\n")
            for call in message["tool_calls"] or ():
                self._call(message["sender"], call, with_arguments=True)
        return response

    def follow(self, steps: Iterable[Plain]) -> Response:
        """The same, as it comes."""
        cleaner, sender, speaking = Cleaner(), "", False
        response = Response()
        for step in steps:
            sender = step.get("sender") or sender
            if step.get("content"):
                text = cleaner.feed(_text(step["content"]))
                self.say(text if speaking else self._name(sender) + text)
                speaking = True
            for call in step.get("tool_calls") or ():
                if call["function"]["name"]:
                    self.say("\n" if speaking else "")
                    speaking = False
                    self._call(sender, call, with_arguments=False)
            if step.get("delim") == "end":
                cleaner.flush()
                self.say("\n" if speaking else "")
                speaking = False
            response = step.get("response", response)
        return response

    def _name(self, sender: str) -> str:
        return self._painted(_BLUE, one_line(sender)) + ": "

    def _call(self, sender: str, call: Plain, *, with_arguments: bool) -> None:
        function = call["function"]
        arguments = one_line(function["arguments"], 200) if with_arguments else ""
        name = self._painted(_PURPLE, one_line(function["name"]))
        self.say(f"{self._name(sender)}{name}({arguments})\n")

    def _painted(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_OFF}" if self._colours else text


def _text(content: Any) -> str:
    return content if isinstance(content, str) else str(content)
