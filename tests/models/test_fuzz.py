"""Streams that nobody would write: of whatever comes, an answer or a ModelError is all that ever comes out."""

import json
import random
from collections.abc import Callable, Iterator

import pytest

from swarmtui.models.chat import Finished, ModelError, ReasoningDelta, StreamItem, TextDelta, ToolCall
from swarmtui.models.sse import SSESplitter
from tests.models.dialects import SPOKEN, Spoken, odd_events

SOME, ALL = 500, 10_000

Items = tuple[list[StreamItem], ModelError | None]


def read(spoken: Spoken, chunks: list[bytes]) -> Items:
    """What a parser makes of a body that comes in these pieces; bytes that are not UTF-8 end it, as in Net."""
    parser, splitter = spoken.parser(), SSESplitter()
    items: list[StreamItem] = []
    try:
        for chunk in chunks:
            for event in splitter.feed(chunk):
                items += parser.feed(event.data)
        for event in splitter.finish():
            items += parser.feed(event.data)
        items += parser.finish()
    except UnicodeDecodeError:
        pass
    except ModelError as error:
        return items, error
    return items, None


def split(rng: random.Random, body: bytes) -> list[bytes]:
    """`body` in pieces cut anywhere."""
    cuts = sorted(rng.choices(range(len(body) + 1), k=rng.randrange(12)))
    return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def mutants(spoken: Spoken, rng: random.Random) -> Iterator[bytes]:
    """Bodies without end: good streams with events swapped, doubled, dropped, cut, overwritten, or odd ones put in."""
    good = [event + b"\n\n" for event in spoken.good().split(b"\n\n") if event]
    odd = odd_events(spoken)
    changes: tuple[Callable[[list[bytes]], object], ...] = (
        rng.shuffle,
        lambda events: events.insert(rng.randrange(len(events) + 1), rng.choice(odd)),
        lambda events: events.insert(rng.randrange(len(events) + 1), rng.choice(events)),
        lambda events: events.pop(rng.randrange(len(events))),
        lambda events: _overwrite(events, rng, bytes(rng.choices(range(256), k=3))),
        lambda events: _overwrite(
            events, rng, rng.choice([b"null", b"[]", b'"', b"\\ud800", b"-1", b"}", b"\n", b"e9"])
        ),
        lambda events: _exchange(events, rng),
    )
    while True:
        events = list(good)
        for _ in range(rng.randrange(1, 5)):
            if events:
                rng.choice(changes)(events)
        body = b"".join(events)
        yield body[: rng.randrange(len(body) + 1)] if rng.random() < 0.2 else body


def _overwrite(events: list[bytes], rng: random.Random, by: bytes) -> None:
    at = rng.randrange(len(events))
    event = events[at]
    start = rng.randrange(len(event))
    events[at] = event[:start] + by + event[start + rng.randrange(4) :]


def _exchange(events: list[bytes], rng: random.Random) -> None:
    """Put any value in the place of another, somewhere in an event that is JSON."""
    at = rng.randrange(len(events))
    head, _, data = events[at].partition(b"data: ")
    try:
        value = json.loads(data)
    except ValueError:
        return
    spot = value
    while isinstance(spot, dict | list) and spot:
        key = rng.choice(list(spot) if isinstance(spot, dict) else range(len(spot)))  # type: ignore[arg-type]
        if not isinstance(spot[key], dict | list) or not spot[key] or rng.random() < 0.3:
            spot[key] = rng.choice([None, True, 0, -1, 2**70, 1e300, "", "x\ud800", [], {}, [[1]], {"a": {"b": 1}}])
            break
        spot = spot[key]
    events[at] = head + b"data: " + json.dumps(value).encode() + b"\n\n"


def check(items: list[StreamItem], error: ModelError | None) -> None:
    """What holds of any stream, however it ends."""
    ends = [at for at, item in enumerate(items) if isinstance(item, Finished)]
    assert len(ends) <= 1
    assert not ends or ends[0] == len(items) - 1
    calls = [item for item in items if isinstance(item, ToolCall)]
    for item in items:
        assert isinstance(item, TextDelta | ReasoningDelta | ToolCall | Finished)
        if isinstance(item, TextDelta | ReasoningDelta):
            assert item.text
            item.text.encode()
        elif isinstance(item, ToolCall):
            f"{item.id}{item.name}{item.arguments}".encode()
            assert item.id
        else:
            json.dumps(item.extra, ensure_ascii=False).encode()
            figures = (item.usage.tokens_in, item.usage.tokens_out, item.usage.tokens_cached, item.usage.cost_usd)
            assert all(figure is None or figure >= 0 for figure in figures)
            assert len({call.id for call in calls}) == len(calls) or not item.extra
    if error is not None:
        assert not ends
        assert "\n" not in error.info.message
        error.info.message.encode()


def fuzz(spoken: Spoken, count: int) -> dict[str, int]:
    """How many of `count` streams ended so."""
    rng = random.Random(f"{spoken.name} {count}")
    bodies = mutants(spoken, rng)
    ends: dict[str, int] = {}
    for _ in range(count):
        body = next(bodies)
        items, error = read(spoken, [body])
        check(items, error)
        told = None if error is None else (error.info, error.status)
        others, again = read(spoken, split(rng, body))
        check(others, again)
        if body.decode("utf-8", "replace").encode() == body:  # of other bytes, how much is read first is chance
            assert (items, told) == (others, None if again is None else (again.info, again.status))
        end = (
            "answered"
            if items and isinstance(items[-1], Finished)
            else "cut"
            if error is None
            else error.info.kind.value
        )
        ends[end] = ends.get(end, 0) + 1
    return ends


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
def test_streams_that_were_tampered_with_end_well_and_alike_however_they_are_split(spoken: Spoken) -> None:
    ends = fuzz(spoken, SOME // len(SPOKEN) + 1)
    assert min(ends.get("answered", 0), ends.get("malformed", 0)) > 10, ends


@pytest.mark.chaos
@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
def test_ten_thousand_such_streams(spoken: Spoken) -> None:
    ends = fuzz(spoken, ALL // len(SPOKEN) + 1)
    assert min(ends.get("answered", 0), ends.get("malformed", 0)) > 100, ends


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
def test_the_good_stream_that_they_are_made_of_is_read_whole_even_byte_by_byte(spoken: Spoken) -> None:
    body = spoken.good()
    items, error = read(spoken, [body])
    assert error is None
    assert "".join(item.text for item in items if isinstance(item, TextDelta)) == "one two three"
    assert "".join(item.text for item in items if isinstance(item, ReasoningDelta)) == "let me see"
    calls = [item for item in items if isinstance(item, ToolCall)]
    assert [(call.id, call.name, json.loads(call.arguments)) for call in calls] == [
        ("c-1", "look", {"at": "é😀", "n": 1}),
        ("c-2", "now", {}),
    ]
    assert read(spoken, [body[at : at + 1] for at in range(len(body))]) == (items, None)
