"""What `doctor` finds out of a model by asking it."""

import pytest

from swarmtui.models.catalog import load_catalog
from swarmtui.models.net import Net
from swarmtui.models.probe import Probe, probe_model
from swarmtui.plan.model import ModelRef
from tests.fakes.llm import Answer, Behaviour, Call, FakeLLM, Status
from tests.models.dialects import ENV, QUIRKS, SPOKEN, Spoken

ABLE = Answer("one two three")
COLOUR = Answer(calls=(Call("report_colour", {"colour": "green"}),))
SKY = Answer('{"colour": "blue"}')


async def probed(llm: FakeLLM, net: Net, *behaviours: Behaviour, spoken: Spoken = SPOKEN[0]) -> Probe:
    llm.will(*behaviours)
    entry = {"dialect": spoken.name, "base_url": spoken.ref(llm).base_url, "quirks": {"json": QUIRKS[spoken.name].json}}
    return await probe_model(spoken.ref(llm), net, ENV, load_catalog({"acme": entry}))


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
async def test_a_model_that_can_all_is_told_so_after_three_calls(spoken: Spoken, llm: FakeLLM, net: Net) -> None:
    sky = Answer(calls=(Call("reply", {"colour": "blue"}),)) if spoken.name == "anthropic" else SKY
    found = await probed(llm, net, ABLE, COLOUR, sky, spoken=spoken)
    assert (found.reachable, found.authorised, found.works) == (True, True, True)
    assert (found.streams, found.tools, found.structured) == (True, True, True)
    assert found.first_token_s is not None
    assert len(llm.ledger) == 3
    assert found.usage is not None
    assert found.usage.tokens_out == 21


async def test_what_it_cannot_is_told_apart_from_what_could_not_be_tried(llm: FakeLLM, net: Net) -> None:
    found = await probed(llm, net, Answer("one"), Status(400), Status(503))
    assert (found.streams, found.tools, found.structured) == (False, False, None)
    found = await probed(llm, net, ABLE, Answer("green"), Answer("blue"), SKY)
    assert (found.tools, found.structured) == (False, False)


@pytest.mark.parametrize(
    ("behaviour", "reachable", "authorised"),
    [
        (Status(401), True, False),
        (Status(403), True, False),
        (Status(404), True, True),
        (Status(429), True, True),
        (Status(500), True, None),
    ],
    ids=lambda value: str(value)[:18],
)
async def test_who_refuses_is_reachable(
    behaviour: Behaviour, reachable: bool, authorised: bool | None, llm: FakeLLM, net: Net
) -> None:
    found = await probed(llm, net, behaviour)
    assert (found.reachable, found.authorised, found.works) == (reachable, authorised, False)
    assert len(llm.ledger) == 1


async def test_nobody_there_is_not_reachable_and_without_a_key_nobody_is_asked(llm: FakeLLM, net: Net) -> None:
    found = await probe_model(ModelRef("x", "m", base_url="http://127.0.0.1:1/v1"), net, {})
    assert (found.reachable, found.authorised) == (False, None)
    ref = ModelRef("x", "m", base_url=llm.base_url, api_key_env="X_KEY")
    found = await probe_model(ref, net, {})
    assert (found.reachable, found.authorised) == (None, False)
    assert llm.ledger == []
