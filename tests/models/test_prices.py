"""What a model costs, and who says so."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from swarmtui.models import prices
from swarmtui.models.catalog import SIMULATED, Catalog, load_catalog
from swarmtui.models.chat import priced
from swarmtui.models.prices import USER, Known, names_of, published, with_price
from swarmtui.plan.model import ModelRef
from swarmtui.session.vocabulary import Usage

needs_extra = pytest.mark.skipif(find_spec("genai_prices") is None, reason="the extra `prices` is not installed")


def nowhere(ref: ModelRef, name: str, catalog: Catalog) -> Known | None:
    return None


def test_what_the_task_file_says_stands_whatever_others_say() -> None:
    stated = ModelRef("openai", "gpt-4o", price_in=7.0, price_out=9.0)
    ref = with_price(stated, lookup=lambda *_: Known(1.0, 2.0, 0.5, "a list"))
    assert (ref.price_in, ref.price_out, ref.price_cached, ref.price_source) == (7.0, 9.0, None, USER)


def test_the_users_figures_in_the_configuration_come_before_published_ones() -> None:
    catalog = load_catalog({"openai": {"prices": {"gpt-4o": {"in": 3, "out": 4, "cached": 1}}}})
    ref = with_price(ModelRef("openai", "gpt-4o-2024-08-06"), catalog, lambda *_: Known(1.0, 2.0, None, "a list"))
    assert (ref.price_in, ref.price_out, ref.price_cached, ref.price_source) == (3.0, 4.0, 1.0, USER)


def test_an_unknown_price_stays_unknown() -> None:
    ref = ModelRef("openai", "nobody-knows")
    assert with_price(ref, lookup=nowhere) == ref
    assert with_price(SIMULATED, lookup=lambda *_: Known(1.0, 2.0, None, "a list")) == SIMULATED


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("gpt-x-2025-01-01", ("gpt-x-2025-01-01", "gpt-x")),
        ("claude-y-20250101", ("claude-y-20250101", "claude-y")),
        ("gemini@20250101", ("gemini@20250101", "gemini")),
        ("gpt-5", ("gpt-5",)),
        ("model-123456", ("model-123456",)),
    ],
)
def test_a_dated_snapshot_is_looked_for_under_both_names(model: str, names: tuple[str, ...]) -> None:
    assert names_of(model) == names


def test_without_the_extra_nothing_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert published(ModelRef("openai", "gpt-4o"), "gpt-4o", load_catalog()) is None


@needs_extra
def test_published_prices_know_models_of_the_catalogue_and_their_dated_snapshots() -> None:
    ref = with_price(ModelRef("openai", "gpt-4o"))
    assert ref.price_in == pytest.approx(2.5)
    assert ref.price_out == pytest.approx(10)
    assert ref.price_cached == pytest.approx(1.25)
    assert ref.price_source.startswith("genai-prices ")
    snapshot = with_price(ModelRef("openai", "gpt-4o-2031-01-01"))
    assert snapshot.price_in == ref.price_in
    assert with_price(ModelRef("gemini", "gemini-2.5-flash")).price_in is not None
    assert with_price(ModelRef("moonshot", "kimi-k2.6")).price_in is not None


@needs_extra
def test_a_model_at_an_address_of_ones_own_has_no_published_price() -> None:
    ref = ModelRef("custom", "gpt-4o", base_url="http://127.0.0.1:9/v1")
    assert with_price(ref) == ref


def test_cached_input_is_charged_at_its_own_price_where_that_is_known() -> None:
    usage = Usage(tokens_in=1_000_000, tokens_out=0, tokens_cached=400_000)
    full = ModelRef("p", "m", price_in=10.0, price_out=1.0)
    assert priced(usage, full).cost_usd == pytest.approx(10.0)
    less = ModelRef("p", "m", price_in=10.0, price_out=1.0, price_cached=1.0)
    assert priced(usage, less).cost_usd == pytest.approx(6.4)


def test_a_budget_that_cannot_hold_names_the_models_and_what_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "extra_installed", lambda: True)
    told = prices.budget_warning(["p/one", "q/two"])
    assert "does not hold for p/one, q/two: no price is known" in told
    assert "pip install" not in told  # the list is installed, and does not know them
    monkeypatch.setattr(prices, "extra_installed", lambda: False)
    assert "pip install 'swarmtui[prices]'" in prices.budget_warning(["p/one"])
