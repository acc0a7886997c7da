"""Names of models: tiers, providers, the user's own; the environment's word; the user's additions."""

import re

import pytest

from swarmtui.models.catalog import SIMULATED, CatalogError, Quirks, load_catalog, resolve
from swarmtui.plan.model import ModelRef


def test_every_known_provider_is_complete() -> None:
    for provider in load_catalog():
        assert provider.title
        if provider.dialect == "simulated":
            continue
        assert re.fullmatch(r"https?://[^\s]+[^/]", provider.base_url or "")
        assert provider.local or (provider.key_env and provider.planner and provider.worker)


def test_the_providers_that_users_expect_are_known() -> None:
    expected = {"openai", "deepseek", "moonshot", "openrouter", "groq", "mistral", "together", "anthropic", "gemini"}
    assert expected | {"ollama", "lmstudio", "vllm", "simulated"} <= set(load_catalog().names())


def test_provider_and_model_give_address_and_key_name() -> None:
    ref = resolve("deepseek/deepseek-chat", {}, {})
    assert ref == ModelRef("deepseek", "deepseek-chat", "openai-chat", "https://api.deepseek.com", "DEEPSEEK_API_KEY")


def test_a_model_name_may_itself_have_slashes() -> None:
    assert resolve("openrouter/deepseek/deepseek-r1", {}, {}).model == "deepseek/deepseek-r1"


def test_a_provider_alone_is_its_worker_model() -> None:
    assert resolve("mistral", {}, {}).name == "mistral/mistral-small-latest"


def test_the_key_variable_that_is_set_is_taken() -> None:
    assert resolve("gemini/x", {}, {}).api_key_env == "GEMINI_API_KEY"
    assert resolve("gemini/x", {}, {"GOOGLE_API_KEY": "k"}).api_key_env == "GOOGLE_API_KEY"


def test_tiers_and_local_names_are_the_tasks_own() -> None:
    own = ModelRef("custom", "m", base_url="http://h/v1")
    models = {"worker": "groq/fast", "mine": own, "planner": "mine"}
    assert resolve("worker", models, {}).name == "groq/fast"
    assert resolve("planner", models, {}) == own
    assert resolve("small", models, {}).name == "groq/fast"
    assert resolve("large", models, {}) == own


def test_a_reference_without_address_is_completed_from_its_provider() -> None:
    ref = resolve("worker", {"worker": ModelRef("deepseek", "x", price_in=1.0)}, {})
    assert (ref.base_url, ref.api_key_env, ref.price_in) == ("https://api.deepseek.com", "DEEPSEEK_API_KEY", 1.0)


@pytest.mark.parametrize("models", [{"a": "b", "b": "a"}, {"a": "a"}, {"a": "small", "worker": "small"}])
def test_names_that_go_in_a_circle_are_an_error(models: dict[str, str]) -> None:
    with pytest.raises(CatalogError, match="circle"):
        resolve("a", models, {})


@pytest.mark.parametrize(
    ("name", "hint"),
    [("depseek/x", "deepseek/…"), ("plannr", "planner"), ("zzz", "known providers"), ("ollama", "ollama/NAME")],
)
def test_an_unknown_name_is_told_the_nearest_one(name: str, hint: str) -> None:
    with pytest.raises(CatalogError, match=re.escape(hint)):
        resolve(name, {}, {})


def test_without_any_key_a_tier_is_simulated() -> None:
    assert resolve("worker", {}, {}) == SIMULATED
    assert SIMULATED.simulated


def test_keys_fill_the_tiers_in_the_order_of_the_catalogue() -> None:
    environ = {"OPENAI_API_KEY": "k", "DEEPSEEK_API_KEY": "k"}
    assert resolve("planner", {}, environ).name == "deepseek/deepseek-reasoner"
    assert resolve("worker", {}, environ).name == "deepseek/deepseek-chat"
    assert resolve("worker", {}, {"DEEPSEEK_API_KEY": " ", "OPENAI_API_KEY": "k"}).provider == "openai"


def test_swarmtui_model_overrides_keys_and_stands_for_both_tiers_unless_the_planner_has_its_own() -> None:
    environ = {"OPENAI_API_KEY": "k", "SWARMTUI_MODEL": "ollama/qwen3"}
    assert {resolve(tier, {}, environ).name for tier in ("planner", "worker")} == {"ollama/qwen3"}
    environ["SWARMTUI_PLANNER_MODEL"] = "simulated/fast"
    assert resolve("planner", {}, environ).name == "simulated/fast"
    assert resolve("worker", {}, environ).name == "ollama/qwen3"


