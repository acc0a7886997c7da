"""Known providers as data, and the way from a name to where a model answers.

``catalog.yaml`` beside this file is the built-in part; the ``models`` mapping of the user's configuration adds to it
and overrides it, entry by entry and key by key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, field, fields, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import urlsplit, urlunsplit

from swarmtui.frozen import frozen
from swarmtui.models.failures import one_line
from swarmtui.plan.model import JSON, ModelRef

if TYPE_CHECKING:
    from pydantic import TypeAdapter

TIERS: tuple[str, ...] = ("planner", "worker")
PROFILES: Mapping[str, str] = MappingProxyType({"small": "worker", "medium": "worker", "large": "planner"})
"""Profile -> the tier that stands for it where the task defines no model of that name."""
TIER_ENV: Mapping[str, str] = MappingProxyType({"planner": "SWARMTUI_PLANNER_MODEL", "worker": "SWARMTUI_MODEL"})
"""Tier -> the variable that overrides it. SWARMTUI_MODEL alone stands for both tiers."""

SIMULATED = ModelRef("simulated", "normal", dialect="simulated")
"""What answers when nothing else is there."""


class CatalogError(ValueError):
    """A model's name or the user's ``models`` cannot be used; its message has a line per problem."""


@frozen
class Quirks:
    """Where providers of one dialect differ. What a dialect has no use for it does not look at."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    max_tokens_field: str = "max_tokens"
    stream_options: bool = True
    """Whether it takes ``stream_options``; where not, usage comes unasked."""
    json: Literal["schema", "object", "tool", "none"] = "none"
    """By what it can be asked for JSON: of a schema, of any object, by a tool that it has to call, or not at all. With
    ``object`` and ``none`` the schema is told in words."""
    seed_field: str | None = "seed"
    no_temperature: tuple[str, ...] = ()
    """Patterns of models that refuse a temperature."""
    reports_cost: bool = False
    """Whether ``usage.cost`` is what was billed, in US dollars."""
    key_optional: bool = False
    give_back: Literal["none", "reasoning_content", "reasoning_details"] = "none"
    """The field in which it wants its thoughts back with the results of tools (OpenAI-compatible dialect)."""
    default_max_tokens: int = 16_384
    """Sent where nothing else is said and the dialect demands a figure (Anthropic)."""
    cache: bool = False
    """Whether to mark what an agent says again in each call as worth keeping (Anthropic)."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with each call, beside the key."""
    body: dict[str, dict[str, JSON]] = field(default_factory=dict)
    """Pattern of models -> fields that are added to each request, mappings into mappings."""

    def __post_init__(self) -> None:
        for pattern in (*self.no_temperature, *self.body):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no pattern of models: {error}") from None

    def additions(self, model: str) -> list[dict[str, JSON]]:
        """What is added to each request to `model`."""
        return [fields for pattern, fields in self.body.items() if re.search(pattern, model)]

    def takes_temperature(self, model: str) -> bool:
        """Whether a temperature may be sent to `model`."""
        return not any(re.search(pattern, model) for pattern in self.no_temperature)


@frozen
class Provider:
    """One entry of the catalogue."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    name: str
    title: str = ""
    dialect: Literal["openai-chat", "anthropic", "gemini", "simulated"] = "openai-chat"
    base_url: str | None = None
    base_url_env: str | None = None
    key_env: tuple[str, ...] = ()
    key_cmd: tuple[str, ...] = ()
    """A command of the user's that prints the key, asked where the environment has none. No shell reads it."""
    planner: str | None = None
    worker: str | None = None
    local: bool = False
    quirks: Quirks = Quirks()
    prices: dict[str, dict[Literal["in", "out", "cached"], float]] = field(default_factory=dict)
    """Model -> US dollars per million tokens, where the user states them: before any published figure."""
    contexts: dict[str, int] = field(default_factory=dict)
    """Model -> tokens of its window, where the user states them."""
    priced_as: str | None = None
    """How lists of prices call the provider, where it is not by its name."""

    def key_name(self, environ: Mapping[str, str]) -> str | None:
        """The variable that holds the key, or the one that should; None where no key is known of."""
        return next((name for name in self.key_env if environ.get(name)), self.key_env[0] if self.key_env else None)

    def has_key(self, environ: Mapping[str, str]) -> bool:
        """Whether the environment has a key for it, or the user a command that does."""
        return bool(self.key_cmd) or any(environ.get(name, "").strip() for name in self.key_env)

    @property
    def keyed(self) -> bool:
        """Whether there is anything to say of a key of it."""
        return bool(self.key_env or self.key_cmd)

    def key_told(self, environ: Mapping[str, str]) -> str:
        """In words, what there is of a key."""
        if not self.has_key(environ):
            return f"{' or '.join(self.key_env)} is not set"
        name = self.key_name(environ)
        return f"{name} is set" if name and environ.get(name, "").strip() else f"key_cmd is set ({self.key_cmd[0]})"

    def address(self, environ: Mapping[str, str]) -> str | None:
        """Its base URL, moved by its own variable if that is set."""
        moved = environ.get(self.base_url_env, "").strip() if self.base_url_env else ""
        return _moved(self.base_url, moved) if self.base_url and moved else self.base_url

    def ref(self, model: str, environ: Mapping[str, str]) -> ModelRef:
        """Where `model` of this provider answers."""
        return ModelRef(self.name, model, self.dialect, self.address(environ), self.key_name(environ))


