"""Going round in circles is told, and stopped."""

import json

from hypothesis import given
from hypothesis import strategies as st

from swarmtui.agents.guard import WINDOW, Circling, circling, fingerprint
from swarmtui.agents.thread import Call


def call(name: str, **arguments: object) -> Call:
    return Call("id", name, json.dumps(arguments))


def same(times: int) -> list[list[Call]]:
    return [[call("look", at=1)]] * times


def other(times: int) -> list[list[Call]]:
    return [[call("look", at=n + 100)] for n in range(times)]


def test_the_same_calls_are_a_warning_from_the_third_and_the_end_from_the_fifth_time() -> None:
    found = [circling(same(times), 100) for times in range(1, 7)]
    assert found[:2] == [Circling(), Circling()]
    assert [one.warn is not None for one in found[2:4]] == [True, True]
    assert [one.stop for one in found[4:]] == ["it made the same calls 5 times", "it made the same calls 6 times"]


def test_what_lies_far_back_does_not_count() -> None:
    assert circling([*same(4), *other(WINDOW - 1), *same(1)], 1000) == Circling()
    assert circling([*same(4), *other(WINDOW - 5), *same(1)], 1000).stop is not None


def test_two_calls_in_turn_are_circles_too() -> None:
    to_and_fro = [[call("transfer_to_b")], [call("transfer_to_a")]] * 5
    assert circling(to_and_fro, 100).stop == "it made the same calls 5 times"


def test_one_tool_without_end_is_a_warning_and_then_the_end() -> None:
    assert circling(other(29), 100) == Circling()
    assert circling(other(30), 100).warn is not None
    assert circling(other(31), 100) == Circling()
    assert circling(other(50), 100).stop == "it called look 50 times"
    assert circling(other(50), 400) == Circling()  # the user allows more
    assert circling(other(9), 10) == Circling()  # few are allowed: their number ends it, not this


def test_of_several_tools_in_a_turn_the_one_called_most_counts() -> None:
    turns = [*other(49), [call("note"), call("look", at=0), call("end")]]
    assert circling(turns, 100).stop == "it called look 50 times"


def test_answers_without_calls_are_no_circles() -> None:
    assert circling([[], []], 100) == Circling()
    assert circling([*same(4), []], 100).stop is None


@given(st.permutations([call("a", x=1, y=2), call("a", x=2), call("b")]))
def test_order_of_calls_and_of_arguments_makes_no_difference(calls: list[Call]) -> None:
    turned = [Call(one.id, one.name, json.dumps(dict(reversed(json.loads(one.arguments).items())))) for one in calls]
    assert fingerprint(turned) == fingerprint([call("a", x=1, y=2), call("a", x=2), call("b")])


def test_different_calls_differ() -> None:
    assert fingerprint([call("a", x=1)]) != fingerprint([call("a", x=2)])
    long = "x" * 20_000  # too long to be read at each step: compared as it is written
    assert fingerprint([Call("1", "a", f'{{"x":"{long}"}}')]) != fingerprint([Call("1", "a", f'{{"x": "{long}"}}')])
    assert fingerprint([Call("1", "a", "not json")]) != fingerprint([Call("1", "a", "not json either")])
