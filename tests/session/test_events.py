"""Event bodies and their JSON form."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.plan.model import Node, Plan, PromptSpec
from swarmtui.session import events, fold
from swarmtui.session.codec import event_from_json, event_to_json
from swarmtui.session.events import BODIES, AttemptSucceeded, Event, NodeHeld, PlanProposed, Unknown, type_of
from swarmtui.session.vocabulary import Output, Usage


def test_every_body_has_a_type_of_its_own_in_the_past_tense_of_its_name() -> None:
    for name, body in BODIES.items():
        assert name == "".join(f"_{c.lower()}" if c.isupper() else c for c in body.__name__).lstrip("_")


def test_the_catalogue_holds_every_event_that_a_module_of_it_defines() -> None:
    modules = [module for _, module in inspect.getmembers(events, inspect.ismodule)]
    defined = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__ and hasattr(kind, "TYPE")
    }
    assert set(BODIES.values()) == defined
    assert {kind.__name__ for kind in defined} <= set(events.__all__)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


@pytest.mark.parametrize("body_type", [body for body in BODIES.values() if body is not PlanProposed])
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_a_body_survives_json(body_type: type, data: st.DataObject) -> None:
    open_values = {
        name: st.dictionaries(st.text(), json_values, max_size=3)
        for name in ("inputs", "params")
        if name in {field.name for field in fields(body_type)}
    }
    body = data.draw(st.builds(body_type, **open_values))
    event = Event(1, 1.5, 0.5, body, "me")
    assert event_from_json(json.loads(json.dumps(event_to_json(event)))) == event


@pytest.mark.parametrize("times", [{"ts": float("inf")}, {"mono": float("nan")}])
def test_what_happened_at_no_time_is_refused_on_the_wire(times: dict[str, float]) -> None:
    line = event_to_json(Event(1, 1.0, 2.0, NodeHeld("a"), None))
    assert event_from_json(line).mono == 2.0
    with pytest.raises(ValueError, match="at no time"):
        event_from_json({**line, **times})


def test_a_plan_in_an_event_keeps_the_kind_of_every_node() -> None:
    event = Event(1, 1.0, 1.0, PlanProposed(1, Plan("g", (Node("a", PromptSpec("x")),))))
    assert event_from_json(json.loads(json.dumps(event_to_json(event)))) == event


def test_an_event_of_an_unknown_type_is_kept_and_folds_without_harm() -> None:
    line = {"seq": 1, "ts": 1.0, "mono": 0.0, "type": "dream_dreamt", "node": "a", "data": {"depth": 3}}
    event = event_from_json(line)
    assert isinstance(event.body, Unknown)
    assert type_of(event.body) == "dream_dreamt"
    assert event_to_json(event) == line
    assert fold.fold([event]).seq == 1


def test_fields_that_a_newer_version_added_are_ignored() -> None:
    body = AttemptSucceeded("a", 1, Output("x", 1), usage=Usage(tokens_in=3))
    line = event_to_json(Event(1, 1.0, 0.0, body))
    line["data"]["mood"] = "good"
    assert event_from_json(line).body == body


def test_an_event_out_of_order_is_refused() -> None:
    event = event_from_json({"seq": 2, "ts": 1.0, "mono": 0.0, "type": "session_resumed", "data": {}})
    with pytest.raises(ValueError, match="2 does not follow 0"):
        fold.fold([event])
