"""Event bodies as JSON: what the log keeps, the wire carries and exports hold.

Unknown fields are ignored and unknown types kept as :class:`~swarmtui.session.events.Unknown`, so that a newer file
still folds as far as this version understands it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from swarmtui.plan.model import JSON, Plan, plan_from_json, plan_to_json
from swarmtui.session.events import BODIES, Body, ChangeProposed, Event, PlanPatched, PlanProposed, Unknown, type_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_COLUMNS = {"node", "item", "attempt"}
_quoted = json.JSONEncoder().encode
_PUTTING = (PlanPatched, ChangeProposed)
_WITH_PLANS = (PlanProposed, *_PUTTING)  # each node's kind is kept, which a default would drop
_BY_HAND = (*_WITH_PLANS, Unknown)


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    """The codec of an event type, built when it is first needed: building all of them costs a visible delay."""
    from pydantic import TypeAdapter

    return TypeAdapter(BODIES[kind])


@cache
def _to_json(kind: str) -> Callable[..., bytes]:
    """What the adapter's ``dump_json`` comes down to, in half the time."""
    return _adapter(kind).serializer.to_json


@cache
def _from_json(kind: str) -> Callable[[str], Body]:
    """What the adapter's ``validate_json`` comes down to, in half the time."""
    return _adapter(kind).validator.validate_json


def encode_body(body: Body) -> dict[str, JSON]:
    """The body's ``data``: its fields but for node, item and attempt; what equals its default is left out."""
    if isinstance(body, Unknown):
        return body.data
    if isinstance(body, PlanProposed):
        data = _adapter(PlanProposed.TYPE).dump_python(body, mode="json", exclude_defaults=True, exclude={"plan"})
        return {**data, "plan": plan_to_json(body.plan)}
    if isinstance(body, _PUTTING):
        without = {"put", *_COLUMNS}
        data = _adapter(body.TYPE).dump_python(body, mode="json", exclude_defaults=True, exclude=without)
        return {**data, "put": plan_to_json(Plan("", body.put)).get("nodes", [])}
    encoded: dict[str, JSON] = _adapter(body.TYPE).dump_python(
        body, mode="json", exclude_defaults=True, exclude=_COLUMNS
    )
    return encoded


def encode_text(body: Body) -> str:
    """:func:`encode_body` as ASCII JSON text, made in one pass: the log encodes every event."""
    if not isinstance(body, _BY_HAND):
        try:
            encoded = _to_json(body.TYPE)(body, exclude_defaults=True, exclude=_COLUMNS, ensure_ascii=True)
            return encoded.decode("ascii")
        except ValueError:  # lone surrogates, which json writes as escapes
            pass
    return json.dumps(encode_body(body), separators=(",", ":"))


def decode_text(kind: str, text: str, node: str | None, item: int | None, attempt: int | None) -> Body:
    """:func:`decode_body` from JSON text, in one pass. Raises ValueError if `text` is no such body's."""
    body_type = BODIES.get(kind)
    if body_type is None or body_type in _WITH_PLANS:
        return decode_body(kind, json.loads(text), node, item, attempt)
    columns = "" if node is None else f'"node":{_quoted(node)},'
    if item is not None:
        columns += f'"item":{item},'
    if attempt is not None:
        columns += f'"attempt":{attempt},'
    whole = text if not columns else "{" + columns + text[1:] if text != "{}" else "{" + columns[:-1] + "}"
    try:
        body = _from_json(kind)(whole)
    except ValueError:  # lone surrogates; what is really wrong fails again, and is told
        return decode_body(kind, json.loads(text), node, item, attempt)
    return body


def decode_body(
    kind: str,
    data: dict[str, JSON],
    node: str | None = None,
    item: int | None = None,
    attempt: int | None = None,
) -> Body:
    """The body of type `kind`. Raises ``pydantic.ValidationError`` if `data` is not one's; unknown kinds are kept."""
    body_type = BODIES.get(kind)
    if body_type is None:
        return Unknown(kind, data, node, item, attempt)
    if body_type is PlanProposed:
        data = {**data, "plan": plan_from_json(data["plan"])}
    if body_type in _PUTTING:
        data = {**data, "put": plan_from_json({"goal": "", "nodes": data.get("put", [])}).nodes}
    whole = dict(data)
    if node is not None:
        whole["node"] = node
    if item is not None:
        whole["item"] = item
    if attempt is not None:
        whole["attempt"] = attempt
    body: Body = _adapter(kind).validate_python(whole)
    return body


def happened(seq: int, ts: float, mono: float, body: Body, actor: str | None) -> Event:
    """An event that was read. Raises ValueError for times without bounds, with which no arithmetic can go on."""
    if ts - ts or mono - mono:  # quicker than to ask whether they are finite: infinity less itself is no number
        raise ValueError("it happened at no time")
    return Event(seq, ts, mono, body, actor)


def event_to_json(event: Event) -> dict[str, JSON]:
    """The event as scripts and viewers see it: ``{seq, ts, mono, type, node?, item?, attempt?, actor?, data}``."""
    body = event.body
    line: dict[str, JSON] = {"seq": event.seq, "ts": event.ts, "mono": event.mono, "type": type_of(body)}
    for column in ("node", "item", "attempt"):
        value = getattr(body, column, None)
        if value is not None:
            line[column] = value
    if event.actor is not None:
        line["actor"] = event.actor
    line["data"] = encode_body(body)
    return line


def event_from_json(line: dict[str, JSON]) -> Event:
    """The inverse of :func:`event_to_json`."""
    body = decode_body(line["type"], line["data"], line.get("node"), line.get("item"), line.get("attempt"))
    return happened(line["seq"], line["ts"], line["mono"], body, line.get("actor"))
