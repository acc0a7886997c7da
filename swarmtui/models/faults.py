"""What can be wrong with a reply that has begun, and what a parser says of it, whatever the dialect. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable

from swarmtui.frozen import frozen
from swarmtui.models.chat import ModelError, model_error
from swarmtui.models.failures import error_fields, failure, one_line, read_json, write_json
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.session.vocabulary import ErrorKind

MAX_TOOL_CALLS = 128
"""Calls that one reply may ask for."""


@frozen
class Faults:
    """The errors to raise where a reply of `model` from `host` cannot be used."""

    model: ModelRef
    host: str
    now: Callable[[], float] = time.time
    """Seconds since the epoch."""

    def malformed(self, what: str) -> ModelError:
        """The host did `what`, with which nothing can be begun."""
        return model_error(ErrorKind.MALFORMED, f"{self.host} {what}")

    def cut(self) -> ModelError:
        """The reply ended before it was over."""
        return self.malformed("ended the reply in the middle")

    def too_many_calls(self) -> ModelError:
        """It asks for more than MAX_TOOL_CALLS calls."""
        return self.malformed(f"asked for more than {MAX_TOOL_CALLS} tool calls at once")

    def told(self, event: JSON, status: int) -> ModelError:
        """The error that `event` tells of in mid-stream; `status` stands for the one that can no longer be sent."""
        message, code = error_fields(event)
        info = failure(self.model, status, message, code, {}, now=self.now(), host=self.host)
        return ModelError(info, status)

    def parsed(self, data: str, what: str = "an event") -> JSON:
        """`data`, which is `what`, as JSON. Raises ModelError."""
        try:
            return read_json(data)
        except ValueError:
            raise self.malformed(f"sent {what} that is not JSON: {one_line(data, 80)}") from None

    def parsed_object(self, data: str) -> dict[str, JSON]:
        """The event `data`, which has to be an object. Raises ModelError."""
        event = self.parsed(data)
        if not isinstance(event, dict):
            raise self.malformed("sent an event that is not an object")
        return event

    def dumped(self, arguments: JSON) -> str:
        """The arguments of a call as text. Raises ModelError."""
        try:
            return write_json(arguments)
        except ValueError:
            raise self.malformed("sent arguments that are nested too deeply") from None
