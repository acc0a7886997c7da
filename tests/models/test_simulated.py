"""The built-in stand-in: plausible, steerable, the same each time, and never taken for a result."""

import asyncio
import json
import time

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.models.chat import ChatRequest, FinishReason, Message, ModelError, Purpose, TextDelta, Tool, complete
from swarmtui.models.example import example_of
from swarmtui.models.simulated import SimulatedChat
from swarmtui.plan.model import Author, MergeSpec, ModelRef, Plan, PromptSpec
from swarmtui.plan.schemas import BUILTIN_SCHEMAS
from swarmtui.plan.taskfile import parse_plan_json
from swarmtui.session.vocabulary import ErrorKind

INSTANT = ModelRef("simulated", "instant", dialect="simulated")


def ask(prompt: str, model: ModelRef = INSTANT, **more: object) -> ChatRequest:
    return ChatRequest(model, (Message("user", prompt),), **more)  # type: ignore[arg-type]


def plan_of(text: str, goal: str) -> Plan:
    data = json.loads(text)
    assert data.pop("note").startswith("[simulated]")
    return parse_plan_json(data, goal, Author.PLANNER)


async def kind_of_failure(model: SimulatedChat, prompt: str) -> ErrorKind | None:
    try:
        await complete(model, ask(prompt))
    except ModelError as error:
        return error.info.kind
    return None


