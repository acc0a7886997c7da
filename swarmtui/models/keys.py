"""The keys of providers: from the environment, else the system's keyring, else a command of the user's own choice.

A key that is found outside the environment is kept for as long as the connections are, so that a thousand calls ask
once. Only providers of the catalogue are asked for there, and only at their own address: a task file, which may come
from anywhere, can neither name a command nor have such a key sent elsewhere. It can have a variable sent, which is told
(:func:`swarmtui.models.discover.keys_abroad`), but over no network that others listen to.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field
from importlib.util import find_spec
from ipaddress import ip_address
from urllib.parse import urlsplit

from swarmtui.frozen import mutable
from swarmtui.models.catalog import Catalog, Provider, Quirks
from swarmtui.models.chat import ModelError, model_error
from swarmtui.models.failures import one_line
from swarmtui.plan.model import ModelRef
from swarmtui.safety.redact import Secret
from swarmtui.session.vocabulary import ErrorKind

SERVICE = "swarmtui"
"""Under which the keyring has the keys; the user's name there is the provider's."""
COMMAND_S = 30.0
"""Seconds for a command: somebody may have to type a passphrase."""
_OUTPUT = 64 * 1024
_KEY = re.compile(r"[\x21-\x7e]+")
_NEAR = (".localhost", ".local", ".lan", ".internal", ".home.arpa")
_AGAIN_S = 20.0
"""For so long after a failure nobody is asked again."""


@mutable
class _Asked:
    """What came of asking for the key of one provider."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    key: Secret | None = None
    error: ModelError | None = None
    at: float = 0.0


class FoundKeys:
    """The keys that were found outside the environment, by provider. Never written anywhere."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}
        self._learners: list[Callable[[Secret], None]] = []

    def tell(self, learn: Callable[[Secret], None]) -> None:
        """Have `learn` told of every key, also of those that will be found, before anybody is sent them."""
        self._learners.append(learn)
        for key in self.secrets():
            learn(key)

    def found(self, key: Secret) -> None:
        """A key was found."""
        for learn in self._learners:
            learn(key)

    def of(self, provider: str) -> _Asked:
        """What is known of the key of `provider`."""
        return self._asked.setdefault(provider, _Asked())

    def secrets(self) -> tuple[Secret, ...]:
        """All of them, for who redacts."""
        return tuple(asked.key for asked in self._asked.values() if asked.key is not None)


class Keys:
    """Finds the key of a model at each call."""

    def __init__(
        self,
        environ: Mapping[str, str],
        catalog: Catalog | None = None,
        found: FoundKeys | None = None,
        *,
        command_s: float = COMMAND_S,
    ) -> None:
        self._environ = environ
        self._catalog = catalog
        self._found = found or FoundKeys()
        self._command_s = command_s

    async def key(self, model: ModelRef, quirks: Quirks) -> Secret | None:
        """The key of `model`; None where it needs none. Raises ModelError where one is needed and missing or unusable,
        with a line that says how to mend it."""
        key = environment_key(model, self._environ)
        if key is not None:
            _refuse_in_the_clear(model, self._catalog, self._environ)
            return key
        provider = _at_home(model, self._catalog, self._environ)
        key = await self._elsewhere(provider) if provider is not None else None
        if key is None and model.api_key_env and not quirks.key_optional:
            raise _missing(model, provider)
        return key

    async def _elsewhere(self, provider: Provider) -> Secret | None:
        """The key from the keyring or by the provider's command. Raises ModelError."""
        if not provider.key_env and not provider.key_cmd:
            return None
        asked, clock = self._found.of(provider.name), asyncio.get_running_loop().time
        async with asked.lock:
            if asked.key is not None:
                return asked.key
            if asked.error is not None and clock() - asked.at < _AGAIN_S:
                raise ModelError(asked.error.info)
            try:
                key = await self._ask(provider)
                if key is not None:
                    self._found.found(key)
                asked.key, asked.error = key, None
            except ModelError as error:
                asked.error, asked.at = error, clock()
                raise
            return asked.key

    async def _ask(self, provider: Provider) -> Secret | None:
        key = None if provider.local else await _from_keyring(provider)
        if key is None and provider.key_cmd:
            key = await _from_command(provider, self._environ, self._command_s)
        return key


def environment_key(model: ModelRef, environ: Mapping[str, str]) -> Secret | None:
    """The key that the environment has for `model`. Raises ModelError for one that cannot be sent."""
    name = model.api_key_env
    key = environ.get(name, "").strip() if name else ""
    return _checked(key, f"the key in {name}") if key else None


def missing_key(model: ModelRef, environ: Mapping[str, str], catalog: Catalog) -> str | None:
    """What is already known to be wrong with the key of `model`, without asking keyring or command for it."""
    try:
        if environment_key(model, environ) is not None:
            _refuse_in_the_clear(model, catalog, environ)
            return None
        if not model.api_key_env or catalog.quirks(model).key_optional:
            return None
    except ModelError as error:
        return error.info.message
    provider = _at_home(model, catalog, environ)
    if provider is not None and (provider.key_cmd or keyring_installed()):
        return None
    return _missing(model, provider).info.message


