"""Values behave as dataclasses do, whatever is shared between them."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field, fields, replace
from typing import Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.frozen import frozen

T = TypeVar("T")


@frozen
class Point:
    """Of two fields."""

    x: int
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """What a Point is held against."""

    x: int
    y: float = 0.0


@frozen
class Deep(Point):
    """More fields than what it is built on."""

    z: str = ""


@frozen
class Tree(Generic[T]):
    """One that holds others, and what takes no part in comparing or in telling."""

    value: T
    inside: tuple[Tree[T], ...] = ()
    note: str = field(default="", compare=False)
    secret: str = field(default="", repr=False)


@frozen
class Nothing:
    """No fields."""


@frozen
class Own:
    """Has its own way of telling and comparing."""

    name: str

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and self.name.lower() == other.name.lower()

    def __hash__(self) -> int:
        return hash(self.name.lower())


numbers = st.floats() | st.sampled_from([0.0, -0.0, float("nan")])


@frozen
class Only:
    """Of one field."""

    x: float


@dataclass(frozen=True, slots=True)
class OnlyModel:
    """What an Only is held against."""

    x: float


@frozen
class Ring:
    """May hold itself."""

    inside: list[Ring]


@given(numbers, numbers)
def test_values_of_one_field_compare_hash_and_tell_themselves_as_dataclasses_do(a: float, b: float) -> None:
    assert Only(a) == Only(a), "also what is not a number"
    assert (Only(a) == Only(b)) == (OnlyModel(a) == OnlyModel(b))
    assert hash(Only(a)) == hash(OnlyModel(a))
    assert repr(Only(a)) == repr(OnlyModel(a)).replace("OnlyModel", "Only")


def test_what_holds_itself_can_be_told() -> None:
    ring = Ring([])
    ring.inside.append(ring)
    assert repr(ring) == "Ring(inside=[...])"


@given(st.integers(), st.integers(), numbers, numbers)
def test_values_compare_hash_and_tell_themselves_as_dataclasses_do(a: int, b: int, c: float, d: float) -> None:
    assert (Point(a, c) == Point(b, d)) == (Model(a, c) == Model(b, d))
    assert hash(Point(a, c)) == hash(Model(a, c))
    assert repr(Point(a, c)) == repr(Model(a, c)).replace("Model", "Point")
    assert Point(a, c) == Point(a, c)


def test_another_class_is_another_value_even_if_it_is_built_on_it() -> None:
    assert Point(1) != Deep(1)
    assert Point(1) != Model(1)
    assert Deep(1, 2.0, "a") != Deep(1, 2.0, "b")
    assert repr(Deep(1, 2.0, "a")) == "Deep(x=1, y=2.0, z='a')"


def test_what_takes_no_part_takes_none() -> None:
    assert Tree(1, note="a") == Tree(1, note="b")
    assert hash(Tree(1, note="a")) == hash(Tree(1, note="b"))
    assert Tree(1, secret="a") != Tree(1, secret="b")
    assert "hidden" not in repr(Tree(1, secret="hidden"))
    assert repr(Tree(1, (Tree(2),))) == "Tree(value=1, inside=(Tree(value=2, inside=(), note=''),), note='')"


def test_no_fields_and_own_methods() -> None:
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(())
    assert repr(Nothing()) == "Nothing()"
    assert Own("A") == Own("a")
    assert len({Own("A"), Own("a")}) == 1
    assert repr(Own("A")) == "<A>"


def test_it_is_a_dataclass_with_slots() -> None:
    assert [one.name for one in fields(Deep)] == ["x", "y", "z"]
    assert replace(Deep(1), z="b") == Deep(1, z="b")
    match Point(1, 2.0):
        case Point(x, y):
            assert (x, y) == (1, 2.0)
    with pytest.raises(AttributeError):
        Point(1).w = 2  # type: ignore[attr-defined]
    assert not hasattr(Point(1), "__dict__")


@pytest.mark.parametrize("value", [Point(1, 2.0), Deep(1, z="c"), Nothing()])
def test_it_is_copied_and_goes_to_other_processes(value: object) -> None:
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value
