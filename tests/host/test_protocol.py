"""The wire as a pure object: framing, messages, bodies."""

from __future__ import annotations

import itertools
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.host import jsonrpc as rpc
from swarmtui.host import protocol as wire
from swarmtui.host.bodies import Bodies, blob_in
from swarmtui.host.jsonrpc import Code, Fault, LineBuffer, Notice, ProtocolError, Reply, Request

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
objects = st.dictionaries(st.text(), json_values, max_size=4)
ids = st.integers() | st.text()
messages = (
    st.builds(Request, ids, st.text(), objects)
    | st.builds(Notice, st.text(), objects)
    | st.builds(Reply, ids, json_values)
    | st.builds(Fault, ids | st.none(), st.integers(), st.text(), objects)
)


@given(messages)
def test_a_message_survives_the_wire(message: rpc.Message) -> None:
    line = rpc.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert rpc.decode(line[:-1]) == message


@settings(max_examples=50)
@given(st.lists(messages, max_size=5), st.lists(st.integers(1, 100), min_size=1))
def test_lines_are_the_same_however_the_bytes_are_cut(sent: list[rpc.Message], sizes: list[int]) -> None:
    whole = b"".join(rpc.encode(message) for message in sent)
    buffer = LineBuffer()
    got: list[rpc.Message] = []
    for size in itertools.cycle(sizes):
        got += [rpc.decode(line) for line in buffer.feed(whole[:size])]
        whole = whole[size:]
        if not whole:
            break
    assert got == sent


@given(st.binary(max_size=200))
def test_garbage_is_a_protocol_error_and_nothing_else(garbage: bytes) -> None:
    for line in LineBuffer().feed(garbage + b"\n"):
        with pytest.raises(ProtocolError) as caught:
            rpc.decode(line)
        assert caught.value.code in (Code.PARSE, Code.INVALID)


def test_ten_thousand_bytes_of_garbage_raise_protocol_errors_only() -> None:
    noise = random.Random(7).randbytes(10_000)
    for line in LineBuffer().feed(noise + b"\n"):
        with pytest.raises(ProtocolError):
            rpc.decode(line)


def test_a_line_of_the_limit_is_refused_and_one_below_it_is_not() -> None:
    assert list(LineBuffer(10).feed(b"123456789\n")) == [b"123456789"]
    with pytest.raises(rpc.LineTooLong):
        list(LineBuffer(10).feed(b"1234567890\n"))


def test_a_line_without_end_is_refused_as_soon_as_it_passes_the_limit() -> None:
    buffer = LineBuffer(10)
    assert list(buffer.feed(b"12345")) == []
    with pytest.raises(rpc.LineTooLong):
        list(buffer.feed(b"67890"))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"\xff\xfe", Code.PARSE),
        (b"{", Code.PARSE),
        (b"[" * 100_000, Code.PARSE),
        (b"[]", Code.INVALID),
        (b'{"id": 1, "method": "ping"}', Code.INVALID),
        (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', Code.INVALID),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', Code.INVALID),
        (b'{"jsonrpc": "2.0", "id": 1}', Code.INVALID),
        (b'{"jsonrpc": "2.0", "result": 1}', Code.INVALID),
        (b'{"jsonrpc": "2.0", "id": 1, "error": "no"}', Code.INVALID),
    ],
)
def test_what_is_no_message_is_told_apart(line: bytes, code: Code) -> None:
    with pytest.raises(ProtocolError) as caught:
        rpc.decode(line)
    assert caught.value.code == code


def test_parameters_of_the_wrong_shape_name_the_field() -> None:
    with pytest.raises(ProtocolError, match="from_seq") as caught:
        wire.parse(wire.Subscribe, {"from_seq": "x", "log_id": "a"}, 4)
    assert (caught.value.code, caught.value.id) == (Code.PARAMS, 4)


def test_unknown_parameters_are_ignored() -> None:
    assert wire.parse(wire.LogTail, {"node": "a", "colour": "red"}) == wire.LogTail("a")


@given(st.lists(st.text("x", max_size=50), max_size=200))
def test_batches_keep_order_and_stay_within_bounds(lines: list[str]) -> None:
    groups = list(wire.batches(lines, weight=100))
    assert [line for group in groups for line in group] == lines
    assert all(1 <= len(group) <= wire.BATCH_EVENTS for group in groups)
    assert all(len(group) == 1 or sum(map(len, group)) <= 100 for group in groups)


def test_spliced_replies_and_events_are_messages() -> None:
    assert rpc.decode(rpc.encode_reply(3, '{"a":1}').strip()) == Reply(3, {"a": 1})
    assert rpc.decode(wire.encode_events(['{"seq":1}']).strip()) == Notice("event", {"seq": 1})
    assert rpc.decode(wire.encode_events(['{"seq":1}', '{"seq":2}']).strip()) == Notice(
        "events", {"batch": [{"seq": 1}, {"seq": 2}]}
    )


def test_a_body_is_read_in_pages_and_then_gone() -> None:
    bodies = Bodies()
    blob = bodies.put("héllo wörld")
    assert blob_in(json.loads(rpc.dump(blob.to_json()))) == blob
    assert blob.size == 13
    pages = [bodies.read(blob.sha, at, 5) for at in (0, 5, 10)]
    assert b"".join(page or b"" for page in pages).decode() == "héllo wörld"
    assert bodies.read(blob.sha, 0, 5) is None


def test_the_oldest_body_goes_when_there_are_too_many_or_they_weigh_too_much() -> None:
    many = Bodies(most=2)
    first, second, third = (many.put(str(number)) for number in range(3))
    assert many.read(first.sha, 0, 9) is None
    assert many.read(second.sha, 0, 9) == b"1"
    assert many.read(third.sha, 0, 9) == b"2"
    heavy = Bodies(weight=10)
    heavy.put("12345678")
    heavy.put("abcdefgh")
    assert len(heavy) == 1


@pytest.mark.parametrize(("low", "high", "spoken"), [(1, 1, 1), (0, 1, 1), (1, 9, 2)])
def test_the_newest_version_that_both_speak_is_spoken(low: int, high: int, spoken: int) -> None:
    assert wire.negotiate(wire.Span(low, high)) == spoken


@pytest.mark.parametrize(("low", "high"), [(3, 4), (0, 0)])
def test_without_a_common_version_the_supported_ones_are_told(low: int, high: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        wire.negotiate(wire.Span(low, high))
    assert caught.value.code == Code.VERSION
    assert caught.value.data == {"supported": {"min": 1, "max": 2}}
