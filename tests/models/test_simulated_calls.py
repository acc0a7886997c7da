"""The simulated model calls tools: as told, or one that fits; and it comes to an end."""

import json

import pytest

from swarmtui.models.chat import ChatRequest, Message, Reply, Tool, complete
from swarmtui.models.simulated import SimulatedChat, without_directives
from swarmtui.models.simulated_text import links_in
from swarmtui.plan.model import ModelRef

INSTANT = ModelRef("simulated", "instant", dialect="simulated")
QUERY = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}


def tools(*names: str) -> tuple[Tool, ...]:
    return tuple(Tool(name, f"does {name}", QUERY) for name in names)


class Talk:
    """A conversation in which every call gets a result."""

    def __init__(self, prompt: str, *names: str) -> None:
        self.messages = [Message("user", prompt)]
        self.tools = tools(*names)

    async def reply(self) -> Reply:
        reply = await complete(SimulatedChat(), ChatRequest(INSTANT, tuple(self.messages), tools=self.tools))
        self.messages.append(reply.message())
        self.messages += [Message("tool", f"result of {c.name}", tool_call_id=c.id) for c in reply.tool_calls]
        return reply

    async def to_the_end(self) -> list[list[str]]:
        turns = []
        while (reply := await self.reply()).tool_calls:
            turns.append([call.name for call in reply.tool_calls])
            assert len(turns) < 10
        return turns


async def test_it_calls_what_the_text_says_line_by_line_and_then_answers() -> None:
    text = 'go\n[[call:look {"query": "a {b} ]]"}]] and [[call:listen]]\nthen [[call:look {"query": "c"}]]\n'
    talk = Talk(text, "listen", "look")
    assert await talk.to_the_end() == [["look", "listen"], ["look"]]
    (first,) = [m for m in talk.messages if m.role == "assistant"][:1]
    assert json.loads(first.tool_calls[0].arguments) == {"query": "a {b} ]]"}


async def test_a_tool_that_is_not_offered_is_not_called() -> None:
    assert await Talk("[[call:gone]]", "look").to_the_end() == []


@pytest.mark.parametrize("text", ["[[call:look {broken]]", "[[call:look", "[[call: look]]", '[[call:look "x"]]'])
async def test_what_is_no_directive_is_text(text: str) -> None:
    assert await Talk(text, "look").to_the_end() == [["look"]]


async def test_without_directives_it_calls_one_tool_that_fits_and_answers() -> None:
    assert await Talk("compare rivers", "transfer_to_b", "ask_user", "crawl", "web_search").to_the_end() == [
        ["web_search"]
    ]
    assert await Talk("compare rivers", "transfer_to_b", "ask_user", "create_subagent").to_the_end() == []


async def test_what_it_searches_for_are_the_words_of_the_request() -> None:
    reply = await Talk("compare rivers", "web_search").reply()
    assert json.loads(reply.tool_calls[0].arguments) == {"query": "[simulated] compare rivers"}


async def test_an_answer_that_is_given_by_a_call_comes_last() -> None:
    talk = Talk("compare rivers", "look", "final_answer")
    assert [call.name for call in (await talk.reply()).tool_calls] == ["look"]
    assert [call.name for call in (await talk.reply()).tool_calls] == ["final_answer"]


def test_directives_are_taken_out_of_what_is_talked_about() -> None:
    assert without_directives('compare [[call:look {"query": "x"}]] rivers [[take:1]]').split() == ["compare", "rivers"]


async def test_fields_of_an_answer_are_as_the_text_gives_them_and_the_others_are_labelled() -> None:
    schema = {
        "type": "object",
        "required": ["next", "message"],
        "properties": {"next": {"enum": ["go", "stay"]}, "message": {"type": "string"}, "locale": {"type": "string"}},
    }
    text = 'hello [[set:{"next": "stay", "locale": "de-DE", "unknown": 1}]]'
    plain = await complete(SimulatedChat(), ChatRequest(INSTANT, (Message("user", text),), schema=schema))
    final = Tool("final_answer", "the end", schema)
    called = await complete(SimulatedChat(), ChatRequest(INSTANT, (Message("user", text),), tools=(final,)))
    for answer in (json.loads(plain.text), json.loads(called.tool_calls[0].arguments)):
        assert (answer["next"], answer["locale"]) == ("stay", "de-DE")
        assert answer["message"].startswith("[simulated]")
        assert "unknown" not in answer


async def test_an_answer_lists_the_links_that_tools_gave_and_those_that_it_was_asked_with() -> None:
    found = "Results for: x\n\n1. A [first] one\n   https://one.example/a\n   says https://two.example/b.\n"
    talk = Talk("compare [this](https://zero.example/) and ![no](https://image.example/i.png)", "look")
    await talk.reply()
    talk.messages[-1] = Message("tool", found, tool_call_id=talk.messages[-1].tool_call_id)
    answer = await talk.reply()
    assert answer.text.startswith("[simulated]")
    assert answer.text.splitlines()[-3:] == [
        "- [this](https://zero.example/)",
        "- [A (first) one](https://one.example/a)",
        "- [https://two.example/b](https://two.example/b)",
    ]
    assert links_in(answer.text).keys() == {"https://zero.example/", "https://one.example/a", "https://two.example/b"}


async def test_code_that_it_has_run_is_code() -> None:
    code = Tool("python", "runs code", {"type": "object", "properties": {"code": {"type": "string"}}})
    reply = await complete(SimulatedChat(), ChatRequest(INSTANT, (Message("user", "sum's up"),), tools=(code,)))
    written = json.loads(reply.tool_calls[0].arguments)["code"]
    assert "simulated" in written
    assert compile(written, "made", "exec").co_code


class Colleagues(Talk):
    """A conversation in which others may be handed over to."""

    def __init__(self, prompt: str, **does: str) -> None:
        super().__init__(prompt, "look")
        self.tools += tuple(Tool(f"transfer_to_{name}", text, {"type": "object"}) for name, text in does.items())


async def test_it_hands_over_to_whoever_the_request_is_for_once_and_then_uses_a_tool() -> None:
    talk = Colleagues("my machine leaks", billing="knows each invoice", workshop="mends a machine that leaks")
    assert await talk.to_the_end() == [["transfer_to_workshop"], ["look"]]
    assert await Colleagues("good morning", billing="knows each invoice").to_the_end() == [["look"]]


async def test_each_thing_of_a_list_is_given_to_a_subagent_in_one_batch() -> None:
    talk = Talk('find out about each: ["one", "two"]', "look", "create_subagent", "assign_task")
    assert await talk.to_the_end() == [["create_subagent"], ["assign_task"]]
    given = json.loads(talk.messages[3].tool_calls[0].arguments)
    assert given["items"] == ["one", "two"]
    assert given["prompt"].endswith("{{ item }}")
    assert given["agent"] == json.loads(talk.messages[1].tool_calls[0].arguments)["name"]


@pytest.mark.parametrize("text", ['["one"]', '["one", "one"]', '["one", 2]', '["one", ', "[one, two]"])
async def test_what_is_no_list_of_different_texts_is_given_to_nobody(text: str) -> None:
    assert await Talk(text, "look", "create_subagent", "assign_task").to_the_end() == [["look"]]
