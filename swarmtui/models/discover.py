"""What answers here: keys in the environment, else a local server, else the simulated model; and does it really.

``swarmtui run`` fills the tiers from this, ``swarmtui doctor`` prints it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from urllib.parse import urlsplit

from swarmtui.frozen import frozen
from swarmtui.models.catalog import SIMULATED, TIERS, Catalog, CatalogError, Provider, Quirks, tier_from_environment
from swarmtui.models.chat import Accepted, ChatModel, ChatRequest, Finished, Message, ModelError, model_error
from swarmtui.models.configuration import user_catalog
from swarmtui.models.net import HTTPFailure, Net, Timeouts
from swarmtui.models.simulated import SimulatedChat
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.session.vocabulary import ErrorKind

_PROBE = Timeouts(connect_s=0.5, first_s=2.0, idle_s=1.0, total_s=3.0)
_CHECK = Timeouts(connect_s=5.0, first_s=60.0, idle_s=20.0, total_s=90.0)
_HERE = ("localhost", "127.0.0.1", "::1")
_NOT_FOR_CHAT = ("embed", "rerank", "whisper", "tts", "bge-", "clip")


@frozen
class Finding:
    """One place that was looked at: what is there, in words."""

    name: str
    """Provider, or the variable that overrides a tier."""
    found: bool
    detail: str
    models: tuple[str, ...] = ()
    """What a local server has loaded or can load."""


@frozen
class Discovery:
    """Where each tier answers, and what was found on the way, in the order of preference."""

    tiers: dict[str, ModelRef]
    findings: tuple[Finding, ...]

    @property
    def simulated(self) -> bool:
        """Whether some tier has nothing better than the simulated model."""
        return any(ref.simulated for ref in self.tiers.values())


def unusable(refs: Iterable[ModelRef], environ: Mapping[str, str], catalog: Catalog | None = None) -> list[str]:
    """What is already known to go wrong with each model that cannot answer, without asking it: mostly a missing key."""
    from swarmtui.models.keys import missing_key

    catalog = catalog or user_catalog(environ)
    told = [missing_key(ref, environ, catalog) for ref in refs if not ref.simulated]
    return list(dict.fromkeys(filter(None, told)))


def keys_abroad(refs: Iterable[ModelRef], environ: Mapping[str, str], catalog: Catalog | None = None) -> list[str]:
    """Variables that go where neither the catalogue nor the user's own configuration has them, as a task file can have
    it. What stays on this machine is not told."""
    catalog = catalog or user_catalog(environ)
    owners = {name: provider for provider in catalog for name in provider.key_env}
    known = {_host(url) for provider in catalog for url in (provider.base_url, provider.address(environ))}
    told = []
    for ref in refs:
        name, host = ref.api_key_env or "", _host(ref.base_url)
        if host is None or host in _HERE or not environ.get(name):
            continue
        own = _host(owners[name].address(environ)) if name in owners else None
        if own is not None and host != own:
            told.append(f"the key in {name}, which is for {own}, is sent to {host}: {ref.name} says so")
        elif own is None and host not in known:
            told.append(f"the value of {name} is sent to {host}: {ref.name} says so")
    return list(dict.fromkeys(told))


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url or "").hostname
    except ValueError:
        return None


def make_model(ref: ModelRef, net: Net, environ: Mapping[str, str], catalog: Catalog | None = None) -> ChatModel:
    """The model that `ref` names, ready to answer. Raises ModelError for a dialect that is not spoken here."""
    if ref.simulated:
        return SimulatedChat()
    from swarmtui.models.anthropic import AnthropicChat
    from swarmtui.models.gemini import GeminiChat
    from swarmtui.models.keys import Keys
    from swarmtui.models.openai_chat import OpenAIChat

    spoken: dict[str, Callable[[Net, Keys, Quirks], ChatModel]]
    spoken = {"openai-chat": OpenAIChat, "anthropic": AnthropicChat, "gemini": GeminiChat}
    if ref.dialect not in spoken:
        told = f"{ref.name}: dialect {ref.dialect!r} is not spoken: it is one of {', '.join(spoken)}"
        raise model_error(ErrorKind.REFUSED, told)
    try:
        catalog = catalog or user_catalog(environ)
    except CatalogError as error:  # the user changed the file meanwhile
        raise model_error(ErrorKind.REFUSED, str(error).partition("\n")[0]) from None
    return spoken[ref.dialect](net, Keys(environ, catalog, net.found_keys), catalog.quirks(ref))


async def discover(
    environ: Mapping[str, str], net: Net, catalog: Catalog | None = None, *, everything: bool = False
) -> Discovery:
    """Both tiers, by SWARMTUI_PLANNER_MODEL and SWARMTUI_MODEL, else by key, else by local server, else simulated.

    Local servers are asked only where the environment leaves a tier open, or `everything` is wanted.
    Raises CatalogError when a variable names a model that is not known.
    """
    catalog = catalog or user_catalog(environ)
    said = {tier: tier_from_environment(tier, environ, catalog) for tier in TIERS}
    tiers = {tier: ref for tier, (ref, _) in said.items()}
    findings = [
        Finding(f"tier {tier}", found=True, detail=f"{ref.name}: {why}")
        for tier, (ref, why) in said.items()
        if why != "no key in the environment"
    ]
    findings += [_key_finding(provider, environ) for provider in catalog if provider.keyed and not provider.local]
    open_tiers = [tier for tier, (_, why) in said.items() if why == "no key in the environment"]
    if open_tiers or everything:
        local = [provider for provider in catalog if provider.local]
        looks = await asyncio.gather(*(_look(provider, environ, net) for provider in local))
        findings += looks
        for provider, look in zip(local, looks, strict=True):
            if look.found:
                tiers.update(dict.fromkeys(open_tiers, provider.ref(_chat_model(look.models), environ)))
                break
    findings.append(Finding("simulated", found=True, detail="built in; its replies are labelled and never a result"))
    return Discovery(tiers, tuple(findings))


def _key_finding(provider: Provider, environ: Mapping[str, str]) -> Finding:
    return Finding(provider.name, provider.has_key(environ), provider.key_told(environ))


async def _look(provider: Provider, environ: Mapping[str, str], net: Net) -> Finding:
    """Ask a local server for its models; whatever is not a list of models counts as nothing there."""
    url = f"{provider.address(environ)}/models"
    try:
        models = _models(await net.request_json("GET", url, {}, None, _PROBE, cap=4 * 1024 * 1024))
    except ModelError as error:
        return Finding(provider.name, found=False, detail=error.info.message)
    except HTTPFailure as failure:
        return Finding(provider.name, found=False, detail=f"{url} answers {failure.status}")
    if not models:
        return Finding(provider.name, found=False, detail=f"{url} answers, but has no chat model")
    return Finding(provider.name, found=True, detail=f"{len(models)} at {url}", models=models)


def _models(listing: JSON) -> tuple[str, ...]:
    data = listing.get("data") if isinstance(listing, dict) else None
    if not isinstance(data, list):
        return ()
    names = [entry["id"] for entry in data if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    return tuple(name for name in names if not any(part in name.lower() for part in _NOT_FOR_CHAT))


def _chat_model(models: tuple[str, ...]) -> str:
    return models[0]


@frozen
class ModelCheck:
    """Whether a model really answers. `first_token_s` is None if no token came."""

    reachable: bool
    authorised: bool
    first_token_s: float | None
    detail: str


async def check_model(
    ref: ModelRef, net: Net, environ: Mapping[str, str], catalog: Catalog | None = None
) -> ModelCheck:
    """Ask `ref` for a word and stop at the first token. Costs a few tokens with a paid provider."""
    if ref.simulated:
        return ModelCheck(reachable=True, authorised=True, first_token_s=0.0, detail="built in")
    request = ChatRequest(ref, (Message("user", "Reply with the word ok."),), max_tokens=16)
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        model = make_model(ref, net, environ, catalog)
        async with asyncio.timeout(_CHECK.total_s), aclosing(model.stream(request)) as items:
            async for item in items:
                if isinstance(item, Accepted | Finished):
                    continue
                return ModelCheck(reachable=True, authorised=True, first_token_s=clock() - began, detail="answers")
    except ModelError as error:
        kind = error.info.kind
        reachable = kind is not ErrorKind.OUTAGE
        authorised = kind in (ErrorKind.THROTTLED, ErrorKind.TOO_LONG, ErrorKind.MALFORMED)
        return ModelCheck(reachable, authorised, None, error.info.message)
    except TimeoutError:
        return ModelCheck(reachable=False, authorised=False, first_token_s=None, detail="no answer in time")
    return ModelCheck(reachable=True, authorised=True, first_token_s=None, detail="an empty answer")


__all__ = ["SIMULATED", "Discovery", "Finding", "ModelCheck", "check_model", "discover", "keys_abroad", "make_model"]