async def test_every_text_is_labelled_and_so_is_the_usage() -> None:
    reply = await complete(SimulatedChat(), ask("Compare SQLite and DuckDB for analytics"))
    assert reply.text.startswith("[simulated] ")
    assert reply.usage.simulated
    assert reply.usage.tokens_out == -(-len(reply.text) // 4)
    assert reply.usage.model == "simulated/instant"


async def test_the_words_of_the_request_come_back() -> None:
    text = (await complete(SimulatedChat(), ask("Compare SQLite and DuckDB"))).text
    assert "SQLite" in text or "DuckDB" in text


async def test_the_same_request_gives_the_same_reply_and_another_one_another() -> None:
    texts = [(await complete(SimulatedChat(), ask(p))).text for p in ("about rivers", "about rivers", "about lakes")]
    assert texts[0] == texts[1] != texts[2]
    assert (await complete(SimulatedChat(), ask("about rivers", seed=1))).text != texts[0]


async def test_a_normal_reply_streams_for_some_seconds_at_a_models_pace() -> None:
    deltas: list[object] = []
    began = time.perf_counter()
    reply = await complete(
        SimulatedChat(),
        ask("Tell me about the history of rivers", ModelRef("simulated", "normal", "simulated")),
        deltas.append,
    )
    took = time.perf_counter() - began
    assert 0.8 < took < 8
    assert len(deltas) > 8
    assert reply.usage.first_token_s is not None
    assert reply.usage.first_token_s < took


async def test_instant_takes_no_time() -> None:
    began = time.perf_counter()
    await asyncio.gather(*(complete(SimulatedChat(), ask(f"number {n}")) for n in range(50)))
    assert time.perf_counter() - began < 2


async def test_take_sets_how_long_a_reply_lasts() -> None:
    began = time.perf_counter()
    await complete(SimulatedChat(), ask("[[take:0.4]] x"))
    assert 0.3 < time.perf_counter() - began < 3


async def test_max_tokens_cuts_and_says_so() -> None:
    reply = await complete(SimulatedChat(), ask("rivers", max_tokens=5))
    assert len(reply.text) <= 20
    assert reply.finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize("kind", ["throttled", "outage", "refused", "malformed", "too_long"])
async def test_it_fails_as_told(kind: str) -> None:
    assert await kind_of_failure(SimulatedChat(), f"x [[fail:{kind}]]") == ErrorKind(kind)


async def test_it_fails_so_many_times_and_then_answers_counting_each_prompt_by_itself() -> None:
    model = SimulatedChat()
    outcomes = [await kind_of_failure(model, "a [[fail:outage:2]]") for _ in range(3)]
    assert outcomes == [ErrorKind.OUTAGE, ErrorKind.OUTAGE, None]
    assert await kind_of_failure(model, "b [[fail:outage:2]]") is ErrorKind.OUTAGE


async def test_an_outage_comes_in_mid_reply() -> None:
    seen: list[object] = []
    with pytest.raises(ModelError):
        await complete(SimulatedChat(), ask("rivers [[fail:outage]]"), seen.append)
    assert any(isinstance(item, TextDelta) for item in seen)


async def test_a_share_of_requests_fails_the_same_ones_each_time() -> None:
    runs = []
    for _ in range(2):
        model = SimulatedChat()
        runs.append([await kind_of_failure(model, f"item {n} [[fail:throttled@0.3]]") for n in range(200)])
    assert runs[0] == runs[1]
    assert 30 < runs[0].count(ErrorKind.THROTTLED) < 90


async def test_unknown_directives_are_just_text() -> None:
    assert await kind_of_failure(SimulatedChat(), "[[fail:whatever]] [[fail:]] [[take:x]] [[take:1.2.3]]") is None


async def test_a_tool_is_called_once_and_its_answer_used() -> None:
    tool = Tool("clock", "tells time", {"type": "object", "properties": {"zone": {"type": "string"}}})
    first = await complete(SimulatedChat(), ask("what time is it", tools=(tool,)))
    assert first.finish_reason is FinishReason.TOOL_CALLS
    assert json.loads(first.tool_calls[0].arguments)["zone"].startswith("[simulated]")
    talk = (
        Message("user", "what time is it"),
        Message("assistant", first.text, first.tool_calls),
        Message("tool", "noon", tool_call_id=first.tool_calls[0].id),
    )
    second = await complete(SimulatedChat(), ChatRequest(INSTANT, talk, tools=(tool,)))
    assert "noon" in second.text
    assert not second.tool_calls


async def test_json_that_is_asked_for_fits_its_schema_and_is_labelled() -> None:
    reply = await complete(SimulatedChat(), ask("review", schema=BUILTIN_SCHEMAS["findings"]))
    findings = json.loads(reply.text)
    jsonschema.validate(findings, BUILTIN_SCHEMAS["findings"])
    assert findings[0]["message"].startswith("[simulated]")


async def test_a_plan_is_valid_wide_and_joins_in_a_report() -> None:
    goal = "Compare SQLite and DuckDB for analytics on a laptop"
    request = ask(f"<goal>\n{goal}\n</goal>", purpose=Purpose.PLAN)
    reply = await complete(SimulatedChat(), request)
    plan = plan_of(reply.text, goal)
    prompts = [node for node in plan.nodes if isinstance(node.spec, PromptSpec)]
    assert 4 <= len(prompts) <= 7
    assert sum(not node.needs for node in prompts) >= 3
    assert all("SQLite" in node.spec.prompt for node in prompts)  # type: ignore[union-attr]
    assert isinstance(plan.nodes[-1].spec, MergeSpec)
    assert set(plan.nodes[-1].needs) == {node.id for node in prompts}
    assert "SQLite" in reply.text


async def test_feedback_changes_the_plan() -> None:
    asked = "<goal>\nrivers\n</goal>"
    feedback = f"{asked}\n\n<feedback>\nlook at fish too\n</feedback>"
    plans = [(await complete(SimulatedChat(), ask(text, purpose=Purpose.PLAN))).text for text in (asked, feedback)]
    assert plans[0] != plans[1]
    assert any("fish" in str(node.spec) for node in plan_of(plans[1], "rivers").nodes)


@settings(max_examples=60)
@given(st.text(max_size=300))
async def test_any_goal_gets_a_valid_plan(goal: str) -> None:
    reply = await complete(SimulatedChat(), ask(f"<goal>\n{goal}\n</goal>", purpose=Purpose.PLAN))
    assert plan_of(reply.text, "x").nodes


async def test_steering_words_in_a_goal_do_not_reach_the_nodes() -> None:
    reply = await complete(SimulatedChat(), ask("<goal>\nrivers [[take:0]]\n</goal>", purpose=Purpose.PLAN))
    assert "[[take" not in reply.text


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 50},
        {"type": "string", "maxLength": 3},
        {"type": "array", "items": {"type": "integer", "minimum": 5}, "minItems": 3},
        {
            "type": ["null", "object"],
            "required": ["a"],
            "properties": {"a": {"$ref": "#/$defs/x"}},
            "$defs": {"x": {"enum": [7]}},
        },
        {"anyOf": [{"type": "boolean"}, {"type": "string"}]},
        {"type": "number", "exclusiveMinimum": 2},
        {"type": "array", "maxItems": 0},
        {"const": {"k": [1]}},
        {},
        True,
    ],
)
def test_examples_fit_their_schema(schema: object) -> None:
    validator = jsonschema.Draft202012Validator(schema)  # type: ignore[arg-type]
    assert validator.is_valid(example_of(schema, "[simulated] text"))  # type: ignore[arg-type]


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    assert example_of(schema, "x")
