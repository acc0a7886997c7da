"""Talking to an agent in the terminal."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import Any

import pytest

from swarmtui import Agent, Result, run_demo_loop
from swarmtui.models.chat import model_error
from swarmtui.session.vocabulary import ErrorKind
from tests.agents.swarm.scripted import Script, calls, says


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def talk(*script: dict[str, Any], agent: Agent | None = None, out: io.StringIO | None = None, **how: Any) -> str:
    out = out or io.StringIO()
    how.setdefault("said", ["hello"])
    with redirect_stdout(out):
        run_demo_loop(agent or Agent(name="Ann"), client=how.pop("client", None) or Script(script), **how)
    return out.getvalue()


def test_who_said_and_called_what_is_shown():
    def look_up(city):
        return "rain"

    script = calls(("look_up", {"city": "Ulm"}), content="I look."), says("Rain.")
    agent = Agent(name="Ann", functions=[look_up])
    shown = talk(*script, agent=agent).splitlines()
    assert shown == ["User: hello", "Ann: I look.", 'Ann: look_up({"city": "Ulm"})', "Ann: Rain."]
    streamed = talk(*script, agent=agent, stream=True).splitlines()
    assert streamed == ["User: hello", "Ann: I look.", "Ann: look_up()", "Ann: Rain."]


@pytest.mark.parametrize("stream", [False, True])
def test_the_agent_and_the_context_stay_as_the_last_turn_left_them(stream: bool):
    bob = Agent(name="Bob", instructions=lambda context: f"Help {context['name']}.")

    def to_bob():
        return Result(agent=bob, context_variables={"name": "Eve"})

    client = Script([calls(("to_bob", {})), says("I am Bob."), says("Still Bob.")])
    shown = talk(agent=Agent(name="Ann", functions=[to_bob]), client=client, said=["hi", "and"], stream=stream)
    assert shown.splitlines()[-3:] == ["Bob: I am Bob.", "User: and", "Bob: Still Bob."]
    assert client.asked[-1]["messages"][0]["content"] == "Help Eve."
    assert [m["role"] for m in client.asked[-1]["messages"][1:]] == ["user", "assistant", "tool", "assistant", "user"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_model_says_cannot_reach_the_terminal(stream: bool):
    evil = (
        calls(("no\x1b[2Jne", '{"a": "\x1b]0;x\x07"}'), content="a\x1b[2Jb\u202ec\r\n"),
        says("\x1b]52;c;eA==\x07end"),
    )
    shown = talk(*evil, agent=Agent(name="A\x1b[5mnn"), said=["h\x1b[1mi"], stream=stream)
    assert not set(shown) & {"\x1b", "\x07", "\u202e", "\r"}
    assert "Ann: abc" in shown
    assert "end" in shown


def test_only_a_terminal_gets_colours():
    assert "\x1b[94mAnn\x1b[0m: hi" in talk(says("hi"), out=Terminal())
    assert "\x1b" not in talk(says("hi"))


def test_typed_lines_are_read_until_the_input_ends(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo"))
    client = Script([says("1"), says("2")])
    shown = talk(client=client, said=None)
    assert shown.splitlines() == ["Talking to Ann. Ctrl-D or Ctrl-C leaves.", "User: Ann: 1", "User: Ann: 2", "User: "]
    assert [m["content"] for m in client.asked[1]["messages"][1:]] == ["one", "1", "two"]


@pytest.mark.parametrize("where", ["prompt", "answer"])
def test_an_interruption_leaves_politely(where: str):
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt
        yield

    client = Script([])
    if where == "answer":
        client.create = lambda **_: next(interrupted())  # type: ignore[method-assign]
    shown = talk(client=client, said=interrupted() if where == "prompt" else ["hi"])
    assert shown.endswith("\n")


def test_a_model_that_cannot_answer_is_one_line_and_the_talk_goes_on():
    class Failing(Script):
        def create(self, **parameters: Any) -> Any:
            if len(parameters["messages"]) == 2 and parameters["messages"][1]["content"] == "first":
                raise model_error(ErrorKind.REFUSED, "no key\nset ACME_API_KEY")
            return super().create(**parameters)

    client = Failing([says("fine")])
    shown = talk(client=client, said=["first", "second"]).splitlines()
    assert shown == ["User: first", "no key set ACME_API_KEY", "User: second", "Ann: fine"]
    assert [m["content"] for m in client.asked[0]["messages"][1:]] == ["second"]
