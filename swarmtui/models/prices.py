"""What a model costs: the user's figures first, then the ``prices`` extra (genai-prices), else unknown, never zero.

The user's figures are the ``price`` of a model in the task file and the ``prices`` of a provider in the configuration.
A session's prices are found once, when it is set up, and recorded with its models: what it cost then is what it cost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from swarmtui.frozen import frozen
from swarmtui.models.catalog import Catalog
from swarmtui.models.configuration import user_catalog
from swarmtui.plan.model import ModelRef

_HINT = "give `price: {in: …, out: …}` in the task file, or `pip install 'swarmtui[prices]'` for published prices"
USER = "your figures"
_DATED = re.compile(r"[-@](20\d{2}-?\d{2}-?\d{2}|latest)$")
_CALL_TOKENS = 1_000
"""Prices that grow with the size of a call are taken for calls of this size."""


@frozen
class Known:
    """US dollars per million tokens, and who says so. Without `cached`, cached input costs what other input does."""

    tokens_in: float
    tokens_out: float
    cached: float | None
    source: str


Lookup = Callable[[ModelRef, str, Catalog], Known | None]


def with_price(ref: ModelRef, catalog: Catalog | None = None, lookup: Lookup | None = None) -> ModelRef:
    """`ref` with its price and its window, as far as they are known; what the task file says of them stays. Blocks for
    the import of the extra, about a third of a second, the first time."""
    if ref.simulated:
        return ref
    catalog = catalog or user_catalog()
    return _with_window(_with_price(ref, catalog, lookup), catalog)


def _with_window(ref: ModelRef, catalog: Catalog) -> ModelRef:
    """`ref` with the tokens of its window: the task file's figure, the user's, the catalogue's, else the published."""
    provider = catalog.get(ref.provider)
    if ref.context is not None or provider is None:
        return ref
    stated = (provider.contexts[name] for name in names_of(ref.model) if name in provider.contexts)
    found = next(stated, None) or next(
        filter(None, (published_window(ref, n, catalog) for n in names_of(ref.model))), None
    )
    return ref if found is None else replace(ref, context=found)


def _with_price(ref: ModelRef, catalog: Catalog, lookup: Lookup | None) -> ModelRef:
    if ref.price_in is not None and ref.price_out is not None:
        return ref if ref.price_source else replace(ref, price_source=USER)
    known = next((found for name in names_of(ref.model) if (found := _by_user(ref, name, catalog))), None)
    if known is None:
        known = next(
            (found for name in names_of(ref.model) if (found := (lookup or published)(ref, name, catalog))), None
        )
    if known is None:
        return ref
    return replace(
        ref,
        price_in=known.tokens_in,
        price_out=known.tokens_out,
        price_cached=known.cached,
        price_source=known.source,
    )


def hint() -> str:
    """How to mend an unknown price here."""
    return _HINT if not extra_installed() else "give `price: {in: …, out: …}` in the task file: no list knows it"


def budget_warning(models: Sequence[str]) -> str:
    """What to say of a budget of money while the price of these models is not known."""
    return (
        f"the budget of money does not hold for {', '.join(models)}: no price is known, so what is called of it is not "
        f"counted; {hint()}"
    )


def names_of(model: str) -> tuple[str, ...]:
    """The names under which a model may be listed: its own, and without the date of a snapshot."""
    plain = _DATED.sub("", model)
    return (model,) if plain == model else (model, plain)


def _by_user(ref: ModelRef, name: str, catalog: Catalog) -> Known | None:
    provider = catalog.get(ref.provider)
    price = provider.prices.get(name) if provider else None
    if price is None or "in" not in price or "out" not in price:
        return None
    return Known(price["in"], price["out"], price.get("cached"), USER)


def extra_installed() -> bool:
    """Whether published prices can be looked up here."""
    from importlib.util import find_spec

    return find_spec("genai_prices") is not None


def published(ref: ModelRef, name: str, catalog: Catalog) -> Known | None:
    """The price that genai-prices lists; None where it lists none, or is not installed."""
    if not extra_installed():
        return None
    from importlib import import_module
    from importlib.metadata import version

    listed = import_module("genai_prices")
    known = catalog.get(ref.provider)
    where = {"provider_id": known.priced_as or known.name} if known else {"provider_api_url": ref.base_url or ""}

    def cost(tokens_in: int, tokens_out: int, cached: int) -> float:
        usage = listed.Usage(input_tokens=tokens_in, output_tokens=tokens_out, cache_read_tokens=cached)
        return float(listed.calc_price(usage, name, **where).total_price) / _CALL_TOKENS * 1e6

    try:
        plain, written, cached = cost(_CALL_TOKENS, 0, 0), cost(0, _CALL_TOKENS, 0), cost(_CALL_TOKENS, 0, _CALL_TOKENS)
    except (LookupError, ValueError):  # it does not know the provider or model, or has no price per token for it
        return None
    if not plain and not written:
        return None  # a listing without figures
    return Known(plain, written, cached, f"genai-prices {version('genai-prices')}")


def published_window(ref: ModelRef, name: str, catalog: Catalog) -> int | None:
    """The window that genai-prices lists, in tokens; None where it lists none, or is not installed."""
    known = catalog.get(ref.provider)
    if known is None or known.local or not extra_installed():
        return None
    from importlib import import_module

    listed = import_module("genai_prices")
    try:
        found = listed.calc_price(listed.Usage(input_tokens=1), name, provider_id=known.priced_as or known.name)
    except (LookupError, ValueError):
        return None
    window = found.model.context_window
    return window if isinstance(window, int) and window > 0 else None