def _moved(known: str, value: str) -> str:
    """`known` moved to `value`, which may be a whole URL or, as OLLAMA_HOST allows, ``host:port`` without the rest."""
    old = urlsplit(known)
    try:
        new = urlsplit(value if "://" in value else f"http://{value}")
        host = "127.0.0.1" if new.hostname in (None, "0.0.0.0", "::") else new.hostname  # noqa: S104  # a client's side
        port = new.port or (old.port if "://" not in value else None)
    except ValueError:
        return known
    host = f"[{host}]" if host and ":" in host else host
    path = old.path if new.path in ("", "/") else new.path.rstrip("/")
    return urlunsplit((new.scheme, f"{host}:{port}" if port else str(host), path, "", ""))


class Catalog:
    """Providers by name, in order of preference."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = dict(providers)

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._providers.values())

    def get(self, name: str) -> Provider | None:
        """The provider called `name`, if it is known."""
        return self._providers.get(name)

    def names(self) -> list[str]:
        """All names, in order of preference."""
        return list(self._providers)

    def quirks(self, model: ModelRef) -> Quirks:
        """The quirks of whoever answers for `model`: by its provider, else by the host of its base URL."""
        known = self._providers.get(model.provider)
        if known is None and model.base_url:
            host = urlsplit(model.base_url).hostname
            known = next((p for p in self if not p.local and urlsplit(p.base_url or "").hostname == host), None)
        if known is not None and known.dialect == model.dialect:
            return known.quirks
        alike = next((p for p in self if p.dialect == model.dialect != "openai-chat"), None)
        return replace(alike.quirks if alike else Quirks(), key_optional=model.api_key_env is None)


@cache
def _built_in() -> Mapping[str, Provider]:
    import yaml

    entries = yaml.safe_load(files("swarmtui.models").joinpath("catalog.yaml").read_text("utf-8"))
    return MappingProxyType(_read(entries, {}))


def load_catalog(extra: Mapping[str, JSON] | None = None) -> Catalog:
    """The built-in catalogue with the user's `extra` entries. Raises CatalogError with every problem in them.

    What the user's own configuration adds is in :func:`swarmtui.models.configuration.user_catalog`.
    """
    known = _built_in()
    return Catalog({**known, **_read(extra, known)} if extra else known)


def _read(entries: Mapping[str, JSON], known: Mapping[str, Provider]) -> dict[str, Provider]:
    problems: list[str] = []
    providers: dict[str, Provider] = {}
    for name, entry in entries.items():
        where = f"models.{one_line(str(name), 60)}"
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", str(name)) or name in (*TIERS, *PROFILES, "custom"):
            problems.append(f"{where}: a provider's name is lower-case letters, digits, - _ . and not a tier")
        elif not isinstance(entry, Mapping):
            problems.append(f"{where}: must be a mapping with base_url, key_env, …")
        else:
            provider = _read_provider(known.get(name) or Provider(name), entry, where, problems)
            if provider.base_url is None and provider.dialect != "simulated":
                problems.append(f"{where}: needs a base_url, such as https://host/v1")
            providers[name] = provider
    if problems:
        raise CatalogError("\n".join(problems))
    return providers


def _read_provider(base: Provider, entry: Mapping[str, JSON], where: str, problems: list[str]) -> Provider:
    """`base` with what `entry` says; what cannot be read is added to `problems`."""
    from pydantic import ValidationError

    whole = {**asdict(base), **entry, "name": base.name}
    if isinstance(entry.get("quirks"), Mapping):
        whole["quirks"] = {**asdict(base.quirks), **entry["quirks"]}
    if isinstance(whole["key_env"], str):
        whole["key_env"] = [whole["key_env"]]
    if isinstance(whole["key_cmd"], str) or whole["key_cmd"] in ([], ""):
        problems.append(f"{where}.key_cmd: must be a list of the program and its arguments: [pass, show, acme]")
        whole["key_cmd"] = ()
    try:
        return _adapter().validate_python(whole)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_context=False):
            at = ".".join([where, *(one_line(str(part), 60) for part in problem["loc"])])
            if problem["type"] == "unexpected_keyword_argument":
                keys = Quirks if problem["loc"][0] == "quirks" else Provider
                hint = _nearest(str(problem["loc"][-1]), [each.name for each in fields(keys)])
                problems.append(f"{at}: unknown key: {hint}")
            else:
                problems.append(f"{at}: {problem['msg'][:1].lower()}{problem['msg'][1:]}")
    return replace(base, base_url=base.base_url or "unread")


def _nearest(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


@cache
def _adapter() -> TypeAdapter[Provider]:
    from pydantic import TypeAdapter

    return TypeAdapter(Provider)


# -- names ----------------------------------------------------------------------------------------------------


def resolve(
    name: str,
    task_models: Mapping[str, str | ModelRef],
    environ: Mapping[str, str],
    catalog: Catalog | None = None,
) -> ModelRef:
    """Where the model that `name` means answers. Raises CatalogError with the nearest known name.

    `name` is a tier, profile or local name of `task_models`, or ``provider/model``, or a provider alone (its worker
    model). A tier that `task_models` lacks is what the environment says: its override, else the first provider with
    a key, else the simulated model. Local servers are not asked: put what ``discover`` found into `task_models`.
    """
    from swarmtui.models.configuration import user_catalog

    catalog = catalog or user_catalog(environ)
    seen: list[str] = []
    while name in task_models or name in PROFILES:
        value = task_models.get(name) or PROFILES[name]
        if isinstance(value, ModelRef):
            return _completed(value, environ, catalog)
        seen.append(name)
        if value in seen:
            raise CatalogError(f"models.{name}: names go in a circle: {' -> '.join([*seen, value])}")
        name = value
    if name in TIERS:
        return tier_from_environment(name, environ, catalog)[0]
    return _named(name, task_models, environ, catalog)


def _named(
    name: str, task_models: Mapping[str, str | ModelRef], environ: Mapping[str, str], catalog: Catalog
) -> ModelRef:
    provider_name, slash, model = name.partition("/")
    provider = catalog.get(provider_name)
    if provider is None:
        known = [*TIERS, *PROFILES, *task_models, *(f"{p}/…" if slash else p for p in catalog.names())]
        close = get_close_matches(f"{provider_name}/…" if slash else name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known providers are {', '.join(catalog.names())}"
        raise CatalogError(f"no model is called {one_line(name, 80)!r}: {hint}")
    model = model or provider.worker or ""
    if not model:
        raise CatalogError(f"{provider_name}: say which model, as {provider_name}/NAME")
    return provider.ref(model, environ)


def _completed(ref: ModelRef, environ: Mapping[str, str], catalog: Catalog) -> ModelRef:
    """`ref` with the address and key name of its provider, where the task file left them out."""
    provider = catalog.get(ref.provider)
    if provider is None or ref.base_url is not None:
        return ref
    return replace(
        ref,
        dialect=provider.dialect,
        base_url=provider.address(environ),
        api_key_env=ref.api_key_env or provider.key_name(environ),
    )


def tier_from_environment(tier: str, environ: Mapping[str, str], catalog: Catalog) -> tuple[ModelRef, str]:
    """(model, why) of `tier` by the environment alone: override, key, else simulated. Raises CatalogError."""
    for variable in (TIER_ENV[tier], TIER_ENV["worker"]):
        name = environ.get(variable, "").strip()
        if name and name not in TIERS:
            try:
                return _named(name, {}, environ, catalog), f"{variable} is set"
            except CatalogError as error:
                raise CatalogError(f"{variable}: {error}") from None
    for provider in catalog:
        model = provider.planner if tier == "planner" else provider.worker
        if model and provider.has_key(environ) and not provider.local:
            return provider.ref(model, environ), provider.key_told(environ)
    return SIMULATED, "no key in the environment"
