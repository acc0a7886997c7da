"""What of a command may be recorded: no secret that the user typed, and no long text twice."""

from __future__ import annotations

from dataclasses import replace

from swarmtui.engine.commands.refusal import Params
from swarmtui.safety.redact import Redactor
from swarmtui.session.events import (
    AttemptSucceeded,
    Body,
    ChangeDecided,
    CommandApplied,
    MarkerSet,
    PlanRejected,
    QuestionAnswered,
)

_LONG = ("text", "ops")
"""Parameters that the command's effect holds as well."""


def applied(command_id: str, method: str, params: Params, redactor: Redactor) -> CommandApplied:
    """That the command was carried out, by which it is known when it comes again."""
    shown = {name: value for name, value in params.items() if name not in _LONG}
    return CommandApplied(command_id, method, redactor.redact_json(shown))


def without_secrets(body: Body, redactor: Redactor) -> Body:
    """What the user said, as it may be recorded."""
    redact = redactor.redact
    match body:
        case QuestionAnswered():
            return replace(body, answer=redact(body.answer))
        case AttemptSucceeded(output=said):
            text = redact(said.text)
            return replace(body, output=replace(said, text=text, size=len(text.encode("utf-8", "replace"))))
        case PlanRejected() | ChangeDecided():
            return replace(body, feedback=redact(body.feedback))
        case MarkerSet():
            return replace(body, label=redact(body.label))
        case _:
            return body
