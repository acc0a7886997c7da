"""What fits a window is told before the provider says so, and never of what may well fit."""

import json
from dataclasses import replace

import pytest

from swarmtui.models.catalog import load_catalog
from swarmtui.models.chat import ChatRequest, Message, ModelError, Tool, ToolCall
from swarmtui.models.prices import with_price
from swarmtui.models.window import check_window, estimate_text, estimate_tokens, fit, room
from swarmtui.plan.model import ModelRef
from swarmtui.session.vocabulary import ErrorKind


def request(text: str, context: int | None, **more: int) -> ChatRequest:
    return ChatRequest(ModelRef("acme", "m", context=context), (Message("user", text),), **more)  # type: ignore[arg-type]


def test_four_characters_are_a_token_and_where_a_character_is_a_word_one_is() -> None:
    assert estimate_text("") == 0
    assert estimate_text("abcd" * 100) == 100
    assert estimate_text("漢字" * 50) == 100
    assert estimate_text("한국어" * 10) == 30
    assert estimate_text("a" + " " * 4000 + "b") == 1


def test_calls_tools_and_thoughts_count_too() -> None:
    plain = estimate_tokens([Message("user", "x" * 40)])
    called = Message("assistant", "", (ToolCall("c", "f", "y" * 400),), extra={"blocks": ["z" * 400]})
    assert estimate_tokens([Message("user", "x" * 40), called]) > plain + 200
    assert estimate_tokens([Message("user", "x" * 40)], [Tool("f", "d" * 400, {})]) > plain + 100
    assert estimate_tokens([Message("user", "x" * 40)], [Tool("f", "", {"x": "d" * 400})]) > plain + 100
    asked = request("x" * 40, 1000)
    assert fit(replace(asked, schema={"description": "d" * 400})).tokens > fit(asked).tokens + 100


def test_room_is_what_is_left_beside_the_answer() -> None:
    assert room(request("x" * 400, None)) is None
    assert room(request("x" * 400, 1000)) == 1000 - 104
    found = fit(request("x" * 400, 1000, max_tokens=900))
    assert (found.room, found.fits, found.refused) == (-4, False, False)
    assert fit(request("x" * 400, 1000, max_tokens=896)).fits


def test_what_surely_does_not_fit_is_refused_with_the_figures() -> None:
    with pytest.raises(ModelError, match=r"^about 210,004 tokens do not fit the 131,072 of acme/m: shorten") as raised:
        check_window(request("abcd" * 210_000, 131_072))
    assert raised.value.info.kind is ErrorKind.TOO_LONG


def test_what_calls_tools_and_schemas_weigh_is_refused_too() -> None:
    heavy = "abcd" * 200_000
    plain = request("short", 131_072)
    call = ToolCall("c1", "write_file", json.dumps({"text": heavy}))
    for more in (
        replace(plain, messages=(*plain.messages, Message("assistant", "", tool_calls=(call,)))),
        replace(plain, tools=(Tool("t", heavy, {"type": "object"}),)),
        replace(plain, schema={"type": "object", "description": heavy}),
    ):
        with pytest.raises(ModelError, match="do not fit"):
            check_window(more)


@pytest.mark.parametrize("tokens", [1_000, 131_000, 150_000])
def test_what_may_fit_is_left_to_the_provider(tokens: int) -> None:
    assert check_window(request("abcd" * tokens, 131_072)) is None
    assert check_window(request("abcd" * tokens * 2, None)) is None


def test_a_window_is_the_tasks_then_the_users_then_the_catalogues() -> None:
    own = load_catalog({"deepseek": {"contexts": {"deepseek-chat": 7}}})
    assert with_price(ModelRef("deepseek", "deepseek-chat", context=5), own).context == 5
    assert with_price(ModelRef("deepseek", "deepseek-chat"), own).context == 7
    assert with_price(ModelRef("deepseek", "deepseek-chat"), load_catalog()).context == 131_072
    assert with_price(ModelRef("custom", "m", base_url="http://h/v1"), own).context is None


def test_a_published_window_is_known_of_what_the_catalogue_does_not_list() -> None:
    pytest.importorskip("genai_prices")
    assert with_price(ModelRef("openai", "gpt-4o"), load_catalog()).context == 128_000