def keyring_installed() -> bool:
    """Whether the extra is there that asks the system's keyring."""
    return find_spec("keyring") is not None


def _at_home(model: ModelRef, catalog: Catalog | None, environ: Mapping[str, str]) -> Provider | None:
    """The provider of `model`, if it is known and that is its own address."""
    provider = catalog.get(model.provider) if catalog is not None else None
    if provider is None or model.base_url is None:
        return None
    return provider if model.base_url in (provider.base_url, provider.address(environ)) else None


def _refuse_in_the_clear(model: ModelRef, catalog: Catalog | None, environ: Mapping[str, str]) -> None:
    """Raises ModelError where the key of `model` would go where others can read it, and not by the user's own word."""
    try:
        parts = urlsplit(model.base_url or "")
        host = parts.hostname or ""
    except ValueError:
        return  # it is no address: nothing is sent
    provider = _at_home(model, catalog, environ)
    if parts.scheme != "http" or near(host) or (provider is not None and model.api_key_env in provider.key_env):
        return
    told = f"{model.name}: the key in {model.api_key_env} would go to {host} by http, where anybody on the way reads it"
    raise model_error(ErrorKind.REFUSED, f"{told}: use https, or define that provider in your config.yaml")


def near(host: str) -> bool:
    """Whether `host` is of this machine or of a private network by its form; no name is looked up."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.lower().endswith(_NEAR)


def _missing(model: ModelRef, provider: Provider | None) -> ModelError:
    told = f"{model.api_key_env} is not set: export the key for {model.name} under that name"
    if provider is not None:
        stored = f"`keyring set {SERVICE} {provider.name}`"
        told += f", or store it by {stored}" if keyring_installed() else ", or set key_cmd for it in your config.yaml"
    return model_error(ErrorKind.REFUSED, told)


def _checked(key: str, what: str) -> Secret:
    if not _KEY.fullmatch(key):
        raise model_error(ErrorKind.REFUSED, f"{what} has characters that no key has: set it anew")
    return Secret(key)


# -- keyring --------------------------------------------------------------------------------------------------


async def _from_keyring(provider: Provider) -> Secret | None:
    """The key that the system's keyring has, if the extra is installed and there is one. Raises ModelError.

    A keyring that does not work counts as one that has no key: there is none on many machines.
    """
    if not keyring_installed():
        return None
    try:
        async with asyncio.timeout(COMMAND_S):
            key = await asyncio.to_thread(_look_up, provider.name)
    except TimeoutError:
        told = f"the keyring did not give the key of {provider.name} within {COMMAND_S:g} s: is it locked?"
        raise model_error(ErrorKind.REFUSED, told) from None
    return _checked(key.strip(), f"the key of {provider.name} in the keyring") if key and key.strip() else None


def _look_up(name: str) -> str | None:
    from importlib import import_module

    keyring, errors = import_module("keyring"), import_module("keyring.errors")
    try:
        found = keyring.get_password(SERVICE, name)
    except errors.KeyringError:
        return None
    return found if isinstance(found, str) else None


# -- command --------------------------------------------------------------------------------------------------


async def _from_command(provider: Provider, environ: Mapping[str, str], limit_s: float) -> Secret:
    """The first line that the provider's command prints. Raises ModelError.

    The command is the leader of a process group of its own, which is killed when its time is over.
    """
    program = one_line(provider.key_cmd[0], 60)
    what = f"key_cmd of {provider.name} ({program})"
    try:
        process = await asyncio.create_subprocess_exec(
            *provider.key_cmd, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=dict(environ), start_new_session=True
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no command"
        raise model_error(ErrorKind.REFUSED, f"{what} cannot be run: {reason}") from None
    try:
        async with asyncio.timeout(limit_s):
            (out, _), said = await asyncio.gather(_upto(process.stdout), _upto(process.stderr))
            code = await process.wait()
    except TimeoutError:
        _kill(process)  # what it started may live, and hold the pipes, when it does not
        raise model_error(ErrorKind.REFUSED, f"{what} gave no key within {limit_s:g} s") from None
    finally:
        if process.returncode is None:
            _kill(process)
            await process.wait()
    if code != 0:
        told = one_line(said[0].decode("utf-8", "replace"), 120)
        raise model_error(ErrorKind.REFUSED, f"{what} ended with code {code}{f': {told}' if told else ''}")
    lines = out.decode("utf-8", "replace").splitlines()
    if not lines or not lines[0].strip():
        raise model_error(ErrorKind.REFUSED, f"{what} printed no key")
    return _checked(lines[0].strip(), f"what {what} printed")


async def _upto(stream: asyncio.StreamReader | None) -> tuple[bytes, bool]:
    """(the first 64 KiB, whether there was more); what is more is read and dropped, so that the command can end."""
    kept = b""
    more = False
    while stream is not None and (chunk := await stream.read(_OUTPUT)):
        more = more or len(kept) + len(chunk) > _OUTPUT
        kept = (kept + chunk)[:_OUTPUT]
    return kept, more


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
