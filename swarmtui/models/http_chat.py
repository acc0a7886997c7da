"""What all models over HTTP have in common: send a request, feed a parser with what comes, tell failures.

A dialect is two pure things, a request's body and a parser, and where and with which headers it is sent. This is the
thin shell around them.
"""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol
from urllib.parse import urlsplit

from swarmtui.models.catalog import Quirks
from swarmtui.models.chat import (
    Accepted,
    ChatRequest,
    Finished,
    ModelError,
    StreamItem,
    limit_headers,
    model_error,
)
from swarmtui.models.failures import error_body, failure
from swarmtui.models.keys import Keys
from swarmtui.models.net import HTTPFailure, Net, NotAStream, Timeouts, host_of, says_done
from swarmtui.models.sse import SSEvent
from swarmtui.models.window import check_window
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.safety.redact import Secret
from swarmtui.session.vocabulary import ErrorKind


class Parser(Protocol):
    """A stream as a pure object: the data of events in, items out, Finished last.

    All three raise ModelError and nothing else, whatever they are given.
    """

    def feed(self, data: str) -> list[StreamItem]:
        """What the event with this `data` adds."""

    def finish(self) -> list[StreamItem]:
        """The connection ended."""

    def whole(self, body: str) -> list[StreamItem]:
        """The items of a reply that came as one JSON document instead of a stream."""


class HttpChat(ABC):
    """A model behind an endpoint. Its key is looked up at each call, and never kept here."""

    def __init__(
        self,
        net: Net,
        keys: Keys | Mapping[str, str],
        quirks: Quirks | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._net = net
        self._keys = keys if isinstance(keys, Keys) else Keys(keys)
        self._quirks = quirks or Quirks()
        self._timeouts = timeouts or Timeouts()

    @abstractmethod
    def address(self, model: ModelRef, base_url: str) -> str:
        """Where requests for `model` are posted."""

    @abstractmethod
    def key_header(self, key: Secret) -> tuple[str, Secret]:
        """The header that carries the key."""

    @abstractmethod
    def body(self, request: ChatRequest) -> dict[str, JSON]:
        """What is posted. Pure."""

    @abstractmethod
    def parser(self, request: ChatRequest, host: str, tag: str) -> Parser:
        """A parser of the reply; `tag` goes into the ids that it makes up for calls, so that they stay apart."""

    def is_end(self, event: SSEvent) -> bool:
        """Whether nothing comes after `event`."""
        return says_done(event)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamItem, None]:
        """The reply as it comes. Raises ModelError; closing the generator closes the connection."""
        model = request.model
        if not model.base_url:
            raise model_error(ErrorKind.REFUSED, f"{model.name} has no base_url: set one for the model")
        check_window(request)
        url = self.address(model, model.base_url.rstrip("/"))
        key = await self._keys.key(model, self._quirks)
        headers: dict[str, str | Secret] = dict(self._quirks.headers)
        if key is not None:
            name, value = self.key_header(key)
            headers[name] = value
        try:
            async with aclosing(self._items(request, url, headers)) as items:
                async for item in items:
                    yield item
        except HTTPFailure as refused:
            raise _refusal(refused, model, host_of(url), key) from None
        except ModelError as error:
            info = replace(error.info, message=without_key(error.info.message, key))
            raise ModelError(info, error.status, error.headers) from None

    async def _items(
        self, request: ChatRequest, url: str, headers: Mapping[str, str | Secret]
    ) -> AsyncGenerator[StreamItem, None]:
        """The items of the reply. Raises ModelError and HTTPFailure."""
        parser = self.parser(request, host_of(url), secrets.token_hex(3))
        clock = time.perf_counter
        began, first_token_s = clock(), None
        head: dict[str, str] = {}
        events = self._net.stream_sse(
            "POST", url, headers, self.body(request), self._timeouts, is_end=self.is_end, on_head=head.update
        )
        told = False
        try:
            async for event in events:
                if not told:
                    told = True
                    yield Accepted(limit_headers(head))
                for item in parser.feed(event.data):
                    if first_token_s is None:
                        first_token_s = clock() - began
                    yield _stamped(item, first_token_s) if type(item) is Finished else item
            for item in parser.finish():
                yield _stamped(item, first_token_s)
        except NotAStream as whole:
            yield Accepted(limit_headers(head))
            for item in parser.whole(whole.body):
                yield _stamped(item, clock() - began)
        finally:
            await events.aclose()


def versioned(base_url: str, version: str) -> str:
    """`base_url` with `version` in its path, unless it has one: where tools of providers move them to, it has none."""
    last = urlsplit(base_url).path.rstrip("/").rpartition("/")[2]
    return base_url if last[:1] == "v" and last[1:2].isdigit() else f"{base_url}/{version}"


def added(body: dict[str, JSON], more: Mapping[str, JSON]) -> None:
    """Put `more` into `body`, mappings into mappings."""
    for key, value in more.items():
        old = body.get(key)
        if isinstance(old, dict) and isinstance(value, Mapping):
            added(old, value)
        else:
            body[key] = value


def without_key(message: str, key: Secret | None) -> str:
    """`message` without the key, which some providers quote."""
    return message.replace(key.reveal(), "***") if key is not None else message


def _refusal(refused: HTTPFailure, model: ModelRef, host: str, key: Secret | None) -> ModelError:
    message, code = error_body(refused.body)
    message = without_key(message, key)
    info = failure(model, refused.status, message, code, refused.headers, now=time.time(), host=host)
    return ModelError(info, refused.status, refused.headers)


def _stamped(item: StreamItem, first_token_s: float | None) -> StreamItem:
    """`item`, a Finished with the time of the first token in its usage."""
    return replace(item, usage=replace(item.usage, first_token_s=first_token_s)) if isinstance(item, Finished) else item
