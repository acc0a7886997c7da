"""What is found to answer: keys first, then local servers, then the simulated model; and whether it really answers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from swarmtui.models.anthropic import AnthropicChat
from swarmtui.models.catalog import Catalog, Provider, Quirks, load_catalog
from swarmtui.models.chat import ModelError
from swarmtui.models.discover import check_model, discover, keys_abroad, make_model, unusable
from swarmtui.models.gemini import GeminiChat
from swarmtui.models.net import Net, Timeouts
from swarmtui.models.openai_chat import OpenAIChat
from swarmtui.models.simulated import SimulatedChat
from swarmtui.plan.model import ModelRef
from tests.fakes.llm import Answer, FakeLLM, Raw, Silence, Status


def local_at(**ports: int) -> Catalog:
    """The catalogue with local servers at these ports, and the others where nobody listens."""
    everywhere = {"ollama": 1, "lmstudio": 1, "vllm": 1} | ports
    return load_catalog({name: {"base_url": f"http://127.0.0.1:{port}/v1"} for name, port in everywhere.items()})


@pytest.fixture
async def second() -> AsyncIterator[FakeLLM]:
    async with FakeLLM(models=("text-embed-1", "other")) as server:
        yield server


async def test_with_nothing_there_both_tiers_are_simulated_and_said_so(net: Net) -> None:
    found = await discover({}, net, local_at())
    assert {ref.name for ref in found.tiers.values()} == {"simulated/normal"}
    assert found.simulated
    assert not any(finding.name.startswith("tier ") for finding in found.findings)
    missing = {finding.name: finding.detail for finding in found.findings if not finding.found}
    assert "DEEPSEEK_API_KEY is not set" in missing["deepseek"]
    assert "cannot be reached" in missing["ollama"]


async def test_a_local_server_is_found_and_asked_for_its_models(llm: FakeLLM, net: Net) -> None:
    found = await discover({}, net, local_at(lmstudio=llm.port))
    assert {ref.name for ref in found.tiers.values()} == {"lmstudio/fake-small"}
    assert found.tiers["worker"].base_url == llm.base_url
    assert not found.simulated
    assert [asked.path for asked in llm.ledger] == ["/v1/models"]


async def test_the_first_local_server_of_the_catalogue_wins_and_embedders_do_not_chat(
    llm: FakeLLM, second: FakeLLM, net: Net
) -> None:
    found = await discover({}, net, local_at(vllm=llm.port, ollama=second.port))
    assert found.tiers["worker"].name == "ollama/other"


async def test_a_key_wins_over_a_local_server_which_is_then_not_asked(llm: FakeLLM, net: Net) -> None:
    found = await discover({"GROQ_API_KEY": "k"}, net, local_at(ollama=llm.port))
    assert found.tiers["planner"].provider == "groq"
    assert llm.ledger == []


async def test_doctor_looks_everywhere_without_changing_the_choice(llm: FakeLLM, net: Net) -> None:
    found = await discover({"GROQ_API_KEY": "k"}, net, local_at(ollama=llm.port), everything=True)
    assert found.tiers["planner"].provider == "groq"
    assert {f.name for f in found.findings if f.found} >= {"groq", "ollama", "simulated"}


async def test_an_override_wins_over_all(llm: FakeLLM, net: Net) -> None:
    environ = {"GROQ_API_KEY": "k", "SWARMTUI_MODEL": "simulated/fast", "SWARMTUI_PLANNER_MODEL": "openai/gpt-5"}
    found = await discover(environ, net, local_at(ollama=llm.port))
    assert {tier: ref.name for tier, ref in found.tiers.items()} == {
        "planner": "openai/gpt-5",
        "worker": "simulated/fast",
    }


async def test_a_local_server_takes_the_tiers_that_nothing_else_decides(llm: FakeLLM, net: Net) -> None:
    found = await discover({"SWARMTUI_PLANNER_MODEL": "simulated/fast"}, net, local_at(vllm=llm.port))
    assert {tier: ref.name for tier, ref in found.tiers.items()} == {
        "planner": "simulated/fast",
        "worker": "vllm/fake-small",
    }
    assert [(f.name, f.detail) for f in found.findings if f.name.startswith("tier ")] == [
        ("tier planner", "simulated/fast: SWARMTUI_PLANNER_MODEL is set")
    ]


@pytest.mark.parametrize(
    "stranger",
    [
        Raw(b"<html>", "text/html"),
        Raw(b"{}", "application/json"),
        Status(404),
        Silence(),
        Status(200, body={"data": 3}),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_stranger_at_the_port_is_not_taken_for_a_model_server(net: Net, stranger: Raw) -> None:
    class Stranger(FakeLLM):
        def _choose(self, asked: object) -> Raw:
            return stranger

    async with Stranger() as server:
        found = await discover({}, net, local_at(vllm=server.port))
    assert found.simulated


async def test_a_check_says_whether_a_model_answers_and_how_fast(llm: FakeLLM, net: Net) -> None:
    ref = ModelRef("acme", "m", base_url=llm.base_url, api_key_env="ACME_KEY")
    check = await check_model(ref, net, {"ACME_KEY": "k"})
    assert (check.reachable, check.authorised) == (True, True)
    assert check.first_token_s is not None
    await llm.until_closed()
    llm.will(Status(401))
    check = await check_model(ref, net, {"ACME_KEY": "k"})
    assert (check.reachable, check.authorised, check.first_token_s) == (True, False, None)
    assert "ACME_KEY" in check.detail


async def test_a_check_knows_a_model_that_is_only_busy_from_one_that_says_nothing(llm: FakeLLM, net: Net) -> None:
    ref = ModelRef("acme", "m", base_url=llm.base_url)
    llm.will(Status(429))
    busy = await check_model(ref, net, {})
    assert (busy.reachable, busy.authorised, busy.first_token_s) == (True, True, None)
    llm.will(Status(503))
    down = await check_model(ref, net, {})
    assert (down.reachable, down.authorised) == (False, False)
    llm.will(Answer(""))
    empty = await check_model(ref, net, {})
    assert (empty.reachable, empty.authorised, empty.first_token_s) == (True, True, None)


async def test_a_check_of_a_model_that_never_says_anything_ends(
    llm: FakeLLM, net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarmtui.models.discover._CHECK", Timeouts(connect_s=30, first_s=30, idle_s=30, total_s=0.1))
    llm.will(Silence())
    check = await check_model(ModelRef("acme", "m", base_url=llm.base_url), net, {})
    assert (check.reachable, check.authorised, check.detail) == (False, False, "no answer in time")


async def test_a_model_is_asked_as_its_provider_s_quirks_have_it(llm: FakeLLM, net: Net) -> None:
    quirks = Quirks(max_tokens_field="max_completion_tokens", headers={"X-Team": "owls"}, key_optional=True)
    catalog = Catalog({"acme": Provider("acme", base_url=llm.base_url, quirks=quirks)})
    assert (await check_model(ModelRef("acme", "m", base_url=llm.base_url), net, {}, catalog)).authorised
    (asked,) = llm.ledger
    assert (asked.body["max_completion_tokens"], asked.headers["x-team"]) == (16, "owls")


async def test_a_configuration_that_was_broken_meanwhile_refuses_on_one_line(net: Net, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("models: {acme: {base_urll: x, base_urly: y}}\n")
    with pytest.raises(ModelError, match=r"config\.yaml") as caught:
        make_model(ModelRef("x", "y"), net, {"SWARMTUI_HOME": str(tmp_path)})
    assert "\n" not in str(caught.value)


async def test_a_check_of_nobody_is_unreachable(net: Net) -> None:
    check = await check_model(ModelRef("acme", "m", base_url="http://127.0.0.1:1/v1"), net, {})
    assert (check.reachable, check.authorised) == (False, False)


async def test_the_simulated_model_always_checks(net: Net) -> None:
    assert (await check_model(ModelRef("simulated", "x", "simulated"), net, {})).authorised


async def test_models_are_made_by_dialect(net: Net) -> None:
    assert isinstance(make_model(ModelRef("simulated", "x", "simulated"), net, {}), SimulatedChat)
    for dialect, kind in (("openai-chat", OpenAIChat), ("anthropic", AnthropicChat), ("gemini", GeminiChat)):
        assert isinstance(make_model(ModelRef("x", "y", dialect), net, {}), kind)
    with pytest.raises(ModelError, match="openai-chat, anthropic, gemini"):
        make_model(ModelRef("x", "y", "telepathy"), net, {})


def test_a_model_whose_key_is_missing_is_told_before_anything_asks_it() -> None:
    url = "https://api.deepseek.com/v1"
    hosted = ModelRef("deepseek", "deepseek-chat", base_url=url, api_key_env="DEEPSEEK_API_KEY")
    simulated = ModelRef("simulated", "instant", dialect="simulated")
    local = ModelRef("ollama", "llama3", base_url="http://127.0.0.1:11434/v1")
    (told,) = unusable([hosted, hosted, simulated, local], {})
    assert "DEEPSEEK_API_KEY is not set" in told
    assert unusable([hosted], {"DEEPSEEK_API_KEY": "sk-1"}) == []


def test_a_known_key_that_goes_to_another_address_is_told() -> None:
    environ = {"OPENAI_API_KEY": "k", "MINE": "k"}

    def told(base_url: str, key: str = "OPENAI_API_KEY") -> list[str]:
        return keys_abroad([ModelRef("custom", "m", base_url=base_url, api_key_env=key)], environ)

    assert told("https://evil.example/v1") == [
        "the key in OPENAI_API_KEY, which is for api.openai.com, is sent to evil.example: custom/m says so"
    ]
    assert told("https://api.openai.com/v1") == told("http://127.0.0.1:4000/v1") == []
    assert told("https://evil.example/v1", "DEEPSEEK_API_KEY") == []  # it is not set
    assert told("http://[::1", "MINE") == []
    twice = [ModelRef("custom", "m", base_url="https://evil.example/v1", api_key_env="OPENAI_API_KEY")] * 2
    assert len(keys_abroad(twice, environ)) == 1


def test_any_variable_that_goes_where_nobody_but_the_task_file_says_is_told() -> None:
    environ = {"AWS_SECRET_ACCESS_KEY": "k", "MY_KEY": "k", "MINE_AT": "https://moved.example/v1"}
    mine = Provider("mine", base_url="https://mine.example/v1", base_url_env="MINE_AT")
    catalog = Catalog({"mine": mine, "keyed": Provider("keyed", base_url="https://keyed.example", key_env=("MY_KEY",))})

    def told(base_url: str, key: str) -> list[str]:
        return keys_abroad([ModelRef("custom", "m", base_url=base_url, api_key_env=key)], environ, catalog)

    assert told("https://evil.example/v1", "AWS_SECRET_ACCESS_KEY") == [
        "the value of AWS_SECRET_ACCESS_KEY is sent to evil.example: custom/m says so"
    ]
    assert told("https://keyed.example/v1", "MY_KEY") == told("http://127.0.0.1:4000/v1", "MY_KEY") == []
    for known in ("https://mine.example/v1", "https://moved.example/v1"):
        assert told(known, "AWS_SECRET_ACCESS_KEY") == []