def test_a_wrong_override_is_named() -> None:
    with pytest.raises(CatalogError, match="SWARMTUI_MODEL"):
        resolve("worker", {}, {"SWARMTUI_MODEL": "nobody/x"})


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("10.0.0.5", "http://10.0.0.5:11434/v1"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080/v1"),
        ("http://box:9/", "http://box:9/v1"),
        ("https://box/ollama/v1/", "https://box/ollama/v1"),
        ("[::1]:7", "http://[::1]:7/v1"),
        ("http://[broken", "http://127.0.0.1:11434/v1"),
    ],
)
def test_a_providers_own_variable_moves_its_address(host: str, url: str) -> None:
    assert resolve("ollama/m", {}, {"OLLAMA_HOST": host}).base_url == url


def test_quirks_follow_the_provider_or_the_host_of_the_address() -> None:
    catalog = load_catalog()
    assert not catalog.quirks(ModelRef("mistral", "m")).stream_options
    assert not catalog.quirks(ModelRef("custom", "m", base_url="https://api.mistral.ai/v1")).stream_options
    assert catalog.quirks(ModelRef("custom", "m", base_url="http://h/v1")) == Quirks(key_optional=True)


def test_models_that_refuse_a_temperature_are_known_by_pattern() -> None:
    quirks = load_catalog().quirks(ModelRef("openai", "gpt-5"))
    assert not quirks.takes_temperature("gpt-5-mini")
    assert quirks.takes_temperature("gpt-4.1")


def test_the_user_adds_providers_and_changes_known_ones() -> None:
    catalog = load_catalog(
        {
            "mine": {"base_url": "http://h/v1", "key_env": "MY_KEY", "worker": "w", "quirks": {"json": "schema"}},
            "deepseek": {"worker": "other", "quirks": {"seed_field": "seed"}},
        }
    )
    assert resolve("mine", {}, {}, catalog) == ModelRef("mine", "w", "openai-chat", "http://h/v1", "MY_KEY")
    assert resolve("deepseek", {}, {}, catalog).model == "other"
    quirks = catalog.quirks(ModelRef("deepseek", "x"))
    assert (quirks.json, quirks.seed_field) == ("object", "seed")


def test_all_mistakes_in_the_users_models_are_told_at_once() -> None:
    with pytest.raises(CatalogError) as raised:
        load_catalog(
            {
                "a": {"base_ur": "http://h"},
                "b": {"base_url": "http://h", "quirks": {"jsn": "schema", "stream_options": "perhaps"}},
                "c": 3,
                "planner": {"base_url": "http://h"},
                "d": {"base_url": "http://h", "dialect": "morse"},
            }
        )
    lines = str(raised.value).splitlines()
    assert sorted(line.split(":")[0] for line in lines) == [
        *("models.a.base_ur", "models.b.quirks.jsn", "models.b.quirks.stream_options"),
        *("models.c", "models.d.dialect", "models.planner"),
    ]
    assert "models.a.base_ur: unknown key: did you mean base_url?" in lines
    assert "models.b.quirks.jsn: unknown key: did you mean json?" in lines


def test_a_new_provider_needs_an_address() -> None:
    with pytest.raises(CatalogError, match=r"models\.a: needs a base_url"):
        load_catalog({"a": {"worker": "w"}})


def test_anthropic_and_gemini_are_spoken_to_in_their_own_dialects() -> None:
    anthropic = resolve("anthropic/claude-x", {}, {})
    assert (anthropic.dialect, anthropic.base_url) == ("anthropic", "https://api.anthropic.com/v1")
    moved = resolve("anthropic/claude-x", {}, {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"})
    assert moved.base_url == "http://127.0.0.1:9/v1"
    assert resolve("gemini/g", {}, {}).dialect == "gemini"


def test_a_model_of_ones_own_has_the_quirks_of_its_dialect() -> None:
    catalog = load_catalog()
    own = ModelRef("custom", "m", "anthropic", "https://llm.acme.example", "ACME_API_KEY")
    assert catalog.quirks(own).headers == {"anthropic-version": "2023-06-01"}
    assert not catalog.quirks(own).key_optional
    assert catalog.quirks(ModelRef("custom", "m", "gemini", "http://h")).key_optional
    compatible = ModelRef("custom", "m", base_url="https://api.anthropic.com/v1", api_key_env="K")
    assert catalog.quirks(compatible) == Quirks()
